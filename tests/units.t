#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The units for systemd: what they may do is little, their options are known, and none has a way to open when it stops.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
needs systemd-analyze
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for unit in contrib/systemd/*.service; do
	sed "s|@SBINDIR@|$build|g" "$unit" >"$tmp/${unit##*/}"
done
for unit in "$tmp"/*.service; do
	name=${unit##*/}
	ok "$name: its exposure is at most 2.0" systemd-analyze security --offline=yes --threshold=20 "$unit"
	# Only what is said of the unit itself: others it names may be missing here.
	is "$(SYSTEMD_UNIT_PATH="$tmp:" systemd-analyze verify --man=no --recursive-errors=no "$unit" 2>&1 | grep -F "$name")" '' \
		"$name: systemd understands it"
	unlike "$(cat "$unit")" '^ExecStop' "$name: stopping does nothing more"
done
like "$(cat "$tmp/patronus-block.service")" '^Before=.*network-pre\.target' 'the block set comes before the network'
like "$(cat "$tmp/patronus.service")" '^After=.*patronus-block\.service' 'the rules come after the block set'
done_testing
