# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that may become an image: what can be asked of it, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from .._errors import SpecError

SECTOR = 512
# Four times ext4's largest file. A header may say 8 EiB in a file of 1 KiB.
LARGEST = 64 << 40
FLATTEN = (
    "If you made it, flatten it where all of it is, with `qemu-img convert -O qcow2`; "
    "one from somebody else would read files of this host."
)
AGAIN = "Download or copy it again, or name another one."


@dataclass(frozen=True)
class Candidate:
    """read gives the bytes at an offset, fewer at the end. option and origin name the file in errors."""

    option: str
    origin: str
    size: int
    read: Callable[[int, int], bytes]

    def refused(self, code: str, problem: str, hint: str) -> SpecError:
        """The error, whose code is the name of the reason."""
        return SpecError(self.option, f"{self.origin} {problem}", hint, code)

    def check_size(self, virtual_size: int) -> None:
        if virtual_size == 0:
            raise self.refused("empty_image", "is a disk without any room", "Name a disk image.")
        if virtual_size > LARGEST:
            problem = f"says that its disk has {virtual_size} bytes; up to {LARGEST >> 40} TiB are believed"
            raise self.refused("absurd_size", problem, AGAIN)

    def check_table(self, code: str, what: str, offset: int, length: int) -> None:
        """Refuse a table that isn't in the file. offset and length are in bytes."""
        if offset < SECTOR or offset + length > self.size:
            problem = f"has its {what} ({length} bytes at {offset}) outside of the file's {self.size} bytes"
            raise self.refused(code, problem, AGAIN)


@dataclass(frozen=True)
class Layout:
    """What a file holds, once nothing speaks against it. virtual_size is in bytes."""

    format: str
    virtual_size: int
