# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that another program writes: under a temporary name beside their own, then renamed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from typing import Optional

from . import files


@contextlib.contextmanager
def beside(path: str, mode: int = 0o600) -> Iterator[str]:
    """Give a name to write to, and give the finished file its own name, durably. Nothing stays of a failed one."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
        with files.named("write", path):
            os.chmod(temporary, mode)
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(temporary, path)
            files.sync_directory(directory)
    finally:
        files.remove(temporary)


def leftovers(path: str) -> list[str]:
    """Temporary files of runs that were killed while they wrote path. Ask only under the lock of path."""
    directory, name = os.path.split(path)
    half_made = re.compile(rf"\.{re.escape(name)}\.[a-z0-9_]+\.part")
    try:
        return sorted(os.path.join(directory, entry) for entry in os.listdir(directory) if half_made.fullmatch(entry))
    except FileNotFoundError:
        return []


def is_file(path: str) -> bool:
    """A regular file or a link to one."""
    return os.path.isfile(path)


def owner(path: str) -> Optional[int]:
    """The uid of the file's owner; links are followed. None when there is no such file."""
    try:
        return os.stat(path).st_uid
    except OSError:
        return None
