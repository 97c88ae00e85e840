#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The console in the hands of somebody who is in a hurry, and of somebody who means it harm: programs behind `|` that do not end, what
# stands at each place, texts that no keyboard has, files and limits that are not as they should be.
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
needs python3
lab_ns fw
chmod 755 "$lab_tmp"
mkdir -m 755 "$lab_tmp/etc" "$lab_tmp/home"
cat >"$lab_tmp/etc/patronus.conf" <<'CONF'
interface wan { device = "eth0" description = "to the provider" }
interface lan { device = "eth1" }
table bad { addresses = { "192.0.2.1" } }
firewall { rules = {
	"block label all",
	"pass out label out",
	"pass in on wan proto tcp to self port 22 label ssh",
	"pass in on wan proto tcp to self port 80",
} }
CONF
chmod 600 "$lab_tmp/etc/patronus.conf"
in_ns fw ip link add eth0 type veth peer name eth1
# The home of root is another one here.
sed "s|^\\(root:[^:]*:[^:]*:[^:]*:[^:]*:\\)[^:]*|\\1$lab_tmp/home|" /etc/passwd >"$lab_tmp/passwd"
in_ns fw mount --bind "$lab_tmp/passwd" /etc/passwd || skip_all 'the users of a namespace cannot be made here'

cat >"$lab_tmp/hostile.py" <<'PY'
import os, sys, time
sys.path.insert(0, sys.argv[1] + '/tests/lib')
from console import Console, answers, told

ptsh, folder = sys.argv[2] + '/ptsh', sys.argv[3]
file = folder + '/etc/patronus.conf'
home = {'HOME': folder + '/home'}


def console(*words, **more):
    c = Console([ptsh, '-f', file, *words], home, **more)
    if not c.wait('[>#] $'):
        told(False, 'a prompt', c.text())
    return c


# ---- programs behind | ----
c = console()
answers(c, 'help | !"trap \'\' INT; echo deaf; while :; do sleep 0.1; done"\r', '^deaf', 'a program that takes no Ctrl-C')
answers(c, '\x03', '> $', 'is ended after a while, and the console is back', 15)
c.type('help | !yes | !"trap \'\' INT; sleep 1000; sleep 1000"\r')
time.sleep(1)
answers(c, '\x03', '> $', 'also when it does not read what another one writes', 15)
c.type('help | !"trap \'\' INT; sleep 1000; sleep 1000" | count\r')
time.sleep(0.5)
answers(c, '\x03\x03\x03', '> $', 'or at the third time', 15)
answers(c, 'help | !cat | match configure | !tr a-z A-Z | count\r', '^1\n', 'programs and stages in any order')
c.type('fw ?')
told(c.wait('rule') and not c.wait('nothing is known', 0.1), 'and all is as it was', c.text())
c.close()

# ---- what may stand at a place ----
c = console(rows=100)
answers(c, 'help | ?', '!  *COMMAND', '? knows programs')
answers(c, '!?', 'COMMAND: a program', 'and what stands behind the sign')
c.type('\x15configure\r')
c.wait('# $')
c.type('set interface ?')
told(c.wait('wan +to the provider') and c.wait('lan +eth1') and c.wait('NAME: 1 to 15 letters'), '? of names tells what they are', c.text())
answers(c, '\x15set interface wan mtu ?', '68 to 65535.*MTU|68 to 65535', '? of a number tells its range')
c.type('\x15insert firewall rules pass in quick proto tcp label new ?')
told(c.wait('^  before ') and c.wait('^  after '), 'insert: behind a rule comes its place', c.text())
answers(c, 'bef\t', 'before ', 'which completes')
c.type('?')
told(c.wait('^  ssh +pass in on wan') and c.wait('^  4 +pass in on wan'), 'then a rule, by its label or its number', c.text())
c.type('ss\t\r')
c.wait('# $')
answers(c, 'show firewall | no-more\r', 'label out".*label new".*label ssh"', 'and it is there')
answers(c, 'insert table bad addresses 192.0.2.2 before ?', '^  192.0.2.1', 'of other lists their elements')
c.type('\x15exit discard\r')
c.wait('> $')
c.close()
# ---- what no keyboard has ----
import subprocess


