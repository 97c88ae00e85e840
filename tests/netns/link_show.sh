#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptnet link show`: what several tools tell elsewhere, against what they tell, and the role of each link in the rules.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

lab_ns fw host
lab_link fw eth0 host eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr host eth0 10.0.0.2/24 fd00::2/64
lab_settle fw host
pt() { in_ns fw "$ptnet" "$@"; }
# value KEY DEVICE [OPTION]: one value of its document, as python writes it.
value()
{
	in_ns fw "$ptnet" -j ${3:+"$3" "$3"} link show "$2" | python3 -c 'import json, sys
print(json.load(sys.stdin)["links"][0].get(sys.argv[1], "absent"))' "$1"
}
cat >"$lab_tmp/fw.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } groups = { outside, uplink } }
interface lan { device = "br0" type = bridge members = { "p1", "p2" } address = { "10.1.0.1/24" } }
interface p1 { type = veth peer = "q1" }
interface p2 { type = veth peer = "q2" isolated = true }
interface mv0 { type = macvlan parent = wan }
firewall { rules = {
	"block",
	"pass in on wan proto tcp to (wan) port 22",
	"pass in on outside proto icmp from wan:network",
	"pass in on { wan, lan } proto udp to port 53",
	"pass out",
	"pass in on lan from lan:network",
	"match out on eth0 inet from lan:network nat-to (wan)",
} }
CONF
is "$(value interface eth0) $(value rules eth0) $(value groups eth0)" 'None None []' 'without rules in force there is no role'
ok 'the links' pt -f "$lab_tmp/fw.conf" apply
in_ns fw ip link set q1 up
in_ns fw ip link set q2 up
ok 'the rules' in_ns fw "$build/ptfw" -f "$lab_tmp/fw.conf" apply
is "$(value interface eth0) $(value groups eth0)" "wan ['outside', 'uplink']" 'its name in the file, and its groups'
is "$(value rules eth0) $(value rules br0) $(value rules p1)" '4 3 0' 'how many rules name it, a rule once'
is "$(value interface q1) $(value rules q1)" 'None None' 'a link that the file does not know has no role'
is "$(value parent mv0) $(value master p1) $(value kind br0)" 'eth0 br0 bridge' 'parent, master, kind'
forwards() { [ "$(value port_state p1)" = forwarding ]; }
ok 'the state of a port of a bridge' lab_wait 20 forwards
is "$(value port_state eth0) $(value vlan eth0) $(value parent p1)" 'None None None' 'which others have not'
is "$(value speed eth0) $(value duplex eth0) $(value driver eth0)" '10000 full veth' 'speed, duplex, driver'
is "$(value driver br0) $(value speed lo)" 'bridge None' 'what has no speed has none'
before=$(value carrier_changes eth0)
in_ns host ip link set eth0 down
in_ns host ip link set eth0 up
lab_settle fw host
is "$(($(value carrier_changes eth0) - before))" 2 'carrier: lost and found'
if in_ns fw ip link add bo0 type bond mode active-backup miimon 50 2>/dev/null; then
	in_ns fw ip link add d1 type veth peer name d2
	in_ns fw ip link set d1 master bo0
	in_ns fw ip link set d2 up
	in_ns fw ip link set bo0 up
	active() { [ "$(value port_state d1)" = active ]; }
	ok 'the state of a port of a bond' lab_wait 5 active
else
	skip 'this kernel has no bonds' 'the state of a port of a bond'
fi

# ---- forms ----

is "$(pt -b link show eth0)" 'DEVICE  STATE  ADDRESSES
eth0    up     10.0.0.1/24,fd00::1/64,'"$(in_ns fw ip -6 -o addr show dev eth0 scope link | sed 's/.*inet6 \([^ ]*\).*/\1/')" '-b'
like "$(pt -o link show eth0)" '^device=eth0 kind=veth state=up mtu=1500 speed=10000 mac=' '-o'
like "$(pt -4 link show)" '^eth0 .* 10\.0\.0\.1/24$' '-4: addresses of one family'
unlike "$(pt -4 link show)" 'fd00|^p1 ' '-4: and links that have one'
unlike "$(pt -6 link show)" '10\.0\.0' '-6'
like "$(pt -d link show mv0)" '^DEVICE .* PARENT .*ROLE|^DEVICE .* PARENT .*INTERFACE +GROUPS +RULES ' '-d'

# ---- rates: packets of a known size over a second ----

lab_bg host ping -q -i 0.05 -s 972 10.0.0.1 >/dev/null
lab_wait 5 in_ns fw "$ptnet" link show eth0
sleep 0.3
rate=$(value rx_packet_rate eth0 -s)
if [ "$rate" -ge 8 ] && [ "$rate" -le 30 ]; then pass "-s -s: packets a second ($rate)"; else fail "-s -s: packets a second ($rate)"; fi
line=$(pt -o -s -s link show eth0 | tr ' ' '\n')
packets=$(echo "$line" | sed -n 's/^rx_packet_rate=//p')
bytes=$(echo "$line" | sed -n 's/^rx_rate=//p')
if [ "$packets" -gt 0 ] && [ "$((bytes / packets))" -ge 900 ] && [ "$((bytes / packets))" -le 1100 ]; then
	pass '-s -s: bytes are those of the frames'
else
	fail "-s -s: bytes are those of the frames ($packets packets, $bytes bytes)"
fi
is "$(value rx_rate eth0)" absent 'without -s -s there are no rates'

if python3 -c 'import jsonschema' 2>/dev/null; then
	valid()
	{
		python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open("contrib/schema/patronus.link.v1.json")))' "$1"
	}
	pt -j link show >"$lab_tmp/doc"
	ok 'show -j is as its schema says' valid "$lab_tmp/doc"
	pt -j -s -s link show eth0 >"$lab_tmp/doc"
	ok 'and with rates' valid "$lab_tmp/doc"
else
	skip 'needs python3-jsonschema' 'documents'
fi
exits 3 'a link that is not there' pt link show nowhere
done_testing
