# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""flock: one run at a time works on a VM or an image; two different ones never wait for each other."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator

from .._errors import HostError

# Longer than the longest step that holds a lock: building an image on a slow machine.
_DEADLINE = 1800.0
_POLL = 0.1


@contextlib.contextmanager
def locked(path: str, deadline: float = _DEADLINE) -> Iterator[None]:
    """Hold the exclusive lock of path (made, with its directory, when missing).

    deadline: seconds to wait for another holder. The kernel drops the lock when the process ends,
    however it ends.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o711, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        hint = "Run with become, or state another `data`."
        raise HostError("take the lock", path, str(error.strerror), hint) from error
    try:
        _acquire(descriptor, path, deadline)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: str, deadline: float) -> None:
    end = time.monotonic() + deadline
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise HostError("take the lock", path, str(error.strerror)) from error
        if time.monotonic() >= end:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            raise HostError(
                "take the lock",
                path,
                f"process {holder or 'unknown'} has held it for more than {deadline:.0f} s",
                "Another run works on the same object; let it end.",
                "locked",
            )
        time.sleep(_POLL)
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
