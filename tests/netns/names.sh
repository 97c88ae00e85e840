#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Names of hosts in rules and tables, from the answer of a server to real packets: when it changes, when it
# is down, over a boot, and when nobody ever answered.
#
#     lan  10.1.0.2 fd01::2 ---- eth1 [ fw ] eth0 ---- 10.0.0.2 .3 .4 fd00::2 ::3 ::4  out
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
peer=$build/contrib/demo/peer
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'needs mounts of its own'
[ -x "$build/tests/netns/names.t" ] || skip_all 'build/tests/netns/names.t is not built'

lab_ns fw out lan
lab_link fw eth0 out eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 10.0.0.3/24 10.0.0.4/24 fd00::2/64 fd00::3/64 fd00::4/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_addr lan eth0 10.1.0.2/24 fd01::2/64
lab_route out default via 10.0.0.1
lab_route out default via fd00::1
lab_route lan default via 10.1.0.1
lab_route lan default via fd01::1
lab_forward fw
lab_settle fw out lan
pt() { in_ns fw "$ptfw" "$@"; }

zone=$lab_tmp/zone
conf=$lab_tmp/patronus.conf
echo 'nameserver 127.0.0.1' >"$lab_tmp/resolv"
echo '127.0.0.1 localhost' >"$lab_tmp/hosts"
in_ns fw mount -n -t tmpfs -o mode=755 tmpfs /var/lib
# What is a link in /etc cannot be mounted over: what it points to is.
in_ns fw mount -n --bind "$lab_tmp/resolv" "$(readlink -f /etc/resolv.conf)"
in_ns fw mount -n --bind "$lab_tmp/hosts" "$(readlink -f /etc/hosts)"
: >"$zone"
serve()
{
	lab_bg fw "$build/tests/netns/names.t" --serve "$zone" 53 >"$lab_tmp/port"
	server=$lab_last
	lab_wait 10 test -s "$lab_tmp/port"
}
serve
lab_bg out "$peer" serve out udp/53 >/dev/null
lab_wait 10 in_ns out "$peer" ping 10.0.0.1

# reached HOST: which of the addresses answer, by forwarded packets of both families; asked at once, for no answer takes
# its time.
reached()
{
	rm -f "$lab_tmp"/answer.*
	r_pids=
	for r_a in 2 3 4; do
		for r_net in 10.0.0. fd00::; do
			in_ns "$1" "$peer" udp "$r_net$r_a" 53 >"$lab_tmp/answer.$r_net$r_a" 2>&1 &
			r_pids="$r_pids $!"
		done
	done
	# The pids are words, to be split.
	# shellcheck disable=SC2086
	wait $r_pids
	r=
	for r_a in 10.0.0.2 10.0.0.3 10.0.0.4 fd00::2 fd00::3 fd00::4; do
		! grep -q answered "$lab_tmp/answer.$r_a" || r="$r $r_a"
	done
	echo "${r# }"
}
forget() { in_ns fw nft delete table inet patronus; in_ns fw sh -c 'rm -rf /run/patronus /var/lib/patronus'; }

# ---- a rule with a name ----
cat >"$conf" <<-CONF
	interface wan { device = "eth0" }
	interface lan { device = "eth1" }
	firewall { rules = { "pass out on wan no state", "pass in on wan no state", "pass out on lan no state",
	                     "pass in on lan to www.example no state" } }
CONF
printf 'www.example 60 10.0.0.2 fd00::3\nother.example 60 10.0.0.4\n' >"$zone"
ok 'a name in a rule' pt apply -f "$conf"
is "$(reached lan)" '10.0.0.2 fd00::3' 'its addresses, and no others, are reached'
like "$(pt apply -f "$conf")" 'in force already, nothing written' 'the same file again writes nothing'
like "$(pt name show)" '^www.example: ok, answered .* left' 'name show'
is "$(pt name show -j | jq -c '.names[0] | [.name, .state, .addresses, .leaving]')" \
	'["www.example","ok",["10.0.0.2","fd00::3"],[]]' 'name show -j'
handles() { in_ns fw nft -a list table inet patronus | sed -n '/^\t\t.*counter/s/.*# handle \([0-9]*\)$/\1/p' | tr '\n' ' '; }
before=$(handles)
printf 'www.example 60 10.0.0.3 fd00::3\n' >"$zone"
like "$(pt name refresh)" '1 name asked for, 0 without an answer, [1-9]' 'another answer'
is "$(reached lan)" '10.0.0.2 10.0.0.3 fd00::3' 'the new address at once, the old one still'
is "$(pt name show -j | jq -c '.names[0] | [.addresses, .leaving]')" '[["10.0.0.3","fd00::3"],["10.0.0.2"]]' 'it leaves'
is "$(handles)" "$before" 'no rule was written anew'
if python3 -c 'import jsonschema' 2>/dev/null; then
	pt name show -j >"$lab_tmp/out.json"
	ok 'the JSON fits its schema' python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
		"$lab_tmp/out.json" contrib/schema/patronus.name.v1.json
else
	skip 'no python3-jsonschema' 'the JSON fits its schema'
fi
like "$(pt name show www.EXAMPLE.)" '10.0.0.2 \(leaves in [0-9]+s\)' 'and is told, however the name is spelt'
exits 3 'a name that nobody has in a rule' pt name show nobody.example
is "$(pt complete -- name show '')" 'www.example' 'names complete'

