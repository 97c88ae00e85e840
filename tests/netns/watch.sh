#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptnet watch`: interfaces that appear, go, and are renamed; links that go down and come up; what others undo again and again; a
# storm of events; the watcher killed. Nothing but what was applied last is ever done.
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
log=$lab_tmp/log
lab_ns fw other
lab_link fw eth0 other eth0
lab_addr other eth0 10.0.0.2/24 fd00::2/64
cat >"$conf" <<'CONF'
interface eth0 { address = { "10.0.0.1/24", "fd00::1/64" } }
interface wan { address = { "10.5.0.1/24", "fd05::1/64" } }
network {
	routes = { "198.51.100.0/24 via 10.0.0.2", "fd09::/16 via fd00::2", "203.0.113.0/24 via 10.5.0.2 dev wan", "fd0a::/16 via fd05::2 dev wan" }
	rules = { "from 10.77.0.0/16 lookup 8001" }
	neighbours = { "10.0.0.9 lladdr 02:00:00:00:00:09 dev eth0", "10.5.0.9 lladdr 02:00:00:00:00:0a dev wan" }
}
CONF
: >"$log"
watch() { lab_bg fw "$ptnet" watch >>"$log" 2>&1; watcher=$lab_last; }
same() { in_ns fw "$ptnet" -f "$conf" diff >"$lab_tmp/diff" 2>&1; }
says() { grep -Eq -e "$1" "$log"; }
calm() { sleep 0.7; }

watch
ok 'it waits while nothing is in force' lab_wait 5 says '^watching over'
ok 'the file is put in force' in_ns fw "$ptnet" -f "$conf" apply
calm
is "$(cat "$log")" 'watching over the interfaces' 'what an apply does is nothing to be done again'

# ---- appears ----
in_ns fw ip link add wan type veth peer name peer
in_ns fw ip link set peer up
ok 'an interface that was absent is configured when it appears' lab_wait 5 same
is "$(in_ns fw ip -o address show wan scope global | awk '{ print $4 }' | sort | tr '\n' ' ')" '10.5.0.1/24 fd05::1/64 ' 'its addresses are there'
like "$(cat "$log")" '^change link wan up$|^change link wan .*up' 'a line says that it was brought up'
for what in 'add address 10.5.0.1/24 dev wan' 'add address fd05::1/64 dev wan' 'add route 203.0.113.0/24 via 10.5.0.2 dev wan' \
	'add route fd0a::/16 via fd05::2 dev wan' 'add neighbour 10.5.0.9 lladdr 02:00:00:00:00:0a dev wan'; do
	is "$(grep -cFx "$what" "$log")" 1 "one line says: $what"
done

# ---- down and up ----
: >"$log"
in_ns fw ip link set eth0 down
calm
is "$(in_ns fw ip link show eth0 up)" '' 'a link that somebody took down stays down'
is "$(grep -c eth0 "$log")" 0 'and nothing is tried on it'
in_ns fw ip link set eth0 up
ok 'what the kernel dropped with it is there again when it is up' lab_wait 5 same
like "$(cat "$log")" '^add address fd00::1/64 dev eth0$' 'its IPv6 address'
like "$(cat "$log")" '^add route 198.51.100.0/24 via 10.0.0.2$' 'its IPv4 routes'
like "$(cat "$log")" '^add route fd09::/16 via fd00::2$' 'its IPv6 routes'
: >"$log"
in_ns other sh -c 'for i in 1 2 3 4 5 6; do ip link set eth0 down; ip link set eth0 up; done'
in_ns other ip address replace fd00::2/64 dev eth0 nodad
calm
ok 'carrier flaps leave nothing undone' lab_wait 5 same
is "$(grep -c 'again and again' "$log")" 0 'and are no fight'

