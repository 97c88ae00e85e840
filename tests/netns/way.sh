#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag trace and mtr on a way of five hops, in both families and all modes, beside traceroute on the same network.
#
#     a  10.0.1.1 ---- r1 ---- r2 ---- r3 ---- r4 ---- z  10.0.5.2
#     The link N is 10.0.N.0/24 and fd0N::/64: .1 on its left, .2 on its right.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs nft traceroute jq python3 tcpdump

lab_ns a r1 r2 r3 r4 z
n=0
left=a
for right in r1 r2 r3 r4 z; do
	n=$((n + 1))
	lab_link $left right$n $right left$n
	lab_addr $left right$n 10.0.$n.1/24 fd0$n::1/64
	lab_addr $right left$n 10.0.$n.2/24 fd0$n::2/64
	left=$right
done
lab_settle a r1 r2 r3 r4 z
i=0
for ns in a r1 r2 r3 r4 z; do
	# Ahead by the next link, back by the one before.
	[ $ns = a ] || [ $i -lt 1 ] || for k in $(seq 1 $((i - 1))); do
		lab_route $ns "10.0.$k.0/24" via 10.0.$i.1
		lab_route $ns "fd0$k::/64" via fd0$i::1
	done
	[ $i -gt 3 ] || for k in $(seq $((i + 2)) 5); do
		lab_route $ns "10.0.$k.0/24" via 10.0.$((i + 1)).2
		lab_route $ns "fd0$k::/64" via fd0$((i + 1))::2
	done
	lab_forward $ns
	in_ns $ns sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
	i=$((i + 1))
