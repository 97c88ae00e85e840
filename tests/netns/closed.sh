#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What could get through although no rule lets it: discovery and DHCP as a tunnel, errors that write the labels
# of others' connections, translations gone missing, forged tags. And what must go on meanwhile. Real
# packets, both families, with the built-in classifier and with chains.
#
#     out  10.0.0.2 fd00::2 ---- eth0 [ fw ] eth1 ---- 10.1.0.2 fd01::2  lan
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
needs python3

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
pt() { in_ns fw "$ptfw" "$@"; }
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$lab_tmp"

cat >"$lab_tmp/wire.py" <<'PY'
# Frames by hand. What they carry says "M:NAME;", and listen() prints the names that arrive.
import re, socket, struct, sys, time
def ck(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 65535) + (s >> 16)
    return ~s & 65535
def n(a): return socket.inet_pton(socket.AF_INET6 if ":" in a else socket.AF_INET, a)
def ip(src, dst, proto, data, hops=255):
    if ":" in src: return struct.pack("!IHBB", 6 << 28, len(data), proto, hops) + n(src) + n(dst) + data
    h = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 1, 0, hops, proto, 0) + n(src) + n(dst)
    return h[:10] + struct.pack("!H", ck(h)) + h[12:] + data
def summed(src, dst, proto, data, at):
    pseudo = b"" if proto == 1 else n(src) + n(dst) + struct.pack("!II", len(data), proto)
    return ip(src, dst, proto, data[:at] + struct.pack("!H", ck(pseudo + data) or 65535) + data[at + 2:])
def udp(src, sport, dst, dport, name):
    data = b"M:" + name.encode() + b";"
    return summed(src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data, 6)
def icmp(src, dst, type, data):
    return summed(src, dst, 58 if ":" in src else 1, struct.pack("!BBHI", type, 0, 0, 0) + data, 2)
def discovery(src, dst, type):
    return icmp(src, dst, type, n("fe80::99") + b"M:%d;" % type)
def send(mac, *packets):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("eth0", 0))
    for p in packets:
        s.send(bytes.fromhex(mac.replace(":", "")) + s.getsockname()[4] + (b"\x86\xdd" if p[0] >> 4 == 6 else b"\x08\0") + p)
def listen(device, ready):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 3))
    open(ready, "w").close()
    while True:
        data, how = s.recvfrom(2000)
        m = re.search(rb"M:([a-z0-9-]+);", data)
        if m and how[2] != 4: print(m.group(1).decode(), flush=True)
PY
mac_of() { in_ns fw ip -o link show dev "$1" | sed 's/.*ether \([^ ]*\).*/\1/'; }
mac=$(mac_of eth0)
lan_mac=$(mac_of eth1)
py() { in_ns "$1" python3 -c "from wire import *; $2"; }

# listen NS: what arrives there from now on; heard: what did. A last packet of a state that is known tells
# that all before it had their time.
listen()
{
	rm -f "$lab_tmp/ready"
	lab_bg "$1" python3 -c "from wire import *; listen('eth0', '$lab_tmp/ready')" >"$lab_tmp/heard"
	listener=$lab_last
	lab_wait 5 test -e "$lab_tmp/ready"
}
heard()
{
	sleep 0.3
	lab_stop "$listener"
	sort -u "$lab_tmp/heard" | tr '\n' ' '
}

conf=$lab_tmp/patronus.conf
engine=auto
# rules RULE...: in force now.
rules()
{
	{
		echo 'interface wan { device = "eth0" address = { dhcp } }'
		echo 'interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }'
		echo "firewall { builtin = ${builtin:-true} rules = {"
		for rule in "$@"; do printf '"%s",\n' "$rule"; done
		echo '} }'
	} >"$conf"
	tap_said=$(pt apply --engine "$engine" -f "$conf" 2>&1) || { fail "apply of: $*"; diag "$tap_said"; }
}
word() { in_ns "$@" 2>&1 | cut -d' ' -f1; }

# ---- neighbour and router discovery, listener reports: this machine's, never forwarded ----
discovery()
{
	for open in 'block all' 'pass in'; do
		rules "$open" 'pass proto udp label udp'
		listen lan
		py out "send('$mac', *[discovery(s, d, t) for t in (130, 131, 132, 133, 134, 135, 136, 143)
			for s, d in (('fd00::2', 'fd01::2'), ('fe80::2', 'fd01::2'), ('fd01::1', 'fd01::2'))],
			udp('fd00::2', 9, 'fd01::2', 9, 'udp'))"
		is "$(heard)" 'udp ' "$engine: discovery is not forwarded where the rules say $open"
	done
	rules 'pass proto icmp6 icmp6-type echoreq' 'pass proto icmp icmp-type echoreq'
	in_ns out ip neigh flush dev eth0
	in_ns fw ip neigh flush dev eth0
	for to in 10.0.0.1 fd00::1 fd01::2 10.1.0.2; do
		is "$(word out "$peer" ping "$to")" answered "$engine: neighbours find each other: $to"
	done
	in_ns fw ip neigh flush dev eth1
	is "$(word fw "$peer" ping fd01::2)" answered "$engine: and this machine its own"
}

