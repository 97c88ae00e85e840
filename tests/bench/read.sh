# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# Reading back what the kernel holds. Uses the routers `ours` and `byhand` of load.sh, which hold the same rules.
#
# What is not assigned here comes from run.sh.

read_rules()
{
	progress "rule show, $1"
	for _ in $(seq "$load_rounds"); do
		timed_in ours rule-show "$ptfw" rule show
		timed_in byhand nft-list nft list ruleset
		timed_in ours rule-show-s "$ptfw" -s rule show
		timed_in ours rule-show-o "$ptfw" -o rule show
		timed_in ours rule-show-j "$ptfw" -j rule show
		timed_in byhand nft-list-j nft -j list ruleset
	done
	both_rows "rule show, $1 / nft list ruleset" rule-show nft-list 0.25
	row "rule show -s, $1 / nft list ruleset" rule-show-s.ms nft-list.ms ms
	row "rule show -o, $1 / nft list ruleset" rule-show-o.ms nft-list.ms ms
	row "rule show -j, $1 / nft -j list ruleset" rule-show-j.ms nft-list-j.ms ms
}

# A small table must not pay for a huge one beside it.
read_table()
{
	progress 'table show'
	huge_table
	prefixes 10 >"$tmp/small.list"
	table_file "$tmp/huge.list" "$tmp/small.list" >"$tmp/two.conf"
	nft_set small "$tmp/small.list" >"$tmp/small.nft"
	lab_ns sets setsbyhand
	in_ns sets tests/bench/router.sh
	in_ns sets "$ptfw" -q apply -f "$tmp/two.conf"
	in_ns setsbyhand nft -f "$tmp/huge.nft"
	in_ns setsbyhand nft -f "$tmp/small.nft"
	for _ in $(seq "$load_rounds"); do
		timed_in sets table-show "$ptfw" table show small
		timed_in setsbyhand nft-list-set nft list set inet bench small
		# The goal is a time, so that the peer is a constant.
		sample five.ms 5
	done
	row "table show, 10 beside $table_size / 5 ms" table-show.ms five.ms ms 1
	row "table show, 10 beside $table_size / nft list set" table-show.ms nft-list-set.ms ms
}

read_states()
{
	progress "state show, $state_count states"
	lab_ns states
	in_ns states tests/bench/router.sh
	tests/bench/classbench -g acl -l 1000 -s "$seed" >"$tmp/state-filters"
	tests/bench/classbench -G -l "$state_count" -s "$seed" "$tmp/state-filters" >"$tmp/trace"
	cat >"$tmp/states.conf" <<-'FILE'
		interface wan { device = "in0" address = { "10.253.253.1/24" } }
		interface lan { device = "out0" address = { "10.253.254.1/24" } }
		firewall { rules = { "pass in quick on wan", "pass out quick on lan" } }
	FILE
	in_ns states "$ptfw" -q apply -f "$tmp/states.conf"
	offer_to states -1 >/dev/null || {
		skipped 'state show' 'no states without live frames'
		return 0
	}
	states=$(in_ns states conntrack -C)
	for _ in $(seq "$load_rounds"); do
		timed_in states state-show "$ptfw" state show
		timed_in states conntrack-L conntrack -L
		timed_in states state-show-o "$ptfw" -o state show
		timed_in states state-show-j "$ptfw" -j state show
		timed_in states conntrack-xml conntrack -L -o xml
	done
	both_rows "state show, $states states / conntrack -L" state-show conntrack-L 0.5
	row "state show -o, $states states / conntrack -L" state-show-o.ms conntrack-L.ms ms
	row "state show -j, $states states / conntrack -L -o xml" state-show-j.ms conntrack-xml.ms ms
}
