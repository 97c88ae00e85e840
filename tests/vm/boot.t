#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Real reboots, with the history on a disk: a clock that is set by a year within the window, a reset within the window, then
# systemd boots: the block set before the network, the rules after it, and what was not confirmed is not in force. hostile-36.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptconf=$build/ptconf
ptfw=$build/ptfw
state=/var/lib/patronus
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh

write()
{
	mkdir -p /etc/patronus
	cat >/etc/patronus/patronus.conf <<-CONF
		system { forwarding = true }
		interface wan { device = "eth0" address = { "10.0.0.1/24" } }
		boot { ssh-on = { "wan" } }
		firewall { rules = { "block all label $1", "pass in on wan proto tcp to self port 22" } }
	CONF
}
rules() { "$ptfw" rule show 2>/dev/null | sed -n 's/.*label //p'; }
are() { [ "$(rules)" = "$1" ]; }

# ---- the first boot: what ends it is a reset, nothing is unmounted ----
if [ "${BOOT_STEP:-}" = first ]; then
	mkdir -p $state
	mount -t ext4 /dev/vda $state || exit 1
	chmod 700 $state
	write first
	ok 'a confirmed revision' "$ptconf" -q apply
	write clock
	ok 'another one, for 4 s' "$ptconf" -q apply --confirm 4
	date -s '+1 year' >/dev/null
	sleep 1
	is "$(rules)" clock 'hostile-35: the clock is set forward by a year: the window stays open'
	date -s '-2 years' >/dev/null
	ok 'hostile-35: set back by two: it is undone in time' lab_wait 9 are first
	date -s '+1 year' >/dev/null
	write asleep
	ok 'another one, for 3 s' "$ptconf" -q apply --confirm 3
	# The first half of a suspend, all processes frozen for 5 s: emulated devices do not wake again after the other one.
	echo freezer >/sys/power/pm_test
	echo freeze >/sys/power/state
	exits 3 'hostile-35: after a sleep over the deadline it cannot be confirmed any more' "$ptconf" confirm
	ok 'hostile-35: and is undone' lab_wait 9 are first
	write second
	ok 'another one, for 10 minutes' "$ptconf" -q apply --confirm 600
	is "$(rules)" second 'it is in force'
	sleep 1 # until what was said is outside; nothing is synced
	echo b >/proc/sysrq-trigger
	sleep 5
fi

# ---- the second one, by systemd ----
entered() { systemctl show -P "$2" "$1"; }
before()
{
	if [ "$1" -gt 0 ] && [ "$1" -le "$2" ]; then pass "$3"; else fail "$3"; diag "$1, then $2"; fi
}
if [ "${BOOT_STEP:-}" = second ]; then
	block=$(entered patronus-block.service ActiveEnterTimestampMonotonic)
	before "$block" "$(entered network-pre.target ActiveEnterTimestampMonotonic)" 'the block set is in force before network-pre.target'
	before "$block" "$(entered systemd-networkd.service ExecMainStartTimestampMonotonic)" 'and before systemd-networkd begins'
	before "$block" "$(entered patronus.service ExecMainStartTimestampMonotonic)" 'and before the rules'
	before "$(entered patronus.service ActiveEnterTimestampMonotonic)" "$(entered network.target ActiveEnterTimestampMonotonic)" \
		'which are in force before network.target'
	is "$(rules)" first 'hostile-36: a reset within the window: the confirmed revision is in force'
	like "$("$ptconf" history -o)" 'state=undone by=reboot' 'hostile-36: the history says that it was the reboot'
	unlike "$("$ptconf" status)" '^pending' 'hostile-36: nothing waits'
	is "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | tr '\n' ' ')" '1 1 ' 'it forwards'
	systemctl stop patronus.service patronus-block.service
	is "$(rules)" first 'stopping the units opens nothing'
	systemctl start patronus.service
	is "$(rules)" first 'nor does starting them again change anything'
	[ -z "$(systemctl list-units --failed --no-legend 'patronus*')" ] || diag "$(journalctl -b --no-pager -u 'patronus*')"
	is "$(systemctl list-units --failed --no-legend 'patronus*')" '' 'both units are well'
	"$ptfw" -q stop --open
	rm -r $state/history
	nft flush ruleset
	systemctl restart patronus-block.service
	systemctl restart patronus.service 2>/dev/null
	is "$(systemctl is-failed patronus.service)" failed 'no history: the unit fails'
	like "$(nft list table inet patronus)" 'hook input|hook prerouting' 'and the block set stays'
	done_testing
	exit
fi

[ -z "${VMTEST:-}" ] || exit 1
vm_needs
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
truncate -s 32M "$tmp/disk"
mke2fs -q -F -t ext4 "$tmp/disk"
mkdir "$tmp/units" "$tmp/units/sysinit.target.wants" "$tmp/units/vmtest.target.wants" "$tmp/units/local-fs.target.wants"
for unit in patronus-block patronus; do
	sed "s|@SBINDIR@|$build|g" "contrib/systemd/$unit.service" >"$tmp/units/$unit.service"
	sed -i '/^ProtectHome/d; /^PrivateTmp/d' "$tmp/units/$unit.service" # the program of the test may be there
done
ln -s ../patronus-block.service "$tmp/units/sysinit.target.wants/"
ln -s ../patronus.service "$tmp/units/vmtest.target.wants/"
ln -s /lib/systemd/system/systemd-networkd.service "$tmp/units/vmtest.target.wants/"
ln -s /lib/systemd/system/network.target "$tmp/units/vmtest.target.wants/"
# Not a mount unit: nobody waits for devices here.
cat >"$tmp/units/state-disk.service" <<UNIT
[Unit]
DefaultDependencies=no
Before=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mkdir -p $state
ExecStart=/bin/mount -t ext4 /dev/vda $state
UNIT
ln -s ../state-disk.service "$tmp/units/local-fs.target.wants/"
export BOOT_STEP=first
tests/vm/vmtest -d "$tmp/disk" -t 120 -M virtio_blk,ext4,nf_tables,nf_conntrack -e BOOT_STEP -e PATRONUS_TOP -e PATRONUS_BUILD -- sh "$0" \
	>"$tmp/first" 2>"$tmp/first.err"
grep -v '^1\.\.' "$tmp/first"
grep -q '^not ok' "$tmp/first" && sed 's/^/# /' "$tmp/first.err"
tap_n=$(grep -Ec '^(not )?ok ' "$tmp/first")
tap_failed=$(grep -c '^not ok' "$tmp/first")
is "$tap_n" 9 'the first boot came to its reset'
BOOT_STEP=second
tests/vm/vmtest -v -d "$tmp/disk" -s "$tmp/units" -t 240 -M virtio_blk,ext4,nf_tables,nf_conntrack -e BOOT_STEP -e PATRONUS_TOP -e PATRONUS_BUILD \
	-- sh "$0" >"$tmp/second" 2>"$tmp/second.err"
is "$?" 0 'the second boot, by systemd'
sed 's/^ok [0-9]*/# ok/; s/^not ok [0-9]*/# not ok/; s/^1\.\.\([0-9]*\)/# \1 checks/' "$tmp/second"
like "$(tr -d '\r' <"$tmp/second.err")" 'block set stays' 'what went wrong is told on the console'
[ "$tap_failed" -eq 0 ] || diag "$(tail -n 40 "$tmp/second.err")"
done_testing
