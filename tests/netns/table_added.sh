#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What comes into a table at run time, though the file fills it: an apply keeps it, an undo brings it back, and what the file says is
# the file's. Both families; small tables, and one that is too large to be read each time.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
ptconf=$build/ptconf
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
lab_ns fw

pc() { in_ns fw "$ptconf" "$@"; }
fw() { in_ns fw "$ptfw" "$@"; }
holds() { fw table show t | tr '\n' ' '; }
are() { [ "$(holds)" = "$1" ]; }
# conf FILE ADDRESSES [OPTIONS]: a configuration with them in its table.
conf() { printf 'table t { addresses = { %s } persist = true %s }\nfirewall { rules = { "block in from <t> label %s", "pass" } }\n' "$2" "${3:-}" "$1" >"$lab_tmp/$1"; }
conf a '"192.0.2.0/25", "2001:db8::/64"'
conf b '"192.0.2.0/25", "2001:db8::/64", "198.51.100.4/30", "2001:db8:7::/48"'
conf counts '"192.0.2.0/25", "2001:db8::/64"' 'counters = true'
conf timed '"192.0.2.0/25", "2001:db8::/64"' 'timeout = "1h"'
conf fixed '"192.0.2.0/25", "2001:db8::/64"' 'const = true'
echo 'firewall { rules = { "pass label none" } }' >"$lab_tmp/none"
file='192.0.2.0/25 2001:db8::/64 '
both='192.0.2.0/25 198.51.100.7 2001:db8::/64 2001:db8:7::7 '

# ---- an apply ----
ok 'a table that the file fills' fw apply -f "$lab_tmp/a"
ok 'entries at run time' fw table add t 198.51.100.7 2001:db8:7::7
like "$(fw apply -f "$lab_tmp/a")" 'in force already, nothing written' 'are no difference'
exits 0 'nor is there any for diff' fw diff -f "$lab_tmp/a"
ok 'another file' fw apply -f "$lab_tmp/counts"
is "$(holds)" "$both" 'whose table is made anew keeps them'
ok 'and back' fw apply -f "$lab_tmp/a"
is "$(holds)" "$both" 'as well'
ok 'what the file names' fw apply -f "$lab_tmp/b"
is "$(holds)" '192.0.2.0/25 198.51.100.4/30 2001:db8::/64 2001:db8:7::/48 ' 'becomes the whole network'
like "$(fw apply -f "$lab_tmp/b")" 'in force already, nothing written' 'once'
ok 'and when it names it no more' fw apply -f "$lab_tmp/a"
is "$(holds)" "$file" 'it is gone: it was the file'"'"'s'
fw -q table delete t 192.0.2.64/26
fw -q table add t 203.0.113.0/24
ok 'what was deleted at run time' fw apply -f "$lab_tmp/a"
is "$(holds)" '192.0.2.0/26 192.0.2.64/26 203.0.113.0/24 2001:db8::/64 ' 'comes back, and what was added stays'
fw -q table delete t 203.0.113.64/26
ok 'an entry that was cut' fw apply -f "$lab_tmp/b"
is "$(holds)" '192.0.2.0/26 192.0.2.64/26 198.51.100.4/30 203.0.113.0/26 203.0.113.128/25 2001:db8::/64 2001:db8:7::/48 ' 'stays cut'
fw -q table replace t 192.0.2.0/25 2001:db8::/64
ok 'with times' fw table add t --timeout 2h 198.51.100.0/24 2001:db8:6::/47
ok 'an apply of a part of them' fw apply -f "$lab_tmp/b"
is "$(fw table show t -j | jq -r '.addresses[] | "\(.address)=\(.timeout)"' | grep -v ^192 | tr '\n' ' ')" \
	'198.51.100.0/30=7200 198.51.100.4/30=0 198.51.100.8-198.51.100.255=7200 2001:db8::/64=0 2001:db8:6::/48=7200 2001:db8:7::/48=0 ' \
	'the part stays for good, the rest for its time'
