# SPDX-License-Identifier: GPL-3.0-or-later
#
# The table and the JSON of results.sh. Files: samples, rows, skipped.

# Insertion sort: awk has none of its own, and a series is short.
function sort(values, n,    i, k, v)
{
	for (i = 2; i <= n; i++) {
		v = values[i]
		for (k = i - 1; k > 0 && values[k] > v; k--)
			values[k + 1] = values[k]
		values[k + 1] = v
	}
}

function median(values, n) { return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2 }

# Sets mid, low and high of a series.
function summarize(series,    i, n, values)
{
	n = count[series]
	for (i = 1; i <= n; i++)
		values[i] = sample[series, i]
	sort(values, n)
	mid = median(values, n)
	low = values[1]
	high = values[n]
}

# The same of the ratios of samples that were taken together.
function ratios(ours, peer,    i, n, values)
{
	n = count[ours] < count[peer] ? count[ours] : count[peer]
	for (i = 1; i <= n; i++)
		values[i] = sample[ours, i] / (sample[peer, i] > 0 ? sample[peer, i] : 1)
	sort(values, n)
	mid = median(values, n)
	low = values[1]
	high = values[n]
}

function figure(v, unit)
{
	if (unit == "ms" && v >= 10000)
		return sprintf("%.1f s", v / 1000)
	if (unit == "KiB")
		return sprintf("%.1f MiB", v / 1024)
	return sprintf(v >= 100 ? "%.0f %s" : "%.2f %s", v, unit)
}

function quoted(text)
{
	gsub(/["\\]/, "\\\\&", text)
	return "\"" text "\""
}

function series_json(series,    i, text)
{
	summarize(series)
	text = sprintf("{\"median\":%.3f,\"low\":%.3f,\"high\":%.3f,\"samples\":[", mid, low, high)
	for (i = 1; i <= count[series]; i++)
		text = text (i > 1 ? "," : "") sprintf("%.3f", sample[series, i])
	return text "]}"
}

function head_json()
{
	printf "{\"schema\":\"patronus.bench.v2\",\"mode\":%s,\"seed\":%d,\"started\":%s,", quoted(mode), seed,
		quoted(started) >json
	printf "\n \"machine\":%s,\"processors\":%d,\"kernel\":%s,", quoted(machine), processors, quoted(kernel) >json
	printf "\n \"peers\":{\"nft\":%s,\"iptables\":%s,\"ipset\":%s,\"conntrack\":%s},", quoted(nft),
		quoted(iptables), quoted(ipset), quoted(conntrack) >json
	printf "\n \"cases\":[" >json
}

function row_json(title, ours, peer, unit, goal)
{
	printf "%s\n  {\"case\":%s,\"unit\":%s,\"goal\":%s,", (rows > 1 ? "," : ""), quoted(title), quoted(unit),
		(goal == "" ? "null" : goal) >json
	printf "\"ours\":%s,\"peer\":%s,", series_json(ours), series_json(peer) >json
	ratios(ours, peer)
	printf "\"ratio\":{\"median\":%.4f,\"low\":%.4f,\"high\":%.4f}}", mid, low, high >json
}

function row_text(title, ours, peer, unit, goal,    mine, theirs)
{
	summarize(ours)
	mine = figure(mid, unit)
	summarize(peer)
	theirs = figure(mid, unit)
	ratios(ours, peer)
	printf "%-58s %11s %11s %8.3f  %-15s %s\n", title, mine, theirs, mid, sprintf("%.3f-%.3f", low, high),
		goal == "" ? "" : sprintf("<= %s%s", goal, mid > goal + 0 ? "  missed" : "")
}

FILENAME ~ /samples$/ {
	sample[$1, ++count[$1]] = $2 + 0
	next
}
FILENAME ~ /rows$/ {
	if (!count[$2] || !count[$3])
		next
	if (rows++ == 0) {
		head_json()
		printf "%-58s %11s %11s %8s  %-15s %s\n", "case", "ours", "peer", "ratio", "spread", "goal"
	}
	row_text($1, $2, $3, $4, $5)
	row_json($1, $2, $3, $4, $5)
	next
}
{
	missing[++missing_n] = $0
}

END {
	if (!rows)
		head_json()
	printf "\n ],\n \"skipped\":[" >json
	for (i = 1; i <= missing_n; i++) {
		split(missing[i], part, "\t")
		printf "skipped: %s: %s\n", part[1], part[2]
		printf "%s\n  {\"case\":%s,\"why\":%s}", (i > 1 ? "," : ""), quoted(part[1]), quoted(part[2]) >json
	}
	printf "\n ]\n}\n" >json
}
