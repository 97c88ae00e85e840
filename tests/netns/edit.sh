#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Single values of the common file, read and changed by ptconf, and the file in an editor: what is written, what is refused,
# and that nothing else of the file or its folder changes. The examples of ptconf(8) do what they say.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
top=$PWD
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
[ "$(id -u)" -eq 0 ] || skip_all 'needs root: files of others are refused'
needs jq
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -m 755 "$tmp/etc"
cd "$tmp/etc" || exit 1
file=$tmp/etc/patronus.conf
conf() { "$build/ptconf" -f "$file" "$@"; }

fresh()
{
	cat >"$file" <<'END'
# The office.
interface lan {
	device  = "eth1"    # inside
	address = { "192.168.1.1/24" }
}

table admins { addresses = { "192.168.1.9" } }

firewall {
	rules = {
		# what is not said below
		"block log label default",
		"pass out",
	}
}
END
}
fresh

# ---- get ----
is "$(conf get interface lan device)" eth1 'get: one value'
is "$(conf get firewall.rules | wc -l)" 2 'get: one line a value'
is "$(conf get firewall builtin)" true 'get: a default'
like "$(conf get -d firewall)" '^# default: builtin = true' 'get -d: defaults are marked'
is "$(conf get table admins)" 'table admins { addresses = { "192.168.1.9" } }' 'get: a section as it stands there'
exits 3 'get: nothing there' conf get interface lan groups
exits 1 'get: no such option' conf get interface lan gruops
exits 1 'get: no such file' "$build/ptconf" -f "$tmp/none" get firewall

# ---- set and delete ----
cp "$file" "$tmp/before"
chmod 640 "$file"
chown 0:1 "$file"
ok 'set' conf set interface lan address 10.0.0.1/24
is "$(diff "$tmp/before" "$file" | grep '^[<>]')" '< 	address = { "192.168.1.1/24" }
> 	address = { "192.168.1.1/24", "10.0.0.1/24" }' 'set: one line changed'
is "$(stat -c '%a %g' "$file")" '640 1' 'set: mode and group stay'
ok 'delete' conf delete interface lan address 10.0.0.1/24
ok 'delete: the bytes are those of before' cmp "$tmp/before" "$file"
is "$(conf set interface lan device eth1)" "$file says that already" 'set: what is there already'
ok 'and no byte of it changes' cmp "$tmp/before" "$file"
is "$(conf set -n firewall rules pass in on lan)" '+		"pass in on lan",' 'set -n shows the line'
ok 'and writes nothing' cmp "$tmp/before" "$file"
exits 1 'set: a wrong value' conf set interface lan address 10.0.0.300/24
like "$(conf set interface lan address 10.0.0.300/24 2>&1)" '^command line:1:27: error' 'with its place on the command line'
exits 1 'set: a rule with a mistake' conf set firewall rules pass in on lann
exits 1 'delete: an interface that rules use stays' sh -c "'$build/ptconf' -f '$file' -q set firewall rules 'pass in on lan' && '$build/ptconf' -f '$file' delete interface lan"
conf -q delete firewall rules 'pass in on lan'
exits 3 'delete: nothing there' conf delete table nobody
ok 'what is refused changes nothing' cmp "$tmp/before" "$file"
exits 1 'standard input cannot be changed' "$build/ptconf" -f - set system name x
is "$(ls -A)" patronus.conf 'nothing else is left in the folder'

