#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptnet apply` with a real kernel: each type of link that the running kernel has is made and carries packets of both
# families; what is in force is not written again; what can be changed in place is, under a running ping; what the
# kernel refuses leaves everything as it was; and what others made is never touched.
#
#     host  10.0.0.2 fd00::2 ---- eth0 [ fw ] eth1 ---- 10.3.0.2 fd03::2  lan
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs ping tcpdump

lab_ns fw host lan
lab_link fw eth0 host eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr host eth0 10.0.0.2/24 10.7.0.2/24 fd00::2/64 fd07::2/64
lab_addr lan eth0 10.3.0.2/24 fd03::2/64
in_ns fw ip link set eth1 up
lab_settle fw host lan

conf=$lab_tmp/fw.conf
pt() { in_ns fw "$ptnet" "$@"; }
apply() { pt apply -f "${1:-$conf}"; }
pings() { for a; do in_ns fw ping -q -c 2 -i 0.05 -W 3 "$a" >/dev/null || return 1; done; }
# field NAME DEVICE: a number or word of `ip link`; /sys is another namespace's.
field() { in_ns fw ip -s -j link show dev "$2" | grep -o "\"$1\":[^,}]*" | cut -d: -f2- | tr -d '"'; }
index() { field ifindex "$1"; }
# Timers of bridges run, whatever is done.
picture()
{
	in_ns fw ip -d -j link | sed -E 's/"[a-z_]*timer":[^,}]*//g; s/"(carrier_up|carrier)_count":[^,}]*//g'
	in_ns fw ip -j address
	in_ns fw ip -j route show table all
	in_ns fw ip -j -6 route show table all
	in_ns fw ip -j rule
	in_ns fw ip -j -6 rule
}

# ---- each type carries packets ----

cat >"$conf" <<'CONF'
interface eth0 { address = { "10.0.0.1/24", "fd00::1/64" } }
interface eth1 { }
interface br0 { type = bridge members = { eth1, vb } stp = off }
interface va { type = veth peer = vb address = { "10.3.0.1/24", "fd03::1/64" } mac = "02:00:00:00:03:01" }
interface vb { }
interface mv0 { type = macvlan parent = eth0 address = { "10.7.0.1/24", "fd07::1/64" } }
interface vx4 { type = vxlan id = 42 local = "10.0.0.1" remote = "10.0.0.2" ttl = 9 address = { "10.42.0.1/24", "fd42::1/64" } }
interface vx6 { type = vxlan id = 43 local = "fd00::1" remote = "fd00::2" port = 4790 address = { "10.43.0.1/24", "fd43::1/64" } }
interface ifb7 { type = ifb txqueuelen = 77 }
CONF
cat >"$lab_tmp/host.conf" <<'CONF'
interface eth0 { }
interface vx4 { type = vxlan id = 42 local = "10.0.0.2" remote = "10.0.0.1" address = { "10.42.0.2/24", "fd42::2/64" } }
interface vx6 { type = vxlan id = 43 local = "fd00::2" remote = "fd00::1" port = 4790 address = { "10.43.0.2/24", "fd43::2/64" } }
CONF
exits 3 'diff tells that something is to do' pt diff -f "$conf"
ok 'apply' apply
ok 'apply at the other end' in_ns host "$ptnet" apply -f "$lab_tmp/host.conf"
exits 0 'nothing differs any more' pt diff -f "$conf"
is "$(pt diff -f "$conf")" '' 'and diff shows nothing'
lab_settle fw host
lab_wait 5 pings 10.3.0.2
ok 'veth and bridge carry IPv4 and IPv6' pings 10.3.0.2 fd03::2
ok 'macvlan carries IPv4 and IPv6' pings 10.7.0.2 fd07::2
lab_bg host tcpdump -qni eth0 -c 4 -U -w "$lab_tmp/vxlan.pcap" 'udp port 4789 or udp port 4790' 2>/dev/null
dump=$lab_last
lab_wait 5 test -s "$lab_tmp/vxlan.pcap"
ok 'vxlan carries IPv4 and IPv6, over IPv4' pings 10.42.0.2 fd42::2
ok 'vxlan carries IPv4 and IPv6, over IPv6' pings 10.43.0.2 fd43::2
wait "$dump"
like "$(tcpdump -nvr "$lab_tmp/vxlan.pcap" 2>/dev/null | tr -d '\n')" 'ttl 9,.*10\.0\.0\.1\.[0-9]+ > 10\.0\.0\.2\.4789: VXLAN.* vni 42' \
	'the capture shows the encapsulation'
