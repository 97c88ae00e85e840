#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Configuration mode of the console: what is set is in the file and in the kernel after commit, all of it or nothing; others who
# change the file meanwhile lose nothing; a window that is not confirmed undoes itself.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
top=$PWD
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
lab_ns fw far
lab_link fw eth0 far eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr far eth0 10.0.0.2/24 fd00::2/64
lab_settle fw far

chmod 755 "$lab_tmp"
mkdir -m 755 "$lab_tmp/etc"
file=$lab_tmp/etc/patronus.conf
console() { in_ns fw "$build/ptsh" -f "$file" "$@"; }
# says LINE...: the lines of a script, whose status is in $rc and words in $said.
says()
{
	printf '%s\n' "$@" >"$lab_tmp/script"
	rc=0
	said=$(console -e "$lab_tmp/script" 2>&1) || rc=$?
}
rules() { in_ns fw "$build/ptfw" rule show 2>/dev/null | sed -n 's/.*label //p' | tr '\n' ' '; }
are() { [ "$(rules)" = "$1" ]; }
reaches() { in_ns far ping -c 1 -W 1 -q "$1"; }

cat >"$file" <<-CONF
	# The office.
	interface wan { device = "eth0" }  # outside
	firewall {
	    rules = {
	        "block label all",
	        "pass out label out",
	    }
	}
CONF
chmod 600 "$file"
cp "$file" "$lab_tmp/first"

# ---- commit, and packets ----
says configure commit
is "$rc" 0 'the file as it is can be committed'
exits 1 'it blocks' reaches 10.0.0.1
exits 1 'IPv6, too' reaches fd00::1
says configure 'set firewall rules pass in on wan inet proto icmp label ping4' 'set firewall rules "pass in on wan proto icmp6 label ping6"' 'compare'
is "$rc" 1 'a script that ends with changes is not right'
like "$said" '\+        "pass in on wan inet proto icmp label ping4"' 'compare shows the first'
like "$said" 'changes that are not committed' 'which is told'
is "$(cat "$file")" "$(cat "$lab_tmp/first")" 'the file is as it was'
says configure 'set firewall rules pass in on wan inet proto icmp label ping4' \
	'set firewall rules "pass in on wan proto icmp6 label ping6"' 'commit comment "let them ping"'
is "$rc" 0 'commit'
ok 'lets packets through' reaches 10.0.0.1
ok 'of IPv6, too' reaches fd00::1
like "$(cat "$file")" '# outside' 'the rest of the file stands as it stood'
like "$(in_ns fw "$build/ptconf" history | head -n 3)" 'let them ping' 'the history has the comment'
cp "$file" "$lab_tmp/second"

# ---- what is wrong ----
says configure 'set interface wan mtu 14000000'
is "$rc" 1 'a value out of its range is refused at once'
like "$said" 'mtu is a number: 68 to 65535' 'which is told'
like "$said" ' {27}\^~~~~~~~|\^~~~~~~~' 'under the word'
like "$said" 'script:2: status 1' 'with the line of the script'
says configure 'set firewall rules pass in on wan prto tcp'
is "$rc" 1 'so is a rule'
says configure 'set firewall rules pass in from <nobody>' commit
is "$rc" 1 'a table that is not there is found by commit'
is "$(cat "$file")" "$(cat "$lab_tmp/second")" 'the file is as it was'
ok 'and the rules are' are 'all out ping4 ping6 '
says configure 'set firewall rules pass in from <nobody>' 'set table nobody addresses 192.0.2.1' 'commit check' 'exit discard'
is "$rc: $said" '0: right' 'it may come later; check changes nothing'
is "$(cat "$file")" "$(cat "$lab_tmp/second")" 'the file is as it was'

