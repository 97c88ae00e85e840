#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tutorial from its first step to the last, on a terminal in tmux, as root and as somebody who is nobody: right and wrong answers,
# hints, skipping, Ctrl-C, and all the ways to end it, kill -9 and a lost terminal among them. Links, rules, routes, settings, mounts
# and files of the host are what they were, and no process is left.
# What stands in single quotes is for other shells.
# shellcheck disable=SC2016
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
needs tmux
chmod 755 "$lab_tmp"
dir=$lab_tmp
mkdir -p "$dir/home"
# Users may not come to the build folder.
cp "$build/ptsh" "$dir/ptsh"

# A host of its own, with rules and links that could be lost.
lab_ns host out
lab_link host eth0 out eth0
lab_addr host eth0 10.0.0.1/24 2001:db8:aa::1/64
lab_route host default via 10.0.0.2
in_ns host nft add table inet mine
in_ns host mkdir -p /run/patronus /var/lib/patronus
in_ns host sh -c 'echo kept >/run/patronus/file; echo kept >/var/lib/patronus/file'
host()
{
	in_ns host sh -c 'hostname
		ip -o link; ip -o address; ip -4 route show table all; ip -6 route show table all; ip rule; nft list ruleset
		for f in /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/*/forwarding /proc/sys/net/ipv6/conf/*/accept_dad; do echo "$f $(cat "$f")"; done
		cut -d" " -f 5- /proc/self/mountinfo | grep -v nsfs # others name their namespaces meanwhile
		find /etc/patronus /run /var/lib "$1" -printf "%p %M %u %s %t\n" 2>&1 | sort' host "$dir/home" | sed -e 's/ valid_lft.*//' -e 's/ expires [0-9]*sec//'
}

export TMUX_TMPDIR="$dir"
# Each has a server of its own: one that is about to end would take the next one along.
server=0
mux() { tmux -f /dev/null -L "learn$server" "$@"; }
# With what went away at the top, and lines that were too long in one.
screen() { mux capture-pane -p -J -S - -t 0 | sed -e 's/ *$//'; }
screen_has() { screen | grep -q -e "$1"; }
type() { mux send-keys -t 0 -l -- "$1"; }
key() { mux send-keys -t 0 "$@"; }
enter() { type "$1"; key Enter; }
# Ctrl-C, and the prompt after it: what comes before the console has seen the signal goes with the line.
prompts() { screen | sed '/^$/d' | tail -n 1 | grep -q '^lab[>#] *$'; }
interrupt()
{
	key C-c
	lab_wait 60 prompts
}
ended() { screen_has '^ended with'; }

# learn COMMAND...: the tutorial in a new terminal, until its first step stands there.
learn()
{
	mux kill-server 2>/dev/null
	server=$((server + 1))
	in_ns host env -u NO_COLOR -u SSH_CONNECTION TMUX_TMPDIR="$dir" LC_ALL=C.UTF-8 tmux -f /dev/null -u -L "learn$server" new-session -d -x 80 -y 24 \
		"cd '$dir'; stty -a >'$dir/stty.before'; env TERM=screen HOME='$dir/home' $*; echo ended with \$?; stty -a >'$dir/stty.after'; exec sleep 1000"
	ok "$*: its first step" lab_wait 60 screen_has '^---- 1 of [0-9]*: '
	lab_wait 60 screen_has '^lab> *$' || diag "no prompt: $(screen)"
}

# step N NAME: step N is what is to be done.
step()
{
	if lab_wait 60 screen_has "^---- $1 of "; then
		pass "step $1: $2"
	else
		fail "step $1: $2"
		diag "$(screen)"
	fi
}
# says TEXT NAME
says()
{
	if lab_wait 60 screen_has "$1"; then
		pass "$2"
	else
		fail "$2"
		diag "$(screen)"
	fi
}

# All processes below the one that tmux began, itself left out.
below()
{
	tr ' ' '\n' <"/proc/$1/task/$1/children" 2>/dev/null | while read -r child; do
		echo "$child"
		below "$child"
	done
}
family() { below "$(mux display-message -p -t 0 '#{pane_pid}')"; }
named() { for p in $(family); do [ "$(cat "/proc/$p/comm" 2>/dev/null)" != "$1" ] || echo "$p"; done; }
remember() { family >"$dir/pids"; xargs sh -c 'for p; do echo "$p $(sed -e "s/.*) //" /proc/$p/stat | cut -d" " -f 20)"; done' sh <"$dir/pids" >"$dir/born"; }
all_gone()
{
	while read -r p since; do
		now=$(sed -e 's/.*) //' "/proc/$p/stat" 2>/dev/null) || continue
		[ "$(echo "$now" | cut -d' ' -f 20)" != "$since" ] || [ "$(echo "$now" | cut -d' ' -f 1)" = Z ] || return 1
	done <"$dir/born"
}
# gone NAME: of all that was remembered nothing is alive, and the host is as it was.
gone()
{
	if lab_wait 60 all_gone; then
		pass "$1: no process is left"
	else
		fail "$1: no process is left"
		diag "$(cat "$dir/born")"
	fi
	host >"$dir/after"
	if cmp -s "$dir/before" "$dir/after"; then
		pass "$1: the host is as it was"
	else
		fail "$1: the host is as it was"
		diag "$(diff "$dir/before" "$dir/after")"
	fi
}

