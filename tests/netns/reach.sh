#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The list of `ptfw reach` is what real packets do: each of a table of connections is tried, both families, and comes through
# just where a flow holds it. And the words, the document, the manual.
#
#     lan  192.168.1.2 fd00:1::2 ---- eth1 [ fw ] eth0 ---- 203.0.113.7 2001:db8:5::7  wan
#
# Scripts for other shells are not to be expanded here:
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
needs python3

lab_ns fw wan lan
lab_link fw eth0 wan eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 203.0.113.2/24 2001:db8:5::2/64
lab_addr wan eth0 203.0.113.7/24 203.0.113.66/24 2001:db8:5::7/64 2001:db8:5::66/64
lab_addr fw eth1 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.2/24 192.168.1.66/24 fd00:1::2/64 fd00:1::66/64
lab_route fw default via 203.0.113.7
lab_route fw default via 2001:db8:5::7
lab_route lan default via 192.168.1.1
lab_route lan default via fd00:1::1
lab_route wan 192.168.1.0/24 via 203.0.113.2
lab_route wan fd00:1::/64 via 2001:db8:5::2
lab_forward fw
lab_settle fw wan lan
pt() { in_ns fw "$ptfw" "$@"; }

conf=$lab_tmp/fw.conf
cat >"$conf" <<'CONF'
interface wan { device = "eth0" address = { "203.0.113.2/24", "2001:db8:5::2/64" } }
interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
table bad { addresses = { "192.168.1.66", "fd00:1::66", "203.0.113.66", "2001:db8:5::66" } }
firewall { rules = {
	"block return label none",
	"match out on wan inet from lan:network nat-to (wan) label masquerade",
	"pass out on wan proto { tcp, udp } to port != 1004 label out",
	"pass out on lan received-on wan label inner",
	"pass in on lan from lan:network label lan",
	"block return in on lan proto tcp to any port 1001 label no-tcp",
	"block return in on lan from <bad> to ! self label bad",
	"block return out on wan proto udp from lan:network to port 1002 label no-udp",
	"pass in on lan proto tcp to port 1003 tag special label tagging",
	"block return out on wan tagged special label tagged",
	"pass in on wan inet proto { tcp, udp } to (wan) port 1003 rdr-to 192.168.1.2 port 1000 label web",
	"pass in on wan inet6 proto { tcp, udp } to (wan) port 1003 rdr-to fd00:1::2 port 1000 label web6",
	"pass in on wan inet6 proto tcp to fd00:1::/64 port 1000:1001 label direct",
	"pass in on wan proto udp from ! <bad> to self port 1002 label asked",
} }
CONF

cat >"$lab_tmp/wire.py" <<'PY'
import ipaddress, json, select, socket, subprocess, sys

PORTS = [1000, 1001, 1002, 1003, 1004]
def family(a): return socket.AF_INET6 if ":" in a else socket.AF_INET

# Answers come from the address that was asked.
def echo(ready, addresses):
    udp, tcp = [], []
    for a in addresses:
        for port in PORTS:
            s, t = socket.socket(family(a), socket.SOCK_DGRAM), socket.socket(family(a), socket.SOCK_STREAM)
            t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for x in (s, t):
                x.bind((a, port))
            t.listen(50)
            udp.append(s)
            tcp.append(t)
    open(ready, "w").close()
    while True:
        for s in select.select(udp + tcp, [], [])[0]:
            if s in udp: s.sendto(b"x", s.recvfrom(100)[1])
            else:
                c = s.accept()[0]
                c.sendall(b"x")
                c.close()

