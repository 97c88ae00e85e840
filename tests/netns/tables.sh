#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tables, large ones above all: what is written is counted by nft, what is read by strace, memory by the
# kernel; time is for tests/bench. And how long entries stay that the file names, or once came for a time.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

lab_ns fw
pt() { in_ns fw "$ptfw" "$@"; }
conf=$lab_tmp/patronus.conf

# ---- an entry of the file stays for good ----
timed_conf()
{
	printf 'table t { addresses = { %s } timeout = "1h" persist = true }\nfirewall { rules = { "block in from <t>" } }\n' "$1" >"$conf"
}
expires() { pt table show t -j | jq -r '.addresses[] | "\(.address) \(.timeout)"' | tr '\n' ' '; }

timed_conf '"192.0.2.0/24", "2001:db8::/64"'
ok 'a table with a time-out and entries of the file' pt apply -f "$conf"
is "$(expires)" '192.0.2.0/24 0 2001:db8::/64 0 ' 'what the file names stays for good'
like "$(in_ns fw nft list set inet patronus t.t.4)" '192\.0\.2\.0/24' 'nft sees it'
ok 'entries at run time' pt table add t 198.51.100.1 2001:db8:1::1
ok 'with times of their own' pt table add t --timeout 90s 198.51.100.2 2001:db8:1::2
is "$(expires)" \
	'192.0.2.0/24 0 198.51.100.1 3600 198.51.100.2 90 2001:db8::/64 0 2001:db8:1::1 3600 2001:db8:1::2 90 ' \
	'they leave after the time of the table, or their own'
timed_conf '"192.0.2.0/24", "198.51.100.1", "198.51.100.2", "2001:db8::/64", "2001:db8:1::1", "2001:db8:1::2"'
ok 'the file names them, too' pt apply -f "$conf"
is "$(pt table show t -j | jq '[.addresses[].timeout] | add')" 0 'now they stay for good'
is "$(pt table show t | wc -l)" 4 'neighbours have become one'
like "$(pt apply -f "$conf")" 'in force already, nothing written' 'and the file agrees with the kernel'
ok 'cut' pt table delete t 192.0.2.128/25
is "$(pt table show t -4j | jq -r '.addresses[0] | "\(.address) \(.timeout)"')" '192.0.2.0/25 0' 'what is left of one stays for good, too'
ok 'replaced' pt table replace t 192.0.2.0/25 203.0.113.1
is "$(expires)" '192.0.2.0/25 0 203.0.113.1 3600 ' 'one that comes with replace takes the time of the table'

pt -q table flush t

# ---- written: only what differs ----
many=100000
list() { awk -v n="$many" -v from="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%d.%d.%d.%d\n", i < from ? 60 : 11, i / 32768, (i / 128) % 256, (i * 2) % 256 }'; }
list 0 >"$lab_tmp/list"
list 5 >"$lab_tmp/other"
printf 'table t { file = "%s" }\nfirewall { rules = { "block in from <t>" } }\n' "$lab_tmp/list" >"$conf"
lab_bg fw nft monitor >>"$lab_tmp/monitor" 2>&1
monitor=$lab_last
# marked: nft has told all up to here. First it reads all there is, again and again while that changes: so it begins
# while the table is small.
marked()
{
	marker=$(date +%s%N)
	in_ns fw nft "add table inet marker$marker; delete table inet marker$marker"
	sleep 0.05
	grep -q "delete table inet marker$marker\$" "$lab_tmp/monitor"
}
ok 'nft watches' lab_wait 20 marked
ok "$many prefixes" pt apply -f "$conf"
ok 'nft has told them' lab_wait 20 marked
# written COMMAND...: how many elements nft saw come and go.
written()
{
	: >"$lab_tmp/monitor"
	"$@" >/dev/null
	lab_wait 20 marked
	grep -Eo '^(add|delete) element' "$lab_tmp/monitor" | sort | uniq -c | awk '{ printf "%s%s %d", (NR > 1 ? ", " : ""), $2, $1 }'
}
is "$(written pt table replace t --file "$lab_tmp/other")" 'add 5, delete 5' "replace, ten of $many differ: ten elements"
is "$(written pt table replace t --file "$lab_tmp/other")" '' 'the same again: none'
is "$(written pt apply -f "$conf")" 'add 5' "apply brings the file's five back, and leaves what came at run time"
is "$(written pt table replace t --file "$lab_tmp/list")" 'delete 5' 'which goes at run time, too'
is "$(written pt apply -f "$conf")" '' 'again: none'
is "$(written pt table add t 192.0.2.1 2001:db8::1)" 'add 2' 'two addresses: two elements'
is "$(written pt table delete t 192.0.2.1 2001:db8::1)" 'delete 2' 'and away again'
lab_stop "$monitor"
ok 'the other list' pt table replace t --file "$lab_tmp/other"
ok 'the file once more' pt apply -f "$conf"
ok 'and only that' pt table replace t --file "$lab_tmp/list"
ok 'which is noted' pt apply -f "$conf"
if command -v strace >/dev/null; then
	in_ns fw strace -f -o "$lab_tmp/trace" -e trace=recvmsg "$ptfw" apply -f "$conf" >"$lab_tmp/out" 2>&1
	answers=$(grep -Ec 'recvmsg.*= [0-9]+$' "$lab_tmp/trace")
	ok "the same file again: $answers answers are read" [ "$answers" -gt 0 -a "$answers" -lt 100 ]
else
	skip 'no strace' 'the same file again: few answers are read'
fi


# ---- read: not the whole table for a few addresses ----
# As many answers as the dump of a thousandth of it would take; the whole takes more than a hundred.
few=40
if command -v strace >/dev/null; then
	for words in 'table test t 11.0.0.0 11.0.0.2' 'table add t 192.0.2.1' 'table add t 192.0.2.2-192.0.2.3' \
		'table delete t 192.0.2.1-192.0.2.3' 'table add t 2001:db8::1' 'table delete t 2001:db8::1' 'table add t 2001:db8::/64' \
		'table test t 2001:db8::/65' 'table delete t 2001:db8::/64' 'table add t 172.16.0.0/12' 'table delete t 172.16.0.0/12'; do
		# The words are words, to be split.
		# shellcheck disable=SC2086
		in_ns fw strace -f -o "$lab_tmp/trace" -e trace=recvmsg "$ptfw" $words >"$lab_tmp/out" 2>&1
		answers=$(grep -Ec 'recvmsg.*= [0-9]+$' "$lab_tmp/trace")
		ok "$words: $answers answers read" [ "$answers" -gt 0 -a "$answers" -lt "$few" ]
	done
else
	skip 'no strace' 'answers to read for a few addresses'
fi
like "$(pt table add t 11.0.0.0/8)" "^1 range added, $many deleted" 'a network around all of them takes their place'
is "$(pt table show t)" 11.0.0.0/8 'and is alone'
ok 'away' pt table delete t 11.0.0.0/8
ok 'the file takes it back' pt apply -f "$conf"
is "$(pt table test t 11.0.0.0 11.0.0.1 11.0.0.2 11.3.13.62)" '3/4 addresses match' 'table test'
done_testing
