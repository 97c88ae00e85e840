#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag check: nothing is told of a healthy machine with each of the examples in force; each fault that a namespace can have is made
# and found, and found no more when it is mended. Those of the machine itself are in tests/unit/finding.c, those of links that this
# kernel may lack in tests/vm/check.t.
#
#     a  203.0.113.2 2001:db8:ff::2 eth0 ---- eth0 g  203.0.113.1 2001:db8:ff::1      a eth1 ---- eth1 g
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs nft jq python3 ethtool
[ -n "$lab_mounts" ] || skip_all 'mounts are not private here: resolv.conf would be the host'"'"'s'

cat >"$lab_tmp/dns.py" <<'PYTHON'
# Answers every question with nothing, after so many seconds as resolv.delay says.
import socket, sys, time
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
print('ready', flush=True)
while True:
    q, a = s.recvfrom(4096)
    time.sleep(float(open(sys.argv[2]).read()))
    s.sendto(q[:2] + b'\x81\x80\0\1\0\0\0\0\0\0' + q[12:17], a)
PYTHON

# machine NAME EXAMPLE: a namespace as healthy as can be, with its gateway NAME-g.
machine()
{
	lab_ns "$1" "$1-g"
	for i in 0 1 2 3; do
		lab_link "$1" "eth$i" "$1-g" "eth$i"
		in_ns "$1" ip link set "eth$i" up
		in_ns "$1-g" ip link set "eth$i" up
	done
	lab_addr "$1" eth0 203.0.113.2/24 2001:db8:ff::2/64
	lab_addr "$1-g" eth0 203.0.113.1/24 2001:db8:ff::1/64
	lab_route "$1" default via 203.0.113.1
	lab_route "$1" default via 2001:db8:ff::1
	lab_settle "$1" "$1-g"
	# One that has no IPv4 has no server and no gateway there.
	server=203.0.113.1
	[ "$2" != ipv6-only ] || { server=2001:db8:ff::1; in_ns "$1" ip -4 address flush dev eth0; }
	echo "nameserver $server" >"$lab_tmp/$1.resolv"
	in_ns "$1" mount --bind "$lab_tmp/$1.resolv" /etc/resolv.conf
	echo 0 >"$lab_tmp/delay"
	lab_bg "$1-g" python3 "$lab_tmp/dns.py" "$server" "$lab_tmp/delay" >"$lab_tmp/$1.dns"
	lab_wait 10 grep -q ready "$lab_tmp/$1.dns"
}

# What is told of the network: the clock and the load are those of the host.
told() { in_ns a "$ptdiag" check -j "$@" | jq -r '[.findings[] | select(.about == "network") | "\(.severity) \(.check) \(.subject)"] | sort | join(",")'; }

# finds NAME CHECK WANTED
finds() { is "$(told only "$2")" "$3" "$1"; }
# The kernel tells of a carrier at most once a second: no_carrier NAMESPACE DEVICE waits for it.
no_carrier()
{
	for _ in $(seq 50); do
		in_ns "$1" ip link show dev "$2" | grep -q NO-CARRIER && return
		sleep 0.1
	done
}

