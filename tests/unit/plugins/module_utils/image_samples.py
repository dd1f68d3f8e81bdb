# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes disk images byte by byte, good ones and such as an attacker would write. No program of QEMU's is needed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SECTOR = 512
DATA_FILE, ENCRYPTION, BITMAPS, FEATURES = 0x44415441, 0x0537BE77, 0x23852875, 0x6803F857
AT_END = (1 << 64) - 1


@dataclass(frozen=True)
class Qcow2:
    """An empty disk of 1 MiB, as `qemu-img create` writes it; each field can be another."""

    version: int = 3
    backing_offset: int = 0
    backing_length: int = 0
    cluster_bits: int = 16
    size: int = 1 << 20
    encryption: int = 0
    l1_entries: int = 1
    l1_offset: int = 3 << 16
    refcount_offset: int = 1 << 16
    refcount_clusters: int = 1
    snapshots: int = 0
    snapshots_offset: int = 0
    incompatible: int = 0
    compatible: int = 0
    autoclear: int = 0
    refcount_order: int = 4
    length: int = 112
    compression: int = 0
    extensions: tuple[tuple[int, bytes], ...] = ((FEATURES, bytes(48)),)
    # What is written over the header's cluster, and how long the file is.
    text: tuple[int, bytes] = (0, b"")
    file_size: int = (3 << 16) + 8

    def content(self) -> bytes:
        head = struct.pack(
            ">4sIQIIQIIQQIIQ",
            *(b"QFI\xfb", self.version, self.backing_offset, self.backing_length, self.cluster_bits, self.size),
            *(self.encryption, self.l1_entries, self.l1_offset, self.refcount_offset, self.refcount_clusters),
            *(self.snapshots, self.snapshots_offset),
        )
        if self.version > 2:
            features = (self.incompatible, self.compatible, self.autoclear)
            head += struct.pack(">QQQII", *features, self.refcount_order, self.length)
            head += bytes([self.compression]) + bytes(7)
        for kind, data in self.extensions:
            head += struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)
        content = bytearray(head.ljust(max(self.file_size, len(head)), b"\0"))
        offset, text = self.text
        content[offset : offset + len(text)] = text
        # The first entry of the reference counts' table, and counts of the four clusters in use.
        if len(content) > (2 << 16) + 8:
            content[1 << 16 : (1 << 16) + 8] = struct.pack(">Q", 2 << 16)
            content[2 << 16 : (2 << 16) + 8] = struct.pack(">4H", 1, 1, 1, 1)
        return bytes(content[: self.file_size])


DESCRIPTOR = """# Disk DescriptorFile
version=1
CID={cid}
parentCID={parent}
createType="{kind}"
{hint}
# Extent description
{extents}

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "2"
"""


@dataclass(frozen=True)
class Vmdk:
    """An empty disk of 1 MiB, as `qemu-img create` writes it; with footer a stream. Offsets are in sectors."""

    version: int = 1
    flags: int = 3
    capacity: int = 2048
    grain: int = 128
    descriptor: int = 1
    descriptor_size: int = 20
    entries: int = 512
    redundant: int = 21
    directory: int = 26
    first_grain: int = 128
    unclean: int = 0
    line_ends: bytes = b"\n \r\n"
    compression: int = 0
    kind: str = "monolithicSparse"
    parent: str = "ffffffff"
    hint: str = ""
    extents: str = 'RW 2048 SPARSE "x.vmdk"'
    text: str = DESCRIPTOR
    footer: str = ""
    file_sectors: int = 128

    def header(self, directory: int) -> bytes:
        numbers = (self.capacity, self.grain, self.descriptor, self.descriptor_size)
        places = (self.entries, self.redundant, directory, self.first_grain)
        head = struct.pack("<4sIIQQQQIQQQ", b"KDMV", self.version, self.flags, *numbers, *places)
        return head + struct.pack("<B4sH", self.unclean, self.line_ends, self.compression)

    def content(self) -> bytes:
        data = bytearray(self.file_sectors * SECTOR)
        data[: len(self.header(0))] = self.header(AT_END if self.footer else self.directory)
        values = {"cid": "12345678", "parent": self.parent, "kind": self.kind, "hint": self.hint}
        text = self.text.format(extents=self.extents, **values).encode()
        data[SECTOR : SECTOR + len(text)] = text
        # Each grain directory points to a table of no grains.
        data[21 * SECTOR : 21 * SECTOR + 4] = struct.pack("<I", 22)
        data[26 * SECTOR : 26 * SECTOR + 4] = struct.pack("<I", 27)
        if self.footer == "whole":
            marker = struct.pack("<QII", 1, 0, 3).ljust(SECTOR, b"\0")
            data += marker + self.header(self.directory).ljust(SECTOR, b"\0") + bytes(SECTOR)
        elif self.footer == "endless":
            marker = struct.pack("<QII", 1, 0, 3).ljust(SECTOR, b"\0")
            data += marker + self.header(AT_END).ljust(SECTOR, b"\0") + bytes(SECTOR)
        return bytes(data)


def raw(start: bytes = b"", sectors: int = 8, last: bytes = b"") -> bytes:
    """A disk with the mark of a boot sector."""
    data = bytearray(sectors * SECTOR)
    data[: len(start)] = start
    data[510:512] = b"\x55\xaa"
    if last:
        data[-SECTOR : len(data) - SECTOR + len(last)] = last
    return bytes(data)