def script(data, *words, env=None, **more):
    """Lines from standard input."""
    p = subprocess.run([ptsh, '-f', file, *words], input=data if isinstance(data, bytes) else data.encode(), capture_output=True, timeout=60,
                       env={'PATH': os.environ['PATH'], **home, **(env or {})}, **more)
    return p.returncode, (p.stdout + p.stderr).decode(errors='replace')


def safe(text):
    return not [c for c in text if (ord(c) < 32 and c not in '\n\t\r') or 0x7f <= ord(c) < 0xa0 or c in '\u202e\u2066\u200f\ufffd']


for name, data in [
        ('a NUL', b'configure\nset interface wan description "a\0b"\nshow\nexit discard\n'),
        ('bytes that are no UTF-8', b'configure\nset interface wan description "\xff\xfe\xc3("\nshow\nexit discard\n'),
        ('a sequence of a terminal', b'configure\nset interface wan description "\x1b]0;owned\x07"\nshow\nexit discard\n'),
        ('a name with one', b'configure\nset interface \x1b[31mred device eth0\nshow interface \x1b[31m\nexit discard\n'),
        ('letters that turn the line around', 'configure\nset interface wan description "\u202egnp.exe"\nset firewall rules "pass label \u202ex"\n'
         'comment interface wan "\u2066x"\nshow\ncompare\nshow | display set\nexit discard\n'.encode()),
        ('control characters of the second row', 'configure\nset interface wan description "\u009b31mred"\nshow\nexit discard\n'.encode()),
        ('a command with one', b'sh\x1b[31mow\n\xe2\x80\xaefw\nshow r\x07ules\nfw \xff\n'),
        ('a file with one', b'configure\nload merge "/tmp/\x1b[31mx"\nload merge /tmp/\xe2\x80\xaex\nsave "/nonexistent/\xe2\x80\xaex"\nexit discard\n'),
        ('a regular expression with one', b'help | match \x1b[\nhelp | match "[\xe2\x80\xae"\nhelp | \xe2\x80\xaeno\nhelp | save "/nonexistent/\xe2\x80\xae"\n')]:
    rc, said = script(data)
    told(safe(said) and rc < 128, name + ': nothing of it reaches a terminal', repr(said))
rc, said = script(b'help | match x' + b'y' * 200000 + b'\nhelp | count\n')
told('at most' in said and said[0].isdigit(), 'a line that is too long is told, and the next one runs', said[-300:])
rc, said = script(b'a' * 1000000 + b'\0' * 1000000 + b'\nhelp | count\n')
told(rc == 0 and len(said) < 2000, 'two megabytes without an end of line', said[-300:])
rc, said = script(b'configure\nset firewall rules "' + b'pass ' * 5000 + b'"\nset interface wan description ' + b'x' * 9000 + b'\nexit discard\n')
told(rc == 0 and len(said) < 200000, 'lines of 10,000 characters are judged', said[-300:])
rc, said = script(b';' * 60000 + b'\n' + b'help | ' * 100 + b'\n' + b'show ' * 12000 + b'\n' + b'"' * 60001 + b'\nhelp | count\n')
told(rc == 0, 'lines of nothing but signs', said[-300:])
rc, said = script(b'help' + b' | match e' * 3000 + b' | count\nhelp | last 100000 | count\n')
told(rc == 0, 'thousands of stages', said[-300:])

