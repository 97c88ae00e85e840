#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shapers that the running kernel may lack, in Debian's: cake and fq_codel, alone, as leaves, and at the arriving side; htb under
# rules. Each is put in force by `ptnet apply`, read back, changed in place and taken away, and judged by its own counters over
# the machine's own clock, which emulation slows down for both alike.
#
#     lan  192.168.1.10, .11 fd00:1::10 ---- lan0 [ fw ] eth0 ---- 10.0.0.2 fd00::2  out
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
ptfw=$build/ptfw
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh
needs python3 tc
vm_inside -t 840 -M veth,ifb,sch_cake,sch_fq_codel,sch_htb,sch_tbf,sch_ingress,cls_u32,cls_bpf,act_mirred,nf_tables,nf_conntrack

lab_begin || skip_all "$lab_why"
lab_ns fw out lan
lab_link fw eth0 out eth0
lab_link fw lan0 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 10.0.0.3/24 fd00::2/64 fd00::3/64
lab_addr fw lan0 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.10/24 192.168.1.11/24 fd00:1::10/64 fd00:1::11/64
for via in 192.168.1.1 fd00:1::1; do lab_route lan default via "$via"; done
for via in 10.0.0.1 fd00::1; do lab_route out default via "$via"; done
lab_forward fw
lab_settle fw out lan

conf=$lab_tmp/fw.conf
ifs='interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }'
pt() { in_ns fw "$ptnet" "$@"; }
# The interfaces, and what is read.
writes()
{
	echo "$ifs"
	cat
} >"$conf"

cat >"$lab_tmp/send.py" <<'PY'
# send.py READY SECONDS FLOW...: datagrams, each flow as fast as they are taken, or at its pace; all at once; file READY comes first.
# FLOW: ADDRESS,PORT,TOS,SIZE[,PER SECOND[,SOURCE[,NUMBER]]]
import socket, sys, threading, time
end = time.monotonic() + float(sys.argv[2])
open(sys.argv[1], "w").close()

def flow(to, port, tos, size, pace="0", source="", number="0"):
    six = ":" in to
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if six else (socket.IPPROTO_IP, socket.IP_TOS)), int(tos))
    if source:
        s.bind((source, 0))
    data, sent, begin = b"x" * int(size), 0, time.monotonic()
    while time.monotonic() < end and (int(number) == 0 or sent < int(number)):
        if int(pace):
            time.sleep(max(0, begin + sent / int(pace) - time.monotonic()))
        s.sendto(data, (to, int(port)))
        sent += 1

threads = [threading.Thread(target=flow, args=f.split(","), daemon=True) for f in sys.argv[3:]]
for t in threads:
    t.start()
for t in threads:
    t.join(max(0.1, end - time.monotonic() + 1))
PY
cat >"$lab_tmp/measure.py" <<'PY'
# measure.py SECONDS PTNET CONF: a line for each of `qos show`: name, and a second: bytes, packets, drops; and the delay
import json, subprocess, sys, time

def look():
    doc = json.loads(subprocess.run([sys.argv[2], "qos", "show", "-s", "-j", "-f", sys.argv[3]], capture_output=True).stdout)
    return {(q["what"], q["name"], q["parent"]): q for q in doc["qos"]}

a = look()
time.sleep(float(sys.argv[1]))
b = look()
for k, q in b.items():
    t = (q["at_us"] - next(iter(a.values()))["at_us"]) / 1e6
    d = [round((q[n] - a[k][n]) / t) if k in a else 0 for n in ("bytes", "packets", "drops")]
    print(k[1], *d, q["delay_us"] if q["delay_us"] is not None else "-")
