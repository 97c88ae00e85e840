# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# What `ptfw lint` costs, as time of the processor, beside `ptfw check` of the same file. Rules alternate between pass and
# block, so that they have something to do with each other.
#
# What is not assigned here comes from run.sh.

# processor COMMAND...: its milliseconds; status 3 is an answer.
processor()
{
	(
		"$@" >/dev/null 2>&1 || test $? -eq 3 || exit
		times
	) | awk 'function ms(s) { split(s, p, "m"); return p[1] * 60000 + p[2] * 1000 } NR == 2 { print ms($1) + ms($2) }'
}

# lint_rules NAME FILTERS [GOAL]
lint_rules()
{
	progress "lint, $1"
	tests/bench/classbench -b 2 "$2" >"$tmp/lint.conf"
	"$ptfw" -q check -f "$tmp/lint.conf"
	for _ in $(seq "$load_rounds"); do
		sample "lint.$1.ms" "$(processor "$ptfw" lint -f "$tmp/lint.conf")"
		sample "lint-check.$1.ms" "$(processor "$ptfw" check -f "$tmp/lint.conf")"
		# The goal is a time, so that the peer is a constant.
		sample "lint-goal.$1.ms" 2000
	done
	row "lint $1 / 2 s" "lint.$1.ms" "lint-goal.$1.ms" ms "${3:-}"
	row "lint $1 / check" "lint.$1.ms" "lint-check.$1.ms" ms
}

lint_if_large() { case $1 in *6_* | *_1000) ;; *) lint_rules "$1" "$2" 1 ;; esac; }
