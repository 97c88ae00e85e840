# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# Rules and tables into the kernel: everything, a little, nothing.
#
# What is not assigned here comes from run.sh.

# timed SERIES COMMAND...: milliseconds to SERIES.ms, those of the processor to SERIES.cpu, peak memory to SERIES.kib, in a router of its own.
timed()
{
	timed_series=$1
	shift
	timed_as "$timed_series" "$measure" 1 tests/bench/router.sh -- "$@"
}

# timed_in ROUTER SERIES COMMAND...: the same in one that is there.
timed_in()
{
	timed_router=$1 timed_series=$2
	shift 2
	timed_as "$timed_series" in_ns "$timed_router" "$measure" -k 1 "$@"
}

timed_as()
{
	timed_series=$1
	shift
	if timed_out=$("$@" 2>"$tmp/stderr"); then
		# Four numbers: median, least, memory, processor.
		# shellcheck disable=SC2086
		set -- $timed_out
		sample "$timed_series.ms" "$1"
		sample "$timed_series.kib" "$3"
		sample "$timed_series.cpu" "$4"
	else
		skipped "$timed_series" "$(sed -n 1p "$tmp/stderr")"
	fi
}

# both_rows TITLE OURS PEER TIME-GOAL MEMORY-GOAL
both_rows()
{
	row "$1: time" "$2.ms" "$3.ms" ms "${4:-}"
	row "$1: peak memory" "$2.kib" "$3.kib" KiB "${5:-}"
}

# ---- rules ----

# load_rules SET FILTERS ROUNDS
load_rules()
{
	progress "load, $1"
	tests/bench/classbench "$2" >"$tmp/load.conf"
	tests/bench/classbench -n "$2" >"$tmp/load.nft"
	tests/bench/classbench -i "$2" >"$tmp/load.iptables"
	for _ in $(seq "$3"); do
		timed "apply.$1" "$ptfw" -q apply -f "$tmp/load.conf"
		timed "nft-f.$1" nft -f "$tmp/load.nft"
		timed "iptables.$1" "$(iptables_of "$2")" "$tmp/load.iptables"
		timed "check.$1" "$ptfw" -q check -f "$tmp/load.conf"
	done
	both_rows "apply $1 / nft -f" "apply.$1" "nft-f.$1" 0.2 0.2
	both_rows "apply $1 / iptables-restore" "apply.$1" "iptables.$1"
	row "check $1 / apply" "check.$1.ms" "apply.$1.ms" ms
}