done
trace() { in_ns a "$ptdiag" trace "$@"; }
rules() { in_ns "$1" nft -f - <<NFT
flush ruleset
$2
NFT
}
# Who is at each hop, once, "*" for nobody: of our document, of what traceroute prints.
ours() { printf '%s' "$1" | jq -r '[.hops[] | [.answers[] | .from // "*"] | unique | join("+")] | join(" ")'; }
theirs() { in_ns a traceroute -n -w 1 "$@" 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { h = ""; for (i = 2; i <= NF; i++) if ($i ~ /[.:].*[.:]/ && !index(h, $i)) h = h (h ? "+" : "") $i; s = s (s ? " " : "") (h ? h : "*") } END { print s }'; }

way4='10.0.1.2 10.0.2.2 10.0.3.2 10.0.4.2 10.0.5.2'
way6='fd01::2 fd02::2 fd03::2 fd04::2 fd05::2'
for mode in udp icmp tcp; do
	out=$(trace -j 10.0.5.2 mode $mode)
	is "$(ours "$out")" "$way4" "$mode: five hops in order"
	is "$(printf '%s' "$out" | jq -r '"\(.end) \([.hops[].answers[] | select(.answered)] | length)"')" 'reached 15' "$mode: every probe is answered"
	out=$(trace -j fd05::2 mode $mode)
	is "$(ours "$out")" "$way6" "$mode, IPv6: five hops in order"
done
is "$(theirs 10.0.5.2)" "$way4" 'traceroute sees the same'
is "$(theirs -6 fd05::2)" "$way6" 'and of IPv6'
is "$(trace 10.0.5.2 queries 1 parallel 1 | sed 's/  [0-9.]* ms//')" "10.0.5.2 (10.0.5.2) from 10.0.1.1, udp to port 33434, 30 hops at most
 1  10.0.1.2
 2  10.0.2.2
 3  10.0.3.2
 4  10.0.4.2
 5  10.0.5.2
reached" 'text'
is "$(ours "$(trace -j 10.0.5.2 first 2 max 3)")" '10.0.2.2 10.0.3.2' 'from the second hop to the third'
exits 3 'what is not reached is a no' trace 10.0.5.2 max 3
like "$tap_out" '^not reached$' 'and said'

# ---- one flow: fields that routers share load by ----
flow()
{
	lab_bg r1 tcpdump --immediate-mode -ni left1 -U -w "$lab_tmp/flow" "$1" 2>"$lab_tmp/tcpdump"
	lab_wait 5 grep -q 'listening on' "$lab_tmp/tcpdump"
	shift
	trace "$@" parallel 64 >/dev/null
	lab_wait 5 sh -c "[ \$(tcpdump -nr '$lab_tmp/flow' 2>/dev/null | wc -l) -ge 15 ]"
	lab_stop "$lab_last"
}
flow 'udp dst portrange 33000-34000' 10.0.5.2
is "$(tcpdump -nr "$lab_tmp/flow" 2>/dev/null | grep -o 'IP 10.0.1.1.* >[^:]*' | sort -u | wc -l)" 1 'UDP: one pair of ports'
flow 'icmp[icmptype] == 8' 10.0.5.2 mode icmp
is "$(tcpdump -nxr "$lab_tmp/flow" 2>/dev/null | sed -n 's/^\t0x0010:  [0-9a-f]* [0-9a-f]* \([0-9a-f]* [0-9a-f]* [0-9a-f]*\) .*/\1/p' | sort -u | wc -l)" 1 \
	'ICMP: one type, checksum and id'
flow 'tcp dst port 80' 10.0.5.2 mode tcp
is "$(tcpdump -nr "$lab_tmp/flow" 2>/dev/null | grep -o 'IP 10.0.1.1.* >[^:]*' | sort -u | wc -l)" 1 'TCP: one pair of ports'
flow 'ip6 and udp' fd05::2
is "$(tcpdump -nvr "$lab_tmp/flow" 2>/dev/null | grep -o 'flowlabel [^,]*' | sort -u | wc -l)" 1 'IPv6: one flow label'

# ---- filtered and refused ----
rules r3 'table inet t { chain o { type filter hook output priority 0; icmp type time-exceeded drop; icmpv6 type time-exceeded drop; }; }'
is "$(ours "$(trace -j 10.0.5.2)")" '10.0.1.2 10.0.2.2 * 10.0.4.2 10.0.5.2' 'a silent hop is a *'
is "$(theirs 10.0.5.2)" '10.0.1.2 10.0.2.2 * 10.0.4.2 10.0.5.2' 'for traceroute, too'
is "$(ours "$(trace -j fd05::2)")" 'fd01::2 fd02::2 * fd04::2 fd05::2' 'IPv6: a silent hop is a *'
# refused CODE MARK WORDS FAMILY HOST HOP
refused()
{
	case $4 in
	6) rules r3 "table ip6 t { chain f { type filter hook forward priority 0; reject with icmpv6 $1; }; }" ;;
	*) rules r3 "table ip t { chain f { type filter hook forward priority 0; reject with icmp $1; }; }" ;;
	esac
	exits 3 "$1: a no" trace "$5" queries 1
	like "$tap_out" "^ 4  $6  [0-9.]+ ms $2  $3\$" "$1: $2, in words"
	like "$tap_out" '^unreachable$' "$1: the end"
}
refused host-unreachable '!H' 'host unreachable' 4 10.0.5.2 10.0.3.2
refused net-unreachable '!N' 'network unreachable' 4 10.0.5.2 10.0.3.2
refused admin-prohibited '!X' 'administratively prohibited' 4 10.0.5.2 10.0.3.2
refused admin-prohibited '!X' 'administratively prohibited' 6 fd05::2 fd03::2
refused no-route '!N' 'no route' 6 fd05::2 fd03::2
refused addr-unreachable '!H' 'address unreachable' 6 fd05::2 fd03::2
rules r3 ''
# r2 forwards without counting: the router behind it is seen twice.
rules r2 'table ip t { chain p { type filter hook prerouting priority -300; ip ttl 1 ip daddr 10.0.5.2 ip ttl set 2; }; }'
is "$(ours "$(trace -j 10.0.5.2)")" '10.0.1.2 10.0.3.2 10.0.3.2 10.0.4.2 10.0.5.2' 'one router at two hops'
rules r2 ''