PY
# load FROM FLOW...: in the background, until unload; on a busy machine it takes its time to begin
load()
{
	rm -f "$lab_tmp/ready"
	load_from=$1
	shift
	lab_bg "$load_from" python3 "$lab_tmp/send.py" "$lab_tmp/ready" 120 "$@"
	loading=$lab_last
	lab_wait 60 test -e "$lab_tmp/ready"
	sleep 1
}
unload() { lab_stop "$loading"; }
measure() { in_ns fw python3 "$lab_tmp/measure.py" "$1" "$ptnet" "$conf" >"$lab_tmp/measured"; }
# got NAME COLUMN: 2 bytes, 3 packets, 4 drops a second, 5 delay
got() { awk -v n="$1" -v c="$2" '$1 == n { print $c; exit }' "$lab_tmp/measured"; }
# near GOT WANTED: within 5 %
near() { [ "$1" -ge $(($2 * 95 / 100)) ] && [ "$1" -le $(($2 * 105 / 100)) ]; }
# total NAME FIELD
total()
{
	pt qos show -s -j -f "$conf" | python3 -c 'import json, sys
print(sum(q[sys.argv[2]] for q in json.load(sys.stdin)["qos"] if q["name"] == sys.argv[1]))' "$1" "$2"
}
# applied TEXT: is put in force, and stays so
applied()
{
	ok "$1: put in force" pt apply -f "$conf"
	like "$(pt apply -f "$conf")" 'nothing written' "$1: once more, nothing is written"
	pt diff -f "$conf" >/dev/null
	is $? 0 "$1: nothing differs"
}
# changed TEXT SED WANTED: the file changes, the kernel in place; counters and handle stay
changed()
{
	sed -i "$2" "$conf"
	changed_before=$(in_ns fw tc -s qdisc show dev "${4:-eth0}" | awk '/Sent/ { print $2; exit }')
	like "$(pt apply -o -f "$conf")" '^op=change kind=qos' "$1: changed in place"
	changed_after=$(in_ns fw tc -s qdisc show dev "${4:-eth0}")
	like "$changed_after" "$3" "$1: the kernel has it"
	[ "$(echo "$changed_after" | awk '/Sent/ { print $2; exit }')" -ge "$changed_before" ] && [ "$changed_before" -gt 0 ]
	is $? 0 "$1: counters go on from $changed_before bytes"
	like "$(pt apply -f "$conf")" 'nothing written' "$1: nothing is left to do"
}

# ---- cake: rate, presets, both families ----

writes <<'CONF'
shaper up { interface = wan bandwidth = "2Mbit" }
CONF
applied 'cake'
like "$(in_ns fw tc qdisc show dev eth0)" 'cake 7fff: root .*bandwidth 2Mbit diffserv3 triple-isolate nat' 'cake: as tc(8) tells it'
for to in 10.0.0.2 fd00::2; do
	load fw $to,9,0,1000
	measure 5
	unload
	ok "cake: 2Mbit to $to are 250000 bytes a second: $(got up 2)" near "$(got up 2)" 250000
	like "$(got up 5)" '^[1-9]' "cake: packets to $to wait $(got up 5) us"
done
changed 'cake: rate' 's/2Mbit/1Mbit/' 'bandwidth 1Mbit'
changed 'cake: rtt and tins' 's/"1Mbit"/& rtt = "50ms" diffserv = diffserv4/' 'diffserv4.* rtt 50ms'
changed 'cake: wash, ack-filter, no nat' 's/rtt =/wash = true ack-filter = true nat = false rtt =/' 'nonat wash ack-filter'
# PRESET SIZE OF THE PACKET OF 1028 BYTES ON THE LINE, WORDS OF tc(8)
while read -r preset line words; do
	writes <<CONF
shaper up { interface = wan bandwidth = "2Mbit" preset = $preset }
CONF
	applied "cake, $preset"
	like "$(in_ns fw tc qdisc show dev eth0)" "$words" "cake, $preset: $words"
	load fw 10.0.0.2,9,0,1000
	measure 4
	unload
	ok "cake, $preset: $(got up 3) packets a second of $line bytes are 2Mbit" near $(($(got up 3) * line)) 250000
done <<'PRESETS'
adsl 1219 atm overhead 40
vdsl 1075 ptm overhead 30
docsis 1046 noatm overhead 18 mpu 64
fiber 1070 noatm overhead 42 mpu 84
ethernet 1066 noatm overhead 38 mpu 84
PRESETS

# ---- cake: tins ----

# tins MODE TOS=TIN...: ten packets of each type of service, both families
tins()
{
	mode=$1
	shift
	writes <<CONF
shaper up { interface = wan bandwidth = "20Mbit" diffserv = $mode }
CONF
	applied "cake, $mode"
	pt qos show -s -j -f "$conf" >"$lab_tmp/before"
	flows=
	for pair; do flows="$flows 10.0.0.2,9,$((${pair%=*})),100,0,,10 fd00::2,9,$((${pair%=*})),100,0,,10"; done
	# shellcheck disable=SC2086
	in_ns fw python3 "$lab_tmp/send.py" "$lab_tmp/ready" 20 $flows
	sleep 1
	pt qos show -s -j -f "$conf" >"$lab_tmp/after"
	python3 - "$lab_tmp/before" "$lab_tmp/after" "$@" <<'PY' >"$lab_tmp/tins"
import collections, json, sys
a, b = ({q["name"]: q["packets"] for q in json.load(open(f))["qos"] if q["what"] == "tin"} for f in sys.argv[1:3])
want = collections.Counter()
for pair in sys.argv[3:]:
    want[pair.split("=")[1]] += 20
for tin in b:
    n = b[tin] - a[tin]
    # Neighbours are asked for, too.
    print("good" if want[tin] <= n <= want[tin] + 8 else "bad", tin, n, "of", want[tin])
PY
	unlike "$(cat "$lab_tmp/tins")" bad "cake, $mode: packets are in their tins ($(tr '\n' ',' <"$lab_tmp/tins"))"
}
tins besteffort 0=besteffort 0x20=besteffort 0xb8=besteffort
tins diffserv3 0=besteffort 0x20=bulk 0xb8=voice 0x88=besteffort
tins diffserv4 0=besteffort 0x20=bulk 0xb8=voice 0x88=video
tins diffserv8 0=tin3 0x20=tin2 0xb8=tin7 0x04=tin1

