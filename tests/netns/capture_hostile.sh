#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag capture against what means no good, and in haste: packets of anything, cut anywhere; expressions and names of files that nobody
# would write; snap lengths at their ends; more packets than there is room for, of which each is either shown or told as dropped.
#
#     a  10.0.1.1 ---- b  10.0.1.2, which sends the packets
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/capture.sh
. tests/lib/capture.sh
lab_begin || skip_all "$lab_why"
needs jq tcpdump tshark python3
unset SSH_CONNECTION

lab_ns a b
lab_link a eth0 b eth0
lab_addr a eth0 10.0.1.1/24
lab_addr b eth0 10.0.1.2/24
in_ns a ip link set eth0 mtu 9000
in_ns b ip link set eth0 mtu 9000
lab_settle a b
capture() { in_ns a "$ptdiag" capture "$@"; }

# What it says is in $lab_tmp/out and err.
begin() { capture_begin a "$@" >"$lab_tmp/out" 2>"$lab_tmp/err"; }

# ---- packets of anything ----

# Frames of one sender, half of them honest in the beginning: valid headers with chance behind them, cut anywhere.
cat >"$lab_tmp/anything.py" <<'PYTHON'
import random, socket, struct, sys
random.seed(int(sys.argv[2]))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
def ip4(proto, data):
    return struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(data), 0, 0, 64, proto, 0, b'\x0a\0\1\2', b'\x0a\0\1\1') + data
def ip6(nxt, data):
    return struct.pack('>IHBB', 6 << 28, len(data), nxt, 64) + b'\xfe\x80' + bytes(14) + b'\xfe\x80' + bytes(14) + data
chance = random.randbytes
ports = [53, 67, 68, 123, 500, 546, 547, 4500, 4789, 51820]
def udp():
    data = chance(random.randrange(200))
    if random.random() < .5:
        data = b'\x12\x34\x81\x80\0\1\0\1\0\0\0\0' + b'\x07\x1b[31m\r\n\x80' * 3 + data
    return struct.pack('>HHHH', random.choice(ports), random.choice(ports), len(data) + 8, 0) + data
makers = [
    lambda: b'\x08\x00' + ip4(17, udp()), lambda: b'\x86\xdd' + ip6(17, udp()),
    lambda: b'\x08\x00' + ip4(6, chance(random.randrange(80))), lambda: b'\x86\xdd' + ip6(6, chance(random.randrange(80))),
    lambda: b'\x08\x00' + ip4(1, bytes([random.choice([3, 5, 8, 11])]) + chance(60)),
    lambda: b'\x86\xdd' + ip6(58, bytes([random.randrange(1, 138)]) + chance(60)),
    lambda: b'\x86\xdd' + ip6(random.choice([0, 43, 44, 51, 60, 135]), chance(120)),
    lambda: b'\x08\x06\0\1\x08\0\6\4\0' + chance(30), lambda: b'\x81\0' + chance(60), lambda: b'\x88\xa8\0\7\x81\0\0\7\x08\0' + ip4(17, udp()),
    lambda: b'\x08\x00' + chance(60), lambda: b'\x86\xdd' + chance(90), lambda: chance(2 + random.randrange(1200)),
]
for i in range(int(sys.argv[1])):
    p = random.choice(makers)()
    # a tag that is cut the kernel throws away before anybody sees it
    least = 8 if p[0] in (0x81, 0x88) else 2
    s.send(b'\2\0\0\0\0\1\2\0\0\0\0\2' + p[:random.randrange(least, len(p) + 1)])
