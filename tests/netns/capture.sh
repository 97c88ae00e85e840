#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag capture between namespaces, beside tcpdump on the same device: the same filter gives the same packets; files open in tshark with
# the deciding rule in their comments; one connection joined; what is given away, and what a stranger's file does not do.
#
#     a  10.0.1.1 fd01::1 ---- b  10.0.1.2 fd01::2, which also sends frames of VLAN 7
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs ping jq tcpdump tshark python3
unset SSH_CONNECTION

lab_ns a b
lab_link a eth0 b eth0
lab_addr a eth0 10.0.1.1/24 fd01::1/64
lab_addr b eth0 10.0.1.2/24 fd01::2/64
lab_settle a b
capture() { in_ns a "$ptdiag" capture "$@"; }
bytes() { tcpdump -nntexxr "$1" 2>/dev/null | sort; }

cat >"$lab_tmp/server.py" <<'PYTHON'
import socket
s = socket.create_server(('::', 8080), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, _ = s.accept()
    c.recv(100)
    c.sendall(b'answer \x1b[31m red\n' + b'x' * 20000)
    c.close()
PYTHON
cat >"$lab_tmp/client.py" <<'PYTHON'
import socket, sys
c = socket.create_connection((sys.argv[1], 8080))
c.sendall(b'question\r\n')
while c.recv(65536):
    pass
PYTHON
# An echo request of VLAN 7; the kernel needs no device of that VLAN to show it.
cat >"$lab_tmp/tagged.py" <<'PYTHON'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for i in range(2):
    s.send(bytes.fromhex('ffffffffffff 020000000009 8100 0007 0800 4500001c 0000 4000 4001 18dd 0a000702 0a000701 0800 f7f%x 0000 000%x' % (15 - i, i)))
PYTHON
lab_bg a python3 "$lab_tmp/server.py"
lab_wait 10 in_ns b python3 "$lab_tmp/client.py" 10.0.1.1

traffic()
{
	in_ns b ping -qc 3 -i 0.01 10.0.1.1
	in_ns b ping -qc 3 -i 0.01 fd01::1
	in_ns b ping -qc 1 -s 4000 10.0.1.1
	in_ns b python3 "$lab_tmp/tagged.py"
	in_ns b python3 "$lab_tmp/client.py" 10.0.1.1
	in_ns b python3 "$lab_tmp/client.py" fd01::1
	in_ns a ping -qc 2 -i 0.01 127.0.0.1
}

direction=both
# both NAME DEVICE FILTER...: the same traffic by both
both()
{
	name=$1 device=$2
	shift 2
	rm -f "$lab_tmp/ours" "$lab_tmp/theirs"
	# tcpdump leaves what it has when it is told to end; ours says when it hears. With `any` it cuts its room into frames
	# of the whole snap length, eight of them unless it is given more, and loses what comes at once.
	link=EN10MB
	[ "$device" != any ] || link=LINUX_SLL
	lab_bg a tcpdump --immediate-mode -B 32768 -Q "$(echo $direction | sed s/both/inout/)" -i "$device" -y $link -U -s 262144 -w "$lab_tmp/theirs" "$@" 2>"$lab_tmp/log"
	theirs=$lab_last
	lab_wait 10 grep -q 'listening on' "$lab_tmp/log"
	lab_bg a "$ptdiag" capture on "$device" direction "$direction" write "$lab_tmp/ours" filter "$@" >"$lab_tmp/summary"
	ours=$lab_last
	lab_wait 10 grep -q 'NoNewPrivs:.1' "/proc/$ours/status"
	sleep 0.3
	traffic >/dev/null 2>&1
	sleep 0.5
	kill -INT "$theirs" "$ours"
	wait "$ours"
	is "$?" 0 "$name: Ctrl-C ends it as it should"
	wait "$theirs"
	like "$(cat "$lab_tmp/log")" '^0 packets dropped by kernel' "$name: tcpdump had room for all"
	bytes "$lab_tmp/ours" >"$lab_tmp/ours.txt"
	bytes "$lab_tmp/theirs" >"$lab_tmp/theirs.txt"
	ok "$name: there are packets" [ -s "$lab_tmp/ours.txt" ]
	ok "$name: the same as of tcpdump" cmp "$lab_tmp/ours.txt" "$lab_tmp/theirs.txt"
}
both 'icmp' eth0 icmp
both 'IPv6 and ports' eth0 ip6 and tcp port 8080
both 'VLAN' eth0 vlan 7 and icmp
like "$("$ptdiag" capture read "$lab_tmp/ours")" 'in on eth0 vlan 7 icmp 10\.0\.7\.2 > 10\.0\.7\.1 echo request' 'the tag is in the words'
both 'all devices' any icmp or tcp port 8080
for direction in in out; do
	both "$direction only" eth0 icmp or icmp6
done
direction=both
both 'loopback' lo icmp
both 'a long one' eth0 'host 10.0.1.2 and not arp or net fd01::/64'
like "$(cat "$lab_tmp/summary")" '^[0-9]+ packets, [0-9]+ bytes, 0 dropped' 'the summary'
like "$(cat "$lab_tmp/summary")" '^  tcp 10\.0\.1\.2:[0-9]+ > 10\.0\.1\.1:8080: [0-9]+ packets' 'and its flows'
is "$(stat -c %a "$lab_tmp/ours")" 600 'the file is for its owner only'
is "$(tshark -r "$lab_tmp/ours" 2>/dev/null | wc -l)" "$(tcpdump -nr "$lab_tmp/ours" 2>/dev/null | wc -l)" 'it opens in tshark'

# ---- reading ----
reads() { "$ptdiag" capture read "$lab_tmp/ours" "$@"; }
is "$(reads show top 0 filter tcp | grep -c ' tcp 10')" "$(tcpdump -nr "$lab_tmp/ours" tcp and ip 2>/dev/null | wc -l)" 'the filter of a file'
is "$(reads -j filter tcp | jq -s 'map(select(.event == "packet")) | length')" "$(tcpdump -nr "$lab_tmp/ours" tcp 2>/dev/null | wc -l)" 'an object a line'
tcpdump -r "$lab_tmp/ours" -w "$lab_tmp/old" 2>/dev/null
is "$("$ptdiag" capture read "$lab_tmp/old" quiet | head -n 1)" "$(reads quiet | head -n 1)" 'a file of the old kind has the same'
out=$(reads stream filter tcp port 8080 and ip)
like "$out" '^  question\\r$' 'a stream: what one side says'
like "$out" '^  answer \\x1b\[31m red$' 'and the other, escaped'
like "$out" '^10\.0\.1\.1:8080 > 10\.0\.1\.2:[0-9]+: 20017 bytes, .* 0 bytes missing$' 'all of it'
like "$(reads stream filter ip6)" '^\[fd01::1\]:8080 > \[fd01::2\]:[0-9]+: 20017 bytes' 'IPv6, too'
"$ptdiag" capture read "$lab_tmp/ours" -j stream filter ip6 >"$lab_tmp/objects"
each_fits "$lab_tmp/objects" capture 'objects of a stream are as their schema says'
"$ptdiag" capture read "$lab_tmp/ours" -j stream hex filter ip >"$lab_tmp/objects"
each_fits "$lab_tmp/objects" capture 'in hexadecimal digits, too'
reads -j >"$lab_tmp/objects"
each_fits "$lab_tmp/objects" capture 'and those of packets'
exits 3 'there is no second one' reads stream number 9 filter ip6
head -c 700 "$lab_tmp/ours" >"$lab_tmp/cut"
like "$("$ptdiag" capture read "$lab_tmp/cut" quiet 2>&1)" 'ends within a packet' 'a file that is cut'
exits 1 'a filter that is none' reads filter tcp porto 7
exits 3 'nothing meets it' reads quiet filter udp port 1

# ---- files ----
exits 2 'a file that is there' capture on eth0 count 1 write "$lab_tmp/ours"
ln -s "$lab_tmp/nowhere" "$lab_tmp/link"
exits 2 'a link' capture on eth0 count 1 write "$lab_tmp/link"
ok 'is not followed' [ ! -e "$lab_tmp/nowhere" ]
exits 2 'there is no such device' capture on nodevice count 1

# ---- what is given away, one's own session, users ----
lab_bg a env SSH_CONNECTION='10.0.1.2 7777 10.0.1.1 8080' "$ptdiag" capture on eth0 -j filter tcp port 8080 >"$lab_tmp/own" 2>"$lab_tmp/said"
lab_wait 10 grep -q 'NoNewPrivs:.1' "/proc/$lab_last/status"
is "$(grep -E '^(Uid|CapEff|Seccomp):' "/proc/$lab_last/status" | tr -s '\t\n' '  ')" \
	'Uid: 65534 65534 65534 65534 CapEff: 0000000000000000 Seccomp: 2 ' 'while it runs it is nobody, without capabilities'
in_ns b python3 -c "import socket
c = socket.create_connection(('10.0.1.1', 8080), source_address=('10.0.1.2', 7777)); c.send(b'x'); c.recv(9)"
in_ns b python3 "$lab_tmp/client.py" 10.0.1.1
sleep 0.3
kill -INT "$lab_last"
wait "$lab_last"
is "$(jq -s 'map(select(.sport == 7777 or .dport == 7777)) | length' "$lab_tmp/own")" 0 'the SSH session that it runs in is left out'
is "$(jq -s 'map(select(.event == "packet")) | length > 5' "$lab_tmp/own")" true 'others are not'
like "$(cat "$lab_tmp/said")" 'packets of this SSH session are left out' 'which is said'

# ---- examples of the manual ----

# The file of the page: six packets of one connection.
python3 - "$lab_tmp/web.pcap" <<'PYTHON'
import struct, sys
start = 1795292000 - 1795292000 % 86400 + 20 * 3600 + 13 * 60 + 11
client, server = b'\xc0\0\2\x01', b'\xc0\0\2\x50'
def frame(src, dst, sport, dport, flags, seq, ack, win, data):
    tcp = struct.pack('>HHIIBBHHH', sport, dport, seq, ack, 0x50, flags, win, 0, 0) + data
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, src, dst) + tcp
    return b'\2\0\0\0\0\2\2\0\0\0\0\1\x08\0' + ip
def out(*a): return frame(client, server, 40000, 80, *a)
def back(*a): return frame(server, client, 80, 40000, *a)
with open(sys.argv[1], 'wb') as f:
    f.write(struct.pack('<IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
    for i, p in enumerate([out(2, 100, 0, 64240, b''), back(0x12, 500, 101, 65160, b''), out(0x18, 101, 501, 64240, b'GET / HTTP/1.0\r\n'),
                           back(0x18, 501, 117, 65160, b'HTTP/1.0 200 Fine\r\n'), back(0x11, 520, 117, 65160, b''), out(0x11, 117, 521, 64240, b'')]):
        f.write(struct.pack('<IIII', start, i * 1000, len(p), len(p)) + p)
PYTHON
example()
{
	manual man/ptdiag.8 "ptdiag $1" >"$lab_tmp/shown"
	# the words of the command are words here, too
	# shellcheck disable=SC2086
	(cd "$lab_tmp" && TZ=UTC "$ptdiag" $1) >"$lab_tmp/real" 2>&1
	ok "the manual's ptdiag $1" diff "$lab_tmp/shown" "$lab_tmp/real"
}
example 'capture read web.pcap'
example 'capture read web.pcap stream filter tcp port 80'
done_testing
