#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptdiag neighbour`, `route` and `state`: the same as ip(8), ptnet and ptfw have it, in both families.
#
#     a 10.0.0.1 fd00::1 ---- eth0, eth0 ---- 10.0.0.2 fd00::2 b
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs ip jq ping

lab_ns a b
lab_link a eth0 b eth0
in_ns b ip link set eth0 address 28:6f:b9:00:00:07
lab_addr a eth0 10.0.0.1/24 fd00::1/64
lab_addr b eth0 10.0.0.2/24 fd00::2/64
lab_route a 192.0.2.0/24 via 10.0.0.2 metric 7 proto static
lab_route a 2001:db8::/32 via fd00::2 table 77
lab_route a 203.0.113.0/24 via 10.0.0.2 table 77
lab_route a blackhole 198.51.100.0/24
lab_settle a b
pt() { in_ns a "$ptdiag" "$@" 2>"$lab_tmp/stderr"; }
# How else the kernel says who answers, in words of its own.
in_ns b sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/forwarding'
in_ns a ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
in_ns a ip neigh add proxy 10.0.0.77 dev eth0
in_ns a ping -c1 -w2 10.0.0.2 >/dev/null
in_ns a ping -6 -c1 -w2 fd00::2 >/dev/null
in_ns a ping -c1 -w1 10.0.0.66 >/dev/null
printf '28-6F-B9   (hex)\t\tNokia \033[2J Bell\r\n286FB9     (base 16)\t\tx\r\n' >"$lab_tmp/oui.txt"
chmod 644 "$lab_tmp/oui.txt"

# Ages go on, and states with them: both tables once more when they differ.
neighbours()
{
	in_ns a ip -j neigh | jq -S '[.[] | select(.dev) | { address: .dst, device: .dev, mac: .lladdr, state: (.state[0] | ascii_downcase), router: has("router") }] | sort_by(.address)' >"$lab_tmp/theirs"
	pt -j neighbour | jq -S '[.neighbours[] | select(.state != "proxy") | { address, device, mac, state, router }] | sort_by(.address)' >"$lab_tmp/ours"
	cmp -s "$lab_tmp/theirs" "$lab_tmp/ours"
}
lab_wait 3 neighbours
is "$(cat "$lab_tmp/ours")" "$(cat "$lab_tmp/theirs")" 'neighbours as ip has them'
ok 'more than three' [ "$(jq length "$lab_tmp/ours")" -gt 3 ]
pt neighbour oui "$lab_tmp/oui.txt" >"$lab_tmp/table"
ok 'the maker, without what it might do to a terminal' grep -Eq '^10\.0\.0\.2 +eth0 +28:6f:b9:00:00:07 +(reachable|stale|delay) .* Nokia \\x1b\[2J Bell$' "$lab_tmp/table"
ok 'whom this machine answers for' grep -Eq '^10\.0\.0\.77 +eth0 +- +proxy ' "$lab_tmp/table"
addresses() { pt -j neighbour "$@" | jq -r '[.neighbours[].address] | sort | join(" ")'; }
is "$(addresses mac 28:6F:b9)" '10.0.0.2 fd00::2' 'the beginning of a link address'
is "$(addresses mac 28:6f:b9:00:00:07 address 10.0.0.0/8)" 10.0.0.2 'a link address and a network'
is "$(addresses state permanent)" 10.0.0.9 'state'
is "$(addresses state proxy dev eth0)" 10.0.0.77 'state and device'
is "$(addresses address fd00::2)" fd00::2 'address'
is "$(pt -6 -j neighbour address 10.0.0.2 | jq -c .neighbours)" '[]' 'family'
pt neighbour address 10.0.0.200 >/dev/null
is $? 3 'nobody: status 3'
for wrong in 'mac 28:6f:b' 'mac 286fb9' 'mac 28::6f' 'mac 28:6f:b9:00:00:07:01' 'address x' 'state nice'; do
	# shellcheck disable=SC2086
	pt neighbour $wrong >/dev/null
	is $? 1 "$wrong: status 1"
done
pt neighbour dev nowhere >/dev/null
is $? 3 'no such device: status 3'
pt neighbour oui /nonexistent >/dev/null
is $? 2 'no such list: status 2'

for table in main all 77; do
	for family in -4 -6; do
		is "$(pt $family -j route show table $table | jq -S '[.routes[] | [.destination, .type, .metric, .protocol]] | sort')" \
			"$(in_ns a ip $family -d -j route show table $table | jq -S --arg any "$([ $family = -4 ] && echo 0.0.0.0/0 || echo ::/0)" --arg bits "$([ $family = -4 ] && echo /32 || echo /128)" \
				'[.[] | [if .dst == "default" then $any elif .dst | test("/") then .dst else .dst + $bits end, .type, (.metric // 0), .protocol]] | sort')" \
			"routes as ip has them: table $table $family"
	done
done
is "$(pt route show proto static)" '192.0.2.0/24 via 10.0.0.2 dev eth0 metric 7 proto static' 'of one protocol'
like "$(pt route get 192.0.2.5)" 'device +eth0' 'route get'
pt route get 198.51.100.1 >/dev/null
is $? 3 'no way: status 3'
for words in 'route show table all' 'route get 192.0.2.5' '-6 route show'; do
	# shellcheck disable=SC2086
	is "$(pt $words)" "$(in_ns a "$build/ptnet" $words)" "the same as ptnet $words"
done
for words in 'state show' 'state count' '-j state summary' 'state show port 22'; do
	# shellcheck disable=SC2086
	is "$(pt $words; echo $?)" "$(in_ns a "$build/ptfw" $words 2>/dev/null; echo $?)" "the same as ptfw $words"
done
done_testing
