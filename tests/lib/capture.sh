# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# A capture of ptdiag beside a shell test, in one of its namespaces. Source it behind tap.sh and lab.sh; $ptdiag is the program.

# capture_begin NAMESPACE ARGUMENTS...: in $capture; ready when it has given its privileges away
capture_begin()
{
	capture_ns=$1
	shift
	lab_bg "$capture_ns" "$ptdiag" capture "$@"
	capture=$lab_last
	lab_wait 10 grep -q 'NoNewPrivs:.1' "/proc/$capture/status"
	sleep 0.2
}

# capture_end STATUS NAME [SIGNAL]: "none" where it ends by itself
capture_end()
{
	sleep 0.3
	[ "${3-}" = none ] || kill "-${3-INT}" "$capture"
	wait "$capture"
	is "$?" "$1" "$2"
}