ok 'a table with a time-out' fw apply -f "$lab_tmp/timed"
fw -q table replace t 192.0.2.0/25 2001:db8::/64 198.51.100.7
ok 'and without' fw apply -f "$lab_tmp/a"
is "$(fw table show t -4j | jq -r '.addresses[] | "\(.address) \(.timeout)"' | tr '\n' ' ')" '192.0.2.0/25 0 198.51.100.7 3600 ' 'an entry keeps its time'
ok 'a table that is const' fw apply -f "$lab_tmp/fixed"
is "$(holds)" "$file" 'holds what the file says'

# ---- an undo ----
ok 'ptconf' pc apply -f "$lab_tmp/a"
fw -q table add t 198.51.100.7 2001:db8:7::7
fw -q table add t --timeout 2h 198.51.100.9
kept='192.0.2.0/25 198.51.100.7 198.51.100.9 2001:db8::/64 2001:db8:7::7 '
for new in none b counts fixed; do
	pc -q apply -f "$lab_tmp/$new" --confirm 60
	ok "a change ($new), undone" pc rollback
	is "$(holds)" "$kept" 'brings back what came at run time'
done
like "$(fw table show t -s)" 'expires in (71[0-9][0-9]|7200)s' 'with the time that is left'
pc -q apply -f "$lab_tmp/none" --confirm 1
ok 'not confirmed in time' lab_wait 6 are "$kept"
in_ns fw sh -c 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys'
sed 's/^/system { forwarding = true }\n/' "$lab_tmp/none" >"$lab_tmp/refused"
exits 2 'a change that is refused half-way' pc apply -f "$lab_tmp/refused"
in_ns fw umount /proc/sys
is "$(holds)" "$kept" 'loses nothing either'
ok 'confirmed' pc apply -f "$lab_tmp/counts"
is "$(holds)" "$kept" 'it keeps them'

# ---- a large table ----
many=20000
awk -v n="$many" 'BEGIN { for (i = 0; i < n; i++) printf "11.%d.%d.%d\n", i / 32768, (i / 128) % 256, (i * 2) % 256 }' >"$lab_tmp/list"
printf 'table t { file = "%s" persist = true }\nfirewall { rules = { "block in from <t>" } }\n' "$lab_tmp/list" >"$lab_tmp/large"
# answers COMMAND...: how many large ones of the kernel were read.
answers() { in_ns fw strace -o "$lab_tmp/trace" -e trace=recvmsg,recvfrom "$@" >"$lab_tmp/out" 2>&1; grep -Ec 'recv(msg|from).*= 3[0-9]{4}$' "$lab_tmp/trace"; }
fw -q table flush t
ok "$many rows" pc apply -f "$lab_tmp/large"
if command -v strace >/dev/null; then
	is "$(answers "$ptconf" apply -f "$lab_tmp/none" --confirm 60)" 0 'nothing came at run time: it is not read for the snapshot'
	ok 'undone' pc rollback
	isnt "$(answers "$ptfw" table show t)" 0 'as it is to be shown'
else
	skip 'no strace' 'the table is not read for the snapshot'
fi
ok 'one at run time' fw table add t 198.51.100.7
pc -q apply -f "$lab_tmp/none" --confirm 60
ok 'undone again' pc rollback
is "$(fw table show t -4 | wc -l)" $((many + 1)) 'all are there'
exits 0 'with that one' fw table test t 198.51.100.7
fw -q table delete t 198.51.100.7
fw -q table add t 198.51.100.7
ok 'the same file' fw apply -f "$lab_tmp/large"
if command -v strace >/dev/null; then
	is "$(answers "$ptfw" apply -f "$lab_tmp/large")" 0 'the same again: what is in it has been noted, though nothing differed'
fi
pc -q apply -f "$lab_tmp/none" --confirm 60
ok 'and once more, where an apply has noted what is in it' pc rollback
exits 0 'with that one' fw table test t 198.51.100.7
done_testing
