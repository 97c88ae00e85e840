#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Others who write firewall rules on the same machine: Debian's nftables.service, Docker, libvirt, fail2ban, firewalld,
# systemd-networkd. A hundred applies leave their tables as they were, to the byte and to the handle; what they do leaves ours;
# a packet must be admitted by all. And what happens when one of them empties everything.
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
needs nft

lab_ns fw out lan
lab_link fw eth0 out eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_addr lan eth0 10.1.0.2/24 fd01::2/64
lab_route out default via 10.0.0.1
lab_route out default via fd00::1
lab_route lan default via 10.1.0.1
lab_route lan default via fd01::1
lab_forward fw
lab_settle fw out lan
for ns in fw lan; do lab_bg "$ns" "$peer" serve "$ns" tcp/22 tcp/80; done
word() { in_ns "$1" "$peer" tcp "$2" "$3" 2>&1 | cut -d' ' -f1; }
listens() { [ "$(word fw 10.0.0.1 80) $(word lan 10.1.0.2 80)" = 'answered answered' ]; }
ok 'somebody listens' lab_wait 5 listens

# ---- the neighbours, as they write their tables ----
cat >"$lab_tmp/nftables-service" <<'NFT'
table inet filter {
	chain input { type filter hook input priority filter; policy accept; }
	chain forward { type filter hook forward priority filter; policy accept; }
	chain output { type filter hook output priority filter; policy accept; }
}
NFT
cat >"$lab_tmp/docker" <<'NFT'
table ip nat {
	chain DOCKER { iifname "docker0" counter return; iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80; }
	chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; fib daddr type local counter jump DOCKER; }
	chain OUTPUT { type nat hook output priority -100; policy accept; ip daddr != 127.0.0.0/8 fib daddr type local counter jump DOCKER; }
	chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept
		oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade
		ip saddr 172.17.0.2 ip daddr 172.17.0.2 tcp dport 80 counter masquerade
	}
}
table ip filter {
	chain DOCKER { iifname != "docker0" oifname "docker0" ip daddr 172.17.0.2 tcp dport 80 counter accept; }
	chain DOCKER-ISOLATION-STAGE-2 { oifname "docker0" counter drop; counter return; }
	chain DOCKER-ISOLATION-STAGE-1 { iifname "docker0" oifname != "docker0" counter jump DOCKER-ISOLATION-STAGE-2; counter return; }
	chain DOCKER-USER { counter return; }
	chain FORWARD { type filter hook forward priority filter; policy accept
		counter jump DOCKER-USER
		counter jump DOCKER-ISOLATION-STAGE-1
		oifname "docker0" ct state related,established counter accept
		oifname "docker0" counter jump DOCKER
		iifname "docker0" oifname != "docker0" counter accept
		iifname "docker0" oifname "docker0" counter accept
	}
}
table ip6 docker-bridges {
	map filter-forward-in-jumps { type ifname : verdict; elements = { "docker0" : jump filter-forward-in__docker0 }; }
	chain filter-forward-in__docker0 { ct state established,related counter accept; counter drop comment "UNPUBLISHED PORT DROP"; }
	chain filter-FORWARD { type filter hook forward priority filter; policy accept; oifname vmap @filter-forward-in-jumps; }
}
NFT
cat >"$lab_tmp/libvirt" <<'NFT'
table ip libvirt_network {
	chain forward { type filter hook forward priority filter; policy accept
		counter jump guest_cross
		counter jump guest_input
		counter jump guest_output
	}
	chain guest_output { ip saddr 192.168.122.0/24 iif "lo" counter accept; iifname "virbr0" counter reject; }
	chain guest_input { oifname "virbr0" ip daddr 192.168.122.0/24 ct state established,related counter accept; oifname "virbr0" counter reject; }
	chain guest_cross { iifname "virbr0" oifname "virbr0" counter accept; }
	chain guest_nat { type nat hook postrouting priority srcnat; policy accept
		ip saddr 192.168.122.0/24 ip daddr 224.0.0.0/24 counter return
		ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade
	}
}
table ip6 libvirt_network {
	chain forward { type filter hook forward priority filter; policy accept; }
}
NFT
cat >"$lab_tmp/fail2ban" <<'NFT'
table inet f2b-table {
	set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.9 }; }
	set addr6-set-sshd { type ipv6_addr; elements = { 2001:db8::9 }; }
	chain f2b-chain { type filter hook input priority filter - 1; policy accept
		tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable
		tcp dport 22 ip6 saddr @addr6-set-sshd reject with icmpv6 port-unreachable
	}
}
NFT
cat >"$lab_tmp/firewalld" <<'NFT'
table inet firewalld {
	chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; jump mangle_PREROUTING_ZONES; }
	chain mangle_PREROUTING_ZONES { return; }
	chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept; icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept; meta nfproto ipv6 fib saddr . mark . iif oif missing drop; }
	chain filter_INPUT { type filter hook input priority filter + 10; policy accept
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		jump filter_INPUT_ZONES
		ct state invalid drop
		reject with icmpx admin-prohibited
	}
	chain filter_INPUT_ZONES { tcp dport { 22, 80 } accept; meta l4proto { icmp, ipv6-icmp } accept; return; }
}
NFT
cat >"$lab_tmp/networkd" <<'NFT'
table ip io.systemd.nat {
	set masq_saddr { type ipv4_addr; flags interval; elements = { 10.99.0.0/24 }; }
	map map_port_ipport { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 8022 : 10.99.0.2 . 22 }; }
	chain prerouting { type nat hook prerouting priority dstnat + 1; policy accept; fib daddr type local dnat ip addr . port to meta l4proto . th dport map @map_port_ipport; }
	chain output { type nat hook output priority -99; policy accept; ip daddr != 127.0.0.0/8 oif "lo" dnat ip addr . port to meta l4proto . th dport map @map_port_ipport; }
	chain postrouting { type nat hook postrouting priority srcnat + 1; policy accept; ip saddr @masq_saddr masquerade; }
}
NFT
neighbours='nftables-service docker libvirt fail2ban firewalld networkd'
# What they have, with handles: a table made anew would have others. Packets in between count, so counters do not.
theirs()
{
	in_ns fw nft -n -a list ruleset | awk '/^table /{ours = $3 ~ /^patronus/} !ours' | sed 's/packets [0-9]* bytes [0-9]*//'
}
# Ours without handles: rules that went and came back have others.
ours() { in_ns fw nft -n list table inet patronus | sed 's/packets [0-9]* bytes [0-9]*//'; }

