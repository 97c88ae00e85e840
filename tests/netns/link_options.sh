#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What links have beside their attributes, with a real kernel: many ends of a vxlan, addresses that are answered for, work of the
# hardware, router advertisements. Each is set once, changed in place, taken away, undone, and left alone where it is somebody else's.
#
#     host  10.0.0.2 10.0.0.3 fd00::2 ---- eth0 [ fw ] eth1 ---- 10.3.0.2 fd03::2  lan
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs ping python3

lab_ns fw host lan
lab_link fw eth0 host eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr host eth0 10.0.0.2/24 10.0.0.3/24 fd00::2/64
lab_addr fw eth1 10.3.0.1/24 fd03::1/64
lab_addr lan eth0 10.3.0.2/24 10.3.0.3/24 fd03::2/64
lab_route lan default via 10.3.0.1
lab_route lan default via fd03::1
lab_forward fw
lab_settle fw host lan

conf=$lab_tmp/fw.conf
pt() { in_ns fw "$ptnet" "$@"; }
apply() { pt apply -f "$conf"; }
setting() { in_ns fw cat "/proc/sys/net/ipv6/conf/$1/$2"; }
# The value of one work of the hardware, asked as ethtool(8) asks.
offload()
{
	in_ns fw python3 -c 'import array, fcntl, socket, struct, sys
value = array.array("B", struct.pack("II", int(sys.argv[2], 16), 0))
fcntl.ioctl(socket.socket(), 0x8946, struct.pack("16sP", sys.argv[1].encode(), value.buffer_info()[0]))
print(struct.unpack("II", value)[1])' "$1" "$2"
}
ends() { in_ns fw bridge fdb show dev vx0 | sed -n 's/^00:00:00:00:00:00 dst \([^ ]*\).*/\1/p' | sort | tr '\n' ' '; }
proxies() { in_ns fw ip "$1" neighbour show proxy | sort | sed 's/ *$//' | tr '\n' '|'; }

write()
{
	cat >"$conf" <<CONF
interface eth0 { proxy = { $1 } offload = { $2 } }
interface eth1 { $4 }
interface vx0 { type = vxlan id = 5 local = "10.0.0.1" remote = "10.0.0.2" remotes = { $3 } address = { "10.5.0.1/24" } }
CONF
}
in_ns fw ip neighbour add proxy 10.0.0.99 dev eth0
# What is noted: the value and the device.
noted() { in_ns fw sh -c 'tail -qn +2 /run/patronus/network.*.before 2>/dev/null' | cut -d' ' -f3,5; }
ra=$(setting eth1 accept_ra)
had=$(printf '%s\n' "$(offload eth0 1e) eth0" "$(setting eth0 proxy_ndp) eth0" "$(setting eth1 accept_ra) eth1" "$(offload eth0 2b) eth0" |
	if [ "$(offload eth0 2b)" = 1 ]; then sed '$d'; else cat; fi | sort | tr '\n' ' ')
write '"10.3.0.2", "fd03::2"' '"tso off", "gro on"' '"10.0.0.3"' 'address = { auto }'
like "$(pt diff -f "$conf")" '^set option eth0 offload tso off' 'diff tells it in the words of the file'
is "$(offload eth0 1e)" 1 'tso is on before'
ok 'apply' apply
is "$(offload eth0 1e)$(offload eth0 2b)" 01 'offload: tso is off, gro is on'
is "$(noted | sort | tr '\n' ' ')" "$had" 'what was before is noted'
is "$(ends)" '10.0.0.2 10.0.0.3 ' 'remotes: both ends'
like "$(proxies -4)" '10\.3\.0\.2 dev eth0 +proxy' 'proxy: IPv4'
is "$(setting eth0 proxy_ndp) $(setting eth1 accept_ra)" '1 2' 'proxy of IPv6 is on, and routers are believed'
like "$(apply)" 'nothing written' 'a second apply writes nothing'
is "$(pt diff -f "$conf")" '' 'and diff is empty'

reach() { in_ns host ping -q -c 1 -W 2 "$1" >/dev/null; }
in_ns host ip route add 10.3.0.0/24 dev eth0
in_ns host ip -6 route add fd03::/64 dev eth0
ok 'who asks for an IPv4 address elsewhere gets through' lab_wait 10 reach 10.3.0.2
ok 'who asks for an IPv6 address elsewhere gets through' lab_wait 10 reach fd03::2
exits 1 'others are not answered for' reach 10.3.0.3

