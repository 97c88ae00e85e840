#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag why: each step on the way to a host is made to fail, in IPv4 and in IPv6, and is the one where the walk stops, with what was
# done to it in the evidence; mended, the host is reached again.
#
#     a .2 ---- .1 r1 .1 ---- .2 r2 .1 ---- .80 h
#       192.0.2     198.51.100     203.0.113
#       2001:db8:a  2001:db8:b     2001:db8:c
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs nft jq python3

lab_ns a r1 r2 h
lab_link a eth0 r1 eth0
lab_link r1 eth1 r2 eth0
lab_link r2 eth1 h eth0
lab_addr a eth0 192.0.2.2/24 2001:db8:a::2/64
lab_addr r1 eth0 192.0.2.1/24 2001:db8:a::1/64
lab_addr r1 eth1 198.51.100.1/24 2001:db8:b::1/64
lab_addr r2 eth0 198.51.100.2/24 2001:db8:b::2/64
lab_addr r2 eth1 203.0.113.1/24 2001:db8:c::1/64
lab_addr h eth0 203.0.113.80/24 2001:db8:c::80/64
for gateway in 192.0.2.1 2001:db8:a::1; do
	lab_route a default via "$gateway"
done
lab_route r1 203.0.113.0/24 via 198.51.100.2
lab_route r1 2001:db8:c::/64 via 2001:db8:b::2
lab_route r2 192.0.2.0/24 via 198.51.100.1
lab_route r2 2001:db8:a::/64 via 2001:db8:b::1
lab_route h default via 203.0.113.1
lab_route h default via 2001:db8:c::1
lab_forward r1
lab_forward r2
lab_settle a r1 r2 h
# Who does not answer is given up soon, and errors are not rationed.
for ns in a r1 r2; do
	# shellcheck disable=SC2016
	in_ns "$ns" sh -c 'for f in /proc/sys/net/ipv[46]/neigh/*/retrans_time_ms; do echo 200 >"$f"; done'
done
for ns in r1 r2 h; do
	in_ns "$ns" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
done
in_ns r1 ip link set eth0 address 02:00:00:00:00:01
in_ns r1 ip -6 address add 2001:db8:a::1/64 dev eth0 nodad 2>/dev/null
mac='02:00:00:00:00:01'

# Port 80 is open, 53 of UDP echoes, 54 says nothing, all others refuse.
cat >"$lab_tmp/host.py" <<'PYTHON'
import select, socket
tcp, udp, quiet = [], [], []
for f, a in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
    for kind, port, where in ((socket.SOCK_STREAM, 80, tcp), (socket.SOCK_DGRAM, 53, udp), (socket.SOCK_DGRAM, 54, quiet)):
        s = socket.socket(f, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ':' in a:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((a, port))
        if kind == socket.SOCK_STREAM:
            s.listen(10)
        where.append(s)
print('ready', flush=True)
while True:
    for s in select.select(tcp + udp, [], [])[0]:
        if s in tcp:
            s.accept()[0].close()
        else:
            data, who = s.recvfrom(2000)
            s.sendto(data + b'!', who)
PYTHON
lab_bg h python3 "$lab_tmp/host.py" >"$lab_tmp/host"

# Names of the zone lab; other ones are not there.
cat >"$lab_tmp/dns.py" <<'PYTHON'
import ipaddress, socket, struct
names = {b'www': ['203.0.113.80', '2001:db8:c::80'], b'four': ['203.0.113.80'], b'six': ['2001:db8:c::80'], b'null': ['0.0.0.0', '::'],
         b'group': ['224.0.0.5'], b'many': ['203.0.113.%d' % i for i in range(80, 120)], b'half': ['203.0.113.80', '2001:db8:dead::1']}
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.1', 53))
print('ready', flush=True)
while True:
    q, who = s.recvfrom(4096)
    end = 12
    while q[end]:
        end += q[end] + 1
    kind = struct.unpack('>H', q[end + 1:end + 3])[0]
    list = names.get(q[13:13 + q[12]].lower())
    data = [ipaddress.ip_address(a).packed for a in list or []]
    data = [d for d in data if (kind, len(d)) in ((1, 4), (28, 16))]
    out = q[:2] + struct.pack('>HHHHH', 0x8580 if list else 0x8583, 1, len(data), 0, 0) + q[12:end + 5]
    for d in data:
        out += b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60, len(d)) + d
    s.sendto(out, who)
