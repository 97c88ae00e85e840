#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Virtual addresses: sections `vip`, by real packets and by the rules that name them; their state, and those by hand.
#
#     out  10.0.0.2 fd00::2 ---- eth0 [ fw ] eth1 ---- 10.1.0.2 fd01::2  in
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
lab_ns fw out in
lab_link fw eth0 out eth0
lab_link fw eth1 in eth0
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr in eth0 10.1.0.2/24 fd01::2/64 10.0.0.77/32 fd00::77/128
lab_route in default via 10.1.0.1
lab_route in default via fd01::1
lab_forward fw
pt() { in_ns fw "$ptnet" "$@"; }
show() { pt -f "$conf" vip show "$@"; }
cat >"$conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "10.0.0.9/24", "fd00::1/64" } proxy = { "10.0.0.78" } }
interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }
vip web { interface = wan address = "10.0.0.10/24" description = "the shop" }
vip web6 { interface = wan address = "fd00::10" }
vip pool { interface = wan address = "10.0.0.64/30" type = proxy }
vip guest { interface = wan address = "10.0.0.77" type = proxy }
vip guest6 { interface = wan address = "fd00::77" type = proxy }
vip routed { interface = wan address = "198.51.100.0/28" type = other }
network { routes = { "10.0.0.77/32 dev lan", "fd00::77/128 dev lan" } }
firewall { rules = {
	"block",
	"pass in on lan",
	"pass in on wan inet proto icmp to { $web, $guest }",
	"pass in on wan inet6 proto icmp6 to { $web6, $guest6 }",
	"pass out on lan",
	"pass in on wan inet proto tcp to $web port 80 rdr-to 10.1.0.2 label shop",
	"match out on wan inet from lan:network to 10.0.0.2 nat-to $web label shop-out",
	"match out on wan inet from lan:network to 198.18.0.0/15 nat-to $routed label pool-out",
	"pass out on wan",
} }
CONF
like "$(show)" '^web +10\.0\.0\.10/24 +alias +wan +eth0 +missing +file ' 'before an apply it is missing'
ok 'the rules take their names' in_ns fw "$build/ptfw" -f "$conf" apply
ok 'the file is put in force' pt -f "$conf" apply
lab_settle fw out in
like "$(pt -f "$conf" apply)" 'nothing written' 'a second apply writes nothing'
like "$(in_ns fw ip -o addr show dev eth0)" '10\.0\.0\.10/24 .*secondary' 'an alias is an address of the interface'
like "$(in_ns fw ip -o addr show dev eth0)" 'fd00::10/128' 'without a length it is alone in its network'
is "$(in_ns fw ip neigh show proxy | grep -c '10\.0\.0\.6[4-7] ')" 4 'a network is answered for, address by address'
reaches() { in_ns out ping -n -q -c 1 -W 2 "$1"; }
for a in 10.0.0.10 fd00::10; do ok "an alias answers: $a" lab_wait 5 reaches "$a"; done
for a in 10.0.0.77 fd00::77; do ok "one that is answered for is reached: $a" lab_wait 5 reaches "$a"; done
if command -v tcpdump >/dev/null; then
	lab_bg out tcpdump -qnli eth0 -c 1 'icmp[icmptype] == icmp-echo and src 10.0.0.10' >"$lab_tmp/seen" 2>/dev/null
	sleep 0.5
	in_ns in ping -n -q -c 1 -W 2 10.0.0.2 >/dev/null
	ok 'the pool of nat-to is the alias' lab_wait 5 grep -q '10\.0\.0\.10 > 10\.0\.0\.2' "$lab_tmp/seen"
else
	skip 'needs tcpdump' 'the pool of nat-to is the alias'
fi

# ---- show ----

like "$(show)" '^web +10\.0\.0\.10/24 +alias +wan +eth0 +present +file +nat-to:shop-out,rdr-to:shop$|^web +10\.0\.0\.10/24 +alias +wan +eth0 +present +file +rdr-to:shop,nat-to:shop-out$' \
	'its state, and the rules that use it'