PYTHON
for seed in 1 2 3; do
	begin on eth0 direction in filter ether src 02:00:00:00:00:02
	in_ns b python3 "$lab_tmp/anything.py" 1500 $seed
	capture_end 0 "seed $seed: packets of anything"
	is "$(grep -c '^[0-9:.]* in on eth0 ' "$lab_tmp/out")" 1500 'a line each'
	is "$(LC_ALL=C tr -d '\n\040-\176' <"$lab_tmp/out" | wc -c)" 0 'no line has a sign that moves the cursor'
	begin on eth0 -j hex direction in write "$lab_tmp/anything.$seed" show filter ether src 02:00:00:00:00:02
	in_ns b python3 "$lab_tmp/anything.py" 1500 $seed
	capture_end 0 'the same as objects'
	is "$(jq -s 'map(select(.event == "packet" and (.hex | length) == 2 * .length)) | length' "$lab_tmp/out")" 1500 'all of them well-formed'
	each_fits "$lab_tmp/out" capture 'as their schema says'
	is "$(tcpdump --count -nr "$lab_tmp/anything.$seed" 2>/dev/null)" '1500 packets' 'all of them in the file'
	is "$("$ptdiag" capture read "$lab_tmp/anything.$seed" -j hex show | jq -sc 'map(select(.event == "packet") | .text)' | cksum)" \
		"$(jq -sc 'map(select(.event == "packet") | .text)' "$lab_tmp/out" | cksum)" 'which says the same'
done
# a file that is cut, or has other bytes, anywhere: never a signal, and whatever is shown is harmless
python3 - "$ptdiag" "$lab_tmp/anything.1" "$lab_tmp/broken" >"$lab_tmp/signals" <<'PYTHON'
import random, subprocess, sys
random.seed(4)
whole = open(sys.argv[2], 'rb').read()[:6000]
for i in range(120):
    data = bytearray(whole[:random.randrange(len(whole))] if i % 2 else whole)
    for _ in range(random.randrange(1, 9) if data else 0):
        data[random.randrange(len(data))] = random.choice([0, 255, random.randrange(256)])
    open(sys.argv[3], 'wb').write(data)
    for more in [], ['stream'], ['filter', 'ip']:
        p = subprocess.run([sys.argv[1], 'capture', 'read', sys.argv[3]] + more, capture_output=True, timeout=60)
        if p.returncode not in (0, 2, 3) or any(c != 10 and not 32 <= c < 127 for c in p.stdout + p.stderr):
            print(i, more, p.returncode)
PYTHON
is "$(cat "$lab_tmp/signals")" '' 'broken files are read as far as they are whole'

# ---- expressions ----

# bad NAME EXPRESSION: an answer, not a signal, and not the terminal's
bad()
{
	tap_out=$(timeout 60 "$ptdiag" capture read "$lab_tmp/anything.1" quiet top 0 filter "$2" 2>&1)
	tap_rc=$?
	ok "$1: status $tap_rc" [ "$tap_rc" -lt 5 ]
	is "$(printf '%s' "$tap_out" | LC_ALL=C tr -d '\n\040-\176' | wc -c)" 0 "$1: what is said is printable"
}
many() { python3 -c 'import sys; print(sys.argv[1] * int(sys.argv[2]), end="")' "$1" "$2"; }
escape=$(printf '\033[31m\007')
bad 'signs' "host $escape"
bad 'nothing' ''
bad 'spaces' '   '
bad 'formats' 'host %s%n%n%s'
bad 'half of one' 'tcp and ('
bad 'a number that is none' 'ip[99999999999999999999:4] = 1'
bad 'a division' 'ip[0] / 0 = 1'
bad 'a negative place' 'ip[-1:4] = 7'
bad 'deep' "$(many '(' 5000)tcp$(many ')' 5000)"
bad 'long' "port 1$(many ' or port 2' 300)"
bad 'longest' "port 1$(many ' or port 2' 700)"
bad 'very long' "$(many 'a' 100000)"
bad 'no' "$(many 'not ' 2000)tcp"
exits 1 'one that is wrong is wrong on the wire, too' capture on eth0 count 1 filter tcp porto 7
# What the kernel cannot do with its view of a packet we do: 'any' has a header there that we make.
begin -j filter 'udp and (link[4:2] = 6) and dst port 9'
in_ns b python3 -c "import socket
for port in 1999, 2000:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', port)); s.sendto(b'x', ('10.0.1.1', 9))"
capture_end 0 'an expression that the kernel cannot ask'
is "$(jq -sc 'map(select(.sport).sport)' "$lab_tmp/out")" '[1999,2000]' 'is met all the same'
exits 1 'too long on the wire, too' capture on eth0 count 1 filter "$(many 'a' 9000)"

