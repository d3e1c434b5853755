"""One writer per journal: a lock file that names its owner.

The file is locked with `flock`, which the system releases when the owner dies, and holds process, host and start. A
file left behind on another host, where nobody can tell whether its owner lives, is respected: the user removes it.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edensim.errors import OutputError
from edensim.study.sweep import disk

try:
    import fcntl
except ImportError:  # no such thing on Windows: a lock left behind there must be removed by hand
    fcntl = None  # type: ignore[assignment]

PATIENCE_S = 1.0
"""As long as a process of this host that was killed may take to end."""
RETRY_S = 0.1


class Lock:
    """Hold a lock file as long as the block runs.

    Raises
    ------
    OutputError
        If somebody else holds it, naming process, host and start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = -1

    def __enter__(self) -> Lock:
        until = time.monotonic() + PATIENCE_S
        try:
            while not self._try(last=time.monotonic() > until):
                pass
        except OSError as problem:
            self._close()
            raise disk.cannot_save(self.path, problem, 0) from None
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            with suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108
        finally:
            self._close()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _try(self, last: bool) -> bool:
        """Take the lock; False if another attempt is due: its file vanished meanwhile, or its owner may be dying."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return self._wait(_read(self._file), last)
        owner = _read(self._file)
        if owner and not provably_dead(owner):
            return self._wait(owner, last)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file), os.stat(self.path)):  # noqa: PTH116
                os.ftruncate(self._file, 0)
                os.lseek(self._file, 0, os.SEEK_SET)
                disk.write(self._file, json.dumps(myself()).encode())
                return True
        self._close()
        return False

    def _wait(self, owner: dict[str, Any], last: bool) -> bool:
        """Give a process that was killed just now the time to end."""
        if last or owner.get("host", socket.gethostname()) != socket.gethostname():
            raise self._busy(owner)
        self._close()
        time.sleep(RETRY_S)
        return False

    def _busy(self, owner: dict[str, Any]) -> OutputError:
        who = "another sweep"
        if owner:
            who = f"process {owner.get('pid')} on {owner.get('host')}, started {owner.get('started')}"
        return OutputError(
            f"{self.path.parent} is in use by {who}: wait for it or choose another folder with --out. "
            f"If that process is certainly gone, remove {self.path}."
        )


def myself() -> dict[str, Any]:
    """What a lock file says about its owner."""
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "birth": birth(os.getpid()),
    }


def birth(pid: int) -> str:
    """When a process began, in a form that a later process of the same number does not share ("" if unknown)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {_status(pid)[19]}"
    except (OSError, IndexError):
        return ""


def provably_dead(owner: dict[str, Any]) -> bool:
    """Whether the owner certainly no longer runs: it ran on this host, and no such process exists here."""
    if owner.get("host") != socket.gethostname() or not isinstance(owner.get("pid"), int) or os.name != "posix":
        return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    now = birth(owner["pid"])
    if _is_zombie(owner["pid"]):
        return True
    return bool(now and owner.get("birth") and now != owner["birth"])


def _status(pid: int) -> list[str]:
    """What Linux tells of a process behind its name: state, parent, … (see `man 5 proc_pid_stat`, from field 3)."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to notice, which in a container may never happen."""
    try:
        return _status(pid)[0] in "ZX"
    except (OSError, IndexError):
        return False


def _read(descriptor: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
