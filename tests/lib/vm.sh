# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# Tests in a virtual machine with Debian's kernel, see tests/vm/vmtest. A test is one file: outside it starts the
# machine and itself in it; what comes after vm_inside runs there, as root, over the files of this machine, and what
# it writes is gone afterwards. Building happens outside: emulation is 15 times slower.
#
#   vm_inside [OPTION...]  options are those of vmtest

# What the machine needs is there, or the test is skipped.
vm_needs()
{
	for vm_tool in qemu-system-x86_64 busybox modprobe cpio; do
		command -v "$vm_tool" >/dev/null || skip_all "needs $vm_tool: contrib/bootstrap packages check"
	done
	[ "$(id -u)" -eq 0 ] || skip_all 'needs root'
	vm_why=$(tests/vm/vmtest -p 2>&1) || skip_all "$vm_why"
	export PATRONUS_TOP="$PWD" PATRONUS_BUILD="${PATRONUS_BUILD:-$PWD/build}"
}

vm_inside()
{
	[ -z "${VMTEST:-}" ] || return 0
	vm_needs
	exec tests/vm/vmtest -e PATRONUS_TOP -e PATRONUS_BUILD -e PATRONUS_SEED -e VMTEST_SCALE "$@" -- sh "$0"
}