# ---- the whole way ----
# way NAME: from the first step to the last one, wrong answers included.
way()
{
	remember
	ok "$1: the laboratory has its processes" [ "$(wc -l <"$dir/born")" -ge 6 ]
	enter 'hint'
	says '^Type `show ?`' 'a hint'
	enter 'show routes'
	enter 'task'
	says '1 of .*' 'the task again'
	unlike "$(screen)" '2 of ' 'another command is not the answer'
	enter 'sh int'
	step 2 'it is the command that counts, and not how it is written'
	enter 'fw rule show'
	step 3 'the rules'
	says 'laptop -> web, port 80: *silence' 'the laptop meets silence, in packets'
	says 'laptop -> router, SSH: *answered' 'and has SSH'
	interrupt
	type 'fw explain'
	interrupt
	enter 'fw explain in lan tcp 192.168.1.10:40000 to 203.0.113.1:80'
	step 4 'a packet explained; Ctrl-C forgot the line, and nothing else'
	says 'block .*by default, /etc/patronus/patronus.conf:' 'and why it is blocked'
	enter 'configure'
	step 5 'configuration mode'
	enter 'set firewall rules "pass in on lan proto tcp to port 8080 label web"'
	says 'would still get no page' 'a rule that lets nothing in is not the answer, and that is said'
	enter 'discard'
	enter 'set firewall rules "pass in on lan proto tcp to port http label web"'
	step 6 'a rule that does'
	unlike "$(screen)" 'port 80: *answered' 'which is not in force yet'
	enter 'hint'
	enter 'commit confirmed 10'
	step 7 'in force, by packets'
	says 'laptop -> web, port 80: *answered' 'which the laptop says, too'
	enter 'commit'
	step 8 'confirmed'
	enter 'set firewall rules "block in on lan proto udp label harmless"'
	enter 'commit confirmed 90s'
	says 'locks nobody out' 'a rule that locks nobody out is not the answer'
	enter 'commit'
	says '^r3 confirmed' 'and is confirmed'
	enter 'set firewall rules "block in quick on lan label oops"'
	enter 'commit confirmed 20s'
	step 9 'locked out, by packets'
	says 'laptop -> router, SSH: *silence' 'which the laptop says, too'
	type 'some words that are'
	step 10 'undone by nobody but the guard, while the prompt waited'
	says '^lab# some words that are' 'which took nothing of the line away'
	interrupt
	enter 'exit discard'
	step 11 'out of configuration mode'
	enter 'configure'
	enter 'rollback'
	enter 'set test admin expect "pass in on lan proto tcp to lan port ssh"'
	enter 'commit'
	step 12 'a test in force'
	enter 'set firewall rules "block in quick on lan label oops"'
	enter 'commit'
	step 13 'a commit that the test refuses'
	says 'test admin does not hold' 'with what the tool itself says'
	enter 'exit discard'
	enter 'fw trace proto tcp port 9 count 1'
	sleep 1
	interrupt
	enter 'fw trace proto tcp port 80 count 1'
	step 14 'a packet of the laptop, traced; Ctrl-C ended the first trace alone'
	enter 'show history'
	step 15 'the history'
	says 'undone *guard' 'with what the guard did'
	enter 'skip'
	says 'That was all of it' 'the end, the last step left out'
	enter 'hint'
	says 'nothing more to do' 'and nothing more to do'
	enter 'skip'
	enter 'show rules'
	remember
	enter 'quit'
	says '^The laboratory is gone' "$1: it says that it is gone"
	says '^ended with 0' "$1: the status"
	gone "$1"
}

host >"$dir/before"
learn "'$dir/ptsh' tutorial"
way 'as root'

# ---- by a name of the console, and what is not permitted ----
learn "'$dir/ptsh' tutorial"
for n in 2 3 4 5 6 7 8 9 10 11 12 13 14; do
	enter 'skip'
	step $n 'skipped to'
