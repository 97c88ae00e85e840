#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What viewers, operators and admins may do at the console, as real users of a namespace with its own users, groups and log, through
# a real sshd whose login shell is ptsh; and that there is no way around it: not by help, options, stages, files, the environment or
# keys. What changes something stands in the log, without secrets.
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
needs python3 ssh-keygen ssh tmux
sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip_all 'needs sshd'

chmod 755 "$lab_tmp"
dir=$lab_tmp
mkdir -p "$dir/etc" "$dir/dev" "$dir/home" "$dir/bin"
# Users may not come to the build folder: the console and the folder of its files are here.
cp "$build/ptsh" "$dir/bin/ptsh"
ln -s "$dir/bin/ptsh" "$dir/bin/-ptsh"
ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
cat >"$dir/etc/passwd" <<PASSWD
root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
vera:x:1001:1001::$dir/home/vera:$dir/bin/ptsh
oskar:x:1002:1002::$dir/home/oskar:$dir/bin/ptsh
adam:x:0:1003::$dir/home/adam:$dir/bin/ptsh
viewroot:x:0:1004::$dir/home/viewroot:$dir/bin/ptsh
oproot:x:0:1005::$dir/home/oproot:$dir/bin/ptsh
nobody:x:65534:65534::/:$dir/bin/ptsh
PASSWD
cat >"$dir/etc/group" <<GROUP
root:x:0:
nogroup:x:65534:
vera:x:1001:
oskar:x:1002:
adam:x:1003:
viewroot:x:1004:
oproot:x:1005:
patronus-viewer:x:900:vera,viewroot
patronus-operator:x:901:oskar,oproot
patronus-admin:x:902:adam
GROUP
echo "$dir/bin/ptsh" >"$dir/etc/shells"
for user in vera:1001 oskar:1002 adam:0 viewroot:0 oproot:0; do
	mkdir -p "$dir/home/${user%:*}/.ssh"
	cp "$dir/key.pub" "$dir/home/${user%:*}/.ssh/authorized_keys"
	chown -R "${user#*:}" "$dir/home/${user%:*}"
done
cat >"$dir/patronus.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24" } }
table bad { persist = true }
firewall { rules = { "block return in on wan label closed", "pass out label out", "pass in on wan proto tcp to self port 22 label ssh" } }
CONF

lab_ns fw adm
lab_link fw eth0 adm eth0
lab_addr fw eth0 10.0.0.1/24
lab_addr adm eth0 10.0.0.2/24
lab_settle fw adm
# Users, groups, a /dev of its own with a log that we read, and a file where the console looks for it.
in_ns fw sh -c '
	cd "$1" || exit 1
	for f in passwd group shells; do mount --bind "etc/$f" "/etc/$f" || { : >"/etc/$f"; mount --bind "etc/$f" "/etc/$f"; } || exit 1; done
	mount -t tmpfs -o mode=755 tmpfs dev && mkdir dev/pts dev/shm || exit 1
	for n in null zero full random urandom tty; do : >"dev/$n"; mount --bind "/dev/$n" "dev/$n" || exit 1; done
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts && ln -s pts/ptmx dev/ptmx || exit 1
	ln -s /proc/self/fd dev/fd && mount --move dev /dev || exit 1
	mkdir -p /run/sshd
	mount -t tmpfs -o mode=700 tmpfs /root || exit 1 # what goes wrong goes nowhere
' sh "$dir" || skip_all 'the users of a namespace cannot be made here'
python3 - "$(cat "$dir/fw.pid")" "$dir/log" <<'PY' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
os.chdir("/proc/%s/root/dev" % sys.argv[1])
s.bind("log")
os.chmod("log", 0o666)
with open(sys.argv[2], "wb", 0) as f:
    while True:
        f.write(s.recv(65536).rstrip(b"\0") + b"\n")
PY
lab_pids="$lab_pids $!"
lab_wait 10 in_ns fw test -S /dev/log
lab_bg fw "$sshd" -D -p 22 -f /dev/null -h "$dir/host" -o StrictModes=no -o UsePAM=no -o PidFile=none -o PermitRootLogin=yes \
	-o 'AuthorizedKeysFile=.ssh/authorized_keys' -o AcceptEnv='*' -o MaxStartups=100 -o Subsystem='sftp internal-sftp-not' \
	>"$dir/sshd.log" 2>&1
