#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Limits of states with real connections, in both families and by each engine: below, at and above the limit; over
# applies; connections that are too many or too fast, with what is done to their source; packets in somebody else's
# name, which must not harm him; and time-outs as the kernel counts them.
# What stands in single quotes is for other shells and for people.
# shellcheck disable=SC2016
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 jq

#   lan 192.168.1.10 ---- lan0 fw eth0 ---- 10.0.0.2, 10.0.0.3 out
lab_ns fw lan out
lab_link fw lan0 lan eth0
lab_link fw eth0 out eth0
lab_addr fw lan0 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.10/24 fd00:1::10/64
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 10.0.0.3/24 fd00::2/64 fd00::3/64
for via in 192.168.1.1 fd00:1::1; do
	lab_route lan default via "$via"
done
for via in 10.0.0.1 fd00::1; do
	lab_route out default via "$via"
done
lab_forward fw
lab_settle fw lan out
pt() { in_ns fw "$ptfw" "$@"; }

# serve.py PORT...: says what it hears.
cat >"$lab_tmp/serve.py" <<'PY'
import socket, sys, threading
def answer(c):
    try:
        for data in iter(lambda: c.recv(65536), b""): c.sendall(data)
    except OSError: pass
    c.close()
def tcp(s):
    while True: threading.Thread(target=answer, args=(s.accept()[0],), daemon=True).start()
def udp(s):
    while True: s.sendto(*s.recvfrom(100))