# ---- answers of DHCP servers: for this machine ----
dhcp()
{
	rules 'block all' 'pass out' 'pass in proto udp to port 9'
	listen lan
	py out "send('$mac', udp('10.0.0.2', 67, '10.1.0.2', 68, 'dhcp'), udp('fd00::2', 547, 'fd01::2', 546, 'dhcp6'),
		udp('fe80::2', 547, 'fd01::2', 546, 'dhcp6-local'),
		udp('10.0.0.2', 9, '10.1.0.2', 9, 'udp'), udp('fd00::2', 9, 'fd01::2', 9, 'udp6'))"
	is "$(heard)" 'udp udp6 ' "$engine: answers of DHCP servers are not forwarded"
	local=$(in_ns fw ip -6 -o address show dev eth0 scope link | sed 's/.*inet6 \([^/]*\).*/\1/')
	lab_bg fw python3 -c "
import re, select, socket
a, b = socket.socket(2, 2), socket.socket(10, 2)
a.bind(('', 68)); b.bind(('::', 546))
open('$lab_tmp/dhcp', 'w').close()
while True:
    for s in select.select([a, b], [], [])[0]: print(re.search(rb'M:(.*);', s.recv(99)).group(1).decode(), flush=True)
" >"$lab_tmp/dhcp.out"
	client=$lab_last
	lab_wait 5 test -e "$lab_tmp/dhcp"
	py out "send('$mac', udp('10.0.0.2', 67, '10.0.0.1', 68, 'self'), udp('fe80::2', 547, '$local', 546, 'local6'))
send('ff:ff:ff:ff:ff:ff', udp('10.0.0.2', 67, '255.255.255.255', 68, 'broadcast'))"
	sleep 0.3
	lab_stop "$client"
	rm "$lab_tmp/dhcp"
	is "$(sort "$lab_tmp/dhcp.out" | tr '\n' ' ')" 'broadcast local6 self ' "$engine: but they reach this machine"
}

# ---- an error about somebody else's connection makes no state of it ----
errors()
{
	rules 'block all' 'pass in on wan proto udp to self port 53 no state' 'pass out on wan proto udp no state' \
		'pass in on wan inet proto icmp icmp-type timex label error4' 'pass in on wan inet6 proto icmp6 icmp6-type timex label error6'
	lab_bg fw "$peer" serve fw udp/53
	server=$lab_last
	sleep 0.3
	py out "
for a, b, type in ('10.0.0.1', '10.0.0.2', 11), ('fd00::1', 'fd00::2', 3):
    s = socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.connect((a, 53)); s.send(b'x'); s.recv(99)
    send('$mac', icmp(b, a, type, ip(a, b, 17, struct.pack('!HHHH', 53, s.getsockname()[1], 8, 0))))
"
	sleep 0.1
	is "$(pt state show label error4 -o; pt state show label error6 -o)" '' "$engine: an error writes no label"
	is "$(pt rule show -sj | jq -c '[.rules[] | select(.name | startswith("error")) | .packets]')" '[1,1]' \
		"$engine: and passes by the rule for it"
	lab_stop "$server"
}

# ---- answers to rules without state pass where a rule passes them, whatever other rules there are ----
answers()
{
	lab_bg fw "$peer" serve fw udp/53
	server=$lab_last
	sleep 0.3
	for more in 'block in proto gre' 'pass out quick proto udp to port 9 no state'; do
		rules 'pass in no state' 'pass out' "$more"
		for to in 10.0.0.1 fd00::1; do
			is "$(word out "$peer" udp "$to" 53)" answered "$engine: an answer to 'no state' passes by 'pass out' beside '$more': $to"
		done
		rules 'pass in no state' 'block out' "$more"
		for to in 10.0.0.1 fd00::1; do
			is "$(word out "$peer" udp "$to" 53)" silence "$engine: and is blocked where the rules say so: $to"
		done
	done
	rules 'pass in no state' 'pass out label out'
	for to in 10.0.0.1 fd00::1; do in_ns out "$peer" udp "$to" 53 >/dev/null; done
	is "$(pt state show label out -o)" '' "$engine: such answers make no states"
	lab_stop "$server"
}

