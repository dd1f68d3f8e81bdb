# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of this host: huge pages, the file systems by which a program gets them, and what may be locked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Optional

from . import kept_files as files

_MOUNTS, _MEMINFO = "/proc/mounts", "/proc/meminfo"
# libvirtd makes it below each hugetlbfs that it finds when it starts (qemuStateInitialize), and uses no other.
_OF_LIBVIRT = "libvirt/qemu"
_PIDS = ("/run/virtqemud.pid", "/run/libvirtd.pid")
_PROCESS = "/proc/{}/{}"
_CAP_SYS_RESOURCE = 24


def default_page() -> int:
    """The size of the pages that the kernel takes when none is said, in bytes; 0 when it has none."""
    for line in _lines(_MEMINFO):
        name, _colon, rest = line.partition(":")
        if name == "Hugepagesize":
            return int(rest.split()[0]) << 10
    return 0


def mounts() -> Mapping[int, bool]:
    """size of a page, in bytes -> whether libvirt uses a mounted hugetlbfs of it."""
    found: dict[int, bool] = {}
    for line in _lines(_MOUNTS):
        dummy, place, kind = line.split(" ")[:3]
        if kind == "hugetlbfs":
            with contextlib.suppress(OSError):
                size = os.statvfs(place).f_bsize
                found[size] = found.get(size, False) or os.path.isdir(os.path.join(place, _OF_LIBVIRT))
    return found


def lockable() -> Optional[int]:
    """How much memory a guest may lock, in bytes; None when there is no limit, or none that libvirt couldn't raise.

    It raises that of each guest, for which root alone is not enough: containers often lack the capability.
    """
    pid = next((text for text in (files.read(path) for path in _PIDS) if text), b"").decode("ascii", "replace").strip()
    for line in _lines(_PROCESS.format(pid, "status")) if pid else ():
        name, _colon, rest = line.partition(":")
        if name == "CapEff" and int(rest, 16) >> _CAP_SYS_RESOURCE & 1:
            return None
    # Max locked memory         8388608              8388608              bytes
    for line in _lines(_PROCESS.format(pid, "limits")) if pid else ():
        if line.startswith("Max locked memory"):
            hard = line.split()[4]
            return int(hard) if hard.isdigit() else None
    return None


def _lines(path: str) -> list[str]:
    return (files.read(path) or b"").decode("utf-8", "replace").splitlines()
