#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A delegated prefix: networks of it come to the interfaces that the file names, and go. First as events of the client tell of it,
# then of the real client and a real server, the ISC's, unpacked by daemons.sh -P: dnsmasq(8) delegates none.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

conf=$lab_tmp/patronus.conf
lab_ns fw isp
lab_link fw wan isp wan
cat >"$conf" <<'CONF'
interface wan { address = { dhcp6 } delegate = { "lan 0", "guests 3" } }
interface lan { type = bridge address = { "192.168.1.1/24" } }
interface guests { type = bridge address = { "192.168.2.1/24" } }
CONF
event()
{
	# shellcheck disable=SC2016
	in_ns fw sh -c 'folder=$(echo /run/patronus/leases.*) && shift && exec env "patronus_leases=$folder" interface=wan "$@"' sh sh "$@" "$ptnet"
}
prefix() { event reason="$1" new_dhcp6_ia_pd1_prefix1="$2" new_dhcp6_ia_pd1_prefix1_length="$3" \
	new_dhcp6_ia_pd1_prefix1_vltime=600 new_dhcp6_ia_pd1_prefix1_pltime=300; }
has() { [ "$(in_ns fw ip -o -6 address show dev "$1" scope global | awk '{ print $4 }')" = "$2" ]; }

ok 'the file is put in force' in_ns fw "$ptnet" -f "$conf" apply
lab_bg fw "$ptnet" watch >"$lab_tmp/log" 2>&1
folder_there() { in_ns fw sh -c 'ls -d /run/patronus/leases.*'; }
ok 'it is watched over' lab_wait 5 folder_there
ok 'a prefix comes' prefix BOUND6 2001:db8:100:: 56
ok 'the first network is for lan' lab_wait 5 has lan 2001:db8:100::1/64
ok 'the fourth for guests' lab_wait 5 has guests 2001:db8:100:3::1/64
like "$(in_ns fw ip -6 route show type unreachable)" '^unreachable 2001:db8:100::/56 .*proto 80' 'what nobody has of it leads nowhere'
like "$(in_ns fw "$ptnet" address show dev lan -j)" '"address":"2001:db8:100::1/64","ours":true,"by":"dhcp","valid":[0-9]' 'for a time only'
is "$(in_ns fw "$ptnet" -f "$conf" apply)" "$conf: in force already, nothing written" 'an apply writes nothing'
ok 'another one takes its place' prefix REBIND6 2001:db8:200:: 63
ok 'on lan' lab_wait 5 has lan 2001:db8:200::1/64
ok 'what it has no network for gets none' lab_wait 5 has guests ''
ok 'given back' event reason=RELEASE6
ok 'nothing of it is left' lab_wait 5 has lan ''
is "$(in_ns fw ip -6 route show type unreachable)" '' 'nor its route'

# ---- the real ones: short leases, so that they are renewed by time, and run out when nobody renews them ----
dhcpd=${XDG_CACHE_HOME:-/var/cache}/patronus-daemons/root/usr/sbin/dhcpd
if [ ! -x "$dhcpd" ] || [ ! -x /usr/sbin/dhcpcd ]; then
	skip 'needs dhcpcd, and dhcpd unpacked: tests/netns/daemons.sh -P' 'a real server'
	done_testing
	exit
fi
lab_ns gate host
lab_link gate wan isp gate
lab_link gate inside host eth0
lab_addr isp gate fd0a::1/64
cat >"$conf" <<'CONF'
interface wan { address = { dhcp6 } delegate = { "lan 0", "guests 3" } }
interface inside { }
interface lan { type = bridge members = { "inside" } address = { "192.168.1.1/24" } }
interface guests { type = bridge address = { "192.168.2.1/24" } }
CONF
cat >"$lab_tmp/dhcpd.conf" <<'CONF'
default-lease-time 20;
preferred-lifetime 15;
option dhcp-renewal-time 4;
option dhcp-rebinding-time 10;
subnet6 fd0a::/64 { range6 fd0a::50 fd0a::50; prefix6 2001:db8:300:: 2001:db8:300:: /56; }
CONF
: >"$lab_tmp/leases"
gate_has() { [ "$(in_ns gate ip -o -6 address show dev "$1" scope global | awk '{ print $4 }')" = "$2" ]; }
lab_bg isp "$dhcpd" -6 -d -f -cf "$lab_tmp/dhcpd.conf" -lf "$lab_tmp/leases" -pf "$lab_tmp/dhcpd.pid" gate >"$lab_tmp/server" 2>&1
server=$lab_last
ok 'a gateway asks a real server' in_ns gate "$ptnet" -f "$conf" apply
lab_bg gate "$ptnet" watch >"$lab_tmp/gate" 2>&1
lab_bg gate "$ptnet" dhcp watch >"$lab_tmp/clients" 2>&1
ok 'it gets an address' lab_wait 30 gate_has wan fd0a::50/128
ok 'and a prefix: a network for lan' lab_wait 10 gate_has lan 2001:db8:300::1/64
ok 'and one for guests' lab_wait 10 gate_has guests 2001:db8:300:3::1/64
like "$(in_ns gate "$ptnet" dhcp show -j)" '"delegated":\["2001:db8:300::/56"\]' 'dhcp show tells of it'
lab_forward gate
in_ns gate ip -6 route add fd0a::/64 dev wan # what the router of a provider advertises
in_ns host ip -6 address add 2001:db8:300::10/64 dev eth0 nodad
in_ns host ip link set eth0 up
in_ns host ip -6 route add default via 2001:db8:300::1
in_ns isp ip -6 route add 2001:db8:300::/56 via fd0a::50
reaches() { in_ns host ping -6 -c 1 -W 1 fd0a::1; }
ok 'packets of a host of lan find their way with it, and back' lab_wait 20 reaches
renewals() { [ "$(grep -c '^change address 2001:db8:300::1/64 dev lan' "$lab_tmp/gate")" -ge "$1" ]; }
ok 'it is renewed in time, and again' lab_wait 30 renewals 2
lab_stop "$server"
ok 'the server is gone: it runs out' lab_wait 60 gate_has lan ''
ok 'guests lose theirs' lab_wait 10 gate_has guests ''
ok 'so does wan' lab_wait 10 gate_has wan ''
unrouted() { [ -z "$(in_ns gate ip -6 route show type unreachable)" ]; }
ok 'and the route of what nobody has is gone' lab_wait 10 unrouted
done_testing