# ---- goes, comes back, is renamed ----
in_ns fw ip link del wan
calm
in_ns fw ip link add elsewhere type veth peer name peer
in_ns fw ip link set peer up
calm
is "$(in_ns fw ip link show elsewhere up)" '' 'an interface of another name is not touched'
in_ns fw ip link set elsewhere name wan
ok 'one that gets its name is configured' lab_wait 5 same

# ---- others ----
: >"$log"
in_ns fw ip route del 198.51.100.0/24
ok 'a route that somebody took away comes back' lab_wait 5 same
in_ns fw ip rule del priority 20000
ok 'so does a rule' lab_wait 5 same
in_ns fw ip route add 192.0.2.0/24 via 10.0.0.2 proto static
in_ns fw ip address add 10.0.0.77/24 dev eth0
calm
like "$(in_ns fw ip route show 192.0.2.0/24)" 'proto static' 'what others add stays: a route'
like "$(in_ns fw ip address show eth0)" '10.0.0.77/24' 'an address'
: >"$log"
n=0
while ! says 'again and again' && [ "$n" -lt 60 ]; do
	in_ns fw ip route del 198.51.100.0/24 2>/dev/null
	n=$((n + 1))
	sleep 0.1
done
like "$(cat "$log")" '^somebody undoes it again and again, left alone for 10 s: route 198.51.100.0/24 via 10.0.0.2$' 'a fight is not fought'
in_ns fw ip route del 198.51.100.0/24 2>/dev/null
before=$(wc -l <"$log")
in_ns fw ip rule del priority 20000
ok 'the rest is seen to meanwhile' lab_wait 5 says '^add rule'
is "$(in_ns fw ip route show 198.51.100.0/24)" '' 'that one is left alone'
is "$(($(wc -l <"$log") - before))" 1 'in silence'
ok 'when it has rested, it is put back' lab_wait 15 same

# ---- storms ----
: >"$log"
# shellcheck disable=SC2016
in_ns fw sh -c 'for i in $(seq 1 1000); do echo "route replace 192.0.2.$((i % 250))/32 via 10.0.0.2"; echo "address add 10.99.$((i / 250)).$((i % 250))/32 dev lo"; done' >"$lab_tmp/storm"
# user and system time, in ticks, of the watcher
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
was=$(ticks "$watcher")
in_ns fw ip -batch "$lab_tmp/storm"
in_ns fw ip route del 198.51.100.0/24
ok 'within a storm of 2,000 events it finds what it is about' lab_wait 10 same
ok "and looks a few times only ($(($(ticks "$watcher") - was)) ticks)" test "$(($(ticks "$watcher") - was))" -lt 100
is "$(grep -cv '^add route 198.51.100.0/24' "$log")" 0 'nothing else is done'

# ---- killed ----
kill -9 "$watcher"
wait "$watcher" 2>/dev/null
in_ns fw ip link del wan
in_ns fw ip link add wan type veth peer name peer
in_ns fw ip link set peer up
in_ns fw ip -6 route del fd09::/16
: >"$log"
watch
ok 'one that was killed is started anew, and finds what came meanwhile' lab_wait 5 same
# ---- another file: only that one counts ----
sed -i '/^interface wan/d; s/, "203.0.113.*dev wan" }/ }/; s/, "10.5.0.9.*wan" }/ }/' "$conf"
ok 'another file is put in force' in_ns fw "$ptnet" -f "$conf" apply
: >"$log"
in_ns fw ip route del 198.51.100.0/24
ok 'it watches over that one' lab_wait 5 same
is "$(cat "$log")" 'add route 198.51.100.0/24 via 10.0.0.2' 'and over nothing else'
printf 'interface eth0 { address = { "10.0.0.1/33" } }\n' >"$conf"
calm
in_ns fw ip route del 198.51.100.0/24
ok 'a file that is being edited is nothing to it' lab_wait 5 sh -c "[ \$(grep -c 'add route 198' $log) = 2 ]"
lab_stop "$watcher"
pass 'it ends when it is asked to'
done_testing
