#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptdiag activity`: who is busy and who has memory comes first, packets are counted where they pass, a name cannot harm a terminal,
# live on a terminal.
# Single quotes are programs of jq and of other shells.
# shellcheck disable=SC2016
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs jq python3 ping
lab_ns a b
lab_link a eth0 b eth0
lab_addr a eth0 10.0.0.1/24 fd00::1/64
lab_addr b eth0 10.0.0.2/24 fd00::2/64
lab_settle a b

cat >"$lab_tmp/busy.py" <<'PY'
import sys
open("/proc/self/comm", "w").write("busy\n\033[2J")
if sys.argv[1] == "memory":
    import time
    keep = bytearray(b"x") * (200 << 20)
    open(sys.argv[2], "w")
    time.sleep(600)
while True:
    pass
PY
lab_bg a python3 "$lab_tmp/busy.py" cpu
busy=$lab_last
lab_bg a python3 "$lab_tmp/busy.py" memory "$lab_tmp/ready"
large=$lab_last
ok 'both run' lab_wait 20 test -e "$lab_tmp/ready"
in_ns a "$ptdiag" -j activity interval 2s rows 10000 >"$lab_tmp/cpu"
# Others on this machine may be as busy, and it then has a share only: compare the two that are ours.
place() { jq --argjson pid "$2" '[.looks[0].processes[].pid] | index($pid)' "$lab_tmp/$1"; }
ok 'the busy one stands before the one that sleeps' [ "$(place cpu "$busy")" -lt "$(place cpu "$large")" ]
ok 'and has time of the processor' jq -e --argjson pid "$busy" '.looks[0].processes[] | select(.pid == $pid) | .cpu > 1 and .state == "R"' "$lab_tmp/cpu"
ok 'the list goes down' jq -e '[.looks[0].processes[].cpu] | . == (sort | reverse)' "$lab_tmp/cpu"
in_ns a "$ptdiag" -j activity interval 100ms sort memory rows 10000 >"$lab_tmp/memory"
ok 'by memory the other one' [ "$(place memory "$large")" -lt "$(place memory "$busy")" ]
ok 'and it has what it took' jq -e --argjson pid "$large" '.looks[0].processes[] | select(.pid == $pid) | .memory > 200000000 and .memory < 300000000' "$lab_tmp/memory"
ok 'processors: parts of the whole' jq -e '.looks[0].cpus | length >= 2 and all(.[]; [.user, .nice, .system, .idle, .iowait, .irq, .softirq, .steal] | add | . > 98.9 and . < 100.1)' "$lab_tmp/cpu"
is "$(jq '.looks[0].memory.total / 1024' "$lab_tmp/cpu")" "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" 'memory'
in_ns a "$ptdiag" activity interval 100ms rows 10000 >"$lab_tmp/text"
ok 'a hostile name stays on its line' grep -Eq "^$busy .*  busy"'\\x0a\\x1b\[2J$' "$lab_tmp/text"
is "$(LC_ALL=C tr -d '\040-\176\n' <"$lab_tmp/text")" '' 'and nothing else than letters is written'

# If nobody else is there, who is busy is the first.
if unshare -fp --mount-proc true 2>/dev/null; then
	is "$(unshare -fp --mount-proc --kill-child sh -c 'python3 "$1" cpu & "$2" -j activity interval 2s rows 1; kill $!' sh "$lab_tmp/busy.py" "$ptdiag" |
		jq -r '.looks[0].processes[0].name')" "$(printf 'busy\n\033[2J')" 'the busy one is the first'
fi

(sleep 0.3; in_ns a ping -q -i 0.01 -c 100 -s 1000 10.0.0.2 >/dev/null) &
in_ns a "$ptdiag" -j activity interval 4s >"$lab_tmp/rates"
wait $!
# 100 there and 100 back within the time; noise of the link itself is small.
ok 'packets of an interface' jq -e '.looks[0] | .seconds as $s | .interfaces[] | select(.device == "eth0") |
	(.tx_packets * $s) > 90 and (.tx_packets * $s) < 130 and (.rx_bits * $s / 8) > 95000 and (.rx_bits * $s / 8) < 130000' "$lab_tmp/rates"

is "$(in_ns a "$ptdiag" -j activity interval 50ms count 3 rows 0 | jq -s 'length')" 3 'several looks are a line each'
if python3 -c 'import jsonschema' 2>/dev/null; then
	ok 'the document is as its schema says' python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open("contrib/schema/patronus.activity.v1.json")))' "$lab_tmp/cpu"
fi
in_ns a "$ptdiag" activity live >/dev/null 2>&1 </dev/null
is $? 1 'live needs a terminal'
is "$(in_ns a python3 - "$ptdiag" <<'PY'
import os, pty, select, sys, time
pid, fd = pty.fork()
if not pid:
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], ["ptdiag", "activity", "live", "interval", "100ms"])
import fcntl, struct, termios
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
seen, end, asked = b"", time.monotonic() + 20, False
while time.monotonic() < end:
    if not select.select([fd], [], [], 0.5)[0]:
        continue
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    if b"PID" in seen and not asked:
        os.write(fd, b"mq")
        asked = True
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), asked, b"load" in seen)
PY
)" '0 True True' 'live: a screen, and q ends it'
done_testing