# ---- MTU ----
in_ns r3 ip link set right4 mtu 1400
in_ns r4 ip link set left4 mtu 1400
for host in 10.0.5.2 fd05::2; do
	out=$(trace -j $host mtu)
	is "$(printf '%s' "$out" | jq -r '"\(.end) \(.path_mtu) \([.hops[] | select(.mtu) | "\(.hop) \(.mtu) \(.mtu_from)"] | join(","))"')" \
		"reached 1400 4 1400 $([ $host = 10.0.5.2 ] && echo 10.0.3.2 || echo fd03::2)" "$host: where the MTU becomes smaller"
done
like "$(trace 10.0.5.2 mtu mode icmp)" '^ 4  10\.0\.4\.2  [0-9.]+ ms  MTU 1400, says 10\.0\.3\.2$' 'text, with echo requests'
in_ns r3 ip link set right4 mtu 1500
in_ns r4 ip link set left4 mtu 1500

# ---- without privileges ----
user() { in_ns a setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
if [ "$(user "$ptdiag" -V 2>/dev/null | cut -d' ' -f1)" = ptdiag ]; then
	is "$(ours "$(user "$ptdiag" trace -j 10.0.5.2)")" "$way4" 'an ordinary user has UDP'
	is "$(ours "$(user "$ptdiag" trace -j fd05::2)")" "$way6" 'and of IPv6'
	exits 4 'TCP needs a privilege' user "$ptdiag" trace 10.0.5.2 mode tcp
	like "$tap_out" 'needs CAP_NET_RAW' 'it says which'
fi

# ---- mtr ----
mtr() { in_ns a "$ptdiag" mtr "$@"; }
for host in 10.0.5.2 fd05::2; do
	out=$(mtr -j $host count 4 interval 50ms)
	is "$(printf '%s' "$out" | jq -r '"\(.reached) " + ([.hops[] | "\(.hop) \(.hosts[0].address) \(.sent) \(.loss_percent)"] | join(","))')" \
		"true $(i=0; for h in $([ $host = 10.0.5.2 ] && echo "$way4" || echo "$way6"); do i=$((i + 1)); printf '%s%s %s 4 0' "$([ $i -eq 1 ] || echo ,)" $i "$h"; done)" "$host: each hop, each round"
	is "$(printf '%s' "$out" | jq '[.hops[] | .best_ms <= .avg_ms and .avg_ms <= .worst_ms and .best_ms > 0] | all')" true "$host: the order of times"
done
is "$(mtr 10.0.5.2 report count 2 interval 50ms mode udp | awk 'NR > 1 { print $1, $2, $3, $5 }')" '1 10.0.1.2 0.0 2
2 10.0.2.2 0.0 2
3 10.0.3.2 0.0 2
4 10.0.4.2 0.0 2
5 10.0.5.2 0.0 2' 'text'
rules r3 'table ip t { chain p { type filter hook prerouting priority 0; icmp type echo-request numgen random mod 2 == 0 drop; }; }'
out=$(mtr -j 10.0.5.2 count 40 interval 50ms timeout 500ms)
is "$(printf '%s' "$out" | jq -r '[.hops[] | if .loss_percent == 0 then "no" elif .loss_percent > 12 and .loss_percent < 88 then "half" else "\(.loss_percent)" end] | join(" ")')" \
	'no no half half half' 'a loss at the third hop is seen from there on'
rules r3 ''
rules r4 'table ip t { chain f { type filter hook forward priority 0; drop; }; }'
exits 3 'the host does not answer: a no' mtr 10.0.5.2 count 2 interval 50ms timeout 200ms
is "$(printf '%s\n' "$tap_out" | tail -n 1 | awk '{ print $1, $2 }')" '4 10.0.4.2' 'the last hop that answers'
rules r4 ''
cat >"$lab_tmp/keys.py" <<'PYTHON'
# A terminal of 30 lines: presses keys once their effect can be seen, and says what was seen.
import os, pty, sys, select, struct, fcntl, termios, time
pid, fd = pty.fork()
if not pid:
    os.environ['TERM'] = 'xterm'
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 120, 0, 0))
seen = ''
def until(text, seconds=20):
    global seen
    end = time.time() + seconds
    while text not in seen and time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try: seen += os.read(fd, 65536).decode('latin1')
            except OSError: break
    print(('saw ' if text in seen else 'missed ') + text)
    seen = seen[seen.find(text) + len(text):] if text in seen else ''