# ---- cake: hosts share before the translation of their addresses ----

cat >"$lab_tmp/shares.py" <<'PY'
# what arrives at five ports within five seconds: at the first four of them, and at the last
import select, socket, time
s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(5)]
for i, x in enumerate(s):
    x.bind(("10.0.0.2", 5000 + i))
got, end = [0] * 5, time.monotonic() + 8
while time.monotonic() < end:
    for x in select.select(s, [], [], 0.2)[0]:
        x.recv(2000)
        got[s.index(x)] += time.monotonic() > end - 5
print(sum(got[:4]), got[4], flush=True)
PY
for nat in true false; do
	writes <<CONF
shaper up { interface = wan bandwidth = "1Mbit" per-host = true nat = $nat diffserv = besteffort }
firewall { rules = { "pass", "match out on wan inet from lan:network nat-to (wan)" } }
CONF
	applied "cake, nat = $nat"
	ok 'the rules load' in_ns fw "$ptfw" apply -f "$conf"
	load lan 10.0.0.2,5000,0,1000,60,192.168.1.10 10.0.0.2,5001,0,1000,60,192.168.1.10 10.0.0.2,5002,0,1000,60,192.168.1.10 \
		10.0.0.2,5003,0,1000,60,192.168.1.10 10.0.0.2,5004,0,1000,240,192.168.1.11
	in_ns out python3 "$lab_tmp/shares.py" >"$lab_tmp/shares"
	unload
	read -r many one <"$lab_tmp/shares"
	like "$many $one" '^[1-9][0-9]* [1-9]' "cake, nat = $nat: both get something"
	if [ $nat = true ]; then
		[ $((many * 2)) -ge "$one" ] && [ "$many" -le $((one * 2)) ]
		is $? 0 "four flows of one host have as much as one of another ($many, $one)"
	else
		[ $((many * 10)) -ge $((one * 25)) ]
		is $? 0 "without a look behind the translation four times as much ($many, $one)"
	fi
done
in_ns fw "$ptfw" stop --force >/dev/null 2>&1

# ---- cake: what arrives ----

writes <<'CONF'
shaper down { interface = wan direction = in bandwidth = "2Mbit" per-host = true }
CONF
applied 'cake, arriving'
like "$(in_ns fw tc qdisc show dev in-eth0)" 'cake 7fff: .*dual-dsthost nat .*ingress' 'cake, arriving: as tc(8) tells it'
cat >"$lab_tmp/tcp.py" <<'PY'
# tcp.py serve SECONDS | tcp.py ADDRESS SECONDS: four streams, as fast as they go: one alone leaves gaps in the queue
import select, socket, sys, time
end = time.monotonic() + float(sys.argv[2])
if sys.argv[1] == "serve":
    s = socket.create_server(("::", 7), family=socket.AF_INET6, dualstack_ipv6=True)
    all = [s]
    while time.monotonic() < end:
        for x in select.select(all, [], [], 1)[0]:
            if x is s:
                all.append(s.accept()[0])
            elif not x.recv(65536):
                all.remove(x)
else:
    all = [socket.create_connection((sys.argv[1], 7)) for _ in range(4)]
    for s in all:
        s.setblocking(False)
    while time.monotonic() < end:
        for s in select.select([], all, [], 1)[1]:
            s.send(b"x" * 8192)
PY
streaming() { in_ns fw ss -Htn state established '( sport = :7 )' | grep -q .; }
for to in 10.0.0.1 fd00::1; do
	lab_bg fw python3 "$lab_tmp/tcp.py" serve 120
	server=$lab_last
	lab_wait 20 in_ns fw sh -c 'ss -ltn | grep -q :7'
	lab_bg out python3 "$lab_tmp/tcp.py" $to 110
	client=$lab_last
	lab_wait 60 streaming
	sleep 2
	measure 5
	lab_stop "$client"
	lab_stop "$server"
	# What cake drops of arriving packets counts: they have used the line.
	sum=$(($(got down 2) + $(got down 4) * 1514))
	ok "cake, arriving: 2Mbit to $to are 250000 bytes a second, those of $(got down 4) dropped packets among them: $sum" near "$sum" 250000
done
changed 'cake, arriving: rate' 's/2Mbit/3Mbit/' 'bandwidth 3Mbit' in-eth0

# ---- fq_codel alone ----

