#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Whose folders: what decides about a firewall is not kept where others can write, sticky or not, nor behind a link, nor in what
# belongs to somebody else. Each command that changes something refuses it and writes nothing there; what closes goes on; and a
# change that waits is undone in time whatever became of the folders meanwhile (hostile-19, hostile-20).
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
ptconf=$build/ptconf
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
lab_ns fw

run() { tap_run_rc=0; said=$(in_ns fw "$@" 2>&1) || tap_run_rc=$?; }
rules() { in_ns fw "$ptfw" rule show 2>/dev/null | sed -n 's/.*label //p' | tr '\n' ' '; }
for v in a b; do
	cat >"$lab_tmp/$v.conf" <<-CONF
		table some { persist = true }
		firewall { rules = { "block all label closed", "block in from <some> label some", "pass in proto tcp to port 22 label $v" } }
	CONF
done
in_ns fw "$ptconf" -q apply -f "$lab_tmp/a.conf"
is "$(rules)" 'closed some a ' 'there are rules'

# ---- the folder of what is applied ----
run=/run/patronus
# NAME, what spoils the folder, what mends it, what is said.
ways='a link|mv /run/patronus /run/other && ln -s other /run/patronus|rm /run/patronus && mv /run/other /run/patronus|symbolic link
mode 0777|chmod 0777 /run/patronus|chmod 0755 /run/patronus|can be written by others
mode 1777|chmod 1777 /run/patronus|chmod 0755 /run/patronus|can be written by others
mode 0775|chmod 0775 /run/patronus|chmod 0755 /run/patronus|can be written by others
of another|chown 1000 /run/patronus|chown 0 /run/patronus|belongs to another user
a file|mv /run/patronus /run/other; : >/run/patronus|rm /run/patronus && mv /run/other /run/patronus|/run/patronus: .*not a (folder|directory)|no folder|Not a directory
/run, 0777|chmod 0777 /run|chmod 0755 /run|folder /run can be written'
list() { in_ns fw sh -c 'ls -lR --time-style=full-iso /run/patronus/ /var/lib/patronus | sed "/ lock/d; s/^total.*//"'; }
while IFS='|' read -r name spoil mend says; do
	in_ns fw sh -c "$spoil"
	before=$(list)
	for command in "$ptconf apply -f $lab_tmp/b.conf" "$ptconf apply --force --confirm 9 -f $lab_tmp/b.conf" "$ptconf rollback" \
		"$ptfw apply -f $lab_tmp/b.conf" "$ptnet apply -f $lab_tmp/b.conf"; do
		# The words are words, to be split.
		# shellcheck disable=SC2086
		run $command
		case $tap_run_rc in
		1 | 2 | 4) pass "$name: refused: ${command#"$build/"}" ;;
		*) fail "$name: refused: ${command#"$build/"}"; diag "$tap_run_rc: $said" ;;
		esac
		like "$said" "$says" "$name: and why"
	done
	is "$(in_ns fw nft list table inet patronus | grep -c 'label\|comment.*"b"')" "$(in_ns fw nft list table inet patronus | grep -c 'label')" "$name: the rules are the same"
	in_ns fw sh -c "$mend"
	is "$(rules)" 'closed some a ' "$name: the rules of before hold"
	case $name in
	mode* | of*) is "$(list | grep -c .)" "$(printf '%s\n' "$before" | grep -c .)" "$name: no file came or went" ;;
	esac
done <<WAYS
$ways
WAYS

# What closes, closes: with a word about the folder.
in_ns fw chmod 0777 "$run"
run "$ptfw" stop
is "$tap_run_rc" 0 'mode 0777: stop goes on'
like "$said" 'warning: .*can be written by others' 'and tells of it'
in_ns fw nft delete table inet patronus
run "$ptconf" boot block
is "$tap_run_rc" 0 'mode 0777: the block set comes at boot'
like "$(in_ns fw nft list tables)" 'inet patronus$' 'and is there'
run "$ptconf" boot
isnt "$tap_run_rc" 0 'the rules do not'
like "$said" 'the block set stays' 'and the block set stays'
in_ns fw chmod 0755 "$run"
run "$ptconf" boot
in_ns fw "$ptconf" -q apply -f "$lab_tmp/a.conf"
is "$(rules)" 'closed some a ' 'mended, all is as before'

