# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running guest against its own persistent definition: pure."""

from __future__ import annotations

import dataclasses
from typing import Any

from .._diff import Change
from .._model.domain import Definition
from .._model.domain_devices import LISTS
from .._model.domain_merge import merge
from .domain_compare import compare

# What libvirt never adds to a running guest by itself: where only the guest has it, it was removed since.
_ONLY_STATED = ("kernel", "initrd", "cmdline", "iommu", "vsock_cid", "console_log")


def live_differences(live: Definition, persistent: Definition) -> tuple[Change, ...]:
    """From what runs to what is defined. What only libvirt filled in at the start is no difference."""
    # libvirt writes out what host-model became; the running guest is then as it was defined.
    if live.cpu_mode == "custom":
        live = dataclasses.replace(live, cpu_mode=persistent.cpu_mode, cpu_disable=persistent.cpu_disable)
    # A domain of others may have both, which merging takes for a choice.
    stated = dataclasses.replace(persistent, firmware=None) if persistent.kernel is not None else persistent
    wanted = merge(live, stated, LISTS)
    removed: dict[str, Any] = {name: None for name in _ONLY_STATED if getattr(persistent, name) is None}
    return compare(live, dataclasses.replace(wanted, **removed))
