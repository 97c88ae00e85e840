#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A second apply that knows without reading that nothing differs: it is right about it. Each thing that somebody else can do to what the
# file is about is done once, and found; what concerns nobody is not taken for a difference. That the short way was taken shows in
# the note under /run, which the long way writes anew.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs tc

conf=$lab_tmp/patronus.conf
lab_ns fw
in_ns fw ip link add up0 type veth peer name other0
in_ns fw ip link set other0 up
mkdir "$lab_tmp/conf.d"
chmod 755 "$lab_tmp" "$lab_tmp/conf.d"
cat >"$lab_tmp/conf.d/routes.conf" <<'FILE'
network {
	routes = { "198.51.100.0/24 via 10.0.0.2", "fd07::/64 via fd00::2 metric 7 mtu 1400", "blackhole 203.0.113.0/24 table 8001",
	           "192.0.2.0/24 nexthop via 10.0.0.2 nexthop via 10.0.0.3 weight 2" }
	rules = { "from 10.9.0.0/16 lookup 8001", "fwmark 0x1000000/0xff000000 unreachable" }
	neighbours = { "10.0.0.9 lladdr 02:00:00:00:00:09 dev up", "fd00::9 lladdr 02:00:00:00:00:09 dev up" }
}
FILE
cat >"$conf" <<'FILE'
interface up { device = "up0" mtu = 1400 address = { "10.0.0.1/24", "fd00::1/64", "auto" } offload = { "tso off" } proxy = { "10.0.0.77" } }
interface sw0 { type = "bridge" members = { "edge" } description = "a bridge" }
interface edge { type = "veth" peer = "far" }
interface tunnel { type = "vxlan" id = 7 local = "10.0.0.1" remotes = { "10.0.0.2", "10.0.0.3" } port = 4789 }
shaper slow { interface = "sw0" bandwidth = "10Mbit" type = "tbf" leaf = "fifo" }
include("conf.d/routes.conf")
FILE
chmod 644 "$conf" "$lab_tmp/conf.d/routes.conf"
pt() { in_ns fw "$ptnet" -f "$conf" "$@"; }
# The note by its inode and time.
note() { in_ns fw sh -c 'stat -c "%i %y" /run/patronus/network.*'; }
already="$conf: in force already, nothing written"

ok 'the file is put in force' pt apply
lab_settle fw

# again: it is in force, and that was found in the short way
again()
{
	again_note=$(note)
	again_said=$(pt apply 2>&1)
	[ "$again_said" = "$already" ] || { echo "$again_said"; return 1; }
	[ "$(note)" = "$again_note" ] || { echo 'the long way'; return 1; }
}
# known: at the latest the second time, after links have settled
known() { pt apply >/dev/null; again >/dev/null; }
ok 'the second time is the short way' lab_wait 2 known
is "$(pt -j apply)" '{"schema":"patronus.change.v1","changes":[]}' 'it is an empty list of changes'
ok 'diff finds nothing' pt diff

# seen WHAT COMMAND...: what somebody else does is found, mended, and then all is known again
seen()
{
	what=$1
	shift
	in_ns fw "$@" || { fail "$what: $*"; return; }
	pt diff >/dev/null 2>&1
	rc=$?
	said=$(pt apply 2>&1)
	if [ "$rc" -eq 3 ] && lab_wait 2 known; then pass "$what"; else
		is "$rc: $said" 3 "$what"
	fi
}
# nobody WHAT COMMAND...: what is none of ours makes no difference
nobody()
{
	what=$1
	shift
	in_ns fw "$@"
	is "$(pt apply 2>&1)" "$already" "$what: no difference"
}

