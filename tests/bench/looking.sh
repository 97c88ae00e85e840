# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# What ptdiag tells of the machine, each once: beside tools that read the same, and beside the kernel's dump alone, above which a
# command may take 10 ms of the processor.
#
# What is not assigned here comes from run.sh.

looking_count=1000 # sockets, neighbours, routes, states

# Somebody who has sockets and talks to himself, and tells when all is there.
looking_things()
{
	lab_ns looking
	in_ns looking tests/bench/router.sh
	in_ns looking nft -f - <<-'NFT'
		table inet looking { chain o { type filter hook output priority 0; ct state new accept; }; }
	NFT
	seq "$looking_count" | awk '{ a = int($1 / 250); b = $1 % 250 + 2
		printf "neigh add 10.253.%d.%d lladdr 02:00:00:00:%02x:%02x dev in0\nroute add 10.%d.%d.0/24 via 10.253.253.9\n", a, b, a, b, 100 + a, b }' >"$tmp/things"
	in_ns looking ip -batch "$tmp/things"
	lab_bg looking python3 -c 'import socket, sys, time
n = int(sys.argv[1])
keep = [socket.create_server(("127.0.0.1", 20000 + i)) for i in range(n)]
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(n):
    u.sendto(b"x", ("127.0.0.1", 30000 + i))
open(sys.argv[2], "w")
time.sleep(600)' "$looking_count" "$tmp/looking"
	looking_peer=$lab_last
	lab_wait 30 test -e "$tmp/looking"
}

# above SERIES COMMAND-SERIES DUMP-SERIES: what the command took more, in the round that was just measured
above()
{
	sample "$1.cpu" "$(awk -F '\t' -v a="$2.cpu" -v b="$3.cpu" '$1 == a { x = $2 } $1 == b { y = $2 } END { printf "%.2f", (x > y ? x - y : 0) }' "$tmp/samples")"
}

looking()
{
	progress "$looking_count sockets, neighbours, routes, states"
	looking_things
	for _ in $(seq "$load_rounds"); do
		timed_in looking socket "$build/ptdiag" socket protocol tcp
		timed_in looking ss-processes ss -tanp
		timed_in looking ss ss -tan
		timed_in looking dump-socket "$build/bench/dump" sockets
		timed_in looking neighbour "$build/ptdiag" neighbour
		timed_in looking ip-neighbour ip neigh
		timed_in looking dump-neighbour "$build/bench/dump" neighbours
		timed_in looking route "$build/ptdiag" route show -4
		timed_in looking ip-route ip -4 route
		timed_in looking dump-route "$build/bench/dump" routes
		timed_in looking state "$build/ptdiag" state show
		timed_in looking conntrack conntrack -L
		timed_in looking dump-state "$build/bench/dump" states
		timed_in looking activity "$build/ptdiag" activity interval 100ms
		timed_in looking dump-activity "$build/bench/dump" links
		for what in socket neighbour route state activity; do
			above "above-$what" $what dump-$what
		done
		sample ten.cpu 10
	done
	lab_stop "$looking_peer"
	for what in socket neighbour route state activity; do
		row "ptdiag $what, $looking_count, above the dump alone / 10 ms: processor" "above-$what.cpu" ten.cpu ms 1
	done
	row "ptdiag socket, $looking_count / ss -tanp: processor" socket.cpu ss-processes.cpu ms 1
	row "ptdiag socket, $looking_count / ss -tan: processor" socket.cpu ss.cpu ms
	row "ptdiag neighbour, $looking_count / ip neigh: processor" neighbour.cpu ip-neighbour.cpu ms
	row "ptdiag route show, $looking_count / ip route: processor" route.cpu ip-route.cpu ms
	row "ptdiag state show, $looking_count / conntrack -L: processor" state.cpu conntrack.cpu ms
}
