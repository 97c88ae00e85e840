#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptfw import pf` as people use it: each file of the corpus becomes one that `ptfw check` takes, and the exit status tells
# whether all of it was carried.

cd "${PATRONUS_TOP:-$(dirname "$0")/..}" || exit 1
ptfw=${PTFW:-build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Files that tables name are not on this machine.
checked() { sed "s|^    file = .*|    file = '$tmp/empty'|" "$1" | "$ptfw" check -f - ; }

: >"$tmp/empty"
cp tests/corpus/pf/included.rules "$tmp"
for f in tests/corpus/pf/*.conf; do
	name=${f##*/}
	sed "s|/etc/pf/|$tmp/|" "$f" >"$tmp/$name"
	"$ptfw" import pf "$tmp/$name" >"$tmp/made" 2>"$tmp/told"
	rc=$?
	want=0
	grep -Eq '^[^:]*:[0-9]+: (changed|left out): ' "$tmp/told" && want=3
	is "$rc" "$want" "$name: the status tells whether all is carried"
	ok "$name: ptfw check takes what is made" checked "$tmp/made"
	is "$(grep -Evc '^[^:]+:[0-9]+: (note|changed|left out): .*; written: .' "$tmp/told")" 0 "$name: each line of the report is whole"
	is "$(grep -c '^ *# left out: ' "$tmp/made")" \
		"$(grep -c ': left out: \|: changed: set .*; written: a comment$' "$tmp/told")" "$name: what is left out is a comment"
done

imports() { printf '%b' "$1" | "$ptfw" import pf - ; }

exits 0 'all is carried' imports 'block\npass out on em0\n'
exits 3 'something is changed' imports 'block\npass modulate state\n'
exits 3 'something is left out' imports 'block\npass proto tcp os "Linux"\n'
exits 1 'what is no pf.conf' imports 'hello world\n'
like "$(imports 'block\nhello world\n' 2>&1)" "^standard input:2:1: error: 'hello' begins no statement" 'with its place'
exits 1 'an open quote' imports 'block label "x\n'
exits 1 'a control byte' imports 'block\001\n'
exits 1 'a file that is not there' "$ptfw" import pf "$tmp/nowhere"
exits 1 'a folder' "$ptfw" import pf "$tmp"
exits 1 'no file' "$ptfw" import pf
exits 1 'a name without a device' "$ptfw" import pf "$tmp/laptop.conf" em0
is "$(imports 'block\npass on em0' 2>&1 >/dev/null | grep -c note)" 1 'a note for an interface'
is "$(printf 'block\npass on em0' | "$ptfw" import pf - -q 2>&1 >/dev/null)" '' 'but not with -q'
is "$(printf 'block\npass on em0' | "$ptfw" import pf - em0=eth0 2>&1 >/dev/null)" '' 'nor with its device'
like "$(printf 'block\npass on em0' | "$ptfw" import pf - em0=eth0)" '^interface em0 \{ device = "eth0" \}$' 'which is written'

printf 'block\ninclude "%s/more.conf"\n' "$tmp" >"$tmp/main.conf"
printf 'pass out on em0\n' >"$tmp/more.conf"
ok 'an include' "$ptfw" import pf "$tmp/main.conf"
like "$("$ptfw" import pf "$tmp/main.conf" 2>/dev/null)" '"pass out on em0 all"' 'is read'
printf 'include "%s/more.conf"\n' "$tmp" >"$tmp/more.conf"
exits 1 'a file that includes itself' "$ptfw" import pf "$tmp/main.conf"
chmod 666 "$tmp/more.conf"
exits 3 'an include that anybody could write' "$ptfw" import pf "$tmp/main.conf"

done_testing
