#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Routes, rules and neighbours by hand: packets go by them, an apply leaves them alone, and those of the file are not taken from it.
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
lab_addr host eth0 10.0.0.2/24 10.7.0.2/32 fd00::2/64 fd07::2/128
lab_settle fw host
pt() { in_ns fw "$ptnet" "$@"; }
reaches() { in_ns fw ping -q -c 1 -W 1 "$1"; }
misses() { ! in_ns fw ping -q -c 1 -W 1 "$1" >/dev/null 2>&1; }
routes() { in_ns fw ip "$1" route show table "$2"; }

lab_bg fw "$ptnet" route monitor >"$lab_tmp/routes"
lab_bg fw "$ptnet" -j route monitor >"$lab_tmp/routes.json"
lab_bg fw "$ptnet" -6 rule monitor >"$lab_tmp/rules"
lab_bg fw "$ptnet" -j rule monitor >"$lab_tmp/rules.json"
lab_bg fw "$ptnet" neighbour monitor >"$lab_tmp/neighbours"
lab_bg fw "$ptnet" -j neighbour monitor >"$lab_tmp/neighbours.json"
sleep 0.5

# wrong NAME STATUS REGEX WORDS...: refused with these words.
wrong()
{
	wrong_name=$1 wrong_rc=$2 wrong_text=$3
	shift 3
	exits "$wrong_rc" "$wrong_name" pt "$@"
	like "$(pt "$@" 2>&1)" "$wrong_text" "$wrong_name: the reason"
}

# ---- routes ----

ok 'no way, IPv4' misses 10.7.0.2
ok 'no way, IPv6' misses fd07::2
is "$(pt -n route add 10.7.0.2/32 via 10.0.0.2)" 'add route 10.7.0.2/32 via 10.0.0.2' '-n tells what would be done'
is "$(routes -4 main | grep -c 10.7.0.2)" 0 'and does nothing'
ok 'add, IPv4' pt route add 10.7.0.2/32 via 10.0.0.2 dev eth0 metric 7
ok 'add, IPv6' pt route add fd07::2/128 via fd00::2
ok 'it carries IPv4' lab_wait 5 reaches 10.7.0.2
ok 'it carries IPv6' lab_wait 5 reaches fd07::2
like "$(routes -4 main)" '10\.7\.0\.2 via 10\.0\.0\.2 dev eth0 proto static metric 7' 'it is not of the file'
wrong 'add what is there' 2 'refuses to add route 10\.7\.0\.2/32 via 10\.0\.0\.2 dev eth0 metric 7: File exists' \
	route add 10.7.0.2/32 via 10.0.0.2 dev eth0 metric 7
ok 'replace' pt route replace blackhole fd07::2/128
ok 'add beside, with a lower metric' pt route add unreachable 10.7.0.2/32 metric 3
ok 'a replaced one carries nothing' misses fd07::2
ok 'the lower metric is taken' misses 10.7.0.2
wrong 'two are meant' 1 '2 routes are meant by that: .*10\.7\.0\.2/32' route delete 10.7.0.2/32
is "$(routes -4 main | grep -c '10\.7\.0\.2')" 2 'and both are there'
is "$(pt -n route delete unreachable 10.7.0.2/32)" 'delete route unreachable 10.7.0.2/32 metric 3' 'delete -n'
ok 'delete by its type' pt route delete unreachable 10.7.0.2/32
ok 'the other one carries again' lab_wait 5 reaches 10.7.0.2
ok 'delete by what it leads to' pt route delete 10.7.0.2/32 via 10.0.0.2
ok 'delete, IPv6' pt route delete fd07::2/128
ok 'no way any more' misses 10.7.0.2
wrong 'delete what is not there' 3 'there is no route 10\.7\.0\.2/32' route delete 10.7.0.2/32
ok 'several ways' pt route add 10.8.0.0/16 table 100 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.0.3
like "$(routes -4 100)" 'weight 2' 'several ways: as said'
ok 'a way of another table goes' pt route delete 10.8.0.0/16 table 100
is "$(routes -4 100 2>&1 | grep -c 10.8)" 0 'several ways: gone'
ok 'several ways, IPv6' pt route add fd08::/16 nexthop via fd00::2 nexthop via fd00::3
ok 'they go together' pt route delete fd08::/16
is "$(routes -6 main | grep -c fd08)" 0 'none is left'
ok 'default of a family' pt -6 route add default dev eth0 metric 99
ok 'default of the other' pt route add default dev eth0 metric 99
wrong 'default is of two families' 1 '2 routes are meant' route delete default
ok 'default of one family' pt -4 route delete default metric 99
ok 'default of the one that is left' pt route delete default metric 99