in_ns fw "$build/ptfw" -q apply -f "$dir/patronus.conf" || exit 1

# as USER LINE: at the console, by sshd.
as()
{
	as_user=$1
	shift
	in_ns adm timeout 20 ssh -F /dev/null -n -i "$dir/key" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o SendEnv='*' "$as_user@10.0.0.1" "$@" 2>&1
}
lab_wait 10 as adam help

# ---- who may what ----
exits 0 'a viewer looks' as vera 'net link show'
exits 4 'a viewer changes no table' as vera 'fw table add bad 192.0.2.1'
like "$(as vera 'fw ta a bad 192.0.2.1')" 'fw table add is not permitted to a viewer' 'and is told which command that was'
exits 4 'a viewer sends no packets' as vera 'diag ping 127.0.0.1 count 1'
exits 4 'a viewer configures nothing' as vera 'configure'
exits 4 'a viewer stops nothing' as vera 'fw stop'
exits 4 'root among the viewers is a viewer' as viewroot 'fw table add bad 192.0.2.1'
exits 0 'root among the operators changes a table' as oproot 'fw table add bad 192.0.2.1'
exits 0 'what an operator did is there' as viewroot 'fw table test bad 192.0.2.1'
exits 4 'an operator applies nothing' as oproot 'conf apply'
exits 4 'an operator edits nothing' as oproot 'conf edit'
exits 4 'an operator configures nothing' as oproot 'configure'
exits 0 'an admin may all' as adam 'fw table delete bad 192.0.2.1 | no-more'
exits 3 'and it is done' as viewroot 'fw table test bad 192.0.2.1'
is "$(as nobody help 2>&1 | grep -c configure)" 0 'who is in no group cannot log in here, or sees nothing to configure'

# ---- no way around ----
echo 'stop' >"$dir/commands"
cp "$dir/patronus.conf" "$dir/home/oproot/own.conf"
like "$(as viewroot 'fw table list')" '^bad' 'the table is there'
while IFS= read -r line; do
	exits 4 "refused to root among the operators: $line" as oproot "$line"
done <<LINES
fw stop -- help
conf set interface wan mtu help
conf set interface wan mtu 1400 help
conf apply -f help
conf apply -f -h
fw --batch $dir/commands
fw check --batch $dir/commands
fw check -f $dir/home/oproot/own.conf
fw check -f$dir/home/oproot/own.conf
fw check -vf $dir/home/oproot/own.conf
fw explain --file /etc/shadow
fw table add bad --file /etc/shadow
fw table list --netns other
fw log show --pcap $dir/home/oproot/out
fw log show --store /etc
fw import pf /etc/shadow
fw diff --meaning /etc/shadow /etc/passwd
conf history --state /etc
show history --state /etc
conf show --state=/etc
net link show | !sh
net link show | ! id
net link show | save /tmp/out
net link show | save ../out
net link show | save .bashrc
net link show | save .ssh/authorized_keys
LINES
like "$(as viewroot 'fw info')" 'rules' 'the rules are still in force'
exits 1 'no shell, no program' as oproot 'bash'
unlike "$(as oproot '/bin/echo gotcha')" '^gotcha' 'no program by its path'
unlike "$(as oproot 'net link show $(echo gotcha)')" '^gotcha' 'nothing is expanded'
unlike "$(as oproot 'show interfaces ; `echo gotcha`')" '^gotcha' 'nothing is substituted'
exits 0 'into a file of the home' as oproot 'net link show | save links'
ok 'it is there, and nobody else reads it' test "$(stat -c %a "$dir/home/oproot/links")" = 600
ln -s /etc/passwd "$dir/home/oproot/link"
isnt "$(as oproot 'net link show | save link' >/dev/null; echo $?)" 0 'not through a link'
like "$(cat "$dir/etc/passwd")" '^vera:' 'which is what it was'
for copy in "sftp -q -b /dev/null -o BatchMode=yes" "scp -q -O $dir/key.pub"; do
	# shellcheck disable=SC2086
	isnt "$(in_ns adm timeout 20 $copy -F /dev/null -i "$dir/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		oproot@10.0.0.1: >/dev/null 2>&1; echo $?)" 0 "no ${copy%% *}"