# ---- no false alarm ----
n=0
for file in contrib/examples/*.conf; do
	n=$((n + 1))
	name=$(basename "$file" .conf)
	machine "e$n" "$name"
	ok "$name: it is in force" in_ns "e$n" "$build/ptfw" apply -f "$file"
	# Its other addresses and links too, but for those of hardware that is not here.
	drift=rules-drift
	in_ns "e$n" "$build/ptnet" apply -f "$file" >"$lab_tmp/out" 2>&1 || {
		skip "this kernel does not take its network: $(head -n 1 "$lab_tmp/out")" "$name: no drift"
		drift=
	}
	lab_bg "e$n" "$build/ptfw" follow >"$lab_tmp/follow" 2>&1
	sleep 0.3
	is "$(in_ns "e$n" "$ptdiag" check -j | jq -r --arg drift "$drift" '[.findings[] | select(.about == "network" and (.check != "rules-drift" or $drift != "")) | "\(.check): \(.text): \(.evidence)"] | join("\n")')" '' \
		"$name: nothing is wrong"
done

# ---- links ----
machine a whole
is "$(told)" 'note rules-loaded null' 'without rules: a note, nothing else'
exits 3 'which is a status of its own' in_ns a "$ptdiag" check only rules-loaded
exits 0 'nothing found' in_ns a "$ptdiag" check only link quick
like "$tap_out" '^nothing is wrong' 'is said, too'
in_ns a-g ip link set eth1 down
no_carrier a eth1
finds 'no carrier' link-down 'warning link-down eth1'
in_ns a-g ip link set eth1 up
in_ns a-g ip link set eth0 down
no_carrier a eth0
finds 'no carrier where the default route leads' link-down 'error link-down eth0'
finds 'and the route is told' default-dead 'error default-dead eth0,error default-dead eth0'
in_ns a-g ip link set eth0 up
in_ns a-g ip address add 2001:db8:ff::1/64 dev eth0 nodad
lab_settle a a-g
lab_bg a-g sh -c 'while :; do ip link set eth1 down; sleep 0.1; ip link set eth1 up; sleep 0.1; done'
finds 'a link that comes and goes' link-flapping 'warning link-flapping eth1'
lab_stop "$lab_last"
in_ns a-g ip link set eth1 up
finds 'it stays' link-flapping ''
# Frames of a protocol that nobody knows are dropped by the kernel and counted.
cat >"$lab_tmp/flood.py" <<'PYTHON'
import socket, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth1', 0))
while True:
    s.send(b'\xff' * 6 + b'\x02\0\0\0\0\1' + b'\x99\x99' + b'x' * 60)
    time.sleep(0.01)
PYTHON
lab_bg a-g python3 "$lab_tmp/flood.py"
dropped() { in_ns a ip -s -j link show eth1 | jq -e '.[0].stats64.rx.dropped > 0'; }
lab_wait 20 dropped
finds 'packets that nobody takes are dropped' link-drops 'warning link-drops eth1'
lab_stop "$lab_last"
# A tunnel whose far end no route leads to cannot send.
in_ns a ip -4 route replace unreachable 192.0.2.9
in_ns a ip link add vx9 type vxlan id 9 remote 192.0.2.9 dstport 4789
in_ns a sh -c 'echo 1 >/proc/sys/net/ipv6/conf/vx9/disable_ipv6' # which would speak by itself
in_ns a ip address add 10.99.0.1/24 dev vx9
in_ns a ip link set vx9 up
finds 'errors that do not grow' link-errors ''
cannot_send() { in_ns a ip -s -j link show vx9 | jq -e '.[0].stats64.tx.errors > 0'; }
lab_bg a ping -q -i 0.1 10.99.0.2 >"$lab_tmp/out"
lab_wait 10 cannot_send
finds 'errors that grow' link-errors 'warning link-errors vx9'
lab_stop "$lab_last"
in_ns a ip link del vx9
in_ns a ip -4 route del unreachable 192.0.2.9
in_ns a ip link add br0 type bridge
in_ns a ip link set br0 up
in_ns a ip link set eth1 master br0
in_ns a ip link set eth2 master br0
finds 'ports alike' bridge-mtu ''
in_ns a ip link set eth2 mtu 1400
finds 'ports of one bridge with several MTUs' bridge-mtu 'warning bridge-mtu br0'
in_ns a ip link set eth2 mtu 1500
in_ns a ip link del br0
# A tap's duplex is what it is told, and its carrier is who holds it.
if in_ns a ip tuntap add dev tun9 mode tap 2>/dev/null && in_ns a ethtool -s tun9 speed 100 duplex full autoneg off; then
	lab_bg a python3 -c 'import fcntl, os, struct, time
f = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(f, 0x400454ca, struct.pack("16sH", b"tun9", 2 | 0x1000))
time.sleep(600)'
	tun=$lab_last
	in_ns a ip link set tun9 up
	lab_wait 5 in_ns a sh -c 'ip link show tun9 | grep -q LOWER_UP'
	finds 'full duplex' link-duplex ''
	in_ns a ethtool -s tun9 speed 100 duplex half autoneg off
	finds 'half duplex' link-duplex 'warning link-duplex tun9'
	lab_stop "$tun"
else
	skip 'no device whose duplex can be set' 'half duplex'
fi
in_ns a ip link del tun9 2>/dev/null

# ---- addresses ----
in_ns a ip address add 203.0.113.77/24 dev eth3
finds 'one network on two links' address-twice 'warning address-twice eth3'
in_ns a ip address del 203.0.113.77/24 dev eth3
in_ns a-g ip address add 203.0.113.2/24 dev eth0
finds 'somebody else has the address' address-conflict 'error address-conflict eth0'
in_ns a-g ip address del 203.0.113.2/24 dev eth0
in_ns a-g ip address add 2001:db8:ff::2/64 dev eth0 nodad
finds 'the same in IPv6' address-conflict 'error address-conflict eth0'
like "$(in_ns a "$ptdiag" check only address-conflict)" "seen: $(in_ns a-g ip -j link show eth0 | jq -r '.[0].address') answers neighbour discovery for it" 'by whom'
in_ns a-g ip address del 2001:db8:ff::2/64 dev eth0
finds 'nobody has' address-conflict ''
# Somebody asks again and again whether addresses of ours are free, as hosts do that want them; whether another one is, is his affair.
cat >"$lab_tmp/wants.py" <<'PYTHON'
import socket, struct, sys, time
def ndp(target):
    t = socket.inet_pton(socket.AF_INET6, target)
    to = socket.inet_pton(socket.AF_INET6, 'ff02::1:ff00:0')[:13] + t[13:]
    m = struct.pack('!BBHI', 135, 0, 0, 0) + t
    sum = 58 + len(m) + __builtins__.sum(struct.unpack('!20H', to + m))
    sum = (sum & 0xffff) + (sum >> 16)
    sum = (sum & 0xffff) + (sum >> 16)
    return to[12:], 0x86dd, struct.pack('!IHBB', 6 << 28, len(m), 58, 255) + bytes(16) + to + m[:2] + struct.pack('!H', ~sum & 0xffff) + m[4:]
def arp(target):
    return b'\xff\xff\xff\xff', 0x0806, struct.pack('!HHBBH', 1, 0x800, 6, 4, 1) + mac + bytes(10) + socket.inet_aton(target)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
mac = s.getsockname()[4]
tail, kind, packet = ndp(sys.argv[1]) if ':' in sys.argv[1] else arp(sys.argv[1])
head = b'\x33\x33' if kind == 0x86dd else b'\xff\xff'
while True:
    s.send(head + tail + mac + struct.pack('!H', kind) + packet)
    open(sys.argv[2], 'w')
    time.sleep(0.05)
PYTHON
for address in 203.0.113.2 2001:db8:ff::2; do
	lab_bg a-g python3 "$lab_tmp/wants.py" $address "$lab_tmp/asked.$address"
	lab_wait 20 test -e "$lab_tmp/asked.$address"
	finds "somebody wants $address" address-conflict 'warning address-conflict eth0'
	lab_stop "$lab_last"
done
for address in 203.0.113.7 2001:db8:ff::7; do
	lab_bg a-g python3 "$lab_tmp/wants.py" $address "$lab_tmp/asked.$address"
	lab_wait 20 test -e "$lab_tmp/asked.$address"
	finds "or $address, which is nobody's" address-conflict ''
	lab_stop "$lab_last"
done
in_ns a sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth1/accept_dad; echo 1 >/proc/sys/net/ipv6/conf/all/accept_dad'
in_ns a-g ip address add 2001:db8:1::5/64 dev eth1 nodad
in_ns a ip address add 2001:db8:1::5/64 dev eth1
lab_wait 8 in_ns a sh -c 'ip -6 address show dev eth1 | grep -q dadfailed'
finds 'an address of IPv6 that somebody else has' address-failed 'error address-failed eth1'
in_ns a ip address del 2001:db8:1::5/64 dev eth1
in_ns a sh -c 'echo 20 >/proc/sys/net/ipv6/conf/eth1/dad_transmits'
in_ns a ip address add 2001:db8:1::6/64 dev eth1
finds 'one that does not become usable' address-tentative 'warning address-tentative eth1'
in_ns a ip address del 2001:db8:1::6/64 dev eth1
in_ns a ip address add 2001:db8:1::7/64 dev eth1 nodad preferred_lft 0 valid_lft 1000
finds 'one that has run out' address-deprecated 'warning address-deprecated eth1'
in_ns a ip address add 2001:db8:1::8/64 dev eth1 nodad
finds 'beside another it does not matter' address-deprecated ''
in_ns a ip address flush dev eth1 scope global

# ---- routes ----
in_ns a ip route del default
finds 'IPv6 is a way out' default-missing ''
in_ns a ip -6 route del default
finds 'no default route' default-missing 'warning default-missing null'
lab_route a default via 203.0.113.1
lab_route a default via 2001:db8:ff::1
lab_addr a eth1 198.51.100.2/24
lab_addr a-g eth1 198.51.100.1/24
in_ns a ip route append default via 198.51.100.1
finds 'two of one metric' default-twice 'warning default-twice eth1'
in_ns a ip route del default via 198.51.100.1
in_ns a ip route add default via 198.51.100.1 metric 10
finds 'a second uplink without rules' default-asymmetric 'warning default-asymmetric eth1'
finds 'a loose filter' rp-filter ''
in_ns a sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth1/rp_filter'
finds 'a strict filter there' rp-filter 'warning rp-filter eth1'
in_ns a sh -c 'echo 0 >/proc/sys/net/ipv4/conf/eth1/rp_filter'
in_ns a ip rule add from 198.51.100.2 lookup 100
finds 'a rule by the address' default-asymmetric ''
in_ns a ip rule del from 198.51.100.2 lookup 100
in_ns a ip route del default metric 10

in_ns a ip -6 address add 2001:db8:1::9/64 dev eth1 nodad mngtmpaddr valid_lft 1000 preferred_lft 900
in_ns a sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth1/accept_ra'
finds 'a host listens to routers' accept-ra ''
in_ns a sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; echo 1 >/proc/sys/net/ipv6/conf/eth1/accept_ra'
finds 'a router does not' accept-ra 'warning accept-ra eth1'
in_ns a sh -c 'echo 2 >/proc/sys/net/ipv6/conf/eth1/accept_ra'
finds 'unless it is told to' accept-ra ''
in_ns a sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; echo 0 >/proc/sys/net/ipv6/conf/eth1/accept_ra'
in_ns a ip -6 address del 2001:db8:1::9/64 dev eth1

# ---- the gateway ----
in_ns a ip route replace default via 203.0.113.99
finds 'a gateway that is not there' gateway-neighbour 'error gateway-neighbour 203.0.113.99'
is "$(in_ns a "$ptdiag" check only gateway)" "$(manual man/ptdiag.8 'ptdiag check only gateway')" 'ptdiag(8) shows what comes'
in_ns a ip route replace default via 203.0.113.1
in_ns a ip -6 route replace default via 2001:db8:ff::99
finds 'IPv6: a gateway that is not there' gateway-neighbour 'error gateway-neighbour 2001:db8:ff::99'
in_ns a ip -6 route replace default via 2001:db8:ff::1
in_ns a-g nft add table inet t
in_ns a-g nft add chain inet t i '{ type filter hook input priority 0; }'
in_ns a-g nft add rule inet t i icmp type echo-request drop
finds 'a gateway that is silent' gateway 'note gateway-silent 203.0.113.1'
in_ns a-g nft flush chain inet t i
in_ns a-g nft add rule inet t i meta length '>' 1400 drop
finds 'large packets are lost' mtu-blackhole 'error mtu-blackhole 2001:db8:ff::1,error mtu-blackhole 203.0.113.1'
is "$(told quick)" 'note rules-loaded null' 'quick asks nobody'
in_ns a-g nft flush chain inet t i

# ---- names ----
: >"$lab_tmp/a.resolv"
finds 'no server' dns-none 'warning dns-none /etc/resolv.conf'
echo 'nameserver 203.0.113.1' >"$lab_tmp/a.resolv"
finds 'one that answers' dns ''
echo 'nameserver 203.0.113.9' >>"$lab_tmp/a.resolv"
finds 'one of two does not' dns-answer 'warning dns-answer 203.0.113.9'
echo 'nameserver 203.0.113.9' >"$lab_tmp/a.resolv"
finds 'none does' dns-answer 'error dns-answer 203.0.113.9'
echo 'nameserver 203.0.113.1' >"$lab_tmp/a.resolv"
echo 0.8 >"$lab_tmp/delay"
finds 'one that is slow' dns-answer 'warning dns-answer 203.0.113.1'
echo 0 >"$lab_tmp/delay"

# ---- what is counted ----
cat >"$lab_tmp/lazy.py" <<'PYTHON'
import socket, sys, time
t = socket.socket(); t.bind(('127.0.0.1', 7)); t.listen(0)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048); u.bind(('127.0.0.1', 7))
c = []
while True:
    s = socket.socket(); s.setblocking(False); s.connect_ex(('127.0.0.1', 7)); c.append(s)
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x' * 1000, ('127.0.0.1', 7))
    time.sleep(0.02)
PYTHON
# counted FILE GROUP NAME: it has begun.
# shellcheck disable=SC2016
counted() { in_ns a awk -v g="$2:" -v n="$3" '$1 == g && !h { for (i = 2; i <= NF; i++) if ($i == n) h = i; next } $1 == g { exit !($h > 0) }' "$1"; }
lab_bg a python3 "$lab_tmp/lazy.py"
lab_wait 20 counted /proc/net/netstat TcpExt ListenOverflows
finds 'connections that nobody takes' listen-overflows 'warning listen-overflows null'
finds 'datagrams that nobody reads' receive-buffers 'warning receive-buffers null'
lab_stop "$lab_last"
in_ns a sh -c 'echo 1 >/proc/sys/net/ipv4/ipfrag_time'
cat >"$lab_tmp/fragments.py" <<'PYTHON'
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
i = 0
while True:
    i = (i + 1) % 65536
    s.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 0, i, 0x2000, 64, 17, 0, socket.inet_aton('203.0.113.1'), socket.inet_aton('203.0.113.2')) + b'x' * 64, ('203.0.113.2', 0))
    time.sleep(0.02)
PYTHON
lab_bg a-g python3 "$lab_tmp/fragments.py"
lab_wait 20 counted /proc/net/snmp Ip ReasmFails
finds 'fragments that never become whole' fragments 'warning fragments null'
lab_stop "$lab_last"

# ---- Patronus ----
cat >"$lab_tmp/r.conf" <<'CONF'
system { forwarding = yes }
interface wan { device = "eth0" address = { "203.0.113.2/24" } }
interface lan { device = "eth2" address = { "10.9.0.1/24" } }
interface gone { device = "eth9" }
firewall { rules = { "pass quick from any to any", "pass in on wan proto tcp to port 22 keep state (max-src-conn 5, overload <bad> flush)" } }
table bad { persist = yes }
CONF
echo 'firewall { rules = { "pass quick from any to any" } }' >"$lab_tmp/w.conf"
if in_ns a "$build/ptfw" check -f "$lab_tmp/r.conf" >"$lab_tmp/out" 2>&1 && in_ns a "$build/ptfw" apply -f "$lab_tmp/r.conf" >"$lab_tmp/out" 2>&1; then
	in_ns a "$build/ptnet" apply -f "$lab_tmp/r.conf" >"$lab_tmp/out" 2>&1 || diag "$(cat "$lab_tmp/out")"
	finds 'rules in force' rules-loaded ''
	finds 'an interface that is not there' interface-missing 'error interface-missing eth9'
	in_ns a ip link set eth2 down
	finds 'one that is off' interface-disabled 'error interface-disabled eth2'
	in_ns a ip link set eth2 up
	in_ns a ip address flush dev eth2
	finds 'one without its address' address-missing 'error address-missing eth2'
	in_ns a sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	finds 'forwarding that is off' forwarding 'error forwarding IPv4'
	in_ns a sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	finds 'nobody ends connections' follower 'warning follower null'
	in_ns a nft add chain inet patronus mine
	finds 'somebody changed the rules' rules-drift 'warning rules-drift null'
	in_ns a nft delete table inet patronus
	finds 'somebody removed them' rules-loaded 'note rules-loaded null'
	finds 'no change waits' change-waiting ''
	ok 'a change that is to be confirmed' in_ns a "$build/ptconf" apply -f "$lab_tmp/w.conf" --confirm 60
	finds 'a change waits' change-waiting 'note change-waiting null'
	ok 'it is' in_ns a "$build/ptconf" confirm
	finds 'and does not wait' change-waiting ''
else
	fail 'the rules of the test'
	diag "$(cat "$lab_tmp/out")"
fi

# ---- no check without a test ----
# What a test wants to be found stands in it as "severity check"; that it is found is that test's own affair.
in_ns a "$ptdiag" check list -j | jq -r '.checks[].check' | sort >"$lab_tmp/checks"
grep -hoE '(error|warning|note) [a-z]+(-[a-z]+)*' tests/netns/check.sh tests/unit/finding.c tests/vm/check.t |
	cut -d' ' -f2 | sort -u >"$lab_tmp/provoked"
is "$(comm -23 "$lab_tmp/checks" "$lab_tmp/provoked" | tr '\n' ' ')" '' 'each check is provoked by a test'

# ---- words and documents ----
in_ns a "$ptdiag" check -j >"$lab_tmp/document"
fits "$lab_tmp/document" findings 'the document is as its schema says'
in_ns a "$ptdiag" check list -j >"$lab_tmp/document"
fits "$lab_tmp/document" checks 'and the list'
ok 'at least 25 checks' [ "$(jq '.checks | length' "$lab_tmp/document")" -ge 25 ]
exits 1 'a check that is none' in_ns a "$ptdiag" check only link-dwon
like "$tap_out" "did you mean 'link-down'" 'the nearest is named'
is "$(in_ns a setpriv --reuid 65534 --regid 65534 --clear-groups "$ptdiag" check -j quick 2>/dev/null | jq -r '[.not_looked_at[].check] | join(",")')" \
	'rules-loaded,state-table-full' 'without privilege: what could not be looked at is told'
done_testing
