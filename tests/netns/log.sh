#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What rules with `log` log: one record for each packet with the rule's name and line, also after the file was
# edited; nothing lost without being told; files that others read; a recorder that is killed. Real packets, both families.
#
#     out  10.0.0.2 fd00::2 ---- eth0 [ fw ] eth1 ---- 10.1.0.2 fd01::2  lan
# shellcheck disable=SC2016 # strings for eval
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 jq nft

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

store=$lab_tmp/log
conf=$lab_tmp/patronus.conf
pt() { in_ns fw "$ptfw" "$@"; }
show() { pt log show --store "$store" "$@"; }
count() { show -o "$@" | wc -l; }

# apply: the file in force, from standard input: its rules.
apply()
{
	{
		echo 'interface wan { device = "eth0" address = { dhcp } }'
		echo 'interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }'
		echo 'firewall { rules = {'
		cat
		echo '} }'
	} >"$conf"
	apply_said=$(pt apply -f "$conf" 2>&1) || { fail apply; diag "$apply_said"; }
}
line_of() { grep -n "label $1\"" "$conf" | cut -d: -f1; }

# udp NS N ADDRESS PORT: N datagrams, from one source port.
udp()
{
	in_ns "$1" python3 -c '
import socket, sys
n, to, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5000))
for i in range(n):
    try: s.sendto(b"x" * 8, (to, port))
    except OSError: pass
' "$2" "$3" "$4"
}
# The recorder's last words: "N packets recorded, M lost".
record()
{
	lab_bg fw "$ptfw" log record --store "$store" "$@" >"$lab_tmp/recorder"
	recorder=$lab_last
	lab_wait 10 grep -q 80 "/proc/$recorder/net/netfilter/nfnetlink_log" || fail 'the recorder listens'
}
wait_for() { lab_wait 20 eval "[ \$(count $1) -ge $2 ]"; }
end_recorder()
{
	kill -INT "$recorder"
	wait "$recorder"
	recorder_status=$?
}

# ---- names and places ----

apply <<-'EOT'
	"block log label deny",
	"pass in log on lan proto udp to port 53 label dns",
	"pass out on wan proto udp label away",
	"match out log on wan proto udp to port 53 label seen",
	"pass in proto udp to self port 7 no state"
EOT
record
for to in 10.0.0.1 fd00::1; do
	udp out 3 "$to" 99
	udp out 2 "$to" 7
done
for to in 10.0.0.2 fd00::2; do
	udp lan 2 "$to" 53
done
wait_for '' 10
sleep 0.3
is "$(count label deny)" 6 'each blocked packet is one record'
is "$(show -o label deny | sed 's/.* action=\([^ ]*\) direction=\([^ ]*\) .* line=\([^ ]*\) .* in=\([^ ]*\) out=\([^ ]*\) proto=\([^ ]*\) .*/\1 \2 \3 \4 \5 \6/' | sort -u)" \
	"block in $(line_of deny) eth0 - udp" 'with its action, direction, line, devices and protocol'
is "$(show -j label deny | jq -c '[.records[] | [.file, .line, .rule, .dport, .length, .lost]] | unique')" \
	"[[\"$conf\",$(line_of deny),\"deny\",99,36,0],[\"$conf\",$(line_of deny),\"deny\",99,56,0]]" 'in JSON'
is "$(count label dns)" 2 'a passed connection is one record, in each family'
is "$(show -o label seen | sed 's/.* action=\([^ ]*\) direction=\([^ ]*\) .* in=\([^ ]*\) out=\([^ ]*\) .*/\1 \2 \3 \4/' | sort -u)" \
	'match out eth1 eth0' 'a rule that matches is one, with both devices'
like "$(show label seen -4)" "^20..-..-.. ..:..:...{7} match out on eth0 from eth1 udp 10.1.0.2:5000 -> 10.0.0.2:53 len 36 \[seen\] $conf:$(line_of seen)\$" \
	'as a line'
like "$(show label deny -6)" "block in on eth0 udp fd00::2\[5000\] -> fd00::1\[99\] len 56 \[deny\] $conf:$(line_of deny)\$" 'in IPv6'
is "$(count)" 10 'and nothing else was logged'

# ---- another order: old records keep their line, new ones have theirs ----

old=$(line_of deny)
generation=$(show -j label deny | jq -r '.records[0].generation')
writes=$(pt diff -v -f "$conf" 2>&1)
apply <<-'EOT'
	# a remark
	"pass out on wan proto udp label away",
	"match out log on wan proto udp to port 53 label seen",
	# another one
	"pass in log on lan proto udp to port 53 label dns",
	"block in log proto udp label deny",
	"pass in proto udp to self port 7 no state"
