# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small FAT images, the same bytes for the same files."""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import files
from .beside import beside
from .process import run

# mtools' time stamps; mkfs.vfat --invariant uses the same moment.
_EPOCH = {"SOURCE_DATE_EPOCH": "1426325213", "TZ": "UTC"}
_MIB = 1 << 20


def write(path: str, label: str, contents: Mapping[str, bytes]) -> None:
    """Make an image of a FAT file system that holds the files. They go through pipes: they may hold secrets."""
    operation = "make the seed"
    size = _MIB + sum(-(-len(content) // _MIB) * _MIB for content in contents.values())
    with beside(path, 0o600) as temporary:
        with files.named(operation, path):
            descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.truncate(descriptor, size)
            finally:
                os.close(descriptor)
        command = ["mkfs.vfat", "--invariant", "-n", label, temporary]
        run(command, operation=operation, obj=path, package="dosfstools")
        for name, content in contents.items():
            command = ["mcopy", "-i", temporary, "-", f"::{name}"]
            run(command, operation=operation, obj=path, package="mtools", input_data=content, environment=_EPOCH)