for who in $neighbours; do
	ok "$who: its table loads" in_ns fw nft -f "$lab_tmp/$who"
done
cat >"$lab_tmp/a.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }
table friends { addresses = { "10.0.0.2", "fd00::2" } }
firewall { rules = { "block all", "pass in on wan from <friends> to self", "pass in on wan proto tcp to port 80",
	"pass out on lan", "pass out on wan inet from lan:network nat-to (wan)" } }
CONF
sed -e 's/to port 80/to port { 80, 443 }/' -e 's/"10.0.0.2", /"10.0.0.0\/24", /' "$lab_tmp/a.conf" >"$lab_tmp/b.conf"

# ---- a hundred applies ----
before=$(theirs)
for engine in nft bpf; do
	ok "$engine: the first apply beside them" in_ns fw "$ptfw" -q apply --engine "$engine" -f "$lab_tmp/a.conf"
	is "$(theirs)" "$before" "$engine: the first apply leaves them alone"
	mine=$(ours)
	i=0
	failed=0
	while [ "$i" -lt 25 ]; do
		for file in b a; do
			in_ns fw "$ptfw" -q apply --engine "$engine" -f "$lab_tmp/$file.conf" || failed=$((failed + 1))
		done
		i=$((i + 1))
	done
	is "$failed" 0 "$engine: 50 applies of what differs"
	is "$(theirs)" "$before" "$engine: their tables are the same, byte for byte, with their handles"
	is "$(ours)" "$mine" "$engine: and ours"
