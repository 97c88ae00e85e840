#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The console on a terminal, in tmux: what ?, Tab, the pager and keys show, against screens that are kept beside this file; after a
# resize, on a dumb terminal, without colours, without UTF-8; with labels, aliases and names that were made to harm. PTSH_SCREENS=new
# writes the screens anew: look at what changed.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
screens=$PWD/tests/netns/ptsh_screens
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
needs tmux
dir=$lab_tmp

lab_ns fw out
lab_link fw eth0 out eth0
lab_addr fw eth0 10.0.0.1/24
# What others may have written: names with colours, bells and sequences of a terminal.
in_ns fw ip link set eth0 alias "$(printf 'a\033[31mred\007\033]0;owned\007b')"
in_ns fw ip link add name "$(printf 'x\033[7my')" type veth peer name peer0
cat >"$dir/patronus.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24" } }
table bad   { persist = true }
table block_all { persist = true }
firewall { rules = {
	"block return in on wan label closed",
	"pass out label out",
	"pass in on wan proto tcp to self port 22 label ssh",
	"pass in on wan proto tcp to self port 80 label web",
} }
CONF
{
	echo 'firewall { rules = {'
	for i in $(seq 1 60); do echo "\"pass in proto tcp to self port $i label rule$i\","; done
	echo '} }'
} >"$dir/long.conf"
in_ns fw "$build/ptfw" -q apply -f "$dir/patronus.conf" || exit 1
in_ns fw "$build/ptfw" -q table add bad 192.0.2.1 198.51.100.0/24

export TMUX_TMPDIR="$dir"
# Each has a server of its own: one that is about to end would take the next one along.
server=0
mux() { tmux -f /dev/null -L "ptsh$server" "$@"; }
screen() { mux capture-pane -p -t 0 | sed -e 's/ *$//'; }
screen_has() { screen | grep -q -e "$1"; }
# What is on the screen does not change any more.
still()
{
	screen >"$dir/before"
	sleep 0.2
	screen | cmp -s - "$dir/before"
}

# console VARIABLE=VALUE...: a fresh one at 80x24
console()
{
	mux kill-server 2>/dev/null
	server=$((server + 1))
	rm -f "$dir/home/.patronus_history"
	mkdir -p "$dir/home"
	in_ns fw unshare -u sh -c 'echo fw >/proc/sys/kernel/hostname; shift; exec "$@"' sh sh \
		env -u NO_COLOR TMUX_TMPDIR="$dir" LC_ALL=C.UTF-8 tmux -f /dev/null -u -L "ptsh$server" new-session -d -x 80 -y 24 \
		"cd '$dir'; env $* HOME='$dir/home' '$build/ptsh'; echo ended with \$?; exec sleep 1000"
	lab_wait 10 screen_has '^fw> *$' || lab_wait 10 screen_has '^fw>' || diag "no prompt: $(screen)"
}

type() { mux send-keys -t 0 -l -- "$1"; }
key() { mux send-keys -t 0 "$@"; }
only_prompt() { [ "$(screen | tr -d '\n')" = 'fw>' ]; }

# What was typed goes away, and the screen is the prompt alone. Ctrl-L is readline's.
fresh()
{
	key C-a C-k C-l
	lab_wait 10 only_prompt || diag "no clear screen: $(screen)"
}

screen_is()
{
	screen >"$dir/screen"
	cmp -s "$dir/screen" "$1"
}

# shows NAME: the screen is the one that is kept
shows()
{
	if [ "${PTSH_SCREENS:-}" = new ]; then
		lab_wait 5 still
		screen >"$screens/$1"
	fi
	if lab_wait 10 screen_is "$screens/$1"; then
		pass "screen $1"
	else
		fail "screen $1"
		diag "$(diff "$screens/$1" "$dir/screen")"
	fi
}

# ---- what may come next ----
console TERM=screen
type 'fw ta'
key Tab
type 'a'
key Tab
type 'b'
key Tab
shows tab
fresh
type 'show s?'
shows question
fresh
type 'fw table add ?'
shows question_tables
fresh
type 'fw table delete bad ?'
shows question_addresses
fresh
type 'fw rule show ?'
shows question_labels
fresh
type 'net link show ?'
shows question_devices
fresh
type 'diag ping 127.0.0.1 count ?'
shows question_range
fresh
type 'net wol send ?'
shows question_synopsis
fresh
type 'fw table show bad | ?'
shows question_stages
fresh
type 'fw s'
key Enter
shows ambiguous
fresh
type 'fw check -f lo'
key Tab
shows files
fresh