wrong 'a word that is none' 1 'command line:1:13: error: this is none of via dev' route add 10.7.0.0/24 vai 10.0.0.2
wrong 'bits behind the length' 1 'bits behind the length' route add 10.7.0.1/24 via 10.0.0.2
wrong 'it leads nowhere' 1 'a route leads somewhere' route add 10.7.0.0/24 metric 3
wrong 'a device that is not there' 3 'there is no device nowhere' route add 10.7.0.0/24 dev nowhere
wrong 'the other family' 1 'of the other family' -6 route add 10.7.0.0/24 via 10.0.0.2
wrong 'a gateway that is not on a link' 2 'refuses to add route .*: .*[Gg]ateway' route add 10.7.0.0/24 via 172.16.0.1

# ---- rules ----

ok 'a way in another table' pt route add 10.7.0.2/32 via 10.0.0.2 table 100
ok 'a way in another table, IPv6' pt route add fd07::2/128 via fd00::2 table 100
ok 'nobody asks for it' misses 10.7.0.2
is "$(pt -n rule add ipproto icmp lookup 100)" "add rule inet ipproto 1 lookup 100
add rule inet6 ipproto 1 lookup 100" 'rule add -n: both families'
ok 'rule add' pt rule add to 10.7.0.0/24 priority 1000 lookup 100
ok 'rule add, IPv6' pt rule add to fd07::/64 lookup 100
ok 'it is asked now' lab_wait 5 reaches 10.7.0.2
ok 'it is asked now, IPv6' lab_wait 5 reaches fd07::2
like "$(in_ns fw ip rule)" '^1000:.*to 10\.7\.0\.0/24 lookup 100 proto static' 'it is not of the file'
ok 'of both families' pt rule add fwmark 0x7/0xff priority 1001 prohibit
is "$(in_ns fw ip rule | grep -c '^1001:') $(in_ns fw ip -6 rule | grep -c '^1001:')" '1 1' 'a rule in each'
ok 'and both go' pt rule delete fwmark 0x7/0xff
is "$(in_ns fw ip rule | grep -c '^1001:') $(in_ns fw ip -6 rule | grep -c '^1001:')" '0 0' 'none is left'
ok 'one more' pt rule add from 10.9.0.0/24 priority 1002 lookup 100
wrong 'two rules are meant' 1 'several rules are meant by that: 1000: .*; 1002: ' -4 rule delete lookup 100
ok 'rule delete' pt rule delete priority 1002
ok 'rule delete by its words' pt rule delete to 10.7.0.0/24 lookup 100
ok 'nobody asks any more' misses 10.7.0.2
wrong 'a rule that is not there' 3 'there is no rule to 10\.7\.0\.0/24 lookup 100' rule delete to 10.7.0.0/24 lookup 100
wrong 'a priority of the file' 1 'priorities 20000 to 20999 are the file' rule add from 10.9.0.0/24 priority 20005 lookup 100
wrong 'a rule without an end' 1 'does not say what to do' rule add from 10.9.0.0/24
wrong 'a rule of a bad word' 1 'command line:1:1: error: this is none of from' rule add form 10.9.0.0/24 lookup 1
ok 'the IPv6 rule goes' pt -6 rule delete lookup 100

