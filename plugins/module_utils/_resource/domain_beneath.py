# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain beneath the overlays of its external snapshots: to who states a disk, it is the same one there."""

from __future__ import annotations

import dataclasses

from .._gateway import guest_files
from .._gateway.libvirt import DomainState
from .._xml import overlays


def beneath(found: DomainState, origins: overlays.Origins = guest_files.before_snapshots) -> DomainState:
    """The domain with each disk as it was before any snapshot, in both of its definitions."""
    live = found.live_xml
    return dataclasses.replace(
        found,
        xml=overlays.beneath(found.xml, origins),
        live_xml=None if live is None else overlays.beneath(live, origins),
    )