# ---- answers that end, followed: by one process, and by two of which only the second asks anybody ----
cp "$conf" "$lab_tmp/followed.conf"
only() { [ "$(reached lan)" = "$1" ]; }
for way in one two; do
	forget
	cp "$lab_tmp/followed.conf" "$conf"
	printf 'www.example 1 10.0.0.2 fd00::2\n' >"$zone"
	ok "$way: applied anew" pt apply -f "$conf"
	asker=
	if [ "$way" = one ]; then
		lab_bg fw "$ptfw" follow >"$lab_tmp/follow" 2>&1
		follow=$lab_last
	else
		lab_bg fw "$ptfw" follow kept >"$lab_tmp/follow" 2>&1
		follow=$lab_last
		printf 'www.example 1 10.0.0.4 fd00::2\n' >"$zone"
		sleep 7 # longer than any answer is taken for
		is "$(pt name show -j | jq -c '.names[0].addresses')" '["10.0.0.2","fd00::2"]' 'follow kept asks nobody'
		lab_bg fw "$ptfw" name follow >"$lab_tmp/asker" 2>&1
		asker=$lab_last
	fi
	printf 'www.example 1 10.0.0.4 fd00::2\n' >"$zone"
	ok "$way: asked when the time is over, and the old address leaves" lab_wait 60 only '10.0.0.4 fd00::2'
	sed -i 's/www.example/other.example/' "$conf"
	printf 'other.example 1 10.0.0.3\n' >"$zone"
	ok "$way: another file" pt apply -f "$conf"
	is "$(reached lan)" '10.0.0.3' "$way: another name"
	printf 'other.example 1 10.0.0.3 fd00::4\n' >"$zone"
	ok "$way: the apply was noticed" lab_wait 60 only '10.0.0.3 fd00::4'
	[ "$way" = two ] || lab_stop "$follow"
done
exits 1 'follow has one word only' pt follow all

# ---- the server is down ----
lab_stop "$server"
lab_stop "$follow"
lab_stop "$asker"
ok 'without the server' pt apply -f "$conf"
is "$(reached lan)" '10.0.0.3 fd00::4' 'the last answer stays'
# A boot: the kernel and /run are empty.
in_ns fw nft delete table inet patronus
in_ns fw rm -rf /run/patronus
said=$(pt apply -f "$conf" 2>&1)
is "$(reached lan)" '10.0.0.3 fd00::4' 'and over a boot'
unlike "$said" 'no address that anybody knows' 'nothing to warn of'
exits 3 'refresh tells that nobody answers' pt name refresh
like "$(pt name show)" '^other.example: old' 'name show tells that it is old'
is "$(reached lan)" '10.0.0.3 fd00::4' 'and changes nothing'

# ---- never answered ----
forget
said=$(pt apply -f "$conf" 2>&1)
is $? 0 'a name without an answer is no error'
like "$said" "patronus.conf:[0-9]+:[0-9]+: warning: other.example has no address" 'but told, with its place'
is "$(reached lan)" '' 'it admits nobody'
sed -i 's|firewall { rules = {|& "anchor bans",|' "$conf"
ok 'with an anchor' pt apply -f "$conf"
unlike "$(echo 'block from 10.0.0.9' | pt anchor load bans 2>&1)" 'has no address' 'who loads an anchor does not hear of it'
like "$(echo 'block from third.example' | pt anchor load bans 2>&1)" '1:12: warning: third.example has no address' 'but of its own'
ok 'the anchor is emptied' pt anchor flush bans
sed -i 's/to other.example no state/to ! other.example no state/' "$conf"
ok 'all but it' pt apply -f "$conf"
is "$(reached lan)" '' 'admits nobody either'
serve
printf 'other.example 60 10.0.0.3\n' >"$zone"
ok 'the server comes back' pt name refresh
is "$(reached lan)" '10.0.0.2 10.0.0.4 fd00::2 fd00::3 fd00::4' 'all but its address'

# ---- a server that says evil things ----
printf 'other.example noise\n' >"$zone"
exits 3 'an answer of nonsense' pt name refresh
is "$(reached lan)" '10.0.0.2 10.0.0.4 fd00::2 fd00::3 fd00::4' 'changes nothing'

# ---- tables ----
cat >"$conf" <<-CONF
	interface wan { device = "eth0" }
	interface lan { device = "eth1" }
	table some { addresses = { "10.0.0.2", "some.example", "SOME.example." } file = "more" }
	firewall { rules = { "pass out on wan no state", "pass in on wan no state", "pass out on lan no state",
	                     "pass in on lan to <some> no state" } }
CONF
echo '# none' >"$lab_tmp/more"
printf 'some.example 60 10.0.0.3 fd00::3\n' >"$zone"
ok 'a table with a name' pt apply -f "$conf"
is "$(reached lan)" '10.0.0.2 10.0.0.3 fd00::3' 'holds its addresses beside others'
is "$(pt table show some | tr '\n' ' ')" '10.0.0.2/31 fd00::3 ' 'table show'
like "$(pt apply -f "$conf")" 'in force already, nothing written' 'again, nothing is written'
printf 'some.example 60 10.0.0.4\n' >"$zone"
echo fd00::4 >"$lab_tmp/more"
ok 'another answer for the table' pt name refresh
is "$(reached lan)" '10.0.0.2 10.0.0.3 10.0.0.4 fd00::3 fd00::4' 'its file is read again'
exits 1 'changes from the command line are refused' pt table add some 10.9.9.9
like "$(pt table add some 10.9.9.9 2>&1)" 'has names of hosts' 'and told why'
sed -i 's/"some.example",/"*.example",/' "$conf"
like "$(pt check -f "$conf" 2>&1)" 'nobody can list' 'a wildcard in a table is refused'

# ---- nothing on disk can be written ----
sed -i 's/"\*.example",/"some.example",/' "$conf"
in_ns fw mount -n -o remount,ro /var/lib
printf 'some.example 60 10.0.0.2\n' >"$zone"
said=$(pt name refresh 2>&1)
is $? 0 'a disk that cannot be written is no error'
like "$said" 'the addresses of names cannot be kept' 'but told'
done_testing
