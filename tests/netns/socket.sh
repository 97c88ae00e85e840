#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptdiag socket` beside ss(8), in the same moment on the same sockets: listeners and connections in both families, of both at once, UDP,
# raw and unix, with queues that are filled, and whose they are; filters; users who may not see everything.
#
#     a 10.0.0.1 fd00::1 ---- eth0, eth0 ---- 10.0.0.2 fd00::2 b
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs ss python3 jq

lab_ns a b
lab_link a eth0 b eth0
lab_addr a eth0 10.0.0.1/24 fd00::1/64
lab_addr b eth0 10.0.0.2/24 fd00::2/64
lab_settle a b
pt() { in_ns a "$ptdiag" "$@" 2>"$lab_tmp/stderr"; }

cat >"$lab_tmp/open.py" <<'PY'
import socket, sys, time
keep = []
def new(*a):
    keep.append(socket.socket(*a))
    return keep[-1]
def listener(family, address, only=None):
    s = new(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if only is not None:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    s.bind(address)
    s.listen(7)
    return s
if sys.argv[1] == "server":
    one = listener(socket.AF_INET, ("10.0.0.1", 1001))
    listener(socket.AF_INET6, ("fd00::1", 1002))
    both = listener(socket.AF_INET6, ("::", 1003), 0)
    listener(socket.AF_INET6, ("::", 1004), 1)
    u = new(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("10.0.0.1", 1005))
    u = new(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", 1006))
    u = new(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("10.0.0.1", 1007)); u.connect(("10.0.0.2", 1008))
    on = new(socket.AF_INET, socket.SOCK_DGRAM); on.setsockopt(socket.SOL_SOCKET, 25, b"eth0"); on.bind(("0.0.0.0", 1009))
    new(socket.AF_INET, socket.SOCK_RAW, 1)
    new(socket.AF_INET6, socket.SOCK_RAW, 58)
    x = new(socket.AF_UNIX, socket.SOCK_STREAM); x.bind(sys.argv[2] + "/path\n\033[2J"); x.listen(3)
    x = new(socket.AF_UNIX, socket.SOCK_DGRAM); x.bind("\0abstract")
    keep.extend(socket.socketpair())
    open(sys.argv[2] + "/listens", "w")
    accepted = [one.accept()[0], both.accept()[0], both.accept()[0]]
    time.sleep(0.2)
    open(sys.argv[2] + "/ready", "w")
else:
    for family, address in (socket.AF_INET, ("10.0.0.1", 1001)), (socket.AF_INET, ("10.0.0.1", 1003)), (socket.AF_INET6, ("fd00::1", 1003)):
        s = new(family, socket.SOCK_STREAM)
        s.connect(address)
        s.send(b"x" * 1234)
time.sleep(600)
PY
lab_bg a python3 "$lab_tmp/open.py" server "$lab_tmp"
server=$lab_last
lab_wait 10 test -e "$lab_tmp/listens"
lab_bg b python3 "$lab_tmp/open.py" client
ok 'everything is open' lab_wait 10 test -e "$lab_tmp/ready"

# Both tables, in one form.
cat >"$lab_tmp/compare.py" <<'PY'
import json, re, subprocess, sys
states = {"ESTAB": "established", "LISTEN": "listen", "UNCONN": "unconnected", "TIME-WAIT": "time-wait", "SYN-SENT": "syn-sent"}
theirs = set()
for line in subprocess.run(["ss", "-Htunapw"], capture_output=True, text=True).stdout.splitlines():
    w = line.split(None, 6)
    if w[0] == "icmp6":
        continue
    pids = tuple(sorted(set(re.findall(r"pid=(\d+)", w[6] if len(w) > 6 else ""))))
    theirs.add((w[0], states[w[1]], w[2], w[3], w[4], w[5], pids))
def end(s, which):
    a, port = s[which], s[which + "_port"]
    any6, wild = a == "::", a in ("::", "0.0.0.0")
    if which == "local" and s["device"]:
        host = a + "%" + s["device"]
    elif s["family"] == "inet6":
        # ss shows what takes both families as a star, and so ends that are not there in raw sockets
        host = "*" if any6 and (s["dual_stack"] or s["protocol"] == "raw") else "[%s]" % a
    else:
        host = a
    return "%s:%s" % (host, port or "*")
ours = set()
for s in json.loads(subprocess.run([sys.argv[1], "-j", "socket"], capture_output=True, text=True).stdout)["sockets"]:
    if s["protocol"] == "unix":
        continue
    pids = tuple(sorted({str(p["pid"]) for p in s["processes"]}))
    ours.add((s["protocol"], s["state"], str(s["recv_q"]), str(s["send_q"]), end(s, "local"), end(s, "remote"), pids))
for x in sorted(theirs - ours):
    print("ss only:", *x)
for x in sorted(ours - theirs):
    print("ptdiag only:", *x)
print(len(ours), file=sys.stderr)

# Those of other namespaces are not told by the kernel; unix sockets are compared by their number.
unix = {}
for line in subprocess.run(["ss", "-Haxp"], capture_output=True, text=True).stdout.splitlines():
    m = re.match(r"(u_\w+)\s+(\S+)\s+(\d+)\s+(\d+)\s+.*?\s(\d+)\s+\*\s+(\d+)", line)
    if m:
        unix[int(m[5])] = (m[1], states[m[2]], int(m[3]), int(m[4]), int(m[6]))
kinds = {"stream": "u_str", "datagram": "u_dgr", "seqpacket": "u_seq"}
mine = {s["inode"]: (kinds[s["type"]], s["state"], s["recv_q"], s["send_q"], s["peer"])
        for s in json.loads(subprocess.run([sys.argv[1], "-j", "socket", "protocol", "unix"], capture_output=True, text=True).stdout)["sockets"]
        if "\n" not in (s["name"] or "")}  # of which ss makes two lines
for inode in sorted(set(unix) | set(mine)):
    if unix.get(inode) != mine.get(inode):
        print("unix", inode, unix.get(inode), mine.get(inode))
PY
is "$(in_ns a python3 "$lab_tmp/compare.py" "$ptdiag" 2>"$lab_tmp/count")" '' 'all the same as ss has them: states, queues, ends, processes'
ok "sockets compared: $(cat "$lab_tmp/count")" [ "$(cat "$lab_tmp/count")" -ge 13 ]

pt socket >"$lab_tmp/table"
ok 'both families at once have a star' grep -Eq '^tcp +listen +0 +7 +\*:1003 +\*:\* +root +python3\([0-9]+\)' "$lab_tmp/table"
ok 'IPv6 alone has not' grep -Eq '^tcp +listen +0 +7 +\[::\]:1004 +\[::\]:\* ' "$lab_tmp/table"
ok 'bytes that wait are counted' grep -Eq '^tcp +established +1234 +0 +10\.0\.0\.1:1001 +10\.0\.0\.2:' "$lab_tmp/table"
ok 'a device that it is bound to' grep -Eq '^udp +unconnected .* 0\.0\.0\.0%eth0:1009 ' "$lab_tmp/table"
ok 'a raw one' grep -Eq '^raw +unconnected .* 0\.0\.0\.0 protocol 1 ' "$lab_tmp/table"
ok 'an abstract name' grep -Eq '^unix-datagram .* @abstract ' "$lab_tmp/table"
ok 'hostile names stay on their line' grep -qF 'path\x0a\x1b[2J' "$lab_tmp/table"
is "$(LC_ALL=C tr -d '\040-\176\n' <"$lab_tmp/table")" '' 'and nothing else than letters is written'

count() { pt -j socket "$@" | jq '.sockets | length'; }
is "$(count listen protocol tcp)" 4 'listen'
is "$(count state established protocol tcp)" 3 'state'
is "$(count port 1003)" 3 'port'
is "$(count address 10.0.0.2 protocol tcp)" 2 'address, also of IPv4 within IPv6'
is "$(count address fd00::/64)" 2 'network'
is "$(count process python3 port 1003)" 3 'process by name'
is "$(count process "$server" port 1003)" 3 'process by number'
is "$(count user root port 1003)" 3 'user'
is "$(pt -4 -j socket port 1003 | jq -c .sockets)" '[]' 'family'
pt socket port 9 >/dev/null
is $? 3 'none: status 3'
pt socket process nobody-of-this-name -q
is $? 3 'no such process: status 3'
pt socket address 10.0.0.0/33
is $? 1 'no network: status 1'
pt socket state listen listen
is $? 1 'two states: status 1'

pt -d -j socket port 1001 state established >"$lab_tmp/details"
ok 'details: times, segments, congestion control' jq -e '.sockets[0] | .rtt > 0 and .rtt < 1000 and .mss > 500 and .window > 0
	and .retransmitted == 0 and (.congestion | length) > 1' "$lab_tmp/details"
is "$(jq -r '.sockets[0].congestion' "$lab_tmp/details")" "$(in_ns a cat /proc/sys/net/ipv4/tcp_congestion_control)" 'the one that the kernel uses'

if command -v setpriv >/dev/null; then
	in_ns a setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$ptdiag" -j socket port 1003 \
		>"$lab_tmp/nobody" 2>"$lab_tmp/stderr"
	is $? 0 'an ordinary user sees the sockets'
	is "$(jq -c '[.sockets[].processes[]]' "$lab_tmp/nobody")" '[]' 'without the processes of others'
	ok 'and is told so' grep -q 'processes .* may not be looked at' "$lab_tmp/stderr"
	ok 'in JSON, too' jq -e '.processes_not_permitted > 0' "$lab_tmp/nobody"
fi
if python3 -c 'import jsonschema' 2>/dev/null; then
	pt -j -d socket >"$lab_tmp/document"
	ok 'the document is as its schema says' python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open("contrib/schema/patronus.socket.v1.json")))' "$lab_tmp/document"
fi
done_testing