if in_ns fw tc qdisc add dev eth0 ingress 2>/dev/null && in_ns fw tc filter add dev eth0 parent ffff: protocol all \
		matchall action mirred egress redirect dev ifb7 2>/dev/null; then
	ok 'packets through an ifb arrive' pings 10.0.0.2 fd00::2
	isnt "$(in_ns fw ip -s -j link show dev ifb7 | grep -o '"tx":{"bytes":[0-9]*')" '"tx":{"bytes":0' 'and it has seen them'
else
	skip 'this kernel cannot redirect' 'packets through an ifb'
fi
in_ns fw tc qdisc del dev eth0 ingress 2>/dev/null
is "$(field txqlen ifb7)" 77 'txqueuelen'
like "$(pt link show -d va)" '02:00:00:00:03:01' 'link show'
like "$(pt -j link show vx4)" '"settings": ?\[.*"id 42".*"remote 10\.0\.0\.2"' 'link show -d, in JSON'

# ---- nothing is written twice ----

# shellcheck disable=SC2016
lab_bg fw sh -c 'exec ip monitor link address route rule >"$1"' sh "$lab_tmp/monitor"
monitor=$lab_last
lab_wait 5 in_ns fw ip link show lo
sleep 0.3
: >"$lab_tmp/monitor"
like "$(apply)" 'nothing written' 'a second apply writes nothing'
sleep 0.3
is "$(cat "$lab_tmp/monitor")" '' 'and nobody hears of anything'
in_ns fw ip link set ifb7 txqueuelen 78
lab_wait 5 test -s "$lab_tmp/monitor"
like "$(cat "$lab_tmp/monitor")" 'ifb7' 'the one who listens would have heard'
lab_stop "$monitor"
like "$(apply)" ', 1 change$' 'what somebody else set is set back'

# ---- in place ----

# change FROM TO NAME LINK ADDRESS: the link keeps its index, and the ping its packets.
change()
{
	before=$(index "$4")
	in_ns fw ping -q -c 60 -i 0.02 -W 3 "$5" >"$lab_tmp/ping" &
	pinging=$!
	sleep 0.3
	sed -i "s/$1/$2/" "$conf"
	ok "in place: $3" apply
	wait "$pinging"
	is "$(index "$4")" "$before" "in place: $3: the same link"
	like "$(cat "$lab_tmp/ping")" ' 0% packet loss' "in place: $3: no packet is lost"
}
change 'mac = "02:00:00:00:03:01"' '& mtu = 1400' 'mtu' va 10.3.0.2
is "$(field mtu va)" 1400 'mtu is set'
change 'stp = off' 'stp = off description = "ports" ageing-time = 100s priority = 5' 'description and numbers of a bridge' br0 fd03::2
is "$(field ifalias br0)" 'patronus: ports' 'description is set'
change 'ttl = 9' 'ttl = 11' 'ttl of a vxlan' vx4 10.42.0.2
change 'fd07::1\/64' '&", "10.7.0.77\/32' 'another address' mv0 10.7.0.2
change ', "10.7.0.77\/32"' '' 'without it' mv0 fd07::2
change 'members = { eth1, vb }' 'members = { vb, eth1 }' 'the order of members' br0 10.3.0.2
before=$(index vx6)
sed -i 's/id = 43/id = 44/' "$conf"
like "$(pt apply -n -f "$conf")" 'anew: id differs' 'what cannot be changed in place says so'
ok 'another number is another link' apply
isnt "$(index vx6)" "$before" 'and has another index'

# ---- what others made ----

in_ns fw sh -c 'ip link add name theirs type bridge && ip link set theirs alias hands-off mtu 1300 up &&
	ip address add 192.0.2.77/32 dev eth0 && ip address add 198.51.100.1/24 dev theirs &&
	ip route add 203.0.113.0/24 via 10.0.0.2 proto static metric 7 && ip -6 route add 2001:db8::/32 via fd00::2 &&
	ip rule add pref 77 from 192.0.2.77 lookup 77 && ip -6 rule add pref 20500 from 2001:db8::1 lookup 77 &&
	ip route add default via 10.0.0.2 table 77'
