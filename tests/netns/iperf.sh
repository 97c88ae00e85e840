#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptdiag iperf` against iperf3 in both roles, TCP and UDP, each way and both, in both families: what the two count is the same. Loss that a
# firewall makes is what is told. Ends that say too much, too little or nonsense end nothing but themselves.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs nft iperf3 python3 jq ss

# client 192.0.2.1 - 192.0.2.2 server
lab_ns client server
lab_link client eth0 server eth0
lab_addr client eth0 192.0.2.1/24 2001:db8::1/64
lab_addr server eth0 192.0.2.2/24 2001:db8::2/64
lab_settle client server

# listening TCP-PORT: somebody does
listening()
{
	for _ in $(seq 100); do
		in_ns server ss -Htln "sport = :$1" | grep -q . && return 0
		sleep 0.1
	done
	return 1
}

# theirs WORDS: our client with WORDS, iperf3 as the server; both documents lie in $lab_tmp
theirs()
{
	in_ns server iperf3 -s -1 -p 5301 -J >"$lab_tmp/theirs" 2>&1 &
	pid=$!
	listening 5301
	in_ns client "$ptdiag" iperf "$@" port 5301 -j >"$lab_tmp/ours" 2>"$lab_tmp/error"
	rc=$?
	wait "$pid"
}

# ours WORDS -- ARGUMENTS: our server with WORDS, iperf3 as the client with ARGUMENTS
ours()
{
	words=
	while [ "$1" != -- ]; do
		words="$words $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	in_ns server "$ptdiag" iperf server port 5302 $words -j >"$lab_tmp/ours" 2>"$lab_tmp/error" &
	pid=$!
	listening 5302
	in_ns client iperf3 -p 5302 -J "$@" >"$lab_tmp/theirs" 2>&1
	wait "$pid"
	rc=$?
}

# ended PID NAME: with status 0
ended()
{
	wait "$1"
	is "$?" 0 "$2"
}

summary() { jq -r "select(.event == \"summary\" and .direction == \"$1\") | $2" "$lab_tmp/ours"; }
their() { jq -r "$1" "$lab_tmp/theirs"; }

for to in 192.0.2.2 2001:db8::2; do
	theirs $to for 1s streams 2
	is "$rc" 0 "TCP to iperf3, $to"
	is "$(summary sent '.complete')" true 'both ends told what they counted'
	is "$(summary sent '.receiver.bytes')" "$(their '[.end.streams[].receiver.bytes] | add')" 'what it received is what it says it received'
	is "$(summary sent '.sender | has("retransmissions")')" true 'with retransmissions'
	is "$(jq -r 'select(.event == "interval") | .rtt_ms > 0 and .congestion_window > 0' "$lab_tmp/ours" | sort -u)" true 'and the way'
	is "$(jq -s '[.[] | select(.event == "interval") | .bytes] | add' "$lab_tmp/ours")" "$(summary sent '.sender.bytes')" 'intervals are the whole'

	theirs $to for 1s reverse
	is "$rc" 0 "TCP from iperf3, $to"
	is "$(summary received '.sender.bytes')" "$(their '.end.streams[0].sender.bytes')" 'what it sent is what it says it sent'
	is "$(summary received '.sender.retransmissions')" "$(their '.end.streams[0].sender.retransmits')" 'and sent again'
	is "$(summary received '.receiver.bytes > 0 and .receiver.bytes <= .sender.bytes')" true 'no more came than was sent'

	theirs $to for 1s bidir streams 2
	is "$rc" 0 "TCP both ways with iperf3, $to"
	is "$(summary sent '.receiver.bytes > 0')$(summary received '.receiver.bytes > 0')" truetrue 'both got something'

	theirs $to for 1s udp rate 4Mbit streams 2 size 1000
	is "$rc" 0 "UDP to iperf3, $to"
	is "$(summary sent '.sender.datagrams')" "$(their '.end.sum.packets')" 'as many datagrams'
	is "$(summary sent '.receiver.lost')" 0 'none lost'
	is "$(summary sent '.sender.bits_per_second > 7600000 and .sender.bits_per_second < 8400000')" true 'at the rate that was asked for'

	theirs $to for 1s udp rate 4Mbit bidir
	is "$rc" 0 "UDP both ways with iperf3, $to"
	is "$(summary received '.receiver.datagrams > 100 and .receiver.lost == 0')" true 'datagrams came'

	ours allow 192.0.2.0/24,2001:db8::/64 -- -c $to -t 1 -P 2
	is "$rc" 0 "TCP from the client iperf3, $to"
	is "$(summary received '.receiver.bytes')" "$(their '.end.sum_received.bytes')" 'it got our count'
	is "$(summary received '.sender.bytes')" "$(their '.end.sum_sent.bytes')" 'and we its'

	ours allow any -- -c $to -t 1 -R
	is "$rc" 0 "TCP to the client iperf3, $to"
	is "$(summary sent '.sender.bytes')" "$(their '.end.sum_sent.bytes')" 'it got our count'
	is "$(summary sent '.sender.retransmissions')" "$(their '.end.sum_sent.retransmits')" 'and how much was sent again'

	ours allow any -- -c $to -t 1 --bidir -P 2
	is "$rc" 0 "TCP both ways, $to"
	is "$(summary received '.complete')$(summary sent '.complete')" truetrue 'complete'

	ours allow any -- -c $to -t 1 -u -b 4M -l 1000 -P 2
	is "$rc" 0 "UDP from the client iperf3, $to"
	is "$(summary received '.receiver.datagrams')" "$(their '.end.sum.packets')" 'as many datagrams'
	ours allow any -- -c $to -t 1 -u -b 4M -R
	is "$rc" 0 "UDP to the client iperf3, $to"
	is "$(summary sent '.sender.bytes')" "$(their '.end.sum_sent.bytes // .end.sum.bytes')" 'it got our count'
	ours allow any -- -c $to -n 20M -O 1
	is "$rc" 0 "bytes, and a second that does not count, $to"
