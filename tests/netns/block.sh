#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The block set, which `ptfw stop` leaves and a boot begins with: loopback, discovery, DHCP, and the SSH that section `boot`
# admits; nothing else, in either direction, and nothing forwarded. Real packets, both families.
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
for family in 0.0.0.0/0 ::/0; do
	case $family in *:*) via='fd00::1 fd01::1' ;; *) via='10.0.0.1 10.1.0.1' ;; esac
	lab_route out default via "${via% *}"
	lab_route lan default via "${via#* }"
done
lab_forward fw
lab_settle fw out lan
for ns in fw out lan; do lab_bg "$ns" "$peer" serve "$ns" tcp/22 tcp/80 tcp/2222; done
word() { in_ns "$1" "$peer" tcp "$2" "$3" 2>&1 | cut -d' ' -f1; }
listens() { [ "$(word fw 10.0.0.1 "$1") $(word out 10.0.0.2 "$1") $(word lan 10.1.0.2 "$1")" = 'answered answered answered' ]; }
for port in 22 80 2222; do lab_wait 5 listens $port; done

conf=$lab_tmp/patronus.conf
# write BOOT: the file with this section, which passes everything while it is in force
write()
{
	cat >"$conf" <<-CONF
		interface wan { device = "eth0" groups = { "edge" } }
		interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }
		firewall { rules = { "pass" } }
		$1
	CONF
}
# stopped BOOT: the rules were in force, and are not any more
stopped()
{
	write "$1"
	in_ns fw "$ptfw" -q apply -f "$conf" || fail "apply with $1"
	in_ns fw "$ptfw" -q stop || fail "stop with $1"
}
# reaches NAME WHO PORT WORD: both families agree
reaches()
{
	case $2 in out) to='10.0.0.1 fd00::1' ;; lan) to='10.1.0.1 fd01::1' ;; esac
	is "$(word "$2" "${to% *}" "$3") $(word "$2" "${to#* }" "$3")" "$4 $4" "$1"
}

# ---- who gets in ----
stopped ''
reaches 'without boot: no SSH from outside' out 22 silence
reaches 'without boot: none from inside' lan 22 silence
is "$(word fw 127.0.0.1 22) $(word fw ::1 22)" 'answered answered' 'loopback works'
like "$(in_ns fw "$ptfw" stop)" 'boot' 'stop tells of boot'

stopped 'boot { ssh-on = { "lan" } }'
reaches 'ssh-on: from there' lan 22 answered
reaches 'ssh-on: not from elsewhere' out 22 silence
reaches 'ssh-on: no other port' lan 80 silence
is "$(word lan 10.0.0.1 22) $(word lan fd00::1 22)" 'answered answered' 'ssh-on: any address of this machine'

stopped 'boot { ssh-on = { "edge" } }'
reaches 'ssh-on: a group' out 22 answered
reaches 'ssh-on: not outside of the group' lan 22 silence

stopped 'boot { ssh-from = { "10.0.0.2", "fd00::/64" } }'
reaches 'ssh-from: those' out 22 answered
reaches 'ssh-from: nobody else' lan 22 silence

stopped 'boot { ssh-from = { "10.0.0.0/24" } ssh-on = { "wan", "lan" } }'
is "$(word out 10.0.0.1 22) $(word out fd00::1 22)" 'answered silence' 'ssh-from: one family only'
reaches 'ssh-from and ssh-on: both must hold' lan 22 silence

stopped 'boot { ssh-on = { "wan" } ssh-port = 2222 }'
reaches 'ssh-port: that one' out 2222 answered
reaches 'ssh-port: not 22' out 22 silence

# ---- what does not pass ----
is "$(word out 10.1.0.2 2222) $(word out fd01::2 2222)" 'silence silence' 'nothing is forwarded'
is "$(word fw 10.0.0.2 80) $(word fw fd00::2 80)" 'silence silence' 'nothing leaves'
is "$(word fw 10.0.0.2 2222) $(word fw fd00::2 2222)" 'silence silence' 'to the port of others neither'
before=$(in_ns fw nft -n list table inet patronus 2>/dev/null | grep -v 'ptfw\.')
ok 'stop again' in_ns fw "$ptfw" -q stop
reaches 'stop again keeps what boot admits' out 2222 answered
is "$(in_ns fw nft -n list table inet patronus 2>/dev/null | grep -v 'ptfw\.' | sed 's/packets [0-9]* bytes [0-9]*//')" \
	"$(printf '%s\n' "$before" | sed 's/packets [0-9]* bytes [0-9]*//')" 'and changes nothing'

# ---- a session of the block set lives on when the rules come, where they admit it ----
cat >"$lab_tmp/session.py" <<'PY'
import socket, sys, time
role, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if role == "serve":
    s = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    c = s.accept()[0]
    while d := c.recv(100): c.send(d)
else:
    c = socket.create_connection((address, port), 5)
    c.settimeout(5)
    for line in sys.stdin:
        c.send(line.encode())
        print(c.recv(100).decode().strip(), flush=True)
PY
stopped 'boot { ssh-on = { "wan" } ssh-port = 4022 }'
cat >"$lab_tmp/rules.conf" <<'CONF'
interface wan { device = "eth0" }
firewall { rules = { "pass in on wan proto tcp to self port 4022" } }
CONF
for address in 10.0.0.1 fd00::1; do
	in_ns fw "$ptfw" -q stop
	mkfifo "$lab_tmp/to"
	lab_bg fw python3 "$lab_tmp/session.py" serve "$address" 4022
	server=$lab_last
	lab_wait 5 in_ns fw sh -c "ss -ltn | grep -q :4022" || :
	: >"$lab_tmp/said"
	in_ns out python3 "$lab_tmp/session.py" connect "$address" 4022 <"$lab_tmp/to" >"$lab_tmp/said" 2>&1 &
	client=$!
	exec 5>"$lab_tmp/to"
	echo one >&5
	ok "$address: a session under the block set" lab_wait 5 grep -qx one "$lab_tmp/said"
	ok "$address: the rules come" in_ns fw "$ptfw" -q apply -f "$lab_tmp/rules.conf"
	echo two >&5
	ok "$address: the session goes on" lab_wait 5 grep -qx two "$lab_tmp/said"
	exec 5>&-
	wait "$client" 2>/dev/null
	lab_stop "$server"
	rm -f "$lab_tmp/to"
	write 'boot { ssh-on = { "wan" } ssh-port = 4022 }'
	in_ns fw "$ptfw" -q apply -f "$conf"
done
done_testing
