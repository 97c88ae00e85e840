#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What an apply of a long file has begun before it knew the rules must not show: whatever was in force, whatever
# others do meanwhile, what comes out is what a dry run then finds nothing missing in.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs nft tc

lab_ns fw out
lab_link fw eth0 out eth0
pt() { in_ns fw "$ptfw" "$@"; }

# rules NAME COUNT [CHANGED] [MORE]: a file of COUNT rules, of which number CHANGED blocks, and another rule.
rules()
{
	{
		echo 'interface wan { device = "eth0" address = { "10.0.0.1/24" } }'
		echo 'table few { addresses = { "192.0.2.1", "192.0.2.9" } }'
		echo 'firewall { rules = {'
		awk -v n="$2" -v changed="${3:-0}" 'BEGIN {
			for (i = 1; i <= n; i++)
				printf "\"%s in quick on wan inet proto tcp from 10.%d.%d.0/24 to any port %d\",\n",
					i == changed ? "block" : "pass", i / 256, i % 256, 1000 + i % 50
		}'
		[ -z "${4:-}" ] || echo "\"$4\","
		echo '"block in from <few>", "pass out" } }'
	} >"$lab_tmp/$1"
}

# in_force TITLE FILE: applies it; then nothing is left to do.
in_force()
{
	out=$(pt -q apply -f "$lab_tmp/$2" 2>&1)
	is "$? $out" '0 ' "$1: applied"
	out=$(pt diff -f "$lab_tmp/$2" 2>&1 >/dev/null)
	is "$? $out" '0 ' "$1: nothing is missing"
}

rules a 400
rules b 400 200
rules c 350 0 'block in quick on wan inet proto tcp from any to any port 9'
rules nobody 400 0 'pass in on wan from <nobody>'
rules dynamic 5
awk 'BEGIN { for (i = 0; i < 500; i++) print "# a file of many words and few rules" }' >>"$lab_tmp/dynamic"

in_force 'the first' a
in_force 'one rule otherwise' b
in_force 'the same' b
in_force 'others' c
in_force 'few rules in a long file' dynamic
in_force 'from chains to the classifier' a

out=$(pt -q apply -f "$lab_tmp/nobody" 2>&1)
is "$?" 1 'a wrong file is refused'
out=$(pt diff -f "$lab_tmp/a" 2>&1 >/dev/null)
is "$? $out" '0 ' 'and nothing of it is in force'

pt -q table add few 192.0.2.77
in_force 'a table that was changed at run time' b
exits 0 'keeps that' pt table test few 192.0.2.77

# The program of somebody else, or nobody's, is brought anew.
in_ns fw tc qdisc del dev eth0 clsact
in_force 'the program was taken away' b
pt -q stop
in_force 'after a stop' a

# Others change the rules all the time: what was read ahead is old by then.
: >"$lab_tmp/busy"
(
	while [ -e "$lab_tmp/busy" ]; do
		in_ns fw nft add table inet other
		in_ns fw nft delete table inet other
		sleep 0.05
	done
) &
busy=$!
for file in b c a; do
	out=$(pt -q apply -f "$lab_tmp/$file" 2>&1)
	is "$? $out" '0 ' "others write meanwhile, $file: applied"
done
rm "$lab_tmp/busy"
wait "$busy"
out=$(pt diff -f "$lab_tmp/a" 2>&1 >/dev/null)
is "$? $out" '0 ' 'nothing is missing then'

# Somebody takes an element away: the note of what is there is no longer true.
key=$(in_ns fw nft list map inet patronus in.act | sed -n 's/.*\(0x[0-9a-f]*\) .*/\1/p' | head -n 1)
[ -n "$key" ] || key=$(in_ns fw nft list map inet patronus in.pass | sed -n 's/.*\(0x[0-9a-f]*\) .*/\1/p' | head -n 1)
ok 'there is an element to take' [ -n "$key" ]
in_ns fw nft delete element inet patronus in.pass "{ $key }" 2>/dev/null ||
	in_ns fw nft delete element inet patronus in.act "{ $key }"
out=$(pt diff -f "$lab_tmp/a" 2>/dev/null)
is "$?" 3 'an element that somebody took away is missed'
in_force 'and it' a
in_force 'another file after that' b

done_testing
