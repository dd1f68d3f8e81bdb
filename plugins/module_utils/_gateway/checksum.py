# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stored file's bits are."""

from __future__ import annotations

import hashlib
import os

from .kept_files import named

_BLOCK = 1 << 20


def checksum(path: str) -> str:
    """The SHA-256 of a file as it is on the disk."""
    total = hashlib.sha256()
    with named("read", path), open(path, "rb") as stream:
        # What was read when it was written, or by a guest, may be in memory still, and whole there.
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for block in iter(lambda: stream.read(_BLOCK), b""):
            total.update(block)
    return total.hexdigest()
