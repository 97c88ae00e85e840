#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Limits that each host has of its own, by real packets of both families: what hosts get by the kernel's counters, both ways, by
# queue and for all; hosts beyond number, networks as hosts, those that are not meant; changes in place.
#
#     lan  192.168.1.10 ... fd00:1::10 ... ---- lan0 [ fw ] eth0 ---- 10.0.0.2 fd00::2  out
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
ptfw=$build/ptfw
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 jq tc
lab_ns fw out lan
in_ns fw tc qdisc add dev lo root htb 2>/dev/null || skip_all 'this kernel has no htb'
in_ns fw tc qdisc del dev lo root
lab_link fw eth0 out eth0
lab_link fw lan0 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr fw lan0 192.168.1.1/24 192.168.2.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.10/24 192.168.1.11/24 192.168.1.12/24 192.168.2.10/24 fd00:1::10/64 fd00:1::11/64 fd00:1::12/64
for via in 192.168.1.1 fd00:1::1; do lab_route lan default via "$via"; done
for via in 10.0.0.1 fd00::1; do lab_route out default via "$via"; done
lab_forward fw
lab_settle fw out lan

conf=$lab_tmp/fw.conf
ifs='interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "lan0" address = { "192.168.1.1/24", "192.168.2.1/24", "fd00:1::1/64" } }'
pt() { in_ns fw "$ptnet" "$@"; }
writes()
{
	echo "$ifs"
	cat
} >"$conf"
cat >"$lab_tmp/send.py" <<'PY'
# send.py READY SECONDS FLOW...: datagrams, each flow at 1.25 Mbyte a second. FLOW: FROM,TO;
# file READY comes first
import socket, sys, threading, time
end = time.monotonic() + float(sys.argv[2])
open(sys.argv[1], "w").close()

def flow(source, to):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, 0))
    data, sent, begin = b"x" * 1200, 0, time.monotonic()
    while time.monotonic() < end:
        while sent > (time.monotonic() - begin) * 1000:
            time.sleep(0.002)
        s.sendto(data, (to, 9))
        sent += 1

threads = [threading.Thread(target=flow, args=f.split(","), daemon=True) for f in sys.argv[3:]]
for t in threads:
    t.start()
for t in threads:
    t.join()
PY
cat >"$lab_tmp/measure.py" <<'PY'
# measure.py SECONDS PTNET CONF: for each host: its name, bytes a second, parent
import json, subprocess, sys, time

def look():
    doc = json.loads(subprocess.run([sys.argv[2], "qos", "show", "-s", "-j", "-f", sys.argv[3]], capture_output=True).stdout)
    return {(q["what"], q["name"], q["parent"]): q for q in doc["qos"]}

a = look()
time.sleep(float(sys.argv[1]))
b = look()
for k, q in b.items():
    t = (q["at_us"] - next(iter(a.values()))["at_us"]) / 1e6
    print(k[1], round((q["bytes"] - (a[k]["bytes"] if k in a else 0)) / t), k[0], k[2])
PY
# load FROM FLOW...: in the background, until unload; on a busy machine it takes its time to begin
loads=
load()
{
	rm -f "$lab_tmp/ready"
	load_from=$1
	shift
	lab_bg "$load_from" python3 "$lab_tmp/send.py" "$lab_tmp/ready" 120 "$@"
	loads="$loads $lab_last"
	lab_wait 60 test -e "$lab_tmp/ready"
	sleep 0.5
}
unload()
{
	for pid in $loads; do lab_stop "$pid"; done
	loads=
}
measure() { in_ns fw python3 "$lab_tmp/measure.py" "$1" "$ptnet" "$conf" >"$lab_tmp/measured"; }
# got NAME [PARENT]: bytes a second
got() { awk -v n="$1" -v p="${2:-}" '$1 == n && (p == "" || $4 == p) { s += $2 } END { print s + 0 }' "$lab_tmp/measured"; }
# near GOT WANTED: within 5 %
near() { [ "$1" -ge $(($2 * 95 / 100)) ] && [ "$1" -le $(($2 * 105 / 100)) ]; }
applied()
{
	ok "$1: put in force" pt apply -f "$conf"
	like "$(pt apply -f "$conf")" 'nothing written' "$1: once more, nothing is written"
	pt diff -f "$conf" >/dev/null
	is $? 0 "$1: nothing differs"
}

