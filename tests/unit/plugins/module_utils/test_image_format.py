# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes an image and what is refused, each by its name: files made byte by byte, as an attacker would."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.image_candidate import Candidate, Layout
from ansible_collections.burrow.vm.plugins.module_utils._model.image_format import examine
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.image_samples import (
    BITMAPS,
    DATA_FILE,
    DESCRIPTOR,
    ENCRYPTION,
    Qcow2,
    Vmdk,
    raw,
)

EIB = 1 << 60
QCOW2, VMDK = Qcow2(), Vmdk()
STREAM = Vmdk(kind="streamOptimized", version=3, flags=0x30001, compression=1, footer="whole")
SHADOW = (512, b"/etc/shadow")


def look(content: bytes, stated: Optional[str] = None) -> Layout:
    return examine(Candidate("path", "/x/it", len(content), lambda at, most: content[at : at + most]), stated)


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        (QCOW2.content(), Layout("qcow2", 1 << 20)),
        (Qcow2(version=2, extensions=()).content(), Layout("qcow2", 1 << 20)),
        (Qcow2(length=104, extensions=()).content(), Layout("qcow2", 1 << 20)),
        (Qcow2(incompatible=8, compression=1).content(), Layout("qcow2", 1 << 20)),
        (Qcow2(incompatible=16).content(), Layout("qcow2", 1 << 20)),
        (Qcow2(compatible=1, autoclear=1 << 40).content(), Layout("qcow2", 1 << 20)),
        (Qcow2(extensions=((0x12345678, b"of tomorrow"),)).content(), Layout("qcow2", 1 << 20)),
        (VMDK.content(), Layout("vmdk", 1 << 20)),
        (STREAM.content(), Layout("vmdk", 1 << 20)),
        (raw(), Layout("raw", 4096)),
    ],
)
def test_taken(content: bytes, layout: Layout) -> None:
    assert look(content) == layout
    assert look(content, layout.format) == layout