# ---- keys ----
type 'fw table show bad'
key Enter
lab_wait 10 screen_has '^192.0.2.1'
fresh
key C-r
type 'bad'
shows search
key C-g
fresh
type 'help'
key Enter
shows pager
key Space
shows pager_next
mux resize-window -t 0 -x 60 -y 12 2>/dev/null
key q
fresh
shows resized_prompt
type 'help'
key Enter
shows resized
key q
fresh
mux resize-window -t 0 -x 80 -y 24
type 'diag ping 127.0.0.1'
key Enter
lab_wait 10 screen_has 'seq 1'
key C-c
ok 'Ctrl-C ends a ping' lab_wait 10 screen_has 'received'
fresh
type 'fw state top'
key Enter
lab_wait 10 screen_has 'SOURCE\|states\|STATE'
key C-c
lab_wait 10 screen_has '^fw> *$'
fresh
type 'help | count'
key Enter
ok 'and a screen of states, and the console is as before' lab_wait 10 screen_has '^[0-9]*$'
fresh
type '! true'
key C-z C-a C-k
type 'net link show | !cat; sleep 60'
key Enter
sleep 0.5
key C-c
lab_wait 10 screen_has '^fw>'
fresh
type 'net link show | ! head -n 1'
key Enter
ok 'a program that reads one line' lab_wait 10 screen_has '^fw> *$'
fresh
key C-d
ok 'the end of the input ends it' lab_wait 10 screen_has '^ended with [0-9]'

printf '#!/bin/sh\ntrap "" INT\necho deaf\nsleep 30\n' >"$dir/deaf"
chmod 755 "$dir/deaf"
console TERM=screen "EDITOR=$dir/deaf"
key "C-\\"
type "conf edit -f $dir/patronus.conf"
key Enter
lab_wait 10 screen_has '^deaf'
key C-c
sleep 0.2
key C-c
sleep 0.2
key C-c
ok 'what does not end is killed at the third Ctrl-C, and Ctrl-\\ does not end the console' lab_wait 10 screen_has 'signal 9'

# ---- what was made to harm ----
console TERM=screen
type 'net link show -d'
key Enter
lab_wait 10 screen_has 'peer0'
lab_wait 5 still
like "$(screen)" 'red' 'the alias is on the screen'
mux capture-pane -p -e -t 0 >"$dir/raw"
unlike "$(cat "$dir/raw")" "$(printf '\033')\[31m" 'no colour that somebody wrote into an alias'
isnt "$(mux display-message -p -t 0 '#{pane_title}')" owned 'nobody else sets the title'
key q C-a C-k
type 'net link show ?'
lab_wait 5 still
mux capture-pane -p -e -t 0 >"$dir/raw"
unlike "$(cat "$dir/raw")" "$(printf '\033')\\[7m" 'nor by the name of an interface that is offered'
key C-a C-k C-d
sed 's/label web/label \\"w\\x1b[31m\\"/' "$dir/patronus.conf" >"$dir/label.conf"
like "$(in_ns fw "$build/ptsh" -c "fw apply -f $dir/label.conf" 2>&1 | tr '\033' '!')" 'error' 'a label with a sequence of a terminal is refused'
mux kill-server
server=$((server + 1))
in_ns fw unshare -u sh -c 'printf "h\033]0;owned\007\033[31mx" >/proc/sys/kernel/hostname; exec "$@"' sh \
	env TMUX_TMPDIR="$dir" tmux -f /dev/null -L "ptsh$server" new-session -d -x 80 -y 24 "HOME='$dir/home' TERM=screen '$build/ptsh'; exec sleep 1000"
ok 'a name of the host that is none is not in the prompt' lab_wait 10 screen_has '^patronus> *$'

