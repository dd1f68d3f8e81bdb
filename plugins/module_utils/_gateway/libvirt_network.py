# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's networks, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from .libvirt import NO_NETWORK, Connection, failing, vanishing

_XML_INACTIVE = 1


@dataclass(frozen=True)
class NetworkState:
    """xml is the persistent definition; live_xml what the network became, while it is active."""

    name: str
    uuid: str
    xml: str
    active: bool = False
    autostart: bool = False
    bridge: Optional[str] = None
    live_xml: Optional[str] = None
    persistent: bool = True


class Networks(Connection):
    """A connection to one libvirt, with its networks."""

    def network(self, name: str) -> Optional[NetworkState]:
        with vanishing(NO_NETWORK), failing("read the network", name):
            return _network_state(self.handle.networkLookupByName(name))
        return None

    def networks(self) -> list[NetworkState]:
        with failing("list the networks", self.uri):
            handles = self.handle.listAllNetworks(0)
        found = []
        for handle in handles:
            with vanishing(NO_NETWORK), failing("read the network", str(handle.name())):
                found.append(_network_state(handle))
        return sorted(found, key=lambda state: state.name)


def _network_state(handle: Any) -> NetworkState:
    active, persistent = bool(handle.isActive()), bool(handle.isPersistent())
    return NetworkState(
        name=str(handle.name()),
        uuid=str(handle.UUIDString()),
        # A running network without VIR_XML_INACTIVE shows what it became, forward interfaces included.
        xml=str(handle.XMLDesc(_XML_INACTIVE if persistent else 0)),
        active=active,
        autostart=persistent and bool(handle.autostart()),
        bridge=_bridge(handle),
        live_xml=str(handle.XMLDesc(0)) if active else None,
        persistent=persistent,
    )


def _bridge(handle: Any) -> Optional[str]:
    """The bridge's name; a network on a host's own interface (macvtap) has none."""
    with vanishing(), failing("ask for the bridge", "network"):
        return str(handle.bridgeName())
    return None