done
exits 4 'not by arguments: -f' in_ns fw setpriv --reuid 0 --regid 1004 --groups 900 "$dir/bin/ptsh" -f "$dir/patronus.conf" -c 'fw check'
exits 4 'not by arguments: a script' in_ns fw setpriv --reuid 0 --regid 1004 --groups 900 "$dir/bin/ptsh" "$dir/commands"

# by_sudo UID LINE: what root's process is told by sudo
by_sudo()
{
	in_ns fw env "SUDO_UID=$1" HOME=/root "$dir/bin/ptsh" -c "$2"
}
exits 4 'a viewer is one with sudo, too' by_sudo 1001 'fw table add bad 192.0.2.9'
exits 0 'and an operator' by_sudo 1002 'fw table add bad 192.0.2.9'
exits 4 'who is no more than that' by_sudo 1002 'fw stop'
exits 4 'and writes into no home' by_sudo 1002 'net link show | save links'
exits 0 'somebody else has what sudo gives him' by_sudo 65534 'fw table delete bad 192.0.2.9'

# ---- the environment ----
cat >"$dir/inputrc" <<'RC'
"\C-o": "fw stop\C-m"
RC
printf '#!/bin/sh\necho gotcha >%s\n' "$dir/gotcha" >"$dir/bin/evil"
chmod 755 "$dir/bin/evil"
env_said=$(in_ns fw env -i EDITOR="$dir/bin/evil" VISUAL="$dir/bin/evil" PAGER="$dir/bin/evil" SHELL=/bin/sh LANG=/etc/evil LC_ALL=C TERM=dumb \
	PATH="$dir/bin" INPUTRC="$dir/inputrc" HOME=/etc "$(command -v setpriv)" --reuid 0 --regid 1005 --groups 901 "$dir/bin/ptsh" -c 'net link show' 2>&1)
like "$env_said" 'eth0' 'an operator with a strange environment'
ok 'and nothing of it was run' test ! -e "$dir/gotcha"

# ---- keys: a terminal of the real thing ----
export TMUX_TMPDIR="$dir"
mux() { tmux -f /dev/null -L ptsh "$@"; }
screen() { mux capture-pane -p -t 0; }
screen_has() { screen | grep -q -e "$1"; }
in_ns adm env TMUX_TMPDIR="$dir" tmux -f /dev/null -L ptsh new-session -d -x 80 -y 24 \
	"ssh -F /dev/null -t -i '$dir/key' -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR oproot@10.0.0.1; sleep 1000"
if lab_wait 15 screen_has '^[a-zA-Z0-9_-]*> *$'; then
	pass 'a login shell has a prompt'
else
	fail 'a login shell has a prompt'
	diag "$(screen)"
fi
like "$(in_ns fw sh -c 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" "\n"')" '^-ptsh$' 'as its name, sshd gave it one with a -'
mux send-keys -t 0 C-z
mux send-keys -t 0 C-x C-e
mux send-keys -t 0 C-o
mux send-keys -t 0 C-a C-k 'help' Enter
ok 'Ctrl-Z, Ctrl-X Ctrl-E and an inputrc lead nowhere' lab_wait 10 screen_has '^--More--'
mux send-keys -t 0 q
mux send-keys -t 0 C-c
mux send-keys -t 0 'diag ping 127.0.0.1' Enter
lab_wait 10 screen_has 'seq 2'
mux send-keys -t 0 C-z
sleep 0.3
mux send-keys -t 0 C-c
ok 'Ctrl-C ends a ping' lab_wait 10 screen_has 'received'
mux send-keys -t 0 'wol' '?'
mux send-keys -t 0 C-a C-k 'con' Tab '?'
lab_wait 5 screen_has 'conf'
unlike "$(screen)" '^ *configure' 'what is not permitted is not offered'
mux send-keys -t 0 C-a C-k 'fw t' '?'
mux send-keys -t 0 C-a C-k 'net wol send aa:bb:cc:dd:ee:ff dev eth0 password 01:02:03:04:05:06' Enter
mux send-keys -t 0 'net link show | count' Enter 'exit' Enter
lab_wait 10 test -s "$dir/home/oproot/.patronus_history"
like "$(cat "$dir/home/oproot/.patronus_history")" 'link show' 'the history is kept'
unlike "$(cat "$dir/home/oproot/.patronus_history")" '01:02:03' 'without secrets'
is "$(stat -c %a "$dir/home/oproot/.patronus_history")" 600 'for its user only'
mux kill-server