until('q quit  r reset'); until('10.0.5.2   ')
os.write(fd, b'p'); until(', paused')
os.write(fd, b'r'); until('10.0.5.2   ', 1)
os.write(fd, b'p'); seen = ''; until('hop host', 2); seen = ''; until('10.0.5.2   ')
os.write(fd, b'q'); until('\x1b[?1049l'); until('hop host'); until('10.0.5.2   ')
print('status', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
out=$(in_ns a python3 "$lab_tmp/keys.py" "$ptdiag" mtr 10.0.5.2 interval 200ms)
is "$(printf '%s\n' "$out" | grep -c '^missed')" 0 'the live table and its keys'
like "$out" '^status 0$' 'q ends it'

# ---- documents, and the manual ----
for words in 'trace -j 10.0.5.2 mtu' 'trace -j 10.0.5.2 mode tcp' 'trace -j 10.0.5.9 max 2 names' 'mtr -j fd05::2 count 1' 'mtr -j 10.0.5.9 count 1 timeout 50ms'; do
	# shellcheck disable=SC2086
	in_ns a "$ptdiag" $words >"$lab_tmp/document"
	case $words in trace*) schema=traceroute ;; *) schema=mtr ;; esac
	fits "$lab_tmp/document" $schema "$words: as its schema says"
done
rules r4 'table ip t { chain f { type filter hook forward priority 0; ip daddr 10.0.5.2 tcp dport 80 reject with icmp admin-prohibited; }; }
table ip u { chain o { type filter hook output priority 0; ip daddr 10.0.1.1 icmp type time-exceeded drop; }; }'
# Times differ.
plain() { sed -E 's/[0-9]+\.[0-9]{2,3}/T/g; s/ +T/ T/g; s/ [0-9]+ ms/ T ms/'; }
for words in 'trace 10.0.5.2 mode tcp' 'ping 10.0.5.2 count 2' 'mtr 10.0.3.2 report count 2'; do
	# shellcheck disable=SC2086
	out=$(in_ns a "$ptdiag" $words)
	diag "$out"
	is "$(printf '%s\n' "$out" | plain)" "$(manual man/ptdiag.8 "ptdiag $words" | plain)" "ptdiag(8) shows what comes: $words"
done
rules r4 ''

# ---- names, as hostile as they come ----
if [ -n "$lab_mounts" ]; then
	cat >"$lab_tmp/dns.py" <<'PYTHON'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 53))
print('ready', flush=True)
names = {b'\x012\x011\x010\x0210': b'\x02r1\x07example\x00', b'\x012\x012\x010\x0210': b'\x06\x1b[31m\n\x00'}
while True:
    q, a = s.recvfrom(4096)
    name = names.get(q[12:12 + q[12:].find(b'\x07in-addr')])
    head = q[:2] + (b'\x81\x80\0\1\0\1\0\0\0\0' if name else b'\x81\x83\0\1\0\0\0\0\0\0')
    s.sendto(b'\xff\xff' + q[2:], a) # another's answer
    s.sendto(head + q[12:] + (b'\xc0\x0c\0\x0c\0\1\0\0\0\x3c\0' + bytes([len(name)]) + name if name else b''), a)
