# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: written beside and renamed, so that a reader finds the old or the new one and never a half."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile

from .kept_files import NO_SPACE_HINT, exists, named, read, read_json, remove, remove_empty

__all__ = [
    "NO_SPACE_HINT",
    "exists",
    "free_bytes",
    "make_directory",
    "named",
    "read",
    "read_json",
    "remove",
    "remove_empty",
    "sync_directory",
    "write",
    "write_json",
]


def write(path: str, data: bytes, mode: int = 0o644) -> None:
    """Write atomically and durably."""
    directory = os.path.dirname(path)
    with named("write", path):
        descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", suffix=".part", dir=directory)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            os.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        sync_directory(directory)


def write_json(path: str, document: object, mode: int = 0o644) -> None:
    write(path, (json.dumps(document, indent=2, sort_keys=True) + "\n").encode(), mode)


def sync_directory(path: str) -> None:
    """Make a rename in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: str, mode: int = 0o711) -> None:
    """Make the directory and its parents; mode is set on the last one (the umask does not count)."""
    with named("make the directory", path):
        if os.path.isdir(path):
            return
        os.makedirs(os.path.dirname(path), mode=0o711, exist_ok=True)
        # Another fork may be making it too.
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
            os.chmod(path, mode)


def free_bytes(path: str) -> int:
    """Bytes that an unprivileged writer still has on the file system of path or of its nearest parent."""
    while not os.path.exists(path):
        path = os.path.dirname(path) or "/"
    with named("look at the room of", path):
        status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
