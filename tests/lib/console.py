# SPDX-License-Identifier: GPL-3.0-or-later
"""A console on a terminal of its own, for tests: what is typed, and what must come within a time."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

SEQUENCE = re.compile(r'\x1b(\[[0-9;?]*[a-zA-Z]|[=>]|\][^\x07\x1b]*(\x07|\x1b\\)|\([A-Z0-9])')


class Console:
    def __init__(self, argv, env=None, rows=24, columns=200, before=None):
        self.raw = ''
        self.seen = 0
        self.pid, self.fd = pty.fork()
        if not self.pid:
            try:
                if before:
                    before()
                os.execve(argv[0], argv, {'TERM': 'xterm', 'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', **(env or {})})
            finally:
                os._exit(127)
        self.size(rows, columns)

    def size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def type(self, text):
        """Forgets what came before."""
        self.take(0)
        self.seen = len(self.raw)
        data = text if isinstance(text, bytes) else text.encode()
        while data:
            _, writes, _ = select.select([], [self.fd], [], 30)
            if not writes:
                return
            data = data[os.write(self.fd, data[:1024]):]
            self.take(0)

    def take(self, seconds):
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                got = os.read(self.fd, 65536)
            except OSError:
                return False
            if not got:
                return False
            self.raw += got.decode(errors='replace')
            seconds = 0
        return True

    def text(self):
        return SEQUENCE.sub('', self.raw[self.seen:]).replace('\r', '')

    def wait(self, what, seconds=20):
        until = time.monotonic() + seconds
        while not re.search(what, self.text(), re.M | re.S):
            if time.monotonic() > until or not self.take(0.1):
                return re.search(what, self.text(), re.M | re.S) is not None
        return True

    def status(self, seconds=20):
        """Of its end; None: it has none."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            self.take(0.05)
            time.sleep(0.02)
        return None

    def close(self):
        os.close(self.fd)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


def told(good, name, why=''):
    """For tap.sh: a line of each."""
    print(('pass ' if good else 'fail ') + name, flush=True)
    if not good:
        for line in str(why).splitlines()[-15:]:
            print('# ' + line.encode('ascii', 'backslashreplace').decode(), flush=True)
    return good


def answers(console, keys, what, name, seconds=20):
    """Told good, when WHAT comes of them."""
    console.type(keys)
    return told(console.wait(what, seconds), name, console.text())
