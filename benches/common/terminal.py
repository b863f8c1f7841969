"""A terminal for the scripts that measure what a program does on one."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


class Screen:
    """The program on a terminal that reads everything and counts it."""

    def __init__(self, command, environment, columns=80, rows=24):
        self.count = 0
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_for(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                some = os.read(self.fd, 1 << 16)
                self.count += len(some)
                self.seen = (self.seen + some)[-1 << 16:]

    def first(self, text, most=60):
        """Reads until this was written, and no longer."""
        end = time.monotonic() + most
        while text.encode() not in self.seen:
            if time.monotonic() > end:
                sys.exit(f"never shown: {text}\n{self.seen[-3000:]!r}")
            if select.select([self.fd], [], [], 1)[0]:
                self.seen += os.read(self.fd, 1 << 16)

    def until(self, text, most=60):
        end = time.monotonic() + most
        while text.encode() not in self.seen:
            if time.monotonic() > end:
                sys.exit(f"never shown: {text}\n{self.seen[-3000:]!r}")
            # Only what changed is written: words come in one piece when everything is drawn anew.
            self.press(b"\x0c")
            self.read_for(0.3)

    def press(self, keys):
        self.seen = b""
        os.write(self.fd, keys)

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        return self.ended()

    def ended(self):
        """What it cost, when it has ended by itself: the system's account of it."""
        try:
            while some := os.read(self.fd, 1 << 16):
                self.count += len(some)
        except OSError:
            pass
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.fd)
        return status, usage
