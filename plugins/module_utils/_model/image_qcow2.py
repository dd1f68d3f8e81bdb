# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of a qcow2 file: whether all of the image is in it, and its numbers can be meant.

Fields are as in QEMU's docs/interop/qcow2.rst; limits are those of its driver, which opens what a header names
(CVE-2024-4467: even `qemu-img info` does).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable

from .image_candidate import AGAIN, FLATTEN, Candidate, Layout
from .value import shown

_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
# Version 3: incompatible, compatible and auto-clear features, refcount order, header length.
_MORE = struct.Struct(">QQQII")
_EXTENSION = struct.Struct(">II")
_LONGEST_NAME = 1023
_LARGEST_L1 = 32 << 20
_LARGEST_REFCOUNT_TABLE = 8 << 20
_END, _DATA_FILE, _ENCRYPTION, _BITMAPS = 0, 0x44415441, 0x0537BE77, 0x23852875
# Incompatible features, then auto-clear ones.
_DIRTY, _CORRUPT, _EXTERNAL, _COMPRESSION, _EXTENDED_L2 = (1 << bit for bit in range(5))
_KNOWN = 0b11111
_AUTO_BITMAPS, _AUTO_RAW = 1, 2
_DEFLATE, _ZSTD = 0, 1


@dataclass(frozen=True)
class Header:
    version: int
    backing_offset: int
    backing_length: int
    cluster_bits: int
    size: int
    encryption: int
    l1_entries: int
    l1_offset: int
    refcount_offset: int
    refcount_clusters: int
    snapshots: int
    incompatible: int = 0
    autoclear: int = 0
    refcount_order: int = 4
    length: int = 72
    compression: int = _DEFLATE
    extensions: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def cluster(self) -> int:
        return 1 << self.cluster_bits

    @property
    def outside(self) -> bool:
        """Whether the data is in another file."""
        return bool(self.incompatible & _EXTERNAL or self.autoclear & _AUTO_RAW or _DATA_FILE in self.extensions)

    @property
    def l1_needed(self) -> int:
        """Entries of an L1 table that covers the disk; an L2 table is one cluster."""
        entry = 16 if self.incompatible & _EXTENDED_L2 else 8
        covered = self.cluster * (self.cluster // entry)
        return -(-self.size // covered)


@dataclass(frozen=True)
class _Check:
    """code names what is wrong, where wrong says so; problem is a format of the header's fields."""

    code: str
    wrong: Callable[[Header], object]
    problem: str
    hint: str


_REPAIR = "Repair it where it is from, with `qemu-img check -r all`, or take another copy."
_CONVERT = "Convert it where it is from, with `qemu-img convert -O qcow2`, and use the result."
_CHECKS = (
    _Check("backing_file", lambda h: h.backing_offset, "is only an overlay: its data is in {names}", FLATTEN),
    _Check("data_file", lambda h: h.outside, "has its data in another file, {names}", FLATTEN),
    _Check("encrypted", lambda h: h.encryption or _ENCRYPTION in h.extensions, "is encrypted", _CONVERT),
    _Check("snapshots", lambda h: h.snapshots, "holds {snapshots} snapshots of its own", _CONVERT),
    _Check("corrupt", lambda h: h.incompatible & _CORRUPT, "is marked as corrupt", _REPAIR),
    _Check("dirty", lambda h: h.incompatible & _DIRTY, "was not closed by who wrote it last", _REPAIR),
    _Check(
        "unknown_feature",
        lambda h: h.incompatible & ~_KNOWN,
        "needs features that are not known here (bits {incompatible:#x})",
        _CONVERT,
    ),
    _Check(
        "unknown_compression",
        lambda h: h.compression != (_ZSTD if h.incompatible & _COMPRESSION else _DEFLATE),
        "is compressed in a way that is not known here (type {compression})",
        _CONVERT,
    ),
    _Check(
        "bitmaps",
        lambda h: h.autoclear & _AUTO_BITMAPS or _BITMAPS in h.extensions,
        "holds bitmaps of a backup program",
        _CONVERT,
    ),
    _Check(
        "refcount_table",
        lambda h: h.refcount_order > 6 or not 0 < h.refcount_clusters * h.cluster <= _LARGEST_REFCOUNT_TABLE,
        "has impossible reference counts (order {refcount_order}, a table of {refcount_clusters} clusters)",
        AGAIN,
    ),
    _Check(
        "l1_table",
        lambda h: h.l1_entries < h.l1_needed or h.l1_entries * 8 > _LARGEST_L1,
        "has an L1 table of {l1_entries} entries for a disk that needs {l1_needed}",
        AGAIN,
    ),
    _Check("l1_table", lambda h: h.l1_offset % h.cluster, "has an L1 table at no cluster ({l1_offset})", AGAIN),
    _Check(
        "refcount_table",
        lambda h: h.refcount_offset % h.cluster,
        "has a reference count table at no cluster ({refcount_offset})",
        AGAIN,
    ),
)


def examine(candidate: Candidate) -> Layout:
    """The layout of a file that begins as a qcow2, or the reason why it is refused."""
    header = read_header(candidate)
    candidate.check_size(header.size)
    for check in _CHECKS:
        _apply(candidate, header, check)
    candidate.check_table("l1_table", "L1 table", header.l1_offset, header.l1_entries * 8)
    # The file may end within the table's last cluster.
    candidate.check_table("refcount_table", "reference count table", header.refcount_offset, 8)
    return Layout("qcow2", header.size)


def read_header(candidate: Candidate) -> Header:
    """The header with its extensions. What is read is bounded by QEMU's largest cluster, 2 MiB."""
    data = candidate.read(0, _HEADER.size + _MORE.size)
    if len(data) < _HEADER.size:
        raise _broken(candidate, "it ends within its header")
    fields = _HEADER.unpack_from(data)
    version, cluster_bits = fields[1], fields[4]
    if version not in (2, 3):
        problem = f"is qcow of version {version}, not 2 or 3"
        raise candidate.refused("unsupported_format", problem, _CONVERT)
    incompatible, autoclear, order, length = 0, 0, 4, _HEADER.size
    if version == 3:
        if len(data) < _HEADER.size + _MORE.size:
            raise _broken(candidate, "it ends within its header")
        incompatible, _compatible, autoclear, order, length = _MORE.unpack_from(data, _HEADER.size)
    least_bits = 14 if incompatible & _EXTENDED_L2 else 9
    if not least_bits <= cluster_bits <= 21:
        problem = f"has clusters of 2^{cluster_bits} bytes, not of 2^{least_bits} to 2^21"
        raise candidate.refused("cluster_size", problem, AGAIN)
    cluster = 1 << cluster_bits
    if version == 3 and (length < _HEADER.size + _MORE.size or length % 8 or length > cluster):
        raise _broken(candidate, f"its header says that it has {length} bytes")
    area = candidate.read(0, cluster)
    extensions = dict(_extensions(candidate, area, length, min(fields[2] or cluster, cluster)))
    return Header(
        version=version,
        backing_offset=fields[2],
        backing_length=fields[3],
        cluster_bits=cluster_bits,
        size=fields[5],
        encryption=fields[6],
        l1_entries=fields[7],
        l1_offset=fields[8],
        refcount_offset=fields[9],
        refcount_clusters=fields[10],
        snapshots=fields[11],
        incompatible=incompatible,
        autoclear=autoclear,
        refcount_order=order,
        length=length,
        compression=area[104] if length > 104 and len(area) > 104 else _DEFLATE,
        extensions=tuple(extensions),
        names=_names(area, fields[2], fields[3], extensions),
    )


def _extensions(candidate: Candidate, area: bytes, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Types and contents. A file that ends before its extensions do has none further: QEMU reads zeros there."""
    offset = start
    while offset + _EXTENSION.size <= min(end, len(area)):
        kind, length = _EXTENSION.unpack_from(area, offset)
        if kind == _END:
            return
        offset += _EXTENSION.size
        if length > end - offset:
            raise _broken(candidate, f"an extension of its header ({kind:#x}) has {length} bytes")
        yield kind, area[offset : offset + length]
        offset += -(-length // 8) * 8


def _names(area: bytes, offset: int, length: int, extensions: dict[int, bytes]) -> tuple[str, ...]:
    """The files that the header names."""
    found = [area[offset : offset + length]] if offset and length <= _LONGEST_NAME else []
    found += [extensions[_DATA_FILE]] if _DATA_FILE in extensions else []
    return tuple(name[:_LONGEST_NAME].decode("utf-8", "replace") for name in found)


def _apply(candidate: Candidate, header: Header, check: _Check) -> None:
    if check.wrong(header):
        values = {name: getattr(header, name) for name in (*header.__dataclass_fields__, "l1_needed")}
        values["names"] = ", ".join(map(shown, header.names)) or "a file that it doesn't name"
        raise candidate.refused(check.code, check.problem.format(**values), check.hint)


def _broken(candidate: Candidate, problem: str) -> Exception:
    return candidate.refused("damaged_image", f"is damaged or truncated: {problem}", AGAIN)
