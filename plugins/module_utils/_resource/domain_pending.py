# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running guest against its own persistent definition: pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._diff import Change
from .._model.domain import CUSTOM, Definition
from .._model.domain_devices import LISTS
from .._model.domain_merge import merge
from .domain_compare import compare

# What libvirt never adds to a running guest by itself: where only the guest has it, it was removed since.
_ONLY_STATED = ("kernel", "initrd", "cmdline", "iommu", "vsock_cid", "console_log")
_CPU = ("cpu_mode", "cpu_model", "cpu_require", "cpu_disable", "cpu_force")


def live_differences(live: Definition, persistent: Definition) -> tuple[Change, ...]:
    """From what runs to what is defined. What only libvirt filled in at the start is no difference."""
    # libvirt writes out what host-model became; the running guest is then as it was defined.
    if live.cpu_mode == CUSTOM and persistent.cpu_mode != CUSTOM:
        live = dataclasses.replace(live, **{name: getattr(persistent, name) for name in _CPU})
    formats = {disk.name: disk.format for disk in persistent.disks or ()}
    # A drive without a media has no format as it runs.
    disks = tuple(
        disk if disk.source is not None else dataclasses.replace(disk, format=formats.get(disk.name))
        for disk in live.disks or ()
    )
    live = dataclasses.replace(live, disks=disks)
    # A domain of others may have both, which merging takes for a choice.
    stated = dataclasses.replace(persistent, firmware=None) if persistent.kernel is not None else persistent
    wanted = merge(live, stated, LISTS)
    removed: dict[str, Any] = {name: None for name in _ONLY_STATED if getattr(persistent, name) is None}
    return compare(live, dataclasses.replace(wanted, **removed))