PYTHON
	echo 'nameserver 127.0.0.1' >"$lab_tmp/resolv.conf"
	in_ns a mount --bind "$lab_tmp/resolv.conf" /etc/resolv.conf
	lab_bg a python3 "$lab_tmp/dns.py" >"$lab_tmp/dns"
	lab_wait 10 grep -q ready "$lab_tmp/dns"
	out=$(trace 10.0.5.2 names queries 1)
	like "$out" '^ 1  r1\.example \(10\.0\.1\.2\)' 'a name'
	like "$out" '^ 2  \\027\[31m\\010 \(10\.0\.2\.2\)' 'one that would write to the terminal'
	like "$out" '^ 3  10\.0\.3\.2' 'none'
	is "$(mtr -j 10.0.5.2 names count 1 | jq -r '.hops[0].hosts[0].name')" r1.example 'mtr has names, too'
else
	skip 'mounts are not private here' 'names'
fi

# ---- a label stack, from a router that is a script ----
lab_ns m
lab_link a mpls m mpls
lab_addr a mpls 10.0.9.1/24
in_ns m ip link set mpls up
in_ns a ip neighbour add 10.0.9.2 lladdr "$(in_ns m ip -o link show mpls | sed 's/.*ether \([^ ]*\).*/\1/')" dev mpls
lab_route a 198.51.100.0/24 via 10.0.9.2
cat >"$lab_tmp/router.py" <<'PYTHON'
# Answers every probe with "TTL exceeded" and two labels, as RFC 4950 has them; "told" says how long the quote is (RFC 4884).
import socket, struct, sys
def checksum(b):
    s = sum(struct.unpack('!%dH' % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind(('mpls', 0))
print('ready', flush=True)
while True:
    f = s.recv(65536)
    ip = f[14:]
    if ip[9] != 17: continue
    told = 32 if ip[19] == 7 else 0
    stack = struct.pack('!HBBII', 12, 1, 1, 16001 << 12 | 2 << 9 | 254, 24 << 12 | 1 << 8 | 1)
    ext = struct.pack('!HH', 0x2000, 0) + stack
    ext = struct.pack('!HH', 0x2000, checksum(ext)) + stack
    body = struct.pack('!BBHBBH', 11, 0, 0, 0, told, 0) + ip[:128].ljust(128, b'\0') + ext
    body = body[:2] + struct.pack('!H', checksum(body)) + body[4:]
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0, bytes([10, 0, 9, 2]), ip[12:16])
    head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
    s.send(f[6:12] + f[0:6] + b'\x08\x00' + head + body)
PYTHON
lab_bg m python3 "$lab_tmp/router.py" >"$lab_tmp/router"
lab_wait 10 grep -q ready "$lab_tmp/router"
labels='[.hops[0].answers[0].mpls[] | "\(.label) \(.class) \(.ttl) \(.bottom)"] | join(",")'
is "$(trace -j 198.51.100.7 max 1 | jq -r "$labels")" '16001 2 254 false,24 0 1 true' 'labels by RFC 4884'
is "$(trace -j 198.51.100.8 max 1 | jq -r "$labels")" '16001 2 254 false,24 0 1 true' 'labels from before it'
like "$(trace 198.51.100.7 max 1 queries 1)" '^    MPLS label 16001 class 2 ttl 254, MPLS label 24 class 0 ttl 1 bottom$' 'text'
like "$(in_ns a traceroute -n -e -m 1 -q 1 198.51.100.7)" 'MPLS:L=16001,E=2,S=0,T=254/L=24,E=0,S=1,T=1' 'traceroute -e reads the same'
! command -v user >/dev/null || [ "$(user "$ptdiag" -V 2>/dev/null | cut -d' ' -f1)" != ptdiag ] || is "$(user "$ptdiag" trace -j 198.51.100.7 max 1 | jq -r "$labels")" \
	'16001 2 254 false,24 0 1 true' 'labels by the error queue'
done_testing