c = console()
began = time.monotonic()
c.type(b'x' * 10000 + b'\r')
told(c.wait('there is no command', 30) and c.wait('> $', 30), 'ten thousand characters are typed', c.text()[-300:])
answers(c, b'\x1b[200~configure\n' + b'set interface wan description "what? now"\n' * 2000 + b'\x1b[201~\r', '# $', 'many lines are pasted at once', 60)
answers(c, b'show interface wan description\r', '^what. now', 'and each is run')
c.wait('# $')
c.type(b'\x04')
told(c.wait('changes that are not committed') and c.wait('# $'), 'Ctrl-D asks what is to become of them', c.text())
c.type(b'help | count\r')
c.wait('# $')
c.type(b'\x04')
c.wait('# $')
c.type(b'\x04')
told(c.status() is not None, 'at the second time it leaves')
c.close()
c = console()
answers(c, b'\xff\xfe\x80 \xc3( \xf0\x9f\x98\x80 \xe2\x80\xae\r', '> $', 'bytes that are no UTF-8 are typed')
c.type(b'\x16\x1b]0;owned\x07\r')
told(c.wait('> $') and '\x1b]0;owned' not in c.raw, 'a sequence that is typed is not sent back', c.raw[-300:])
for i in range(300):
    c.size(10 + i % 30, 5 + i % 200)
c.size(24, 80)
answers(c, b'help | count\r', '^[0-9]+\n', 'three hundred sizes in a moment')
c.close()


# ---- the history ----
import resource, shutil, stat

history = home['HOME'] + '/.patronus_history'


def clear():
    if os.path.isdir(history) and not os.path.islink(history):
        os.rmdir(history)
    elif os.path.lexists(history):
        os.unlink(history)


def session(line='help | count'):
    """One that runs a line and leaves."""
    c = console()
    c.type(line + '\r')
    good = c.wait('^[0-9]+\n')
    c.type('exit\r')
    good = c.status() is not None and good
    c.close()
    return good


victim = folder + '/victim'
with open(victim, 'w') as f:
    f.write('mine\n')
clear()
os.symlink(victim, history)
told(session() and open(victim).read() == 'mine\n', 'a history that is a link is not written through', open(victim).read())
clear()
os.mkfifo(history)
told(session(), 'one that is a pipe stops nobody')
clear()
os.mkdir(history)
told(session(), 'nor a folder')
clear()
with open(history, 'w') as f:
    f.write('stop\n')
os.chown(history, 65534, 65534)
c = console()
c.type('\x1b[A')
time.sleep(0.5)
c.take(0.5)
told('stop' not in c.text(), 'what somebody else wrote is not offered', c.text())
c.type('\x15exit\r')
c.status()
c.close()
clear()
with open(history, 'wb') as f:
    f.write(b'\x1b]0;owned\x07\n\xff\xfe\n' + b'x' * 5000000 + b'\n')
os.chmod(history, 0o600)
began = os.times()
c = console()
c.type('\x1b[A\x1b[A\x1b[A')
time.sleep(0.5)
c.take(0.5)
told('\x1b]0;owned' not in c.raw, 'a history that was made to harm does none', c.raw[-200:])
c.type('\x15help | count\r')
told(c.wait('^[0-9]+\n', 30), 'nor one of five megabytes', c.text()[-200:])
c.type('exit\r')
c.status()
c.close()
clear()

one, two = console(), console()
for c, line in ((one, 'help | last 1'), (two, 'help | last 2')):
    c.type(line + '\r')
    c.wait('> $')
for c in (one, two):
    c.type('exit\r')
    c.status()
    c.close()
told(open(history).read() == 'help | last 1\nexit\nhelp | last 2\nexit\n', 'two consoles at once keep the lines of both', open(history).read())
told(stat.S_IMODE(os.stat(history).st_mode) == 0o600, 'for their user only')
clear()

# ---- the environment ----
for name, env in [('no HOME', {'HOME': ''}), ('a HOME that is not there', {'HOME': '/nonexistent'}), ('TERM that nobody knows', {'TERM': 'x' * 5000}),
                  ('TERM that is a path', {'TERM': '../../etc/passwd'}), ('a language that is a path', {'LC_ALL': '../../tmp', 'LANGUAGE': '/tmp'}),
                  ('INPUTRC that is a device', {'INPUTRC': '/dev/null'}), ('LINES and COLUMNS of nothing', {'LINES': '0', 'COLUMNS': '-1'})]:
    c = Console([ptsh, '-f', file], {**home, **env})
    told(c.wait('> ?$'), name + ': a prompt', c.text())
    c.type('help | count\r')
    told(c.wait('^[0-9]+ *\n'), name + ': a line', c.text())
    c.close()