# ---- each host of a network: down, and up ----

writes <<'CONF'
shaper down { interface = lan type = htb bandwidth = "40Mbit" leaf = fifo
	each = destination each-rate = "2Mbit" each-of = { "192.168.1.0/24", "fd00:1::/64" } }
shaper up { interface = lan direction = in type = htb bandwidth = "20Mbit" leaf = fifo
	each = source each-rate = "800kbit" each-of = { "192.168.1.0/24", "fd00:1::/64" } }
CONF
like "$(pt diff -f "$conf")" 'add qos classes for each host of down dev lan0' 'diff tells of classes for hosts'
is "$(pt diff -f "$conf" | grep -c 'classes for each host')" 2 'once for each shaper'
applied 'each host of a network'
is "$(in_ns fw tc class show dev lan0 | grep -c 'ceil 2Mbit')" 255 'a class for each of 254 hosts, and one for those beyond number'
is "$(in_ns fw tc qdisc show dev lan0 | sed -n 's/.* bfifo .*limit //p' | grep -cvE '^(128Kb|131072b|500000b) *$')" 0 \
	'where they wait there is room for what the kernel joins to one packet'
for pair in '192.168.1.10 192.168.1.11 10.0.0.2' 'fd00:1::10 fd00:1::11 fd00::2'; do
	# shellcheck disable=SC2086
	set -- $pair
	load out "$3,$1" "$3,$2" "$3,$2"
	load lan "$1,$3" "$2,$3" "$2,$3"
	measure 3
	unload
	ok "$1 gets its 2Mbit: $(got "$1" down)" near "$(got "$1" down)" 250000
	ok "$2 gets its 2Mbit, though it asks for twice as much as others: $(got "$2" down)" near "$(got "$2" down)" 250000
	ok "$1 sends its 800kbit: $(got "$1" up)" near "$(got "$1" up)" 100000
	ok "$2 sends its 800kbit: $(got "$2" up)" near "$(got "$2" up)" 100000
done
is "$(pt qos show -s -j -f "$conf" | jq -r '[.qos[] | select(.what == "host" and .parent == "down").name] | sort | join(" ")')" \
	'192.168.1.10 192.168.1.11 fd00:1::10 fd00:1::11' 'show names the hosts'
in_ns fw timeout 4 "$ptnet" qos monitor -f "$conf" down >"$lab_tmp/monitor" 2>&1
like "$(head -n 1 "$lab_tmp/monitor")" '^down lan0 out [0-9.]+[kM]?bit, [0-9]+ packets? dropped, [0-9]+ waiting' 'monitor tells each second'
[ "$(wc -l <"$lab_tmp/monitor")" -ge 2 ]
is $? 0 'and again'
like "$(in_ns fw timeout 4 "$ptnet" qos monitor -j -f "$conf" down | head -n 1 | jq -c '[.name, (.current | type)]')" '^\["down","number"\]$' \
	'a JSON object a line'
exits 3 'what is not in force is not watched' pt qos monitor -f "$conf" nosuch
load out 10.0.0.2,192.168.2.10
measure 2
unload
[ "$(got rest down)" -ge 1000000 ]
is $? 0 "who is not meant has no limit: $(got rest down)"

# ---- in place ----

