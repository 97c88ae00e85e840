#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shapers and queues by real packets, those of the running kernel (htb, tbf): rules of both families and both engines feed the
# classes, the rates hold by the kernel's own counters, packets that arrive wait on a link made for them while the rules
# judge them as before, and what is in force is not written again.
#
#     lan  192.168.1.10 fd00:1::10 ---- lan0 [ fw ] eth0 ---- 10.0.0.2 fd00::2  out
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
ptfw=$build/ptfw
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 jq tc ping
lab_ns fw out lan
for kind in htb 'tbf rate 1mbit burst 10k latency 50ms'; do
	# shellcheck disable=SC2086
	in_ns fw tc qdisc add dev lo root $kind 2>/dev/null || skip_all "this kernel has no ${kind%% *}"
	in_ns fw tc qdisc del dev lo root
done
lab_link fw eth0 out eth0
lab_link fw lan0 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 10.0.0.3/24 fd00::2/64 fd00::3/64
lab_addr fw lan0 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.10/24 fd00:1::10/64
for via in 192.168.1.1 fd00:1::1; do lab_route lan default via "$via"; done
for via in 10.0.0.1 fd00::1; do lab_route out default via "$via"; done
lab_forward fw
lab_settle fw out lan

conf=$lab_tmp/fw.conf
pt() { in_ns fw "$ptnet" "$@"; }
# value NAME FIELD
value() { pt qos show -j -f "$conf" "$1" | jq -r ".qos[] | select(.name == \"$1\") | .$2"; }
cat >"$lab_tmp/send.py" <<'PY'
# send.py ADDRESS PORT N SIZE: so many datagrams; N 0: until it is ended, as fast as they are taken
import socket, sys, time
to, port, n, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
sent = 0
while not n or sent < n:
    s.sendto(b"x" * size, (to, port))
    sent += 1
    if sent % 8 == 0:
        time.sleep(0.0005)
PY
writes() { cat >"$conf"; }

writes <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }
shaper up { interface = wan type = htb bandwidth = "40Mbit" }
queue web { shaper = up rate = "4Mbit" ceil = "4Mbit" priority = 1 leaf = fifo }
queue share { shaper = up rate = "20Mbit" }
queue inner { shaper = up parent = share rate = "6Mbit" leaf = fifo }
queue rest { shaper = up rate = "10Mbit" default = true leaf = fifo }
firewall { rules = {
	"pass",
	"match out on wan proto udp to any port 80 set queue web",
	"match out on wan proto udp to any port 81 set queue inner"
} }
CONF
like "$(pt diff -f "$conf")" 'add qos queue inner dev eth0 rate 6Mbit' 'diff names the queues'
ok 'shaper and queues are put in force' pt apply -f "$conf"
like "$(pt apply -f "$conf")" 'nothing written' 'once more: nothing is written'
pt diff -f "$conf" >/dev/null
is $? 0 'nothing differs'

for engine in nft bpf; do
	if ! in_ns fw "$ptfw" apply --engine "$engine" -f "$conf" >"$lab_tmp/out" 2>&1; then
		fail "engine $engine: the rules load: $(cat "$lab_tmp/out")"
		continue
	fi
	for to in 10.0.0.2 fd00::2; do
		for pair in 80:web 81:inner 82:rest; do
			before=$(value "${pair#*:}" packets)
			in_ns lan python3 "$lab_tmp/send.py" "$to" "${pair%:*}" 20 100
			got=$(($(value "${pair#*:}" packets) - before))
			# Neighbours are asked for in the queue of all others.
			[ "$got" -ge 20 ] && [ "$got" -le 26 ]
			is $? 0 "engine $engine: packets to $to port ${pair%:*} are in queue ${pair#*:} ($got)"
		done
	done
done

# ---- rates ----

