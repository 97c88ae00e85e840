#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A port forward with `reflect`, called by the same address from the Internet, from the server's own network and from
# another one; what the server sees of its callers. Real packets, both families, with every engine.
#
#     out 10.0.0.2 ---- eth0 [ fw ] eth1 ---- [ switch ] ---- client 10.1.0.2, server 10.1.0.3
#                               eth2 ---- guest 10.2.0.2         (and fd00::/64, fd01::/64, fd02::/64)
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

lab_ns fw out guest switch client server
lab_link fw eth0 out eth0
lab_link fw eth1 switch fw
lab_link fw eth2 guest eth0
lab_link switch client client eth0
lab_link switch server server eth0
in_ns switch ip link add name bridge0 type bridge 2>/dev/null || skip_all 'the kernel has no bridges'
for port in fw client server bridge0; do
	[ $port = bridge0 ] || in_ns switch ip link set "$port" master bridge0
	in_ns switch ip link set "$port" up
done
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_addr fw eth2 10.2.0.1/24 fd02::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr client eth0 10.1.0.2/24 fd01::2/64
lab_addr server eth0 10.1.0.3/24 fd01::3/64
lab_addr guest eth0 10.2.0.2/24 fd02::2/64
for host in out:0 client:1 server:1 guest:2; do
	lab_route "${host%:*}" default via "10.${host#*:}.0.1"
	lab_route "${host%:*}" default via "fd0${host#*:}::1"
done
lab_forward fw
lab_settle fw out guest client server

cat >"$lab_tmp/wire.py" <<'PY'
import select, socket
def family(a): return socket.AF_INET6 if ":" in a else socket.AF_INET
# Answers with the address that it sees.
def echo(ready):
    socks = []
    for a in ("0.0.0.0", "::"):
        s = socket.socket(family(a), socket.SOCK_DGRAM)
        if ":" in a: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((a, 5000))
        socks.append(s)
    open(ready, "w").close()
    while True:
        for s in select.select(socks, [], [])[0]:
            data, who = s.recvfrom(2000)
            s.sendto(who[0].encode(), who)
def ask(dst, port, wait):
    with socket.socket(family(dst), socket.SOCK_DGRAM) as s:
        s.connect((dst, port))
        s.settimeout(wait)
        try:
            s.send(b"?")
            return s.recv(2000).decode()
        except OSError: return "lost"
PY
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$lab_tmp"
lab_bg server python3 -c "from wire import *; echo('$lab_tmp/echo')"
lab_wait 10 test -e "$lab_tmp/echo" || skip_all 'the echo does not come up'
# asks HOST SECONDS: what the server sees of it, called by the public addresses
asks() {
	in_ns "$1" python3 -c "from wire import *; print(ask('10.0.0.1', 7000, $2), ask('fd00::1', 7000, $2))"
}

# conf LAN REFLECT
conf() {
	cat <<-CONF
		interface wan { device = "eth0" address = { dhcp } }
		interface lan { device = "eth1" address = { $1 } }
		interface guest { device = "eth2" address = { "10.2.0.1/24", "fd02::1/64" } }
		firewall { rules = {
			"block label closed", "pass out label out",
			"pass in on wan inet proto udp to (wan) port 7000 rdr-to 10.1.0.3 port 5000 $2 label web",
			"pass in on wan inet6 proto udp to (wan) port 7000 rdr-to fd01::3 port 5000 $2 label web6",
			"pass in on guest proto udp to port 9 label discard"
		} }
	CONF
}

conf '"10.1.0.1/24", "fd01::1/64"' '' >"$lab_tmp/plain.conf"
conf '"10.1.0.1/24", "fd01::1/64"' reflect >"$lab_tmp/written.conf"
conf dhcp reflect >"$lab_tmp/live.conf"
ok 'without reflect' in_ns fw "$ptfw" apply -f "$lab_tmp/plain.conf"
is "$(asks out 5)" '10.0.0.2 fd00::2' 'the world reaches the server'
is "$(asks client 0.3)" 'lost lost' 'its neighbour does not'
is "$(asks guest 0.3)" 'lost lost' 'and neither does another network'

for engine in nft linear bpf; do
	for file in written live; do
		ok "$engine: reflect, addresses of the lan $file" in_ns fw "$ptfw" apply --engine $engine -f "$lab_tmp/$file.conf"
		is "$(asks out 5)" '10.0.0.2 fd00::2' 'the world reaches the server, as itself'
		is "$(asks client 5)" '10.1.0.1 fd01::1' 'its neighbour does, as the router'
		is "$(asks guest 5)" '10.2.0.2 fd02::2' 'another network does, as itself'
		is "$(in_ns client python3 -c "from wire import *; print(ask('10.0.0.1', 7001, .3), ask('fd00::1', 7001, .3))")" \
			'lost lost' 'another port stays closed'
		is "$(in_ns guest python3 -c "from wire import *; print(ask('10.0.0.2', 7000, .3), ask('fd00::2', 7000, .3))")" \
			'lost lost' 'and what goes elsewhere is not redirected'
	done
done
like "$(in_ns fw "$ptfw" rule show web -d)" '\[ in on any but eth0, lo: destination becomes 10.1.0.3 port 5000 \]' \
	'rule show -d tells what the rule became'
is "$(in_ns fw "$ptfw" nat show web | grep -c 'rdr-to')" 1 'nat show has the rule once'
like "$(in_ns fw "$ptfw" nat show web -d)" '\[ out on eth1 from its own network: source becomes \(lan\) \]' \
	'with -d what it became'
ok 'with -j each translation' test "$(in_ns fw "$ptfw" nat show web -j | jq '.translations | length')" -gt 2
like "$(in_ns fw "$ptfw" rule show web -d)" '\[ out on eth1 from its own network: source becomes \(lan\) \]' 'the way back, too'

# ---- what cannot be reflected ----
refused() {
	{
		conf dhcp '' | sed '/"pass in/d'
	} | sed "s|\"pass out label out\",|\"pass out\", \"$1\"|" >"$lab_tmp/bad.conf"
	exits 1 "$1" in_ns fw "$ptfw" check -f "$lab_tmp/bad.conf"
	like "$tap_out" "$2" 'says why'
}
refused 'pass in on wan inet proto udp to port 7000 rdr-to 10.1.0.3 reflect' 'it would redirect what insiders send to others'
refused 'pass in on ! lan inet proto udp to (wan) port 7000 rdr-to 10.1.0.3 reflect' 'name the interfaces that are not inside'
refused 'pass in on wan proto udp to (wan) port 7000 rdr-to (lan) reflect' "write the server's address"
done_testing