# ---- the state folder ----
in_ns fw sh -c 'mkdir -m 0777 /var/lib/open; mkdir -m 1777 /var/lib/sticky; chmod 0777 /var/lib/open; chmod 1777 /var/lib/sticky
	mkdir -m 0775 /var/lib/group; chmod 0775 /var/lib/group; mkdir /var/lib/theirs; chown 1000 /var/lib/theirs
	mkdir /var/lib/real; ln -s real /var/lib/link; mkdir -p /var/lib/open/below'
for folder in /tmp /var/lib/open /var/lib/sticky /var/lib/group /var/lib/theirs /var/lib/link /var/lib/link/below /var/lib/open/below /var/lib/open/new; do
	for command in "apply -f $lab_tmp/b.conf" "apply --confirm 9 -f $lab_tmp/b.conf" confirm rollback 'rollback 1' history show 'compare 1' drift \
		status lock 'lock --steal' 'lock --release' "diff -f $lab_tmp/b.conf" "-f $lab_tmp/b.conf set system name x" \
		"-f $lab_tmp/b.conf delete table some"; do
		# shellcheck disable=SC2086
		run "$ptconf" $command --state "$folder"
		case $tap_run_rc,$said in
		1,*symbolic* | 4,*'can be written by others'* | 4,*'belongs to another user'*) ;;
		*) fail "--state $folder: refused: $command"; diag "$tap_run_rc: $said" ;;
		esac
	done
	pass "--state $folder: every command refuses it"
done
is "$(in_ns fw find /var/lib/open /var/lib/sticky /var/lib/group /var/lib/theirs /var/lib/real ! -type d)" '' 'nothing was written there'
is "$(in_ns fw find /var/lib/open/new /var/lib/real/below 2>/dev/null)" '' 'nor made'
is "$(grep -c name "$lab_tmp/b.conf")" 0 'the file is as it was'
is "$(rules)" 'closed some a ' 'so are the rules'
in_ns fw mkdir -m 0700 /var/lib/sticky/ours
run "$ptconf" apply -f "$lab_tmp/a.conf" --state /var/lib/sticky/ours
is "$tap_run_rc" 0 'a folder of its own in a sticky one will do'
in_ns fw chmod 1777 /var/lib/sticky/ours
run "$ptconf" boot block --state /var/lib/sticky/ours
is "$tap_run_rc" 0 'the boot closes whatever the folder'

# ---- within a window ----
n=0
while IFS='|' read -r name spoil; do
	n=$((n + 1))
	in_ns fw "$ptconf" -q apply -f "$lab_tmp/b.conf" --confirm 2
	is "$(rules)" 'closed some b ' "window, $name: the change is in force"
	in_ns fw sh -c "$spoil"
	# shellcheck disable=SC2016
	ok "window, $name: undone" lab_wait 12 in_ns fw sh -c 'nft list ruleset | grep -q "\"a\|label a\|a\"" && ! test -e /var/lib/patronus/window'
	is "$(rules)" 'closed some a ' "window, $name: the rules of before hold"
	run "$ptconf" status
	is "$tap_run_rc" 0 "window, $name: and all folders are good again"
done <<WINDOWS
state 0777|chmod 0777 /var/lib/patronus
history 1777|chmod 1777 /var/lib/patronus/history
run 0777|chmod 0777 /run/patronus /run/patronus/applied
given away|chown 1000 /run/patronus /var/lib/patronus /var/lib/patronus/history
a link|mv /run/patronus /run/elsewhere; ln -s elsewhere /run/patronus
WINDOWS
done_testing
