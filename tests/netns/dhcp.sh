#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Addresses from servers: the real client asks a real server over a link, and what it gets is in force for as long as it is valid.
# Renewal, another address, a server that goes away, a client that is killed, answers that are made to harm.
# Words of a shell in single quotes are what servers say.
# shellcheck disable=SC2016
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs /usr/sbin/dhcpcd dnsmasq jq

conf=$lab_tmp/patronus.conf
log=$lab_tmp/log
clients=$lab_tmp/clients
lab_ns fw isp other
lab_link fw wan isp wan
lab_link fw two other two
lab_addr isp wan 10.9.0.1/24 fd09::1/64
lab_addr other two 10.8.0.1/24
cat >"$conf" <<'CONF'
interface wan { address = { dhcp, dhcp6 } hostname = "gate" client-id = "patronus-7" }
interface lan { type = bridge address = { "192.168.1.1/24" } }
CONF

# serve NAME IF OPTION...: a server that knows of no earlier one; its process is in $server.
n_servers=0
serve()
{
	n_servers=$((n_servers + 1))
	in=$1
	if=$2
	shift 2
	lab_bg "$in" dnsmasq -C /dev/null --no-daemon --port=0 --interface="$if" --bind-interfaces --user=root --log-dhcp \
		--dhcp-authoritative --no-ping --dhcp-leasefile="$lab_tmp/leases.$n_servers" "$@" >>"$lab_tmp/server.$in" 2>&1
	server=$lab_last
}
show() { in_ns fw "$ptnet" dhcp show -j "$@"; }
state() { show "$1" | jq -r ".leases[] | select(.family == \"$2\") | .state"; }
is_state() { [ "$(state "$1" "$2")" = "$3" ]; }
address() { in_ns fw ip -o -4 address show dev "$1" scope global | awk '{ print $4 }'; }
address6() { in_ns fw ip -o -6 address show dev "$1" scope global | awk '{ print $4 }' | sort | tr '\n' ' '; }
has() { [ "$(address "$1")" = "$2" ]; }
process() { show "$1" | jq -r '.leases[0].process'; }
says() { grep -Eq -e "$2" "$1"; }
same() { in_ns fw "$ptnet" -f "$conf" diff >"$lab_tmp/diff" 2>&1; }
left() { in_ns fw ip -j -4 address show dev "$1" | jq '.[0].addr_info[0].valid_life_time'; }

# ---- nobody asks yet ----
serve isp wan --dhcp-range=10.9.0.50,10.9.0.50,2m --dhcp-range=fd09::50,fd09::50,64,2m --enable-ra --ra-param=wan,10,600 \
	--dhcp-option=3,10.9.0.1 --dhcp-option=6,10.9.0.53 --dhcp-option=15,example.org --dhcp-option=42,10.9.0.2 --dhcp-option=26,1480
first=$server
ok 'a file with dhcp is put in force' in_ns fw "$ptnet" -f "$conf" apply
is "$(state wan inet) $(state wan inet6)" 'stopped stopped' 'without a watcher nobody asks, and that is shown'
exits 3 'renewing then is told to be impossible' in_ns fw "$ptnet" dhcp renew wan
lab_bg fw "$ptnet" watch >"$log" 2>&1
lab_bg fw "$ptnet" dhcp watch >"$clients" 2>&1
watcher=$lab_last

# ---- the first answer ----
ok 'an IPv4 lease' lab_wait 20 is_state wan inet bound || exit 1
ok 'an IPv6 lease' lab_wait 20 is_state wan inet6 bound
ok 'its address is there' lab_wait 5 has wan 10.9.0.50/24
is "$(address6 wan)" 'fd09::50/128 ' 'and the IPv6 one, without others made of advertisements'
like "$(in_ns fw ip -4 route show default)" '^default via 10\.9\.0\.1 dev wan proto 80 src 10\.9\.0\.50 metric 1000' 'the default route is ours'
routed6() { in_ns fw ip -6 route show default | grep -q proto.ra; }
ok 'IPv6 packets have a way' lab_wait 20 routed6
like "$(in_ns fw ip -6 route show default)" '^default via fe80.* dev wan proto ra' 'IPv6 has that of the router'
ok 'packets find their way' in_ns fw ping -c 1 -W 2 10.9.0.1
ok 'and IPv6 ones' in_ns fw ping -6 -c 1 -W 2 fd09::1
life=$(left wan)
ok "the kernel knows the time of the address ($life s)" [ "$life" -gt 60 -a "$life" -le 122 ]
is "$(show wan | jq -c '.leases[0] | [.interface, .addresses, .routers, .dns, .domain, .ntp, .server, .mtu, .refused]')" \
	'["wan",["10.9.0.50/24"],["10.9.0.1"],["10.9.0.53"],"example.org",["10.9.0.2"],"10.9.0.1",1480,null]' 'all that the server said is shown'
