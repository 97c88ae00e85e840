#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptfw learn` sees what is admitted and what is refused, by every engine and in both families, and proposes rules that admit the
# one and not the other: put in force, they do.
#
#     lan  192.168.1.2-6 fd00:1::2-6 ---- eth1 [ fw ] eth0 ---- 203.0.113.7 2001:db8:5::7  wan
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 nft

lab_ns fw wan lan
lab_link fw eth0 wan eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 203.0.113.2/24 2001:db8:5::2/64
lab_addr wan eth0 203.0.113.7/24 2001:db8:5::7/64
lab_addr fw eth1 192.168.1.1/24 fd00:1::1/64
for i in 2 3 4 5 6; do lab_addr lan eth0 192.168.1.$i/24 fd00:1::$i/64; done
lab_route lan default via 192.168.1.1
lab_route lan default via fd00:1::1
lab_route wan fd00:1::/64 via 2001:db8:5::2
lab_forward fw
lab_settle fw wan lan
pt() { in_ns fw "$ptfw" "$@"; }
hooks() { in_ns fw nft list tables | grep -c patronus_learn; }

head=$lab_tmp/head
cat >"$head" <<'CONF'
interface wan { device = "eth0" address = { "203.0.113.2/24", "2001:db8:5::2/64" } }
interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
CONF
conf=$lab_tmp/fw.conf
cat "$head" - >"$conf" <<'CONF'
firewall { rules = {
	"block drop",
	"match out on wan inet from lan:network nat-to (wan)",
	"pass out",
	"pass in on lan from lan:network",
	"block drop in on lan proto udp to any port 1001",
	"pass in on wan inet proto udp to (wan) port 1003 rdr-to 192.168.1.2 port 1000",
	"pass in on wan inet proto udp to (wan) port { 1005, 1006 } keep state (max-src-states 9) label few",
} }
CONF

cat >"$lab_tmp/send.py" <<'PY'
import socket, sys
# PROTOCOL SOURCE DESTINATION PORT on each line
for line in sys.stdin:
    proto, src, dst, port = line.split()
    f = socket.AF_INET6 if ":" in src else socket.AF_INET
    s = socket.socket(f, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    s.settimeout(0.1)
    try:
        s.bind((src, 0))
        s.connect((dst, int(port)))
        if proto == "udp": s.send(b"x" * 10)
    except OSError: pass
PY
traffic()
{
	for host in 2 3 4 5; do
		for port in 80 443; do
			echo "tcp 192.168.1.$host 203.0.113.7 $port"
			echo "tcp fd00:1::$host 2001:db8:5::7 $port"
		done
		echo "udp 192.168.1.$host 192.168.1.1 53"
		echo "udp fd00:1::$host fd00:1::1 53"
	done
	echo 'udp 192.168.1.2 203.0.113.7 1001'
	echo 'udp fd00:1::2 2001:db8:5::7 1001'
}

learn_bg()
{
	rm -f "$lab_tmp/err"
	lab_bg fw "$ptfw" -v learn "$@" >"$lab_tmp/out" 2>"$lab_tmp/err"
	learner=$lab_last
	lab_wait 10 grep -q counting "$lab_tmp/err" || diag "$(cat "$lab_tmp/err")"
}
learn_end() { learn_rc=0; kill -INT "$learner"; wait "$learner" || learn_rc=$?; }
said() { tap_grep=$1; ok "$2" grep -qxF -- "$tap_grep" "$lab_tmp/out" || sed 's/^/# /' "$lab_tmp/out" "$lab_tmp/err"; }
send() { in_ns "$1" python3 "$lab_tmp/send.py"; }

exits 2 'without rules nothing is admitted' pt learn 1s

for engine in linear nft bpf; do
	if ! pt apply -f "$conf" --engine "$engine" >"$lab_tmp/apply" 2>&1; then
		skip "$(head -n 1 "$lab_tmp/apply")" "engine $engine"
		continue
	fi
	learn_bg 1h
	is "$(hooks)" 1 "$engine: it counts in a table of its own"
	traffic | send lan
	printf 'udp 203.0.113.7 203.0.113.2 %s\n' 1003 1004 1005 1006 | send wan
	echo 'udp 203.0.113.2 203.0.113.7 5353' | send fw
	learn_end
	is "$learn_rc $(hooks)" '0 0' "$engine: interrupted, it proposes, and nothing is left of it"
	said '"pass in on lan proto tcp from lan:network to { 203.0.113.7, 2001:db8:5::7 } port { 80, 443 }",' \
		"$engine: many hosts of a network are the network"
	said '"pass in on lan proto udp from lan:network to (lan) port 53",' "$engine: an address of the machine is that of its interface"
	said '"pass in on wan proto udp from 203.0.113.7 to (wan) port 1003 rdr-to 192.168.1.2 port 1000",' \
		"$engine: a port forward keeps its translation"
	said '"pass in on wan proto udp from 203.0.113.7 to (wan) port { 1005, 1006 } keep state (max-src-states 9)",' \
		"$engine: limits of states stay"
	said '"pass out on wan proto udp from self to 203.0.113.7 port 5353",' "$engine: of the machine itself"
	is "$(grep -c 'port 1001' "$lab_tmp/out") $(grep -c 'port 1004' "$lab_tmp/out")" '0 0' "$engine: what was refused is not proposed"
	ok "$engine: but told" grep -q ': 4[0-9] flows admitted, 3 refused$' "$lab_tmp/out" || diag "$(head -n 1 "$lab_tmp/out")"
	is "$(grep -c warning "$lab_tmp/err")" 0 "$engine: the rules keep their promise" || diag "$(cat "$lab_tmp/err")"
done

# ---- the proposal is a file that admits the same ----

{
	cat "$head"
	printf 'firewall { rules = {\n\t"block drop",\n\t"match out on wan inet from lan:network nat-to (wan)",\n'
	grep -v '^# seen' "$lab_tmp/out" # as it is, with its comments
	printf '} }\n'
} >"$lab_tmp/learned.conf"
cp "$lab_tmp/out" "$lab_tmp/before"
ok 'what is proposed can be pasted' pt apply -f "$lab_tmp/learned.conf"
learn_bg 1h
traffic | send lan
printf 'udp 203.0.113.7 203.0.113.2 %s\n' 1003 1004 1005 1006 | send wan
echo 'udp 203.0.113.2 203.0.113.7 5353' | send fw
learn_end
is "$(sed -n 's/^# seen from .*: //p' "$lab_tmp/out")" "$(sed -n 's/^# seen from .*: //p' "$lab_tmp/before")" \
	'in force, it admits and refuses the same'
is "$(grep '^"pass' "$lab_tmp/out")" "$(grep '^"pass' "$lab_tmp/before")" 'and is proposed again'

# ---- words ----

pt apply -f "$conf" >/dev/null
learn_bg -j 1h on lan refused
traffic | send lan
echo 'udp 203.0.113.7 203.0.113.2 1004' | send wan
learn_end
ok 'JSON, with one interface and the refused flows' python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["schema"] == "patronus.learn.v1" and d["refused"] == 2 and d["complete"] and not d["missed"] and not d["too_wide"], d
assert all(r["interface"] == "lan" and r["direction"] in ("in", "out") for r in d["rules"])
refused = [r for r in d["rules"] if r["refused"]]
assert [r["text"] for r in refused] == [
    "pass in on lan proto udp from { 192.168.1.2, fd00:1::2 } to { 203.0.113.7, 2001:db8:5::7 } port 1001"], refused
web = [r for r in d["rules"] if "443" in r["text"]]
assert len(web) == 1 and web[0]["flows"] == 16 and web[0]["packets"] >= 16 and web[0]["bytes"] >= 640, web
assert web[0]["example"]["dport"] in (80, 443) and web[0]["wider"] and web[0]["first"] <= web[0]["last"]
' "$lab_tmp/out" || diag "$(cat "$lab_tmp/out")"
if python3 -c 'import jsonschema' 2>/dev/null; then
	ok 'as the schema says' python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
		"$lab_tmp/out" contrib/schema/patronus.learn.v1.json
else
	skip 'needs python3-jsonschema' 'as the schema says'
fi
learn_bg 1h refused
echo 'udp 192.168.1.2 203.0.113.7 1001' | send lan
learn_end
said '# "pass in on lan proto udp from 192.168.1.2 to 203.0.113.7 port 1001",' 'refused ones are comments'
is "$(grep -c '^"pass' "$lab_tmp/out")" 0 'and nothing that could be pasted by mistake'
exits 0 'a time ends it, and nothing seen is nothing proposed' pt learn 1s
exits 1 'no time' pt learn
exits 1 'a time that is none' pt learn never
exits 1 'an interface that is not there' pt learn 1s on nowhere
exits 1 'another word' pt learn 1s in

# ---- hostile ----

# A flood of forged sources: bounded, told, and no rule is made of it.
learn_bg 1h
echo 'tcp 192.168.1.2 203.0.113.7 80' | send lan
in_ns wan python3 - <<'PY'
import random, socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
import subprocess, re
mac = None
socket.create_connection
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"x", ("203.0.113.2", 9))
import time; time.sleep(0.2)
for l in open("/proc/net/arp"):
    if l.startswith("203.0.113.2 "): mac = bytes.fromhex(l.split()[3].replace(":", ""))
