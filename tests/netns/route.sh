#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Routes, rules for them and neighbours of the file, by real packets: tables by source over two uplinks, routes that refuse,
# several next hops, next hops of the other family; changes in place that no packet notices; what others have stays.
#
#     lan 10.1.0.2 fd01::2 ---- inside [ fw ] up1 ---- 10.0.1.2 fd00:1::2  one  (a router, has 198.51.100.1 fd05::1)
#                                         up2 ---- 10.0.2.2 fd00:2::2  two  (the same addresses)
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
lab_ns fw lan one two
lab_link fw inside lan eth0
lab_link fw up1 one eth0
lab_link fw up2 two eth0
lab_addr lan eth0 10.1.0.2/24 10.1.0.3/24 fd01::2/64 fd01::3/64
lab_addr one eth0 10.0.1.2/24 10.0.1.3/24 fd00:1::2/64 fd00:1::3/64
lab_addr two eth0 10.0.2.2/24 fd00:2::2/64
for ns in one two; do lab_addr "$ns" lo 198.51.100.1/32 198.51.100.2/32 fd05::1/128 fd05::2/128; done
lab_route lan default via 10.1.0.1
lab_route lan default via fd01::1
lab_route one 10.1.0.0/24 via 10.0.1.1
lab_route one fd01::/64 via fd00:1::1
lab_route two 10.1.0.0/24 via 10.0.2.1
lab_route two fd01::/64 via fd00:2::1
lab_forward fw
pt() { in_ns fw "$ptnet" -f "$conf" "$@"; }
show() { in_ns fw "$ptnet" "$@"; }
links='interface inside { address = { "10.1.0.1/24", "fd01::1/64" } }
interface up1 { address = { "10.0.1.1/24", "fd00:1::1/64" } }
interface up2 { address = { "10.0.2.1/24", "fd00:2::1/64" } }'
# network SECTION: the file
network() { printf '%s\nnetwork {\n%s\n}\n' "$links" "$1" >"$conf"; }
pings() { in_ns "$1" ping -n -q -c 1 -W 2 ${3:+-I "$3"} "$2" >/dev/null 2>&1; }
# word NAMESPACE ADDRESS [SOURCE]: what ping says
word()
{
	in_ns "$1" ping -n -c 1 -W 1 ${3:+-I "$3"} "$2" 2>&1 | sed -n 's/.*bytes from.*/answer/p;s/^From [^ ]* icmp_seq=1 //p;s/^ping: *//p' | head -n 1
}
# by ADDRESS SOURCE: the uplink that its packets take, by who sees five of them
by()
{
	one=$(packets one)
	two=$(packets two)
	in_ns lan ping -n -q -c 5 -i 0.05 -W 2 -I "$2" "$1" >/dev/null 2>&1
	one=$(($(packets one) - one))
	two=$(($(packets two) - two))
	if [ "$one" -ge 5 ] && [ "$two" -lt 5 ]; then echo one; elif [ "$two" -ge 5 ] && [ "$one" -lt 5 ]; then echo two; else echo "$one/$two"; fi
}
# shellcheck disable=SC2016
packets() { in_ns "$1" awk '$1 == "eth0:" { print $3 }' /proc/net/dev; }

# ---- tables and rules: two uplinks ----
network '	routes = { "default via 10.0.1.2", "default via fd00:1::2", "default via 10.0.2.2 table 8001", "default via fd00:2::2 table 8001" }
	rules = { "from 10.1.0.3/32 lookup 8001", "from fd01::3/128 lookup 8001" }'
ok 'the file is put in force' pt apply
lab_settle fw lan one two
ok 'the way is there' lab_wait 5 pings lan 198.51.100.1
ok 'and in IPv6' lab_wait 5 pings lan fd05::1
is "$(by 198.51.100.1 10.1.0.2) $(by 198.51.100.1 10.1.0.3)" 'one two' 'each source by its uplink'
is "$(by fd05::1 fd01::2) $(by fd05::1 fd01::3)" 'one two' 'each source by its uplink, IPv6'
is "$(pt apply)" "$conf: in force already, nothing written" 'a second time nothing is written'
like "$(show rule show)" '^20000: from 10.1.0.3/32 lookup 8001$' 'rule show has it'
like "$(show route show table 8001)" '^default via 10.0.2.2 dev up2 table 8001$' 'route show has the table'
is "$(show route get 198.51.100.1 | cut -d' ' -f1 | tr -s '\n' ' ')" 'rule rule rule route neighbour device ' 'route get: rules, route, neighbour, device'
like "$(show route get 198.51.100.1)" '^neighbour 10.0.1.2 lladdr ..:..:..:..:..:.. dev up1 ' 'and who the neighbour is'