# ---- what somebody else's rules take out of tracking does not leave untranslated ----
untracked()
{
	in_ns fw nft 'table inet theirs { chain c { type filter hook prerouting priority raw; udp dport 9 notrack; }; }'
	builtin=false
	rules pass 'match out on wan inet from lan:network nat-to 10.0.0.1' 'match out on wan inet6 nat-to fd00::1' 'match in tag T'
	builtin=true
	listen out
	py lan "send('$lan_mac', udp('10.1.0.2', $sport, '10.0.0.2', 9, 'untracked'), udp('fd01::2', $sport, 'fd00::2', 9, 'untracked6'),
		udp('10.1.0.2', $sport, '10.0.0.2', 10, 'tracked'), udp('fd01::2', $sport, 'fd00::2', 10, 'tracked6'))"
	is "$(heard)" 'tracked tracked6 ' "$engine: an untracked packet does not leave without its translation"
	in_ns fw ip neigh flush dev eth0
	is "$(word lan "$peer" ping fd00::2)" answered "$engine: discovery goes on under rules that translate"
	rules 'pass in inet proto udp to 10.0.0.1 port 9 rdr-to 10.1.0.2' 'pass in inet6 proto udp to fd00::1 port 9 rdr-to fd01::2' 'pass out'
	lab_bg fw "$peer" serve fw udp/9
	server=$lab_last
	sleep 0.3
	for to in 10.0.0.1 fd00::1; do
		is "$(word out "$peer" udp "$to" 9)" silence "$engine: nor does one arrive without: $to"
	done
	lab_stop "$server"
	in_ns fw nft delete table inet theirs
}

# ---- a mark that a process sets is no tag ----
marks()
{
	in_ns fw nft 'table inet theirs { chain c { type filter hook postrouting priority 0; udp dport 9 meta mark 5 counter; }; }'
	rules 'block all' 'pass in on lan tag OK' 'pass out on wan tagged OK' 'pass out on wan proto udp to port 9'
	listen out
	in_ns fw python3 -c "
import socket
for to in '10.0.0.2', 'fd00::2':
    for mark, port, name in (0x01000000, 10, b'forged'), (0x01000005, 9, b'allowed'):
        s = socket.socket(socket.AF_INET6 if ':' in to else socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        try: s.sendto(b'M:' + name + b';', (to, port))
        except PermissionError: pass"
	py lan "send('$lan_mac', udp('10.1.0.2', $sport, '10.0.0.2', 10, 'tagged'), udp('fd01::2', $sport, 'fd00::2', 10, 'tagged6'))"
	is "$(heard)" 'allowed tagged tagged6 ' "$engine: a process cannot forge a tag"
	like "$(in_ns fw nft list table inet theirs)" 'mark 0x0*5 counter packets 2' "$engine: the other bits of its mark stay"
	in_ns fw nft delete table inet theirs
}

# ---- a table that somebody switched off is told, and switched on again ----
dormant()
{
	lab_bg fw "$peer" serve fw udp/53
	server=$lab_last
	for verb in "apply -f $conf" stop; do
		rules 'block all'
		in_ns fw nft 'add table inet patronus { flags dormant; }'
		is "$(word out "$peer" udp fd00::1 53)" answered "dormant, before $verb: everything passes"
		exits 3 'dormant: diff finds something to do' pt diff -f "$conf"
		like "$tap_out" 'the table is dormant' 'dormant: and says why'
		like "$(pt diff -v -f "$conf")" '^wake table inet patronus' 'dormant: and what'
		like "$(pt info)" '^Status: *dormant' 'dormant: info says so'
		is "$(pt info -j | jq -r '.info[0].status')" dormant 'dormant: in JSON, too'
		# shellcheck disable=SC2086
		ok "dormant: $verb" pt $verb
		like "$(pt info)" '^Status: *(in force|stopped)' "dormant: $verb switches the table on"
		for to in 10.0.0.1 fd00::1; do
			is "$(word out "$peer" udp "$to" 53)" silence "dormant, after $verb: $to is closed"
		done
	done
	rules 'block all'
	in_ns fw nft 'add table inet patronus { flags dormant; }'
	rules 'pass all' 'block in label other'
	is "$(pt diff -f "$conf"; word out "$peer" udp 10.0.0.1 53)" silence 'dormant: other rules at once'
	lab_stop "$server"
}
dormant

# ---- self is also what this machine answers for as a router ----
anycast()
{
	lab_bg fw "$peer" serve fw udp/53
	server=$lab_last
	sleep 0.3
	rules 'pass all' 'block in on wan to self'
	for to in fd00:: fd01:: fd01::1; do
		is "$(word out "$peer" udp "$to" 53)" silence "$engine: to self is blocked: $to"
	done
	is "$(word out "$peer" ping fd01::2)" answered "$engine: and what is forwarded is not"
	rules 'pass out' 'pass in on wan proto udp to self label self'
	py out "send('$mac', udp('fd00::2', $sport, 'fd00::', 9, 'self'), udp('fd00::2', $sport, 'fd00::1', 9, 'self'),
		udp('fd00::2', $sport, 'ff02::1', 9, 'multicast'), udp('10.0.0.2', $sport, '10.0.0.255', 9, 'broadcast'))"
	is "$(pt rule show -sj | jq '.rules[] | select(.name == "self") | .packets')" 2 \
		"$engine: self has the router's anycast address, but no multicast or broadcast one"
	lab_stop "$server"
}

engines='bpf linear'
pt apply --engine bpf -f "$conf" >/dev/null 2>&1 || {
	diag 'without the classifier, which this kernel does not take'
	engines='nft linear'
}
sport=1000 # another one for each engine: what is begun goes on whoever judges
for engine in $engines; do
	sport=$((sport + 1))
	discovery
	dhcp
	errors
	answers
	untracked
	marks
	anycast
done
done_testing