# ---- an SSH session that is killed in the window of a change ----
sed 's/label ssh/label ssh9/' "$dir/patronus.conf" >"$dir/changed.conf"
in_ns fw "$build/ptconf" -q apply -f "$dir/patronus.conf"
in_ns adm timeout 20 ssh -F /dev/null -n -tt -i "$dir/key" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
	-o LogLevel=ERROR adam@10.0.0.1 "conf apply -f $dir/changed.conf --confirm 4; diag ping 127.0.0.1" >"$dir/session" 2>&1 &
session=$!
# shellcheck disable=SC2016 # of that shell
changed() { in_ns fw "$build/ptfw" rule show | grep -q ssh9; }
ok 'a change over SSH is in force' lab_wait 10 changed
lab_wait 10 grep -q 'seq 1' "$dir/session"
kill -9 "$session"
unchanged() { in_ns fw "$build/ptfw" rule show | grep -q 'label ssh$'; }
ok 'its session is killed in the window: the change is undone' lab_wait 15 unchanged

# ---- configuration mode, in the log ----
cat >"$dir/lines" <<'LINES'
configure
show
edit interface wan
top
compare
check
run net link show
set interface wan description there
set interface.gre0.key 4711
set interface gre0 key = 4712
commit check
LINES
in_ns fw setpriv --reuid 0 --regid 1003 --groups 902 "$dir/bin/ptsh" -f "$dir/patronus.conf" <"$dir/lines" >"$dir/out" 2>&1
exits 4 'an operator does not reach it' in_ns fw setpriv --reuid 0 --regid 1005 --groups 901 "$dir/bin/ptsh" -e -c 'configure; show'
in_ns fw setpriv --reuid 0 --regid 1003 --groups 902 "$dir/bin/ptsh" -c 'net wol send aa:bb:cc:dd:ee:ff dev eth0 pass 07:02:03:04:05:06' >/dev/null 2>&1

# ---- the log ----
log=$(cat "$dir/log")
like "$log" '^<85>.*ptsh\[[0-9]*\]: user=.* tty=- from=10.0.0.2 status=0 command=fw table add bad 192.0.2.1$' 'the log: what changed'
like "$log" 'user=oskar .*status=4 command=fw stop' 'what was refused, and to whom'
like "$log" 'command=net link show \| save links' 'what was written into files'
like "$log" 'tty=/dev/pts/[0-9]* from=10.0.0.2 status=[0-9]* command=net wol send .* password \(secret\)' 'the log has no secrets, but what was done'
unlike "$log" '01:02:03' 'nowhere'
unlike "$log" '07:02:03' 'also when the word is shortened'
like "$log" 'command=set interface wan description there$' 'changes of the candidate stand there'
like "$log" 'command=commit check$' 'and commits'
unlike "$log" 'command=(show|top|edit .*|compare|check|run .*)$' 'what only shows, or moves, does not'
like "$log" 'command=set interface.gre0.key \(secret\)$' 'a secret is one by its path'
like "$log" 'command=set interface gre0 key = \(secret\)$' 'and behind a sign'
unlike "$log" 'command=net link show$|command=fw table test|command=help' 'what only shows does not stand there'
is "$(printf '%s\n' "$log" | grep -c 'status=0 command=fw table delete bad 192.0.2.1 | no-more')" 1 'each line once'
done_testing
