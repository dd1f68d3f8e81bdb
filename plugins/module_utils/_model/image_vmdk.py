# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header and descriptor of a VMDK: one whole file (monolithicSparse, streamOptimized), or a part of something.

Fields are as in VMware's Virtual Disk Format 5.0 and QEMU's block/vmdk.c, which opens every file that a descriptor
names.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Callable

from .image_candidate import AGAIN, FLATTEN, SECTOR, Candidate, Layout
from .value import shown

MAGIC = b"KDMV"
# Magic, version, flags, capacity, grain, descriptor (offset, size), entries of a grain table, redundant directory,
# directory, first grain (all in sectors), unclean shutdown, line ends, compression: little-endian.
_HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
_MARKER = struct.Struct("<QII")
_AT_END = (1 << 64) - 1
_FLAG_LINE_ENDS, _FLAG_REDUNDANT = 1, 2
_LINE_ENDS = b"\n \r\n"
_FOOTER = 3
# Where QEMU looks for the descriptor, whatever the header says, and how far.
_DESCRIPTOR, _DESCRIPTOR_SIZE = SECTOR, 20 * SECTOR
_WHOLE = ("monolithicSparse", "streamOptimized")
_NO_PARENT = "ffffffff"
_EXTENT = re.compile(r'(?:RW|RDONLY|NOACCESS)\s+\d+\s+(?P<type>\w+)(?:\s+"(?P<name>[^"]*)")?.*', re.ASCII)
_LINE = re.compile(r'(?P<key>[\w.]+)\s*=\s*"?(?P<value>[^"]*)"?', re.ASCII)
_LARGEST_GRAIN = 4096
_ONE_FILE = (
    "Export it as one file where all of it is (ovftool, or `qemu-img convert -O qcow2`); "
    "one from somebody else would read files of this host."
)


@dataclass(frozen=True)
class Header:
    """Offsets and sizes in sectors."""

    version: int
    flags: int
    capacity: int
    grain: int
    descriptor: int
    entries: int
    redundant: int
    directory: int
    first_grain: int
    unclean: int
    line_ends: bytes
    compression: int

    @property
    def tables(self) -> int:
        """Entries of the grain directory."""
        covered = self.grain * self.entries
        return -(-self.capacity // covered) if covered else 0


@dataclass(frozen=True)
class _Check:
    """code names what is wrong, where wrong says so; problem is a format of the header's fields."""

    code: str
    wrong: Callable[[Header], object]
    problem: str
    hint: str = AGAIN


_CHECKS = (
    _Check("extents", lambda h: h.capacity == 0, "is only the description of a disk that is in other files", _ONE_FILE),
    _Check(
        "damaged_image",
        lambda h: h.flags & _FLAG_LINE_ENDS and h.line_ends != _LINE_ENDS,
        "is damaged: it was sent as text, which changed its line ends",
    ),
    _Check("unsupported_format", lambda h: not 1 <= h.version <= 3, "is a VMDK of version {version}, not 1 to 3"),
    _Check("dirty", lambda h: h.unclean, "was not closed by who wrote it last"),
    _Check("unknown_compression", lambda h: h.compression > 1, "is compressed in a way that is not known here"),
    _Check(
        "cluster_size",
        lambda h: not 0 < h.grain <= _LARGEST_GRAIN or h.grain & (h.grain - 1),
        "has grains of {grain} sectors, not of a power of two up to 4096",
    ),
    _Check("grain_table", lambda h: not 0 < h.entries <= 512, "has grain tables of {entries} entries, not of 1 to 512"),
    _Check("extents", lambda h: h.descriptor == 0, "is one part of a disk that is described elsewhere", _ONE_FILE),
    _Check("damaged_image", lambda h: h.descriptor != 1, "has its description at sector {descriptor}, not at 1"),
)


def examine(candidate: Candidate) -> Layout:
    """The layout of a file that begins as a VMDK's extent, or the reason why it is refused."""
    header = _header(candidate, 0)
    _check(candidate, header)
    if header.directory == _AT_END:
        # A stream's footer takes the header's place.
        header = _footer(candidate)
        _check(candidate, header)
    candidate.check_size(header.capacity * SECTOR)
    directories = [header.directory] + ([header.redundant] if header.flags & _FLAG_REDUNDANT else [])
    for directory in directories:
        candidate.check_table("grain_table", "grain directory", directory * SECTOR, header.tables * 4)
    if header.first_grain * SECTOR > candidate.size:
        raise _damaged(candidate, "it ends before its first data")
    _check_descriptor(candidate)
    return Layout("vmdk", header.capacity * SECTOR)


def _check(candidate: Candidate, header: Header) -> None:
    for check in _CHECKS:
        if check.wrong(header):
            raise candidate.refused(check.code, check.problem.format(**vars(header)), check.hint)


def _header(candidate: Candidate, offset: int) -> Header:
    data = candidate.read(offset, _HEADER.size)
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise _damaged(candidate, "it has no whole header")
    fields = _HEADER.unpack(data)
    # Without the magic number and the size of the descriptor, which QEMU doesn't heed.
    return Header(*fields[1:6], *fields[7:])


def _footer(candidate: Candidate) -> Header:
    """The footer, between its marker and that of the stream's end: three sectors."""
    start = candidate.size - 3 * SECTOR
    if candidate.size % SECTOR or start < SECTOR:
        raise _damaged(candidate, "its stream has no end")
    marker = candidate.read(start, _MARKER.size)
    end = candidate.read(start + 2 * SECTOR, _MARKER.size)
    if marker[8:] != _MARKER.pack(0, 0, _FOOTER)[8:] or end != bytes(_MARKER.size):
        raise _damaged(candidate, "its stream has no end")
    footer = _header(candidate, start + SECTOR)
    if footer.directory == _AT_END:
        raise _damaged(candidate, "its stream has no grain directory")
    return footer


def _check_descriptor(candidate: Candidate) -> None:
    """Refuse a descriptor by which a part of the data is elsewhere."""
    text = candidate.read(_DESCRIPTOR, _DESCRIPTOR_SIZE).partition(b"\0")[0].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines()]
    values = {match["key"]: match["value"].strip() for line in lines for match in [_LINE.fullmatch(line)] if match}
    extents = [match for line in lines for match in [_EXTENT.fullmatch(line)] if match]
    kind = values.get("createType")
    if kind is None:
        raise _damaged(candidate, "it has no description")
    # QEMU takes the word wherever it is, in a comment, too.
    parent = values.get("parentFileNameHint")
    if "parentFileNameHint" in text or values.get("parentCID", "").lower() != _NO_PARENT:
        behind = f": its data is in {shown(parent)}" if parent else ""
        raise candidate.refused("backing_file", f"is only an overlay{behind}", FLATTEN)
    if kind not in _WHOLE:
        problem = f"is a VMDK of type {shown(kind)}, which is not in one file"
        raise candidate.refused("extents", problem, _ONE_FILE)
    foreign = [extent for extent in extents if extent["type"] != "SPARSE"]
    if foreign:
        name = foreign[0]["name"]
        problem = f"has data in {shown(name) if name else 'a file without name'} (extent of type {foreign[0]['type']})"
        raise candidate.refused("extents", problem, _ONE_FILE)
    if len(extents) != 1:
        raise candidate.refused("extents", f"is one of {len(extents)} parts of a disk", _ONE_FILE)


def _damaged(candidate: Candidate, problem: str) -> Exception:
    return candidate.refused("damaged_image", f"is damaged or truncated: {problem}", AGAIN)
