#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What `ptfw explain` says of packets is what happens to them: the same table is asked and sent, both families, with
# translations, tags, tables that change, packets of the machine itself, and those that go nowhere.
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
in_ns lan ip link set eth0 address 02:00:00:00:00:0a
lab_addr fw eth0 203.0.113.2/24 2001:db8:5::2/64
lab_addr wan eth0 203.0.113.7/24 2001:db8:5::7/64
lab_addr fw eth1 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.2/24 192.168.1.66/24 fd00:1::2/64 fd00:1::66/64
# so that answers come from the other one
in_ns lan ip -6 address change fd00:1::66/64 dev eth0 preferred_lft 0
lab_route lan default via 192.168.1.1
lab_route lan default via fd00:1::1
lab_route wan 192.168.1.0/24 via 203.0.113.2
lab_route wan fd00:1::/64 via 2001:db8:5::2
lab_forward fw
lab_settle fw wan lan
# Answers must not be rationed: they tell blocked from lost.
in_ns fw sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
pt() { in_ns fw "$ptfw" "$@"; }

cat >"$lab_tmp/fw.conf" <<'CONF'
system { timezone = "UTC" }
interface wan { device = "eth0" address = { "203.0.113.2/24", "2001:db8:5::2/64" } }
interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
table bad { persist = true }
schedule night { hours = { "22:00-06:00" } }
firewall { rules = {
	"block return label none",
	"match out on wan inet from lan:network nat-to (wan) label masquerade",
	"pass out label out",
	"pass in on lan from lan:network label lan",
	"block drop in on lan proto udp to any port 1001 label dropped",
	"block return-icmp in on lan proto tcp to any port 1001 label icmp",
	"block return-rst in on lan proto { tcp, udp } to any port 1002 label reset",
	"pass in on wan inet proto udp to (wan) port 1003 rdr-to 192.168.1.2 port 1000 label web",
	"pass in on wan inet6 proto udp to (wan) port 1003 rdr-to fd00:1::2 port 1000 label web6",
	"pass in on lan proto udp from lan:network to any port 1004 tag special label tagging",
	"block drop out on wan tagged special label tagged",
	"block drop in on lan proto udp to any port 1005 tos 0x10 label tos",
	"block drop in on lan proto udp to any port 1006 mac 02:00:00:00:00:0a label mac",
	"pass in quick on lan proto udp to any port 1007 no state label stateless",
	"pass out quick on wan proto udp to any port 1007 no state label stateless-out",
	"block drop out on wan proto udp to any port 1009 user 65534 label user",
	"block drop in on lan proto udp to any port 1008 schedule night label night",
	"block return in on lan from <bad> label bad",
} }
CONF
conf=$lab_tmp/fw.conf

cat >"$lab_tmp/wire.py" <<'PY'
import errno, json, os, select, socket, subprocess, sys

PORTS = [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1009]
def family(a): return socket.AF_INET6 if ":" in a else socket.AF_INET

# Every packet is answered with the address and port it seems to come from, and where it arrived.
def echo(name, ready):
    udp, tcp = {}, []
    for a in ("0.0.0.0", "::"):
        for port in PORTS:
            s = socket.socket(family(a), socket.SOCK_DGRAM)
            t = socket.socket(family(a), socket.SOCK_STREAM)
            t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for x in (s, t):
                if ":" in a: x.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                x.bind((a, port))
            t.listen(50)
            udp[s] = port
            tcp.append(t)
    open(ready, "w").close()
    while True:
        for s in select.select(list(udp) + tcp, [], [])[0]:
            if s in udp:
                data, who = s.recvfrom(2000)
                with open(ready, "a") as f: f.write("%s %d\n" % (who[0], udp[s]))
                try: s.sendto(("%s %s %d" % (name, who[0], udp[s])).encode(), who)
                except OSError: pass
            else:
                c, who = s.accept()
                c.send(("%s %s %d" % (name, who[0], s.getsockname()[1])).encode())
                c.close()

def icmp_error(s):
    try: return bool(s.recvmsg(1, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)[1])
    except OSError: return False

