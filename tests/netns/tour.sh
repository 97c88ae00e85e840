#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of the README's tour, in order, in a namespace: each does what the text around it says.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

lab_ns tour
mkdir -p "$lab_tmp/tree"
cp -r contrib "$lab_tmp/tree"
# shellcheck disable=SC2016 # the fences of the README, nothing to expand
sed -n '/^```console/,/^```$/s/^\$ //p' README.md >"$lab_tmp/commands"

diffs=0
while read -r line; do
	want=0
	case $line in
	*'ptfw diff'*) diffs=$((diffs + 1)); [ "$diffs" -ne 1 ] || want=3 ;;
	esac
	case $line in *'ptfw explain'* | *'ptconf diff'*) want=3 ;; esac
	[ ! -e "$lab_tmp/tree/broken" ] || case $line in *'ptfw apply'*) want=1 ;; esac
	case $line in sed*) : >"$lab_tmp/tree/broken" ;; esac
	exits "$want" "$line" in_ns tour env "PATH=$build:$PATH" sh -c "cd '$lab_tmp/tree' && $line" </dev/null
	case $line in
	*'ptfw explain'*)
		is "$tap_out" "$(awk '/ptfw explain in/ { on = 1 } on && /^```$/ && ++n == 3 { exit } n == 2 && !/^```/' README.md)" \
			'the README shows what it says' ;;
	esac
done <"$lab_tmp/commands"
history=$(in_ns tour "$build/ptconf" history | awk 'NR > 1 { print $2, $5, $6 }' | tr '\n' ';')
is "$history" 'r4 confirmed root;r3 confirmed root;r2 undone guard;r1 confirmed root;' 'the history is the one that the README tells of'
ok 'the tour has its commands' [ "$tap_n" -ge 20 ]
done_testing
