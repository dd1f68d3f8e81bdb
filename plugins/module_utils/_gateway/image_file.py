# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a file that may become an image, without any program; by a descriptor, so that it stays the same file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Optional

from .._errors import SpecError
from .._model.image_candidate import Candidate, Layout
from .._model.image_format import examine


@contextmanager
def opened(path: str, option: str, *, follow: bool = True) -> Iterator[int]:
    """A descriptor of the regular file at path, never waited for. follow: path may be a symbolic link."""
    try:
        # O_NONBLOCK: to open a FIFO for reading waits for who writes.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        descriptor = os.open(path, flags)
    except OSError as error:
        raise SpecError(option, f"{path}: {error.strerror}", "Name an image file that is on this host.") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SpecError(option, f"{path} is no regular file", "Name an image file.")
        yield descriptor
    finally:
        os.close(descriptor)


def layout(descriptor: int, option: str, origin: str, stated: Optional[str] = None) -> Layout:
    """What the open file holds. option and origin name it in errors; stated is the format that it has to be."""
    return examine(candidate(descriptor, option, origin), stated)


def candidate(descriptor: int, option: str, origin: str) -> Candidate:
    def read(offset: int, length: int) -> bytes:
        return os.pread(descriptor, length, offset)

    return Candidate(option, origin, os.fstat(descriptor).st_size, read)