PYTHON
lab_bg r1 python3 "$lab_tmp/dns.py" >"$lab_tmp/dns"
lab_wait 10 grep -q ready "$lab_tmp/host"
lab_wait 10 grep -q ready "$lab_tmp/dns"
printf 'nameserver 192.0.2.1\noptions timeout:1 attempts:1\n' >"$lab_tmp/resolv.conf"
[ -z "$lab_mounts" ] || in_ns a mount --bind "$lab_tmp/resolv.conf" /etc/resolv.conf

why() { in_ns a "$ptdiag" why "$@"; }

# reaches NAME ARGUMENT...: status 0, and no step stops
reaches()
{
	name=$1
	shift
	rc=0
	why "$@" -j >"$lab_tmp/out" 2>"$lab_tmp/err" || rc=$?
	is "$rc $(jq -r '[.reachable, ([.steps[] | select(.outcome == "stopped") | .step] | join(","))] | join(" ")' "$lab_tmp/out")" '0 true ' "$name"
	tap_out=$(jq -r '.steps[] | "\(.step) \(.text) (\(.seen))"' "$lab_tmp/out")
}

# stops STEP REGEX NAME ARGUMENT...: status 3, the walk ends with STEP, and what it says of it
stops()
{
	step=$1
	regex=$2
	name=$3
	shift 3
	rc=0
	why "$@" -j >"$lab_tmp/out" 2>"$lab_tmp/err" || rc=$?
	got=$(jq -r '.steps[-1] | "\(.step) \(.outcome)"' "$lab_tmp/out")
	is "$rc $got" "3 $step stopped" "$name: it stops there"
	like "$(jq -r '.steps[-1] | "\(.text) | \(.seen) | \(.next)"' "$lab_tmp/out")" "$regex" "$name: it says why"
	[ "$rc $got" = "3 $step stopped" ] || diag "$(cat "$lab_tmp/out" "$lab_tmp/err")"
}