before=$(in_ns fw tc -s class show dev lan0 | awk '/Sent/ { s += $2 } END { print s }')
sed -i 's/each-rate = "2Mbit"/each-rate = "1Mbit"/' "$conf"
like "$(pt apply -o -f "$conf" | sort -u)" '^op=change kind=qos name="classes for each host of down dev lan0 ceil 1Mbit"$' 'a limit is changed in place'
[ "$(in_ns fw tc -s class show dev lan0 | awk '/Sent/ { s += $2 } END { print s }')" -ge "$before" ]
is $? 0 'counters go on'
like "$(pt qos show -s -j -f "$conf" | jq -r '.qos[] | select(.what == "host" and .parent == "down").name')" 192.168.1.10 'hosts keep their classes'
load out 10.0.0.2,192.168.1.10
measure 2
unload
ok "192.168.1.10 gets 1Mbit now: $(got 192.168.1.10 down)" near "$(got 192.168.1.10 down)" 125000
sed -i 's/each = source/each = source each-prefix6 = 64 each-prefix = 24/' "$conf"
is "$(pt apply -o -f "$conf")" 'op=change kind=qos name="who is a host of up dev in-lan0"' 'what makes a host is changed in place'
for pair in '192.168.1.10 192.168.1.12 10.0.0.2 192.168.1.0/24' 'fd00:1::10 fd00:1::12 fd00::2 fd00:1::/64'; do
	# shellcheck disable=SC2086
	set -- $pair
	load lan "$1,$3" "$2,$3"
	measure 2
	unload
	ok "$4 is one host: $(got "$4" up)" near "$(got "$4" up)" 100000
done

# ---- hosts of a queue that rules feed; more hosts than classes ----

writes <<'CONF'
shaper down { interface = lan type = htb bandwidth = "40Mbit" }
queue guests { shaper = down rate = "10Mbit" leaf = fifo each = destination each-rate = "1Mbit" each-hosts = 2 }
queue rest { shaper = down rate = "20Mbit" default = true leaf = fifo each = destination each-rate = "2Mbit" each-of = { "192.168.1.0/24", "fd00:1::/64" } }
firewall { rules = {
	"pass",
	"match out on lan from any to { 192.168.1.10, 192.168.1.11, 192.168.1.12, fd00:1::10, fd00:1::11, fd00:1::12 } set queue guests"
} }
CONF
applied 'hosts of queues'
for family in 4 6; do
	to=192.168.1. from=10.0.0.2
	[ $family = 4 ] || to=fd00:1:: from=fd00::2
	# Anew: nobody has a class.
	in_ns fw tc qdisc del dev lan0 root
	pt apply -f "$conf" >/dev/null
	ok 'the rules load' in_ns fw "$ptfw" apply -f "$conf"
	load out $from,${to}10 $from,${to}11
	load out $from,${to}12
	measure 2
	unload
	ok "IPv$family: ${to}10 has 1Mbit in the queue: $(got ${to}10 guests)" near "$(got ${to}10 guests)" 125000
	ok "IPv$family: ${to}11 has 1Mbit in the queue: $(got ${to}11 guests)" near "$(got ${to}11 guests)" 125000
	ok "IPv$family: the third host has what is one host's: $(got others guests)" near "$(got others guests)" 125000
	in_ns fw "$ptfw" stop --open >/dev/null
	load out $from,${to}12
	measure 2
	unload
	ok "IPv$family: ${to}12 has 2Mbit where no rule says a queue: $(got ${to}12 rest)" near "$(got ${to}12 rest)" 250000
done

# ---- what is wrong, and removal ----

while IFS='|' read -r options why; do
	writes <<CONF
shaper down { interface = lan type = htb bandwidth = "40Mbit" $options }
CONF
	exits 1 "refused: $options" pt check -f "$conf"
	like "$tap_out" "$why" "it is told: $why"
done <<'WRONG'
each = source|not to what
each-rate = "1Mbit"|which address is the host
each = source each-rate = "1Mbit" each-of = { "10.0.0.1/8" }|write 10.0.0.0/8
each = source each-rate = "1Mbit" each-hosts = 5000|1 to 4096
each = both each-rate = "1Mbit"|destination or source
WRONG
writes </dev/null
ok 'all goes' pt apply -f "$conf"
unlike "$(in_ns fw tc qdisc show)" '8000:' 'and is gone'
done_testing
