#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptfw trace` follows real packets: what it says of them is what the rules did, by every engine, in both families, with
# translations; its hook is gone however it ends; and no packet fares otherwise because it is followed.
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
needs python3 nft

lab_ns fw wan lan
lab_link fw eth0 wan eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 203.0.113.2/24 2001:db8:5::2/64
lab_addr wan eth0 203.0.113.7/24 2001:db8:5::7/64
lab_addr fw eth1 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.2/24 fd00:1::2/64
lab_route lan default via 192.168.1.1
lab_route lan default via fd00:1::1
lab_route wan fd00:1::/64 via 2001:db8:5::2
lab_forward fw
lab_settle fw wan lan
pt() { in_ns fw "$ptfw" "$@"; }

conf=$lab_tmp/fw.conf
cat >"$conf" <<'CONF'
interface wan { device = "eth0" address = { "203.0.113.2/24", "2001:db8:5::2/64" } }
interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
table bad { persist = true }
firewall { rules = {
	"block return label none",
	"match out on wan inet from lan:network nat-to (wan) label masquerade",
	"pass out label out",
	"pass in on lan from lan:network label lan",
	"block return in on lan proto { tcp, udp } to any port 1001 label refused",
	"pass in on wan inet proto udp to (wan) port 1003 rdr-to 192.168.1.2 port 1000 label web",
	"block drop in on lan from <bad> label bad",
	"block drop out on wan proto udp to any port 1004 label never-out",
} }
CONF

