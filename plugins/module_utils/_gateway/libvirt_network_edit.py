# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's networks, to be changed, and the domains that use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional
from urllib.parse import urlsplit

from .._model.network_update import ADD, DELETE, DNS_HOSTS, RESERVATIONS, Update
from .libvirt import NO_DOMAIN, NO_NETWORK, OPERATION_INVALID, failing, vanishing
from .libvirt_network import Networks

_DOMAIN_XML_INACTIVE = 2
# virNetworkUpdateCommand, virNetworkUpdateSection, virNetworkUpdateFlags
_COMMANDS = {DELETE: 2, ADD: 3}
_SECTIONS = {RESERVATIONS: 4, DNS_HOSTS: 10}
_UPDATE_LIVE, _UPDATE_CONFIG = 1, 2


@dataclass(frozen=True)
class Guest:
    """A domain's definitions, to see what network it is in."""

    name: str
    xml: str
    live_xml: Optional[str] = None


class NetworkEditor(Networks):
    """A connection to one libvirt, that changes networks."""

    @property
    def here(self) -> bool:
        """Whether that libvirt runs on this host, whose interfaces we see."""
        return not urlsplit(self.uri).hostname

    def guests(self) -> list[Guest]:
        with failing("list the domains", self.uri):
            handles = self.handle.listAllDomains(0)
        found = []
        for handle in handles:
            with vanishing(NO_DOMAIN), failing("read the domain", str(handle.name())):
                live = str(handle.XMLDesc(0)) if handle.isActive() else None
                found.append(Guest(str(handle.name()), str(handle.XMLDesc(_DOMAIN_XML_INACTIVE)), live))
        return sorted(found, key=lambda guest: guest.name)

    def define_network(self, name: str, xml: str) -> None:
        with failing("define the network", name):
            self.handle.networkDefineXML(xml)

    def update_network(self, name: str, update: Update, *, config: bool, live: bool) -> None:
        """Change the persistent definition, what the network is now, or both. No guest loses its connection."""
        flags = (_UPDATE_CONFIG if config else 0) | (_UPDATE_LIVE if live else 0)
        with failing("change the network", name):
            network = self.handle.networkLookupByName(name)
            network.update(_COMMANDS[update.command], _SECTIONS[update.section], update.index, update.xml, flags)

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
