#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where ptdiag capture puts packets: several devices in one file, a pipe, a ring of files; disks that are full, folders that take nothing,
# ends of all kinds, after which what is there can be read by others.
#
#     a  10.0.1.1 fd01::1 eth0 ---- eth0 10.0.1.2 fd01::2  b
#        10.0.2.1 fd02::1 eth1 ---- eth1 10.0.2.2 fd02::2
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/capture.sh
. tests/lib/capture.sh
lab_begin || skip_all "$lab_why"
needs ping jq tcpdump tshark python3
unset SSH_CONNECTION

lab_ns a b
lab_link a eth0 b eth0
lab_link a eth1 b eth1
lab_addr a eth0 10.0.1.1/24 fd01::1/64
lab_addr a eth1 10.0.2.1/24 fd02::1/64
lab_addr b eth0 10.0.1.2/24 fd01::2/64
lab_addr b eth1 10.0.2.2/24 fd02::2/64
lab_settle a b
dir=$lab_tmp/files
mkdir "$dir"
capture() { in_ns a "$ptdiag" capture "$@"; }

# What it says is in $lab_tmp/out and err.
begin() { capture_begin a "$@" >"$lab_tmp/out" 2>"$lab_tmp/err"; }

# packets FILE: as many as tcpdump reads, and nothing that it or tshark dislikes
packets() { tcpdump -nr "$1" 2>"$lab_tmp/said" | wc -l; }
whole()
{
	tshark -r "$1" >/dev/null 2>"$lab_tmp/tshark"
	unlike "$(cat "$lab_tmp/tshark")" 'cut short|damaged|corrupt|^tshark: ' "$2"
}

# ---- several devices ----

begin on eth0,eth1,lo write "$dir/several" filter icmp or '(icmp6 and ip6[40] >= 128 and ip6[40] <= 129)'
in_ns b ping -qc 2 -i 0.01 10.0.1.1 >/dev/null
in_ns b ping -qc 3 -i 0.01 fd02::1 >/dev/null
in_ns a ping -qc 1 127.0.0.1 >/dev/null
capture_end 0 'several devices'
is "$(tshark -r "$dir/several" -T fields -e frame.interface_name 2>/dev/null | sort | uniq -c | tr -s ' \n' ' ')" ' 4 eth0 6 eth1 2 lo ' \
	'each packet is of its device'
is "$(packets "$dir/several")" 12 'tcpdump reads it'
whole "$dir/several" 'tshark reads it'
like "$("$ptdiag" capture read "$dir/several" filter ip6)" ' in on eth1 icmp6 fd02::2 > fd02::1 echo request' 'and we do'
is "$("$ptdiag" capture read "$dir/several" -j direction out filter icmp | jq -rs 'map(select(.device).device) | unique | join(",")')" eth0 'directions are kept'
exits 1 'any is all' capture on any,eth0 count 1
exits 1 'one device twice' capture on eth0,eth0 count 1
exits 1 'no device' capture on , count 1
exits 2 'one of them is not there' capture on eth0,nodevice count 1 write "$dir/none"
ok 'then no file is made' [ ! -e "$dir/none" ]
if in_ns a ip tuntap add tun0 mode tun 2>/dev/null; then
	in_ns a ip link set tun0 up
	begin on eth0,tun0 write "$dir/kinds" filter icmp
	in_ns b ping -qc 1 10.0.1.1 >/dev/null
	capture_end 0 'devices of several kinds'
	whole "$dir/kinds" 'tshark reads them'
	like "$("$ptdiag" capture read "$dir/kinds" filter icmp)" ' in on eth0 icmp 10\.0\.1\.2 > 10\.0\.1\.1 echo request' 'and we do'
	in_ns a ip link del tun0
else
	skip 'no tun' 'devices of several kinds'
fi

# ---- no packets, and the end of time ----

