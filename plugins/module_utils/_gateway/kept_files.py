# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as they are found: whether they are there, what they hold, and their removal."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any, Optional

from .._errors import HostError

NO_SPACE_HINT = "Free some room on its file system, then run again."


@contextlib.contextmanager
def named(operation: str, path: str) -> Iterator[None]:
    """Turn the errors of the system calls inside into one that names the work and the file."""
    try:
        yield
    except OSError as error:
        hint = "Run with become." if isinstance(error, PermissionError) else ""
        code = "host"
        if error.errno == errno.ENOSPC:
            code, hint = "no_space", NO_SPACE_HINT
        raise HostError(operation, path, str(error.strerror or error), hint, code) from error


def exists(path: str) -> bool:
    return os.path.lexists(path)


def read(path: str, limit: int = 16 * 1024 * 1024) -> Optional[bytes]:
    """The file's content, or None when there is none. limit (bytes) bounds what is read."""
    with named("read", path):
        try:
            with open(path, "rb") as stream:
                return stream.read(limit)
        except FileNotFoundError:
            return None


def read_json(path: str) -> Optional[Any]:
    """The JSON document, or None when there is none or it is not JSON (a half-made file is none)."""
    data = read(path)
    if data is None:
        return None
    try:
        return json.loads(data)
    except ValueError:
        return None


def remove(path: str) -> bool:
    """Remove a file or a directory tree; False when there was none. A link is removed, never followed."""
    with named("remove", path):
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except FileNotFoundError:
            return False
    return True


def remove_empty(path: str) -> bool:
    """Remove the directory when it is empty; False when it is not or there is none."""
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True