EOT
apply <<-'EOT'
	# a remark
	"pass out on wan proto udp label away",
	"match out log on wan proto udp to port 53 label seen",
	# another one
	"block log label deny",
	"pass in log on lan proto udp to port 53 label dns",
	"pass in proto udp to self port 7 no state"
EOT
is "$writes" '' 'the same file again is no change'
isnt "$(line_of deny)" "$old" 'the rule stands in another line'
for to in 10.0.0.1 fd00::1; do udp out 2 "$to" 99; done
wait_for 'label deny' 10
is "$(show -j label deny | jq -c '[.records[].line]')" "[$old,$old,$old,$old,$old,$old,$(line_of deny),$(line_of deny),$(line_of deny),$(line_of deny)]" \
	'records name the line of their time'
is "$(show -j label deny | jq -r '[.records[].generation] | unique | length')" 2 'and its generation'
is "$(show -j label deny | jq -r '.records[0].generation')" "$generation" 'which stays what it was'
# A remark more: the rules in the kernel stay the same ones.
sed -i '1i # one more line' "$conf"
unlike "$(pt diff -v -f "$conf")" ' rule ' 'an edit around a rule with log does not change the rule'

# ---- filters ----

is "$(count action block)" 10 'filter: action'
is "$(count action pass)" 2 'filter: action pass'
is "$(count dir out)" 2 'filter: direction'
is "$(count interface wan proto udp)" 12 'filter: interface by its name in the file'
is "$(count interface eth1)" 4 'filter: interface by device'
is "$(count host 10.0.0.2)" 7 'filter: host'
is "$(count network fd00::/8)" 7 'filter: network'
is "$(count port 53)" 4 'filter: port'
is "$(count port domain -4)" 2 'filter: port by name, and family'
is "$(count label dns port 99)" 0 'filter: both must hold'
is "$(count last 3)" 3 'filter: last'
is "$(show -j last 1 | jq -r '.records[0].line')" "$(($(line_of deny) - 1))" 'the last one is the newest'
is "$(count since 1h)" 14 'filter: since'
is "$(count since 2200-01-01)" 0 'filter: since a time that has not come'
exits 1 'filter: not a word' pt log show --store "$store" hostt 10.0.0.1
exits 1 'filter: more than one word' pt log show --store "$store" p 53
like "$tap_out" 'port, proto' 'filter: they are listed'
exits 1 'filter: no value' pt log show --store "$store" host
exits 2 'no store' pt log show --store "$lab_tmp/none"
like "$tap_out" 'patronus-log' 'no store: what to do'

is "$(pt complete -- log show act)" action 'completion of filters'
is "$(pt complete -- log show action bl)" block 'and of their values'
is "$(pt complete -- log follow label de)" deny 'and of rules'

# ---- who may read the files needs no more ----

cp "$ptfw" "$lab_tmp/ptfw"
chmod 711 "$lab_tmp"
chgrp -R 65534 "$store"
is "$(in_ns fw setpriv --reuid=65534 --regid=65534 --clear-groups "$lab_tmp/ptfw" log show --store "$store" -o | wc -l)" 14 \
	'reading needs no privilege'
exits 4 'listening does' in_ns fw setpriv --reuid=65534 --regid=65534 --clear-groups "$lab_tmp/ptfw" log follow
exits 4 'so does reading what others may not' \
	in_ns fw setpriv --reuid=65533 --regid=65533 --clear-groups "$lab_tmp/ptfw" log show --store "$store"

# ---- JSON, colours, escapes ----

if python3 -c 'import jsonschema' 2>/dev/null; then
	show -j >"$lab_tmp/log.json"
	pt log show --store "$store" -j label nothing >"$lab_tmp/empty.json"
	pt log summary --store "$store" -j >"$lab_tmp/sum.json"
	for what in log:log empty:log sum:log-summary; do
		ok "JSON of ${what%:*} fits its schema" python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
			"$lab_tmp/${what%:*}.json" "contrib/schema/patronus.${what#*:}.v1.json"
	done
else
	skip 'no python3-jsonschema' 'JSON fits its schemas'
fi
escape=$(printf '\033')
like "$(show -c=always last 1)" "$escape\[31mblock$escape\[0m in" 'colour where it is asked for'
unlike "$(show last 1)" "$escape" 'no colour in a pipe'
in_ns fw nft -f - <<-EOT
	table inet theirs { chain c { type filter hook prerouting priority -200; udp dport 9 log prefix "evil${escape}]0;x y" group 80; }; }