# ---- other terminals ----
for kind in TERM=dumb TERM=vt100 'TERM=screen NO_COLOR=1' 'TERM=screen LC_ALL=C' 'TERM=screen LC_ALL=C.UTF-8'; do
	console "$kind"
	type 'show ta'
	key Tab
	type '| count'
	key Enter
	if lab_wait 10 screen_has '^[0-9][0-9]*$'; then
		pass "$kind: a line, completed and run"
	else
		fail "$kind: a line, completed and run"
		diag "$(screen)"
	fi
	type 'show rules'
	key Enter
	lab_wait 10 screen_has 'label web'
	if [ "${kind#*NO_COLOR}" != "$kind" ] || [ "$kind" = TERM=dumb ]; then
		mux capture-pane -p -e -t 0 >"$dir/raw"
		unlike "$(cat "$dir/raw")" "$(printf '\033')\[3[0-9]" "$kind: no colours"
	fi
	key C-d
done

# ---- output that nobody reads, and input that ends ----
# shellcheck disable=SC2016 # of that shell
exits 0 'output into a closed pipe' in_ns fw bash -c 'set -o pipefail; yes "fw rule show" | head -n 200 | '"$build/ptsh"' | head -n 1 >/dev/null; [ ${PIPESTATUS[2]} -ne 139 ]'
is "$(in_ns fw "$build/ptsh" </dev/null; echo $?)" 0 'no input at all'

# ---- what becomes of a change when the console goes ----
guarded()
{
	lab_wait 5 sh -c "! nsenter -n -m -t $(cat "$dir/fw.pid") '$build/ptconf' status | grep -q ^pending"
	in_ns fw "$build/ptconf" -q apply -f "$dir/patronus.conf"
	console TERM=screen
	type "conf apply -f $dir/long.conf --confirm 4"
	key Enter
	lab_wait 10 sh -c "nsenter -n -m -t $(cat "$dir/fw.pid") '$build/ptfw' rule show | grep -q rule60" || diag "not applied: $(screen)"
}
undone() { lab_wait 15 sh -c "nsenter -n -m -t $(cat "$dir/fw.pid") '$build/ptfw' rule show | grep -q 'label web'"; }

pid_of_console() { mux display-message -p -t 0 '#{pane_pid}' | xargs -I{} pgrep -P {} ptsh; }
guarded
kill -9 "$(pid_of_console)"
ok 'the console is killed in a window: it is undone' undone
guarded
mux kill-server
ok 'its terminal goes: it is undone' undone
guarded
key C-c
key C-d
lab_wait 5 screen_has '^ended'
ok 'the console ends: it is undone' undone
lab_wait 5 sh -c "! nsenter -n -m -t $(cat "$dir/fw.pid") '$build/ptconf' status | grep -q ^pending"
cp "$dir/patronus.conf" "$dir/file.conf"
for how in 'kill -9' 'hang up'; do
	mux kill-server 2>/dev/null
	console TERM=screen
	type "diag ping 127.0.0.1"
	key Enter
	lab_wait 10 screen_has 'seq 1'
	key C-c
	mux respawn-pane -k -t 0 "'$build/ptsh' -f '$dir/file.conf'"
	lab_wait 10 screen_has '^fw> *$'
	type 'configure'
	key Enter
	lab_wait 10 screen_has '^fw# *$'
	type 'set firewall rules "pass out proto udp to port 7 label later"'
	key Enter
	lab_wait 10 screen_has 'not committed'
	type 'commit confirmed 4s'
	key Enter
	ok "commit confirmed ($how): in force" lab_wait 10 sh -c "nsenter -n -m -t $(cat "$dir/fw.pid") '$build/ptfw' rule show | grep -q later"
	if [ "$how" = 'kill -9' ]; then kill -9 "$(mux display-message -p -t 0 '#{pane_pid}')"; else mux kill-server; fi
	ok "commit confirmed ($how): undone" lab_wait 15 sh -c "nsenter -n -m -t $(cat "$dir/fw.pid") '$build/ptfw' rule show >'$dir/rules' && ! grep -q later '$dir/rules' && grep -q web '$dir/rules'"
	lab_wait 5 sh -c "! nsenter -n -m -t $(cat "$dir/fw.pid") '$build/ptconf' status | grep -q ^pending"
	cp "$dir/patronus.conf" "$dir/file.conf"
done
done_testing
