#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag ping between namespaces: what answers, what is lost by a rule, who says why not, against ping of iputils on the same network.
#
#     a  10.0.1.1 fd01::1 ---- r  10.0.1.2 fd01::2, 10.0.2.2 fd02::2 ---- z  10.0.2.3 fd02::3
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs nft ping jq tcpdump python3

lab_ns a r z
lab_link a eth0 r eth0
lab_link r eth1 z eth0
lab_addr a eth0 10.0.1.1/24 fd01::1/64
lab_addr r eth0 10.0.1.2/24 fd01::2/64
lab_addr r eth1 10.0.2.2/24 fd02::2/64
lab_addr z eth0 10.0.2.3/24 fd02::3/64
lab_route a default via 10.0.1.2
lab_route a default via fd01::2
lab_route z default via 10.0.2.2
lab_route z default via fd02::2
lab_forward r
lab_settle a r z
in_ns r sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
pings() { in_ns a "$ptdiag" ping "$@"; }
field() { printf '%s' "$1" | jq -r "$2"; }
rules() { in_ns r nft -f - <<NFT
flush ruleset
$1
NFT
}

for host in 10.0.2.3 fd02::3; do
	out=$(pings -j $host count 5 interval 20ms)
	is "$(field "$out" '[.summary.sent, .summary.received, .summary.loss_percent] | map(tostring) | join(" ")')" '5 5 0' "$host: all answer"
	is "$(field "$out" '[.replies[] | "\(.seq) \(.from) \(.ttl) \(.bytes)"] | join(",")')" \
		"1 $host 63 64,2 $host 63 64,3 $host 63 64,4 $host 63 64,5 $host 63 64" "$host: each answer"
	is "$(field "$out" '.summary | .min_ms <= .avg_ms and .avg_ms <= .max_ms and .p50_ms <= .p99_ms and .min_ms > 0')" true "$host: the order of times"
done
printf '%s' "$out" >"$lab_tmp/document"
fits "$lab_tmp/document" ping 'the document is as its schema says'
pings -j 10.0.2.3 count 1 ttl 1 >"$lab_tmp/document"
fits "$lab_tmp/document" ping 'and that of an error'
pings -j 10.0.1.77 count 1 >"$lab_tmp/document"
fits "$lab_tmp/document" ping 'and that of nothing'
out=$(pings 10.0.2.3 count 2 interval 10ms size 1400 ttl 9 tos 8)
like "$out" '^10\.0\.2\.3: seq 2, 1408 bytes, ttl 63, [0-9.]+ ms$' 'text: a line an answer'
like "$out" '^2 sent, 2 received, 0 % loss in ' 'text: the summary'
is "$(pings 10.0.2.3 count 2 interval 10ms quiet | grep -c seq)" 0 'quiet: only the summary'

# ---- what is on the wire ----
wire()
{
	filter=$1
	shift
	lab_bg z tcpdump -i eth0 -U -w "$lab_tmp/pcap" "$filter" 2>"$lab_tmp/tcpdump"
	lab_wait 5 grep -q 'listening on' "$lab_tmp/tcpdump"
	pings "$@" >/dev/null 2>&1
	lab_wait 5 sh -c "tcpdump -r '$lab_tmp/pcap' 2>/dev/null | grep -q ."
	lab_stop "$lab_last"
	tcpdump -nvXr "$lab_tmp/pcap" 2>/dev/null
}
out=$(wire 'icmp[icmptype] == 8' 10.0.2.3 count 1 size 20 pattern beef tos 184 ttl 17 df)
like "$out" 'tos 0xb8, ttl 16,.*flags \[DF\].*length 48' 'on the wire: tos, ttl, df, size'
like "$out" 'beef beef beef beef' 'on the wire: the pattern'
out=$(wire 'icmp6[icmp6type] == 128' fd02::3 count 3 interval 10ms tos 184 ttl 17)
like "$out" 'class 0xb8, flowlabel 0x[0-9a-f]+, hlim 16' 'on the wire: class and hop limit of IPv6'
is "$(printf '%s\n' "$out" | grep -o 'flowlabel [^,]*' | sort -u | wc -l)" 1 'one flow label'
is "$(printf '%s\n' "$out" | grep -c 'flowlabel [^,]*')" 3 'in all of them'

# ---- who says why not ----
rules 'table ip t { chain f { type filter hook forward priority 0; ip daddr 10.0.2.3 reject with icmp admin-prohibited; }; }
table ip6 t { chain f { type filter hook forward priority 0; ip6 daddr fd02::3 reject with icmpv6 admin-prohibited; }; }'
exits 3 'nothing but errors is a no' pings 10.0.2.3 count 1
like "$tap_out" '^10\.0\.1\.2: seq 1: administratively prohibited$' 'by whom and why'
exits 3 'IPv6: a no' pings fd02::3 count 1
like "$tap_out" '^fd01::2: seq 1: administratively prohibited$' 'IPv6: by whom and why'
rules ''
out=$(pings -j 10.0.2.3 count 1 ttl 1)
is "$(field "$out" '.replies[0] | "\(.event) \(.from) \(.error) \(.icmp_type) \(.this_machine)"')" 'error 10.0.1.2 TTL exceeded 11 false' 'TTL exceeded'
is "$(field "$(pings -j fd02::3 count 1 ttl 1)" '.replies[0] | "\(.event) \(.from) \(.error)"')" 'error fd01::2 hop limit exceeded' 'hop limit exceeded'
in_ns r ip link set eth1 mtu 1300
out=$(pings -j 10.0.2.3 count 1 size 1400 df)
is "$(field "$out" '.replies[0] | "\(.from) \(.error) \(.mtu)"')" '10.0.1.2 packet too big, MTU 1300 1300' 'packet too big, with its MTU'
out=$(pings 10.0.2.3 count 1 size 1400 df)
like "$out" 'seq 1: not sent: Message too long, MTU 1300' 'the next one this machine knows'
out=$(pings -j fd02::3 count 1 size 1400 df)
is "$(field "$out" '.replies[0] | "\(.from) \(.error)"')" 'fd01::2 packet too big, MTU 1300' 'IPv6: packet too big'
in_ns r ip link set eth1 mtu 1500
out=$(pings 10.0.1.77 count 1 timeout 5s)
like "$out" '^10\.0\.1\.1 \(this machine\): seq 1: host unreachable$' 'a neighbour that is not there: we say so ourselves'
exits 2 'no route' in_ns r "$ptdiag" ping 192.0.2.1 count 1
like "$tap_out" 'finding the way to 192\.0\.2\.1: Network is unreachable' 'and which'