def send(k):
    if "user" in k: os.seteuid(int(k["user"]))
    s = socket.socket(family(k["src"]), socket.SOCK_STREAM if k["proto"] == "tcp" else socket.SOCK_DGRAM)
    if "user" in k: os.seteuid(0)
    with s:
        s.settimeout(0.7)
        # all of ICMP's errors, also those that may be passing
        if ":" in k["src"]: s.setsockopt(socket.IPPROTO_IPV6, 25, 1) # IPV6_RECVERR
        else: s.setsockopt(socket.IPPROTO_IP, 11, 1) # IP_RECVERR
        if "tos" in k:
            if ":" in k["src"]: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, k["tos"])
            else: s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, k["tos"])
        try:
            s.bind((k["src"], k["sport"]))
            s.connect((k["dst"], k["dport"]))
            if k["proto"] == "udp": s.send(b"?")
            return s.recv(200).decode()
        except ConnectionRefusedError:
            # a reset leaves no ICMP error behind
            return "reset" if k["proto"] == "tcp" and not icmp_error(s) else "unreachable"
        except socket.timeout: return "silence"
        except PermissionError as e:
            return "unreachable" if e.errno == errno.EACCES else "silence"
        except OSError as e:
            return "unreachable" if e.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED) else str(e)

def send_all():
    print(json.dumps([send(json.loads(line)) for line in sys.stdin]))

NAMES = {"192.168.1.1": "fw", "fd00:1::1": "fw", "203.0.113.2": "fw", "2001:db8:5::2": "fw", "192.168.1.2": "lan",
         "fd00:1::2": "lan", "203.0.113.7": "wan", "2001:db8:5::7": "wan"}
number = [0]

def cases():
    for six in (False, True):
        lan, bad, fw, fwan, wan, nowhere = (("fd00:1::2", "fd00:1::66", "fd00:1::1", "2001:db8:5::2", "2001:db8:5::7", "2001:db8:9::9")
            if six else ("192.168.1.2", "192.168.1.66", "192.168.1.1", "203.0.113.2", "203.0.113.7", "198.51.100.9"))
        def one(ns, direction, on, proto, src, dst, port, **more):
            number[0] += 1
            return ns, dict({"dir": direction, "on": on, "proto": proto, "src": src, "sport": number[0], "dst": dst,
                             "dport": port}, **more)
        for port in (1000, 1001, 1002, 1004, 1005):
            yield one("lan", "in", "lan", "udp", lan, wan, port, tos=0)
        for port in (1000, 1001, 1002):
            yield one("lan", "in", "lan", "tcp", lan, wan, port)
            yield one("lan", "in", "lan", "tcp", lan, fw, port)
            yield one("lan", "in", "lan", "udp", bad, fw, port)
        yield one("lan", "in", "lan", "tcp", bad, wan, 1000)
        yield one("lan", "in", "lan", "udp", lan, wan, 1005, tos=16)
        yield one("lan", "in", "lan", "udp", lan, wan, 1006, mac="02:00:00:00:00:0a")
        yield one("lan", "in", "lan", "udp", lan, nowhere, 1000)
        yield one("lan", "in", "lan", "tcp", lan, fwan, 1000)
        for port in (1000, 1003):
            yield one("wan", "in", "wan", "udp", wan, fwan, port)
            yield one("wan", "in", "wan", "udp", wan, lan, port)
            yield one("wan", "in", "wan", "tcp", wan, lan, port)
        yield one("fw", "out", "wan", "udp", fwan, wan, 1000)
        yield one("fw", "out", "wan", "tcp", fwan, wan, 1000)
        for user in ("65534", "0"):
            yield one("fw", "out", "wan", "udp", fwan, wan, 1009, user=user)

def nsenter(pid, args, text):
    r = subprocess.run(["nsenter", "-n", "-t", pid] + args, input=text, text=True, capture_output=True)
    if r.stderr: print(r.stderr)
    return r.stdout

