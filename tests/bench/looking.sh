# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# What ptdiag tells of the machine, beside tools that read the same: sockets with their processes, neighbours, routes. The goal is at
# most 10 ms above the bare dump, which is what the peer without processes does.
#
# What is not assigned here comes from run.sh.

socket_count=1000

looking()
{
	progress "$socket_count sockets"
	lab_ns looking
	in_ns looking tests/bench/router.sh
	lab_bg looking python3 -c 'import socket, sys, time
keep = [socket.create_server(("127.0.0.1", 20000 + i)) for i in range(int(sys.argv[1]))]
open(sys.argv[2], "w")
time.sleep(600)' "$socket_count" "$tmp/looking"
	looking_peer=$lab_last
	lab_wait 30 test -e "$tmp/looking"
	for _ in $(seq "$load_rounds"); do
		timed_in looking socket "$build/ptdiag" socket protocol tcp
		timed_in looking ss-processes ss -tanp
		timed_in looking ss ss -tan
		timed_in looking neighbour "$build/ptdiag" neighbour
		timed_in looking ip-neighbour ip neigh
		timed_in looking route "$build/ptdiag" route show
		timed_in looking ip-route ip route
		sample ten.ms 10
	done
	lab_stop "$looking_peer"
	row "ptdiag socket, $socket_count / ss -tanp: processor" socket.cpu ss-processes.cpu ms 1
	row "ptdiag socket, $socket_count / ss -tan: processor" socket.cpu ss.cpu ms
	row "ptdiag socket, $socket_count / 10 ms: processor" socket.cpu ten.ms ms
	row "ptdiag neighbour / ip neigh: processor" neighbour.cpu ip-neighbour.cpu ms
	row "ptdiag route show / ip route: processor" route.cpu ip-route.cpu ms
}
