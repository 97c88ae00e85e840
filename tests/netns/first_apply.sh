#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first apply of a machine's life comes over a connection that is open already. What the new rules would
# have let in or out goes on; what they would have blocked ends, and a rule for what leaves keeps nothing that came
# in. Both families; also where somebody else's rules made the kernel track the connection before, without
# room for our labels.
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

conf=$lab_tmp/patronus.conf
cat >"$conf" <<'CONF'
interface wan { device = "eth0" address = { dhcp } }
firewall { rules = {
	"block log label closed",
	"pass in on wan proto tcp to self port 22 label ssh",
	"pass out on wan label out",
} }
CONF

cat >"$lab_tmp/echo.py" <<'PY'
import socket, sys, threading
def serve(port):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port)); s.listen(8)
    while True:
        c, _ = s.accept()
        threading.Thread(target=lambda c=c: [c.sendall(d) for d in iter(lambda: c.recv(100), b"")], daemon=True).start()
for port in (22, 23): threading.Thread(target=serve, args=(port,), daemon=True).start()
def answer():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", 53))
    while True:
        data, to = s.recvfrom(100)
        s.sendto(data, to)
threading.Thread(target=answer, daemon=True).start()
threading.Event().wait(60)
PY
cat >"$lab_tmp/talk.py" <<'PY'
# Opens a connection to each ADDRESS/PORT (53: a flow of UDP), says so, waits for the file GO, then talks again.
import os, socket, sys, time
go, ends = sys.argv[1], [e.rsplit("/", 1) for e in sys.argv[2:]]
def connect(a, p):
    if p != "53": return socket.create_connection((a, int(p)), 5)
    s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((a, 53))
    return s
cs = [connect(a, p) for a, p in ends]
def talk(c):
    c.settimeout(3); c.sendall(b"x")
    try: return c.recv(1) == b"x"
    except OSError: return False
assert all(talk(c) for c in cs)
open(go + ".ready", "w").close()
while not os.path.exists(go): time.sleep(0.05)
for (a, p), c in zip(ends, cs): print(a + "/" + p, "goes on" if talk(c) else "is cut", flush=True)
PY

scene()
{
	fw=fw$1 out=out$1 go=$lab_tmp/go$1
	lab_ns "$fw" "$out"
	lab_link "$fw" eth0 "$out" eth0
	lab_addr "$fw" eth0 10.0.0.1/24 fd00::1/64
	lab_addr "$out" eth0 10.0.0.2/24 fd00::2/64
	lab_settle "$fw" "$out"
	[ "$1" -eq 1 ] || in_ns "$fw" nft 'table inet theirs { chain c { type filter hook input priority 0; ct state established accept; }; }'
	lab_bg "$fw" python3 "$lab_tmp/echo.py"
	lab_bg "$out" python3 "$lab_tmp/echo.py"
	sleep 0.5
	lab_bg "$fw" python3 "$lab_tmp/talk.py" "$go.out" 10.0.0.2/22 fd00::2/22 10.0.0.2/53 fd00::2/53 >"$lab_tmp/said.out"
	lab_bg "$out" python3 "$lab_tmp/talk.py" "$go" 10.0.0.1/22 fd00::1/22 10.0.0.1/23 fd00::1/23 >"$lab_tmp/said"
	lab_wait 5 test -e "$go.ready"
	lab_wait 5 test -e "$go.out.ready"
	ok "$2: the connections are open" test -e "$go.ready"
	ok "$2: those of this machine, too" test -e "$go.out.ready"
	like "$(in_ns "$fw" "$ptfw" apply -f "$conf")" '^4 connections of this machine go on' "$2: apply tells of four"
	: >"$go"
	: >"$go.out"
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		[ "$(wc -l <"$lab_tmp/said")" -ge 4 ] || sleep 1
	done
	for end in 10.0.0.1/22 fd00::1/22; do
		like "$(cat "$lab_tmp/said")" "^$end goes on" "$2: $end, which the rules let in"
	done
	for end in 10.0.0.1/23 fd00::1/23; do
		like "$(cat "$lab_tmp/said")" "^$end is cut" "$2: $end, which they do not"
	done
	lab_wait 10 grep -q fd00::2/53 "$lab_tmp/said.out"
	for end in 10.0.0.2/22 fd00::2/22 10.0.0.2/53 fd00::2/53; do
		like "$(cat "$lab_tmp/said.out")" "^$end goes on" "$2: $end, which they let out"
	done
	is "$(in_ns "$fw" "$ptfw" state show label ssh -o | wc -l | tr -d ' ')" 2 "$2: the states name the rule"
}

scene 1 'untracked before'
scene 2 'tracked by other rules before'
done_testing