# filter NS RULE: the rule, in a table that is gone with `filter NS`
filter()
{
	in_ns "$1" nft delete table inet why 2>/dev/null
	[ $# -eq 1 ] || in_ns "$1" nft "add table inet why; add chain inet why f { type filter hook $2 priority 0; }; add rule inet why f $3"
}

rules()
{
	printf 'interface wan { device = "eth0" }\nfirewall { rules = {\n' >"$lab_tmp/fw.conf"
	for rule in "$@"; do
		printf '\t"%s",\n' "$rule" >>"$lab_tmp/fw.conf"
	done
	printf '} }\n' >>"$lab_tmp/fw.conf"
	ok "rules are in force: $*" in_ns a "$build/ptfw" apply -f "$lab_tmp/fw.conf"
}

# A gateway that goes and comes back has to be learned anew.
forget() { in_ns a ip neigh flush all; in_ns a ip -6 neigh flush all; }

# ---- each step, in both families ----
for af in 4 6; do
	if [ $af = 4 ]; then
		host=203.0.113.80 gateway=192.0.2.1 nobody=192.0.2.99 hop2=198.51.100.2 len=32 icmp=icmp
	else
		host=2001:db8:c::80 gateway=2001:db8:a::1 nobody=2001:db8:a::99 hop2=2001:db8:b::2 len=128 icmp=icmpv6
	fi
	net=$(echo $host | sed 's/80$/0/; s/::0$/::/')
	reaches "IPv$af: a host" $host
	like "$tap_out" "^route via $gateway on eth0 from .*2, route default" 'its route'
	like "$tap_out" "^neighbour $gateway is $mac on eth0, reachable" 'the gateway and its link address'
	like "$tap_out" '^mtu packets of 1500 bytes come through' 'and long packets'
	fits "$lab_tmp/out" why 'as the schema says'
	reaches "IPv$af: a port" $host 80
	reaches "IPv$af: a port of UDP" $host 53 udp
	reaches "IPv$af: on the link itself" $gateway
	in_ns a ip -$af neigh flush all
	reaches "IPv$af: by the name of the service" $host http on eth0
	reaches "IPv$af: this machine" "$(in_ns a ip -$af -o address show dev eth0 scope global | sed 's/.*inet6* \([^/]*\).*/\1/')"
	like "$tap_out" '^route .* is an address of this machine itself' 'which is told'

	# route
	in_ns a ip -$af route del default
	stops route 'there is no route to .* ptnet -'$af' route show' "IPv$af: no route" $host
	for type in blackhole unreachable prohibit; do
		in_ns a ip -$af route add $type "$net/$((len * 3 / 4))" metric 5
		stops route "$type.*route $type .* of table 254" "IPv$af: a route that is a $type" $host
		in_ns a ip -$af route del $type "$net/$((len * 3 / 4))" metric 5
	done
	lab_route a default via $gateway
	in_ns a ip -$af rule add to $host prohibit priority 100
	stops route 'by a rule for routes.*rule 100: .*prohibit' "IPv$af: a rule that forbids" $host
	in_ns a ip -$af rule del to $host prohibit priority 100
	in_ns a ip -$af rule add to $host lookup 77 priority 100
	in_ns a ip -$af route add blackhole default table 77
	stops route 'blackhole.*of table 77, asked by rule 100: .*lookup 77' "IPv$af: a blackhole in another table" $host
	in_ns a ip -$af route del blackhole default table 77
	in_ns a ip -$af route add default via $gateway table 77
	reaches "IPv$af: by another table" $host
	like "$tap_out" '^route .* of table 77 \(rule 100: .*lookup 77\)' 'which is told, and who asks it'
	in_ns a ip -$af rule del to $host lookup 77 priority 100
	in_ns a ip -$af route flush table 77
	in_ns a ip link set eth0 down
	stops route 'switched off: eth0' "IPv$af: the device is off" $host
	stops route 'the device eth0 is switched off' "IPv$af: the device that is asked for is off" $host on eth0
	in_ns a ip link set eth0 up
	in_ns a ip address replace 2001:db8:a::2/64 dev eth0 nodad
	lab_settle a
	in_ns a ip route replace default via 192.0.2.1
	in_ns a ip route replace default via 2001:db8:a::1
	stops route 'there is no device nope0' "IPv$af: a device that is not there" $host on nope0

	# neighbour
	in_ns a ip -$af route replace default via $nobody
	stops neighbour "the gateway $nobody does not answer on eth0" "IPv$af: the gateway is silent" $host
	in_ns a ip -$af route replace default via $gateway
	stops neighbour "^$nobody does not answer on eth0" "IPv$af: a host on the link is silent" $nobody

	in_ns a ip neigh replace $nobody lladdr 02:00:00:00:00:99 dev eth0 nud stale
	stops neighbour "^$nobody does not answer on eth0" "IPv$af: what is known of it is old, and it has gone" $nobody
	in_ns a ip neigh replace $nobody lladdr 02:00:00:00:00:99 dev eth0 nud permanent
	stops answer 'does not answer echo requests.*no router on the way answers' "IPv$af: what is known of it for ever is believed" $nobody timeout 1s
	in_ns a ip neigh del $nobody dev eth0
	in_ns r1 ip link set eth0 down
	lab_wait 5 in_ns a sh -c 'ip link show eth0 | grep -q NO-CARRIER'
	stops route 'leaves by eth0, which has no carrier|there is no route' "IPv$af: no carrier" $host
	in_ns r1 ip link set eth0 up
	in_ns r1 ip address replace 2001:db8:a::1/64 dev eth0 nodad
	lab_settle a r1

	# rules
	rules 'pass out' "block return out proto tcp to any port 80 label web" 'block in'
	stops rules "own rules block tcp port 80.*fw.conf:4: block return out .*ptfw -d explain out eth0 tcp" "IPv$af: a rule blocks" $host 80
	# shellcheck disable=SC2046
	exits 3 'what it says to run next runs, and says the same' in_ns a "$build/ptfw" $(jq -r '.steps[-1].next' "$lab_tmp/out" | sed 's/^ptfw //')
	like "$tap_out" 'fw.conf:4' 'of the same rule'
	fits "$lab_tmp/out" why 'the schema has such an end, too'
	reaches "IPv$af: another port has another rule" $host 53 udp
	like "$tap_out" '^rules .*fw.conf:3: pass out.*answer comes back in by its state' 'which is told'
	rules 'pass out' 'block return out proto tcp to any port 80 user 1234' 'block in'
	reaches "IPv$af: a rule for a user" $host 80
	like "$tap_out" '^rules .*fw.conf:3: pass out.*may be another for some users or packets: .*fw.conf:4: block return' 'is told, for it may be theirs'
	rules 'block out' 'pass out proto tcp to any port 80 user 65534' 'block in'
	reaches "IPv$af: a rule that passes one user only" $host 80
	like "$(jq -r '.steps[] | select(.step == "rules") | "\(.outcome) \(.text)"' "$lab_tmp/out")" '^unknown whether the rules block tcp port 80 depends on who sends' \
		'leaves it open'
	rules 'pass out no state' 'block in'
	stops rules "block the answer.*fw.conf:4: block in.*explain in eth0" "IPv$af: the answer is blocked" $host
	ok 'stop' in_ns a "$build/ptfw" stop
	why $host >"$lab_tmp/out" 2>&1
	like "$(cat "$lab_tmp/out")" '^rules +not known: .*' "IPv$af: rules without a file cannot be asked"
	ok 'stop' in_ns a "$build/ptfw" stop --open
	in_ns a nft flush ruleset

	# another packet filter
	filter a output "meta l4proto { tcp, $icmp } drop"
	stops answer 'this machine does not let echo requests out: another packet filter' "IPv$af: somebody else drops it" $host
	stops answer 'this machine does not let tcp port 80 out' "IPv$af: the same of a port" $host 80 timeout 1s
	filter a

	# the answer
	stops answer 'refuses tcp port 81.*a reset' "IPv$af: nobody listens" $host 81
	stops answer 'refuses udp port 81' "IPv$af: nobody listens by UDP" $host 81 udp
	stops answer "$hop2 on the way says that .*unreachable" "IPv$af: a host that is not there, far away" "${host%80}81"
	filter h input "$icmp type echo-request drop"
	stops answer 'does not answer echo requests.*no answer to 3' "IPv$af: a host that is silent" $host timeout 1s
	reaches "IPv$af: it may have an open port" $host 80
	filter h
	filter r2 forward 'tcp dport 80 drop'
	stops answer "does not answer on tcp port 80: it is filtered.*the last that answers a trace is $hop2, hop 2" "IPv$af: filtered on the way" \
		$host 80 timeout 1s
	filter r2 forward 'meta l4proto tcp reject with icmpx admin-prohibited'
	stops answer "^$hop2 says no to tcp port 80: .*prohibited" "IPv$af: forbidden on the way" \
		$host 80
	filter r2
	exits 5 "IPv$af: UDP that says nothing" why $host 54 udp timeout 1s
	like "$tap_out" 'answer +not known: .* says nothing on udp port 54: it is open and silent, or filtered' 'is no answer'

	# the MTU
	in_ns r1 ip link set eth1 mtu 1400
	reaches "IPv$af: a shorter link on the way" $host
	like "$tap_out" "^mtu packets of 1400 bytes come through \($gateway tells that longer ones do not\)" 'is told by the router before it'
	in_ns a python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 54))