exits 3 'nothing came' capture on eth0 time 1 write "$dir/nothing" filter udp port 7
is "$(packets "$dir/nothing")" 0 'a file of nothing'
unlike "$(cat "$lab_tmp/said")" 'no Interface|truncated|unknown file' 'tcpdump reads it'
whole "$dir/nothing" 'tshark, too'
exits 3 'any, too' capture time 1 write "$dir/nothing.any" filter udp port 7
is "$(packets "$dir/nothing.any")$(grep -c 'no Interface' "$lab_tmp/said")" 00 'tcpdump reads that of any'
exits 3 'one that is read has nothing' "$ptdiag" capture read "$dir/nothing"

# ---- a pipe ----

in_ns a sh -c "'$ptdiag' capture on eth0 count 4 write - filter icmp | tcpdump -nr - >'$lab_tmp/piped' 2>/dev/null" &
piped=$!
sleep 0.7
in_ns b ping -qc 2 -i 0.01 10.0.1.1 >/dev/null
wait "$piped"
is "$(grep -c 'ICMP echo' "$lab_tmp/piped")" 4 'into a pipe that tcpdump reads'
lab_bg a sh -c "'$ptdiag' capture on eth0 write - | head -c 300 >'$lab_tmp/head'"
piped=$lab_last
sleep 0.7
lab_bg b ping -qc 200 -i 0.1 10.0.1.1 >/dev/null
pinging=$lab_last
lab_wait 15 sh -c "! kill -0 $piped 2>/dev/null"
is "$?" 0 'a reader that has seen enough ends it'
lab_stop "$pinging"
cat >"$lab_tmp/terminal.py" <<'PYTHON'
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
said = b''
while True:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    said += got
print(said.decode().replace('\r', ''), end='')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
said=$(in_ns a python3 "$lab_tmp/terminal.py" "$ptdiag" capture on eth0 write - count 1)
is "$?" 1 'not onto a terminal'
like "$said" 'standard output is a terminal' 'which is said'
exits 1 'no lines among them' capture on eth0 write - show

# ---- a ring ----

begin on eth0 write "$dir/ring" files 3 file-size 4K quiet filter icmp
is "$(grep -E '^(Uid|CapEff|Seccomp):' "/proc/$capture/status" | tr -s '\t\n' '  ')" \
	'Uid: 65534 65534 65534 65534 CapEff: 0000000000000000 Seccomp: 2 ' 'a ring needs no rights'
in_ns b ping -qc 20 -s 1000 -i 0.01 10.0.1.1 >/dev/null
capture_end 0 'a ring'
is "$(stat -c '%n %a' "$dir"/ring.* | sed 's|.*/||' | tr '\n' ,)" 'ring.1 600,ring.2 600,ring.3 600,' 'its files'
for i in 1 2 3; do
	ok "file $i is bounded" [ "$(stat -c %s "$dir/ring.$i")" -lt 6000 ]
	whole "$dir/ring.$i" "file $i can be read"
	packets "$dir/ring.$i" >"$lab_tmp/n.$i"
	tshark -r "$dir/ring.$i" -T fields -e icmp.seq 2>/dev/null >>"$lab_tmp/numbers"
done
ok 'they have most of them' [ "$(sort -n "$lab_tmp/numbers" | head -n 1)" -gt 10 ]
is "$(sort -n "$lab_tmp/numbers" | tail -n 1)" 20 'the newest ones'
begin on eth0 write "$dir/timed" files 2 file-time 1 quiet filter icmp
in_ns b ping -qc 1 10.0.1.1 >/dev/null
sleep 1.1
in_ns b ping -qc 1 10.0.1.1 >/dev/null
capture_end 0 'a ring by time'
is "$(packets "$dir/timed.1") $(packets "$dir/timed.2")" '2 2' 'two packets each'
: >"$dir/partly.2"
exits 2 'one of its files is there already' capture on eth0 write "$dir/partly" files 3 file-size 4K count 1
is "$(cd "$dir" && echo partly.*)" partly.2 'no other is left'
exits 1 'a size without files' capture on eth0 write "$dir/none" file-size 4K
exits 1 'files without a size' capture on eth0 write "$dir/none" files 3
exits 1 'a size that holds nothing' capture on eth0 write "$dir/none" files 3 file-size 100
exits 1 'no ring in a pipe' capture on eth0 write - files 3 file-size 4K

# ---- disks and folders ----

