# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of the hypervisor on which guests' QEMUs listen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Forward:
    """Where a guest's QEMU will listen on the host."""

    host_port: int
    address: str


@dataclass(frozen=True)
class PortUse:
    """Why a forward can't listen; owner is the process that holds the port, guest the guest whose QEMU it is."""

    forward: Forward
    cause: str
    owner: str = ""
    guest: str = ""