@pytest.mark.parametrize(
    ("image", "code", "says"),
    [
        (Qcow2(backing_offset=512, backing_length=11, text=SHADOW), "backing_file", "'/etc/shadow'"),
        (Qcow2(backing_offset=512, backing_length=1 << 31), "backing_file", "doesn't name"),
        (Qcow2(backing_offset=EIB, backing_length=11), "backing_file", "an overlay"),
        (Qcow2(version=2, backing_offset=512, backing_length=11, text=SHADOW), "backing_file", "'/etc/shadow'"),
        (Qcow2(incompatible=4), "data_file", "doesn't name"),
        (Qcow2(incompatible=4, extensions=((DATA_FILE, b'json:{"driver":"nbd"}'),)), "data_file", "nbd"),
        (Qcow2(extensions=((DATA_FILE, b"/etc/shadow"),)), "data_file", "'/etc/shadow'"),
        (Qcow2(extensions=((1, bytes(60_000)), (DATA_FILE, b"/etc/shadow"))), "data_file", "'/etc/shadow'"),
        (Qcow2(autoclear=2), "data_file", "in another file"),
        (Qcow2(encryption=1), "encrypted", "is encrypted"),
        (Qcow2(encryption=2, extensions=((ENCRYPTION, bytes(16)),)), "encrypted", "is encrypted"),
        (Qcow2(snapshots=2, snapshots_offset=4 << 16), "snapshots", "2 snapshots"),
        (Qcow2(incompatible=1), "dirty", "not closed"),
        (Qcow2(incompatible=2), "corrupt", "marked as corrupt"),
        (Qcow2(incompatible=32), "unknown_feature", "0x20"),
        (Qcow2(incompatible=1 << 63), "unknown_feature", "features that are not known"),
        (Qcow2(incompatible=8, compression=9), "unknown_compression", "type 9"),
        (Qcow2(incompatible=8), "unknown_compression", "type 0"),
        (Qcow2(compression=1), "unknown_compression", "type 1"),
        (Qcow2(autoclear=1, extensions=((BITMAPS, bytes(24)),)), "bitmaps", "bitmaps"),
        (Qcow2(size=8 * EIB - 512), "absurd_size", "64 TiB"),
        (Qcow2(size=(64 << 40) + 512), "absurd_size", "64 TiB"),
        (Qcow2(size=0), "empty_image", "without any room"),
        (Qcow2(cluster_bits=8), "cluster_size", "2^8"),
        (Qcow2(cluster_bits=22), "cluster_size", "2^22"),
        (Qcow2(cluster_bits=(1 << 32) - 1), "cluster_size", "clusters of"),
        (Qcow2(cluster_bits=12, incompatible=16), "cluster_size", "2^14"),
        (Qcow2(l1_entries=0), "l1_table", "0 entries"),
        (Qcow2(size=1 << 40), "l1_table", "needs 2048"),
        (Qcow2(l1_entries=(4 << 20) + 1), "l1_table", "entries"),
        (Qcow2(l1_entries=(1 << 32) - 1), "l1_table", "entries"),
        (Qcow2(l1_entries=2), "l1_table", "outside"),
        (Qcow2(l1_offset=(3 << 16) + 8), "l1_table", "at no cluster"),
        (Qcow2(l1_offset=0), "l1_table", "outside"),
        (Qcow2(l1_offset=EIB), "l1_table", "outside"),
        (Qcow2(refcount_order=7), "refcount_table", "order 7"),
        (Qcow2(refcount_clusters=0), "refcount_table", "0 clusters"),
        (Qcow2(refcount_clusters=1 << 31), "refcount_table", "clusters"),
        (Qcow2(refcount_offset=EIB), "refcount_table", "outside"),
        (Qcow2(refcount_offset=1), "refcount_table", "at no cluster"),
        (Qcow2(refcount_offset=0), "refcount_table", "outside"),
        (Qcow2(length=100), "damaged_image", "100 bytes"),
        (Qcow2(length=108), "damaged_image", "108 bytes"),
        (Qcow2(length=1 << 31), "damaged_image", "its header says"),
        (Qcow2(extensions=((5, b""),), text=(116, b"\xff\xff\xff\xff")), "damaged_image", "an extension"),
        (Qcow2(version=1), "unsupported_format", "version 1"),
        (Qcow2(version=4), "unsupported_format", "version 4"),
        (Qcow2(file_size=71), "damaged_image", "within its header"),
        (Qcow2(file_size=103), "damaged_image", "within its header"),
        (Qcow2(file_size=4), "damaged_image", "within its header"),
        (Qcow2(file_size=3 << 16), "l1_table", "outside"),
    ],
)
def test_a_qcow2_is_refused(image: Qcow2, code: str, says: str) -> None:
    refused(image.content(), code, says)


FLAT = 'RW 2048 FLAT "/etc/shadow" 0'


