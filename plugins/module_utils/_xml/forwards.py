# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Port forwards: a second NIC on QEMU's user network, by arguments that libvirt hands on.

libvirt 9.0 takes <portForward> on a user interface without passt and silently ignores it. restrict=on: no way out
through this NIC; ipv6=off: else the guest gets an IPv6 default route into nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Optional
from xml.etree.ElementTree import Element

from .._model.forward import FORWARD_ID, Forward
from .._model.names import mac_address
from .tree import QEMU, add, get

_COMMANDLINE = f"{{{QEMU}}}commandline"
_ARGUMENT = f"{{{QEMU}}}arg"
NETDEV = FORWARD_ID
# The guest's static address on that network; the seed's network-config gives it to the NIC.
GUEST_ADDRESS = "10.0.2.15"
# libvirt hands out slots from 1 upwards and knows nothing of this device.
_SLOT = "0x1c"
_HOST_FORWARD = re.compile(r"hostfwd=tcp:(?P<address>[0-9.]*):(?P<host>[0-9]+)-[0-9.]*:(?P<guest>[0-9]+)")


def read(root: Element) -> tuple[Forward, ...]:
    found = [
        Forward(int(match["host"]), int(match["guest"]), match["address"] or "0.0.0.0")  # noqa: S104 (QEMU's default)
        for value in _values(root)
        if _is_netdev(value)
        for match in _HOST_FORWARD.finditer(value)
    ]
    return tuple(found)


def write(root: Element, forwards: Iterable[Forward]) -> None:
    commandline = root.find(_COMMANDLINE)
    if commandline is not None:
        _remove(commandline)
        if not len(commandline):
            root.remove(commandline)
    rules = [f"hostfwd=tcp:{item.address}:{item.host_port}-{GUEST_ADDRESS}:{item.guest_port}" for item in forwards]
    if not rules:
        return
    commandline = root.find(_COMMANDLINE)
    if commandline is None:
        commandline = add(root, _COMMANDLINE)
    machine = get(root, "os/type@machine") or ""
    bus = "pci.0" if machine == "pc" or machine.startswith("pc-i440fx-") else "pcie.0"
    mac = mac_address(get(root, "name") or "", "forward")
    for argument in (
        "-netdev",
        f"user,id={NETDEV},restrict=on,ipv6=off,{','.join(rules)}",
        "-device",
        f"virtio-net-pci,netdev={NETDEV},mac={mac},bus={bus},addr={_SLOT}",
    ):
        add(commandline, _ARGUMENT, value=argument)


def _values(root: Element) -> list[str]:
    return [argument.get("value", "") for argument in root.findall(f"{_COMMANDLINE}/{_ARGUMENT}")]


def _is_netdev(value: str) -> bool:
    return value.startswith("user,") and f"id={NETDEV}" in value.split(",")


def _is_device(value: str) -> bool:
    return f"netdev={NETDEV}" in value.split(",")


def _remove(commandline: Element) -> None:
    """Take our four arguments out; all others stay in their order."""
    for argument in _own(commandline):
        commandline.remove(argument)


def _own(commandline: Element) -> list[Element]:
    arguments = commandline.findall(_ARGUMENT)
    found = []
    for option, argument in zip(arguments, arguments[1:]):
        value = argument.get("value", "")
        if _is_netdev(value) or _is_device(value):
            found += [option, argument]
    return found


def read_others(root: Element) -> Optional[tuple[str, ...]]:
    """The arguments for QEMU that no forward has."""
    commandline = root.find(_COMMANDLINE)
    if commandline is None:
        return None
    own = _own(commandline)
    return tuple(item.get("value", "") for item in commandline.findall(_ARGUMENT) if item not in own) or None


def write_others(root: Element, values: Optional[Iterable[str]]) -> None:
    """Before ours; what is no argument, as the environment, stays."""
    commandline = root.find(_COMMANDLINE)
    if commandline is None:
        commandline = add(root, _COMMANDLINE)
    own = _own(commandline)
    for argument in commandline.findall(_ARGUMENT):
        commandline.remove(argument)
    for value in values or ():
        add(commandline, _ARGUMENT, value=value)
    commandline.extend(own)
    if not len(commandline):
        root.remove(commandline)
