# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files around a domain: disks that carry our stamp, what was written of its console, shared directories, the hook."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Optional

from .._model.paths import stamp
from . import kept_files as files

# Installed by role hypervisor: it binds shares.
HOOK = "/etc/libvirt/hooks/qemu.d/burrow"
_OWNER = "burrow.vm"
_STAMP_SUFFIX = ".burrow"
# virtlogd keeps at most this many older logs beside the one it writes (max_backups, 3 by default).
_MOST_BACKUPS = 10


def is_stamped(disk: str) -> bool:
    record = files.read_json(stamp(disk))
    return isinstance(record, dict) and record.get("owner") == _OWNER


def before_snapshots(disk: str) -> Optional[tuple[str, str]]:
    """The file and format that a disk had before module snapshot laid overlays on it; None where this is none."""
    noted = _noted(disk) if disk else {}
    if not noted.get("origin"):
        return None
    return str(noted["origin"]), str(noted.get("origin_format", "qcow2"))


def of_snapshots(disk: str, domain: str) -> list[str]:
    """The stamped files that a domain's snapshots made of a disk: its overlays, and the memory that lies beside."""
    notes = {file: _noted(file) for file in stamped_in(os.path.dirname(disk))}
    names = {noted.get("name") for noted in notes.values() if noted.get("origin") == disk}
    return [
        file
        for file, noted in notes.items()
        if noted.get("domain") == domain and noted.get("name") in names and noted.get("origin") in (disk, "")
    ]


def _noted(file: str) -> dict[str, Any]:
    """What module snapshot has written into the stamp of a file."""
    record = files.read_json(stamp(file))
    noted = record.get("snapshot") if isinstance(record, dict) else None
    return noted if isinstance(noted, dict) else {}


def stamped_in(directory: str) -> list[str]:
    """The stamped disks in a directory, those included whose file is gone already."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    disks = [name[1 : -len(_STAMP_SUFFIX)] for name in names if name.startswith(".") and name.endswith(_STAMP_SUFFIX)]
    return [disk for disk in (os.path.join(directory, name) for name in disks if name) if is_stamped(disk)]


def console_logs(path: str) -> list[str]:
    """The console's log and its older parts."""
    return [name for name in (path, *(f"{path}.{number}" for number in range(_MOST_BACKUPS))) if os.path.isfile(name)]


def holds_only(directory: str, paths: Iterable[str]) -> bool:
    """Whether the directory is there and would be empty without these files."""
    try:
        names = os.listdir(directory)
    except OSError:
        return False
    return {os.path.join(directory, name) for name in names} <= set(paths)


def missing(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if not os.path.exists(path)]


def directories(paths: Iterable[str]) -> dict[str, str]:
    """path -> the directory it leads to; a path that leads to none is missing."""
    return {path: os.path.realpath(path) for path in paths if os.path.isdir(path)}


def hook_installed() -> bool:
    return os.access(HOOK, os.X_OK)
