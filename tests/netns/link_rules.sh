#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A link that an apply makes is judged from its first packet on, by chains and by the classifier: what the rules of its interface and
# of its groups admit comes in, and nothing else; the same where it is made anew, or made by ptnet after the rules.
#
#     host  10.7.0.2 fd07::2 ---- eth0 [ fw: mv0 on eth0 ]
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
peer=$build/contrib/demo/peer
[ -x "$peer" ] || skip_all 'needs contrib/demo/peer: make tests'

lab_ns fw host
lab_link fw eth0 host eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr host eth0 10.0.0.2/24 10.7.0.2/24 fd00::2/64 fd07::2/64
lab_settle fw host
# Each device answers for its own addresses only.
in_ns fw sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore'
lab_bg fw "$peer" serve fw tcp/22 tcp/23 tcp/24
pt()
{
	tool=$1
	shift
	in_ns fw "$build/$tool" "$@"
}
reach() { [ "$(in_ns host "$peer" tcp "$@" | cut -d' ' -f1)" = answered ]; }

# conf RULES: with as many more that match nothing; from 64 on the classifier judges.
conf()
{
	cat <<'CONF'
interface eth0 { }
interface mv0 { type = macvlan parent = eth0 mac = "02:00:00:00:07:01" groups = { inner } address = { "10.7.0.1/24", "fd07::1/64" } }
table many { addresses = { "10.7.0.2", "fd07::2" } }
firewall { rules = {
	"block all",
CONF
	conf_n=0
	while [ $conf_n -lt "$1" ]; do
		conf_n=$((conf_n + 1))
		echo "\"pass in on eth0 proto tcp from 198.51.100.$conf_n to port $((1000 + conf_n))\","
	done
	cat <<'CONF'
	"pass in on mv0 proto tcp from <many> to port 22",
	"pass in on inner proto tcp to port 24",
} }
CONF
}
# judged NAME: what comes in by mv0.
judged()
{
	lab_settle fw
	for address in 10.7.0.1 fd07::1; do
		ok "$1: $address port 22 of the interface" reach "$address" 22
		ok "$1: $address port 24 of the group" reach "$address" 24
		exits 1 "$1: $address port 23 is blocked" reach "$address" 23
	done
}
for engine in linear bpf; do
	conf "$([ $engine = linear ] && echo 0 || echo 100)" >"$lab_tmp/fw.conf"
	ok "engine $engine: apply" pt ptconf apply -f "$lab_tmp/fw.conf"
	like "$(pt ptfw -j info)" "\"engine\": ?\"$engine\"" "engine $engine judges"
	judged "engine $engine, made by ptconf"
	in_ns fw ip link delete mv0
	ok "engine $engine: ptnet makes it again" pt ptnet apply -f "$lab_tmp/fw.conf"
	judged "engine $engine, made anew by ptnet"
	ok "engine $engine: all goes" pt ptfw stop --open
	in_ns fw ip link delete mv0
done
done_testing
