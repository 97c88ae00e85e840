#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The services that stay, under systemd with all that their units forbid them: each does its work on a real link, and does it again
# after it was killed. What only a unit's sandbox breaks is seen nowhere else.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptconf=$build/ptconf
ptfw=$build/ptfw
services='net dhcp follow names log'
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh

if [ -z "${VMTEST:-}" ]; then
	needs /usr/sbin/dhcpcd dnsmasq
	vm_needs
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	for service in $services; do
		sed "s|@SBINDIR@|$build|g; /^ProtectHome/d; /^PrivateTmp/d" "contrib/systemd/patronus-$service.service" \
			>"$tmp/patronus-$service.service" # the programs of the test may be there
	done
	tests/vm/vmtest -s "$tmp" -t 600 -M nf_tables,nf_conntrack,veth,dummy,nfnetlink_log,nft_log,af_packet \
		-e PATRONUS_TOP -e PATRONUS_BUILD -- sh "$0" 2>"$tmp/err"
	status=$?
	[ "$status" -eq 0 ] || sed 's/^/# /' "$tmp/err" | tail -n 60
	exit "$status"
fi

ip link set lo up
ip netns add isp
ip link add wan type veth peer name wan netns isp
ip -n isp link set lo up
ip -n isp link set wan up
ip -n isp address add 10.9.0.1/24 dev wan
ip -n isp address add fd09::1/64 dev wan nodad
ip netns exec isp dnsmasq -C /dev/null --user=root --interface=wan --bind-dynamic --no-resolv --no-hosts --dhcp-authoritative --no-ping \
	--dhcp-leasefile=/run/isp.leases --dhcp-range=10.9.0.50,10.9.0.50,2m --dhcp-range=fd09::50,fd09::50,64,2m --enable-ra \
	--host-record=printer.example,10.9.0.77,fd09::77
rm -f /etc/resolv.conf
echo 'nameserver 10.9.0.1' >/etc/resolv.conf
mkdir -p /etc/patronus
cat >/etc/patronus/patronus.conf <<'CONF'
interface wan { address = { dhcp, dhcp6 } }
interface late { device = "late0" address = { "10.5.0.1/24", "fd05::1/64" } }
firewall {
	rules = {
		"block log all",
		"pass out",
		"pass in on wan from printer.example",
		"pass in on wan proto tcp from wan:network to wan port 22"
	}
}
CONF
dmesg -n 1
ok 'the file is put in force' "$ptconf" -q apply
[ "$tap_failed" -eq 0 ] || exit 1
for service in $services; do
	ok "patronus-$service begins" systemctl start "patronus-$service"
done

# within SECONDS COMMAND...: it comes true by then; by the clock, since all takes long here.
within()
{
	until=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@"; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$until" ] || return 1
		sleep 0.2
	done
}
has() { ip -o address show dev "$1" | grep -q " $2 "; }
named() { "$ptfw" name show -j | grep -q "$1"; }
follows() { nft list table inet patronus | grep -q "$1"; }
logged() { "$ptfw" log show 2>&1 | grep -q "$1"; }
knock() { ip netns exec isp ping -c 1 -W 1 10.9.0.50 >/dev/null 2>&1; logged '10.9.0.1'; }
pid() { systemctl show -P MainPID "patronus-$1"; }
runs() { [ "$(systemctl is-active "patronus-$1")" = active ] && [ "$(pid "$1")" -gt 0 ] && [ "$(pid "$1")" != "${2:-0}" ]; }

ok 'dhcp, net: an address of a server' within 120 has wan 10.9.0.50/24
[ "$tap_failed" -eq 0 ] || { journalctl -b --no-pager -u 'patronus*' | sed 's/^/# /'; exit 1; }
ok 'and an IPv6 one' within 120 has wan fd09::50/128
ok 'follow: the rules know of it' within 120 follows 10.9.0.0/24
ok 'names: of the name in a rule' within 120 named 10.9.0.77
ok 'and its IPv6 one' within 120 named fd09::77
ok 'log: what was blocked is recorded' within 120 knock
ip link add late0 type dummy
ok 'net: an interface that comes late gets what is its' within 120 has late0 10.5.0.1/24
ok 'and in IPv6' within 120 has late0 fd05::1/64

for service in $services; do
	before=$(pid "$service")
	kill -9 "$before"
	ok "patronus-$service is there again after kill -9" within 120 runs "$service" "$before"
done
ok 'the address was there all the time' has wan 10.9.0.50/24
ip link delete late0
ip link add late0 type dummy
ok 'net: it works on' within 120 has late0 10.5.0.1/24
ip address delete 10.9.0.50/24 dev wan
ok 'dhcp: it works on' within 120 has wan 10.9.0.50/24
rm -f /var/log/patronus/*
ok 'log: it works on' within 120 knock
is "$(systemctl list-units --failed --no-legend 'patronus*')" '' 'none has failed'
for service in $services; do
	ok "patronus-$service ends" systemctl stop "patronus-$service"
done
is "$(systemctl list-units --failed --no-legend 'patronus*')" '' 'all ended well'
ok 'the rules stay' follows 10.9.0.0/24
is "$(pgrep -x dhcpcd)" '' 'no client is left'
done_testing
[ "$tap_failed" -eq 0 ] || journalctl -b --no-pager -u 'patronus*' | sed 's/^/# /'
