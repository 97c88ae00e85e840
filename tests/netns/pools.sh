#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Pools of nat-to and rdr-to, counted at the far side, in both families: turns are exact, chance is fair, a hash and
# sticky-address give a source the same address again, through applies and when the rules are made anew; a server
# that is taken out of the file gets no new connections and keeps the old ones.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 nft jq

# Behind the router: twenty clients, three servers. The pools are routed to it.
lab_ns fw lan out
lab_link fw lan0 lan eth0
lab_link fw eth0 out eth0
lab_addr fw lan0 192.168.1.1/24 fd00:1::1/64
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
clients4='' clients6=''
for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
	clients4="$clients4 192.168.1.$((100 + i))"
	clients6="$clients6 fd00:1::$((100 + i))"
done
# shellcheck disable=SC2046,SC2086
lab_addr lan eth0 $(printf '%s/24 ' $clients4 192.168.1.20 192.168.1.21 192.168.1.22) \
	$(printf '%s/64 ' $clients6 fd00:1::20 fd00:1::21 fd00:1::22)
for via in 192.168.1.1 fd00:1::1; do
	lab_route lan default via "$via"
done
lab_route out 203.0.113.0/24 via 10.0.0.1
lab_route out 2001:db8::/32 via fd00::1
lab_forward fw
lab_settle fw lan out
pt() { in_ns fw "$ptfw" "$@"; }

# Answers with the address that it sees and its own; TCP connections go on as long as the client likes.
cat >"$lab_tmp/serve.py" <<'PY'
import socket, sys, threading
def datagrams(s):
    while True:
        data, peer = s.recvfrom(100)
        s.sendto(("%s %s" % (peer[0], s.getsockname()[0])).encode(), peer)
def talk(c):
    for data in iter(lambda: c.recv(100), b""): c.sendall(c.getsockname()[0].encode())
