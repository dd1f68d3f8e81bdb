# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from .libvirt import NO_NETWORK, OPERATION_INVALID, Connection, failing, vanishing

_XML_INACTIVE = 1


@dataclass(frozen=True)
class NetworkState:
    name: str
    uuid: str
    xml: str
    active: bool = False
    autostart: bool = False
    bridge: Optional[str] = None


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

    def define_network(self, name: str, xml: str) -> None:
        with failing("define the network", name):
            self.handle.networkDefineXML(xml)

    def start_network(self, name: str) -> None:
        with failing("start the network", name):
            self.handle.networkLookupByName(name).create()

    def stop_network(self, name: str) -> None:
        with vanishing(NO_NETWORK, OPERATION_INVALID), failing("stop the network", name):
            self.handle.networkLookupByName(name).destroy()

    def undefine_network(self, name: str) -> None:
        with vanishing(NO_NETWORK), failing("undefine the network", name):
            self.handle.networkLookupByName(name).undefine()

    def set_network_autostart(self, name: str, wanted: bool) -> None:
        with failing("set autostart", name):
            self.handle.networkLookupByName(name).setAutostart(int(wanted))


def _network_state(handle: Any) -> NetworkState:
    return NetworkState(
        name=str(handle.name()),
        uuid=str(handle.UUIDString()),
        # A running network without VIR_XML_INACTIVE shows what it became, forward interfaces included.
        xml=str(handle.XMLDesc(_XML_INACTIVE if handle.isPersistent() else 0)),
        active=bool(handle.isActive()),
        autostart=bool(handle.isPersistent()) and bool(handle.autostart()),
        bridge=_bridge(handle),
    )


def _bridge(handle: Any) -> Optional[str]:
    """The bridge's name; a network on a host's own interface (macvtap) has none."""
    with vanishing(), failing("ask for the bridge", "network"):
        return str(handle.bridgeName())
    return None
