#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Translations to an interface whose address changes under traffic, as a new DHCP lease or a new IPv6 prefix does it, in
# both families: new connections get the new address, states of the one that is gone end, and the same socket goes on by a
# new one. On the interface itself without any help, on another interface by `ptfw follow`. And prefix translation of
# IPv6 (NPT) in both directions, with ICMPv6 errors.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 jq

# lan -- fw -- out, and side: both far ends have routes back to every address that the router will have.
lab_ns fw lan out side
lab_link fw lan0 lan eth0
lab_link fw eth0 out eth0
lab_link fw eth1 side eth0
lab_addr fw lan0 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.10/24 192.168.1.11/24 fd00:1::10/64 fd00:1::11/64
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr fw eth1 10.9.0.1/24 fd00:9::1/64
lab_addr side eth0 10.9.0.2/24 fd00:9::2/64
for via in 192.168.1.1 fd00:1::1; do
	lab_route lan default via "$via"
done
for via in 10.9.0.1 fd00:9::1; do
	lab_route side default via "$via"
done
lab_route out 2001:db8:1::/64 via fd00::1
lab_forward fw
lab_settle fw lan out side
in_ns fw sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/promote_secondaries'
pt() { in_ns fw "$ptfw" "$@"; }

# Answers with the address that it sees.
cat >"$lab_tmp/serve.py" <<'PY'
import socket, sys, threading
def serve(s):
    while True:
        data, peer = s.recvfrom(2000)
        s.sendto(peer[0].encode(), peer)