EOT
udp out 1 10.0.0.1 9
wait_for 'port 9' 2
in_ns fw nft delete table inet theirs
is "$(show -j port 9 | jq -r '[.records[] | select(.action == "other")] | length')" 1 'another program may log to the same group'
is "$(show -j port 9 | jq -r '.records[] | select(.action == "other") | [.prefix, .rule, .direction, .in] | tojson')" \
	"$(printf '["evil\\u001b]0;x y",null,null,"eth0"]')" 'with its prefix'
unlike "$(show; show -o; pt log summary --store "$store")" "$escape" 'which is escaped'

# ---- summary ----

summary=$(pt log summary --store "$store")
like "$summary" "^ +11 +[0-9]+  block in \[deny\] patronus.conf:[0-9]+ +#+\$" 'summary: rules'
like "$summary" '^ +[0-9]+ +[0-9]+  10\.0\.0\.2 +#+$' 'summary: sources'
like "$summary" '^ +10 +[0-9]+  udp 99 +#+$' 'summary: ports'
is "$(printf '%s\n' "$summary" | awk 'length > 80' | wc -l)" 0 'summary: fits 80 columns'
is "$(pt log summary --store "$store" -j | jq '[.rows[] | select(.kind == "minute") | .packets] | add')" "$(count)" 'summary: minutes'

# ---- pcapng, for others ----

