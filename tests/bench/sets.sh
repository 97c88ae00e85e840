# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# The rule sets: those of CLASSBENCH, a folder with ClassBench filters NAME_SIZE and traces NAME_SIZE_trace, or ones
# made up in their shape; IPv6 is always made up. Each becomes a line "NAME FILTERS TRACE" of $tmp/sets.
#
# What is not assigned here comes from run.sh.

made_up()
{
	set_name=$1_$2
	# -6 or nothing
	# shellcheck disable=SC2086
	tests/bench/classbench -g "${1%6}" -l "$2" -s "$seed" ${3:-} >"$tmp/$set_name"
	tests/bench/classbench -G -l 20000 -s "$seed" "$tmp/$set_name" >"$tmp/$set_name.trace"
	echo "$set_name $tmp/$set_name $tmp/$set_name.trace" >>"$tmp/sets"
}

from_folder()
{
	for set_file in "$CLASSBENCH"/*_[0-9]*; do
		set_name=${set_file##*/}
		set_name=${set_name%.gz}
		case $set_name in
		*_trace) continue ;;
		esac
		set_trace=$CLASSBENCH/${set_name}_trace
		[ -e "$set_trace" ] || set_trace=$set_trace.gz
		[ -e "$set_trace" ] || continue
		tests/bench/classbench -t -s "$seed" "$set_file" "$set_trace" >"$tmp/$set_name.trace"
		echo "$set_name $set_file $tmp/$set_name.trace" >>"$tmp/sets"
	done
}

make_sets()
{
	: >"$tmp/sets"
	if [ -n "${CLASSBENCH:-}" ]; then
		from_folder
	else
		for set_size in 1000 10000; do
			made_up acl $set_size
			made_up fw $set_size
		done
	fi
	made_up acl6 10000 -6
	[ "$mode" = quick ] || made_up fw6 10000 -6
}