printf '%s\n' configure 'set interface wan description refused' commit >"$lab_tmp/script"
rc=0; said=$(in_ns fw setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$build/ptsh" -e -f "$file" "$lab_tmp/script" 2>&1) || rc=$?
isnt "$rc" 0 'what the kernel refuses'
is "$(cat "$file")" "$(cat "$lab_tmp/second")" 'leaves the file as it was'
ok 'and the rules' are 'all out ping4 ping6 '

# ---- one by one ----
says configure 'rename interface wan outside' 'show interface outside' 'exit discard'
like "$said" 'interface outside' 'rename'
says configure 'rename interface wan to outside' 'show interface outside' 'exit discard'
like "$said" 'interface outside' 'also with a "to"'
says configure 'insert firewall rules ping6 before out' 'insert firewall rules 1 after out' 'show firewall' 'quit discard'
like "$(printf '%s' "$said" | tr -d '\n')" 'label ping6.*label out.*label all.*label ping4' 'insert moves a rule by its label or number'
says configure 'set firewall rules pass in on wan proto tcp label "quoted"' 'show firewall' 'exit discard'
like "$said" '"pass in on wan proto tcp label quoted"' 'quotes within a rule'
printf 'firewall { rules = { "pass", "block", "pass" } }\n' >"$lab_tmp/thrice.conf"
chmod 600 "$lab_tmp/thrice.conf"
in_ns fw "$build/ptsh" -f "$lab_tmp/thrice.conf" -c 'configure; show | display set' >"$lab_tmp/thrice"
{ echo configure; echo 'delete firewall'; cat "$lab_tmp/thrice"; echo 'show firewall'; echo 'exit discard'; } >"$lab_tmp/script"
like "$(in_ns fw "$build/ptsh" -e -f "$lab_tmp/thrice.conf" "$lab_tmp/script" | tr -d '\n\t ')" '"pass","block","pass"' 'rules of one word, as set lines'
printf '%s\n' configure 'set interface wan mtu 1400' 'run configure' 'run exit' compare 'commit confirmed 0' 'commit comment' 'exit discard' >"$lab_tmp/script"
said=$(console "$lab_tmp/script" 2>&1)
like "$said" 'configure is not for configuration mode' 'run does not begin another one'
like "$said" '^\+.*mtu' 'and takes no candidate away'
like "$said" 'commit confirmed: what stands behind it' 'commit tells what it wants'
says configure 'insert firewall rules "pass in quick proto tcp label ssh" before out' 'show firewall' 'exit discard'
like "$(printf '%s' "$said" | tr -d '\n')" 'label all.*label ssh.*label out' 'insert'
says configure 'comment interface wan the provider' show 'exit discard'
like "$said" '# the provider' 'comment'
says configure 'delete firewall rules ping6' compare discard compare exit
like "$said" '^-.*ping6' 'delete, which compare shows once: then it is discarded'
is "$(printf '%s\n' "$said" | grep -c ping6)" 1 'and not again'
says configure 'edit interface wan' 'set mtu 1400' 'up' 'exit' 'edit firewall' 'delete rules ping6' 'exit' 'show' 'exit discard'
like "$said" 'mtu += "?1400' 'a path begins at the level'
unlike "$said" 'ping6' 'of each kind'
says configure 'rollback 0' compare exit
is "$rc" 0 'rollback to what is in force'
says configure 'rollback 1' 'compare' 'exit discard'
like "$said" '^-.*ping4' 'and to the one before'
printf 'interface lan { device = "eth9" mtu = 1500 }\n' >"$lab_tmp/more"
printf 'interface lan { device = "eth9" mtu = 15 }\n' >"$lab_tmp/wrong"
says configure "load merge $lab_tmp/more" 'show interface' 'exit discard'
like "$(printf '%s' "$said" | tr '\n' ' ')" 'interface wan.*interface lan' 'load merge adds'
printf '%s\n' configure "load merge $lab_tmp/wrong" compare exit >"$lab_tmp/script"
said=$(console "$lab_tmp/script" 2>&1)
like "$said" 'mtu is a number' 'a wrong file is refused'
unlike "$said" 'eth9"$|^\+' 'and nothing of it is there'
says configure "load replace $lab_tmp/more" "save $lab_tmp/saved" 'exit discard'
is "$(cat "$lab_tmp/saved")" "$(cat "$lab_tmp/more")" 'load replace, and save'

# ---- as set lines ----
for example in "$top"/contrib/examples/*.conf; do
	name=${example##*/}
	in_ns fw "$build/ptsh" -f "$example" -c 'configure; show | display set' >"$lab_tmp/lines"
	: >"$lab_tmp/empty.conf"
	{ echo configure; cat "$lab_tmp/lines"; echo "save $lab_tmp/made.conf"; echo 'exit discard'; } >"$lab_tmp/script"
	ok "$name as set lines" in_ns fw "$build/ptsh" -e --strict -f "$lab_tmp/empty.conf" "$lab_tmp/script"
	in_ns fw "$build/ptsh" -f "$lab_tmp/made.conf" -c 'configure; show | display set' >"$lab_tmp/again"
	ok 'makes the same lines' cmp "$lab_tmp/lines" "$lab_tmp/again"
