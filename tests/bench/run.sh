#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Loading N rules: `ptfw apply` against `nft -f` with the same rules written by hand, one
# after the other. Every figure is a ratio of two medians of the same run, so that it means
# the same on another machine. JSON on standard output.
#
# RUNS, SIZES: how often, and which N.
set -eu

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}"
build=${PATRONUS_BUILD:-build}
ptfw=${PTFW:-$build/ptfw}
measure=$build/bench/measure
runs=${RUNS:-7}
sizes=${SIZES:-1000 10000}
[ "$(id -u)" -eq 0 ] || { echo 'bench: needs root, for network namespaces' >&2; exit 1; }
command -v nft >/dev/null || { echo 'bench: needs nft to compare with' >&2; exit 1; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Rule I: one source network and one port, pass or block in turn, for both programs.
generate()
{
	awk -v n="$1" -v conf="$tmp/$1.conf" -v nft="$tmp/$1.nft" 'BEGIN {
		print "interface wan { device = \"eth0\" address = { dhcp } }\nfirewall { rules = {" >conf
		print "table inet bench {\n chain in {\n  type filter hook input priority 0; policy drop;" >nft
		print "  ct state established,related accept" >nft
		for (i = 0; i < n; i++) {
			net = sprintf("%d.%d.%d.0/24", 11 + int(i / 65536), int(i / 256) % 256, i % 256)
			port = 1024 + i % 40000
			verb = i % 2 ? "block" : "pass"
			printf "\"%s in quick on wan inet proto tcp from %s to any port %d label l%d\",\n",
				verb, net, port, i >conf
			printf "  iifname \"eth0\" ip saddr %s tcp dport %d %scounter %s comment \"l%d\"\n",
				net, port, i % 2 ? "" : "tcp flags & (syn|ack) == syn ct state new ",
				i % 2 ? "drop" : "accept", i >nft
		}
		print "} }" >conf
		print " }\n}" >nft
	}'
}

first=1
printf '{"schema":"patronus.bench.v1","runs":%d,"kernel":"%s","results":[' "$runs" "$(uname -r)"
for n in $sizes; do
	generate "$n"
	ours=$("$measure" "$runs" "$ptfw" apply -f "$tmp/$n.conf")
	again=$("$measure" "$runs" "$ptfw" apply -f "$tmp/$n.conf" -- "$ptfw" apply -f "$tmp/$n.conf")
	check=$("$measure" "$runs" "$ptfw" check -f "$tmp/$n.conf")
	theirs=$("$measure" "$runs" nft -f "$tmp/$n.nft")
	[ "$first" ] || printf ','
	first=
	echo "$n $ours $again $check $theirs" | awk '{
		printf "\n  {\"rules\":%d,", $1
		printf "\"apply_ms\":%s,\"apply_kib\":%d,", $2, $4
		printf "\"apply_again_ms\":%s,\"check_ms\":%s,", $5, $8
		printf "\"nft_ms\":%s,\"nft_kib\":%d,", $11, $13
		printf "\"time_ratio\":%.2f,\"memory_ratio\":%.2f,\"again_time_ratio\":%.2f}", $2 / $11, $4 / $13, $5 / $11
	}'
done
printf '\n]}\n'