# ---- silence, and one answer for two ----
rules 'table ip t { chain f { type filter hook forward priority 0; icmp type echo-request icmp sequence { 2, 5 } drop; }; }'
out=$(pings -j 10.0.2.3 count 6 interval 20ms timeout 300ms)
is "$(field "$out" '[.summary.received, .summary.loss_percent] | map(tostring) | join(" ")')" '4 33.33' 'two of six are lost'
is "$(field "$out" '[.replies[] | select(.event == "timeout") | .seq] | map(tostring) | join(" ")')" '2 5' 'which'
rules 'table ip t { chain f { type filter hook forward priority 0; icmp type echo-reply dup to 10.0.1.1 device eth0; }; }'
out=$(pings -j 10.0.2.3 count 3 interval 20ms)
is "$(field "$out" '.summary | "\(.received) \(.duplicates) \(.loss_percent)"')" '3 3 0' 'two answers for one are duplicates'
rules 'table ip t { chain f { type filter hook forward priority 0; icmp type echo-reply @th,128,8 set 0xff; }; }'
out=$(pings 10.0.2.3 count 1)
like "$out" 'seq 1, 64 bytes, ttl 63, [0-9.]+ ms, wrong at byte ' 'an answer that was changed on the way'
like "$out" ', 1 corrupt in ' 'is counted'
rules 'table ip t { chain f { type filter hook forward priority 0; drop; }; }'
start=$(date +%s)
exits 3 'silence' pings 10.0.2.3 deadline 1
like "$tap_out" ' 0 received, 100 % loss' 'is told as loss'
is "$(($(date +%s) - start < 20))" 1 'the deadline ends it'
rules ''

# ---- the same with iputils ----
rules 'table ip t { chain f { type filter hook forward priority 0; icmp type echo-request numgen inc mod 5 == 0 drop; }; }'
ours=$(field "$(pings -j 10.0.2.3 count 100 interval 5ms timeout 500ms)" '.summary | "\(.sent) \(.received)"')
rules 'table ip t { chain f { type filter hook forward priority 0; icmp type echo-request numgen inc mod 5 == 0 drop; }; }'
theirs=$(in_ns a ping -q -c 100 -i 0.005 -W 1 10.0.2.3 | sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p')
is "$ours" "$theirs" 'as many are lost as ping of iputils says'
is "$ours" '100 80' 'which is every fifth'
rules ''
out=$(pings -j 10.0.2.3 flood count 500)
is "$(field "$out" '.summary | "\(.sent) \(.received)"')" '500 500' 'flood: every probe has its answer'

# ---- ordinary users ----
user() { in_ns a setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
if [ "$(user "$ptdiag" -V 2>/dev/null | cut -d' ' -f1)" = ptdiag ]; then
	in_ns a sh -c 'echo "1 0" >/proc/sys/net/ipv4/ping_group_range'
	exits 4 'not permitted' user "$ptdiag" ping 10.0.2.3 count 1
	like "$tap_out" 'needs CAP_NET_RAW' 'and why'
	in_ns a sh -c 'echo "0 65534" >/proc/sys/net/ipv4/ping_group_range'
	exits 0 'permitted by ping_group_range' user "$ptdiag" ping 10.0.2.3 count 2 interval 10ms
	exits 0 'IPv6, too' user "$ptdiag" ping fd02::3 count 1
	exits 3 'errors come by the queue' user "$ptdiag" ping 10.0.2.3 count 1 ttl 1
	like "$tap_out" '^10\.0\.1\.2: seq 1: TTL exceeded$' 'with who says so'
	exits 4 'flood is for root' user "$ptdiag" ping 10.0.2.3 flood
else
	skip 'the tool is in a folder of root' 'ordinary users'
fi

# ---- the end by a signal ----
lab_bg a "$ptdiag" ping -j 10.0.2.3 interval 50ms >"$lab_tmp/endless"
lab_wait 10 sh -c "[ \$(wc -l <'$lab_tmp/endless') -ge 3 ]"
is "$(grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' "/proc/$lab_last/status" | tr -s '\t\n' '  ')" \
	'Uid: 65534 65534 65534 65534 CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 2 ' 'while it runs it is nobody, without capabilities'
kill -INT "$lab_last"
wait "$lab_last"
is "$?" 0 'Ctrl-C ends it as it should'
is "$(tail -n 1 "$lab_tmp/endless" | jq -r '.event')" summary 'with the summary on its last line'
is "$(jq -s 'length == ([.[] | select(.event == "reply")] | length) + 1' "$lab_tmp/endless")" true 'one object a line'
exits 1 'a name that is none' pings '; reboot'
like "$tap_out" 'is not a host name' 'is told'
is "$(in_ns a "$ptdiag" ping 10.0.2.3 count 1 interval 1ms count 2 2>&1 | grep -c 'written twice')" 1 'words are checked'
done_testing
