#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Debian's own kernel takes what we make: rules load and judge packets of both families, by chains and by the
# classifier, and what the running kernel may lack is there for other tests of this tier.
#
#     lan  10.0.0.2 fd00::2 ---- eth0 [ fw ]
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=$build/ptfw
peer=$build/contrib/demo/peer
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh
vm_inside -t 400 -M nf_tables,nf_conntrack

like "$(uname -r)" '^6\.12\..*-amd64$' "Debian's kernel: $(uname -r)"
for module in nbd ext4 wireguard 8021q bonding vrf sch_cake sch_fq_codel sch_netem nf_flow_table ip_gre sit; do
	ok "module $module" modprobe "$module"
done

lab_begin || skip_all "$lab_why"
lab_ns fw lan
lab_link fw eth0 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr lan eth0 10.0.0.2/24 fd00::2/64
lab_settle fw lan
lab_bg fw "$peer" serve fw tcp/22 tcp/23
reach() { [ "$(in_ns lan "$peer" tcp "$@" | cut -d' ' -f1)" = answered ]; }
listens() { reach 10.0.0.1 22 && reach fd00::1 23; }
ok 'somebody listens' lab_wait 20 listens

cat >"$lab_tmp/patronus.conf" <<'CONF'
interface lan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
firewall { rules = { "block all", "pass in on lan proto tcp to self port 22 label ssh" } }
CONF
for engine in nft bpf; do
	ok "engine $engine: rules load" in_ns fw "$ptfw" apply --engine "$engine" -f "$lab_tmp/patronus.conf"
	for address in 10.0.0.1 fd00::1; do
		exits 0 "engine $engine: $address port 22 passes" reach "$address" 22
		exits 1 "engine $engine: $address port 23 is blocked" reach "$address" 23
	done
done
like "$(in_ns fw "$ptfw" -j info)" '"engine": ?"bpf"' 'the classifier judges'

# The drivers of the other tier, with all their packets.
driver()
{
	"$build/tests/netns/$1.t" >"$lab_tmp/driver" 2>&1
	driver_rc=$?
	is "$driver_rc $(grep -c '^not ok' "$lab_tmp/driver")" '0 0' "$1.t: $(grep -c '^ok' "$lab_tmp/driver") cases"
	grep '^not ok' -A 8 "$lab_tmp/driver" | sed 's/^/# /'
}
driver classifier
driver packets_match
done_testing