# ---- JSON ----
if python3 -c 'import jsonschema' 2>/dev/null; then
	for w in 'get:get firewall rules -j' 'get:get -d firewall -j' 'edit:set -n -j interface lan device eth7' 'edit:delete -n -j table admins'; do
		# The words are words, to be split.
		# shellcheck disable=SC2086
		conf ${w#*:} >"$tmp/out.json"
		ok "JSON of '${w#*:}' fits its schema" python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$tmp/out.json" "$top/contrib/schema/patronus.${w%%:*}.v1.json"
	done
else
	skip 'no python3-jsonschema' 'JSON fits its schemas'
fi

# ---- who may write where ----
ln -s "$file" "$tmp/etc/link.conf"
isnt "$("$build/ptconf" -f "$tmp/etc/link.conf" set system name x 2>&1)" '' 'a symbolic link is refused'
rm link.conf
chmod 666 "$file"
exits 4 'a file that others can write is refused' conf set system name x
chmod 644 "$file"
chmod 777 "$tmp/etc"
exits 4 'and one in such a folder' conf set system name x
chmod 755 "$tmp/etc"
ok 'nothing of that changed it' cmp "$tmp/before" "$file"

# ---- edit ----
# The words in single quotes are the editor's.
# shellcheck disable=SC2016
{
editor() { printf '#!/bin/sh\n%s\n' "$1" >"$tmp/editor"; chmod 755 "$tmp/editor"; }
edit() { VISUAL='' EDITOR="${2:-$tmp/editor}" "$build/ptconf" -f "$file" edit </dev/null; }
editor 'stat -c %a "$1" >'"$tmp/mode"'; sed -i "s/eth1/eth5/" "$1"'
ok 'edit: a change that is right is taken' edit x
is "$(conf get interface.lan.device)" eth5 'and is in the file'
is "$(cat "$tmp/mode")" 600 'only its author can read the copy'
editor 'sed -i "s/$1x/eth1/; s/eth5/eth1/" "$2"; [ "$1" = --flag ]'
ok 'edit: an editor with words' edit x "$tmp/editor --flag"
ok 'and the file is as it was' cmp "$tmp/before" "$file"
editor ':'
is "$(edit x)" "$file: nothing changed" 'edit: no change'
is "$(ls -A)" patronus.conf 'no copy is left'
editor 'sed -i "s/pass out/pass oot/" "$1"'
exits 1 'edit: a mistake' edit x
ok 'is not taken' cmp "$tmp/before" "$file"
said=$(edit x 2>&1)
like "$said" "^$file:[0-9]*:[0-9]*: error" 'its errors are shown at their place in the file'
kept=$(printf '%s\n' "$said" | sed -n 's/.*what was written is in //p')
ok 'and what was written is kept' grep -q 'pass oot' "$kept"
rm -f .patronus.conf.edit-*
editor 'sed -i "s/eth1/eth6/" "$1"; echo "# theirs" >>'"$file"
exits 2 'edit: somebody else changed the file meanwhile' edit x
like "$(tail -n 1 "$file")" '^# theirs' 'and that stays'
rm -f .patronus.conf.edit-*
cp "$tmp/before" "$file"
editor 'exit 3'
exits 2 'edit: an editor that fails' edit x
rm -f .patronus.conf.edit-*
exits 1 'edit: no such editor' edit x /nonexistent/editor
editor "$build/ptconf -f $file set system name x 2>$tmp/second; echo \$? >>$tmp/second"
edit x >/dev/null
like "$(cat "$tmp/second")" 'ptconf edit|process [0-9]+ holds it' 'edit: another change meanwhile is refused, and told who is at work'
is "$(tail -n 1 "$tmp/second")" 2 'with status 2'
is "$(ls -A)" patronus.conf 'nothing is left in the folder'

# What comes back is no file any more.
editor ': >"$1"'
said=$(edit x 2>&1)
exits 1 'edit: the editor cut the copy to nothing' edit x
ok 'the file is as it was' cmp "$tmp/before" "$file"
like "$said" 'error: the copy came back empty' 'that is told'
kept=$(printf '%s\n' "$said" | sed -n 's/.*what was written is in //p')
ok 'and where the copy is' test -f "$kept"
rm -f .patronus.conf.edit-*
editor 'printf "\n \t\n" >"$1"'
exits 1 'edit: only blanks are nothing, too' edit x
rm -f .patronus.conf.edit-*
editor 'rm -f "$1"'
said=$(edit x 2>&1)
exits 1 'edit: the editor removed the copy' edit x
ok 'the file is as it was' cmp "$tmp/before" "$file"
like "$said" 'took the copy away' 'that is told'
like "$said" 'the copy that was edited, .*, is gone' 'and that it is gone'
unlike "$said" 'what was written is in' 'nobody is sent to look for it'
editor 'chmod 666 "$1"; echo >>"$1"'
exits 4 'edit: a copy that others can write' edit x
rm -f .patronus.conf.edit-*
editor 'mv "$1" "$1.real"; ln -s "$1.real" "$1"'
exits 1 'edit: a link in the place of the copy' edit x
ok 'the file is as it was' cmp "$tmp/before" "$file"
rm -f .patronus.conf.edit-*
editor 'exit 3'
like "$(edit x 2>&1)" 'nothing else was written' 'edit: a copy that nobody changed is not kept'
is "$(ls -A)" patronus.conf 'nor left'

# Which editor.
is "$(edit x true)" "$file: nothing changed" 'edit: an editor by PATH'
exits 1 'edit: a name of blanks only' edit x '  '
exits 1 'edit: more words than anybody needs' edit x "$tmp/editor 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
exits 1 'edit: a folder is no editor' edit x "$tmp"
exits 1 'edit: nor is a file that nobody may run' edit x "$file"
editor 'printf "%s\n" "$#" "$1" "$2" >'"$tmp/words"
edit x "$tmp/editor  -a 	;rm" >/dev/null
is "$(sed -n 1,3p "$tmp/words" | tr '\n' ' ')" '3 -a ;rm ' 'edit: words of the editor are words, for no shell'
is "$(VISUAL=true EDITOR=/nonexistent "$build/ptconf" -f "$file" edit </dev/null)" "$file: nothing changed" 'edit: VISUAL before EDITOR'

# The terminal goes away, or somebody ends us: the file is as it was, and where the copy is was told.
for signal in HUP TERM; do
	rm -f "$tmp/ready"
	editor 'echo "# '$signal'" >>"$1"; echo $$ >'"$tmp/ready.new"'; mv '"$tmp/ready.new $tmp/ready"'; exec sleep 30'
	EDITOR=$tmp/editor VISUAL='' "$build/ptconf" -f "$file" edit </dev/null >"$tmp/said" 2>&1 &
	pid=$!
	n=0
	until [ -e "$tmp/ready" ] || [ "$n" -ge 200 ]; do
		n=$((n + 1))
		sleep 0.05
	done
	kill -"$signal" "$pid"
	rc=0
	wait "$pid" || rc=$?
	is "$rc" 2 "edit, SIG$signal: ends by itself"
	ok "edit, SIG$signal: the file is as it was" cmp "$tmp/before" "$file"
	kept=$(sed -n 's/.*what was written is in //p' "$tmp/said")
	is "$(tail -n 1 "$kept")" "# $signal" "edit, SIG$signal: where the copy is was told"
	exits 1 "edit, SIG$signal: the editor is gone" kill -0 "$(cat "$tmp/ready")"
	# shellcheck disable=SC2012
	is "$(ls -A | wc -l)" 2 "edit, SIG$signal: no lock is left"
	like "$(edit x true 2>&1)" "warning: $kept is left from an edit" "edit, SIG$signal: and the next edit tells of it"
	rm -f .patronus.conf.edit-*
done

# At a terminal it asks.
if command -v python3 >/dev/null; then
	editor 'if [ -e '"$tmp/again"' ]; then printf "system { name = \"again\" }\n" >"$1"; else : >"$1"; fi; : >'"$tmp/again"
	EDITOR=$tmp/editor python3 -c '
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.environ.pop("VISUAL", None)
    os.execv(sys.argv[1], sys.argv[1:])
said, answered = b"", False
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    said += part
    if b"[e/l]" in said and not answered:
        answered = True
        os.write(fd, b"e\n")
print(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$build/ptconf" -f "$file" edit >"$tmp/said"
	is "$?" 0 'edit: asked, and edited again'
	is "$(grep -c 'came back empty' "$tmp/said")" 1 'after it was told why'
	is "$(cat "$file")" 'system { name = "again" }' 'and the second result is taken'
	is "$(ls -A)" patronus.conf 'nothing is left'
	cp "$tmp/before" "$file"
else
	skip 'needs python3' 'edit: asked at a terminal'
fi
}

# ---- the lock of a session ----
state=$tmp/state
if command -v setsid >/dev/null; then
	setsid sh -c "'$build/ptconf' -q lock --state '$state'; echo done >'$tmp/locked'; sleep 30" &
	holder=$!
	n=0
	until [ -f "$tmp/locked" ] || [ "$n" -ge 200 ]; do
		n=$((n + 1))
		sleep 0.05
	done
	exits 2 'set: another session holds the lock' conf set --state "$state" system name x
	ok 'set --force: all the same' conf -q set --state "$state" --force -n system name x
	kill "$holder" 2>/dev/null
	wait "$holder" 2>/dev/null
else
	skip 'needs setsid' 'the lock of a session'
fi

# ---- included files ----
printf 'include("more.conf")\n' >>"$file"
printf 'table others { addresses = { 10.1.0.1 } }\n' >more.conf
ok 'set: an option of an included file' conf set table others addresses 10.1.0.2
is "$(cat more.conf)" 'table others { addresses = { 10.1.0.1, 10.1.0.2 } }' 'is changed there'
rm more.conf

# ---- includes that cannot be read ----
printf 'include("rules.d/none.conf")\n' >>"$file"
for path in 'table others' 'interface lan device' 'firewall rules'; do
	# The words are words, to be split.
	# shellcheck disable=SC2086
	exits 1 "get: $path, where an included file is missing" conf get $path
done
exits 1 'delete: where an included file is missing, nobody knows what is not there' conf delete table others
like "$(conf get table others 2>&1)" "^$file:[0-9]+:10: error: it cannot be included: reading .*none.conf" 'told where it is named'
is "$(conf get interface lan device 2>/dev/null)" '' 'and nothing else is said'
sed -i 's/rules.d.none/patronus/' "$file"
exits 1 'get: a file that includes itself' conf get table others
fresh

# ---- several rules ----
conf -q set firewall rules 'pass in on lan proto tcp label web'
cp "$file" "$tmp/rules"
exits 3 'delete: of two rules one is not there' conf delete firewall rules web ssh
ok 'and none goes' cmp "$tmp/rules" "$file"
ok 'delete: two rules by label and number' conf -q delete firewall rules web 2
is "$(conf get firewall rules)" 'block log label default' 'both go, and no other'
cp "$tmp/rules" "$file"
ok 'delete: one rule without quotes' conf -q delete firewall rules pass out
is "$(conf get firewall rules | wc -l)" 2 'is that one'
fresh

# ---- comments go where their rule goes ----
sed -i 's/"pass out",/# the way out\n\t\t"pass out", # always/' "$file"
ok 'set: a rule stands elsewhere' conf -q set firewall rules pass out before default
is "$(sed -n '/rules = {/,/^	}/p' "$file")" '	rules = {
		# the way out
		"pass out", # always
		# what is not said below
		"block log label default",
	}' 'with the comments above it and in its line'
fresh

# ---- time zones ----
if [ -r /usr/share/zoneinfo/Etc/UTC ]; then
	exits 1 'set: a time zone that there is not' conf set system timezone Europe/Nowhere
	said=$(conf set system timezone Europe/Berlim 2>&1)
	like "$said" '^command line:1:21: error: there is no time zone "Europe/Berlim"' 'under the word'
	like "$said" 'did you mean "Europe/Berlin"[?]' 'with the nearest name'
	printf 'system { timezone = "Europe/Nowhere" }\n' >>"$file"
	exits 1 'check: the same in the file' conf check
	like "$(conf check 2>&1)" "^$file:[0-9]+:22: error: there is no time zone" 'at its place'
	like "$(conf check 2>&1)" 'the nearest name is "[A-Z][A-Za-z]+/[A-Za-z_]+"' 'with the nearest name, however far that is'
	is "$(conf check -j | jq -r '.diagnostics[0] | "\(.line > 1) \(.column) \(.severity)"')" 'true 22 error' 'in JSON, too'
	exits 1 'and ptfw says the same' "$build/ptfw" check -f "$file"
	for zone in Europe posixrules/x zone1970 UTC/x; do
		sed -i "s|timezone = .*|timezone = \"$zone\" }|" "$file"
		exits 1 "check: $zone is no zone" conf check
	done
	for zone in UTC America/Argentina/Buenos_Aires Etc/GMT+3; do
		sed -i "s|timezone = .*|timezone = \"$zone\" }|" "$file"
		ok "check: $zone is one" conf check
	done
else
	skip 'needs tzdata' 'time zones'
fi
fresh

# ---- the page ----
fresh
sed -n 's/^# \(ptconf \(get\|set\|delete\) .*\)$/\1/p' "$top/man/ptconf.8" >"$tmp/examples"
is "$([ "$(wc -l <"$tmp/examples")" -ge 7 ] && echo many)" many 'the page has examples'
while read -r line; do
	case $line in
	*lann*) exits 1 "$line" sh -c "PATH='$build:$PATH' ${line%% set*} -f '$file' set ${line#* set }" ;;
	*) ok "$line" sh -c "PATH='$build:$PATH' ptconf -f '$file' ${line#ptconf }" ;;
	esac
done <"$tmp/examples"
is "$(conf set firewall rules pass in on lann 2>&1)" "$(sed -n '/^# ptconf set .* lann$/,/^\.Ed/ { /^#/d; /^\./d; p; }' "$top/man/ptconf.8")" \
	'the page shows what is said'

done_testing