like "$(show)" '^routed +198\.51\.100\.0/28 +other +wan +eth0 +unheld +file +nat-to:pool-out' 'one that is routed here'
like "$(show)" '^pool +10\.0\.0\.64/30 +proxy +wan +eth0 +present' 'a network'
like "$(show)" '^- +10\.0\.0\.9/24 +alias +wan +eth0 +present +file' 'an address without a name'
like "$(show)" '^- +10\.0\.0\.78/32 +proxy +wan +eth0 +present +file' 'and one that is answered for'
unlike "$(show)" '10\.0\.0\.1/24' 'the first one is none'
is "$(show web | wc -l)" 2 'one by its name'
is "$(show 10.0.0.10 | wc -l)" 2 'one by its address'
unlike "$(show -6)" '10\.0\.' 'one family'
like "$(show -d web)" 'the shop' 'with its description'
exits 3 'one that is not there' show nobody
in_ns fw ip addr del 10.0.0.10/24 dev eth0
in_ns fw ip neigh del proxy 10.0.0.65 dev eth0
like "$(show web)" ' missing ' 'one that somebody took away'
like "$(show pool)" ' missing ' 'and a part of a network'
in_ns fw ip addr add 10.0.0.10/32 dev eth1
like "$(show web)" ' duplicate ' 'one that another device has'
in_ns fw ip addr del 10.0.0.10/32 dev eth1
ok 'an apply puts them back' pt -f "$conf" apply
like "$(show web pool)" 'pool .* present' 'they are there again'
# Somebody on the link has it: the kernel finds out.
in_ns fw sysctl -qw net.ipv6.conf.eth0.accept_dad=1 net.ipv6.conf.eth0.dad_transmits=1
in_ns out ip addr add fd00::10/128 dev eth0 nodad
in_ns fw ip addr del fd00::10/128 dev eth0
ok 'an address that somebody has' pt -f "$conf" apply
refused() { show web6 | grep -q duplicate; }
ok 'is told' lab_wait 10 refused

# ---- by hand ----

is "$(pt -n vip add 10.0.0.20/24 dev eth0)" 'add address 10.0.0.20/24 dev eth0' '-n'
ok 'vip add' pt vip add 10.0.0.20/24 dev eth0
ok 'vip add, IPv6' pt vip add fd00::20 dev eth0
ok 'vip add, answered for' pt vip add 10.1.0.99 dev eth1 type proxy
ok 'vip add, answered for, IPv6' pt vip add fd01::99 dev eth1 type proxy
is "$(in_ns fw cat /proc/sys/net/ipv6/conf/eth1/proxy_ndp)" 1 'which IPv6 is told in two places'
like "$(show)" '^- +10\.0\.0\.20/24 +alias +wan +eth0 +present +hand' 'it is listed'
like "$(show)" '^- +fd01::99/128 +proxy +lan +eth1 +present +hand' 'and what is answered for'
ok 'an apply' pt -f "$conf" apply
like "$(show)" '10\.0\.0\.20/24 .* hand' 'leaves it'
ok 'vip delete' pt vip delete 10.0.0.20 dev eth0
ok 'vip delete, IPv6' pt vip delete fd00::20/128 dev eth0
ok 'vip delete, proxy' pt vip delete 10.1.0.99 dev eth1 type proxy
unlike "$(show)" '10\.0\.0\.20|10\.1\.0\.99' 'they are gone'
exits 3 'once more' pt vip delete 10.0.0.20 dev eth0
exits 1 'a type of which nothing is set' pt vip add 10.0.0.20 dev eth0 type other
exits 3 'a device that is not there' pt vip add 10.0.0.20 dev nowhere
is "$(pt complete -- -f "$conf" vip show we | tr '\n' ' ')" 'web web6 ' 'names are completed'

# ---- what is wrong in the file ----

# bad REGEX TEXT
bad()
{
	printf 'interface wan { device = "eth0" address = { "10.0.0.1/24" } }\n%s\n' "$2" >"$lab_tmp/bad.conf"
	like "$(pt check -f "$lab_tmp/bad.conf" 2>&1)" "bad\\.conf:2:.*$1" "wrong: $1"
}
bad 'has no address' 'vip a { interface = wan }'
bad 'has no interface' 'vip a { address = "10.0.0.5" }'
bad 'there is no interface lan' 'vip a { interface = lan address = "10.0.0.5" }'
bad 'in line 1 already' 'vip a { interface = wan address = "10.0.0.1" }'
bad 'in line 2 already' 'vip a { interface = wan address = "10.0.0.5" } vip b { interface = wan address = "10.0.0.4/30" type = proxy }'
bad 'no address that a machine can have' 'vip a { interface = wan address = "web" }'
bad 'its broadcast address' 'vip a { interface = wan address = "10.0.0.255/24" }'
bad 'bits behind the length' 'vip a { interface = wan address = "10.0.0.5/24" type = proxy }'
bad 'at most 256' 'vip a { interface = wan address = "10.8.0.0/20" type = proxy }'
bad 'alias, proxy or other' 'vip a { interface = wan address = "10.0.0.5" type = carp }'
bad 'there is a macro a already' 'vip a { interface = wan address = "10.0.0.5" } macro a { value = "x" }'

if python3 -c 'import jsonschema' 2>/dev/null; then
	show -j >"$lab_tmp/doc"
	ok 'show -j is as its schema says' python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$lab_tmp/doc" contrib/schema/patronus.vip.v1.json
else
	skip 'needs python3-jsonschema' 'show -j is as its schema says'
fi
done_testing