# ---- neighbours ----

mac=$(in_ns host ip -o link show eth0 | sed 's|.*link/ether \([0-9a-f:]*\).*|\1|')
ok 'an address of the link' reaches 10.0.0.2
ok 'neighbour add' pt neighbour add 10.0.0.2 lladdr 02:00:00:00:00:99 dev eth0
like "$(in_ns fw ip neigh show 10.0.0.2)" '02:00:00:00:00:99 PERMANENT proto static' 'it takes the place of the learned one'
ok 'packets go there' misses 10.0.0.2
ok 'neighbour add, IPv6' pt neighbour add fd00::2 lladdr 02:00:00:00:00:99 dev eth0
ok 'packets go there, IPv6' misses fd00::2
wrong 'another link address is meant' 3 'there is no neighbour' neighbour delete 10.0.0.2 lladdr 02:00:00:00:00:98 dev eth0
ok 'neighbour delete' pt neighbour delete 10.0.0.2 dev eth0
ok 'neighbour delete, IPv6' pt neighbour delete fd00::2 lladdr 02:00:00:00:00:99 dev eth0
ok 'the right one is found' lab_wait 5 reaches 10.0.0.2
ok 'the right one is found, IPv6' lab_wait 5 reaches fd00::2
wrong 'a neighbour that is not there' 3 'there is no neighbour 10\.0\.0\.77 dev eth0' neighbour delete 10.0.0.77 dev eth0
wrong 'a neighbour of no link' 3 'there is no device nowhere' neighbour add 10.0.0.77 lladdr 02:00:00:00:00:99 dev nowhere
wrong 'a link address that is none' 1 'a link address belongs here' neighbour add 10.0.0.77 lladdr 02:00 dev eth0
ok 'a permanent one' pt neighbour add 10.0.0.77 lladdr 02:00:00:00:00:77 dev eth0
like "$(pt -n neighbour flush dev eth0)" "delete neighbour 10\\.0\\.0\\.2 lladdr $mac dev eth0" 'flush -n'
like "$(pt -4 neighbour flush dev eth0)" '^[1-9][0-9]* forgotten' 'flush'
is "$(in_ns fw ip -4 neigh show dev eth0)" '10.0.0.77 lladdr 02:00:00:00:00:77 PERMANENT proto static ' 'what was said by hand stays' ||
	diag "$(in_ns fw ip -4 neigh show dev eth0)"
like "$(in_ns fw ip -6 neigh show fd00::2)" "$mac" 'flush: one family'
ok 'it is learned anew' reaches 10.0.0.2

# ---- the file ----

cat >"$lab_tmp/fw.conf" <<'END'
interface eth0 { address = { "10.0.0.9/24" } }
network {
    routes = { "10.20.0.0/16 via 10.0.0.2", "fd20::/32 via fd00::2" }
    rules = { "to 10.20.0.0/16 lookup main" }
    neighbours = { "10.0.0.78 lladdr 02:00:00:00:00:78 dev eth0" }
}
END
ok 'a route by hand' pt route add 10.21.0.0/16 via 10.0.0.2
ok 'a rule by hand' pt rule add to 10.21.0.0/16 priority 1003 lookup main
ok 'an apply' pt apply -f "$lab_tmp/fw.conf"
like "$(routes -4 main)" '10\.21\.0\.0/16 via 10\.0\.0\.2 dev eth0 proto static' 'leaves the route by hand'
like "$(in_ns fw ip rule)" '^1003:' 'and the rule'
like "$(in_ns fw ip neigh show 10.0.0.77)" 'PERMANENT' 'and the neighbour'
wrong 'replace a route of the file' 2 "that route is the file's" route replace 10.20.0.0/16 via 10.0.0.3
wrong 'replace a route of the file, IPv6' 2 "that route is the file's" route replace fd20::/32 via fd00::3
ok 'beside it there is room' pt route replace 10.20.0.0/16 via 10.0.0.3 metric 50
wrong 'a neighbour of the file' 2 "that neighbour is the file's" neighbour add 10.0.0.78 lladdr 02:00:00:00:00:79 dev eth0
ok 'and there is no difference' pt diff -f "$lab_tmp/fw.conf"
ok 'a route of the file can be taken away' pt route delete 10.20.0.0/16 via 10.0.0.2
exits 3 'which is a difference' pt diff -f "$lab_tmp/fw.conf"
ok 'and comes back with the next apply' pt apply -f "$lab_tmp/fw.conf"

