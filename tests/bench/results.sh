# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# What was measured, and the table and the JSON made of it. A row compares two series of samples,
# ours and a peer's, that were taken in turn: the nth of one belongs to the nth of the other, so that a
# machine that is slower for a while slows both. Needs $tmp.
#
#   sample SERIES VALUE...             adds values
#   row TITLE OURS PEER UNIT [GOAL]    compares two series; the ratio is to be at most GOAL
#   skipped WHAT WHY                   what could not be measured
#   results JSON                       prints the table, writes the file
#
# What is not assigned here comes from run.sh.

progress() { printf 'bench: %4d s  %s\n' $(($(date +%s) - started)) "$*" >&2; }

sample()
{
	results_series=$1
	shift
	for results_value in "$@"; do
		printf '%s\t%s\n' "$results_series" "$results_value" >>"$tmp/samples"
	done
}

row() { printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5:-}" >>"$tmp/rows"; }

skipped()
{
	printf '%s\t%s\n' "$1" "$2" >>"$tmp/skipped"
	progress "skipped: $1: $2"
}

version_of() { "$@" 2>/dev/null | sed -n '1s/[^0-9]*\([0-9][0-9.]*\).*/\1/p'; }

machine() { sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | sed 1q; }

results()
{
	: >>"$tmp/samples"
	: >>"$tmp/rows"
	: >>"$tmp/skipped"
	awk -F '\t' -v json="$1" -v mode="$mode" -v seed="$seed" -v kernel="$(uname -r)" -v machine="$(machine)" \
		-v processors="$(nproc)" -v started="$(date -u -d "@$started" +%Y-%m-%dT%H:%M:%SZ)" \
		-v nft="$(version_of nft --version)" -v iptables="$(version_of iptables-legacy --version)" \
		-v ipset="$(version_of ipset --version)" -v conntrack="$(version_of conntrack --version)" \
		-f tests/bench/results.awk "$tmp/samples" "$tmp/rows" "$tmp/skipped"
}