for i in range(3):
    try: s.send(b"x" * 1440)
    except OSError: pass
    time.sleep(0.1)' $host
	reaches "IPv$af: again" $host
	like "$tap_out" '^mtu packets of 1400 bytes come through \(the kernel learned this MTU' 'the kernel has learned it'
	in_ns a ip -$af route flush cache
	in_ns r1 ip link set eth1 mtu 1500
	filter r1 forward 'meta length > 1300 drop'
	stops mtu "packets longer than 1300 bytes are lost" "IPv$af: long packets vanish" $host timeout 1s
	stops mtu "packets longer than 1300 bytes are lost" "IPv$af: the same for a port" $host 80 timeout 1s
	filter r1
	filter a output 'meta length > 1300 drop'
	reaches "IPv$af: long packets that this machine itself does not send" $host
	like "$(jq -r '.steps[-1] | "\(.outcome) \(.seen)"' "$lab_tmp/out")" '^unknown this machine does not send a packet of that size' 'are no fault of the way'
	filter a
done

# ---- answers that come in by another device than the one that leads back, which IPv4 can be told to drop ----
lab_link a eth1 r2 eth2
lab_addr a eth1 192.0.3.2/24
lab_addr r2 eth2 192.0.3.1/24
lab_settle a r2
in_ns a ip route add default via 192.0.3.1 dev eth1 metric 100
strict() { in_ns a sh -c "echo $2 >/proc/sys/net/ipv4/conf/$1/rp_filter"; }
for all in 0 1; do
	strict all $all
	strict eth1 $((1 - all))
	dropped="drops what 203.0.113.80 answers by eth1: its own way there leads by eth0 \\| rp_filter is strict \(all $all, eth1 $((1 - all))\); "
	stops answer "$dropped.* \\| sysctl net.ipv4.conf.eth1.rp_filter=2\$" 'the device that was asked for' 203.0.113.80 on eth1 timeout 1s
	stops answer "$dropped.*within 1s" 'for a port' 203.0.113.80 80 on eth1 timeout 1s
	stops answer "$dropped" 'the address of another device' 203.0.113.80 80 from 192.0.3.2 timeout 1s
	filter r2 forward 'ip daddr 203.0.113.80 drop'
	stops answer 'does not answer' 'what is silent anyhow' 203.0.113.80 80 timeout 1s
	unlike "$(cat "$lab_tmp/out")" rp_filter 'is no matter of that'
	filter r2