done

# ---- what the network does ----

in_ns server nft -f - <<'NFT'
table inet t {
	counter marked { }
	chain input {
		type filter hook input priority 0;
		ip dscp 10 tcp dport 5301 counter name marked
		udp dport 5301 meta length > 500 numgen inc mod 10 == 0 drop
	}
}
NFT
theirs 192.0.2.2 for 1s udp rate 4Mbit size 1000
is "$(summary sent '.receiver.loss_percent > 9 and .receiver.loss_percent < 11')" true 'one in ten is dropped, and told'
is "$(summary sent '.receiver.lost')" "$(their '.end.sum.lost_packets')" 'as many as iperf3 says'
theirs 192.0.2.2 bytes 1000000 dscp 10 window 256K congestion reno
is "$rc" 0 'bytes, code point, window, congestion control'
ok 'packets are marked' test "$(in_ns server nft -j list counter inet t marked | jq '.nftables[1].counter.packets')" -gt 5
is "$(summary sent '.sender.bytes >= 1000000 and .sender.bytes < 3000000')" true 'about so many'
in_ns server nft delete table inet t

# ---- ours with ours, as the manual shows it ----

both()
{
	in_ns server "$ptdiag" iperf server allow any >/dev/null 2>&1 &
	pid=$!
	listening 5201
	in_ns client "$ptdiag" iperf "$@"
	wait "$pid"
}
plain() { sed -E 's/[0-9.]+ ([kMGT]?)(B|bit)/N \2/g; s/[0-9.]+ s\b/N s/g; s/[0-9.]+ ms/N ms/; s/[0-9]+ datagrams/N datagrams/; s/[0-9]+ of/N of/; s/[0-9]+ retrans/N retrans/'; }
is "$(both 192.0.2.2 bytes 100000000 interval 60s | plain)" \
	"$(manual man/ptdiag.8 'ptdiag iperf 192.0.2.2 bytes 100000000 interval 60s' | plain)" 'ptdiag(8) shows what comes'
is "$(both 2001:db8::2 udp rate 2Mbit for 2s reverse | plain | sort -u)" \
	"$(manual man/ptdiag.8 'ptdiag iperf 2001:db8::2 udp rate 2Mbit for 2s reverse' | plain | sort -u)" 'and of datagrams'