c = Console(['/usr/bin/env', '-i', ptsh, '-f', file])
told(c.wait('> ?$'), 'no environment at all', c.text())
c.close()
for name, fds in [('input', [0]), ('output', [1]), ('error', [2]), ('all three', [0, 1, 2])]:
    def closed(fds=fds):
        for fd in fds:
            os.close(fd)
    p = subprocess.run([ptsh, '-f', file, '-c', 'help | !cat >' + folder + '/out | !cat; help | count'], preexec_fn=closed, timeout=30)
    told(p.returncode in (0, 2), 'closed standard ' + name, p.returncode)
for n in range(3, 16):
    def few(n=n):
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
    p = subprocess.run([ptsh, '-f', file, '-c', 'configure; set interface wan mtu 1400; help | !cat | !cat | count; exit discard'], capture_output=True,
                       preexec_fn=few, timeout=30)
    if p.returncode not in (0, 1, 2, 127):
        told(False, '%d descriptors' % n, p.stdout + p.stderr)
        break
else:
    told(True, 'few descriptors are told, and stop nothing')


def small():
    resource.setrlimit(resource.RLIMIT_AS, (60000000, 60000000))


p = subprocess.run([ptsh, '-f', file, '-c', 'help | count; configure; show | count; exit'], capture_output=True, preexec_fn=small, timeout=30)
told(p.returncode >= 0, 'little memory', (p.returncode, p.stdout, p.stderr))


def tiny():
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))


rc, said = script('help | save "%s/cut"\nhelp | count\n' % folder, preexec_fn=tiny)
told(rc in (0, 2) and __import__("re").search('writing|File too large|too large', said), 'a file that may not grow is told', (rc, said))
rc, said = script('help | save /dev/full\nhelp | count\n')
told('No space' in said, 'a full disk is told where output is saved', said)
rc, said = script('help | !cat | save /dev/full\nhelp | count\n')
told('No space' in said, 'also behind a program', said)
os.mkfifo(folder + '/pipe')
rc, said = script('help | save "%s/pipe"\nhelp | count\n' % folder)
told('pipe' in said and said[0].isdigit(), 'a pipe that nobody reads is not waited for', said)


# ---- the configuration, with others at it ----
build = sys.argv[2]


def run(*words, **more):
    p = subprocess.run([build + '/' + words[0], *words[1:]], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                       env={'PATH': os.environ['PATH'], **home, **more})
    return p.returncode, p.stdout + p.stderr


def lines(*text):
    return script('\n'.join(text) + '\n', '-e')


with open(file) as f:
    first = f.read()
rc, said = lines('configure', 'commit')
told(rc == 0, 'commit', said)
editor = folder + '/editor'
with open(editor, 'w') as f:
    f.write('#!/bin/sh\nsed -i "s/to the provider/edited/" "$1"\n')