# ---- what others have ----
in_ns fw ip route add 203.0.113.0/24 via 10.0.1.2 proto static
in_ns fw ip -6 route add fd77::/64 via fd00:1::2 proto bird metric 7
in_ns fw ip rule add from 10.77.0.0/16 lookup 77 priority 20500
in_ns fw ip neigh add 10.0.1.99 lladdr 02:00:00:00:00:99 dev up1
others() { in_ns fw sh -c 'ip -d route show table all; ip -d -6 route show table all; ip -d rule; ip -d -6 rule; ip neigh show nud permanent' | grep -Ev 'proto (80|patronus)( |$)|expires|^[[:space:]]+nexthop| dev (later|elsewhere) '; }
others >"$lab_tmp/before"
untouched() { others >"$lab_tmp/now"; ok "$1" diff "$lab_tmp/before" "$lab_tmp/now"; }

# ---- refusals ----
network '	routes = { "default via 10.0.1.2", "default via fd00:1::2", "blackhole 198.51.100.1/32", "unreachable 198.51.100.2/32", "prohibit 198.51.100.3/32",
		"blackhole fd05::1/128", "unreachable fd05::2/128", "prohibit fd05::3/128" }'
ok 'routes that refuse' pt apply
is "$(word lan 198.51.100.1)/$(word lan 198.51.100.2)/$(word lan 198.51.100.3)" '/Destination Host Unreachable/Packet filtered' 'silence, unreachable, prohibited'
is "$(word lan fd05::1)/$(word lan fd05::2)/$(word lan fd05::3)" \
	'/Destination unreachable: No route/Destination unreachable: Administratively prohibited' 'and in IPv6'
exits 3 'route get: there is no way' in_ns fw "$ptnet" -q route get 198.51.100.1
is "$(by 203.0.113.1 10.1.0.2)" one 'a route of somebody else leads where it led'

# ---- rules that refuse, by the interface ----
network '	routes = { "default via 10.0.1.2", "default via fd00:1::2" }
	rules = { "iif inside to 198.51.100.1/32 prohibit", "iif inside to fd05::1/128 unreachable" }'
ok 'rules that refuse' pt apply
is "$(word lan 198.51.100.1)/$(word lan 198.51.100.2)" 'Packet filtered/answer' 'this one is refused, not that one'
is "$(word lan fd05::1)/$(word lan fd05::2)" 'Destination unreachable: No route/answer' 'and in IPv6'

# ---- changes in place: no packet of a ping is lost ----
a='	routes = { "default via 10.0.1.2", "default via fd00:1::2" }'
b='	routes = { "default via 10.0.2.2 mtu 1400", "default nexthop via fd00:1::2 nexthop via fd00:2::2 weight 3" }'
network "$a"
ok 'one way' pt apply
pings lan 198.51.100.1 && pings lan fd05::1
in_ns lan ping -n -q -i 0.02 -c 150 -W 5 198.51.100.1 >"$lab_tmp/ping4" 2>&1 &
four=$!
in_ns lan ping -n -q -i 0.02 -c 150 -W 5 fd05::1 >"$lab_tmp/ping6" 2>&1 &
six=$!
changed=0
while kill -0 "$four" 2>/dev/null || kill -0 "$six" 2>/dev/null; do
	network "$b"; pt -q apply || break
	network "$a"; pt -q apply || break
	changed=$((changed + 2))
done
wait "$four" "$six"
isnt "$changed" 0 "the way was changed while packets went ($changed times)"
like "$(cat "$lab_tmp/ping4")" ' 0% packet loss' 'none was lost'
like "$(cat "$lab_tmp/ping6")" ' 0% packet loss' 'none was lost, IPv6'
network "$b"
like "$(pt diff)" '^change route 0.0.0.0/0 via 10.0.2.2 mtu 1400$|^change route default via 10.0.2.2 mtu 1400$' 'the plan says change'
ok 'the other way' pt apply
like "$(in_ns fw ip -6 route show default)" 'via fd00:2::2 dev up2 weight 3' 'weights'
is "$(pt apply)" "$conf: in force already, nothing written" 'several next hops are read back equal'
untouched 'what others have is as it was'

