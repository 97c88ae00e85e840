#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A delegated prefix, as an event of the client tells of it: networks of it come to the interfaces that the file names, and go.
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
done_testing