out=$(both 192.0.2.2 for 1s streams 2 -d)
like "$out" 'stream 1: sent' 'each stream on a line with -d'
like "$out" 'stream 3: sent' 'and the other one'

# ---- who may, and what ----

exits 1 'a server has to know whom it may talk to' in_ns server "$ptdiag" iperf server
exits 1 'what is tested is said by the client' in_ns server "$ptdiag" iperf server allow any udp
exits 1 'no port that needs a privilege' in_ns server "$ptdiag" iperf server allow any port 80
exits 1 'no server without the word' in_ns client "$ptdiag" iperf 192.0.2.2 allow any
exits 1 'reverse or both' in_ns client "$ptdiag" iperf 192.0.2.2 reverse bidir
exits 1 'a window has a size' in_ns client "$ptdiag" iperf 192.0.2.2 window 4X
exits 3 'nobody listens' in_ns client "$ptdiag" iperf 192.0.2.2 port 5399
exits 5 'nobody comes' in_ns server "$ptdiag" iperf server allow any timeout 300ms

in_ns server "$ptdiag" iperf server allow 192.0.2.9,2001:db8::1 port 5303 for 2s streams 2 >"$lab_tmp/out" 2>"$lab_tmp/error" &
pid=$!
listening 5303
exits 3 'who is not allowed gets nothing' in_ns client "$ptdiag" iperf 192.0.2.2 port 5303 for 1s
out=$(in_ns client "$ptdiag" iperf 2001:db8::2 port 5303 for 3s 2>&1)
like "$out" 'refuses: the test is too long' 'no longer than is allowed'
out=$(in_ns client iperf3 -c 2001:db8::2 -p 5303 -t 1 -P 3 2>&1)
like "$out" 'parallel streams too large' 'no more streams, which iperf3 has words for'
# What an end must not say, or says too slowly; the server waits for one that behaves.
cat >"$lab_tmp/bad.py" <<'PY'
import socket, struct, sys
cookie = b'a' * 36 + b'\0'
def talk(*parts, read=0):
    s = socket.create_connection(('2001:db8::2', 5303), 5)
    s.settimeout(8)
    for p in parts:
        s.sendall(p)
    try:
        while read and s.recv(4096):
            pass
    except OSError:
        pass
    s.close()
talk()
talk(b'short')
talk(b'x' * 37, read=1)
talk(cookie, struct.pack('!I', 0xffffffff), b'{' * 1000, read=1)
talk(cookie, struct.pack('!I', 65536), b'[' * 65536, read=1)
talk(cookie, struct.pack('!I', 10), b'{', read=0)
talk(cookie, struct.pack('!I', 2), b'{}', read=1)
good = b'{"tcp":true,"parallel":1e9,"time":1}'
talk(cookie, struct.pack('!I', len(good)), good, read=1)
talk(cookie, struct.pack('!I', 100), b'{', read=1)
PY
ok 'clients that do not keep to the protocol' in_ns client python3 "$lab_tmp/bad.py"
ours_pid=$(in_ns server ss -Htlnp 'sport = :5303' | sed -n 's/.*pid=\([0-9]*\).*/\1/p')
like "$(cat "/proc/$ours_pid/status")" '^CapEff:[[:space:]]*0+$' 'the server has no capability'
like "$(cat "/proc/$ours_pid/status")" '^Uid:[[:space:]]*65534' 'and is nobody'
like "$(cat "/proc/$ours_pid/status")" '^Seccomp:[[:space:]]*2' 'with few calls'
in_ns client "$ptdiag" iperf 2001:db8::2 port 5303 for 2s >"$lab_tmp/first" 2>&1 &
first=$!
for _ in $(seq 50); do
	grep -q 'that end sends' "$lab_tmp/out" && break
	sleep 0.1
done
out=$(in_ns client "$ptdiag" iperf 2001:db8::2 port 5303 for 1s 2>&1)
is "$?" 3 'one test at a time'
like "$out" 'another test' 'and it says so'
ended "$first" 'one that does is served'
ended "$pid" 'and the server ends with it'
like "$(cat "$lab_tmp/error")" 'turned away: a document that is too long' 'the others are told of'

