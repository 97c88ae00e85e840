#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hostile-34: the power is cut at 200 moments of apply, confirm and rollback, on ext4 as it is and without barriers. See
# tests/vm/powercut.c. The file system's journal is replayed by the kernel each time, and the machine boots.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh
[ -x "$build/tests/vm/powercut" ] || skip_all 'needs make check-vm'
vm_inside -t 880 -M nbd,ext4,loop,nf_tables,nf_conntrack

cuts=${VMTEST_SCALE:-100}
for kind in barrier nobarrier; do
	truncate -s 24M /tmp/medium.$kind
	ok "$kind: a file system" mke2fs -q -F -t ext4 -b 1024 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0 /tmp/medium.$kind
	PATRONUS_SEED=${PATRONUS_SEED:-$(date +%s)} "$build/tests/vm/powercut" "$build/ptconf" /tmp/medium.$kind "$cuts" 4 "$kind" \
		>/tmp/out.$kind 2>&1
	is "$?" 0 "hostile-34: $kind: $cuts cuts"
	sed 's/^[^#]/# &/' /tmp/out.$kind
done
done_testing