done
in_ns a ip rule add from 192.0.3.2 lookup 77
in_ns a ip route add default via 192.0.3.1 dev eth1 table 77
reaches 'a rule that leads back by the same device' 203.0.113.80 80 on eth1
in_ns a ip rule delete from 192.0.3.2 lookup 77
strict all 2
reaches 'a filter that asks only whether there is a way' 203.0.113.80 80 on eth1
in_ns a ip route delete default via 192.0.2.1
strict all 1
reaches 'one that has one way only' 203.0.113.80 80 on eth1
in_ns a ip route add default via 192.0.2.1
strict all 0
strict eth1 0
reaches 'no filter' 203.0.113.80 80 from 192.0.3.2
in_ns a ip link delete eth1

# ---- link-local addresses have a device with them ----
local=$(in_ns r1 ip -6 -o address show dev eth0 scope link | sed 's/.*inet6 \([^/]*\).*/\1/')
reaches 'a link-local address' "$local%eth0"
like "$tap_out" '^route directly on eth0 from fe80:' 'by its device'
reaches 'and on the device' "$local" on eth0
exits 2 'a device that is not there' why "$local%nope0"

# ---- translation ----
in_ns a ip address add 192.0.2.22/24 dev eth0
in_ns a ip address add 2001:db8:a::22/64 dev eth0 nodad
rules 'pass out' 'match out on wan inet nat-to 192.0.2.22' 'match out on wan inet6 nat-to 2001:db8:a::22' 'block in'
for af in 4 6; do
	host=203.0.113.80 new=192.0.2.22
	[ $af = 4 ] || host=2001:db8:c::80 new=2001:db8:a::22
	reaches "IPv$af: with another source" $host 80
	like "$tap_out" "^nat its source .* becomes $new" 'which is told'