if [ -n "$lab_mounts" ]; then
	mkdir "$lab_tmp/small" "$lab_tmp/locked"
	in_ns a mount -t tmpfs -o size=64k none "$lab_tmp/small"
	in_ns a mount -t tmpfs -o ro none "$lab_tmp/locked"
	begin on eth0 write "$lab_tmp/small/file" filter icmp
	in_ns b ping -qc 60 -s 1400 -i 0.01 10.0.1.1 >/dev/null
	capture_end 2 'a disk that is full' none
	like "$(cat "$lab_tmp/err")" "error: writing $lab_tmp/small/file: No space left on device" 'which is said'
	like "$(cat "$lab_tmp/out")" '^[0-9]+ packets, ' 'with the summary'
	in_ns a cat "$lab_tmp/small/file" >"$dir/small"
	ok 'most of it is there' [ "$(stat -c %s "$dir/small")" -gt 50000 ]
	whole "$dir/small" 'and whole'
	exits 2 'a folder that takes nothing' capture on eth0 count 1 write "$lab_tmp/locked/file"
	like "$tap_out" "error: making $lab_tmp/locked/file: Read-only file system" 'which is said'
else
	skip 'mounts are not private' 'disks and folders'
fi
exits 2 'a folder that is none' capture on eth0 count 1 write "$dir/several/file"
exits 2 'the name of a folder' capture on eth0 count 1 write "$dir"
exits 1 'no name' capture on eth0 count 1 write ''

# ---- ends ----

begin on eth0 write "$dir/killed" filter icmp
in_ns b ping -qc 10 -i 0.01 10.0.1.1 >/dev/null
sleep 1.2
capture_end 137 'it is killed' KILL
is "$(packets "$dir/killed")" 20 'what had come is there'
whole "$dir/killed" 'and whole'
begin on eth1 write "$dir/removed" filter icmp
in_ns b ping -qc 3 -i 0.01 10.0.2.1 >/dev/null
in_ns a ip link del eth1
capture_end 2 'its device goes away' none
like "$(cat "$lab_tmp/err")" 'warning: eth1 went away' 'which is said'
is "$(packets "$dir/removed")" 6 'all before is there'
whole "$dir/removed" 'and whole'
lab_link a eth1 b eth1
lab_addr a eth1 10.0.2.1/24
lab_addr b eth1 10.0.2.2/24
begin on eth0,eth1 write "$dir/one" filter icmp
in_ns a ip link del eth1
sleep 0.2
in_ns b ping -qc 2 -i 0.01 10.0.1.1 >/dev/null
capture_end 0 'one of two devices goes away'
is "$(packets "$dir/one")" 4 'the other goes on'
begin on eth0 write "$dir/down" filter icmp
in_ns b ping -qc 1 10.0.1.1 >/dev/null
in_ns a ip link set eth0 down
sleep 0.3
in_ns a ip link set eth0 up
lab_wait 10 in_ns b ping -qc 1 -W 1 10.0.1.1
capture_end 0 'a device goes down and comes up'
ok 'what comes then is there, too' [ "$(packets "$dir/down")" -ge 4 ]
like "$(cat "$lab_tmp/err")" 'warning: eth0 went down' 'which is said'

# ---- promiscuous ----

mode() { in_ns a ip -d link show eth0 | sed -n 's/.*promiscuity \([0-9]*\).*/\1/p'; }
begin on eth0 promiscuous quiet filter icmp
is "$(mode)" 1 'promiscuous while it runs'
capture_end 3 'and ends'
is "$(mode)" 0 'not afterwards'
begin on eth0 promiscuous quiet filter icmp
capture_end 137 'killed' KILL
is "$(mode)" 0 'not then, either'
begin on eth0 quiet filter icmp
is "$(mode)" 0 'only when asked'
capture_end 3 'and ends'

# ---- rights ----

exits 4 'without the right to' in_ns a setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$ptdiag" capture on eth0 count 1 write "$dir/none"
like "$tap_out" 'error: capturing packets needs CAP_NET_RAW' 'which is said'
exits 4 'with rules asked for, too' in_ns a setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$ptdiag" capture on eth0 rules count 1
ok 'no file is made' [ ! -e "$dir/none" ]
done_testing