# ---- a server that misbehaves ----

cat >"$lab_tmp/liar.py" <<'PY'
import socket, struct, sys, time
def exactly(s, n):
    while n:
        n -= len(s.recv(n)) or sys.exit()
l = socket.create_server(('192.0.2.2', 5304))
for how in sys.argv[1:]:
    s, _ = l.accept()
    exactly(s, 37)
    if how == 'close':
        s.close(); continue
    if how == 'nonsense':
        s.sendall(b'\x63'); time.sleep(0.2); s.close(); continue
    if how == 'silent':
        time.sleep(1.5); s.close(); continue
    if how == 'busy':
        s.sendall(b'\xff'); time.sleep(0.2); s.close(); continue
    s.sendall(b'\x09')
    n, = struct.unpack('!I', s.recv(4)); exactly(s, n)
    if how == 'error':
        s.sendall(b'\xfe' + struct.pack('!II', 4000000000, 0)); time.sleep(0.2); s.close(); continue
    s.sendall(b'\x0a')
    d, _ = l.accept()
    exactly(d, 37)
    s.sendall(b'\x01\x02')
    if how == 'terminate':
        time.sleep(0.3); s.sendall(b'\x0b'); time.sleep(0.2); s.close(); d.close(); continue
    if how == 'stuck':
        time.sleep(2.5); s.close(); d.close(); continue
    d.settimeout(0.2)
    end = time.time() + 1.3
    while time.time() < end:
        try: d.recv(1 << 20)
        except OSError: pass
    s.recv(1); s.sendall(b'\x0d')
    n, = struct.unpack('!I', s.recv(4)); exactly(s, n)
    if how == 'huge':
        s.sendall(struct.pack('!I', 0xfffffff0) + b'{' * 100000)
    else:
        t = b'{"streams":[{"id":77,"bytes":1}]}'
        s.sendall(struct.pack('!I', len(t)) + t)
    time.sleep(0.2); s.close(); d.close()
PY
in_ns server python3 "$lab_tmp/liar.py" close nonsense silent busy error terminate stuck huge stranger >"$lab_tmp/liar" 2>&1 &
liar=$!
listening 5304
# lied STATUS WORDS
lied()
{
	out=$(in_ns client timeout 20 "$ptdiag" iperf 192.0.2.2 port 5304 for 1s timeout 1s 2>&1)
	is "$?" "$1" "a server that $3: status $1"
	like "$out" "$2" 'and it is said'
}
lied 3 'hung up' 'hangs up'
lied 3 'not how iperf3 talks' 'talks nonsense'
lied 5 'no answer in time' 'says nothing'
lied 3 'another test' 'has another test'
lied 3 'error 4000000000' 'has an error that nobody knows'
lied 3 'broke the test off' 'breaks off'
like "$out" 'sent by this end' 'what was counted is shown'
lied 5 'no answer in time' 'takes nothing and says nothing'
lied 3 'too long' 'names a length of 4 GB'
lied 3 'stream that there is not' 'counts streams that there are not'
wait "$liar"

# ---- signals ----

in_ns server "$ptdiag" iperf server allow any port 5305 count 0 >"$lab_tmp/out" 2>"$lab_tmp/error" &
pid=$!
listening 5305
in_ns client "$ptdiag" iperf 192.0.2.2 port 5305 for 50s >"$lab_tmp/first" 2>&1 &
first=$!
for _ in $(seq 100); do
	grep -q 'sent' "$lab_tmp/first" && break
	sleep 0.1
done
real=$(in_ns client ss -Htnp 'dport = :5305' | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1)
kill -INT "$real"
ended "$first" 'Ctrl-C ends the test'
like "$(cat "$lab_tmp/first")" 'received by that end' 'with what both ends counted'
real=$(in_ns server ss -Htlnp 'sport = :5305' | sed -n 's/.*pid=\([0-9]*\).*/\1/p')
kill -TERM "$real"
ended "$pid" 'and a server for all is ended so'
done_testing
