# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# Questions about packets, many at once. The floor is a program that only reads the same lines of JSON and writes as many.
#
# What is not assigned here comes from run.sh.

# packets FILTERS: headers as explain takes them, each line another packet.
packets()
{
	tests/bench/classbench -G -l "$packet_count" -s "$seed" "$1" | awk '{
		name = $5 == 6 ? "tcp" : $5 == 17 ? "udp" : ""
		printf "{\"dir\":\"in\",\"on\":\"wan\",\"af\":\"inet\",\"proto\":\"%s\",\"src\":\"%s\",\"dst\":\"%s\"", (name ? name : $5), $1, $2
		if (name)
			printf ",\"sport\":%d,\"dport\":%d", $3 ? $3 : 1, $4 ? $4 : 1
		print "}"
	}'
}

explain_packets()
{
	progress "explain, $1"
	packets "$2" >"$tmp/packets"
	tests/bench/classbench -b 2 "$2" >"$tmp/asked.conf"
	lab_ns asked
	in_ns asked tests/bench/router.sh
	in_ns asked "$ptfw" -q apply -f "$tmp/asked.conf"
	for _ in $(seq "$load_rounds"); do
		timed_in asked explain "$ptfw" explain --batch "$tmp/packets"
		timed_in asked jq jq -c '{verdict: .proto, rule: .src, file: .dst, line: .dport}' "$tmp/packets"
		# The goal is 200,000 a second.
		sample goal.ms $((packet_count / 200))
	done
	row "explain --batch, $packet_count packets, $1 / 200,000 a second" explain.ms goal.ms ms 1
	both_rows "explain --batch, $packet_count packets, $1 / jq that reads and writes" explain jq
}
