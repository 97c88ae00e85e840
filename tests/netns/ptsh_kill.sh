#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hostile-33 of the console: itself, all of its session, or its terminal are gone at any moment of a commit, confirmed or not. With the
# next command, or when the window is over, the file and the kernel both have the old text, or both the new one.
#
#   PATRONUS_SEED=N   other moments
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
needs python3
lab_ns fw
chmod 755 "$lab_tmp"
mkdir -m 755 "$lab_tmp/etc"

# One line for each kill: "KIND HOW WHAT"; KIND is old, new, done (it was over), undone (by the guard), or wrong.
cat >"$lab_tmp/kill.py" <<'PY'
import os, pty, random, signal, subprocess, sys, time

build, folder, seed, kills = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
file, more, script = folder + '/etc/patronus.conf', folder + '/etc/more.conf', folder + '/script'
random.seed(seed)


def run(*words):
    p = subprocess.run([build + '/' + words[0], *words[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return p.returncode, p.stdout + p.stderr


def read(path):
    with open(path) as f:
        return f.read()


def version(waits=False):
    """What both files and the kernel have, or what is wrong."""
    code, rules = run('ptfw', 'rule', 'show')
    kernel = [v for v in 'ab' if 'label web-' + v in rules]
    files = [v for v in 'ab' if 'label web-' + v in read(file)] + [v for v in 'ab' if 'of ' + v in read(more)]
    left = [n for n in os.listdir(folder + '/etc') if n not in ('patronus.conf', 'more.conf') and not n.endswith('.lock')]
    if len(kernel) != 1 or files != kernel * 2:
        return 'the kernel has %s, the files have %s: %s' % (kernel, files, rules if code else '')
    if [n for n in left if not n.startswith('.')]:
        return 'beside the file: %s' % left
    code, said = (0, '') if waits else run('ptconf', 'compare', '-f', file)
    return 'compare: ' + said if code else kernel[0]


def session(sid):
    """Its processes that live."""
    found = []
    for n in os.listdir('/proc'):
        try:
            words = read('/proc/%s/stat' % n).rsplit(')', 1)[1].split() if n.isdigit() else ['', '', '', 0]
        except OSError:
            continue
        if int(words[3]) == sid and words[0] != 'Z':
            found.append(int(n))
    return found


def start(other, how):
    with open(script, 'w') as f:
        f.write('configure\nset firewall rules = "block all label closed" "pass proto tcp to self port 80 label web-%s"\n' % other)
        f.write('set interface wan description "of %s"\ncommit %s\n' % (other, how))
    pid, master = pty.fork()
    if not pid:
        os.execv(build + '/ptsh', ['ptsh', '-e', '-f', file, script])
    return pid, master


def drained(master, seconds):
    """Until nobody writes any more, at most so long."""
    import select
    until = time.monotonic() + seconds
    text = b''
    while time.monotonic() < until:
        if select.select([master], [], [], max(0, until - time.monotonic()))[0]:
            try:
                got = os.read(master, 4096)
            except OSError:
                break
            if not got:
                break
            text += got
    return text.decode(errors='replace')


def settle(how, old, other):
    """What is in force at the end."""
    code, said = run('ptconf', 'status')
    if 'being put in force' in said:
        return 'still being put in force: ' + said, ''
    if '\npending' not in '\n' + said or 'pending    none' in said:
        return version(), ''
    now = version(True)
    if now != other:
        return 'pending, but: ' + now, ''
    if how.endswith('1s'):
        until = time.monotonic() + 20
        while time.monotonic() < until and version(True) != old:
            time.sleep(0.1)
        now = version()
        return (now if now == old else 'not undone: ' + now), 'undone'
    word = random.choice(['confirm', 'rollback'])
    code, said = run('ptconf', word)
    if code:
        return word + ': ' + said, ''
    now = version()
    return (now if now == (other if word == 'confirm' else old) else '%s: %s' % (word, now)), ''


with open(file, 'w') as f:
    f.write('include("more.conf")\nfirewall { rules = { "block all label closed", "pass proto tcp to self port 80 label web-b" } }\n')
with open(more, 'w') as f:
    f.write('interface wan { device = "eth0" description = "of b" }\n')
os.chmod(file, 0o600)
os.chmod(more, 0o600)
code, said = run('ptconf', 'apply', '-f', file)
if code:
    sys.exit('apply: ' + said)
usual = {}
for how in ('', 'confirmed 100s'):
    for other in 'ab' * 2:
        began = time.monotonic()
        pid, master = start(other, how)
        said = drained(master, 30)
        os.close(master)
        if os.waitpid(pid, 0)[1]:
            sys.exit('commit %s: %s' % (how, said))
        usual[how] = min(usual.get(how, 99), time.monotonic() - began)
        if how:
            run('ptconf', 'confirm')
usual['confirmed 1s'] = usual['confirmed 100s']
print('usual', ' '.join('%.0f ms' % (usual[h] * 1000) for h in usual))
old = 'b'
for i in range(kills):
    other = 'a' if old == 'b' else 'b'
    how = ('', 'confirmed 100s', '', 'confirmed 1s' if i % 8 == 3 else 'confirmed 100s')[i % 4]
    what = ('console', 'session', 'terminal')[i % 3]
    pid, master = start(other, how)
    # Most of it is before the change itself begins.
    drained(master, usual[how] * (random.random() * 0.8 + 0.2))
    if what == 'console':
        os.kill(pid, signal.SIGKILL)
    elif what == 'session':
        for p in session(pid):
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass
    os.close(master)
    ended = os.waitpid(pid, 0)[1]
    until = time.monotonic() + 30
    while session(pid) and time.monotonic() < until:
        time.sleep(0.01)
    now, kind = settle(how, old, other)
    if len(now) > 1:
        print('wrong', what, how or 'commit', 'at kill', i, now.replace('\n', ' '))
        break
    kind = kind or ('done' if not ended else 'old' if now == old else 'new')
    print(kind, what, how or 'commit', flush=True)
    old = now
PY

seed=${PATRONUS_SEED:-$(date +%s)}
kills=${PATRONUS_KILLS:-120}
diag "PATRONUS_SEED=$seed"
in_ns fw python3 "$lab_tmp/kill.py" "$build" "$lab_tmp" "$seed" "$kills" >"$lab_tmp/kills" 2>&1
is "$?" 0 'hostile-33: consoles were killed again and again'
count() { grep -c "^$1 " "$lab_tmp/kills"; }
diag "$(grep '^usual' "$lab_tmp/kills"); $(count old) left what was, $(count new) what came, $(count undone) were undone, $(count 'done') were over"
grep -E -v '^(old|new|done|undone|usual) ' "$lab_tmp/kills" | head -n 5 | while read -r line; do diag "$line"; done
is "$(count wrong)" 0 'hostile-33: the file and the kernel have the old text, or the new one'
is "$(grep -Ec '^(old|new|done|undone) ' "$lab_tmp/kills")" "$kills" "hostile-33: after each of $kills kills"
for what in console session terminal; do
	ok "hostile-33: the $what was killed before" grep -q "^old $what" "$lab_tmp/kills"
	ok "hostile-33: and behind" grep -Eq "^(new|done|undone) $what" "$lab_tmp/kills"
done
ok 'hostile-33: the guard undid what nobody confirmed' grep -q '^undone' "$lab_tmp/kills"
is "$(in_ns fw find /var/lib/patronus -maxdepth 1 -name 'window*' -o -name 'snapshot*' -maxdepth 1 -o -name 'rewrite*' -maxdepth 1)" '' \
	'hostile-33: nothing waits at the end'
done_testing