# ---- what was told meanwhile ----

lab_wait 5 grep -q '^add 10\.20\.0\.0/16 via 10\.0\.0\.3' "$lab_tmp/routes"
like "$(cat "$lab_tmp/routes")" '^add 10\.7\.0\.2/32 via 10\.0\.0\.2 dev eth0 metric 7 proto static' 'route monitor: add'
like "$(cat "$lab_tmp/routes")" '^change blackhole fd07::2/128 .*proto static' 'route monitor: change'
like "$(cat "$lab_tmp/routes")" '^delete 10\.7\.0\.2/32 via 10\.0\.0\.2 dev eth0 metric 7' 'route monitor: delete'
like "$(cat "$lab_tmp/routes")" '^add 10\.20\.0\.0/16 via 10\.0\.0\.2 dev eth0 proto patronus' 'route monitor: of the file'
unlike "$(cat "$lab_tmp/routes")" 'table local' 'route monitor: without the kernel'\''s own'
like "$(cat "$lab_tmp/rules")" '^add [0-9]+: to fd07::/64 lookup 100' 'rule monitor -6: add'
like "$(cat "$lab_tmp/rules")" '^delete [0-9]+: to fd07::/64 lookup 100' 'rule monitor -6: delete'
unlike "$(cat "$lab_tmp/rules")" '10\.7' 'rule monitor -6: one family'
like "$(cat "$lab_tmp/neighbours")" '^change 10\.0\.0\.2 lladdr 02:00:00:00:00:99 dev eth0 permanent' 'neighbour monitor'
like "$(cat "$lab_tmp/neighbours")" '^change fd00::2 lladdr 02:00:00:00:00:99 dev eth0 permanent' 'neighbour monitor, IPv6'
like "$(cat "$lab_tmp/neighbours")" '^delete 10\.0\.0\.2 ' 'neighbour monitor: delete'

# ---- completion ----

completes() { pt complete -- "$@" | sort | tr '\n' ' '; }
is "$(completes route add default dev '')" 'eth0 lo ' 'devices are completed'
like "$(completes route delete '')" '10\.21\.0\.0/16 .*fd20::/32' 'routes that are there are completed'
like "$(completes rule delete priority '')" '1003 ' 'priorities of rules that are there'
like "$(completes neighbour delete '')" '10\.0\.0\.77 ' 'neighbours that are known'
like "$(completes route add 10.0.0.0/8 m)" '^metric mtu ' 'words of routes'

# ---- documents ----

# valid NAME FILE: each line of it is a document of that schema.
valid()
{
	python3 -c 'import json, jsonschema, sys
schema = json.load(open(sys.argv[2]))
lines = open(sys.argv[1]).readlines()
assert lines
for line in lines:
    jsonschema.validate(json.loads(line), schema)' "$2" "contrib/schema/patronus.$1.v1.json"
}
if python3 -c 'import jsonschema' 2>/dev/null; then
	ok 'route monitor -j is as its schema says' valid route-event "$lab_tmp/routes.json"
	ok 'rule monitor -j is as its schema says' valid route_rule-event "$lab_tmp/rules.json"
	ok 'neighbour monitor -j is as its schema says' valid neighbour-event "$lab_tmp/neighbours.json"
else
	skip 'needs python3-jsonschema' 'documents'
fi
done_testing
