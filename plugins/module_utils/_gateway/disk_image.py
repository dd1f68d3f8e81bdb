# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a file tree into a bootable disk without loop devices and mounts: each tool writes into one file."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import Optional

from .._model import recipe
from .._model.release import Architecture
from .process import run

_SECTOR = 512
_ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_ESP_START = 2048  # sectors: 1 MiB, as every partitioning tool aligns
_ESP_SECTORS = recipe.ESP_MIB * 2048
_ROOT_START = _ESP_START + _ESP_SECTORS
# The last MiB is left to GPT's copy of the table.
_ROOT_SECTORS = (recipe.DISK_MIB - 1) * 2048 - _ROOT_START

# The host's mke2fs.conf may switch on features that an older guest's kernel or e2fsck does not know
# (orphan_file and metadata_csum_seed, on by default from 1.47.1).
_MKE2FS = """[defaults]
base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
default_mntopts = acl,user_xattr
enable_periodic_fsck = 0
blocksize = 4096
inode_size = 256
inode_ratio = 16384
reserved_ratio = 1.0
[fs_types]
ext4 = {
    features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
}
"""


@dataclass(frozen=True)
class Parts:
    """What a disk is made of: directories, and where its own files are written."""

    root: str
    esp: str
    directory: str


def assemble(parts: Parts, architecture: Architecture, digest: str, name: str) -> str:
    """Write the disk as qcow2 and return its path. digest makes the disk's identifiers, so they are stable, too."""
    raw = os.path.join(parts.directory, "disk.raw")
    with open(raw, "wb") as stream:
        stream.truncate(recipe.DISK_MIB << 20)
    ids = {role: uuid.uuid5(uuid.NAMESPACE_OID, f"{digest}/{role}") for role in ("disk", "esp", "root", "hash")}
    _partition(raw, architecture, ids, name)
    _write_esp(raw, parts.esp, ids["esp"], name)
    _write_root(raw, parts, ids, name)
    image = os.path.join(parts.directory, "image.qcow2")
    # Not compressed: each first read of a cluster would be paid for in every guest.
    _run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image], name, "qemu-utils")
    os.unlink(raw)
    return image


def _partition(raw: str, architecture: Architecture, ids: dict[str, uuid.UUID], name: str) -> None:
    table = (
        f"label: gpt\nlabel-id: {ids['disk']}\nunit: sectors\n"
        f"start={_ESP_START}, size={_ESP_SECTORS}, type={_ESP_TYPE}, uuid={ids['esp']}, name=esp\n"
        f"start={_ROOT_START}, size={_ROOT_SECTORS}, type={architecture.root_type}, uuid={ids['root']}, name=root\n"
    )
    _run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", raw], name, "fdisk", table.encode())


def _write_esp(raw: str, esp: str, identifier: uuid.UUID, name: str) -> None:
    # The offset in sectors, the size in KiB. FAT32 is what UEFI promises to read, and it needs 65 525 clusters.
    arguments = ["-F", "32", "-s", "4", "-n", recipe.ESP_LABEL, "-i", identifier.hex[:8], "--offset", str(_ESP_START)]
    _run(["mkfs.vfat", "--invariant", *arguments, raw, str(_ESP_SECTORS // 2)], name, "dosfstools")
    tops = [os.path.join(esp, top) for top in sorted(os.listdir(esp))]
    _run(["mcopy", "-s", "-Q", "-i", f"{raw}@@{_ESP_START * _SECTOR}", *tops, "::"], name, "mtools")


def _write_root(raw: str, parts: Parts, ids: dict[str, uuid.UUID], name: str) -> None:
    configuration = os.path.join(parts.directory, "mke2fs.conf")
    with open(configuration, "w", encoding="utf-8") as stream:
        stream.write(_MKE2FS)
    extended = f"offset={_ROOT_START * _SECTOR},hash_seed={ids['hash']},lazy_itable_init=1,nodiscard"
    arguments = ["-q", "-F", "-t", "ext4", "-L", recipe.ROOT_LABEL, "-U", str(ids["root"]), "-E", extended]
    size = f"{_ROOT_SECTORS // 2}k"
    _run(["mke2fs", *arguments, "-d", parts.root, raw, size], name, "e2fsprogs", MKE2FS_CONFIG=configuration)


def _run(arguments: list[str], name: str, package: str, input_data: Optional[bytes] = None, **environment: str) -> None:
    run(
        arguments,
        operation="build the image",
        obj=name,
        timeout=600,
        input_data=input_data,
        environment=environment,
        package=package,
    )