me = s.getsockname()[4]
def csum(b):
    t = sum(struct.unpack("!10H", b)); t = (t & 0xffff) + (t >> 16)
    return (~((t & 0xffff) + (t >> 16))) & 0xffff
for i in range(80000):
    src = struct.pack("!I", 0x0b000000 + i)
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, src, socket.inet_aton("203.0.113.2"))
    h = h[:10] + struct.pack("!H", csum(h)) + h[12:]
    try: s.send(mac + me + b"\x08\x00" + h + struct.pack("!HHHH", 1000, 7, 8, 0))
    except OSError: pass
PY
echo 'tcp 192.168.1.3 203.0.113.7 81' | send lan
learn_end
is "$learn_rc" 0 'a flood of forged sources'
said '"pass in on lan proto tcp from 192.168.1.2 to 203.0.113.7 port 80",' 'what was admitted before it is there'
said '"pass in on lan proto tcp from 192.168.1.3 to 203.0.113.7 port 81",' 'what was admitted after it is there, too'
ok 'that not all of it could be remembered is told' grep -q 'more flows came than' "$lab_tmp/err"
is "$(grep -c 'port 7' "$lab_tmp/out")" 0 'nothing is proposed for it'

for signal in KILL TERM; do
	learn_bg 1h
	in_ns fw nft list ruleset >/dev/null
	kill -s $signal "$learner"
	wait "$learner" 2>/dev/null
	is "$(hooks)" 0 "SIG$signal: nothing is left"
done
learn_bg 1h
one=$learner
learn_bg 1h
is "$(hooks)" 2 'two at once'
ok 'an apply meanwhile' pt apply -f "$lab_tmp/learned.conf"
is "$(hooks)" 2 'leaves both alone'
learn_end
learner=$one
learn_end
if setpriv --reuid 65534 --clear-groups --no-new-privs true 2>/dev/null; then
	exits 4 'not permitted without privilege' in_ns fw setpriv --reuid 65534 --clear-groups --inh-caps=-all "$ptfw" learn 1s
else
	skip 'setpriv cannot drop privilege here' 'not permitted without privilege'
fi
done_testing
