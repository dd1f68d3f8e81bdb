# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt is told to change in an active network (virNetworkUpdate)."""

from __future__ import annotations

from dataclasses import dataclass, replace

ADD, DELETE = "add", "delete"
RESERVATIONS, DNS_HOSTS = "ip-dhcp-host", "dns-host"


@dataclass(frozen=True)
class Update:
    """whole is the element to add, named the one by which it is found to be deleted.

    index: of the network's <ip> elements, the one whose DHCP it is about; 0 elsewhere.
    """

    command: str
    section: str
    index: int
    whole: str
    named: str

    @property
    def xml(self) -> str:
        return self.whole if self.command == ADD else self.named

    def undone(self) -> Update:
        return replace(self, command=ADD if self.command == DELETE else DELETE)