like "$(cat "$lab_tmp/server.isp")" 'client provides name: gate' 'the server was told the name'
like "$(cat "$lab_tmp/leases.1")" '00:70:61:74:72:6f:6e:75:73:2d:37' 'and the client identifier'
like "$(in_ns fw "$ptnet" address show dev wan -j)" '"address":"10.9.0.50/24","ours":true,"by":"dhcp","valid":[0-9]+' 'address show says by whom, and how long'
if show >"$lab_tmp/show.json" && python3 -c 'import jsonschema' 2>/dev/null; then
	ok 'the document is as its schema says' python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$lab_tmp/show.json" contrib/schema/patronus.dhcp.v1.json
else
	skip 'needs python3-jsonschema' 'the schema'
fi

# ---- in force means in force ----
ok 'nothing differs from the file' same
is "$(in_ns fw "$ptnet" -f "$conf" apply)" "$conf: in force already, nothing written" 'a second apply writes nothing'
in_ns fw ip address del 10.9.0.50/24 dev wan
ok 'what somebody takes away comes back' lab_wait 5 has wan 10.9.0.50/24
ok 'with its route' lab_wait 5 same

# ---- what the client cannot do ----
pid=$(process wan)
bound=$(awk '/^CapBnd/ { print $2 }' "/proc/$pid/status")
is "$((0x$bound >> 12 & 1))" 0 'the client has no CAP_NET_ADMIN, and cannot get it'
is "$(in_ns fw sh -c 'ls /etc/resolv.conf.* 2>/dev/null | wc -l')" 0 'and resolv.conf is left alone'

# ---- by hand ----
was=$(show wan | jq -r '.leases[0].since')
sleep 1
ok 'renew asks again' in_ns fw "$ptnet" dhcp renew wan
ok 'and has an answer of now' [ "$(show wan | jq -r '.leases[0].since')" != "$was" ]
ok 'release gives it back' in_ns fw "$ptnet" dhcp release wan
ok 'the address goes' lab_wait 5 has wan ''
is "$(in_ns fw ip -4 route show default)" '' 'and its route'
is "$(state wan inet) $(state wan inet6)" 'released released' 'this is shown'
like "$(cat "$lab_tmp/server.isp")" 'DHCPRELEASE\(wan\) 10\.9\.0\.50' 'the server knows'
ok 'it is quiet then' sh -c "sleep 2; ! ls /proc/$pid 2>/dev/null"
exits 3 'releasing for a device that asks nobody is told' in_ns fw "$ptnet" dhcp release lan
ok 'renew begins anew' in_ns fw "$ptnet" dhcp renew wan
ok 'all is there again' lab_wait 10 same
is "$(address wan)" 10.9.0.50/24 'with the same address'

# ---- killed ----
pid=$(process wan)
kill -9 "$pid"
again() { new=$(process wan) && [ "$new" != null ] && [ "$new" != "$pid" ]; }
ok 'a client that is killed is started again' lab_wait 10 again
is "$(address wan)" 10.9.0.50/24 'the address stays meanwhile'
like "$(cat "$clients")" '^wan: the client ended by signal 9, again in 1 s' 'a line tells it'
# Other tests have clients of their own.
net=$(in_ns fw readlink /proc/self/ns/net)
clients_of_fw() { for p in /proc/[0-9]*; do [ "$(readlink "$p/ns/net")" = "$net" ] && tr '\0' ' ' <"$p/cmdline" && echo; done 2>/dev/null; }
is "$(clients_of_fw | grep -c "^dhcpcd: .privileged.* wan")" 1 \
	'nothing of it is left behind'
kill -9 "$watcher"
wait "$watcher" 2>/dev/null
pid=$(process wan)
lab_bg fw "$ptnet" dhcp watch >>"$clients" 2>&1
watcher=$lab_last
ok 'so it is when who watches over it is killed' lab_wait 10 again
is "$(address wan)" 10.9.0.50/24 'with its address'

