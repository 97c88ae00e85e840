#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptnet(8): every example of a file is one that ptnet takes, every type of link has one, and every command stands in the page.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/..}" || exit 1
build=${PATRONUS_BUILD:-build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Displays that begin with a section are files.
awk -v dir="$tmp" '/^\.Bd -literal/ { on = 1; first = 1; next } /^\.Ed/ { on = 0; if (file) close(file); file = "" }
	on && first { first = 0; file = /^interface / ? dir "/" ++n ".conf" : "" } on && file { print >file }' man/ptnet.8
n=0
for file in "$tmp"/*.conf; do
	n=$((n + 1))
	ok "example $n: $(head -n 1 "$file")" "$ptnet" check -f "$file"
done
ok 'there are examples' [ "$n" -ge 6 ]
cat "$tmp"/*.conf >"$tmp/all"
for type in $(sed -n 's/^const char \*const pt_link_kinds\[\] = {//; t kinds; d; :kinds; p; n; p; q' lib/conf/schema_interface.c |
		tr -cd 'a-z0-9 ' | tr -s ' ' '\n' | grep -v -e physical -e '^NULL$'); do
	ok "type $type has an example" grep -Eq "type = $type( |\$)" "$tmp/all"
done
# words NAME: of the option of shapers
words() { sed -n "s/^static const char \*const $1\[\] = { \(.*\), NULL };/\1/p" lib/conf/schema_qos.c | tr -d '",'; }
for type in $(words types); do
	case $type in
	cake) ok 'type cake has an example' grep -q '^shaper.*bandwidth' "$tmp/all" ;;
	*) ok "type $type of shapers has an example" grep -Eq "^shaper .*type = $type( |\$)" "$tmp/all" ;;
	esac
done
for preset in $(words presets); do
	ok "preset $preset has an example" grep -Eq "preset = $preset( |\$)" "$tmp/all"
done
ok 'there are types and presets' [ "$(words types | wc -w)" -ge 4 -a "$(words presets | wc -w)" -ge 5 ]
"$ptnet" help | sed -n 's/^  \([a-z]*\) *\([a-z]*\).*/\1 \2/p' | grep -v -e '^ ' >"$tmp/commands"
while read -r object command; do
	case $object in check | diff | apply | watch) words="Cm $object" ;; *) words="Cm $object $command" ;; esac
	ok "$words stands in the page" grep -Eq "^\.It $words( |\$)" man/ptnet.8
done <"$tmp/commands"
echo 'interface x { type = vlan }' >"$tmp/bad"
exits 1 'a wrong file is refused' "$ptnet" check -f "$tmp/bad"
done_testing
