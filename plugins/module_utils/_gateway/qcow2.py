# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a qcow2 file, for who only wants to know how large its disk is: qemu-img takes 10 ms to tell."""

from __future__ import annotations

import struct
from collections.abc import Iterable

# Magic number, version, offset and length of the backing file's name, cluster bits, virtual size: all big-endian.
_HEAD = struct.Struct(">4sIQIIQ")
_MAGIC = b"QFI\xfb"


def virtual_sizes(paths: Iterable[str]) -> dict[str, int]:
    """path -> size of its disk in bytes; what is no qcow2, isn't there or can't be read is missing."""
    sizes = {path: _virtual_size(path) for path in paths}
    return {path: size for path, size in sizes.items() if size}


def _virtual_size(path: str) -> int:
    try:
        with open(path, "rb") as stream:
            magic, _version, _offset, _length, _bits, size = _HEAD.unpack(stream.read(_HEAD.size))
    except (OSError, struct.error):
        return 0
    return int(size) if magic == _MAGIC else 0
