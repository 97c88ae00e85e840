#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag check, of links that the running kernel may lack: bonds.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh
needs ethtool jq python3
vm_inside -t 300 -M bonding,tun

lab_begin || skip_all "$lab_why"
lab_ns a
# finds NAME CHECK WANTED
finds() { is "$(in_ns a "$ptdiag" check -j quick only "$2" | jq -r '[.findings[] | "\(.severity) \(.check) \(.subject)"] | sort | join(",")')" "$3" "$1"; }
carries() { in_ns a sh -c "ip link show $1 | grep -q LOWER_UP"; }

# A tap is as fast as it is told, and has a carrier while somebody holds it.
for tap in tap1 tap2; do
	in_ns a ip tuntap add dev $tap mode tap
	in_ns a ethtool -s $tap speed 1000 duplex full autoneg off
done
lab_bg a python3 -c 'import fcntl, os, struct, time
keep = [os.open("/dev/net/tun", os.O_RDWR) for _ in range(2)]
for i, f in enumerate(keep):
    fcntl.ioctl(f, 0x400454ca, struct.pack("16sH", b"tap%d" % (i + 1), 2 | 0x1000))
time.sleep(600)'
in_ns a ip link add bond0 type bond mode balance-rr miimon 100
for tap in tap1 tap2; do
	in_ns a ip link set $tap master bond0
done
in_ns a ip link set bond0 up
for link in tap1 tap2 bond0; do
	ok "$link has a carrier" lab_wait 20 carries $link
done
finds 'ports of one speed' bond-speed ''
in_ns a ethtool -s tap2 speed 100 duplex full autoneg off
finds 'ports of several speeds' bond-speed 'warning bond-speed bond0'
in_ns a ip link set tap2 nomaster
finds 'one alone' bond-speed ''
done_testing
