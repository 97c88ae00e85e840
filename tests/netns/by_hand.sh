#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Links and addresses by hand: the words of the file, its errors, changes in place, monitors; an apply leaves all of it alone.
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
lab_addr host eth0 10.0.0.2/24 10.7.0.2/24 fd00::2/64 fd07::2/64
lab_settle fw host
pt() { in_ns fw "$ptnet" "$@"; }
field() { in_ns fw ip -d -j link show dev "$2" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d: -f2- | tr -d '"'; }

lab_bg fw "$ptnet" link monitor >"$lab_tmp/heard"
lab_bg fw "$ptnet" -j address monitor >"$lab_tmp/heard.addresses"
sleep 0.5
ok 'add' pt link add mv0 type macvlan parent eth0 mtu 1400
is "$(field mtu mv0) $(field ifalias mv0)" '1400 ' 'it is as said, and not marked as of the file'
ok 'address add' pt address add 10.7.0.1/24 dev mv0
ok 'address add, IPv6' pt address add fd07::1/64 dev mv0
lab_settle fw
ok 'it carries IPv4' lab_wait 5 in_ns fw ping -q -c 1 -W 1 10.7.0.2
ok 'it carries IPv6' lab_wait 5 in_ns fw ping -q -c 1 -W 1 fd07::2
like "$(pt address show dev mv0)" '10\.7\.0\.1/24 +(no|false)' 'address show'
like "$(pt -j -6 address show dev mv0)" '"address": ?"fd07::1/64", ?"ours": ?false' 'address show -j -6'
unlike "$(pt -6 address show dev mv0)" '10\.7' 'one family'
index=$(field ifindex mv0)
ok 'set' pt link set mv0 mtu 1300 mac 02:00:00:00:00:77 description 'by hand'
is "$(field mtu mv0) $(field address mv0) $(field ifalias mv0)" '1300 02:00:00:00:00:77 by hand' 'set: as said'
is "$(field ifindex mv0)" "$index" 'set: in place'
ok 'set again' pt link set mv0 mtu 1300
exits 2 'what cannot be changed in place is refused' pt link set mv0 parent lo
like "$(pt link set mv0 parent lo 2>&1)" 'cannot change parent of link mv0 while it is there' 'and the reason is told'

ok 'a bridge' pt link add br7 type bridge stp true forward-delay 4s
ok 'its options' pt link set br7 forward-delay 5s priority 4096
is "$(field forward_delay br7) $(field priority br7) $(field stp_state br7)" '500 4096 1' 'those that are not named stay'
ok 'a veth' pt link add va type veth peer vb
ok 'its other end into the bridge' pt link set vb master br7 enabled true
ok 'as a port' pt link set vb cost 77 hairpin true
is "$(field master vb) $(field cost vb) $(field hairpin vb)" 'br7 77 true' 'a port as said'
ok 'out of it' pt link set vb master none
is "$(field master vb)" '' 'no port'
ok 'a vxlan' pt link add vx7 type vxlan id 7 remotes 10.0.0.2,10.0.0.3
ok 'offload' pt link set eth0 offload 'tso off'
ok 'down' pt link set va enabled false
unlike "$(in_ns fw ip -o link show va)" '[<,]UP[,>]' 'it is down'

# wrong NAME STATUS REGEX WORDS...: refused with these words, and nothing is made.
wrong()
{
	wrong_name=$1 wrong_rc=$2 wrong_text=$3
	shift 3
	exits "$wrong_rc" "$wrong_name" pt "$@"
	like "$(pt "$@" 2>&1)" "$wrong_text" "$wrong_name: the reason"
}
wrong 'no type' 1 'a new link needs a type' link add x1 mtu 1400
wrong 'a type that is none' 1 'type is physical, vlan' link add x1 type nothing
wrong 'what is missing' 1 'has no id' link add x1 type vxlan
wrong 'an option of another type' 1 'no stp' link add x1 type ifb stp true
wrong 'no option' 1 'a link has no option colour' link add x1 type ifb colour red
wrong 'no value' 1 'mtu needs a value' link add x1 type ifb mtu
wrong 'an option of the file' 1 'address is not set here' link add x1 type ifb address 10.0.0.1/24
wrong 'a name that is taken' 2 'mv0 is there already' link add mv0 type ifb
wrong 'a value that breaks out' 1 'cannot be' link add x1 type ifb description 'a" } interface evil { type = ifb'
wrong 'a parent that is not there' 3 'stands on a device that is not there' link add x1 type macvlan parent nowhere
wrong 'a link that is not there' 3 'there is no device nowhere' link delete nowhere
wrong 'no address' 1 'no address with a length' address add 10.0.0 dev eth0
wrong 'an address without a place' 3 'there is no device nowhere' address add 10.7.0.1/24 dev nowhere
unlike "$(in_ns fw ip -o link)" ' (x1|evil)[:@]' 'nothing was made'

# ---- the file ----

echo 'interface eth0 { address = { "10.0.0.9/24" } } interface ifb9 { type = ifb }' >"$lab_tmp/fw.conf"
ok 'an apply' pt apply -f "$lab_tmp/fw.conf"
is "$(field ifindex mv0)" "$index" 'leaves what was made by hand'
like "$(pt address show)" '10\.7\.0\.1/24 +(no|false)' 'and its addresses'
like "$(pt address show)" '10\.0\.0\.9/24 +(yes|true)' 'and knows its own'
ok 'address delete' pt address delete 10.7.0.1/24 dev mv0
exits 2 'an address that is not there' pt address delete 10.7.0.1/24 dev mv0
ok 'delete' pt link delete mv0
exits 3 'it is gone' pt link delete mv0
exits 2 'hardware is not deleted' pt link delete lo

# ---- what was told meanwhile ----

lab_wait 5 grep -q '^delete mv0 ' "$lab_tmp/heard"
like "$(cat "$lab_tmp/heard")" '^add mv0 macvlan .* mtu 1400' 'link monitor: add'
like "$(cat "$lab_tmp/heard")" '^change mv0 macvlan up mtu 1300' 'link monitor: change'
like "$(cat "$lab_tmp/heard")" '^change vb veth .*master br7' 'link monitor: master'
like "$(cat "$lab_tmp/heard")" '^delete mv0 ' 'link monitor: delete'
like "$(cat "$lab_tmp/heard.addresses")" '"op": ?"add", ?"device": ?"mv0", ?"address": ?"10\.7\.0\.1/24"' 'address monitor: add'
like "$(cat "$lab_tmp/heard.addresses")" '"op": ?"delete", ?"device": ?"mv0", ?"address": ?"10\.7\.0\.1/24"' 'address monitor: delete'

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
	pt -j link show >"$lab_tmp/doc"
	ok 'link show -j is as its schema says' valid link "$lab_tmp/doc"
	pt -j address show >"$lab_tmp/doc"
	ok 'address show -j is as its schema says' valid address "$lab_tmp/doc"
	ok 'address monitor -j is as its schema says' valid address-event "$lab_tmp/heard.addresses"
	lab_bg fw "$ptnet" -j link monitor >"$lab_tmp/doc"
	sleep 0.3
	in_ns fw ip link set va up
	lab_wait 5 test -s "$lab_tmp/doc"
	ok 'link monitor -j is as its schema says' valid link-event "$lab_tmp/doc"
else
	skip 'needs python3-jsonschema' 'documents'
fi
done_testing
