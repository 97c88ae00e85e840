# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# The console on a terminal, with 10,000 rules with labels and 1,000 tables in force, and the same in the candidate: how long to the
# prompt (the goal is 30 ms), and to the whole answer to a key (20 ms). Beside it bash, which starts, and completes a word out of as many.
#
# What is not assigned here comes from run.sh.

console_rules=10000
console_tables=1000

console_conf()
{
	awk -v rules="$console_rules" -v tables="$console_tables" 'BEGIN {
		print "interface wan { device = \"in0\" address = { \"10.253.253.1/24\" } }"
		for (i = 0; i < tables; i++)
			printf "table table%d { addresses = { \"192.0.2.%d\" } }\n", i, i % 250 + 1
		print "firewall { rules = {"
		for (i = 0; i < rules; i++)
			printf "\t\"pass in quick on wan proto tcp from 10.%d.%d.0/24 to <table%d> port %d label rule%d\",\n",
				i / 250, i % 250, i % tables, i % 60000 + 1, i
		print "} }" }'
}

# console_times NAME PROGRAM...: samples NAME-STEP of each of $tmp/NAME.steps, and NAME-start.
console_times()
{
	console_of=$1
	shift
	in_ns console env HOME="$tmp" TERM=vt220 "$build/bench/console" "$tmp/$console_of.steps" "$@" >"$tmp/console.out" || {
		skipped "console: $console_of" 'no answer'
		return 0
	}
	while read -r console_step console_wall console_cpu _; do
		sample "$console_of-$console_step.ms" "$console_wall"
		sample "$console_of-$console_step.cpu" "$console_cpu"
	done <"$tmp/console.out"
}

# A list that is longer than the screen waits for a key: q.
console_steps()
{
	cat <<'STEPS'
- fw rule show
label-question \x20?
- q\x15fw rule show rule99
label-tab \t
- q\x15fw table show
table-question \x20?
- q\x15fw table delete table1
element-question \x20?
- q\x15
configure configure\r
- delete firewall rules
delete-question \x20?
- q\x15set firewall rules
rules-tab \x20\t
- "pass in on wan from <table99
rule-tab \t
- \x15
set-one set firewall rules "pass in on wan label one"\r
set-two set interface wan mtu 1400\r
compare compare\r
show show firewall | count\r
- \x15set firewall rules pass in on
after-question \x20?
STEPS
}

console()
{
	progress "console, $console_rules rules"
	lab_ns console
	in_ns console tests/bench/router.sh
	console_conf >"$tmp/console.conf"
	in_ns console "$ptfw" -q apply -f "$tmp/console.conf"
	console_steps >"$tmp/ptsh.steps"
	cat >"$tmp/bash.steps" <<-'STEPS'
		- complete -W "$(seq -f rule%.0f 0 9999)" words\r
		- words rule99
		tab \t
	STEPS
	for _ in $(seq $((load_rounds + 2))); do
		console_times ptsh "$build/ptsh" -f "$tmp/console.conf"
		console_times bash bash --norc --noprofile -i
		sample thirty.ms 30
		sample twenty.ms 20
	done
	row 'ptsh, start to prompt / 30 ms' ptsh-start.ms thirty.ms ms 1
	row 'ptsh, start to prompt / bash: processor' ptsh-start.cpu bash-start.cpu ms
	row "ptsh, Tab, $console_rules labels / bash, as many words: processor" ptsh-label-tab.cpu bash-tab.cpu ms
	while read -r console_step console_what; do
		row "ptsh, $console_what / 20 ms" "ptsh-$console_step.ms" twenty.ms ms 1
		case $console_step in
		compare | show) ;; # a process of its own
		*) row "ptsh, $console_what / 20 ms: processor" "ptsh-$console_step.cpu" twenty.ms ms 1 ;;
		esac
	done <<-STEPS
		label-question ?, $console_rules labels
		label-tab Tab, $console_rules labels
		table-question ?, $console_tables tables
		element-question ?, elements of a table
		delete-question delete firewall rules ?
		rules-tab set firewall rules Tab
		rule-tab Tab, a table in a rule
		after-question ? after a change
		set-one set firewall rules ...
		set-two set interface wan mtu
		compare compare
		show show firewall
	STEPS
}