# What explain expects to be seen.
def expected(k, a):
    if a["verdict"] == "block": return a["answer"]
    nat = a["nat"] or {}
    return "%s %s %d" % (NAMES[nat.get("dst", k["dst"])], nat.get("src", k["src"]), nat.get("dport", k["dport"]))

# FIRST: ports that no connection before had.
def compare(first, ptfw, pids):
    number[0] = int(first)
    pids = dict(p.split("=") for p in pids)
    asked = list(cases())
    lines = "".join(json.dumps(k) + "\n" for _, k in asked)
    answers = [json.loads(l) for l in nsenter(pids["fw"], ["-m", ptfw, "explain", "--batch", "-"], lines).splitlines()]
    assert len(answers) == len(asked), answers
    seen = {}
    for ns in ("lan", "wan", "fw"):
        mine = [k for n, k in asked if n == ns]
        out = nsenter(pids[ns], [sys.executable, "-c", "from wire import *; send_all()"], "".join(json.dumps(k) + "\n" for k in mine))
        for k, got in zip(mine, json.loads(out)): seen[k["sport"]] = got
    wrong, kinds = 0, {}
    for (ns, k), a in zip(asked, answers):
        want = expected(k, a) if "verdict" in a else str(a)
        kinds[want.split()[0]] = kinds.get(want.split()[0], 0) + 1
        if want != seen[k["sport"]]:
            wrong += 1
            print("%s: explain says %s, by %s; it was %s" % (k, want, a.get("rule"), seen[k["sport"]]))
    print("%d wrong" % wrong)
    print("# %s" % kinds, file=sys.stderr)
    if len(kinds) < 6: print("too few kinds of answers: %s" % kinds)
PY
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$lab_tmp"
for n in fw wan lan; do
	lab_bg "$n" python3 -c "from wire import *; echo('$n', '$lab_tmp/$n.echo')"
done
for n in fw wan lan; do
	lab_wait 10 test -e "$lab_tmp/$n.echo" || skip_all 'the echo does not come up'
done
pids="fw=$(cat "$lab_tmp/fw.pid") wan=$(cat "$lab_tmp/wan.pid") lan=$(cat "$lab_tmp/lan.pid")"
# The pids are words.
# shellcheck disable=SC2086
compare() { python3 -c "from wire import *; compare(sys.argv[1], sys.argv[2], sys.argv[3:])" "$1" "$ptfw" $pids; }

# ---- nothing in force ----
exits 2 'nothing is in force' pt explain in lan tcp 192.168.1.2 to 203.0.113.7:80
like "$tap_out" 'ptfw apply' 'and what to do is said'
ok 'the rules' pt -q apply -f "$conf"

# ---- what is said is what happens ----
is "$(compare 20000)" '0 wrong' 'each packet goes the way that explain tells'
ok 'an address is banned' pt -q table add bad 192.168.1.66 fd00:1::66
is "$(compare 21000)" '0 wrong' 'also with what the tables hold now'
says=$(printf '%s\n' '{"dir":"in","on":"lan","proto":"udp","src":"192.168.1.1","dst":"203.0.113.7","dport":1000}' \
	'{"dir":"in","on":"lan","proto":"udp","src":"192.168.1.2","dst":"203.0.113.7","dport":1000,"state":"established"}' |
	in_ns fw "$ptfw" explain --batch - | tr '\n' ' ')
like "$says" '"block","rule":null,"file":null,"line":null,.*"why":"Linux drops.*"rule":null,"file":null,"line":null' 'no rule is blamed for what Linux drops'
exits 3 'it is banned' pt explain in lan udp 192.168.1.66 to 192.168.1.1:1000
like "$tap_out" 'block by bad' 'by that table'
exits 0 'the file does not know of that' pt explain in lan udp 192.168.1.66 to 192.168.1.1:1000 -f "$conf"
in_ns fw sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
like "$(pt explain in lan udp 192.168.1.2 to 203.0.113.7:1000)" 'dropped .*does not forward IPv4' 'a machine that does not forward'
lab_forward fw
# IPv6 forgets routes with the setting
lab_settle fw wan lan
is "$(compare 22000)" '0 wrong' 'and one that does again'