done
i=0
handles=$(in_ns fw nft -n -a list ruleset | sed 's/packets [0-9]* bytes [0-9]*//')
while [ "$i" -lt 50 ]; do
	in_ns fw "$ptfw" -q apply --engine bpf -f "$lab_tmp/a.conf" || failed=$((failed + 1))
	i=$((i + 1))
done
is "$(in_ns fw nft -n -a list ruleset | sed 's/packets [0-9]* bytes [0-9]*//')" "$handles" \
	'50 more of the same file change not a handle, theirs or ours'
is "$failed" 0 'all of them were done'
exits 0 'diff finds nothing' in_ns fw "$ptfw" diff --engine bpf -f "$lab_tmp/a.conf"

# ---- both count ----
is "$(word out 10.0.0.1 80) $(word out fd00::1 80)" 'answered answered' 'what all admit passes'
in_ns fw nft add element inet f2b-table addr-set-sshd '{ 10.0.0.2 }'
in_ns fw nft add element inet f2b-table addr6-set-sshd '{ fd00::2 }'
is "$(word out 10.0.0.1 22) $(word out fd00::1 22)" 'refused refused' 'whom fail2ban bans is refused, although we admit him'
in_ns fw nft delete element inet f2b-table addr-set-sshd '{ 10.0.0.2 }'
in_ns fw nft delete element inet f2b-table addr6-set-sshd '{ fd00::2 }'
is "$(word out 10.0.0.1 22) $(word out fd00::1 22)" 'answered answered' 'and then not any more'
is "$(word lan 10.0.0.1 22) $(word lan fd00::1 22)" 'silence silence' 'what we block they cannot admit'
is "$(word out 10.1.0.2 80) $(word out fd01::2 80)" 'answered answered' 'forwarded through their chains and ours'

# ---- what they do ----
mine=$(ours)
for who in $neighbours; do
	sed -n 's/^table \([a-z0-9]*\) \([^ ]*\) {.*/delete table \1 \2/p' "$lab_tmp/$who" >"$lab_tmp/again"
	cat "$lab_tmp/$who" >>"$lab_tmp/again"
	ok "$who: starts anew" in_ns fw nft -f "$lab_tmp/again"
done
is "$(ours)" "$mine" 'that they start anew leaves ours as it was'
exits 0 'diff finds nothing' in_ns fw "$ptfw" diff --engine bpf -f "$lab_tmp/a.conf"
is "$(word out 10.0.0.1 80) $(word lan 10.0.0.1 22)" 'answered silence' 'the rules are in force'
in_ns fw "$ptfw" -q stop
before=$(theirs)
in_ns fw "$ptfw" -q stop --open
is "$(theirs)" "$before" 'stop touches nothing of theirs either'
is "$(word lan 10.0.0.1 22)" answered 'open: only theirs are left'
in_ns fw "$ptfw" -q apply -f "$lab_tmp/a.conf"

# ---- nftables.service empties everything when it starts, reloads and stops ----
in_ns fw nft flush ruleset
is "$(word lan 10.0.0.1 22)" answered 'flush ruleset: nothing is blocked any more'
exits 3 'flush ruleset: diff tells' in_ns fw "$ptfw" diff -f "$lab_tmp/a.conf"
ok 'flush ruleset: an apply brings them back' in_ns fw "$ptfw" -q apply -f "$lab_tmp/a.conf"
exits 0 'flush ruleset: all of them' in_ns fw "$ptfw" diff -f "$lab_tmp/a.conf"
is "$(word lan 10.0.0.1 22) $(word lan fd00::1 22)" 'silence silence' 'flush ruleset: and in force'
done_testing