theirs()
{
	in_ns fw ip -d -j link show theirs | sed -E 's/"[a-z_]*timer":[^,}]*//g'
	in_ns fw ip -j address show dev theirs
	in_ns fw ip -j address show dev eth0
	in_ns fw ip -j route show proto static
	in_ns fw ip -j route show table 77
	in_ns fw ip -j -6 route show proto boot
	in_ns fw ip -j rule show pref 77
	in_ns fw ip -j -6 rule show pref 20500
}
sed 's/mtu = 1400/mtu = 1350/; /^interface ifb7/d; s/"fd07::1\/64"/"fd07::3\/64"/' "$conf" >"$lab_tmp/other.conf"
cat >>"$lab_tmp/other.conf" <<'CONF'
network { routes = { "10.99.0.0/16 via 10.0.0.2", "blackhole fd99::/16" } rules = { "from 10.99.0.0/16 lookup 8001" } }
CONF
theirs >"$lab_tmp/theirs"
n=0
failed=0
while [ $n -lt 50 ]; do
	apply "$lab_tmp/other.conf" >/dev/null || failed=1
	apply >/dev/null || failed=1
	n=$((n + 1))
done
is "$failed" 0 '100 applies'
theirs >"$lab_tmp/theirs.now"
ok 'what others made is as it was, byte by byte' cmp "$lab_tmp/theirs" "$lab_tmp/theirs.now"
exits 2 'a link of others is not made into one of ours' sh -c \
	"echo 'interface theirs { type = ifb }' >$lab_tmp/x.conf; nsenter -n -t $(cat "$lab_tmp/fw.pid") $ptnet apply -f $lab_tmp/x.conf"

# ---- a refusal in the middle ----

# refused NAME LINE...: an apply of the file with these lines leaves the picture as it was.
refused()
{
	refused_name=$1
	shift
	{ sed 's/mtu = 1400/mtu = 1320/; s/priority = 5/priority = 6/; s/"10.7.0.1\/24"/"10.7.0.9\/24"/' "$conf"
		printf '%s\n' "$@"; } >"$lab_tmp/bad.conf"
	picture >"$lab_tmp/before"
	exits 2 "$refused_name: refused" apply "$lab_tmp/bad.conf"
	picture >"$lab_tmp/after"
	ok "$refused_name: all is as it was" cmp "$lab_tmp/before" "$lab_tmp/after"
}
refused 'a macvlan longer than its parent' 'interface a0 { type = bridge }' \
	'interface z0 { type = macvlan parent = eth0 mtu = 9000 address = { "10.8.0.1/24" } }'
in_ns fw ip link add other0 type vxlan id 77 dstport 4789 remote 10.0.0.2
refused 'a vxlan that somebody else has' 'interface a0 { type = ifb }' 'interface z0 { type = vxlan id = 77 remote = "10.0.0.2" }'
in_ns fw ip link del other0
refused 'a route that leads nowhere' 'interface a0 { type = bridge address = { "10.8.0.1/24" } }' \
	'network { routes = { "10.98.0.0/16 via 10.0.0.2", "10.97.0.0/16 via 172.31.9.9" } rules = { "from 10.98.0.0/16 lookup 8001" } }'
like "$(apply "$lab_tmp/bad.conf" 2>&1)" 'refuses to add route.*10\.97\.0\.0/16' 'the refusal tells what'
like "$(apply)" 'nothing written' 'and the file from before is in force still'

# ---- a link that is not there ----

cat >>"$conf" <<'CONF'
interface usb0 { address = { "10.66.0.1/24" } }
interface usb0v { type = macvlan parent = usb0 }
CONF
like "$(apply 2>&1)" 'warning: device usb0 is not there' 'an absent link is a warning'
like "$(apply 2>&1)" 'nothing written' 'and what needs it waits'
in_ns fw ip link add usb0 type veth peer name usb1
ok 'it comes' apply
like "$(pt link show usb0)" '10\.66\.0\.1/24' 'and gets what it was to have'

# ---- all goes ----

echo 'interface eth0 { }' >"$conf"
ok 'an empty file' apply
is "$(in_ns fw ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort | tr '\n' ' ')" 'eth0 eth1 lo theirs usb0 usb1 ' 'leaves what it did not make'
like "$(in_ns fw ip -o address show dev eth0)" '192\.0\.2\.77' 'and the addresses of others'
done_testing