# change_one HOW FILE: the rule in the middle blocks instead of passing, has another port, or is followed by another one.
change_one()
{
	awk -v how="$1" -v at="$(($(wc -l <"$2") / 2))" '
		NR == at && how == "action" { sub(/^"pass/, "\"block"); sub(/ no state/, "") }
		NR == at && how == "port" { sub(/ port [^ "]*/, ""); sub(/ no state/, " port 7 no state") }
		{ print }
		NR == at && how == "more" { print "\"block in quick inet proto udp from 10.9.8.7 to any port 53\"," }' "$2"
}

change_rules()
{
	progress "change one rule of $1"
	tests/bench/classbench "$2" >"$tmp/a.conf"
	for how in action port more; do
		change_one $how "$tmp/a.conf" >"$tmp/$how.conf"
	done
	tests/bench/classbench -n "$2" >"$tmp/rules"
	awk -v at="$(($(wc -l <"$tmp/rules") / 2))" 'NR == at { sub(/accept$/, "drop") } { print }' "$tmp/rules" >"$tmp/other"
	# What nft has for a file that replaces what is there.
	printf 'table inet bench\ndelete table inet bench\n' | tee "$tmp/a.nft" >"$tmp/b.nft"
	cat "$tmp/rules" >>"$tmp/a.nft"
	cat "$tmp/other" >>"$tmp/b.nft"
	lab_ns ours byhand
	for router in ours byhand; do
		in_ns "$router" tests/bench/router.sh
	done
	sleep 2 # addresses of the links come a while after them
	in_ns ours "$ptfw" -q apply -f "$tmp/a.conf"
	in_ns byhand nft -f "$tmp/a.nft"
	for _ in $(seq "$load_rounds"); do
		for how in action port more; do
			timed_in ours "change.$how" "$ptfw" -q apply -f "$tmp/$how.conf"
			timed_in ours again "$ptfw" -q apply -f "$tmp/$how.conf"
			timed_in byhand nft-change nft -f "$tmp/b.nft"
			timed apply.whole "$ptfw" -q apply -f "$tmp/$how.conf"
			timed_in ours "change.$how" "$ptfw" -q apply -f "$tmp/a.conf"
			timed_in ours again "$ptfw" -q apply -f "$tmp/a.conf"
			timed_in byhand nft-change nft -f "$tmp/a.nft"
			timed apply.whole "$ptfw" -q apply -f "$tmp/a.conf"
		done
	done
	row "one rule of $1 blocks instead / full apply" change.action.ms apply.whole.ms ms 0.1
	row "one rule of $1 has another port / full apply" change.port.ms apply.whole.ms ms 0.1
	row "one rule more than $1 / full apply" change.more.ms apply.whole.ms ms 0.1
	row "one rule of $1 blocks instead / nft -f of all" change.action.ms nft-change.ms ms
	row "same file again, $1 / full apply" again.ms apply.whole.ms ms
}

# ---- tables ----

# prefixes COUNT [DIFFERENT]: disjoint ones in no order, of 27 to 32 bits; the first DIFFERENT of them elsewhere.
prefixes()
{
	awk -v n="$1" -v different="${2:-0}" -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < n; i++) {
			at = (i * 7919 % n) * 64
			bits = 27 + int(rand() * 6)
			printf "%d.%d.%d.%d%s\n", (i < different ? 101 : 11) + int(at / 16777216), int(at / 65536) % 256,
				int(at / 256) % 256, at % 256, bits == 32 ? "" : "/" bits
		}
	}'
}

nft_set()
{
	printf 'table inet bench {\n set %s {\n  type ipv4_addr; flags interval;\n  elements = {\n' "$1"
	sed 's/$/,/' "$2"
	printf '  }\n }\n}\n'
}

# table_file NAME FILE...: a Patronus file whose tables hold the lines of the files.
table_file()
{
	printf 'interface wan { device = "in0" address = { "10.253.253.1/24" } }\n'
	for table_list in "$@"; do
		printf 'table %s { file = "%s" persist = true }\n' "$(basename "$table_list" .list)" "$table_list"
	done
	printf 'firewall { rules = { "block in quick from <%s>", "pass" } }\n' "$(basename "$1" .list)"
}

# The huge table, as a list and for the peer.
huge_table()
{
	[ ! -e "$tmp/huge.nft" ] || return 0
	prefixes "$table_size" >"$tmp/huge.list"
	nft_set huge "$tmp/huge.list" >"$tmp/huge.nft"
}

load_table()
{
	progress "table of $table_size prefixes"
	huge_table
	table_file "$tmp/huge.list" >"$tmp/huge.conf"
	{
		echo "create huge hash:net maxelem 4000000"
		sed 's/^/add huge /' "$tmp/huge.list"
	} >"$tmp/huge.ipset"
	for _ in $(seq "$large_rounds"); do
		timed apply.table "$ptfw" -q apply -f "$tmp/huge.conf"
		timed nft-f.table nft -f "$tmp/huge.nft"
		timed ipset.table ipset -file "$tmp/huge.ipset" restore
	done
	both_rows "table of $table_size prefixes / nft -f" apply.table nft-f.table 0.333
	both_rows "table of $table_size prefixes / ipset restore" apply.table ipset.table
}

# One address comes to a large table and goes again. With a million nft takes minutes for each.
touch_table()
{
	progress 'one address of a table of 100000'
	prefixes 100000 >"$tmp/touched.list"
	table_file "$tmp/touched.list" >"$tmp/touched.conf"
	nft_set touched "$tmp/touched.list" >"$tmp/touched.nft"
	lab_ns touched touchedbyhand
	in_ns touched tests/bench/router.sh
	in_ns touched "$ptfw" -q apply -f "$tmp/touched.conf"
	in_ns touchedbyhand nft -f "$tmp/touched.nft"
	for _ in $(seq "$large_rounds"); do
		timed_in touched table-add "$ptfw" -q table add touched 9.9.9.9
		timed_in touched table-test "$ptfw" -q table test touched 9.9.9.9
		timed_in touched table-delete "$ptfw" -q table delete touched 9.9.9.9
		timed_in touchedbyhand nft-add nft add element inet bench touched '{ 9.9.9.9 }'
		timed_in touchedbyhand nft-get nft get element inet bench touched '{ 9.9.9.9 }'
		timed_in touchedbyhand nft-delete nft delete element inet bench touched '{ 9.9.9.9 }'
	done
	row 'table add, one to 100000 / nft add element' table-add.ms nft-add.ms ms
	row 'table test, one of 100000 / nft get element' table-test.ms nft-get.ms ms
	row 'table delete, one of 100000 / nft delete element' table-delete.ms nft-delete.ms ms
}

# The peer has to name what goes and what comes, or to write everything: a person has the new list.
replace_table()
{
	progress 'table replace'
	lab_ns tables tablesbyhand
	in_ns tables tests/bench/router.sh
	mkdir "$tmp/before" "$tmp/after"
	prefixes 100000 >"$tmp/before/spam.list"
	prefixes 100000 10 >"$tmp/after/spam.list"
	table_file "$tmp/before/spam.list" >"$tmp/before/conf"
	in_ns tables "$ptfw" -q apply -f "$tmp/before/conf"
	for list in after before; do
		nft_set spam "$tmp/$list/spam.list" >"$tmp/$list/nft"
		in_ns tablesbyhand nft -f "$tmp/$list/nft"
		sed -i '1i flush set inet bench spam' "$tmp/$list/nft"
	done
	for _ in $(seq "$large_rounds"); do
		for list in after before; do
			timed_in tables replace "$ptfw" -q table replace spam --file "$tmp/$list/spam.list"
			timed_in tablesbyhand nft-replace nft -f "$tmp/$list/nft"
		done
	done
	row 'table replace, 10 of 100000 differ / nft flush and add' replace.ms nft-replace.ms ms
}
