#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The differential tests with one seed after the other, for SOAK_SECONDS: two evaluators, sets of packets, and, for root, the
# kernel with real packets. Every seed is printed, and the first that fails ends it; SOAK_SEED begins with another one.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
seconds=${SOAK_SECONDS:-600}
seed=${SOAK_SEED:-$(date +%s)}
begun=$(date +%s)
all=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# one COMMAND...: its pairs of a rule set and a packet are added up.
one()
{
	if ! "$@" >"$log" 2>&1; then
		cat "$log"
		echo "soak: seed $seed fails: $*"
		exit 1
	fi
	pairs=$(sed -n 's/^# \([0-9]*\) \(pairs of a rule set and a packet\|points:.*\)$/\1/p; s/^# .* hold for \([0-9]*\) packets drawn.*/\1/p' "$log" |
		awk '{ n += $1 } END { print n + 0 }')
	all=$((all + pairs))
}

while [ $(($(date +%s) - begun)) -lt "$seconds" ]; do
	for test in eval_ref space_eval expect expect_small meaning reach order classify; do
		one env PATRONUS_SEED="$seed" "$build/tests/unit/$test.t"
	done
	[ "$(id -u)" -ne 0 ] || one "$build/tests/netns/differential.t" "$seed"
	echo "seed $seed: no difference; $all pairs of a rule set and a packet after $(($(date +%s) - begun)) s"
	seed=$((seed + 1))
done
echo "soak: $all pairs, no difference"