seen 'a route goes' ip route del 198.51.100.0/24
seen 'an IPv6 route goes' ip -6 route del fd07::/64
seen 'a route of ours comes' ip route add 198.18.0.0/15 via 10.0.0.2 proto 80
seen 'the next hop of a route' ip route replace 198.51.100.0/24 via 10.0.0.3 proto 80
seen 'the weight of one of several next hops' ip route replace 192.0.2.0/24 proto 80 nexthop via 10.0.0.2 nexthop via 10.0.0.3 weight 3
seen 'the MTU of a route' ip -6 route replace fd07::/64 via fd00::2 metric 7 mtu 1300 proto 80
seen 'the type of a route' ip route replace unreachable 203.0.113.0/24 table 8001 proto 80
in_ns fw ip route replace 198.51.100.0/24 via 10.0.0.2 proto static
exits 2 'a route is of somebody else now' pt apply
in_ns fw ip route flush proto static
pt apply >/dev/null 2>&1
seen 'a rule goes' ip rule del from 10.9.0.0/16
seen 'a rule of ours comes' ip rule add to 10.8.0.0/16 lookup 8001 pref 20500 protocol 80
seen 'an address goes' ip addr del 10.0.0.1/24 dev up0
seen 'an IPv6 address goes' ip addr del fd00::1/64 dev up0
seen 'a neighbour goes' ip neigh del 10.0.0.9 dev up0
seen 'the address of a neighbour' ip neigh replace fd00::9 lladdr 02:00:00:00:00:0a dev up0 nud permanent protocol 80
seen 'a proxy goes' ip neigh del proxy 10.0.0.77 dev up0
seen 'the MTU of a link' ip link set up0 mtu 1300
seen 'a link is down' ip link set up0 down
seen 'the name of a link' sh -c 'ip link set up0 down; ip link set up0 name up9; ip link set up9 name up0; ip route flush proto 80'
seen 'a port leaves its bridge' ip link set edge nomaster
seen 'the alias of a link' ip link set dev sw0 alias 'patronus: another'
seen 'a setting of a bridge' ip link set dev sw0 type bridge forward_delay 500
seen 'a link of ours goes' ip link del edge
seen 'another end of a tunnel' bridge fdb append 00:00:00:00:00:00 dev tunnel dst 10.0.0.4
seen 'a shaper goes' tc qdisc del dev sw0 root
seen 'the rate of a shaper' tc qdisc change dev sw0 handle 7fff: root tbf rate 20mbit burst 20kb latency 50ms
if command -v ethtool >/dev/null; then seen 'what the hardware does' ethtool -K up0 tso on; else skip 'needs ethtool' 'what the hardware does'; fi
seen 'what the link takes of routers' sh -c 'echo 0 >/proc/sys/net/ipv6/conf/up0/accept_ra'

nobody 'a route of somebody else' ip route add 198.19.0.0/16 via 10.0.0.2 proto static
nobody 'a link of somebody else' ip link add br9 type bridge
nobody 'a neighbour that was learned' ip neigh replace 10.0.0.5 lladdr 02:00:00:00:00:05 dev up0 nud reachable
nobody 'a rule of somebody else' ip rule add to 10.7.0.0/16 lookup 100 pref 100

# ---- files ----
ok 'all is known' lab_wait 2 known
sed -i 's/198.51.100.0/198.51.101.0/' "$lab_tmp/conf.d/routes.conf"
like "$(pt apply)" 'in force, . changes?$' 'a file that is included is another one'
ok 'and then known' lab_wait 2 known
sed -i 's/a bridge/a Bridge/' "$conf"
like "$(pt apply)" 'in force, . changes?$' 'the file is another one'
ok 'and then known' lab_wait 2 known
cp "$conf" "$conf.2"
chmod 644 "$conf.2"
old=$(note)
is "$(in_ns fw "$ptnet" -f "$conf.2" apply)" "$conf.2: in force already, nothing written" 'the same bytes elsewhere'
isnt "$(note)" "$old" 'are read'
pt apply >/dev/null
mv "$lab_tmp/conf.d/routes.conf" "$lab_tmp/conf.d/gone.conf"
exits 1 'a file that is gone is told' pt apply
mv "$lab_tmp/conf.d/gone.conf" "$lab_tmp/conf.d/routes.conf"
chmod 666 "$lab_tmp/conf.d/routes.conf"
exits 1 'a file that others may write is told' pt apply
chmod 644 "$lab_tmp/conf.d/routes.conf"

# ---- what was told is told again ----
printf 'interface gone { device = "gone0" address = { "10.3.0.1/24" } }\n' >>"$conf"
like "$(pt apply 2>&1)" 'device gone0 is not there' 'a link that is absent'
like "$(pt apply 2>&1)" 'device gone0 is not there' 'is told again'

done_testing
