#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the network namespace it runs in a router: what arrives at in0 leaves by out0, both families, and
# ends there. States live long, so that those of one round are there in the next; checksums are
# not looked at, which a network card has done.
set -eu

ip link add in0 address 02:00:00:00:00:01 type veth peer name in1
ip link add out0 type ifb 2>/dev/null || ip link add out0 type dummy
echo 1 >/proc/sys/net/ipv6/conf/in1/disable_ipv6
for family in ipv4 ipv6; do
	echo 1 >/proc/sys/net/$family/conf/all/forwarding
done
for device in all in0; do
	echo 0 >/proc/sys/net/ipv4/conf/$device/rp_filter
done
ip address add 10.253.253.1/24 dev in0
ip address add 10.253.254.1/24 dev out0
ip address add fd00:253:1::1/64 dev in0 nodad
ip address add fd00:253:2::1/64 dev out0 nodad
for device in lo in0 in1 out0; do
	ip link set $device up
done
ip neighbour add 10.253.254.2 lladdr 02:00:00:00:00:33 dev out0 nud permanent
ip neighbour add fd00:253:2::2 lladdr 02:00:00:00:00:33 dev out0 nud permanent
ip route add default via 10.253.254.2
ip -6 route add default via fd00:253:2::2

conntrack=/proc/sys/net/netfilter/nf_conntrack
[ ! -e ${conntrack}_checksum ] || echo 0 >${conntrack}_checksum
for timeout in udp icmp icmpv6 generic gre tcp_timeout_syn_sent; do
	for file in ${conntrack}_${timeout}_timeout ${conntrack}_$timeout; do
		[ ! -e "$file" ] || echo 3600 >"$file"
	done
done
