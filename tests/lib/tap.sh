# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# TAP for shell tests: every check is one line that prove counts, and a failure shows
# what came beside what was expected. Source it; end the test with `done_testing`.

tap_n=0
tap_failed=0

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

# skip_all REASON: the whole test needs what the machine lacks.
skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

# needs TOOL...: without one of them the whole test is skipped.
needs()
{
	for tap_tool; do
		command -v "$tap_tool" >/dev/null || skip_all "needs $tap_tool"
	done
}

pass()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $*"
}

fail()
{
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $*"
}

# skip REASON NAME: one check.
skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $2 # SKIP $1"
}

# ok NAME COMMAND...: the command succeeds; its output is shown when it does not.
ok()
{
	tap_name=$1
	shift
	if tap_out=$("$@" 2>&1); then
		pass "$tap_name"
	else
		tap_rc=$?
		fail "$tap_name"
		diag "exit $tap_rc of: $*"
		diag "$tap_out"
	fi
}

# exits STATUS NAME COMMAND...: exactly this exit status.
exits()
{
	tap_want=$1
	tap_name=$2
	shift 2
	tap_rc=0
	tap_out=$("$@" 2>&1) || tap_rc=$?
	if [ "$tap_rc" -eq "$tap_want" ]; then
		pass "$tap_name"
	else
		fail "$tap_name"
		diag "exit $tap_rc instead of $tap_want of: $*"
		diag "$tap_out"
	fi
}

# is GOT WANTED NAME
is()
{
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "got:    $1"
		diag "wanted: $2"
	fi
}

# isnt GOT UNWANTED NAME
isnt()
{
	if [ "$1" != "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "got: $1"
	fi
}

# like TEXT REGEX NAME: an extended regular expression matches a line.
like()
{
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		pass "$3"
	else
		fail "$3"
		diag "no line matches: $2"
		diag "$1"
	fi
}

unlike()
{
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		fail "$3"
		diag "a line matches: $2"
		diag "$1"
	else
		pass "$3"
	fi
}

# The plan stands at the end: a test that dies half-way has none and so fails.
done_testing()
{
	echo "1..$tap_n"
	[ "$tap_failed" -eq 0 ]
}

# fits JSON SCHEMA NAME: the document in a file keeps to contrib/schema/patronus.SCHEMA.v1.json
fits()
{
	if python3 -c 'import jsonschema' 2>/dev/null; then
		ok "$3" python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$1" "contrib/schema/patronus.$2.v1.json"
	else
		skip 'no python3-jsonschema' "$3"
	fi
}

# manual PAGE COMMAND: what the page shows behind "$ COMMAND", up to the next command or the end of the display
manual()
{
	awk -v command="\$ $2" '$0 == command { on = 1; next } /^\$ / || /^\.Ed/ { on = 0 } on' "$1" | sed 's/\\e/\\/g; s/\\&//g'
}

# each_fits FILE SCHEMA NAME: each line of the file does
each_fits()
{
	if python3 -c 'import jsonschema' 2>/dev/null; then
		ok "$3" python3 -c 'import json, jsonschema, sys
check = jsonschema.Draft7Validator(json.load(open(sys.argv[2])))
lines = open(sys.argv[1]).readlines()
assert lines
for line in lines:
    check.validate(json.loads(line))' "$1" "contrib/schema/patronus.$2.v1.json"
	else
		skip 'no python3-jsonschema' "$3"
	fi
}
