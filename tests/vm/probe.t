#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag ping, trace and mtr on links that are slow and lose packets (netem, which the running kernel may lack), beside ping of
# iputils at the same time.
#
#     a  10.0.1.1 fd01::1 ---- r  10.0.1.2 fd01::2, 10.0.2.1 fd02::1 ---- z  10.0.2.2 fd02::2
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh
needs ping tc jq
vm_inside -t 600 -M veth,sch_netem

lab_begin || skip_all "$lab_why"
lab_ns a r z
lab_link a eth0 r eth0
lab_link r eth1 z eth0
lab_addr a eth0 10.0.1.1/24 fd01::1/64
lab_addr r eth0 10.0.1.2/24 fd01::2/64
lab_addr r eth1 10.0.2.1/24 fd02::1/64
lab_addr z eth0 10.0.2.2/24 fd02::2/64
for via in 10.0.1.2 fd01::2; do lab_route a default via $via; done
for via in 10.0.2.1 fd02::1; do lab_route z default via $via; done
lab_forward r
lab_settle a r z
in_ns r sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
netem() { in_ns r tc qdisc replace dev eth1 root netem limit 10000 "$@"; }
field() { jq -r "$1" "$lab_tmp/ours"; }
# both HOST COUNT INTERVAL: at the same time, since the machine is not always equally fast.
both()
{
	in_ns a "$ptdiag" ping -j "$1" count "$2" interval "$3ms" timeout 3s >"$lab_tmp/ours" &
	both_pid=$!
	in_ns a ping -c "$2" -i "0.0$3" -W 3 "$1" >"$lab_tmp/theirs"
	wait $both_pid
	theirs_times=$(sed -n 's/^rtt.* = \([0-9.]*\)\/\([0-9.]*\)\/\([0-9.]*\)\/\([0-9.]*\) ms.*/\1 \2 \3 \4/p' "$lab_tmp/theirs")
	theirs_received=$(sed -n 's/.* \([0-9]*\) received.*/\1/p' "$lab_tmp/theirs")
}
# The middle one of the times of ping: a machine that stands still for a moment moves the mean of either, and not that of both alike.
theirs_median() { sed -n 's/.*time=\([0-9.]*\) ms/\1/p' "$lab_tmp/theirs" | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'; }
# near A B PERCENT
near() { awk -v a="$1" -v b="$2" -v p="$3" 'BEGIN { exit !(a > 0 && b > 0 && (a > b ? a - b : b - a) <= b * p / 100) }'; }
between() { awk -v v="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(v >= a && v <= b) }'; }

netem delay 50ms
for host in 10.0.2.2 fd02::2; do
	both $host 50 20
	diag "$host: ours $(field '.summary | "\(.min_ms) \(.avg_ms) \(.max_ms) \(.stddev_ms)"'), theirs $theirs_times"
	is "$(field .summary.received) $theirs_received" '50 50' "$host: nothing is lost"
	ok "$host: the least time is that of ping within 5 %" near "$(field .summary.min_ms)" "$(echo "$theirs_times" | cut -d' ' -f1)" 5
	ok "$host: the median is that of ping within 5 %" near "$(field .summary.p50_ms)" "$(theirs_median)" 5
	ok "$host: the median is what the link takes" between "$(field .summary.p50_ms)" 50 60
done

# Means, of five rounds: a machine that is emulated stands still now and then, and one answer that is late by 250 ms moves the mean of 50
# by a fifth, of the one that waited for it and not of the other. The middle one of the five ratios tells whether the two count alike.
netem delay 20ms
for host in 10.0.2.2 fd02::2; do
	for _ in 1 2 3 4 5; do
		both $host 50 20
		echo "$(field .summary.avg_ms) $(echo "$theirs_times" | cut -d' ' -f2)"
	done | awk '{ print $1 / $2 }' | sort -n >"$lab_tmp/ratios"
	diag "$host: means, ours to theirs: $(tr '\n' ' ' <"$lab_tmp/ratios")"
	is "$(wc -l <"$lab_tmp/ratios")" 5 "$host: five rounds at 20 ms"
	ok "$host: the mean is that of ping within 5 %" near "$(sed -n 3p "$lab_tmp/ratios")" 1 5
done

netem delay 50ms 10ms
both 10.0.2.2 200 20
diag "ours $(field '.summary | "\(.avg_ms) \(.stddev_ms) jitter \(.jitter_ms)"'), theirs $theirs_times"
ok 'with jitter: the median is that of ping within 5 %' near "$(field .summary.p50_ms)" "$(theirs_median)" 5
ok 'the deviation is at least that of the link' between "$(field .summary.stddev_ms)" 4.5 1000
# The same from the times one by one, in the order they came.
cat >"$lab_tmp/times.jq" <<'JQ'
[.replies[] | select(.event == "reply") | .rtt_ms] as $t | ($t | add / length) as $mean
| [$mean, ([$t[] | . - $mean | . * .] | add / length | sqrt), ([range(1; $t | length) | $t[.] - $t[. - 1] | fabs] | add / length)]
| map(tostring) | join(" ")
JQ
computed=$(jq -r -f "$lab_tmp/times.jq" "$lab_tmp/ours")
diag "computed $computed"
for what in avg stddev jitter; do
	ok "$what is what the times say" near "$(field ".summary.${what}_ms")" "${computed%% *}" 0.1
	computed=${computed#* }
done

netem delay 50ms loss 10%
both 10.0.2.2 400 20
diag "ours $(field .summary.received), theirs $theirs_received of 400"
# 10 % of 400 is 40 with a deviation of 6.
ok 'one in ten is lost' between "$(field .summary.loss_percent)" 4 17
ok 'for ping, too, within 5 % of what came' near "$(field .summary.received)" "$theirs_received" 7
is "$(field '[.replies[] | select(.event == "timeout")] | length')" "$((400 - $(field .summary.received)))" 'each of them is told'

netem delay 20ms 15ms
in_ns a "$ptdiag" ping -j 10.0.2.2 count 100 interval 2ms timeout 3s >"$lab_tmp/ours"
ok 'answers that overtake each other are counted' between "$(field .summary.reordered)" 1 99
is "$(field .summary.received)" 100 'and are answers'
netem duplicate 100%
in_ns a "$ptdiag" ping -j 10.0.2.2 count 20 interval 10ms >"$lab_tmp/ours"
is "$(field '.summary | "\(.received) \(.duplicates) \(.loss_percent)"')" '20 20 0' 'each packet twice'

netem delay 50ms loss 30%
in_ns a "$ptdiag" mtr -j 10.0.2.2 count 40 interval 100ms >"$lab_tmp/ours"
is "$(field '"\(.hops | length) \(.hops[0].loss_percent)"')" '2 0' 'mtr: the first hop loses nothing'
ok 'mtr: the second one does' between "$(field '.hops[1].loss_percent')" 8 55
ok 'mtr: that is where the time goes' between "$(field '.hops[1].best_ms - .hops[0].best_ms')" 40 70
netem delay 50ms
is "$(in_ns a "$ptdiag" trace -j fd02::2 | jq -r '[.hops[].answers[] | select(.answered)] | length')" 6 'trace: nobody is given up too soon'
done_testing