show label deny --pcap "$lab_tmp/deny.pcapng"
cat >"$lab_tmp/pcapng.py" <<'PY'
# Another reader of pcapng: checks the structure, prints the comments.
import struct, sys
data, at, devices = open(sys.argv[1], "rb").read(), 0, []
def options(b):
    while b:
        code, n = struct.unpack("<HH", b[:4])
        if not code: assert len(b) == 4; return
        yield code, b[4:4 + n]
        b = b[4 + (n + 3) // 4 * 4:]
while at < len(data):
    kind, n = struct.unpack_from("<II", data, at)
    assert n % 4 == 0 and struct.unpack_from("<I", data, at + n - 4)[0] == n
    body = data[at + 8:at + n - 4]
    at += n
    if kind == 0x0a0d0d0a:
        assert struct.unpack("<IHHq", body[:16]) == (0x1a2b3c4d, 1, 0, -1)
        devices = []
        list(options(body[16:]))
    elif kind == 1:
        assert struct.unpack("<HHI", body[:8]) == (101, 0, 0)
        o = dict(options(body[8:]))
        assert o[9] == b"\x09"
        devices.append((o.get(2, b""), o.get(3, b"")))
    elif kind == 6:
        dev, hi, lo, cap, size = struct.unpack("<IIIII", body[:20])
        o = dict(options(body[20 + (cap + 3) // 4 * 4:]))
        assert cap <= size and dev < len(devices) and body[20] >> 4 in (4, 6)
        print(devices[dev][0].decode(), devices[dev][1].decode(), o[1].decode(), *struct.unpack("<I", o.get(2, b"\0" * 4)))
    else: raise SystemExit("block %d" % kind)
PY
is "$(python3 "$lab_tmp/pcapng.py" "$lab_tmp/deny.pcapng" | sed 's/gen=[^ ]*/gen=X/' | sort | uniq -c | sed 's/^ *//' | head -n 1)" \
	"6 eth0 wan rule=deny action=block dir=in at=$conf:$old gen=X on=wan in=eth0 1" 'pcapng: devices and comments'
is "$(python3 "$lab_tmp/pcapng.py" "$store/filter.pcapng" | wc -l)" "$(count)" 'pcapng: the store itself'
is "$(show --pcap - label deny | cmp - "$lab_tmp/deny.pcapng" && echo same)" same 'pcapng: on standard output'
is "$(pt log show --store "$lab_tmp/deny.pcapng" -o | wc -l)" 11 'pcapng: such a file is shown as a store is'
if command -v tcpdump >/dev/null; then
	is "$(tcpdump -nr "$lab_tmp/deny.pcapng" 2>/dev/null | grep -c 'UDP, length 8$')" 11 'pcapng: tcpdump reads it'
else
	skip 'no tcpdump' 'pcapng: tcpdump reads it'
fi

# ---- follow, beside the recorder: by the store; without: by the kernel ----

# follow ARGUMENT...: in the background.
follow()
{
	lab_bg fw "$ptfw" log follow "$@" >"$lab_tmp/followed" 2>"$lab_tmp/follower"
	follower=$lab_last
	sleep 0.5
}
end_follower()
{
	kill -INT "$follower"
	wait "$follower"
	is "$?" 0 "$1: SIGINT ends it"
}
follow --store "$store" -j label deny
udp out 3 10.0.0.1 99
udp lan 1 10.0.0.2 53
lab_wait 10 eval '[ $(wc -l <"$lab_tmp/followed") -ge 3 ]'
end_follower 'follow the store'
is "$(jq -r .rule "$lab_tmp/followed" | uniq -c | sed 's/^ *//')" '3 deny' 'follow the store: what matches, from now on'
is "$(cat "$lab_tmp/follower")" 'ptfw: 3 shown, 0 lost' 'follow the store: its last words'
if python3 -c 'import jsonschema' 2>/dev/null; then
	ok 'follow the store: each line fits its schema' python3 -c '
import json, jsonschema, sys
for line in open(sys.argv[1]): jsonschema.validate(json.loads(line), json.load(open(sys.argv[2])))' \
		"$lab_tmp/followed" contrib/schema/patronus.log-record.v1.json
else
	skip 'no python3-jsonschema' 'follow the store: each line fits its schema'
fi
exits 2 'a second listener is refused' pt log record --store "$lab_tmp/second"
like "$tap_out" 'another program listens to group 80' 'and told why'
exits 2 'a second recorder of the same store, too' pt log record --store "$store"
like "$tap_out" "process $recorder holds it" 'and told which is the first'
end_recorder
is "$recorder_status" 0 'SIGINT ends the recorder'
like "$(cat "$lab_tmp/recorder")" "^$(count) packets recorded, 0 lost\$" 'its last words'

follow
for to in 10.0.0.1 fd00::1; do udp out 2 "$to" 99; done
lab_wait 10 eval '[ $(wc -l <"$lab_tmp/followed") -ge 4 ]'
end_follower 'follow the kernel'
is "$(grep -c "block in on eth0 udp .*\[deny\] $conf:" "$lab_tmp/followed")" 4 'follow the kernel: each packet'
is "$(cat "$lab_tmp/follower")" 'ptfw: 4 shown, 0 lost' 'follow the kernel: its last words'
follow --pcap "$lab_tmp/live.pcapng"
udp out 2 fd00::1 99
lab_wait 10 eval '[ $(python3 "$lab_tmp/pcapng.py" "$lab_tmp/live.pcapng" | wc -l) -ge 2 ]'
end_follower 'follow into a pcapng file'
is "$(python3 "$lab_tmp/pcapng.py" "$lab_tmp/live.pcapng" | wc -l)" 2 'follow into a pcapng file: all of it'

# ---- on the way ----

# Packets on their way while the file is exchanged belong to the one that judged them; a recorder that sleeps, too.
other() { sed -i "1i # on the way $1" "$conf" && pt -q apply -f "$conf"; }
rm -rf "$store"
record
pt -q apply -f "$conf"
here=$(line_of deny)
udp out 2 fd00::1 98
other 1
udp out 2 fd00::1 98
wait_for 'port 98' 4
is "$(show -j port 98 | jq -c '[.records[].line]')" "[$here,$here,$((here + 1)),$((here + 1))]" 'packets on their way keep their line'
kill -STOP "$recorder"
sleep 2.1
udp out 2 fd00::1 97
other 2
sleep 1.2
udp out 2 fd00::1 97
sleep 1
kill -CONT "$recorder"
wait_for 'port 97' 4
is "$(show -j port 97 | jq -c '[.records[].line]')" "[$((here + 1)),$((here + 1)),$((here + 2)),$((here + 2))]" \
	'also for a recorder that slept'

end_recorder

# ---- log (all), log (limit) ----

# Every packet of a connection, in both directions; and no more than so many.
record
apply <<-'EOT'
	"block log label deny",
	"pass in log (all) on wan proto udp to port 54 label all",
	"pass in log (limit 2/hour) on wan proto udp to port 55 no state label few"
EOT
lab_bg fw python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 54))
open("'"$lab_tmp"'/ready", "w").close()
while True: s.sendto(b"answer", s.recvfrom(99)[1])'
server=$lab_last
lab_wait 5 test -e "$lab_tmp/ready"
in_ns out python3 -c '
import socket
for to in "10.0.0.1", "fd00::1":
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5); s.connect((to, 54))
    for i in range(3): s.send(b"question"); s.recv(99)'
lab_stop "$server"
wait_for 'label all' 12
is "$(show -o label all | sed 's/.* action=\([^ ]*\) direction=\([^ ]*\) .* in=\([^ ]*\) out=\([^ ]*\) .*/\1 \2 \3 \4/' | sort | uniq -c | sed 's/^ *//' | tr '\n' ,)" \
	'6 pass in eth0 -,6 pass out - eth0,' 'log (all): both directions, each as it is'
udp out 20 10.0.0.1 55
udp out 1 10.0.0.1 96
wait_for 'port 96' 1
few=$(count label few)
ok "log (limit): $few of 20" [ "$few" -gt 0 -a "$few" -lt 20 ]
end_recorder

# ---- a reader that does not read ----

mkfifo "$lab_tmp/fifo"
# shellcheck disable=SC2217 # that it does not read is what it is for
sleep 60 <"$lab_tmp/fifo" &
sleeper=$!
lab_pids="$lab_pids $sleeper"
lab_bg fw "$ptfw" log follow -j >"$lab_tmp/fifo" 2>"$lab_tmp/follower"
follower=$lab_last
sleep 0.5
memory() { awk '/^VmRSS/ { print $2 }' "/proc/$follower/status"; }
udp out 2000 10.0.0.1 99
sleep 0.3
before=$(memory)
udp out 60000 10.0.0.1 99
sleep 0.3
after=$(memory)
ok "a reader that does not read costs no memory ($before kB, then $after kB)" [ "$after" -lt "$((before + 2000))" ]
end_follower 'a reader that does not read'
kill "$sleeper"
like "$(cat "$lab_tmp/follower")" '^ptfw: [0-9]+ shown, [0-9]+ lost' 'a reader that does not read: last words'

# ---- nothing lost, or told ----

rm -rf "$store"
hits() { pt rule show -sj | jq '[.rules[] | select(.name == "deny") | .packets] | add'; }
# paced NS RATE SECONDS ADDRESS PORT
paced()
{
	in_ns "$1" python3 -c '
import socket, sys, time
rate, seconds, to, port = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
start, n = time.monotonic(), 0
while n < rate * seconds:
    s.sendto(b"y" * 8, (to, port)); n += 1
    if n % 100 == 0:
        ahead = start + n / rate - time.monotonic()
        if ahead > 0: time.sleep(ahead)
' "$2" "$3" "$4" "$5"
}
# The sum of the recorder's last words, and the losses alone.
told() { awk '/recorded/ { print $1 + $4 }' "$lab_tmp/recorder"; }
lost() { awk '/recorded/ { print $4 }' "$lab_tmp/recorder"; }
told_by_store() { show -o | awk '{ n++; sub(/.* lost=/, ""); lost += $0 } END { print n + lost }'; }

before=$(hits)
record --size 256M
paced out 10000 2 10.0.0.1 99
paced out 10000 1 fd00::1 99
end_recorder
sent=$(($(hits) - before))
is "$sent" 30000 '10,000 a second: they came to the rule'
is "$(told)" "$sent" "10,000 a second: recorded and lost are all ($(lost) lost)"
is "$(told_by_store)" "$sent" '10,000 a second: the store says the same'

rm -rf "$store"
before=$(hits)
record --size 256M
kill -STOP "$recorder"
in_ns out python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.0.0.1", 99))
for i in range(400000):
    try: s.send(b"z" * 8)
    except OSError: pass'
kill -CONT "$recorder"
written() { cat "$store"/filter.pcapng* | wc -c; }
quiet() { now=$(written); sleep 0.5; [ "$now" -gt 100000 ] && [ "$(written)" = "$now" ]; }
lab_wait 60 quiet
# What was lost at the end is known with the next packet.
udp out 1 10.0.0.1 99
end_recorder
sent=$(($(hits) - before))
is "$(told)" "$sent" "a flood while nobody reads: recorded and lost are all ($(lost) of $sent lost)"
isnt "$(lost)" 0 'a flood while nobody reads: some were lost'
is "$(told_by_store)" "$sent" 'a flood while nobody reads: the store says the same'

# ---- a recorder that is killed ----

rm -rf "$store"
for round in 1 2 3 4 5; do
	record
	in_ns out python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.connect(("fd00::1", 99))
for i in range(30000):
    try: s.send(b"k" * 8)
    except OSError: pass' &
	flood=$!
	sleep "0.$((round + 2))"
	kill -KILL "$recorder"
	wait "$recorder" 2>/dev/null
	wait "$flood"
	have=$(count)
	ok "killed ($round): what is there is shown, $have records" [ "$have" -ge "${last:-0}" ]
	last=$have
done
truncate -s -5 "$store/filter.pcapng"
is "$(count)" "$((last - 1))" 'half a block at the end is left out'
record
udp out 3 10.0.0.1 99
wait_for '' "$((last + 2))"
end_recorder
is "$(count)" "$((last + 2))" 'the next recorder goes on behind it'
ok 'and the file is whole' python3 "$lab_tmp/pcapng.py" "$store/filter.pcapng"

done_testing
