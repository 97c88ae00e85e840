#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rules with a schedule and the real clock, which nobody sets: windows are put around the moment of the test. Packets of
# both families, with the classifier and with chains.
#
#     lan  10.1.0.2 fd01::2 ---- eth1 [ fw ] eth0 ---- 10.0.0.2 fd00::2  out
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
peer=$build/contrib/demo/peer
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

lab_ns fw out lan
lab_link fw eth0 out eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_addr lan eth0 10.1.0.2/24 fd01::2/64
lab_route out default via 10.0.0.1
lab_route out default via fd00::1
lab_route lan default via 10.1.0.1
lab_route lan default via fd01::1
lab_forward fw
lab_settle fw out lan
lab_bg out "$peer" serve out tcp/80 udp/53 >/dev/null
lab_wait 10 in_ns out "$peer" ping 10.0.0.1
pt() { in_ns fw "$ptfw" "$@"; }
conf=$lab_tmp/patronus.conf

# Any zone that is not the machine's shows that the right one is asked.
export LC_ALL=C
zone=Pacific/Auckland
[ -r "/usr/share/zoneinfo/$zone" ] || skip_all 'needs tzdata'
at() { TZ=$zone date -d "@$(($(date +%s) + $1))" +%H:%M:%S; }
# conf RULE SCHEDULE...
conf()
{
	rule=$1
	shift
	{
		echo 'interface wan { device = "eth0" }'
		echo 'interface lan { device = "eth1" }'
		echo "system { timezone = \"$zone\" }"
		printf '%s\n' "$@"
		echo 'firewall { rules = { "pass out on wan no state", "pass in on wan no state", "pass out on lan no state",'
		echo "\"$rule\" } }"
	} >"$conf"
}
now() { echo "hours = { \"$(at -3600)-$(at 3600)\" }"; }
later() { echo "hours = { \"$(at 3600)-$(at 7200)\" }"; }
reached()
{
	r=
	for r_a in 10.0.0.2 fd00::2; do
		! in_ns lan "$peer" udp "$r_a" 53 2>/dev/null | grep -q answered || r="$r $r_a"
	done
	echo "${r# }"
}

for engine in nft linear bpf; do
	conf 'pass in on lan schedule s no state' "schedule s { $(now) }"
	if ! pt apply -f "$conf" --engine "$engine" >"$lab_tmp/said" 2>&1; then
		[ "$engine" = bpf ] || { fail "engine $engine"; cat "$lab_tmp/said"; }
		[ "$engine" != bpf ] || skip 'no BPF here' 'engine bpf'
		continue
	fi
	is "$(reached)" '10.0.0.2 fd00::2' "$engine: a window that is open now"
	like "$(pt apply -f "$conf" --engine "$engine")" 'in force already, nothing written' "$engine: the same file again writes nothing"
	conf 'pass in on lan schedule s no state' "schedule s { $(later) }"
	pt -q apply -f "$conf" --engine "$engine"
	is "$(reached)" '' "$engine: one that is not"
	conf 'pass in on lan ! schedule s no state' "schedule s { $(later) }"
	pt -q apply -f "$conf" --engine "$engine"
	is "$(reached)" '10.0.0.2 fd00::2' "$engine: outside of it"
done

# Days, and dates, of the zone.
today=$(TZ=$zone date +%a | tr '[:upper:]' '[:lower:]')
conf 'pass in on lan schedule s no state' "schedule s { days = { $today } }"
tomorrow=$(TZ=$zone date -d tomorrow +%m-%d)
date=$(TZ=$zone date +%m-%d)
pt -q apply -f "$conf"
is "$(reached)" '10.0.0.2 fd00::2' 'today'
conf 'pass in on lan schedule s no state' "schedule s { dates = { \"!$date\", \"!$tomorrow\" } }"
pt -q apply -f "$conf"
is "$(reached)" '' 'not today'

# Opens and closes by itself, without any command.
conf 'pass in on lan schedule s no state' "schedule s { hours = { \"$(at 4)-$(at 9)\" } }"
pt -q apply -f "$conf"
before=$(in_ns fw nft list ruleset)
is "$(in_ns lan "$peer" udp 10.0.0.2 53 2>/dev/null | grep answered)" '' 'not open yet'
opens() { [ "$(reached)" = '10.0.0.2 fd00::2' ]; }
closes() { [ "$(reached)" = '' ]; }
ok 'opens' lab_wait 20 opens
ok 'and closes' lab_wait 20 closes
rules() { printf '%s\n' "$1" | sed 's/packets [0-9]* bytes [0-9]*//'; }
is "$(rules "$(in_ns fw nft list ruleset)")" "$(rules "$before")" 'and nobody wrote anything'

# Connections go on when the time is over, unless --enforce ends them.
command -v python3 >/dev/null || { skip 'no python3' 'connections at the end of the time'; done_testing; exit 0; }
cat >"$lab_tmp/talk.py" <<'PY'
# One connection of each family; says something on both at once and whenever one of the named files comes.
import os, socket, sys, time
made = []
for a in ("10.0.0.2", "fd00::2"):
    s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((a, 53))
    made.append(s)
for f in ["start"] + sys.argv[1:]:
    while f != "start" and not os.path.exists(f):
        time.sleep(.05)
    answers = []
    for s in made:
        try:
            s.send(b"x\n")
            answers.append("answered" if s.recv(99) else "?")
        except OSError:
            answers.append("nothing")
    print(os.path.basename(f), *answers, flush=True)
PY
conf 'pass in on lan proto udp to port 53 schedule s' "schedule s { hours = { \"$(at -3600)-$(at 6)\" } }"
pt -q apply -f "$conf"
lab_bg lan python3 "$lab_tmp/talk.py" "$lab_tmp/over" "$lab_tmp/enforced" >"$lab_tmp/heard"
ok 'connections while it is open' lab_wait 5 grep -q 'start answered answered' "$lab_tmp/heard"
ok 'no new ones when it is over' lab_wait 20 closes
: >"$lab_tmp/over"
ok 'the old ones go on' lab_wait 10 grep -q 'over answered answered' "$lab_tmp/heard"
like "$(pt apply -f "$conf" --enforce)" 'states ended' 'until an apply'
: >"$lab_tmp/enforced"
ok 'ends them' lab_wait 10 grep -q 'enforced nothing nothing' "$lab_tmp/heard"
done_testing
