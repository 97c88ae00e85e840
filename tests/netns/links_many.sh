#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A thousand links of one file: all made, none of them twice, one changed alone, all gone; and what others do to links meanwhile: one of
# a name of ours, one that gets another name while an apply is at work.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

count=1000
conf=$lab_tmp/patronus.conf
lab_ns fw other
lab_link fw out0 other eth0
in_ns fw ip link set out0 up
in_ns fw ip link add theirs type veth peer name theirs1
# Each tenth is a macvlan, on the vxlan before it.
awk -v n="$count" 'BEGIN {
	print "interface out0 { address = { \"192.0.2.1/24\" } }"
	for (i = n - 1; i >= 0; i--) {
		address = sprintf("address = { \"11.%d.%d.1/24\" }", int(i / 256), i % 256)
		if (i % 10 == 9)
			printf "interface many%d { type = macvlan parent = many%d %s }\n", i, i - 1, address
		else
			printf "interface many%d { type = vxlan id = %d parent = out0 local = \"192.0.2.1\" remote = \"192.0.2.2\" %s }\n", i, i + 1, address
	}
}' >"$conf"
apply() { in_ns fw "$ptnet" apply -f "$conf"; }
difference() { in_ns fw "$ptnet" diff -f "$conf"; }
many() { in_ns fw ip -o link show | grep -c ': many[0-9]*[@:]'; }
# Index, name, state and MTU of all.
links() { in_ns fw ip -o link show | awk '{ print $1, $2, $3, $5 }'; }
addresses() { in_ns fw ip -o -4 address show | awk '{ print $1, $2, $4 }'; }
index() { in_ns fw ip -o link show dev "$1" | cut -d: -f1; }

# ---- made, and known again ----

ok 'a thousand links are made, upper ones named before what they stand on' apply
is "$(many)" "$count" 'all of them'
is "$(addresses | grep -c ' many[0-9]* 11\.')" "$count" 'with their addresses'
is "$(links | grep ' many' | grep -cv '[<,]UP[,>]')" 0 'and up'
links >"$lab_tmp/links"
like "$(apply)" 'nothing written' 'again: nothing is written'
in_ns fw sh -c 'rm /run/patronus/network.*'
like "$(apply)" 'nothing written' 'nor is it when nothing is known of the first time'
is "$(links | diff - "$lab_tmp/links")" '' 'no link is another one'

# ---- one of them ----

sed -i '/ many500 /s/ address/ mtu = 1300 address/' "$conf"
is "$(difference | grep -c .)" 1 'one is changed: the difference is one line'
like "$(apply)" '[^0-9]1 changes?([^a-z]|$)' 'one change is put in force'
is "$(links | diff - "$lab_tmp/links" | grep -c '^<')" 1 'and nothing else is another one'
is "$(difference)" '' 'nothing is left to do'

# ---- a link of somebody else with a name of ours ----

in_ns fw ip link del many300
in_ns fw ip link add many300 type veth peer name far300
foreign=$(index many300)
links >"$lab_tmp/links"
addresses >"$lab_tmp/addresses"
exits 2 'a link of somebody else with a name of ours is refused' apply
like "$tap_out" 'many300' 'by its name'
is "$(index many300)" "$foreign" 'it is the same one'
is "$(links | diff - "$lab_tmp/links")" '' 'no link is touched'
is "$(addresses | diff - "$lab_tmp/addresses")" '' 'and no address'
in_ns fw ip link del many300
ok 'when it is gone ours comes back' apply
is "$(many)" "$count" 'all of them are there'

# ---- another name while an apply is at work ----

i=0
crashed=0
while [ "$i" -lt 5 ]; do
	sed -i "/ many[0-9]*7 /s/ mtu = [0-9]*//; / many[0-9]*7 /s/ address/ mtu = $((1300 + i)) address/" "$conf"
	apply >"$lab_tmp/out.$i" 2>&1 &
	applying=$!
	for name in 107 407 707; do
		in_ns fw ip link set "many$name" name "away$name" 2>/dev/null
	done
	wait "$applying"
	case $? in
	0 | 2) ;;
	*) crashed=$((crashed + 1)) ;;
	esac
	i=$((i + 1))
done
is "$crashed" 0 'an apply while links get other names is done or refused'
ok 'the next one puts all of it in force' apply
is "$(difference)" '' 'nothing is left to do'
is "$(many) $(links | grep -c ' away')" "$count 0" 'each link is there once, and under its name'

# ---- gone ----

echo 'interface out0 { address = { "192.0.2.1/24" } }' >"$conf"
ok 'all of them go' apply
is "$(many)" 0 'and are gone'
is "$(links | awk '{ print $2 }' | sed 's/[:@].*//' | sort | tr '\n' ' ')" 'lo out0 theirs theirs1 ' 'what others made is there'
like "$(addresses)" 'out0 192\.0\.2\.1/24' 'and what the file still says'
done_testing
