#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Types of links that the running kernel may lack, in Debian's: each is made by `ptnet apply` at both ends, carries packets of both
# families, and a capture shows how they are wrapped. Bonds lose a leg under load, a bridge tells VLANs apart, another one has a loop.
#
#     a  eth0 ---- eth0  b      tunnels and VLANs
#        eth1, eth2             bond, active-backup
#        eth3, eth4             bond, 802.3ad
#        eth5                   bridge with VLANs
#        eth6, eth7             bridges with a loop
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh
needs tcpdump ping
vm_inside -t 300 -M veth,bridge,8021q,bonding,vrf,ip_gre,ip6_gre,ipip,sit,ip6_tunnel,dummy

lab_begin || skip_all "$lab_why"
lab_ns a b
for n in 0 1 2 3 4 5 6 7; do
	lab_link a eth$n b eth$n
done

# conf NAME OWN OTHER PRIORITY: both ends are alike.
conf()
{
	cat <<CONF
interface eth0 { address = { "10.0.0.$2/24", "fd00::$2/64" } }
interface v10 { type = vlan parent = eth0 id = 10 address = { "10.10.0.$2/24", "fd10::$2/64" } }
interface outer { type = vlan parent = eth0 id = 100 protocol = "802.1ad" }
interface inner { type = vlan parent = outer id = 5 address = { "10.11.0.$2/24", "fd11::$2/64" } }
interface g4 { type = gre local = "10.0.0.$2" remote = "10.0.0.$3" key = 77 checksum = true ttl = 9 address = { "10.12.0.$2/24", "fd12::$2/64" } }
interface gt4 { type = gretap local = "10.0.0.$2" remote = "10.0.0.$3" key = 78 address = { "10.13.0.$2/24", "fd13::$2/64" } }
interface g6 { type = ip6gre local = "fd00::$2" remote = "fd00::$3" key = 79 address = { "10.14.0.$2/24", "fd14::$2/64" } }
interface gt6 { type = ip6gretap local = "fd00::$2" remote = "fd00::$3" key = 80 address = { "10.15.0.$2/24", "fd15::$2/64" } }
interface i4 { type = ipip local = "10.0.0.$2" remote = "10.0.0.$3" ttl = 11 address = { "10.16.0.$2/24" } }
interface s4 { type = sit local = "10.0.0.$2" remote = "10.0.0.$3" address = { "fd17::$2/64" } }
interface i6 { type = ip6tnl tunnel-mode = any local = "fd00::$2" remote = "fd00::$3" address = { "10.18.0.$2/24", "fd18::$2/64" } }
interface d0 { type = dummy address = { "10.19.0.$2/24", "fd19::$2/64" } }
interface v20 { type = vlan parent = eth0 id = 20 address = { "10.20.0.$2/24", "fd20::$2/64" } }
interface red { type = vrf table = 8001 members = { v20 } }
interface eth1 { } interface eth2 { } interface eth3 { } interface eth4 { } interface eth6 { } interface eth7 { }
interface bond0 { type = bond mode = active-backup miimon = 100 primary = eth1 members = { eth1, eth2 } address = { "10.21.0.$2/24", "fd21::$2/64" } }
interface bond1 { type = bond mode = "802.3ad" miimon = 100 lacp-rate = fast members = { eth3, eth4 } hash-policy = "layer3+4"
	address = { "10.22.0.$2/24", "fd22::$2/64" } }
interface v40 { type = vlan parent = bond0 id = 40 }
interface br2 { type = bridge members = { v40 } stp = false address = { "10.25.0.$2/24", "fd25::$2/64" } }
interface br1 { type = bridge stp = true forward-delay = 2s hello-time = 1s max-age = 6s priority = $4 members = { eth6, eth7 }
	address = { "10.24.0.$2/24", "fd24::$2/64" } }
CONF
}
conf a 1 2 10 >"$lab_tmp/a.conf"
conf b 2 1 20 >"$lab_tmp/b.conf"
cat >>"$lab_tmp/a.conf" <<'CONF'
interface br0 { type = bridge vlan-filtering = true members = { trunk } vlans = { "30", "32 pvid untagged" } }
interface trunk { device = eth5 vlans = { "30", "32" } }
interface v30 { type = vlan parent = br0 id = 30 address = { "10.30.0.1/24", "fd30::1/64" } }
interface v31 { type = vlan parent = br0 id = 31 address = { "10.31.0.1/24", "fd31::1/64" } }
CONF
cat >>"$lab_tmp/b.conf" <<'CONF'
interface eth5 { }
interface v30 { type = vlan parent = eth5 id = 30 address = { "10.30.0.2/24", "fd30::2/64" } }
interface v31 { type = vlan parent = eth5 id = 31 address = { "10.31.0.2/24", "fd31::2/64" } }
CONF
apply() { in_ns "$1" "$ptnet" apply -f "$lab_tmp/$1.conf"; }
field() { in_ns "$1" ip -d -j link show dev "$2" | grep -o "\"$3\":[^,}]*" | head -n 1 | cut -d: -f2- | tr -d '"'; }