# ---- an answer that no state lets back ----
for a in '192.168.1.2 203.0.113.7' 'fd00:1::2 2001:db8:5::7'; do
	src=${a% *} dst=${a#* }
	exits 0 "$src: a packet without a state passes" pt explain in lan udp "$src" port 30000 to "$dst" port 1007
	exits 3 'its answer does not' pt explain in wan udp "$dst" port 1007 to "$src" port 30000
	: >"$lab_tmp/wan.echo"
	is "$(in_ns lan python3 -c "from wire import *
print(send({'proto': 'udp', 'src': '$src', 'sport': 30000, 'dst': '$dst', 'dport': 1007}))")" silence 'no answer came'
	is "$(cat "$lab_tmp/wan.echo")" "$src 1007" 'but the packet had arrived'
done

# ---- times, and packets in words ----
exits 3 'at night' pt explain in lan udp 192.168.1.2 to 203.0.113.7:1008 at 'sat 23:00'
like "$tap_out" 'block by night' 'by the rule of the schedule'
exits 0 'by day' pt explain in lan udp 192.168.1.2 to 203.0.113.7:1008 at sat 12:00
exits 0 'a known connection' pt explain in lan udp 192.168.1.2 to 203.0.113.7:1001 state established
exits 1 'a wrong word' pt explain in lan udp 192.168.1.2 to 203.0.113.7:1001 flogs S
like "$tap_out" '^ *\^~~~~$' 'is marked'
exits 1 'no packet' pt explain
exits 1 'two' pt explain in lan udp 192.168.1.2 to 203.0.113.7:1001 --batch -
exits 1 'two files of packets' pt explain --file a --batch b
like "$tap_out" 'give one of them' 'are one too many'
exits 1 'one standard input is not for both' pt explain --file - -f -
exits 1 'no such file of packets' pt explain --file "$lab_tmp/none"
exits 3 'rules from standard input' in_ns fw sh -c '"$0" explain in lan udp 192.168.1.2 to 203.0.113.7:1001 -f - <"$1"' "$ptfw" "$conf"
pt explain in lan udp 192.168.1.2 to 203.0.113.7:1005 -d >"$lab_tmp/out"
like "$(cat "$lab_tmp/out")" 'not known: tos\. Then this rule may decide: .*fw.conf:18' 'what is not known is told'
like "$(cat "$lab_tmp/out")" 'fw.conf:11  block drop in on lan proto udp to any port 1001 label dropped' 'with -d the other rules'
like "$(cat "$lab_tmp/out")" '^ *another destination port$' 'and what they ask for'
like "$(cat "$lab_tmp/out")" 'matches, but lan behind it matches too' 'those that match, too'

# ---- privilege ----
if in_ns fw setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
	chmod 755 "$lab_tmp"
	cp "$ptfw" "$lab_tmp/ptfw"
	exits 4 'the rules in force are not for everybody' in_ns fw setpriv --reuid 65534 --clear-groups "$lab_tmp/ptfw" explain in lan udp 192.168.1.2 to 203.0.113.7:1000
	exits 0 'a file is' in_ns fw setpriv --reuid 65534 --clear-groups sh -c '"$0" explain in lan udp 192.168.1.2 to 203.0.113.7:1000 -f - <"$1"' "$lab_tmp/ptfw" "$conf"
else
	skip 'cannot become another user' 'privilege'
fi

# ---- lines ----
printf '%s\n' '{"dir":"in","on":"lan","proto":"udp","src":"192.168.1.2","dst":"203.0.113.7","dport":1001}' '' 'x' \
	'{"dir":"in","on":"lan","proto":"udp","src":"192.168.1.2","dst":"203.0.113.7","dport":1000}' >"$lab_tmp/lines"
exits 1 'a bad line among good ones' pt explain --file "$lab_tmp/lines"
is "$(printf '%s\n' "$tap_out" | cut -c1-47)" '{"verdict":"block","rule":"dropped","file":"'"$(printf %.3s "$conf")"'
{"error":"an object is expected here","input":3
{"verdict":"pass","rule":"out","file":"'"$(printf %.8s "$conf")" 'is answered in its place'
is "$(printf '%s\n' "$tap_out" | grep -o '"input":[0-9]*' | tr '\n' ' ')" '"input":1 "input":3 "input":4 ' 'with the number of its line'
# Whoever asks one and waits gets an answer.
is "$(in_ns fw python3 -c "
import subprocess, sys
p = subprocess.Popen([sys.argv[1], 'explain', '--file', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
line = open(sys.argv[2]).readline()
for i in range(3):
    p.stdin.write(line); p.stdin.flush()
    print(p.stdout.readline()[:18])
p.stdin.close()
print(p.wait())" "$ptfw" "$lab_tmp/lines")" '{"verdict":"block"
{"verdict":"block"
{"verdict":"block"
0' 'a question at a time'
exits 1 'a line without end' in_ns fw sh -c 'head -c 300000 /dev/zero | tr "\0" a | "$0" explain --file -' "$ptfw"
is "$tap_out" '{"error":"the line is too long for a packet","input":1,"column":4096}' 'is one error'
exits 1 'lines of noise' in_ns fw sh -c 'head -c 200000 /dev/urandom | "$0" explain --file - >/dev/null' "$ptfw"

# ---- JSON and completion ----
if python3 -c 'import jsonschema' 2>/dev/null; then
	for w in '' -d '-f '"$conf" 'state established' 'tos 0'; do
		# shellcheck disable=SC2086 # words, to be split
		pt explain in lan udp 192.168.1.2 to 203.0.113.7:1005 $w -j >"$lab_tmp/out.json"
		ok "JSON with '$w' fits its schema" python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
			"$lab_tmp/out.json" contrib/schema/patronus.explain.v1.json
	done
else
	skip 'no python3-jsonschema' 'JSON fits its schema'
fi
is "$(pt complete -- explain in l)" 'lan
lo' 'completion of interfaces'
is "$(pt complete -- explain in lan t)" tcp 'of protocols'
is "$(pt complete -- explain in lan tcp 10.0.0.1 t)" to 'of to'
is "$(pt complete -- explain in lan tcp 10.0.0.1 to 10.0.0.2:1 st)" state 'of words'
is "$(pt complete -- explain in lan tcp 10.0.0.1 to 10.0.0.2:1 state e)" established 'of values'

# ---- what the manual shows ----
lab_ns home
in_ns home sh -c 'ip link add eth0 type veth peer name p0; ip link add eth1 type veth peer name p1
	ip link set p0 up; ip link set p1 up'
lab_addr home eth0 203.0.113.2/24
lab_addr home eth1 192.168.1.1/24
lab_route home default via 203.0.113.1
mkdir -m 755 "$lab_tmp/try"
cp contrib/examples/home-router.conf "$lab_tmp/try/my.conf"
cat >"$lab_tmp/try/packets" <<'JSON'
{"dir":"in","on":"lan","proto":"tcp","src":"192.168.1.5","dst":"8.8.8.8","dport":443}
{"dir":"in","on":"wan","proto":"udp","src":"8.8.8.8","dst":"203.0.113.2","dport":53}
{"dir":"in","on":"wan","proto":"udp","src":"8.8.8.8","dst":"203.0.113.2"}
JSON
# The two displays of the manual: a command behind a '$', and what it prints.
awk '/^\.Bd/ { on = 1; next } /^\.Ed/ { on = 0 } on && /^\$ ptfw explain/ { n++ } on && n { print > sprintf("%s.%d", out, n) }
	/^\.Ed/ && n == 2 { exit }' out="$lab_tmp/shown" man/ptfw.8
for n in 1 2; do
	line=$(sed -n '1s/^\$ //p' "$lab_tmp/shown.$n")
	is "$(in_ns home env "PATH=${ptfw%/*}:$PATH" sh -c "cd '$lab_tmp/try' && $line")" "$(sed 1d "$lab_tmp/shown.$n")" "the manual shows what '$line' says"
done
done_testing