for address in sys.argv[1:]:
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 7))
    threading.Thread(target=serve, args=(s,), daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
PY
# A socket that asks again for each line of a file, and says what the other end saw.
cat >"$lab_tmp/ask.py" <<'PY'
import socket, sys
to, source = sys.argv[1:3]
s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.bind((source, 0))
s.connect((to, 7))
for line in open(sys.argv[3]) if len(sys.argv) > 3 else "1":
    answer = "nothing"
    for attempt in range(6): # neighbours have to be found
        try:
            s.send(b"?")
            answer = s.recv(100).decode()
            break
        except OSError as e: pass
    print(answer, flush=True)
PY
lab_bg out python3 "$lab_tmp/serve.py" 10.0.0.2 fd00::2 >"$lab_tmp/serve.out"
lab_bg side python3 "$lab_tmp/serve.py" 10.9.0.2 fd00:9::2 >"$lab_tmp/serve.side"
lab_bg lan python3 "$lab_tmp/serve.py" fd00:1::10 fd00:1::11 >"$lab_tmp/serve.lan"
for ns in out side lan; do
	lab_wait 10 grep -q ready "$lab_tmp/serve.$ns" || echo "Bail out! no server in $ns"
done
ask() { in_ns "$1" python3 "$lab_tmp/ask.py" "$2" "$3"; }

conf=$lab_tmp/patronus.conf
rules()
{
	{
		cat <<-CONF
		interface wan { device = "eth0" address = { dhcp } }
		interface side { device = "eth1" address = { "10.9.0.1/24", "fd00:9::1/64" } }
		interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }
		firewall { rules = { "pass in on lan", "pass out on lan",
		CONF
		printf "'%s',\n" "$@"
		echo '} }'
	} >"$conf"
	pt -q apply -f "$conf" || diag "the rules are not taken: $*"
}

# move OLD NEW: as a DHCP client does it.
move()
{
	lab_addr fw eth0 "$2"
	in_ns fw ip address del "$1" dev eth0
}

# talk NAME: the held socket asks once more; its answer.
talk()
{
	n=$(wc -l <"$lab_tmp/said.$1")
	echo >&8
	lab_wait 8 sh -c "[ \$(wc -l <'$lab_tmp/said.$1') -gt $n ]"
	tail -1 "$lab_tmp/said.$1"
}
hold()
{
	mkfifo "$lab_tmp/in.$1"
	: >"$lab_tmp/said.$1"
	exec 8<>"$lab_tmp/in.$1"
	lab_bg lan python3 "$lab_tmp/ask.py" "$2" "$3" "$lab_tmp/in.$1" >"$lab_tmp/said.$1"
	held=$lab_last
}
release()
{
	lab_stop "$held"
	exec 8>&-
}

for v in 4 6; do
	if [ $v = 4 ]; then
		inet=inet far=10.0.0.2 beside=10.9.0.2 a=10.0.0.1 b=10.0.0.77 c=10.0.0.99 len=24 client=192.168.1.10
		lab_route side 10.0.0.0/24 via 10.9.0.1
	else
		inet=inet6 far=fd00::2 beside=fd00:9::2 a=fd00::1 b=fd00::77 c=fd00::99 len=64 client=fd00:1::10
		lab_route side fd00::/64 via fd00:9::1
	fi

	# ---- on the interface itself: nobody has to help ----
	rules "pass out on wan $inet from lan:network nat-to (wan)"
	hold "own.$v" "$far" "$client"
	is "$(talk "own.$v")" "$a" "$inet: nat-to (wan) uses the address of the interface"
	move $a/$len $b/$len
	is "$(ask lan "$far" "$client")" "$b" "$inet: after a change new connections use the new address"
	is "$(talk "own.$v")" "$b" "$inet: a socket of before goes on by a new state"
	unlike "$(pt state show -j | jq -r '.states[].reply.dst')" "^$a\$" "$inet: no state of the old address is left"
	release
	rules "pass out on wan $inet from lan:network nat-to wan"
	hold "plain.$v" "$far" "$client"
	is "$(talk "plain.$v")" "$b" "$inet: nat-to wan of an interface with DHCP does the same"
	move $b/$len $c/$len
	is "$(ask lan "$far" "$client")" "$c" "$inet: nat-to wan: new connections use the new address"
	is "$(talk "plain.$v")" "$c" "$inet: nat-to wan: a socket of before goes on by a new state"
	release

	# ---- on another interface ----
	rules "pass out on side $inet from lan:network nat-to (wan)"
	lab_bg fw "$ptfw" follow >"$lab_tmp/follow.$v" 2>&1
	follower=$lab_last
	sleep 1
	hold "other.$v" "$beside" "$client"
	is "$(talk "other.$v")" "$c" "$inet: nat-to (wan) on another interface"
	move $c/$len $b/$len
	lab_wait 10 sh -c "[ -s '$lab_tmp/follow.$v' ]"
	is "$(ask lan "$beside" "$client")" "$b" "$inet: nat-to (wan) on another interface follows the address"
	is "$(talk "other.$v")" "$b" "$inet: ... and a socket of before goes on by a new state"
	unlike "$(pt state show -j | jq -r '.states[].reply.dst')" "^$c\$" "$inet: ... and no state of the old address is left"
	release
	lab_stop "$follower"
	move $b/$len $a/$len # routes back lead there
done

# ---- prefix translation ----
# refused FROM TO SOURCE: a datagram to a port where nobody listens; what the socket is told. It belongs to the error only
# when the packet that the error quotes was translated back, too.
cat >"$lab_tmp/refused.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.bind((sys.argv[2], 0))
s.connect((sys.argv[1], 9))
answer = "nothing"
for attempt in range(6):
    try:
        s.send(b"?")
        s.recv(100)
    except ConnectionRefusedError:
        answer = "refused"
        break
    except OSError: pass
print(answer)
PY
refused() { in_ns "$1" python3 "$lab_tmp/refused.py" "$2" "$3"; }

rules 'match on wan inet6 from fd00:1::/64 binat-to 2001:db8:1::/64' 'pass out on wan inet6 proto { udp, icmp6 }' \
	'pass in on wan inet6 proto udp to fd00:1::/64'
for host in 10 11; do
	is "$(ask lan fd00::2 fd00:1::$host)" 2001:db8:1::$host "NPT: a packet that leaves keeps its interface identifier, ::$host"
	is "$(ask out 2001:db8:1::$host fd00::2)" fd00::2 "NPT: one from outside arrives at the same host, ::$host"
done
is "$(refused lan fd00::2 fd00:1::10)" refused 'NPT: an ICMPv6 error comes back to who caused it'
is "$(refused out 2001:db8:1::11 fd00::2)" refused 'NPT: ... and goes out to who caused it'
rules 'pass out on wan inet6 from fd00:1::/64 nat-to 2001:db8:1::/64 bitmask static-port' \
	'pass in on wan inet6 proto udp to fd00:1::/64'
for host in 10 11; do
	is "$(ask lan fd00::2 fd00:1::$host)" 2001:db8:1::$host "nat-to a prefix with bitmask keeps the interface identifier, ::$host"
done
is "$(ask out 2001:db8:1::10 fd00::2)" nothing 'nat-to: what begins outside is not translated'

done_testing