ok 'apply at one end' apply a
ok 'apply at the other' apply b
like "$(apply a; apply b)" 'nothing written' 'a second apply writes nothing'
is "$(in_ns a "$ptnet" diff -f "$lab_tmp/a.conf")" '' 'diff is empty'

lab_bg b tcpdump -qni eth0 -s 200 -U -w "$lab_tmp/wire" 2>/dev/null
lab_wait 20 test -s "$lab_tmp/wire"
ping1() { in_ns a ping -q -c 1 -W 5 "$@" >/dev/null; }
# carries NAME NUMBER: both families, with a little time for those that negotiate.
carries()
{
	ok "$1 carries IPv4" lab_wait 20 ping1 "10.$2.0.2"
	ok "$1 carries IPv6" lab_wait 20 ping1 "fd$2::2"
}
carries vlan 10
carries 'vlan in 802.1ad' 11
carries gre 12
carries gretap 13
carries ip6gre 14
carries ip6gretap 15
ok 'ipip carries IPv4' lab_wait 20 ping1 10.16.0.2
ok 'sit carries IPv6' lab_wait 20 ping1 fd17::2
carries ip6tnl 18
carries 'bond active-backup' 21
carries 'bond 802.3ad' 22
carries 'bridge on a VLAN on a bond' 25
carries 'bridge with a loop' 24
carries 'bridge with VLANs' 30
ok 'vrf carries IPv4' ping1 -I red 10.20.0.2
ok 'vrf carries IPv6' ping1 -I red fd20::2
exits 1 'and without it nothing is reached' in_ns a ping -q -c 1 -W 1 -I eth0 10.20.0.2
exits 1 'a VLAN that the port has not does not pass' in_ns a ping -q -c 1 -W 1 10.31.0.2
in_ns a ping -q -c 1 -W 1 10.19.0.9 >/dev/null
isnt "$(in_ns a ip -s -j link show d0 | grep -o '"tx":{"bytes":[0-9]*')" '"tx":{"bytes":0' 'dummy takes packets'

tcpdump -nve -r "$lab_tmp/wire" 2>/dev/null | tr '\n' ' ' | sed 's/ [0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9]*/\n&/g' >"$lab_tmp/text"
wire() { ok "on the wire: $1" grep -Eq -e "$2" "$lab_tmp/text"; }
wire vlan '802\.1Q \(0x8100\).*vlan 10,.*10\.10\.0\.1 > 10\.10\.0\.2'
wire 'vlan in 802.1ad' '802\.1Q-QinQ \(0x88a8\).*vlan 100,.*802\.1Q.*vlan 5,.*10\.11\.0\.1 > 10\.11\.0\.2'
wire 'gre with key and checksum' 'ttl 9,.*GREv0, Flags \[checksum present, key present\],.* key=0x4d,.*10\.12\.0\.1 > 10\.12\.0\.2'
wire gretap 'GREv0, Flags \[key present\], key=0x4e,.*proto TEB.*10\.13\.0\.1 > 10\.13\.0\.2'
wire ip6gre 'fd00::1 > fd00::2: .*GREv0, Flags \[key present\], key=0x4f,.*10\.14\.0\.1 > 10\.14\.0\.2'
wire ip6gretap 'fd00::1 > fd00::2: .*key=0x50,.*proto TEB.*10\.15\.0\.1 > 10\.15\.0\.2'
wire ipip 'ttl 11,.*proto IPIP \(4\).*10\.16\.0\.1 > 10\.16\.0\.2'
wire sit 'proto IPv6 \(41\).*fd17::1 > fd17::2'
wire ip6tnl 'fd00::1 > fd00::2:.*10\.18\.0\.1 > 10\.18\.0\.2'