@pytest.mark.parametrize(
    ("image", "code", "says"),
    [
        (Vmdk(capacity=0, extents=FLAT, kind="monolithicFlat"), "extents", "in other files"),
        (Vmdk(kind="monolithicFlat"), "extents", "'monolithicFlat'"),
        (Vmdk(kind="twoGbMaxExtentSparse"), "extents", "'twoGbMaxExtentSparse'"),
        (Vmdk(kind="fullDevice"), "extents", "'fullDevice'"),
        (Vmdk(extents=FLAT), "extents", "data in '/etc/shadow' (extent of type FLAT"),
        (Vmdk(extents='RW 63 VMFSRDM "/dev/sda"'), "extents", "'/dev/sda' (extent of type VMFSRDM"),
        (Vmdk(extents="RW 63 ZERO"), "extents", "without name (extent of type ZERO)"),
        (Vmdk(extents=f"{VMDK.extents}\n{VMDK.extents}"), "extents", "2 parts"),
        (Vmdk(extents=""), "extents", "0 parts"),
        (Vmdk(descriptor=0, descriptor_size=0), "extents", "described elsewhere"),
        (Vmdk(descriptor=3), "damaged_image", "at sector 3"),
        (Vmdk(text="nothing"), "damaged_image", "no description"),
        (Vmdk(parent="0badcafe"), "backing_file", "an overlay"),
        (Vmdk(hint='parentFileNameHint="/etc/shadow"'), "backing_file", "'/etc/shadow'"),
        (Vmdk(hint='# parentFileNameHint="/etc/shadow"'), "backing_file", "an overlay"),
        (Vmdk(text=DESCRIPTOR.replace("parentCID={parent}\n", "")), "backing_file", "an overlay"),
        (Vmdk(version=4), "unsupported_format", "version 4"),
        (Vmdk(version=0), "unsupported_format", "version 0"),
        (Vmdk(unclean=1), "dirty", "not closed"),
        (Vmdk(line_ends=b"\n \n\n"), "damaged_image", "line ends"),
        (Vmdk(compression=2), "unknown_compression", "compressed"),
        (Vmdk(grain=0), "cluster_size", "0 sectors"),
        (Vmdk(grain=100), "cluster_size", "100 sectors"),
        (Vmdk(grain=1 << 21), "cluster_size", "sectors"),
        (Vmdk(entries=0), "grain_table", "0 entries"),
        (Vmdk(entries=1 << 20), "grain_table", "entries"),
        (Vmdk(capacity=1 << 40), "absurd_size", "64 TiB"),
        (Vmdk(capacity=1 << 37, grain=1), "grain_table", "outside"),
        (Vmdk(directory=1 << 50), "grain_table", "outside"),
        (Vmdk(directory=0), "grain_table", "outside"),
        (Vmdk(redundant=1 << 50), "grain_table", "outside"),
        (Vmdk(first_grain=1 << 50), "damaged_image", "before its first data"),
        (replace(STREAM, footer="cut"), "damaged_image", "no end"),
        (replace(STREAM, footer="endless"), "damaged_image", "no grain directory"),
    ],
)
def test_a_vmdk_is_refused(image: Vmdk, code: str, says: str) -> None:
    refused(image.content(), code, says)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "empty_image", "without any room"),
        (bytes(4096), "no_image", "no disk image"),
        (raw()[:-1], "no_image", "no disk image"),
        (b"hello\n" * 100, "no_image", "no disk image"),
        (
            raw(b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0") + b"\x7f\x10\xda\xbe"),
            *["unsupported_format", "vdi"],
        ),
        (raw(b"vhdxfile"), "unsupported_format", "vhdx"),
        (raw(b"conectix"), "unsupported_format", "vpc"),
        (raw(last=b"conectix"), "unsupported_format", "vpc"),
        (raw(last=b"koly"), "unsupported_format", "dmg"),
        (raw(b"QED\0"), "unsupported_format", "qed"),
        (raw(b"WithouFreSpacExt"), "unsupported_format", "parallels"),
        (raw(b"LUKS\xba\xbe\0\1"), "encrypted", "LUKS"),
        (raw(b"COWD"), "extents", "ESX"),
        (b"# Disk DescriptorFile\nversion=1\n", "extents", "in other files"),
        (b"\x1f\x8b\x08" + bytes(600), "archive", "gzip"),
        (b"\xfd7zXZ\0" + bytes(600), "archive", "`unxz`"),
        (b"\x28\xb5\x2f\xfd" + bytes(600), "archive", "zstd"),
        (b"BZh9" + bytes(600), "archive", "bzip2"),
        (b"PK\x03\x04" + bytes(600), "archive", "zip"),
        (b"box.ovf".ljust(257, b"\0") + b"ustar" + bytes(600), "archive", "OVA"),
        (b"<!DOCTYPE html><html>Not found</html>", "web_page", "web page"),
        (b"<HTML>", "web_page", "browser"),
    ],
)
def test_another_format_is_refused(content: bytes, code: str, says: str) -> None:
    refused(content, code, says)


@pytest.mark.parametrize(
    ("content", "stated", "found"), [(raw(), "qcow2", "raw"), (QCOW2.content(), "raw", "qcow2"), (raw(), "vmdk", "raw")]
)
def test_a_stated_format_is_never_another(content: bytes, stated: str, found: str) -> None:
    with pytest.raises(SpecError, match=f"format: /x/it is {found}, not {stated}"):
        look(content, stated)


def test_a_name_in_an_image_stays_one_short_line() -> None:
    name = b"\x1b[2J\n" + b"x" * 1000
    with pytest.raises(SpecError) as caught:
        look(Qcow2(backing_offset=512, backing_length=len(name), text=(512, name)).content())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def refused(content: bytes, code: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        look(content)
    assert caught.value.code == code
    assert says in str(caught.value)
    assert str(caught.value).startswith("path: /x/it ")
    assert caught.value.hint
