#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Measures Patronus against the tools that people have, in the same run, in namespaces of its own, each case in turn
# with its peer. A table on standard output, every sample in $PATRONUS_BUILD/bench.json.
#
#   BENCH=quick|full   a few minutes, or as long as it takes (default quick)
#   CASES=...          of: forward load table read lint explain network diag console capture (default: all)
#   CLASSBENCH=DIR     rule sets and traces of ClassBench; without it they are made up
#   SETS=PATTERN       only sets whose names match, as acl1_*
#   SEED=N             of everything made up (default 1)
set -eu

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}"
build=${PATRONUS_BUILD:-build}
ptfw=${PTFW:-$build/ptfw}
ptnet=$build/ptnet
measure=$build/bench/measure
offer=$build/bench/offer
offer_object=$build/tests/bench/offer.bpf.o
mode=${BENCH:-quick}
seed=${SEED:-1}
cases=${CASES:-forward load table read explain lint network diag console capture}
started=$(date +%s)
state_count=100000
packet_count=300000

case $mode in
quick) rounds=5 offer_ms=60 verified=2000 load_rounds=3 large_rounds=2 table_size=100000 ;;
full) rounds=15 offer_ms=200 verified=50000 load_rounds=7 large_rounds=3 table_size=1000000 ;;
*)
	echo 'bench: BENCH is quick or full' >&2
	exit 2
	;;
esac

# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/bench/results.sh
. tests/bench/results.sh
# shellcheck source=tests/bench/sets.sh
. tests/bench/sets.sh
# shellcheck source=tests/bench/forward.sh
. tests/bench/forward.sh
# shellcheck source=tests/bench/load.sh
. tests/bench/load.sh
# shellcheck source=tests/bench/read.sh
. tests/bench/read.sh
# shellcheck source=tests/bench/lint.sh
. tests/bench/lint.sh
# shellcheck source=tests/bench/explain.sh
. tests/bench/explain.sh
# shellcheck source=tests/bench/network.sh
. tests/bench/network.sh
# shellcheck source=tests/bench/looking.sh
. tests/bench/looking.sh
# shellcheck source=tests/bench/console.sh
. tests/bench/console.sh
# shellcheck source=tests/bench/capture.sh
. tests/bench/capture.sh

lab_begin || { echo "bench: $lab_why" >&2; exit 1; }
tmp=$lab_tmp
for tool in nft ipset conntrack jq; do
	command -v "$tool" >/dev/null || {
		echo "bench: needs $tool to compare with; see contrib/bootstrap bench" >&2
		exit 1
	}
done
# What was measured before something failed, or somebody had enough, is told all the same.
trap 'results "$build/bench.json"; lab_end' EXIT

wanted() { case " $cases " in *" $1 "*) return 0 ;; esac; return 1; }

# each_set FUNCTION: FUNCTION NAME FILTERS TRACE for every set that is wanted.
each_set()
{
	while read -r set_name set_filters set_trace <&3; do
		# A pattern.
		# shellcheck disable=SC2254
		case $set_name in
		${SETS:-*}) "$1" "$set_name" "$set_filters" "$set_trace" ;;
		esac
	done 3<"$tmp/sets"
}

load_if_large() { case $mode:$1 in *_1000 | quick:*6_*) ;; *) load_rules "$1" "$2" "$load_rounds" ;; esac; }

progress "$mode, seed $seed, ${CLASSBENCH:-rule sets made up}"
make_sets
largest=$(awk '$1 ~ /_10000$/ { print $1, $2; exit }' "$tmp/sets")

if wanted forward && forward_begin; then
	each_set forward
fi
if wanted load; then
	each_set load_if_large
	tests/bench/classbench -g acl -l 50000 -s "$seed" >"$tmp/acl_50000"
	load_rules acl_50000 "$tmp/acl_50000" "$large_rounds"
fi
# Two words: name and file.
# shellcheck disable=SC2086
if wanted load || wanted read; then
	change_rules $largest
	! wanted read || read_rules $largest
fi
if wanted table; then
	load_table
	touch_table
	replace_table
fi
if wanted read; then
	read_table
	read_states
fi
if wanted explain; then
	# shellcheck disable=SC2086
	explain_packets $largest
fi
if wanted lint; then
	each_set lint_if_large
	tests/bench/classbench -g acl -l 50000 -s "$seed" >"$tmp/acl_50000"
	lint_rules acl_50000 "$tmp/acl_50000"
fi
if wanted network; then
	network_routes
	network_links
fi
if wanted diag; then
	looking
fi
if wanted console; then
	console
fi
if wanted capture; then
	capture_files
fi