done
printf '%s\n' configure 'set interface wan mtu 1400' 'exit discard' | in_ns fw "$build/ptsh" -e -f "$file" >"$lab_tmp/out" 2>&1
is "$?" 0 'lines come from standard input'
in_ns fw "$build/ptsh" -f "$file" -c 'configure; set interface wan mtu 1; exit discard' >"$lab_tmp/out" 2>&1
like "$(cat "$lab_tmp/out")" 'mtu is a number' 'and from -c'

# ---- somebody else ----
( echo configure; echo 'set interface wan mtu 1400'; sleep 3; echo commit; echo compare; echo "save $lab_tmp/mine"; echo 'exit discard' ) |
	console >"$lab_tmp/out" 2>&1 &
other=$!
sleep 1
says configure 'set interface wan description second' commit
is "$rc" 0 'a second console commits'
wait "$other"
like "$(cat "$lab_tmp/out")" 'changed by somebody else|somebody else changed' 'the first one is told'
like "$(cat "$file")" 'second' 'what the second one wrote stands'
unlike "$(cat "$file")" '1400' 'and not what the first one had'
like "$(cat "$lab_tmp/mine")" '1400' 'which is not lost'
( echo 'configure exclusive'; sleep 3; echo exit ) | in_ns fw setsid -w "$build/ptsh" -f "$file" >"$lab_tmp/out" 2>&1 &
other=$!
sleep 1
says 'configure exclusive'
isnt "$rc" 0 'one alone has it exclusive'
like "$said" 'lock|held|pid' 'the other one is told who'
wait "$other"
says 'configure exclusive' exit
is "$rc" 0 'then it is free'

# ---- the window ----
cp "$file" "$lab_tmp/third"
says configure 'delete firewall rules ping4' 'commit confirmed 2s'
is "$rc" 0 'commit confirmed'
exits 1 'is in force' reaches 10.0.0.1
ok 'and undone when nobody confirms it' lab_wait 8 reaches 10.0.0.1
is "$(cat "$file")" "$(cat "$lab_tmp/third")" 'the file, too'
( echo configure; echo 'delete firewall rules ping4'; echo 'commit confirmed 1s'; sleep 4; echo compare; echo commit; echo compare; echo exit ) |
	console >"$lab_tmp/out" 2>&1
is "$?" 0 'a console whose commit was undone'
like "$(cat "$lab_tmp/out")" '^-.*ping4' 'still has its changes'
is "$(grep -c '^-.*ping4' "$lab_tmp/out")" 1 'and commits them again'
exits 1 'which is in force' reaches 10.0.0.1
unlike "$(cat "$file")" 'ping4' 'and in the file'
cp "$lab_tmp/third" "$file"
ok 'back' in_ns fw "$build/ptconf" -q apply -f "$file"
( echo configure; echo 'delete firewall rules ping4'; echo 'commit confirmed 2s'; sleep 1; echo '# hers' >>"$file"; sleep 4; echo exit ) |
	console >"$lab_tmp/out" 2>&1