# Frames to nobody known reach both ends: each a vxlan of its own namespace would answer; here the outer packets are counted.
if command -v tcpdump >/dev/null; then
	lab_bg host tcpdump -qni eth0 -U -w "$lab_tmp/vx.pcap" 'udp port 4789' 2>/dev/null
	lab_wait 5 test -s "$lab_tmp/vx.pcap"
	in_ns fw ping -q -c 1 -W 1 10.5.0.77 >/dev/null
	seen() { tcpdump -nr "$lab_tmp/vx.pcap" 2>/dev/null | grep -q "> $1.4789"; }
	ok 'flooded frames go to the first end' lab_wait 5 seen 10.0.0.2
	ok 'and to the second' lab_wait 5 seen 10.0.0.3
else
	skip 'needs tcpdump' 'frames to both ends'
fi

index=$(in_ns fw ip -o link show vx0 | cut -d: -f1)
write '"10.3.0.2"' '"tso on"' '"10.0.0.4", "10.0.0.5"' ''
ok 'other ends, fewer proxies' apply
is "$(ends)" '10.0.0.2 10.0.0.4 10.0.0.5 ' 'remotes: changed in place'
is "$(in_ns fw ip -o link show vx0 | cut -d: -f1)" "$index" 'it is the same link'
is "$(proxies -6)" '' 'proxy: what is no more in the file is gone'
like "$(proxies -4)" '10\.0\.0\.99' 'proxy: what somebody else set stays'
is "$(offload eth0 1e)" 1 'tso is on again'
is "$(setting eth0 proxy_ndp) $(setting eth1 accept_ra)" "0 $ra" 'what the file does not name any more is as it was'
is "$(noted)" '1 eth0' 'and only of what it names it is known how that was'

# ---- undone ----

before=$(ends; proxies -4; proxies -6; offload eth0 1e; setting eth1 accept_ra)
write '"10.3.0.9", "fd03::9"' '"tso off"' '"10.0.0.6"' 'address = { auto }'
echo 'interface zz { type = macvlan parent = eth0 mtu = 9000 }' >>"$conf"
exits 2 'a refusal behind them' apply
is "$(ends; proxies -4; proxies -6; offload eth0 1e; setting eth1 accept_ra)" "$before" 'leaves nothing'
write '"10.3.0.2"' '"lro on"' '"10.0.0.4", "10.0.0.5"' ''
like "$(apply 2>&1)" 'fw\.conf:1:.*refuses to set option eth0 offload lro on' 'what the device cannot is told, with its place'
is "$(ends)" '10.0.0.2 10.0.0.4 10.0.0.5 ' 'and changes nothing'

# ---- as it was ----

write '' '"tso off"' '"10.0.0.4", "10.0.0.5"' 'address = { auto }'
echo 'interface br9 { type = bridge address = { auto } offload = { "tx off" } }' >>"$conf"
ok 'options of hardware, and of a link that is made' apply
is "$(offload eth0 1e) $(setting eth1 accept_ra) $(setting br9 accept_ra) $(offload br9 16)" '0 2 2 0' 'they are set'
write '' '' '"10.0.0.4", "10.0.0.5"' ''
echo 'interface br9 { type = bridge }' >>"$conf"
is "$(pt diff -f "$conf" | sort)" "set option br9 accept_ra $ra
set option br9 offload tx on
set option eth0 offload tso on
set option eth1 accept_ra $ra" 'what they had before is wanted'
ok 'they are named no more' apply
is "$(offload eth0 1e) $(setting eth1 accept_ra) $(setting br9 accept_ra) $(offload br9 16)" "1 $ra $ra 1" 'all is as it was'
is "$(noted)" '' 'and nothing is noted'
like "$(apply)" 'nothing written' 'a second apply writes nothing'
write '' '"tso off"' '"10.0.0.4", "10.0.0.5"' ''
ok 'once more' apply
in_ns fw sh -c 'echo garbage | tee /run/patronus/network.*.before >/dev/null'
write '' '' '"10.0.0.4", "10.0.0.5"' ''
like "$(apply 2>&1)" 'cannot be read, so what links had before' 'a damaged note is told'
is "$(offload eth0 1e)" 0 'and changes nothing'

echo 'interface eth0 { }' >"$conf"
ok 'all goes' apply
is "$(proxies -4)$(proxies -6)" '10.0.0.99 dev eth0 proxy|' 'but what is of others'
done_testing
