"""An `os` module whose n-th change to the disk fails, as SQLite's tests have it.

In mode "error" that one call raises OSError (disk full), after half of its bytes were written. In mode "crash" the
power goes: half of the bytes are written, and from then on nothing reaches the disk any more.
"""

import errno
import os

CHANGES = ("write", "fsync", "replace", "ftruncate")


class Crash(BaseException):
    """The process is gone; nothing in the package may catch this."""


class FailingOs:
    """Looks like `os`. `count` changes have been asked for; the one numbered `fail_at` (from 1) fails."""

    def __init__(self, fail_at=0, mode="error", error=errno.ENOSPC):
        self.fail_at, self.mode, self.error, self.count, self.dead = fail_at, mode, error, 0, False

    def __getattr__(self, name):
        real = getattr(os, name)
        if name == "unlink" and self.dead:
            raise Crash
        if name not in CHANGES:
            return real

        def call(*arguments):
            if self.dead:
                raise Crash
            self.count += 1
            if self.count != self.fail_at:
                return real(*arguments)
            if name == "write":
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            if self.mode == "crash":
                self.dead = True
                raise Crash
            raise OSError(self.error, os.strerror(self.error))

        return call
