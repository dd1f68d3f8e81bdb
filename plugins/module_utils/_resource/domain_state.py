# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain as it was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from .._model.dhcp import Lease
from .._model.domain import Definition

# What a domain that doesn't run and whose memory is saved is shown as.
SUSPENDED = "suspended"


@dataclass(frozen=True)
class Host:
    """What the host offers to a new domain, and what is there of what was asked for."""

    architecture: str = "x86_64"
    accelerator: str = "tcg"
    qemu_version: int = 0


@dataclass(frozen=True)
class State:
    """A domain as it was found. definition is None when there is none; live is that of the running guest.

    text: its XML. leftovers: files that go with an absent domain. kept: its disks that stay, being not ours.
    snapshots: external ones have laid overlays over its disks, which text doesn't show.
    leases: what its networks' DHCP holds for an absent domain.
    directories: share that is asked for -> where it leads.
    former_tpm: the directory of a TPM that an absent domain has no more, or nothing.
    """

    definition: Optional[Definition] = None
    text: str = ""
    live_text: str = ""
    live: Optional[Definition] = None
    run_state: str = "absent"
    uuid: str = ""
    active: bool = False
    saved: bool = False
    persistent: bool = True
    snapshots: bool = False
    agent: bool = False
    leftovers: tuple[str, ...] = ()
    leases: tuple[Lease, ...] = ()
    kept: tuple[str, ...] = ()
    former_tpm: str = ""
    directories: Mapping[str, str] = field(default_factory=dict)
    host: Host = field(default_factory=Host)
