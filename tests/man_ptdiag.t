#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag(8): every command stands in the page, and every word that a command takes.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/..}" || exit 1
build=${PATRONUS_BUILD:-build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# of WORDS: they stand in the page, and in their section each word that they take.
section()
{
	ok "$1 stands in the page" grep -Eq "^\.It Cm $1( |\$)" man/ptdiag.8
	# shellcheck disable=SC2086
	"$ptdiag" $1 help | sed -n '/^Words, in any order:/,/^$/s/^  \([a-z0-9-][a-z0-9-]*\) .*/\1/p' >"$tmp/words"
	while read -r word; do
		# shellcheck disable=SC2016
		ok "$1: $word stands in the page" awk -v from=".It Cm $1" -v word="$word" '
			index($0 " ", from " ") == 1 { on = 1; next }
			on && /^\.Ss/ { on = 0 }
			on && $0 ~ "^\\.(It )?Cm " word "( |$)" { found = 1 }
			END { exit !found }' man/ptdiag.8
	done <"$tmp/words"
}

"$ptdiag" complete -- '' | grep -vx help >"$tmp/objects"
ok 'there are commands' [ -s "$tmp/objects" ]
while read -r object; do
	if "$ptdiag" "$object" help | grep -q '^Usage: .*\[COMMAND\]'; then
		for command in $("$ptdiag" complete -- "$object" '' | grep -vx help); do
			section "$object $command"
		done
	else
		section "$object"
	fi
done <"$tmp/objects"
done_testing