def send(k):
    with socket.socket(family(k["src"]), socket.SOCK_STREAM if k["proto"] == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        try:
            s.bind((k["src"], 0))
            s.connect((k["dst"], k["port"]))
            if k["proto"] == "udp": s.send(b"?")
            return s.recv(9) == b"x"
        except OSError: return False

def send_all(): print(json.dumps([send(json.loads(line)) for line in sys.stdin]))

WHERE = {"203.0.113.7": "wan", "2001:db8:5::7": "wan", "192.168.1.2": "lan", "fd00:1::2": "lan"}

def cases():
    for six in (False, True):
        lan, bad, wan, worse, fw, fwan = (("fd00:1::2", "fd00:1::66", "2001:db8:5::7", "2001:db8:5::66", "fd00:1::1", "2001:db8:5::2")
            if six else ("192.168.1.2", "192.168.1.66", "203.0.113.7", "203.0.113.66", "192.168.1.1", "203.0.113.2"))
        for ns, src, dsts in (("lan", lan, (wan, fw)), ("lan", bad, (wan, fw)), ("wan", wan, (lan, fw, fwan)), ("wan", worse, (lan, fwan))):
            for dst in dsts:
                for proto in ("tcp", "udp"):
                    for port in PORTS: yield {"ns": ns, "src": src, "dst": dst, "proto": proto, "port": port}

def inside(ranges, v, number):
    if ranges is None: return True
    for r in ranges:
        if number:
            lo, _, hi = r.partition(":")
            if int(lo) <= v <= int(hi or lo): return True
        elif "/" in r or "-" not in r:
            n = ipaddress.ip_network(r)
            if ipaddress.ip_address(v) in n: return True
        else:
            lo, hi = map(ipaddress.ip_address, r.split("-"))
            if lo.version == ipaddress.ip_address(v).version and lo <= ipaddress.ip_address(v) <= hi: return True
    return False

def holds(f, k):
    af = "inet6" if ":" in k["src"] else "inet"
    place = WHERE.get(k["dst"], "self")
    return (f["family"] in (af, "both") and ("any" in f["from"] or k["ns"] in f["from"]) and
            (f["translated"] or f["to"] == place) and inside(f["protocols"], 6 if k["proto"] == "tcp" else 17, True) and
            inside(f["src"], k["src"], False) and inside(f["dst"], k["dst"], False) and (not f["to_self"] or place == "self") and
            inside(f["dports"], k["port"], True))

def nsenter(pid, args, text=""):
    r = subprocess.run(["nsenter", "-n", "-t", pid] + args, input=text, text=True, capture_output=True)
    if r.stderr: print(r.stderr)
    return r.stdout

def compare(ptfw, pids):
    pids = dict(p.split("=") for p in pids)
    flows = json.loads(nsenter(pids["fw"], ["-m", ptfw, "reach", "-j"]))["flows"]
    asked, wrong, came = list(cases()), 0, 0
    for ns in ("lan", "wan"):
        mine = [k for k in asked if k["ns"] == ns]
        got = json.loads(nsenter(pids[ns], [sys.executable, "-c", "from wire import *; send_all()"],
                                 "".join(json.dumps(k) + "\n" for k in mine)))
        for k, g in zip(mine, got):
            by = [f for f in flows if holds(f, k)]
            came += g
            if g != bool(by):
                wrong += 1
                print("%s: %s, but the flows say %s" % (k, "came" if g else "did not come", [f["packets"] for f in by]))
    print("%d wrong" % wrong)
    print("# %d connections, %d came through" % (len(asked), came), file=sys.stderr)
    if not 20 < came < len(asked) - 20: print("too few kinds")
PY
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$lab_tmp"
listen() { lab_bg "$1" python3 -c "from wire import *; echo('$lab_tmp/$1.echo', '$2'.split())"; }
listen fw '203.0.113.2 2001:db8:5::2 192.168.1.1 fd00:1::1'
listen wan '203.0.113.7 2001:db8:5::7'
listen lan '192.168.1.2 fd00:1::2'
for n in fw wan lan; do
	lab_wait 10 test -e "$lab_tmp/$n.echo" || skip_all 'the echo does not come up'
done
pids="fw=$(cat "$lab_tmp/fw.pid") wan=$(cat "$lab_tmp/wan.pid") lan=$(cat "$lab_tmp/lan.pid")"
# The pids are words.
# shellcheck disable=SC2086
compare() { python3 -c "from wire import *; compare(sys.argv[1], sys.argv[2:])" "$ptfw" $pids; }

exits 2 'nothing is in force' pt reach
ok 'the rules' pt -q apply -f "$conf"
is "$(compare)" '0 wrong' 'what the list holds comes through, and nothing else'
ok 'an address is taken out of the table' pt -q table delete bad 192.168.1.66 2001:db8:5::66
is "$(compare)" '0 wrong' 'also with what the tables hold now'

# ---- answers ----
exits 0 'who reaches the server' pt reach from internet to 192.168.1.2
is "$tap_out" "wan -> lan  proto { tcp, udp } from any to 203.0.113.2 port 1003
    to 192.168.1.2 port 1000; by web, $conf:15; out by inner, $conf:8" 'is said on two lines'
exits 3 'nothing may' pt reach from internet to lan proto udp port 1002
is "$tap_out" '' 'and nothing is said'
exits 0 'of a file' pt reach from wan to self port 1002 -f "$conf"
like "$tap_out" 'none of|!' 'without the table that the kernel has changed'
in_ns fw ip rule add from 192.168.1.0/24 table 77
exits 0 'with rules of routing' pt reach from lan to wan proto tcp port 1000
like "$tap_out" 'warning: rules of routing' 'a warning tells that they are not looked at'
in_ns fw ip rule del from 192.168.1.0/24 table 77

# ---- wrong words ----
exits 1 'an interface that nobody has' pt reach from lann to wan
like "$tap_out" "did you mean 'lan'" 'and the one that is meant'
like "$tap_out" '^ *\^~~~$' 'is marked'
exits 1 'noise' pt reach from "$(printf '\033[2J\n')"
unlike "$tap_out" "$(printf '\033')" 'is shown as text'
exits 1 'a rule instead of a port' pt reach port '1 } label { x'
exits 1 'a list without end' pt reach proto "$(seq -s, 20000)"
exits 1 'nothing behind a word' pt reach from

# ---- ten thousand rules ----
tests/bench/classbench -g acl -l 10000 -s 1 >"$lab_tmp/filters"
tests/bench/classbench -b 2 "$lab_tmp/filters" | sed 's/in0/eth0/; s/out0/eth1/' >"$lab_tmp/many.conf"
pt reach from wan -f "$lab_tmp/many.conf" >"$lab_tmp/many"
ok 'apart, their flows are listed' [ "$(wc -l <"$lab_tmp/many")" -gt 5000 ]
tests/bench/classbench -g fw -l 10000 -s 1 >"$lab_tmp/filters"
tests/bench/classbench -b 2 "$lab_tmp/filters" | sed 's/in0/eth0/; s/out0/eth1/' >"$lab_tmp/many.conf"
exits 1 'over each other they make too many pieces' pt reach from wan -f "$lab_tmp/many.conf"
like "$tap_out" 'more than 20000 parts' 'which is said'
like "$tap_out" 'ask for less' 'with what to do'
exits 0 'less is answered' pt reach from wan to 11.36.109.131 -f "$lab_tmp/many.conf"

# ---- JSON and completion ----
if python3 -c 'import jsonschema' 2>/dev/null; then
	for w in '' 'from self' 'to self' '-d' '-6'; do
		# shellcheck disable=SC2086 # words, to be split
		pt reach $w -j >"$lab_tmp/out.json"
		ok "JSON with '$w' fits its schema" python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$lab_tmp/out.json" contrib/schema/patronus.reach.v1.json
	done
else
	skip 'no python3-jsonschema' 'JSON fits its schema'
fi
is "$(pt complete -- reach f)" from 'completion of words'
is "$(pt complete -- reach from la)" lan 'of interfaces'
is "$(pt complete -- reach from lan to inter)" internet 'of places'

# ---- what the manual shows ----
lab_ns home
in_ns home sh -c 'ip link add eth0 type veth peer name p0; ip link add eth1 type veth peer name p1
	ip link set p0 up; ip link set p1 up'
lab_addr home eth0 203.0.113.2/24
lab_addr home eth1 192.168.1.1/24
lab_route home default via 203.0.113.1
mkdir -m 755 "$lab_tmp/try"
cp contrib/examples/home-router.conf "$lab_tmp/try/my.conf"
awk '/^\$ ptfw reach/ { on = 1 } /^\.Ed/ && on { exit } on' man/ptfw.8 >"$lab_tmp/shown"
line=$(sed -n '1s/^\$ //p' "$lab_tmp/shown")
is "$(in_ns home env "PATH=${ptfw%/*}:$PATH" sh -c "cd '$lab_tmp/try' && $line")" "$(sed 1d "$lab_tmp/shown")" "the manual shows what '$line' says"
done_testing