def streams(s):
    while True: threading.Thread(target=talk, args=(s.accept()[0],), daemon=True).start()
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind, serve in ((socket.SOCK_DGRAM, datagrams), (socket.SOCK_STREAM, streams)):
        s = socket.socket(family, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 7))
        if kind == socket.SOCK_STREAM: s.listen(64)
        threading.Thread(target=serve, args=(s,), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
PY
# ask.py TIMES TO SOURCE...: each source so often, by a new connection each time: "SOURCE SEEN-AS SERVER".
cat >"$lab_tmp/ask.py" <<'PY'
import socket, sys
to, ports = sys.argv[2], open(sys.argv[0] + ".ports", "r+") # none twice: an old state would answer
port = int(ports.read())
for n in range(int(sys.argv[1])):
    for source in sys.argv[3:]:
        s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(1)
        port += 1
        s.bind((source, port))
        s.connect((to, 7))
        answer = "nobody nobody"
        for attempt in range(3): # the first packets wait for neighbours
            try:
                s.send(b"?")
                answer = s.recv(100).decode()
                break
            except OSError: pass
        print(source, answer)
ports.seek(0)
ports.write(str(port))
PY
echo 10000 >"$lab_tmp/ask.py.ports"
# hold.py TO SOURCE: one connection, over which each line of standard input is sent: what comes back.
cat >"$lab_tmp/hold.py" <<'PY'
import socket, sys
s = socket.create_connection((sys.argv[1], 7), 5, (sys.argv[2], 0))
for line in open(sys.argv[3]):
    try:
        s.sendall(b"?")
        print(s.recv(100).decode(), flush=True)
    except OSError as e: print("cut", e, flush=True)
PY
lab_bg out python3 "$lab_tmp/serve.py" 10.0.0.2 fd00::2 >"$lab_tmp/serve.out"
lab_bg lan python3 "$lab_tmp/serve.py" 192.168.1.20 192.168.1.21 192.168.1.22 fd00:1::20 fd00:1::21 fd00:1::22 \
	>"$lab_tmp/serve.lan"
for ns in out lan; do
	lab_wait 10 grep -q ready "$lab_tmp/serve.$ns" || echo "Bail out! no servers in $ns"
done

conf=$lab_tmp/patronus.conf
# rules RULE...: put in force, with nothing else but what lets packets through.
rules()
{
	{
		cat <<-CONF
		interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
		interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }
		table servers { const = true addresses = { "192.168.1.20", "192.168.1.21", "192.168.1.22",
			"fd00:1::20", "fd00:1::21", "fd00:1::22" } }
		firewall { rules = { "pass in on lan", "pass out on lan",
		CONF
		printf "'%s',\n" "$@"
		echo '} }'
	} >"$conf"
	pt -q apply -f "$conf" || diag "the rules are not taken: $*"
}

# To the far side, from clients, of which $2 may name many: what it saw.
# shellcheck disable=SC2086
ask() { in_ns lan python3 "$lab_tmp/ask.py" "$1" "$far" $2; }
# From the far side to the router.
call() { in_ns out python3 "$lab_tmp/ask.py" "$1" "$own" "$far"; }
# Lines of "ADDRESS TIMES", of word N.
count() { awk -v n="$1" '{ c[$n]++ } END { for (a in c) print a, c[a] }' | sort | tr '\n' ' ' | sed 's/ $//'; }
# How many sources got more than one address.
fickle() { sort -u | awk '{ c[$1]++ } END { for (a in c) n += c[a] > 1; print n + 0 }'; }
first() { echo "$1" | cut -d' ' -f"$2" | head -1; }

for v in 4 6; do
	if [ $v = 4 ]; then
		inet=inet clients=$clients4 far=10.0.0.2 own=10.0.0.1 lan=192.168.1.0/24 net=203.0.113. p29=203.0.113.8/29
		p24=203.0.113.0/24 servers=192.168.1.
	else
		inet=inet6 clients=$clients6 far=fd00::2 own=fd00::1 lan=fd00:1::/64 net=2001:db8:: p29=2001:db8::8/125
		p24=2001:db8:0:1::/64 servers=fd00:1::
	fi
	# shellcheck disable=SC2086
	set -- $clients
	one=$1

	# ---- turns ----
	rules "pass out on wan $inet from $lan nat-to { ${net}5, ${net}7, ${net}9 }"
	is "$(ask 12 "$one" | count 2)" "${net}5 4 ${net}7 4 ${net}9 4" "$inet: a list takes turns when nothing is said"
	before=$(in_ns fw nft -a list table inet patronus)
	pt -q apply -f "$conf"
	is "$(in_ns fw nft -a list table inet patronus)" "$before" "$inet: the same file again writes nothing"
	rules "pass out on wan $inet from $lan nat-to { ${net}5 weight 2, ${net}7 } round-robin"
	is "$(ask 12 "$one" | count 2)" "${net}5 8 ${net}7 4" "$inet: weight 2 is twice as often chosen"
	rules "pass out on wan $inet from $lan nat-to $p29 round-robin"
	is "$(ask 16 "$one" | awk '{ print $2 }' | sort | uniq -c | awk '$1 == 2' | wc -l)" 8 "$inet: a prefix takes turns"

	# ---- chance ----
	rules "pass out on wan $inet from $lan nat-to $p29 random"
	# Eight addresses, fifty times each: the sum of squares is beyond 70 once in 10^12 times.
	ask 20 "$clients" | awk '{ c[$2]++ } END { for (a in c) { n++; x += (c[a] - 50) ^ 2 / 50 } print n, x < 70 }' \
		>"$lab_tmp/chance"
	is "$(cat "$lab_tmp/chance")" "8 1" "$inet: random is fair over a prefix"
	rules "pass out on wan $inet from $lan nat-to { ${net}5, ${net}7, ${net}9, ${net}11 } random"
	ask 20 "$clients" | awk '{ c[$2]++ } END { for (a in c) { n++; x += (c[a] - 100) ^ 2 / 100 } print n, x < 65 }' \
		>"$lab_tmp/chance"
	is "$(cat "$lab_tmp/chance")" "4 1" "$inet: random is fair over a list"

	# ---- a hash of the source ----
	rules "pass out on wan $inet from $lan nat-to { $p29, ${net}20 - ${net}30 } source-hash \"key\""
	ask 50 "$one" >"$lab_tmp/one"
	is "$(count 2 <"$lab_tmp/one" | cut -d' ' -f2-)" 50 "$inet: source-hash: fifty connections, one address"
	ask 1 "$clients" >"$lab_tmp/hash.1"
	isnt "$(count 2 <"$lab_tmp/hash.1" | wc -w)" 2 "$inet: source-hash: others get others"
	rules "pass out on wan $inet from $lan nat-to { $p29, ${net}20 - ${net}30 } source-hash \"key\"" "pass in on wan proto tcp"
	ask 1 "$clients" >"$lab_tmp/hash.2"
	is "$(cat "$lab_tmp/hash.2")" "$(cat "$lab_tmp/hash.1")" "$inet: source-hash: the same after an apply"
	in_ns fw nft delete table inet patronus
	pt -q apply -f "$conf"
	is "$(ask 1 "$clients")" "$(cat "$lab_tmp/hash.1")" "$inet: source-hash: the same when all is made anew"
	rules "pass out on wan $inet from $lan nat-to { $p29, ${net}20 - ${net}30 } source-hash \"another\""
	isnt "$(ask 1 "$clients")" "$(cat "$lab_tmp/hash.1")" "$inet: source-hash: another key, other addresses"

	# ---- host bits ----
	rules "pass out on wan $inet from $lan nat-to $p24 bitmask static-port"
	is "$(ask 1 "$clients" | awk '{ n = split($1, a, /[.:]/); m = split($2, b, /[.:]/); print a[n] == b[m] }' | sort -u)" 1 \
		"$inet: bitmask keeps the host"

	# ---- a source keeps its address ----
	rules "pass out on wan $inet from $lan nat-to $p24 random sticky-address"
	ask 4 "$clients" >"$lab_tmp/sticky.1"
	is "$(awk '{ print $1, $2 }' "$lab_tmp/sticky.1" | fickle)" 0 "$inet: sticky-address: one address for each source"
	isnt "$(awk '{ print $2 }' "$lab_tmp/sticky.1" | sort -u | wc -l)" 1 "$inet: sticky-address: not the same one for all"
	ok "$inet: sticky-address: nft lists it" in_ns fw nft list table inet patronus
	before=$(pt -n apply -f "$conf" 2>&1)
	unlike "$before" '(add|delete|change) ' "$inet: sticky-address: the same file again writes nothing"
	rules "pass out on wan $inet from $lan nat-to $p24 random sticky-address" "pass in on wan proto tcp"
	ask 1 "$clients" >>"$lab_tmp/sticky.1"
	is "$(awk '{ print $1, $2 }' "$lab_tmp/sticky.1" | fickle)" 0 "$inet: sticky-address: kept through an apply"
	map=$(in_ns fw nft list maps inet | sed -n 's/.*map \(sticky[^ ]*\) .*/\1/p')
	mkfifo "$lab_tmp/hold.$v"
	exec 8<>"$lab_tmp/hold.$v"
	lab_bg lan python3 "$lab_tmp/hold.py" "$far" "$one" "$lab_tmp/hold.$v" >"$lab_tmp/held.$v"
	held=$lab_last
	echo >&8
	lab_wait 5 test -s "$lab_tmp/held.$v"
	in_ns fw nft flush map inet patronus "$map"
	echo >&8
	lab_wait 5 sh -c "[ \$(wc -l <'$lab_tmp/held.$v') = 2 ]"
	is "$(ask 3 "$one" | count 2)" "$(awk -v s="$one" '$1 == s { print $2, 3; exit }' "$lab_tmp/sticky.1")" \
		"$inet: sticky-address: kept while packets of a connection pass"
	lab_stop "$held"
	exec 8>&-
	in_ns fw nft flush map inet patronus "$map"
	ask 1 "$clients" >>"$lab_tmp/sticky.1"
	isnt "$(awk '{ print $1, $2 }' "$lab_tmp/sticky.1" | fickle)" 0 "$inet: sticky-address: forgotten when its time is over"
	rules "pass out on wan $inet from $lan nat-to $p29 random sticky-address"
	ask 2 "$clients" >"$lab_tmp/sticky.2"
	is "$(awk '{ print $1, $2 }' "$lab_tmp/sticky.2" | fickle)" 0 "$inet: sticky-address: a changed pool begins anew"
	isnt "$(count 2 <"$lab_tmp/sticky.2")" "$(count 2 <"$lab_tmp/sticky.1")" "$inet: sticky-address: by addresses of the new pool"

	# ---- servers ----
	rules "pass in on wan $inet proto { tcp, udp } to (wan) port 7 rdr-to { ${servers}20, ${servers}21, ${servers}22 }"
	is "$(call 12 | count 3)" "${servers}20 4 ${servers}21 4 ${servers}22 4" "$inet: rdr-to takes turns over three servers"
	held=
	for n in 1 2 3; do
		mkfifo "$lab_tmp/flow.$v.$n"
	done
	exec 5<>"$lab_tmp/flow.$v.1" 6<>"$lab_tmp/flow.$v.2" 7<>"$lab_tmp/flow.$v.3"
	for n in 1 2 3; do
		lab_bg out python3 "$lab_tmp/hold.py" "$own" "$far" "$lab_tmp/flow.$v.$n" >"$lab_tmp/flowed.$v.$n"
		held="$held $lab_last"
	done
	for fd in 5 6 7; do echo >&$fd; done
	lab_wait 5 sh -c "[ \$(cat '$lab_tmp'/flowed.$v.* | wc -l) = 3 ]"
	is "$(cat "$lab_tmp"/flowed."$v".* | sort | tr '\n' ' ')" "${servers}20 ${servers}21 ${servers}22 " "$inet: three connections, three servers"
	cat "$lab_tmp"/flowed."$v".* >"$lab_tmp/at.first"
	rules "pass in on wan $inet proto { tcp, udp } to (wan) port 7 rdr-to { ${servers}20, ${servers}21 }"
	for fd in 5 6 7; do echo >&$fd; done
	lab_wait 5 sh -c "[ \$(cat '$lab_tmp'/flowed.$v.* | wc -l) = 6 ]"
	is "$(sort "$lab_tmp"/flowed."$v".* | uniq -c | awk '{ print $1, $2 }' | tr '\n' ' ')" "2 ${servers}20 2 ${servers}21 2 ${servers}22 " \
		"$inet: connections to a server that is taken out go on"
	is "$(call 12 | count 3)" "${servers}20 6 ${servers}21 6" "$inet: new ones go to the others"
	for pid in $held; do lab_stop "$pid"; done
	exec 5>&- 6>&- 7>&-
	rules "pass in on wan $inet proto udp to (wan) port 7 rdr-to <servers> port 7 round-robin"
	is "$(call 12 | count 3)" "${servers}20 4 ${servers}21 4 ${servers}22 4" "$inet: a constant table as a pool"
	rules "pass in on wan $inet proto udp to (wan) port 7 rdr-to <servers> sticky-address"
	is "$(call 12 | count 3 | cut -d' ' -f2-)" 12 "$inet: rdr-to keeps a client at its server"
	ok "$inet: rdr-to: nft lists it" in_ns fw nft list table inet patronus
	rules "pass in on wan $inet proto udp to (wan) port 7 rdr-to <servers> source-hash"
	is "$(call 12 | count 3 | cut -d' ' -f2-)" 12 "$inet: rdr-to by a hash of the client"
	like "$(pt nat show -j | jq -c '.translations[] | [.pool, .sticky, .target]')" \
		"source-hash.*${servers}20-${servers}22" "$inet: nat show tells the pool"
done

done_testing
