#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The boundaries of the modules, read from the sources and the objects: who includes whom,
# what never sees a kernel header, and which calls a library must not make.

cd "${PATRONUS_TOP:-$(dirname "$0")/..}" || exit 1
build=${PATRONUS_BUILD:-build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh

# From the bottom up; modules of one line know nothing of each other.
ranks='
base
out
names geoip
rule
conf
policy
space
import
nl
net
nft ct tc wg bpf log
plan
wan svc diag status
cli
'

rank_of()
{
	printf '%s' "$ranks" | awk -v m="$1" '{ for (i = 1; i <= NF; i++) if ($i == m) { print NR; exit } }'
}

# The public headers that are not called after their module.
module_of_header()
{
	case $1 in
	addr | spawn | textdiff | work | zone) echo base ;;
	link | address | neighbour | wake | route | route_rule | trait) echo net ;;
	classify) echo policy ;;
	shape) echo tc ;;
	each) echo bpf ;;
	edit | history | record) echo conf ;;
	lease | subsystem | change | drift | hand | vip | roles) echo plan ;;
	nft_trace) echo nft ;;
	trace | learn | reach | watch) echo plan ;;
	lint) echo space ;;
	probe | dns | dial | capture | socket | activity | finding | why | iperf | sandbox | vendor) echo diag ;;
	screen | line) echo cli ;;
	rule_complete) echo rule ;;
	*) echo "$1" ;;
	esac
}

includes_of()
{
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]\([^>"]*\)[>"].*/\1/p' "$1"
}

