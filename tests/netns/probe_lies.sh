#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag ping, trace and mtr beside a router that answers by hand: what is said beside an answer does not replace it, and what is
# wrong is not believed. The third byte of an address is what becomes of packets to it.
#
#     a  10.0.1.1 ---- r  10.0.1.2, and all of 10.88.0.0/16
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3

lab_ns a r
lab_link a e0 r e0
lab_addr a e0 10.0.1.1/24
lab_addr r e0 10.0.1.2/24
lab_settle a r
lab_route a 10.88.0.0/16 via 10.0.1.2
in_ns r sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'

cat >"$lab_tmp/router.py" <<'PYTHON'
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(('e0', 0))
me, redirect, quench, echo, exceeded = bytes([10, 0, 1, 2]), 5, 4, 0, 11
def checksum(b):
    b += b'\0' * (len(b) % 2)
    n = sum(struct.unpack('>%dH' % (len(b) // 2), b))
    n = (n >> 16) + (n & 65535)
    return ~(n + (n >> 16)) & 65535
def packet(frm, to, body):
    h = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(body), 7, 0, 64, 1, 0, frm, to)
    return h[:10] + struct.pack('>H', checksum(h)) + h[12:] + body
def icmp(kind, code, rest, body, wrong=0):
    p = struct.pack('>BBH', kind, code, 0) + rest + body
    return p[:2] + struct.pack('>H', checksum(p) ^ wrong) + p[4:]
def extension(objects):
    p = b'\x20\0\0\0' + objects
    return p[:2] + struct.pack('>H', checksum(p)) + p[4:]
none = b'\0\0\0\0'
lies = {
    20: extension(struct.pack('>HBB', 65535, 1, 1) + b'abcd'),  # longer than the message
    21: extension(struct.pack('>HBB', 0, 1, 1)),                # of no length
    22: extension(struct.pack('>HBB', 6, 1, 1) + b'ab'),        # half an entry
    23: b'\x20',                                                # cut in its header
    24: extension(struct.pack('>HBB', 4 + 4 * 300, 1, 1) + b'\0\1\0\1' * 300),
}
print('ready', flush=True)
while True:
    f = s.recv(65535)
    p = f[14:]
    if f[12:14] != b'\x08\0' or p[16:18] != b'\x0a\x58':
        continue
    p = p[:struct.unpack('>H', p[2:4])[0]]
    what, frm, to, body = p[18], p[12:16], p[16:20], p[20:]
    def send(x): s.send(f[6:12] + f[:6] + b'\x08\0' + x)
    def reply(**more): send(packet(to, frm, icmp(echo, 0, body[4:8], body[8:], **more)))
    if what == 1:
        send(packet(me, frm, icmp(redirect, 1, bytes([10, 0, 1, 9]), p[:28])))
        reply()
    elif what == 2:
        send(packet(me, frm, icmp(quench, 0, none, p[:28])))
        reply()
    elif what == 3:
        send(packet(me, frm, icmp(3, 1, none, p[:64], wrong=0x5555)))
        reply()
    elif what == 4:
        send(packet(to, frm, icmp(echo, 0, bytes([body[4] ^ 1]) + body[5:8], body[8:])))
    elif what == 5:
        send(packet(to[:2] + b'\x09\x09', frm, icmp(echo, 0, body[4:8], body[8:])))
    elif what in lies:
        send(packet(me, frm, icmp(exceeded, 0, b'\0\x20\0\0', p[:128].ljust(128, b'\0') + lies[what])))
    elif what == 30:
        send(packet(me, frm, icmp(exceeded, 0, none, p[:20])))  # about nothing
    elif what == 31:
        send(packet(me, frm, icmp(exceeded, 0, b'\0\xff\0\0', p[:60])))  # a quote longer than the message
PYTHON
lab_bg r python3 "$lab_tmp/router.py" >"$lab_tmp/router"
lab_wait 10 grep -q ready "$lab_tmp/router"
probe() { in_ns a "$ptdiag" "$@" 2>&1; }

for group in '1 0' '0 2147483647'; do
	in_ns a sh -c "echo '$group' >/proc/sys/net/ipv4/ping_group_range"
	[ "$group" = '1 0' ] && how='raw socket' || how='datagram socket'
	for what in '1 a redirect' '2 source quench'; do
		out=$(probe ping "10.88.${what%% *}.1" count 2 interval 100ms)
		like "$out" '^2 sent, 2 received, 0 % loss in ' "$how: ${what#* } beside the answer: answered"
		unlike "$out" 'duplicate|errors' 'once'
	done
	out=$(probe ping 10.88.3.1 count 2 interval 100ms)
	like "$out" '^2 sent, 2 received, 0 % loss in ' "$how: an error with a wrong checksum is none"
	for what in '4 another id' '5 another sender'; do
		exits 3 "$how: ${what#* } is no answer" in_ns a "$ptdiag" ping "10.88.${what%% *}.1" count 1 timeout 300ms
	done
	for mode in udp icmp tcp; do
		for what in 1 2 3; do
			[ $mode = icmp ] || continue
			out=$(probe trace 10.88.$what.1 mode icmp queries 1 max 2)
			like "$out" "^ 1  10\.88\.$what\.1 .*ms\$" "$how, trace: the host itself answers ($what)"
			like "$out" '^reached$' 'and is reached'
		done
		for what in 20 21 22 23 24 31; do
			out=$(probe trace 10.88.$what.1 mode $mode queries 1 max 1)
			like "$out" '^ 1  10\.0\.1\.2 ' "$how, $mode: a router with wrong extensions ($what)"
		done
		out=$(probe trace 10.88.30.1 mode $mode queries 1 max 1 timeout 300ms)
		like "$out" '^ 1  \*' "$how, $mode: an error about nothing is none"
	done
done
done_testing
