# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DHCP leases of libvirt's networks, given back for guests that are gone.

libvirt lists leases and can't end them, and its dnsmasq keeps one for an hour. A new root disk means a new client
identifier, so each life of a guest would take another address of the range with it.
"""

from __future__ import annotations

import fcntl
import secrets
import socket
import struct
import time

from .._errors import HostError
from .._model.dhcp import Lease, release_message
from .libvirt import NO_NETWORK, Connection, failing, vanishing

_NO_SUPPORT = 3
_IPV4 = 0
_SERVER_PORT = 67
_SIOCGIFADDR = 0x8915
# dnsmasq's script writes libvirt's list a moment after the lease has gone (0.05 s here).
_PATIENCE, _POLL = 2.0, 0.05


def leases(connection: Connection, network: str, mac: str) -> list[Lease]:
    """What the network has leased to an interface."""
    with vanishing(NO_NETWORK, _NO_SUPPORT), failing("list the leases", network):
        found = connection.handle.networkLookupByName(network).DHCPLeases(mac) or []
        return [
            Lease(network, str(entry["iface"]), str(entry["ipaddr"]), mac, str(entry.get("clientid") or ""))
            for entry in found
            if entry["type"] == _IPV4
        ]
    return []


def release(connection: Connection, lease: Lease) -> None:
    """Give it back. The server never answers such a message, so its list tells when it has heard."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            server = _address(channel, lease.bridge)
            # As dnsmasq's own dhcp_release does: the server listens on its bridge alone.
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, lease.bridge.encode())
            message = release_message(lease, server, secrets.token_bytes(4))
            channel.sendto(message, (server, _SERVER_PORT))
    except OSError as error:
        raise HostError("release the lease", lease.address, str(error.strerror or error)) from error
    end = time.monotonic() + _PATIENCE
    while lease in leases(connection, lease.network, lease.mac) and time.monotonic() < end:
        time.sleep(_POLL)


def _address(channel: socket.socket, interface: str) -> str:
    """The IPv4 address of an interface of this host."""
    answer = fcntl.ioctl(channel.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()))
    return socket.inet_ntoa(answer[20:24])
