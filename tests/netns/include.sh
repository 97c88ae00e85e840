#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Files that include others: places of errors, what is refused, and that the copy of what is applied holds them all.
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
dir=$lab_tmp/etc
mkdir -p "$dir/rules.d/deep"
conf=$dir/main.conf
# The folders are the test's own, as /etc/patronus is root's.
chmod 755 "$lab_tmp" "$dir" "$dir/rules.d" "$dir/rules.d/deep"

cat >"$conf" <<'CONF'
interface wan { device = "eth0" }
include("rules.d/tables.conf")
include ( 'rules.d/guests.conf' ) # a second one
firewall { rules = { "block in from <bad> label bad", "anchor guests in on guest", "anchor extra", "pass out" } }
CONF
cat >"$dir/rules.d/tables.conf" <<'CONF'
table bad { file = "rules.d/bad.list" }
CONF
echo 192.0.2.0/24 >"$dir/rules.d/bad.list"
cat >"$dir/rules.d/guests.conf" <<'CONF'
# what guests may
interface guest { device = "eth9" }
include("rules.d/deep/macros.conf")
anchor guests {
	rules = {
		"pass proto tcp to $web label web",
		"block to 10.0.0.0/8"
	}
}
CONF
echo 'macro web { value = "203.0.113.5 port { 80, 443 }" }' >"$dir/rules.d/deep/macros.conf"

ok 'files are included' pt check -f "$conf"
ok 'wherever it is called' in_ns fw sh -c "cd '$dir/rules.d' && '$ptfw' check -f ../main.conf"
ok 'from the folder itself' in_ns fw sh -c "cd '$dir' && '$ptfw' check -f main.conf"
ok 'and the kernel takes them' pt check --kernel -f "$conf"
ok 'apply' pt apply -f "$conf"
like "$(pt rule show -d)" "guests/web .*$dir/rules.d/guests.conf:6" 'rule show tells the file'
like "$(pt table show bad)" '192.0.2.0/24' 'tables have their files from the first folder'
exits 0 'nothing differs' pt diff -f "$conf"
sed -i 's/10.0.0.0/172.16.0.0/; s/\/8"/\/12"/' "$dir/rules.d/guests.conf"
exits 3 'a change of an included file is a difference' pt diff -f "$conf"
like "$(pt rule show)" 'block to 10.0.0.0/8' 'what is shown is what was applied'
ok 'an anchor is loaded' in_ns fw sh -c "echo 'block in from 192.0.2.9' | '$ptfw' anchor load extra"
like "$(pt rule show)" 'block to 10.0.0.0/8' 'into what was applied'
in_ns fw sh -c "cd / && mv '$dir' '$dir.away'"
like "$(pt rule show)" 'block to 10.0.0.0/8' 'which needs the files no longer'
mv "$dir.away" "$dir"
ok 'apply again' pt apply -f "$conf"
like "$(pt rule show)" 'block to 172.16.0.0/12' 'takes the change'
like "$(pt rule show)" 'block in from 192.0.2.9' 'and what was loaded'

# ---- places ----
echo 'table bad { persist = maybe }' >"$dir/rules.d/deep/macros.conf"
exits 1 'mistakes in included files' pt check -f "$conf"
like "$tap_out" "^$dir/rules.d/deep/macros.conf:1:23: error" 'have their places'
like "$tap_out" "first in $dir/rules.d/tables.conf, line 1" 'and name other files'
echo 'anchor x { rules = { "pass on nix" } } macro web { value = "any" }' >"$dir/rules.d/deep/macros.conf"
sed -i 's/anchor extra/anchor x/' "$conf"
exits 1 'an unknown name in a rule' pt check -f "$conf"
like "$tap_out" "^$dir/rules.d/deep/macros.conf:1:31: error: unknown interface 'nix'" 'is told at its place'
like "$tap_out" '^ *anchor x . rules = . "pass on nix" . .' 'with its line'

# ---- refused ----
refused() {
	printf '%s\n' "$1" >"$dir/bad.conf"
	exits 1 "$2" pt check -f "$dir/bad.conf"
	like "$tap_out" "$3" 'says why'
}
refused 'include("../other.conf")' 'a path with ..' 'bad.conf:1:10: error: this path leaves the folder'
refused 'include("rules.d/../../x")' '.. in the middle' 'leaves the folder'
refused 'include("/etc/passwd")' 'a path from the root' 'leaves the folder'
refused 'include("")' 'no path' 'leaves the folder'
refused 'include("nix.conf")' 'a file that is not there' 'bad.conf:1:10: error: it cannot be included: .*nix.conf'
refused 'include()' 'no argument' 'the path of a file is missing'
refused 'include("rules.d"' 'no closing parenthesis' 'error'
refused 'exclude("x")' 'another function' 'no functions such as this one'
refused 'include("bad.conf")' 'hostile-17: a file that includes itself' 'this file includes itself'
refused 'include("rules.d/tables.conf") include("rules.d/tables.conf")' 'a file twice' 'included already'
refused 'include("rules.d")' 'a folder' 'cannot be included'
ln -s /etc/shadow "$dir/link.conf"
refused 'include("link.conf")' 'hostile-19: a link' 'symbolic link'
unlike "$tap_out" 'root:' 'and nothing of it is shown'
echo 'table t { persist = true }' >"$dir/open.conf"
chmod 666 "$dir/open.conf"
refused 'include("open.conf")' 'hostile-20: a file that others may write' 'written by others'
mkfifo "$dir/fifo.conf"
refused 'include("fifo.conf")' 'hostile-18: a FIFO' 'cannot be included'
exits 1 'standard input' in_ns fw sh -c "echo 'include(\"rules.d/tables.conf\")' | '$ptfw' check -f -"
like "$tap_out" 'only a file can include others' 'has no folder'

# ---- hostile-17 ----
for i in $(seq 1 10000); do echo "include(\"n/$((i + 1)).conf\")"; done | awk -v dir="$dir/n" 'BEGIN { system("mkdir -p " dir) }
	{ f = dir "/" NR ".conf"; print > f; close(f) }'
echo 'include("n/1.conf")' >"$dir/nested.conf"
exits 1 'hostile-17: 10,000 files, each included by the one before' pt check -f "$dir/nested.conf"
like "$tap_out" 'n/16.conf:1:10: error: files include each other more than 16 deep' 'end at the sixteenth'
for i in $(seq 1 400); do echo "table t$i { persist = true }" >"$dir/n/$i.conf"; echo "include(\"n/$i.conf\")"; done >"$dir/many.conf"
exits 1 'more files than are allowed' pt check -f "$dir/many.conf"
like "$tap_out" 'many.conf:257:10: error: more than 256 files' 'are refused'
head -n 256 "$dir/many.conf" >"$dir/some.conf"
ok '256 files are fine' pt check -f "$dir/some.conf"
done_testing