# ---- weights: packets to many destinations take both ----
network '	routes = { "198.51.100.0/24 nexthop via 10.0.1.2 nexthop via 10.0.2.2 weight 3", "fd05::/16 nexthop via fd00:1::2 nexthop via fd00:2::2" }'
ok 'several next hops' pt apply
in_ns fw sh -c 'echo 0 >/proc/sys/net/ipv4/fib_multipath_hash_policy'
one=$(packets one)
two=$(packets two)
for i in $(seq 10 49); do in_ns lan ping -n -q -c 1 -W 0.01 "198.51.100.$i" >/dev/null 2>&1; done
one=$(($(packets one) - one))
two=$(($(packets two) - two))
ok "both are taken, the heavier one more ($one and $two of 40)" test "$one" -ge 3 -a "$two" -gt "$one"

# ---- on-link, the other family, src, mtu ----
network '	routes = { "198.51.100.1/32 via 192.0.2.99 dev up1 onlink", "198.51.100.2/32 via fd00:2::2 dev up2", "203.0.113.9/32 via 10.0.1.2 src 10.1.0.1 mtu 1300" }
	neighbours = { "192.0.2.99 lladdr 02:00:00:00:00:77 dev up1" }'
in_ns one ip link set eth0 address 02:00:00:00:00:77
ok 'on-link, a next hop of the other family, src and mtu' pt apply
ok 'a next hop outside of all networks, whose link address is written' lab_wait 3 pings lan 198.51.100.1
ok 'an IPv4 route by an IPv6 next hop' lab_wait 3 pings lan 198.51.100.2
is "$(by 198.51.100.2 10.1.0.2)" two 'it is that one'
like "$(in_ns fw ip route get 203.0.113.9)" 'src 10.1.0.1.* ?' 'src'
like "$(in_ns fw ip route show 203.0.113.9)" 'mtu 1300' 'mtu'
is "$(pt apply)" "$conf: in force already, nothing written" 'all of it is read back equal'
like "$(show neighbour show dev up1)" '^192.0.2.99 +up1 +02:00:00:00:00:77 +permanent' 'neighbour show'

# ---- a refusal in the middle: all is as it was ----
state() { in_ns fw sh -c 'ip -d route show table all; ip -d -6 route show table all; ip -d rule; ip -d -6 rule; ip neigh show nud permanent; ip -o address' | grep -Ev 'expires|cache'; }
was=$(state)
network '	routes = { "198.51.100.1/32 via 10.0.2.2", "192.0.2.0/24 via 10.0.1.2", "fd09::/16 via fd00:2::2", "203.0.113.0/25 via 172.31.0.1" }
	rules = { "from 10.1.0.3/32 lookup 8001" } neighbours = { "10.0.1.55 lladdr 02:00:00:00:00:55 dev up1" }'
out=$(pt apply 2>&1)
is "$?" 2 'a next hop that nobody can reach is refused'
like "$out" "^$conf:5:.*203.0.113.0/25 via 172.31.0.1: Network is unreachable: Nexthop has invalid gateway" 'with its place and the words of the kernel'
is "$(state)" "$was" 'and nothing of the rest is there'
network '	routes = { "203.0.113.0/24 via 10.0.2.2" }'
like "$(pt apply 2>&1)" 'File exists' 'a route of somebody else is not replaced'
untouched 'it is as it was'

# ---- a link that is not there ----
links="$links
interface later { address = \"10.0.9.1/24\" }"
network '	routes = { "198.51.100.1/32 via 10.0.9.2 dev later", "198.51.100.2/32 via 10.0.1.2" } neighbours = { "10.0.9.2 lladdr 02:00:00:00:00:09 dev later" }'
out=$(pt apply 2>&1)
like "$out" 'warning: device later is not there' 'what needs a link that is absent waits'
like "$(show route show)" '^198.51.100.2/32 via 10.0.1.2' 'the rest is there'
in_ns fw ip link add later type veth peer name elsewhere
in_ns fw ip link set elsewhere up
ok 'when it has come' pt apply
like "$(show route show)" '^198.51.100.1/32 via 10.0.9.2 dev later' 'so do its routes'
like "$(show neighbour show)" '^10.0.9.2 +later +02:00:00:00:00:09' 'and its neighbours'
network ''
ok 'nothing is wanted any more' pt apply
is "$(show route show proto patronus)$(in_ns fw ip rule | grep -c 'proto 80')$(show neighbour show | grep -c 02:00:00:00:00:09)" 00 'all of ours is gone'
untouched 'what others have is as it was'
done_testing