done
ok 'stop' in_ns a "$build/ptfw" stop --open
in_ns a nft flush ruleset

# ---- names ----
if [ -n "$lab_mounts" ]; then
	reaches 'a name' www.lab 80
	like "$tap_out" '^name www.lab is .*203.0.113.80' 'its IPv4 address'
	like "$tap_out" '^name www.lab is .*2001:db8:c::80' 'and its IPv6 address'
	is "$(jq -r '[.addresses[].address] | sort | join(",")' "$lab_tmp/out")" '2001:db8:c::80,203.0.113.80' 'are both walked to'
	reaches '-4' -4 www.lab
	is "$(jq -r '[.addresses[].address] | join(",")' "$lab_tmp/out")" 203.0.113.80 'has one'
	reaches 'from chooses the family' www.lab from 2001:db8:a::2
	is "$(jq -r '[.addresses[].address] | join(",")' "$lab_tmp/out")" 2001:db8:c::80 'of its own'
	stops name 'nothere.lab has no address: .*/etc/resolv.conf asks 192.0.2.1 .*ptdiag dns nothere.lab all' 'no such name' nothere.lab
	fits "$lab_tmp/out" why 'the schema has an end without addresses'
	stops name 'four.lab has no IPv6 address' 'no such address' -6 four.lab
	stops route 'stands for no host' 'a name that somebody blocks' -4 null.lab
	stops route 'stands for no host' 'the same in IPv6' -6 null.lab
	stops route 'a group of hosts' 'a group' group.lab
	reaches 'a name with very many addresses' many.lab
	exits 0 'one family that works is enough' why half.lab 80
	like "$tap_out" 'is reached' 'it is said which is'
	like "$tap_out" 'is not reached: answer' 'and which is not'
	printf 'nameserver 192.0.2.99\noptions timeout:1 attempts:1\n' >"$lab_tmp/resolv.conf"
	stops name 'www.lab has no address: .*asks 192.0.2.99' 'no server answers' www.lab
	printf 'nameserver 192.0.2.1\n' >"$lab_tmp/resolv.conf"
else
	skip 'mounts are not private here: resolv.conf would be the host'"'"'s' 'names'
fi

# ---- what the manual shows ----
filter r2 forward 'tcp dport 443 drop'
[ -z "$lab_mounts" ] || is "$(in_ns a "$ptdiag" -4 why www.lab 443)" "$(manual man/ptdiag.8 'ptdiag -4 why www.lab 443')" 'ptdiag(8) shows what comes'
filter r2
in_ns a ip route add blackhole 203.0.113.8/29
is "$(why 203.0.113.9)" "$(manual man/ptdiag.8 'ptdiag why 203.0.113.9')" 'ptdiag(8) shows what comes of a blackhole'
in_ns a ip route del blackhole 203.0.113.8/29

# ---- Ctrl-C ends it with what was seen; nothing is kept of root by then ----
filter r2 forward 'tcp dport 443 drop'
lab_bg a "$ptdiag" why 203.0.113.80 443 timeout 60s >/dev/null 2>&1
status=/proc/$lab_last/status
lab_wait 10 grep -q '^Seccomp:[[:space:]]*2' "$status"
is "$(awk '/^(Uid|CapEff|CapPrm|NoNewPrivs|Seccomp):/ { printf "%s%s ", $1, $2 }' "$status")" \
	'Uid:65534 CapPrm:0000000000000000 CapEff:0000000000000000 NoNewPrivs:1 Seccomp:2 ' 'privileges are given away before anything is heard'