# ---- names of files ----

for name in "$(printf 'new\nline')" "$escape" '-n' '%s%n' "$(many x 300)" "$(many x/ 3000)x" ' ' "$(printf '\303\050')"; do
	tap_out=$(cd "$lab_tmp" && "$ptdiag" capture read "$name" 2>&1)
	tap_rc=$?
	ok "a name: status $tap_rc" [ "$tap_rc" -ge 1 -a "$tap_rc" -le 2 ]
	is "$(printf '%s' "$tap_out" | LC_ALL=C tr -d '\n\040-\176' | wc -c)" 0 'what is said is printable'
done
mkfifo "$lab_tmp/fifo"
exits 1 'a pipe is not waited for' timeout 10 "$ptdiag" capture read "$lab_tmp/fifo"
exits 1 'nor is a device read' timeout 10 "$ptdiag" capture read /dev/zero
exits 1 'a folder is no file' "$ptdiag" capture read "$lab_tmp"

# ---- snap lengths, large packets ----

cat >"$lab_tmp/send.py" <<'PYTHON'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
data = b'x' * int(sys.argv[2])
for i in range(int(sys.argv[1])):
    s.sendto(data, ('10.0.1.1', 9))
PYTHON
for snap in 14 15 42 262144; do
	begin on eth0 snap $snap -j show write "$lab_tmp/snap.$snap" filter udp port 9
	in_ns b python3 "$lab_tmp/send.py" 1 8000
	capture_end 0 "snap $snap"
	captured=$snap
	[ $snap -lt 8042 ] || captured=8042
	is "$(jq -r 'select(.event == "packet") | "\(.captured) \(.length)"' "$lab_tmp/out")" "$captured 8042" "snap $snap: so much of it"
	is "$(tshark -r "$lab_tmp/snap.$snap" -T fields -e frame.cap_len -e frame.len 2>/dev/null | tr '\t' ' ')" "$captured 8042" "snap $snap: in the file, too"
done
begin snap 20 -j filter udp port 9
in_ns b python3 "$lab_tmp/send.py" 1 100
capture_end 0 'snap 20 of any'
is "$(jq -r 'select(.event == "packet") | .captured' "$lab_tmp/out")" 20 'the header that Linux makes up counts'
for snap in 0 13 262145 18446744073709551616 -1 x; do
	exits 1 "snap $snap" capture on eth0 snap $snap count 1
done
for buffer in 0 1K 2G 99999999999999999999G x; do
	exits 1 "buffer $buffer" capture on eth0 buffer $buffer count 1
done

# ---- what is sent is shown or told as dropped ----

# The capture stands still while more comes than it has room for.
begin on eth0 buffer 1M -j quiet write "$lab_tmp/much" filter udp port 9
kill -STOP "$capture"
in_ns b python3 "$lab_tmp/send.py" 3000 1000
kill -CONT "$capture"
capture_end 0 'there is too much'
ok 'some are dropped' [ "$(jq .dropped "$lab_tmp/out")" -gt 100 ]
is "$(jq '.packets + .dropped' "$lab_tmp/out")" 3000 'all are accounted for'
is "$(tcpdump -nr "$lab_tmp/much" 2>/dev/null | wc -l)" "$(jq .packets "$lab_tmp/out")" 'those that are shown are in the file'
# In haste, with room: nothing is lost that is not told.
begin on eth0 -j quiet write "$lab_tmp/haste" filter udp port 9
in_ns b python3 "$lab_tmp/send.py" 100000 50
capture_end 0 'there is haste'
is "$(jq '.packets + .dropped' "$lab_tmp/out")" 100000 'all are accounted for'
is "$(tcpdump -nr "$lab_tmp/haste" 2>/dev/null | wc -l)" "$(jq .packets "$lab_tmp/out")" 'those that are shown are in the file'
diag "$(jq .dropped "$lab_tmp/out") of 100000 were dropped"
done_testing