writes <<'CONF'
shaper fair { interface = wan type = fq_codel }
CONF
applied fq_codel
like "$(in_ns fw tc qdisc show dev eth0)" 'fq_codel 7fff: root .*target 5ms interval 100ms .*ecn' 'fq_codel: as tc(8) tells it'
unlike "$(in_ns fw ip link)" in-eth0 'the link for arriving packets is gone'
before=$(total fair packets)
in_ns fw python3 "$lab_tmp/send.py" "$lab_tmp/ready" 10 10.0.0.2,9,0,100,0,,20 fd00::2,9,0,100,0,,20
[ $(($(total fair packets) - before)) -ge 40 ]
is $? 0 'fq_codel: packets of both families pass it'
changed 'fq_codel: rtt, no ecn' 's/type = fq_codel/& rtt = "40ms" ecn = false/' 'target 2ms interval 40ms'
unlike "$(in_ns fw tc qdisc show dev eth0)" ecn 'fq_codel: marks no more'

# ---- htb: queues that rules feed, with fq_codel as their leaves; an ATM line below ----

writes <<'CONF'
shaper up { interface = wan type = htb bandwidth = "3Mbit" burst = 30000 }
queue web { shaper = up rate = "800kbit" ceil = "800kbit" priority = 1 burst = 30000 }
queue bulk { shaper = up rate = "500kbit" burst = 30000 }
queue rest { shaper = up rate = "500kbit" ceil = "1Mbit" default = true burst = 30000 }
firewall { rules = {
	"pass",
	"match out on wan proto udp to any port 80 set queue web",
	"match out on wan proto udp to any port 81 set queue bulk"
} }
CONF
applied htb
is "$(in_ns fw tc qdisc show dev eth0 | grep -c 'fq_codel.*parent 8000:')" 3 'htb: its queues have fq_codel as leaves'
ok 'htb: the rules load' in_ns fw "$ptfw" apply -f "$conf"
for to in 10.0.0.2 fd00::2; do
	load fw $to,80,0,1000 $to,81,0,1000 $to,82,0,1000
	measure 10
	unload
	ok "htb to $to: web has its 800kbit: $(got web 2)" near "$(got web 2)" 100000
	ok "htb to $to: the rest has its 1Mbit: $(got rest 2)" near "$(got rest 2)" 125000
	ok "htb to $to: bulk has what is left: $(got bulk 2)" near "$(got bulk 2)" 150000
	ok "htb to $to: the whole has 3Mbit: $(got up 2)" near "$(got up 2)" 375000
	like "$(got web 5)" '^[0-9]' "htb to $to: fq_codel tells how long packets wait ($(got web 5) us)"
done
handles=$(in_ns fw tc qdisc show dev eth0)
changed 'htb: a queue' 's/rate = "800kbit" ceil = "800kbit"/rate = "1Mbit" ceil = "1Mbit"/' 'htb 8000:'
is "$(in_ns fw tc qdisc show dev eth0)" "$handles" 'htb: all queueing disciplines are those that were'
load fw 10.0.0.2,80,0,1000
measure 4
unload
ok "htb: web has 1Mbit now: $(got web 2)" near "$(got web 2)" 125000
sed -i 's/bandwidth = "3Mbit"/& preset = adsl/' "$conf"
applied 'htb, adsl'
load fw 10.0.0.2,80,0,1000
measure 4
unload
ok "htb, adsl: $(got web 3) packets a second of 1219 bytes are 1Mbit" near $(($(got web 3) * 1219)) 125000

# ---- a limit for each host, with fq_codel as their leaves ----

writes <<'CONF'
shaper up { interface = wan type = htb bandwidth = "20Mbit" each = destination each-rate = "500kbit" each-hosts = 20 burst = 30000 }
CONF
applied 'each host'
is "$(in_ns fw tc qdisc show dev eth0 | grep -c 'fq_codel.*parent 8000:.*flows 64 ')" 22 'each host: a leaf for each, those beyond number and the rest'
load fw 10.0.0.2,9,0,1000 10.0.0.3,9,0,1000 fd00::2,9,0,1000 fd00::3,9,0,1000
measure 5
unload
for host in 10.0.0.2 10.0.0.3 fd00::2 fd00::3; do
	ok "each host: $host has its 500kbit: $(got $host 2)" near "$(got $host 2)" 62500
	like "$(got $host 5)" '^[0-9]' "each host: packets to $host wait $(got $host 5) us"
done
sed -i 's/"500kbit"/"300kbit"/' "$conf"
like "$(pt apply -o -f "$conf")" '^op=change kind=qos name="classes for each host of up' 'each host: changed in place'
like "$(pt apply -f "$conf")" 'nothing written' 'each host: nothing is left to do'

# ---- removal ----

writes </dev/null
ok 'all goes' pt apply -f "$conf"
unlike "$(in_ns fw tc qdisc show)" '8000:|7fff:' 'and is gone'
done_testing
