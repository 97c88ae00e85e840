# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# Packets of a device into a file, at an even rate, beside tcpdump on the same device with as much room: what it costs the
# processor, and how many are lost. They run in turn: two at once would take the processor from each other.
#
# What is not assigned here comes from run.sh.

capture_rate=100000
capture_packets=300000

# capture_round SERIES COMMAND...: one capture by COMMAND into $tmp/captured, ended by Ctrl-C when all was sent
capture_round()
{
	capture_series=$1
	shift
	rm -f "$tmp/captured"
	lab_bg captures "$@" >/dev/null 2>&1
	capture_pid=$lab_last
	sleep 0.7
	in_ns sends "$build/bench/send" 10.9.0.1 9 "$capture_packets" "$capture_rate" 100 >"$tmp/took"
	sleep 0.5
	# nanoseconds on a processor
	sample "$capture_series.cpu" "$(awk '{ print $1 / 1e6 }' "/proc/$capture_pid/schedstat")"
	kill -INT "$capture_pid"
	wait "$capture_pid" 2>/dev/null || :
	capture_kept=$(tcpdump --count -nr "$tmp/captured" 2>/dev/null | awk '{ print $1 }')
	sample "$capture_series.sent" "$(awk -v n="$capture_packets" -v kept="$capture_kept" 'BEGIN { print kept ? n / kept : n }')"
}

capture_files()
{
	command -v tcpdump >/dev/null || {
		skipped 'capture' 'needs tcpdump'
		return 0
	}
	progress "capturing $capture_packets packets at $capture_rate/s"
	lab_ns captures sends
	lab_link captures eth0 sends eth0
	lab_addr captures eth0 10.9.0.1/24
	lab_addr sends eth0 10.9.0.2/24
	in_ns sends ip neigh replace 10.9.0.1 lladdr "$(in_ns captures cat /sys/class/net/eth0/address)" dev eth0
	for _ in $(seq "$load_rounds"); do
		capture_round capture "$build/ptdiag" capture on eth0 buffer 16M write "$tmp/captured" filter udp port 9
		capture_round tcpdump tcpdump -Z root -B 16384 -i eth0 -w "$tmp/captured" udp port 9
		capture_round capture-snap "$build/ptdiag" capture on eth0 buffer 16M snap 128 quiet write "$tmp/captured" filter udp port 9
		capture_round tcpdump-snap tcpdump -Z root -B 16384 -s 128 -i eth0 -w "$tmp/captured" udp port 9
	done
	row "ptdiag capture / tcpdump, $capture_rate packets/s: processor" capture.cpu tcpdump.cpu ms
	row "ptdiag capture / tcpdump, $capture_rate packets/s: sent for one kept" capture.sent tcpdump.sent x 1
	row "ptdiag capture / tcpdump, first 128 bytes: processor" capture-snap.cpu tcpdump-snap.cpu ms
	row "ptdiag capture / tcpdump, first 128 bytes: sent for one kept" capture-snap.sent tcpdump-snap.sent x 1
}