os.chmod(editor, 0o755)
c = console()
c.type('configure\r')
c.wait('# $')
c.type('set interface wan mtu 1400\r')
c.wait('# $')
rc, said = run('ptconf', '-f', file, 'edit', EDITOR=editor)
told(rc == 0, 'somebody edits the file meanwhile', said)
c.type('commit\r')
told(c.wait('somebody else changed|changed by somebody else') and c.wait('# $'), 'commit does not write over it', c.text())
told('edited' in open(file).read() and '1400' not in open(file).read(), 'what was edited stands')
c.type('discard\r')
c.wait('# $')
c.type('commit check\r')
c.wait('# $')
c.type('exit discard\r')
c.wait('> $')
answers(c, 'configure exclusive\r', '# $', 'one console has it alone')
rc, said = run('ptconf', '-f', file, 'set', 'interface', 'wan', 'mtu', '1400')
rc2, said2 = lines('configure', 'set interface wan mtu 1300', 'commit')
told(rc2 != 0 and '1300' not in open(file).read(), 'others do not commit', said2)
c.close()
time.sleep(0.5)
rc, said = lines('configure exclusive', 'set interface wan description taken', 'commit', 'exit')
told(rc == 0 and 'taken' in open(file).read(), 'the lock of a console that is dead holds nobody', said)
mtab = lambda *words: subprocess.run(['mount', *words], capture_output=True).returncode
before = open(file).read()
told(mtab('--bind', folder + '/etc', folder + '/etc') == 0 and mtab('-o', 'remount,ro,bind', folder + '/etc') == 0, 'the folder cannot be written')
rc, said = lines('configure', 'set interface wan description readonly', 'commit')
told(rc != 0 and 'Read-only' in said and open(file).read() == before, 'which commit tells', said)
rc, rules = run('ptfw', 'rule', 'show')
rc, said = lines('configure', 'commit')
told(rc == 0, 'what is there can be put in force all the same', said)
subprocess.run(['umount', folder + '/etc'])
rc, said = run('ptconf', 'status')
told('pending    none' in said or 'pending' not in said, 'nothing is left to wait', said)
told(mtab('-t', 'tmpfs', '-o', 'size=64k,mode=755', 'none', '/var/lib/patronus') == 0, 'a small disk for what was in force')
with open('/var/lib/patronus/fill', 'wb') as f:
    try:
        f.write(b'\0' * 1000000)
    except OSError:
        pass
try:
    f.close()
except OSError:
    pass
rc, said = lines('configure', 'set interface wan description full', 'commit')
told(rc != 0 and open(file).read() == before, 'full: the file is as it was', said)
subprocess.run(['umount', '/var/lib/patronus'])
os.unlink(file)
rc, said = lines('configure')
told(rc == 1 and 'patronus.conf' in said, 'a file that is not there is named', said)
c = console()
answers(c, 'configure\r', 'patronus.conf.*> $', 'and the console is still there')
os.symlink('/etc/shadow', file)
c.type('configure\r')
told(c.wait('> $') and 'root:' not in c.text(), 'a link is not followed', c.text())
os.unlink(file)
with open(file, 'w') as f:
    f.write(first)
os.chmod(file, 0o666)
c.type('configure\r')
told(c.wait('> $') and 'others' in c.text(), 'nor a file believed that others can write', c.text())
os.chmod(file, 0o600)
c.type('configure\r')
c.wait('# $')
os.unlink(file)
c.type('set interface wan mtu 1400\r')
c.wait('# $')
c.type('commit\r')
told(c.wait('No such file|changed by somebody') and c.wait('# $'), 'a file that goes away meanwhile is told', c.text())
c.type('exit discard\r')
c.wait('> $')
c.close()
with open(file, 'w') as f:
    f.write('interface wan { device = "eth0" } \nfirewall { rules = { "pass" \n')
os.chmod(file, 0o600)
rc, said = lines('configure', 'set interface wan mtu 1400', 'commit')
told(rc == 1 and 'patronus.conf:' in said, 'a file that is wrong is told where', said)
with open(file, 'w') as f:
    f.write('interface wan { device = "eth0" description = "' + 'x' * 200 + '\u202e' + '" }\n# \x1b[31m\n')
rc, said = lines('configure', 'show', 'compare')
told(safe(said), 'what somebody wrote into the file does not reach a terminal', repr(said)[-200:])
with open(file, 'w') as f:
    f.write('interface wan { device = "eth0" }\n' + 'table t { }\n' * 20000)
rc, said = lines('configure', 'show | count', 'set table u persist true', 'compare', 'exit discard')
told(rc in (0, 1) and len(said) < 5000000, 'twenty thousand sections of one name', said[-300:])

PY
in_ns fw python3 "$lab_tmp/hostile.py" "$top" "$build" "$lab_tmp" >"$lab_tmp/told" 2>&1 || echo "fail it ended early" >>"$lab_tmp/told"
while read -r how name; do
	case $how in
	pass) pass "$name" ;;
	fail) fail "$name" ;;
	*) diag "$how $name" ;;
	esac
done <"$lab_tmp/told"
done_testing