ok 'it is undone' reaches 10.0.0.1
like "$(tail -n 1 "$file")" '# hers' 'what somebody wrote meanwhile stays'
cp "$lab_tmp/third" "$file"
says configure 'delete firewall rules ping6' 'commit confirmed 20s' commit
is "$rc" 0 'a second commit confirms'
like "$(in_ns fw "$build/ptconf" status)" '^pending +none|^confirmed' 'nothing waits'

# ---- rules, completed at the terminal ----
pane() { TERM=xterm tmux -S "$lab_tmp/tmux" "$@"; }
shows() { pane capture-pane -p -J | grep -q -- "$1"; }
if command -v tmux >/dev/null; then
	pane -f /dev/null new-session -d -x 100 -y 30 "$build/ptsh -f $lab_tmp/first"
	lab_wait 5 shows '> *$'
	pane send-keys configure Enter
	lab_wait 5 shows '^\[edit\]'
	pane send-keys 'set firewall rules pass in on w' Tab 'prot' Tab 'tc' Tab 'to s' Tab 'por' Tab '443 ke' Tab
	ok 'each word of a rule completes' lab_wait 5 shows '# set firewall rules pass in on wan proto tcp to self port 443 keep'
	pane send-keys C-u 'set firewall rules "pass in on w' Tab 'inet' Tab
	ok 'in quotes, too' lab_wait 5 shows '# set firewall rules "pass in on wan inet'
	pane send-keys C-u 'set firewall rules block return' '?'
	ok '? tells what may follow' lab_wait 5 shows 'return-icmp6 .*an ICMPv6 message'
	exits 1 'and nothing else' shows '  keep '
	pane kill-server
else
	skip 'needs tmux' 'rules, completed at the terminal'
fi

# ---- a file that cannot be read, or written ----
rc=0; said=$(in_ns fw "$build/ptsh" -e -f "$lab_tmp/nowhere.conf" -c configure 2>&1) || rc=$?
is "$rc" 1 'a file that is not there'
like "$said" 'nowhere.conf' 'is named'
cp "$file" "$lab_tmp/before"
in_ns fw mount -t tmpfs -o size=64k,mode=755 none "$lab_tmp/etc"
in_ns fw sh -c "cat >'$file'; chmod 600 '$file'" <"$lab_tmp/before"
in_ns fw sh -c "head -c 1000000 /dev/zero >'$lab_tmp/etc/fill'" 2>/dev/null
says configure 'set interface wan description full' commit
isnt "$rc" 0 'a full disk refuses'
is "$(in_ns fw cat "$file")" "$(cat "$lab_tmp/before")" 'and leaves the file'
is "$(in_ns fw ls "$lab_tmp/etc" -A | tr '\n' ' ')" 'fill patronus.conf ' 'and nothing beside it'
in_ns fw rm "$lab_tmp/etc/fill"

# ---- killed ----
mixed=0
new=0
for n in 0 1 2 3 4 5 6 7 8 9 10 11; do
	in_ns fw cat "$file" >"$lab_tmp/old"
	printf '%s\n' configure "set firewall rules \"pass in proto udp to port $((n + 100)) label k$n\"" commit >"$lab_tmp/script"
	lab_bg fw "$build/ptsh" -f "$file" "$lab_tmp/script" >/dev/null 2>&1
	sleep "$(printf '0.%03d' $((n * 3)))"
	kill -9 "$lab_last" 2>/dev/null
	wait "$lab_last" 2>/dev/null
	sleep 0.3
	if ! in_ns fw cat "$file" | cmp -s - "$lab_tmp/old"; then
		new=$((new + 1))
		in_ns fw grep -q "label k$n\"" "$file" || mixed=$((mixed + 1))
	fi
	in_ns fw "$build/ptconf" -f "$file" check >/dev/null 2>&1 || mixed=$((mixed + 1))
done
diag "$new of 12 had the new file"
is "$mixed" 0 'killed at any time, the file is the old one or the new one'
says configure 'set interface wan description alive' commit
is "$rc" 0 'and the next commit goes'
done_testing