lab_stop "$lab_last"
for how in '' -j; do
	rc=0
	# shellcheck disable=SC2086
	in_ns a timeout -s INT 3 "$ptdiag" why 203.0.113.80 443 timeout 60s $how >"$lab_tmp/out" 2>&1 || rc=$?
	is "$rc" 124 'the signal came' # of timeout(1), which tells so
	if [ -n "$how" ]; then
		is "$(jq -r '[.interrupted, .reachable, .steps[-1].step] | join(" ")' "$lab_tmp/out")" 'true false nat' 'which is told, with the steps before'
	else
		like "$(cat "$lab_tmp/out")" '^203.0.113.80 is perhaps reached' 'nothing is claimed'
	fi
done
filter r2

# ---- hostile hosts, and wrong words ----
for host in '; reboot' '-oProxyCommand=x' "$(printf 'a\nb')" "$(printf 'a\033]0;x\007')" '' 'a..b' "$(printf '%0300d' 0)"; do
	exits 1 'refused' why -- "$host"
	is "$(printf '%s' "$tap_out" | tr -d '\n -~' | wc -c)" 0 'and nothing of it reaches the terminal raw'
done
if command -v strace >/dev/null; then
	in_ns a strace -f -e trace=execve,execveat,fork,vfork -o "$lab_tmp/strace" "$ptdiag" why '; reboot' >/dev/null 2>&1
	is "$(grep -c 'exec' "$lab_tmp/strace")" 1 'no program is started'
fi
exits 1 'a port that is none' why 192.0.2.1 65536
exits 3 'a service whose name begins as a word does' why 203.0.113.80 time
like "$tap_out" 'tcp port 37' 'is a port'
reaches 'a shortened word' 203.0.113.80 ti 2s
exits 1 'a word that is none' why 192.0.2.1 80 frm
exits 1 'UDP without a port' why 192.0.2.1 udp
exits 1 'two families' why -6 www.lab from 192.0.2.2
stops route 'no address of this machine' 'an address of somebody else' 203.0.113.80 from 192.0.2.77

# ---- without privileges ----
in_ns a sh -c 'echo "1 0" >/proc/sys/net/ipv4/ping_group_range'
as_nobody() { in_ns a setpriv --reuid 65534 --regid 65534 --clear-groups "$ptdiag" why "$@"; }
exits 0 'a user gets as far as an open port' as_nobody 203.0.113.80 80
like "$tap_out" '^rules +not known: .*' 'does not know the rules'
like "$tap_out" 'needs CAP_NET_ADMIN' 'and why'
if in_ns a unshare -Ur true 2>/dev/null; then
	exits 0 'root of a user namespace only is a user' in_ns a unshare -Ur "$ptdiag" why 203.0.113.80 80
	like "$tap_out" '^rules +not known: .*' 'who does not know the rules either'
	like "$tap_out" 'needs CAP_NET_ADMIN' 'and why'
else
	skip 'no user namespaces here' 'root of a user namespace'
fi
exits 4 'may not ask a host' as_nobody 203.0.113.80
like "$tap_out" '^answer +not known: .*' 'which is told'
forget
exits 0 'has the gateway asked for by a datagram' as_nobody 203.0.113.80 80
like "$tap_out" "^neighbour +192.0.2.1 is $mac" 'and sees it'
forget
filter a output 'meta l4proto { tcp, udp } drop'
exits 3 'rules that it cannot read are in the way' as_nobody 203.0.113.80 80
like "$tap_out" '^neighbour +not known: 192.0.2.1 could not be asked for: .*own rules' 'of the question for the gateway, which is no fault of it'
like "$tap_out" 'answer +stops here: .* filtered' 'and of the packet'
like "$tap_out" "this machine's own rules drop datagrams to that port" 'as far as can be seen'
filter a
done_testing