# near GOT WANTED: within 5 %
near() { [ "$1" -ge $(($2 * 95 / 100)) ] && [ "$1" -le $(($2 * 105 / 100)) ]; }
lab_bg lan python3 "$lab_tmp/send.py" 10.0.0.2 80 0 1400
sender=$lab_last
sleep 1
rate=$(pt qos show -s -s -j -f "$conf" web | jq -r '.qos[0].current')
ok "4Mbit are 500000 bytes a second: $rate" near "$rate" 500000
like "$(value web drops)" '^[1-9]' 'what is too much is dropped'
lab_stop "$sender"

# ---- changes in place ----

sed -i 's/rate = "4Mbit" ceil = "4Mbit"/rate = "2Mbit" ceil = "2Mbit"/' "$conf"
before=$(value web packets)
like "$(pt apply -o -f "$conf")" '^op=change kind=qos name="queue web' 'a rate is changed in place'
[ "$(value web packets)" -ge "$before" ]
is $? 0 'the counters of the queue go on'
in_ns fw tc qdisc add dev lan0 root handle 7: tbf rate 1mbit burst 10k latency 50ms
sed 's/interface = wan/interface = lan/' "$conf" >"$lab_tmp/foreign.conf"
exits 2 'what somebody else put there is not replaced' pt apply -f "$lab_tmp/foreign.conf"
like "$tap_out" 'tbf 7:, which Patronus did not make' 'and is named'
like "$(pt apply -f "$conf")" 'nothing written' 'nothing has changed'
sed 's/interface = wan/interface = lan force = true/' "$conf" >"$lab_tmp/foreign.conf"
ok 'with force it is' pt apply -f "$lab_tmp/foreign.conf"
unlike "$(in_ns fw tc qdisc show dev eth0)" '8000:' 'where nothing is wanted any more, nothing is'

# ---- packets that arrive ----

writes <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }
shaper down { interface = wan direction = in type = tbf bandwidth = "4Mbit" leaf = fifo }
firewall { rules = { "pass", "block in on wan inet proto icmp from 10.0.0.3", "block in on wan inet6 proto icmp6 from fd00::3" } }
CONF
ok 'a shaper for packets that arrive' pt apply -f "$conf"
like "$(pt apply -f "$conf")" 'nothing written' 'once more: nothing is written'
for engine in nft bpf; do
	ok "engine $engine: rules load" in_ns fw "$ptfw" apply --engine "$engine" -f "$conf"
	like "$(pt apply -f "$conf")" 'nothing written' "engine $engine: the way of arriving packets is as it was"
	before=$(value down packets)
	for to in 192.168.1.10 fd00:1::10; do
		good=10.0.0.2 from=10.0.0.3
		[ "$to" = 192.168.1.10 ] || good=fd00::2 from=fd00::3
		ok "engine $engine: $to is reached through it" in_ns out ping -q -c 3 -i 0.2 -W 3 -I "$good" "$to"
		exits 1 "engine $engine: the rules judge what comes through it" in_ns out ping -q -c 1 -W 1 -I "$from" "$to"
	done
	[ $(($(value down packets) - before)) -ge 6 ]
	is $? 0 "engine $engine: the packets waited there"
done
lab_bg out python3 "$lab_tmp/send.py" 192.168.1.10 70 0 1400
sender=$lab_last
sleep 1
rate=$(pt qos show -s -s -j -f "$conf" down | jq -r '.qos[0].current')
ok "4Mbit arrive as 500000 bytes a second: $rate" near "$rate" 500000
lab_stop "$sender"

# ---- what the kernel lacks ----

if ! in_ns fw tc qdisc add dev lo root cake 2>/dev/null; then
	sed -i 's/type = tbf/type = cake/; s/leaf = fifo//' "$conf"
	exits 2 'a kernel without cake' pt apply -f "$conf"
	like "$tap_out" 'modprobe sch_cake' 'says what it lacks'
	like "$(in_ns fw tc qdisc show)" 'tbf 7fff: dev in-eth0' 'and what was in force stays'
fi
writes <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
CONF
ok 'without shapers' pt apply -f "$conf"
unlike "$(in_ns fw tc qdisc show)" '8000:|7fff:' 'nothing of ours is left'
unlike "$(in_ns fw ip link)" 'in-eth0' 'nor the link for packets that arrived'
done_testing