# send NS PROTOCOL ADDRESS PORT...: one packet to each port, from ports of their own
send()
{
	in_ns "$1" python3 -c '
import socket, sys
proto, a, ports = sys.argv[1], sys.argv[2], sys.argv[3:]
f = socket.AF_INET6 if ":" in a else socket.AF_INET
for p in ports:
    s = socket.socket(f, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
    s.settimeout(0.2)
    try:
        s.connect((a, int(p)))
        if proto == "udp": s.send(b"?")
    except OSError: pass
' "$2" "$3" "$4" ${5:+"$5"} ${6:+"$6"}
}

# trace_bg WORDS...: in the background, once its hook is there; its pid is $lab_last
trace_bg()
{
	rm -f "$lab_tmp/err"
	lab_bg fw "$ptfw" -v trace "$@" >"$lab_tmp/out" 2>"$lab_tmp/err"
	traced=$lab_last
	lab_wait 10 grep -q following "$lab_tmp/err" || diag "$(cat "$lab_tmp/err")"
}
trace_end() { trace_rc=0; wait "$traced" || trace_rc=$?; }
hooks() { in_ns fw nft list tables | grep -c patronus_trace; }

# The line that each packet should have, in what was traced.
said() { tap_grep=$1; ok "$2" grep -qF -- "$tap_grep" "$lab_tmp/out" || sed 's/^/# /' "$lab_tmp/out"; }

exits 2 'without rules there is nothing to name: an error' pt trace for 1s
ok 'it says so' sh -c '"$@" 2>&1 | grep -q "no rules of Patronus"' sh nsenter -n -t "$(cat "$lab_tmp/fw.pid")" "$ptfw" trace for 1s

for engine in linear nft bpf; do
	if ! pt apply -f "$conf" --engine "$engine" >"$lab_tmp/apply" 2>&1; then
		skip "$(head -n 1 "$lab_tmp/apply")" "engine $engine"
		continue
	fi
	for six in 4 6; do
		if [ $six = 4 ]; then
			af=inet a=203.0.113.7 b=203.0.113.7 src=192.168.1.2
		else
			af=inet6 a=2001:db8:5::7 b='[2001:db8:5::7]' src='[fd00:1::2]'
		fi
		what="$engine, IPv$six"
		trace_bg in on lan "$af" proto udp count 3 for 20s
		send lan udp $a 1000 1001 1004
		trace_end
		is "$trace_rc" 0 "$what: it ends when it has seen as many as were asked for"
		said "to $b:1000 on eth1 (lan)" "$what: a packet arrives"
		said "arrives     udp $src:" "$what: from where"
		said "judged in   pass by lan, $conf:8" "$what: the rule that passes it"
		said "route       by eth0 (wan)" "$what: where it goes"
		said "judged out  pass by out, $conf:7" "$what: the rule that lets it out"
		[ $six = 6 ] || said "becomes 203.0.113.2:" "$what: its translation"
		said "left        by eth0 (wan)" "$what: it leaves"
		said "judged in   block by refused, $conf:9" "$what: the rule that refuses one"
		said "judged out  block by never-out, $conf:12" "$what: the rule that lets one not out"
		is "$(grep -c ^pass "$lab_tmp/out") $(grep -c ^block "$lab_tmp/out")" '1 2' "$what: the verdicts"
		trace_bg -d proto tcp to "$a" port 1001 count 1
		send lan tcp $a 1001
		trace_end
		said "judged in   block by refused, $conf:9" "$what: TCP"
		said "met         inet patronus prerouting handle" "$what: with -d the kernel's own rules"
	done
	trace_bg on wan inet port 1003 count 1
	send wan udp 203.0.113.2 1003
	trace_end
	said 'becomes 192.168.1.2:1000' "$engine: a port forward"
	said "judged in   pass by web, $conf:10" "$engine: its rule"
	trace_bg out proto udp to 203.0.113.7 count 2 for 20s
	send fw udp 203.0.113.7 1000 1004
	trace_end
	said 'leaves      udp 203.0.113.2:' "$engine: of this machine itself"
	said "judged out  block by never-out, $conf:12" "$engine: and one that it may not send"
	trace_bg -j in on lan proto udp to any port 1000 count 2 for 20s
	send lan udp 203.0.113.7 1000
	send lan udp 2001:db8:5::7 1000
	trace_end
	ok "$engine: JSON, an object a packet" python3 -c '
import json, sys
v = [json.loads(l) for l in open(sys.argv[1])]
assert len(v) == 2, v
for t in v:
    assert t["schema"] == "patronus.trace.v1" and t["verdict"] == "pass" and t["rule"]["name"] == "out"
    assert t["line"] == 7 and t["file"].endswith("fw.conf")
    j = [s for s in t["steps"] if s["step"] == "judgement"]
    assert [(s["direction"], s["rule"]["name"], s["verdict"]) for s in j] == [("in", "lan", "pass"), ("out", "out", "pass")], j
    assert all(s["named_by"] in ("kernel", "evaluator") and not s["disagrees"] for s in j)
    assert t["steps"][0]["step"] == "begin" and t["steps"][0]["interface"] == "lan"
    assert t["steps"][-1]["step"] == "end" and t["steps"][-1]["device"] == "eth0"
' "$lab_tmp/out"
	if python3 -c 'import jsonschema' 2>/dev/null; then
		ok "$engine: as the schema says" python3 -c '
import json, jsonschema, sys
for line in open(sys.argv[1]): jsonschema.validate(json.loads(line), json.load(open(sys.argv[2])))' \
			"$lab_tmp/out" contrib/schema/patronus.trace.v1.json
	else
		skip 'needs python3-jsonschema' "$engine: as the schema says"
	fi
	is "$(hooks)" 0 "$engine: nothing is left of it"
done

# ---- filters ----

pt table add bad 192.168.1.2
trace_bg in on lan from '<bad>' count 1
send lan udp 203.0.113.7 1000
trace_end
said "judged in   block by bad, $conf:11" 'a table in the filter has what it holds now'
trace_bg in on lan inet proto udp from '! <bad>' for 1s
send lan udp 203.0.113.7 1000
trace_end
is "$trace_rc" 3 'no such packet: the answer is no'
pt table delete bad 192.168.1.2
trace_bg in on lan proto udp to '{ 203.0.113.8, 203.0.113.7 }' port '{ 5, 1000 }' count 1
send lan udp 203.0.113.7 1001 1000
trace_end
said '203.0.113.7:1000' 'lists in the filter'
is "$(grep -c ^arrives "$lab_tmp/out")" 1 'and no other packet'
exits 1 'a filter that is no condition' pt trace on lan nat-to 1.2.3.4
exits 1 'a filter that is no rule' pt trace on lan sideways
exits 1 'a filter with an interface that is not there' pt trace on nowhere
exits 1 'a tag is not known where a packet begins' pt trace tagged x
exits 1 'no count' pt trace count
exits 1 'a count of nothing' pt trace count 0
exits 1 'a time that is none' pt trace for ever

# ---- how it ends ----

for signal in INT TERM HUP KILL; do
	trace_bg in on lan for 1h
	is "$(hooks)" 1 "SIG$signal: its hook is there"
	kill -s "$signal" "$traced"
	trace_end
	lab_wait 5 sh -c '! nsenter -n -t "$1" nft list tables | grep -q patronus_trace' sh "$(cat "$lab_tmp/fw.pid")"
	is "$(hooks)" 0 "SIG$signal: and gone"
done

# Two at once, an apply and a stop meanwhile.
lab_bg fw "$ptfw" -v trace in on lan proto udp to any port 1000 count 2 for 30s >"$lab_tmp/out1" 2>"$lab_tmp/err1"
one=$lab_last
lab_bg fw "$ptfw" -v trace in on lan proto udp count 3 for 30s >"$lab_tmp/out2" 2>"$lab_tmp/err2"
two=$lab_last
lab_wait 10 grep -q following "$lab_tmp/err1"
lab_wait 10 grep -q following "$lab_tmp/err2"
is "$(hooks)" 2 'two at once'
send lan udp 203.0.113.7 1001 1000
sed -i 's/label lan"/label house"/' "$conf"
ok 'an apply meanwhile' pt apply -f "$conf" --engine nft
is "$(hooks)" 2 'leaves both alone'
sleep 0.2
send lan udp 2001:db8:5::7 1000
wait "$one"
wait "$two"
is "$(grep -c ^arrives "$lab_tmp/out1") $(grep -c ^arrives "$lab_tmp/out2")" '2 3' 'each sees its own packets, and all of them'
ok 'before it by the old name' grep -qF "judged in   pass by lan, $conf:8" "$lab_tmp/out1"
ok 'after it by the new one' grep -qF "judged in   pass by house, $conf:8" "$lab_tmp/out1"
ok 'in both' grep -qF "judged in   pass by house, $conf:8" "$lab_tmp/out2"
trace_bg in on lan for 1h
ok 'a stop meanwhile' pt stop
is "$(hooks)" 1 'leaves it alone'
ok 'and so an apply' pt apply -f "$conf"
kill -TERM "$traced"
trace_end

# ---- verdicts stay what they are ----

in_ns fw nft add table inet other
in_ns fw nft add chain inet other marks '{ type filter hook prerouting priority -290; }'
in_ns fw nft add rule inet other marks udp dport 1000 meta mark 0 counter
in_ns fw nft add chain inet other drops '{ type filter hook forward priority 10; }'
in_ns fw nft add rule inet other drops udp dport 1007 drop
trace_bg in on lan proto udp count 2 for 20s
send lan udp 203.0.113.7 1000 1007
trace_end
ok 'the mark of a packet is untouched' sh -c 'nsenter -n -t "$1" nft list table inet other | grep -q "counter packets 1"' sh \
	"$(cat "$lab_tmp/fw.pid")"
said 'dropped     by chain drops of the table inet other, which is not of Patronus' 'a drop of others is told as such'
in_ns fw nft delete table inet other

# A flood cannot bury the console, nor the trace its end.
trace_bg in on lan proto udp to any port 9 count 50 for 20s
in_ns lan python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(20000):
    try: s.sendto(b"x", ("203.0.113.7", 9))
    except OSError: pass'
trace_end
is "$(grep -c ^arrives "$lab_tmp/out")" 50 'of a flood as many as were asked for'
is "$(hooks)" 0 'and the hook is gone'

if setpriv --reuid 65534 --clear-groups --no-new-privs true 2>/dev/null; then
	exits 4 'not permitted without privilege' in_ns fw setpriv --reuid 65534 --clear-groups --inh-caps=-all "$ptfw" trace for 1s
else
	skip 'setpriv cannot drop privilege here' 'not permitted without privilege'
fi
done_testing