# ---- bonds, loops ----

like "$(in_ns a ip -d -j link show master br1; in_ns b ip -d -j link show master br1)" '"state":"blocking"' 'a port of the loop is blocked'
# fails_over NAME NUMBER LEG: it goes while eight flows of each family are on their way, of which it carries some: a packet of each in
# 10 ms, so that two intervals of miimon are 20.
sent() { in_ns a ip -s -j link show dev "$1" | sed 's/.*"tx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/'; }
fails_over()
{
	pinging=
	for flow in 1 2 3 4 5 6 7 8; do
		for to in "10.$2.0.2" "fd$2::2"; do
			in_ns a ping -c 300 -i 0.01 -W 5 "$to" >"$lab_tmp/ping.$to.$flow" &
			pinging="$pinging $!"
		done
	done
	carried=$(sent "$3")
	sleep 1
	carried=$(($(sent "$3") - carried))
	in_ns b ip link set "$3" down
	for p in $pinging; do wait "$p"; done
	ok "$1: $3 carries $carried packets before it goes" [ "$carried" -ge 50 ]
	for to in "10.$2.0.2" "fd$2::2"; do
		most=0
		for flow in 1 2 3 4 5 6 7 8; do
			lost=$((300 - $(grep -c 'bytes from' "$lab_tmp/ping.$to.$flow")))
			[ "$lost" -le "$most" ] || most=$lost
		done
		ok "$1: no flow to $to loses more than $most packets, less than in two intervals" [ "$most" -lt 20 ]
	done
}
leads() { [ "$(field a bond0 active_slave)" = "$1" ]; }
both_legs() { for end in a b; do [ "$(field $end bond1 num_ports)" = 2 ] || return 1; done; }
ok 'the primary leg carries' leads eth1
fails_over active-backup 21 eth1
ok 'the other leg carries' leads eth2
in_ns b ip link set eth1 up
ok 'the primary leg carries when it is back' lab_wait 20 leads eth1
fails_over 'bridge on a VLAN on active-backup' 25 eth1
in_ns b ip link set eth1 up
# Which of them carries a flow is the hash's choice: each goes once.
for leg in eth3 eth4; do
	ok "802.3ad: both legs carry before $leg goes" lab_wait 20 both_legs
	fails_over 802.3ad 22 $leg
	in_ns b ip link set $leg up
done

# ---- in place ----

before=$(for l in g4 v10 bond0 br0 br1 gt6; do field a $l ifindex; done)
sed -i 's/ttl = 9/ttl = 13/; s/id = 10 /& mtu = 1400 /; s/primary = eth1/primary = eth2/; s/"30", "32 pvid untagged"/"30", "31"/
	s/{ "30", "32" }/{ "30-31" }/; s/stp = true/stp = false/; s/key = 80/key = 81/' "$lab_tmp/a.conf"
sed -i 's/key = 80/key = 81/' "$lab_tmp/b.conf"
ok 'changes at one end' apply a
ok 'changes at the other' apply b
is "$(for l in g4 v10 bond0 br0 br1 gt6; do field a $l ifindex; done)" "$before" 'all in place'
is "$(field a g4 ttl) $(field a v10 mtu) $(field a bond0 primary) $(field a br1 stp_state)" '13 1400 eth2 0' 'and as the file says'
ok 'the other VLAN passes now' lab_wait 20 ping1 10.31.0.2
unlike "$(in_ns a bridge vlan show dev eth5)" '32|PVID' 'what was a VLAN is none'
carries 'another key' 15
like "$(apply a)" 'nothing written' 'nothing is left to do'

# ---- removal ----

echo 'interface eth0 { }' | tee "$lab_tmp/a.conf" >"$lab_tmp/b.conf"
ok 'all goes' apply a
is "$(in_ns a ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | grep -vE '^(lo|eth[0-7]|[a-z0-9]*0)$' | tr '\n' ' ')" '' 'and is gone'
done_testing