for port in sys.argv[1:]:
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", int(port))); s.listen(200)
    threading.Thread(target=tcp, args=(s,), daemon=True).start()
    u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", int(port)))
    threading.Thread(target=udp, args=(u,), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
PY
# conns.py SOURCE ADDRESS PORT N: so many connections one after the other; prints how many were answered, keeps
# them. An answer may come late: whoever follows counts first. What is refused is not answered for as long as this
# waits, and TCP has sent it again by then.
cat >"$lab_tmp/conns.py" <<'PY'
import socket, sys, threading
source, to, port, n = sys.argv[1:5]
kept = []
for i in range(int(n)):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
    s.settimeout(1.1)
    s.bind((source, 0))
    try:
        s.connect((to, int(port)))
        s.sendall(b"x")
        if s.recv(1) == b"x": kept.append(s)
    except OSError: pass
print("answered", len(kept), flush=True)
if len(sys.argv) > 5: threading.Event().wait()
PY
# syns.py SOURCE ADDRESS PORT N: first packets only, twice each, in anybody's name.
cat >"$lab_tmp/syns.py" <<'PY'
import socket, struct, sys
source, to, port, n = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
six = ":" in to
family = socket.AF_INET6 if six else socket.AF_INET
a, b = socket.inet_pton(family, source), socket.inet_pton(family, to)
def add(data):
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
for i in range(n):
    tcp = struct.pack("!HHIIBBHHH", 20000 + i, port, 1000 + i, 0, 5 << 4, 2, 60000, 0, 0)
    pseudo = a + b + (struct.pack("!II", 20, 6) if six else struct.pack("!HH", 6, 20))
    tcp = tcp[:16] + struct.pack("!H", add(pseudo + tcp)) + tcp[18:]
    head = struct.pack("!IHBB", 6 << 28, 20, 6, 64) + a + b if six else \
        struct.pack("!BBHHHBBH", 0x45, 0, 40, i, 0, 64, 6, 0) + a + b
    for again in range(2): # the second is of a connection that has its answer
        s.sendto(head + tcp, (to, 0))
PY
lab_bg fw python3 "$lab_tmp/serve.py" 22 80 81 82 83 >"$lab_tmp/serve.fw"
lab_bg lan python3 "$lab_tmp/serve.py" 80 >"$lab_tmp/serve.lan"
for ns in fw lan; do
	lab_wait 10 grep -q ready "$lab_tmp/serve.$ns" || echo "Bail out! no server in $ns"
done

# answered SOURCE ADDRESS PORT N: that many connections, kept open until release.
held=
answered()
{
	lab_bg out python3 "$lab_tmp/conns.py" "$@" keep >"$lab_tmp/answered"
	held="$held $lab_last"
	lab_wait 60 grep -q answered "$lab_tmp/answered" || echo 'Bail out! no word of connections'
	sed 's/answered //' "$lab_tmp/answered"
}
# count and name of what it tells; in this shell, so that the connections are known to it
opens() # WANT NAME SOURCE ADDRESS PORT N
{
	open_want=$1
	open_name=$2
	shift 2
	answered "$@" >"$lab_tmp/count"
	is "$(cat "$lab_tmp/count")" "$open_want" "$open_name"
}
# Connections end, and so do their states: what is counted begins anew.
release()
{
	for p in $held; do
		lab_stop "$p"
	done
	held=
	pt state kill -q port 22:83 2>/dev/null
	:
}

conf=$lab_tmp/limits.conf
cat >"$conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }
firewall { rules = {
	"block",
	"pass in on wan proto tcp to self port 80 keep state (max 3) label most",
	"pass in on wan proto tcp to self port 81 keep state (max-src-states 2) label states",
	"pass in on wan proto tcp to self port 82 keep state (max-src-nodes 1) label nodes",
	"pass in on wan proto tcp to self port { 22, 83 } keep state (max-src-states 2, source-track global) label all",
	"pass on { wan, lan } proto tcp to lan:network port 80 keep state (max 2) label through",
} }
CONF
in4='10.0.0.2 10.0.0.3 10.0.0.1 192.168.1.10'
in6='fd00::2 fd00::3 fd00::1 fd00:1::10'
for engine in nft bpf; do
	ok "apply: $engine" pt -q apply --engine "$engine" -f "$conf"
	exits 0 "and nothing is left to do: $engine" pt diff --engine "$engine" -f "$conf"
	for addresses in "$in4" "$in6"; do
		# shellcheck disable=SC2086 # four words
		set -- $addresses
		opens 2 "max 3, below: $3" "$1" "$3" 80 2
		opens 1 'at the limit, another source: and no more' "$2" "$3" 80 2
		release
		opens 2 "max-src-states 2: $3" "$1" "$3" 81 3
		opens 2 'each source has its own' "$2" "$3" 81 3
		release
		opens 3 "max-src-nodes 1: one source, as many as it wants: $3" "$1" "$3" 82 3
		opens 0 'another one finds no room' "$2" "$3" 82 1
		release
		lab_wait 10 in_ns out python3 "$lab_tmp/conns.py" "$2" "$3" 82 1
		node() { in_ns out python3 "$lab_tmp/conns.py" "$1" "$2" 82 1 | grep -q 'answered 1'; }
		ok 'until the first one has no states left' lab_wait 10 node "$2" "$3"
		release
		opens 1 "source-track global: $3" "$1" "$3" 22 1
		opens 1 'rules count together' "$1" "$3" 83 3
		opens 2 'but each source alone' "$2" "$3" 83 3
		release
		opens 2 "through the router, in and out by one rule: $4" "$1" "$4" 80 3
		release
	done
done

# ---- over applies ----
opens 2 'two of three' 10.0.0.2 10.0.0.1 80 2
sed 's/label most",/&\n"pass in on wan proto udp to self port 9 label new",/' "$conf" >"$lab_tmp/more.conf"
ok 'apply another rule' pt -q apply --engine nft -f "$lab_tmp/more.conf"
opens 1 'states count on' 10.0.0.3 10.0.0.1 80 2
sed 's/(max 3)/(max 5)/' "$conf" >"$lab_tmp/five.conf"
ok 'apply a higher limit' pt -q apply --engine nft -f "$lab_tmp/five.conf"
opens 5 'it holds for new states' 10.0.0.2 10.0.0.1 80 6
release
ok 'stop' pt -q stop
ok 'and apply' pt -q apply --engine nft -f "$conf"

# ---- connections ----
cat >"$lab_tmp/conn.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }
table fast { persist = true timeout = "1h" }
table many { persist = true }
firewall { rules = {
	"block",
	"pass in on wan proto tcp to self port 81 label other",
	"pass in on wan proto tcp to self port 22 keep state (max-src-conn-rate 5/1h, overload <fast> flush global) label rate",
	"pass in on wan proto tcp to self port 80 keep state (max-src-conn 2, overload <many> flush) label conn",
	"pass in on wan proto tcp to self port 82 keep state (max-src-conn 2) label alone",
	"block in quick on wan from { <fast>, <many> }",
} }
CONF
hours=1h
for engine in nft bpf; do
	# What was counted goes on otherwise: neither rule nor limit is another one.
	sed "s/1h, over/$hours, over/" "$lab_tmp/conn.conf" >"$lab_tmp/this.conf"
	hours=2h
	ok "apply: $engine" pt -q apply --engine "$engine" -f "$lab_tmp/this.conf"
	like "$(pt info)" '^Follower: none, but rules need one' 'info tells that nobody follows'
	like "$(pt apply --engine "$engine" -f "$lab_tmp/this.conf" 2>&1)" 'needs somebody who follows' 'and apply warns'
	opens 2 'nobody follows: what is too much waits' 10.0.0.2 10.0.0.1 82 3
	release
	lab_bg fw "$ptfw" follow >"$lab_tmp/follow.out" 2>&1
	follower=$lab_last
	follows() { pt info | grep -q '^Follower: at work'; }
	ok 'somebody follows' lab_wait 10 follows
	for addresses in "$in4" "$in6"; do
		# shellcheck disable=SC2086
		set -- $addresses
		opens 2 "flush global: the source's other states: $1" "$1" "$3" 81 2
		opens 1 'those of another source' "$2" "$3" 81 1
		opens 5 'ten connections at once: five pass' "$1" "$3" 22 10
		is "$(pt table show fast)" "$1" 'and the source is in the table'
		gone() { [ "$(pt state count -j "$@" | jq '.count[0].matching')" = 0 ]; }
		ok 'its states are ended' lab_wait 5 gone src "$1"
		like "$(cat "$lab_tmp/follow.out")" "too many connections of $1: [0-9]+ states? ended" 'and follow tells whose'
		is "$(pt state count -j src "$2" | jq '.count[0].matching')" 1 'the other source keeps its own'
		opens 1 'and goes on' "$2" "$3" 22 1
		release
		pt table flush -q fast
		opens 2 "flush: states of another rule: $1" "$1" "$3" 81 2
		opens 2 'max-src-conn 2' "$1" "$3" 80 3
		is "$(pt table show many)" "$1" 'the source is in the table'
		ok 'the states of the rule are ended' lab_wait 5 gone src "$1" label conn
		is "$(pt state count -j src "$1" | jq '.count[0].matching')" 2 'and no others'
		release
		pt table flush -q many
		opens 2 'max-src-conn alone' "$1" "$3" 82 3
		is "$(pt table show many)$(pt table show fast)" '' 'puts nobody into a table'
		release
	done
	# In the name of somebody who is not there, then he comes.
	in_ns out python3 "$lab_tmp/syns.py" 10.0.0.77 10.0.0.1 80 20
	in_ns out python3 "$lab_tmp/syns.py" fd00::77 fd00::1 80 20
	in_ns out python3 "$lab_tmp/syns.py" 10.0.0.77 10.0.0.1 22 20
	in_ns out python3 "$lab_tmp/syns.py" fd00::77 fd00::1 22 20
	for named in 10.0.0.77 fd00::77; do
		is "$(pt state count -j src "$named" | jq '.count[0].matching')" 40 "forged first packets make states: $named"
	done
	is "$(pt table show many)$(pt table show fast)" '' 'but harm nobody'
	in_ns out ip addr add 10.0.0.77/24 dev eth0
	in_ns out ip addr add fd00::77/64 dev eth0 nodad
	# It was looked for in vain before.
	in_ns fw ip neigh flush to 10.0.0.77
	in_ns fw ip neigh flush to fd00::77
	opens 2 'who was named may come in' 10.0.0.77 10.0.0.1 80 2
	opens 2 'so may he of IPv6' fd00::77 fd00::1 80 2
	opens 1 'and his connections are not too fast' 10.0.0.77 10.0.0.1 22 1
	opens 1 'of IPv6 either' fd00::77 fd00::1 22 1
	is "$(pt table show many)$(pt table show fast)" '' 'nobody is in a table'
	in_ns out ip addr del 10.0.0.77/24 dev eth0
	in_ns out ip addr del fd00::77/64 dev eth0
	release
	lab_stop "$follower"
	ok 'apply again' pt -q apply --engine "$engine" -f "$lab_tmp/this.conf"
	exits 0 'and nothing is left to do' pt diff --engine "$engine" -f "$lab_tmp/this.conf"
done
exits 1 'a table that rules fill holds no networks' pt table add many 10.0.0.0/8
ok 'but addresses' pt table add -q many 10.1.2.3 fd00::9 10.1.3.0/30
is "$(pt table test many 10.1.2.3 10.1.3.2 fd00::9 2>&1)" '3/3 addresses match' 'which are found'
ok 'and go' pt table del -q many 10.1.2.3 fd00::9 10.1.3.0/30
is "$(pt table show many)" '' 'all of them'

# ---- time-outs ----
cat >"$lab_tmp/time.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
firewall {
	timeout = { "tcp.established 2h", "udp.single 100", "icmp.first 200" }
	rules = {
		"block",
		"pass in on wan proto { icmp, icmp6 } to self label ping",
		"pass in on wan proto tcp to self port 80 label usual",
		"pass in on wan proto tcp to self port 81 keep state (tcp.established 1h) label own",
		"pass in on wan proto udp to self port 80 label udp",
		"pass in on wan proto udp to self port 81 keep state (udp.multiple 300, udp.first 400) label own-udp",
	}
}
CONF
ok 'apply time-outs' pt -q apply --engine nft -f "$lab_tmp/time.conf"
exits 0 'and nothing is left to do' pt diff --engine nft -f "$lab_tmp/time.conf"
# near WANT NAME FILTER...: so many seconds are left, or a few less
near()
{
	near_want=$1
	near_name=$2
	shift 2
	near_left=$(pt state show -j "$@" | jq '.states[0].expires')
	ok "$near_name: $near_left" [ "$near_left" -le "$near_want" ] 
	ok "$near_name, not much less" [ "$near_left" -gt $((near_want - 30)) ]
}
cat >"$lab_tmp/udp.py" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"x", (sys.argv[1], int(sys.argv[2])))
if len(sys.argv) > 3: # Linux sees both sides of it only when it goes on for more than two seconds
    s.recv(1); time.sleep(2.2); s.sendto(b"x", (sys.argv[1], int(sys.argv[2]))); s.recv(1)
