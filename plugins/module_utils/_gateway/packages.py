# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds the package manager's lock."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

# The first that apt takes, and the one of its lists; dnf's.
_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock", "/var/lib/rpm/.rpm.lock")


def lock_holder() -> str:
    """Program and process that keep others from installing packages now, "" when nobody does."""
    inodes = set()
    for path in _LOCKS:
        with contextlib.suppress(OSError):
            inodes.add(os.stat(path).st_ino)
    for pid, inode in _locks():
        if inode in inodes:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
                return f"{stream.read().strip()} (process {pid})"
    return ""


def _locks() -> Iterator[tuple[int, int]]:
    """Process and inode of each lock of a file that the kernel knows."""
    try:
        with open("/proc/locks", encoding="ascii", errors="replace") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return
    for line in lines:
        # 1: POSIX  ADVISORY  WRITE 1234 fe:02:5678 0 EOF; one that waits has an arrow before it.
        words = line.split()
        if len(words) >= 6 and words[1] != "->" and words[4].isdecimal():
            yield int(words[4]), int(words[5].rpartition(":")[2])