# check_includes MODULE FILE: prints what is wrong with it.
check_includes()
{
	own=$(rank_of "$1")
	for inc in $(includes_of "$2"); do
		case $inc in
		patronus/*.h)
			other=${inc#patronus/}
			other=$(module_of_header "${other%.h}")
			;;
		*/*.h)
			other=${inc%%/*}
			[ -f "lib/$inc" ] || continue
			# Headers in a module's own folder are private to it.
			[ "$other" = "$1" ] || echo "$2 includes $inc, which is private to $other"
			;;
		*) continue ;;
		esac
		[ "$other" = "$1" ] && continue
		theirs=$(rank_of "$other")
		if [ -z "$theirs" ]; then
			echo "$2 includes $inc of a module without a place"
		elif [ "$theirs" -ge "$own" ]; then
			echo "$2 includes $inc, which is not below $1"
		fi
	done
}

is "$(rank_of base) $(rank_of cli)" "2 15" 'the ranks are read'

for dir in lib/*/; do
	module=${dir#lib/}
	module=${module%/}
	[ "$module" = include ] && continue
	[ -n "$(find "$dir" -name '*.[ch]')" ] || continue
	if [ -z "$(rank_of "$module")" ]; then
		fail "lib/$module has a place among the layers"
		continue
	fi
	found=$(for f in "$dir"*.[ch]; do
		[ -f "$f" ] && check_includes "$module" "$f"
	done)
	is "$found" '' "$module includes only what is below it"
done

found=$(for f in lib/include/patronus/*.h; do
	m=${f##*/}
	check_includes "$(module_of_header "${m%.h}")" "$f"
done)
is "$found" '' 'public headers include only what is below them'

found=$(for f in cmd/*/*.[ch]; do
	[ -f "$f" ] || continue
	for inc in $(includes_of "$f"); do
		case $inc in
		*/*) m=${inc%%/*}; [ "$m" != patronus ] && [ -f "lib/$inc" ] && echo "$f includes $inc" ;;
		esac
	done
done)
is "$found" '' 'tools use the public headers only'

# <net/if.h> is POSIX, for the length of an interface's name; nettle is arithmetic.
kernel='^[[:space:]]*#[[:space:]]*include[[:space:]]*<(linux|net|netinet|net[a-z]*|asm|libmnl|libnftnl)/'
found=$(grep -EnH "$kernel" lib/base/*.[ch] lib/out/*.[ch] lib/rule/*.[ch] lib/conf/*.[ch] lib/policy/*.[ch] lib/space/*.[ch] lib/import/*.[ch] \
	lib/include/patronus/base.h lib/include/patronus/addr.h lib/include/patronus/out.h \
	lib/include/patronus/rule.h lib/include/patronus/conf.h lib/include/patronus/policy.h \
	lib/include/patronus/import.h lib/include/patronus/space.h 2>/dev/null |
	grep -v -e '<net/if\.h>' -e '<nettle/')
is "$found" '' 'base, out, rule, conf, policy and space see no kernel header'

# ---- calls ----

# Objects of sources that are gone say nothing.
objects_of()
{
	for c in "$1"/*/*.c; do
		o=$build/obj/${c%.c}.o
		[ -f "$o" ] && echo "$o"
	done
}

objects=$(objects_of lib)
tools=$(objects_of cmd)

# undefined REGEX OBJECT...: who needs a symbol that matches.
undefined()
{
	re=$1
	shift
	for o in "$@"; do
		nm -u "$o" | awk -v re="^($re)(@.*)?$" -v o="${o#"$build"/obj/}" '$2 ~ re { print o ": " $2 }'
	done
}

# One file starts other programs, and sets their signals before they are them.
if [ -z "$objects" ]; then
	skip 'nothing is built' 'calls'
else
	never='system|popen|wordexp|exec[lv][a-z]*|strcpy|__strcpy_chk|strcat|__strcat_chk|v?sprintf|__v?sprintf_chk|gets|ato[il]+|mktemp|tmpnam|rand|strtok'
	# The lists are words, to be split.
	# shellcheck disable=SC2086
	is "$(undefined "$never" $objects $tools | grep -vxF 'lib/base/spawn.o: execve')" '' 'no shell, no unbounded copies, no unchecked numbers'

	quiet=$(printf '%s\n' "$objects" | grep -v /obj/lib/cli/)
	# shellcheck disable=SC2086
	is "$(undefined '(v?printf|__v?printf_chk|puts|putchar|perror|stdout|stderr|psignal|err|errx|warn|warnx)' $quiet)" '' \
		'the library prints nothing'
	# shellcheck disable=SC2086
	is "$(undefined '(exit|quick_exit|abort|__assert_fail|atexit)' $quiet)" '' 'the library ends no process'
	# shellcheck disable=SC2086
	is "$(undefined '(setlocale|setenv|putenv|getenv|clearenv|signal|sigaction|raise)' $quiet)" '' \
		'the library leaves environment, locale and signals alone'

	# Constant tables with pointers are relocated once and then read-only: .data.rel.ro.
	found=$(for o in $quiet; do
		objdump -t "$o" | awk -v o="${o#"$build"/obj/}" \
			'/ O / && ($4 ~ /^\.(data|bss|tdata|tbss)$/ || $4 == "*COM*" || $3 == "*COM*") { print o ": " $NF }
			 / O / && ($3 ~ /^\.(data|bss|tdata|tbss)$/) { print o ": " $NF }'
	done | sort -u)
	is "$found" '' 'the library keeps no mutable globals'
fi

# The compiler turns some of these into others, so the sources are read too.
found=$(grep -nE '\b(system|popen|wordexp|exec[lv]p?e?|strcpy|strcat|v?sprintf|gets|alloca|ato[il]+)[[:space:]]*\(' \
	lib/*/*.[ch] cmd/*/*.[ch] 2>/dev/null | grep -vE -e ':[[:space:]]*(/?\*|//)' -e '^lib/base/spawn\.c:[0-9]+:[[:space:]]*execve\(t->s->path,')
is "$found" '' 'no source calls what the library must not'

so=$(find "$build" -maxdepth 1 -name 'libpatronus.so.*' | head -n 1)
if [ -n "$so" ]; then
	found=$(nm -D --defined-only "$so" | awk '$2 ~ /[A-Z]/ && $3 !~ /^pt_/ { print $3 }')
	is "$found" '' 'the shared library exports pt_ names only'
else
	skip 'no shared library is built' 'exported names'
fi

found=$(find lib cmd tests contrib -name '*.[ch]' -exec sh -c 'for f; do
	head -n 1 "$f" | grep -q "SPDX-License-Identifier: GPL-3.0-or-later" || echo "$f"; done' sh {} +)
is "$found" '' 'every source names its licence first'

found=$(find lib cmd -name '*.c' -exec awk 'END { if (NR > 800) print FILENAME ": " NR " lines" }' {} \;)
is "$found" '' 'no source is longer than 800 lines'

done_testing