PY
for to in 10.0.0.1 fd00::1; do
	family=-4 source=10.0.0.2
	[ "$to" = 10.0.0.1 ] || family=-6 source=fd00::2
	answered "$source" "$to" 80 1 >/dev/null
	answered "$source" "$to" 81 1 >/dev/null
	near 7200 "of the file: $to" $family proto tcp port 80
	near 3600 "of the rule: $to" $family proto tcp port 81
	in_ns out python3 "$lab_tmp/udp.py" "$to" 81 answer
	near 300 "UDP with an answer: $to" $family proto udp port 81
	in_ns out ping -q -c 1 "$to" >/dev/null
	near 200 "ICMP: $to" $family label ping
	release
	pt state kill -q proto udp
done
ok 'rules without them again' pt -q apply --engine nft -f "$conf"
is "$(pt diff --engine nft -f "$lab_tmp/time.conf" -v | grep -c '^add time-out')" 6 'diff tells which time-outs would come'

# ---- the table of such a rule is made otherwise when the rule goes ----

cat >"$lab_tmp/plain.conf" <<'E'
table crowd { persist = true }
firewall { rules = { "pass quick proto tcp from ! <crowd> tos lowdelay" } }
E
sed 's|"pass quick.*lowdelay"|"pass in inet proto tcp keep state (max-src-conn-rate 9/10, overload <crowd> flush)"|' \
	"$lab_tmp/plain.conf" >"$lab_tmp/crowd.conf"
for engine in linear nft bpf; do
	pt -q apply --engine $engine -f "$lab_tmp/crowd.conf" 2>/dev/null || continue
	ok "without the limit again: $engine" pt -q apply --engine $engine -f "$lab_tmp/plain.conf"
done

done_testing