# ---- two interfaces, another server, an undo ----
cp "$conf" "$lab_tmp/one.conf"
cat >>"$conf" <<'CONF'
interface two { address = { dhcp } metric = 77 }
CONF
serve other two --dhcp-range=10.8.0.70,10.8.0.70,2m --dhcp-option=3,10.8.0.1
second=$server
ok 'a second interface asks, too' in_ns fw "$ptnet" -f "$conf" apply
ok 'and has its address' lab_wait 20 has two 10.8.0.70/24
ok 'each has a client of its own' [ "$(process wan)" != "$(process two)" ]
ok 'all is in force' lab_wait 5 same
like "$(in_ns fw ip -4 route show default | tr '\n' ' ')" 'via 10\.8\.0\.1 .*metric 77 .*via 10\.9\.0\.1 .*metric 1000' 'both routes, by their metrics'
sed 's/metric = 77/default-route = false/' "$conf" >"$lab_tmp/no-route.conf"
ok 'default-route = false takes the route away' in_ns fw "$ptnet" -f "$lab_tmp/no-route.conf" apply
is "$(in_ns fw ip -4 route show default dev two)" '' 'at once'
has two 10.8.0.70/24
is $? 0 'and leaves the address'
ok 'back without the second one' in_ns fw "$ptnet" -f "$lab_tmp/one.conf" apply
is "$(address two)" '' 'its address is gone at once'
ends() { [ "$(grep -c '^two: asks no more' "$clients")" -ge 1 ]; }
ok 'its client ends' lab_wait 10 ends
ok 'undone, the address is back before anybody answers' in_ns fw "$ptnet" -f "$conf" apply
is "$(address two)" 10.8.0.70/24 'as it was'

# ---- another address; nobody ----
lab_stop "$first"
serve isp wan --dhcp-range=10.9.0.60,10.9.0.60,2m --dhcp-option=3,10.9.0.1
first=$server
in_ns fw "$ptnet" dhcp renew wan >/dev/null 2>&1
ok 'a server that knows better gives another address' lab_wait 30 has wan 10.9.0.60/24
routed() { in_ns fw ip -4 route show default dev wan | grep -qF 'src 10.9.0.60'; }
ok 'which the default route has as its source' lab_wait 5 routed
lab_stop "$first"
in_ns fw "$ptnet" dhcp release wan >/dev/null 2>&1
ok 'without a server' lab_wait 5 has wan ''
exits 5 'renew ends, and says that nobody answers' in_ns fw "$ptnet" dhcp renew wan
is "$(state wan inet)" asking 'the client asks on'

# ---- made to harm ----
long=$(printf 'a%.0s' $(seq 1 250))
serve isp wan --dhcp-range=10.9.0.61,10.9.0.61,2m --dhcp-option=3,10.9.0.1 \
	--dhcp-option=15,'$(touch /tmp/pwned-by-dhcp);`reboot`' --dhcp-option=12,"$long" --dhcp-option=26,68 --dhcp-option=42,127.0.0.1 \
	--dhcp-option=119,evil
first=$server
ok 'a server with hostile answers is asked' lab_wait 40 has wan 10.9.0.61/24
ok 'nothing of them was run' [ ! -e /tmp/pwned-by-dhcp ]
refused=$(show wan | jq -r '.leases[0].refused')
like "$refused" 'mtu' 'an MTU that would stop everything is refused'
like "$refused" 'ntp' 'and a server of time at 127.0.0.1'
is "$(show wan | jq -r '.leases[0] | [.domain, .mtu] | join("")')" '' 'and none of it is shown'
lab_stop "$first"
serve isp wan --dhcp-range=10.9.0.62,10.9.0.62,2m --dhcp-option=3,10.9.0.1 --dhcp-option=15,1b:5d:30:3b:70:77:6e:07
first=$server
in_ns fw "$ptnet" dhcp renew wan >/dev/null 2>&1
ok 'one with escape sequences' lab_wait 40 has wan 10.9.0.62/24
is "$(in_ns fw "$ptnet" dhcp show -d | tr -d '\n' | LC_ALL=C tr -d ' -~' | wc -c)" 0 'puts none on a terminal'
lab_stop "$first"

# An address out of a network that the file gives to another interface.
in_ns isp ip address add 192.168.1.9/24 dev wan
serve isp wan --dhcp-range=192.168.1.50,192.168.1.50,2m --dhcp-option=3,192.168.1.9
first=$server
in_ns fw "$ptnet" dhcp renew wan >/dev/null 2>&1
ok 'a server that gives away what is ours is refused' lab_wait 40 is_state wan inet refused
is "$(show wan | jq -r '.leases[0].refused')" 'it overlaps a network of lan' 'and it is said why'
is "$(address wan)" '' 'nothing of it is in force'
lab_stop "$first"

# ---- the end ----
pid=$(process two)
lab_stop "$watcher"
ok 'clients end with who watches over them' sh -c "! kill -0 $pid 2>/dev/null"
is "$(address two)" 10.8.0.70/24 'addresses stay for as long as they are valid'
lab_stop "$second"

# ---- without the client ----
# shellcheck disable=SC2016
in_ns fw unshare -m --propagation private sh -c 'mount --bind /dev/null /usr/sbin/dhcpcd && exec "$0" -f "$1" apply' "$ptnet" "$conf" >/dev/null 2>"$lab_tmp/err"
is $? 0 'without dhcpcd a file is put in force'
like "$(cat "$lab_tmp/err")" 'warning: .*interface wan .* package dhcpcd-base' 'with a warning'
like "$(cat "$lab_tmp/err")" 'apt install dhcpcd-base' 'that says what to install'
done_testing
