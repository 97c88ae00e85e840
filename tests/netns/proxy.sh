#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Addresses of this machine besides its first one, and addresses that it answers for although they are elsewhere: who gets an answer
# to ARP and neighbour discovery, by real frames; nobody else's addresses are answered.
#
#     out  10.0.0.2 fd00::2 ---- eth0 [ fw ] eth1 ---- 10.0.0.77 fd00::77  in
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs ping

conf=$lab_tmp/patronus.conf
lab_ns fw out in
lab_link fw eth0 out eth0
lab_link fw eth1 in eth0
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr in eth0 10.0.0.77/32 fd00::77/128
in_ns in ip route add default via 10.1.0.1 dev eth0 onlink
in_ns in ip -6 route add default via fe80::1 dev eth0
lab_forward fw
cat >"$conf" <<'CONF'
interface outer {
	device = "eth0"
	address = { "10.0.0.1/24", "10.0.0.50/24", "10.0.0.51/32", "fd00::1/64", "fd00::50/64", "fd00::51/128" }
	proxy = { "10.0.0.77", "fd00::77", "10.0.0.90", "fd00::90" }
}
interface inner { device = "eth1" address = { "10.1.0.1/24", "fe80::1/64" } }
network { routes = { "10.0.0.77/32 dev inner", "fd00::77/128 dev inner", "10.0.0.90/32 dev inner", "fd00::90/128 dev inner" } }
CONF
ok 'the file is put in force' in_ns fw "$ptnet" -f "$conf" apply
lab_settle fw out in
mac=$(in_ns fw ip -o link show eth0 | sed 's/.*link.ether \([^ ]*\).*/\1/')
# asks ADDRESS: the link address that out learns when it sends something there
asks()
{
	in_ns out ping -n -q -c 1 -W 1 "$1" >/dev/null 2>&1
	in_ns out ip neighbour show "$1" dev eth0 | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'
}
for a in 10.0.0.1 10.0.0.50 10.0.0.51 fd00::1 fd00::50 fd00::51; do is "$(asks "$a")" "$mac" "an address of ours is answered for: $a"; done
for a in 10.0.0.77 fd00::77 10.0.0.90 fd00::90; do
	in_ns out ip neighbour flush dev eth0
	is "$(asks "$a")" "$mac" "one that is elsewhere is answered for: $a"
done
for a in 10.0.0.78 fd00::78 10.0.0.91 fd00::91; do is "$(asks "$a")" '' "nobody else's: $a"; done
ok 'and packets get there' in_ns out ping -n -q -c 2 -W 2 10.0.0.77
ok 'and in IPv6' in_ns out ping -n -q -c 2 -W 2 fd00::77
like "$(in_ns fw "$ptnet" neighbour show)" '^10.0.0.77 +eth0 +- +proxy' 'neighbour show has those that are answered for'
sed -i '/proxy = /d' "$conf"
ok 'not any more' in_ns fw "$ptnet" -f "$conf" apply
in_ns out ip neighbour flush all
is "$(asks 10.0.0.77)$(asks fd00::77)" '' 'so they are not'
is "$(asks 10.0.0.50)" "$mac" 'but the others are'
done_testing