done
enter 'tutorial'
says 'this is the tutorial' 'no tutorial in a tutorial'
key C-u
type 'h?'
says '^  hint ' '? knows the words of it'
key C-u
enter 'configure'
enter 'skip'
says '15 of ' 'skip in configuration mode'
enter 'save /etc/written'
enter 'exit'
enter 'conf rollback 1'
says 'error' 'what cannot be is refused as ever'
remember
enter 'configure'
enter 'quit'
enter 'quit'
says '^ended with 0' 'quit, twice, out of configuration mode'
gone 'quit'
ok 'what was saved there is not on the machine' [ ! -e /etc/written ]

# As a command of the console, whose lines stay its own.
mux kill-server
server=$((server + 1))
in_ns host env TMUX_TMPDIR="$dir" LC_ALL=C.UTF-8 tmux -f /dev/null -u -L "learn$server" new-session -d -x 80 -y 24 \
	"env TERM=screen HOME='$dir/inside' '$dir/ptsh'; echo ended with \$?; exec sleep 1000"
mkdir "$dir/inside"
lab_wait 60 screen_has '> *$'
enter 'tutorial'
step 1 'from the console'
lab_wait 60 screen_has '^lab> *$'
enter 'show interfaces'
step 2 'from the console'
remember
key C-d
says '^The laboratory is gone' 'Ctrl-D ends it'
enter 'help | count'
says '^[0-9][0-9]*$' 'and the console goes on'
enter 'exit'
says '^ended with 0' 'to its own end'
gone 'Ctrl-D'
unlike "$(cat "$dir/inside/.patronus_history")" 'show interfaces' 'lines of the laboratory are not in the history of the console'

# ---- all the ways to die ----
learn "'$dir/ptsh' tutorial"
remember
for p in $(named ptsh | tail -n 1); do kill -9 "$p"; done
says '^ended with 137' 'the console in it is killed: the status'
gone 'the console in it is killed'
ok 'the terminal is as it was' cmp "$dir/stty.before" "$dir/stty.after"

learn "'$dir/ptsh' tutorial"
enter 'diag ping 192.168.1.10'
lab_wait 60 screen_has 'seq 1'
remember
for p in $(named ptsh | head -n 1); do kill -9 "$p"; done
says '^ended with 137' 'the one that started it is killed: the status'
gone 'the one that started it is killed'

learn "'$dir/ptsh' tutorial"
remember
for p in $(named ptsh-lab); do kill -9 "$p"; done
says '^ended with 137' 'its first process is killed: the status'
gone 'its first process is killed'

learn "'$dir/ptsh' tutorial"
enter 'configure'
enter 'set firewall rules "pass in on lan proto tcp to port http label web"'
enter 'commit confirmed 10'
says 'is undone in' 'a change that waits'
remember
mux kill-server
gone 'the terminal goes while a change waits'

# ---- as an ordinary user ----
nobody="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all"
# shellcheck disable=SC2086
if why=$(in_ns host $nobody unshare -U true 2>&1); then
	learn "$nobody '$dir/ptsh' tutorial"
	way 'as nobody'
	learn "$nobody '$dir/ptsh' tutorial"
	enter 'show rules | !id'
	says 'other programs are not permitted' 'no other program'
	enter 'conf edit'
	says 'conf edit is not permitted' 'and no editor'
	enter 'fw check -f /etc/passwd'
	says '-f is not permitted' 'no other file'
	enter 'fw table show -N 1'
	enter 'configure'
	enter 'set firewall rules "pass out proto udp label mine"'
	enter 'commit'
	says 'confirmed as r2' 'but all that the laboratory is for'
	enter 'exit'
	enter 'help | count'
	says '^[0-9][0-9]*$' 'and out of configuration mode'
	remember
	key C-d
	says '^ended with' 'the end'
	gone 'as nobody, the second time'
else
	skip "$why" 'as an ordinary user'
fi

# ---- where it cannot be ----
exits 1 'it needs a terminal' in_ns host "$dir/ptsh" tutorial </dev/null
like "$tap_out" 'needs a terminal' 'and says so'
# Without namespaces of users: root of the machine does without, others are told.
if in_ns host unshare -Ur true 2>/dev/null; then
	learn "unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec $dir/ptsh tutorial'"
	enter 'show interfaces'
	step 2 'root without namespaces of users'
	remember
	key C-d
	says '^ended with 0' 'and out'
	gone 'root without namespaces of users'
	mux kill-server
	server=$((server + 1))
	in_ns host env TMUX_TMPDIR="$dir" tmux -f /dev/null -L "learn$server" new-session -d -x 80 -y 24 \
		"unshare -U --map-user=65534 --keep-caps sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --ambient-caps=-all --inh-caps=-all $dir/ptsh tutorial'; echo ended with \$?; exec sleep 1000"
	says '^ended with 4' 'who may have no namespaces'
	says 'needs namespaces of its own; making namespaces: ' 'is told what it needs'
	says 'lets ordinary users have no namespaces' 'and why'
fi
mux kill-server
done_testing
