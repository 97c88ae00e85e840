#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hostile-34: the power is cut at 100 moments of apply, confirm and rollback, on ext4 as it is. See
# tests/vm/powercut.c. The file system's journal is replayed by the kernel each time, and the machine boots. Without the syncs
# of ptconf the same must fail.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/vm.sh
. tests/lib/vm.sh
[ -x "$build/tests/vm/powercut" ] || skip_all 'needs make check-vm'
vm_inside -t 880 -M nbd,ext4,loop,nf_tables,nf_conntrack

# KIND CUTS CYCLES SECONDS
cuts()
{
	truncate -s 24M /tmp/medium
	ok "$1: a file system" mke2fs -q -F -t ext4 -b 1024 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0 /tmp/medium
	PATRONUS_SEED=${PATRONUS_SEED:-$(date +%s)} "$build/tests/vm/powercut" "$build/ptconf" /tmp/medium "$2" "$3" "$4" "$1" >/tmp/out 2>&1
	is "$?" 0 "hostile-34: $1: $2 cuts"
	sed 's/^[^#]/# &/' /tmp/out
}
cuts barrier "${VMTEST_SCALE:-100}" 4 560
cuts careless 10 1 60
done_testing
