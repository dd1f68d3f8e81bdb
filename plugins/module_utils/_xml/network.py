# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: model <-> XML by one table. What the table doesn't know is left as it is."""

from __future__ import annotations

import ipaddress
from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model.network import Network, bridge_address, dhcp_range
from .tree import BURROW, Row, add, ensure, get, parse, put, remove, serialize

OWNER = "burrow.vm"
_STAMP = f"metadata/{{{BURROW}}}network"


def _read_mode(root: Element) -> str:
    """Without <forward> nothing is forwarded; with an empty one libvirt means NAT."""
    return "isolated" if root.find("forward") is None else get(root, "forward@mode") or "nat"


def _write_mode(root: Element, mode: Any) -> None:
    remove(root, "forward")
    if mode != "isolated":
        put(root, "forward@mode", mode)


def _address(root: Element) -> Optional[Element]:
    return next((item for item in root.findall("ip") if item.get("family", "ipv4") == "ipv4"), None)


def _read_subnet(root: Element) -> Optional[str]:
    element = _address(root)
    if element is None or not element.get("address"):
        return None
    mask = element.get("prefix") or element.get("netmask") or "32"
    return str(ipaddress.IPv4Network(f"{element.get('address')}/{mask}", strict=False))


def _write_subnet(root: Element, subnet: Any) -> None:
    element = _address(root)
    if element is None:
        element = add(root, "ip")
    element.attrib.pop("netmask", None)
    element.set("address", bridge_address(subnet))
    element.set("prefix", subnet.rpartition("/")[2])
    if element.find("dhcp") is not None:
        _write_dhcp(root, wanted=True)


def _write_dhcp(root: Element, wanted: Any) -> None:
    element, subnet = _address(root), _read_subnet(root)
    if element is None or subnet is None:
        return
    if not wanted:
        remove(element, "dhcp")
        return
    remove(element, "dhcp/range")
    start, end = dhcp_range(subnet)
    add(ensure(element, "dhcp"), "range", start=start, end=end)


def _read_dhcp(root: Element) -> bool:
    element = _address(root)
    return element is not None and element.find("dhcp") is not None


_ROWS = (
    Row("mode", _read_mode, _write_mode),
    Row("subnet", _read_subnet, _write_subnet),
    Row("dhcp", _read_dhcp, _write_dhcp),
)


def read(text: str) -> Network:
    root = parse(text)
    return Network(**{row.attribute: row.read(root) for row in _ROWS})


def build(name: str, network: Network, now: str) -> str:
    """The XML of a new network; libvirt chooses the bridge's name. now as ISO 8601."""
    root = Element("network")
    put(root, "name", name)
    stamp = ensure(root, _STAMP)
    stamp.set("owner", OWNER)
    stamp.set("created", now)
    # No forward delay: a guest's first DHCP packets would be lost in it.
    put(root, "bridge@stp", "on")
    put(root, "bridge@delay", "0")
    return _write(root, network)


def edit(text: str, network: Network) -> str:
    return _write(parse(text), network)


def _write(root: Element, network: Network) -> str:
    for row in _ROWS:
        value = getattr(network, row.attribute)
        if value is not None and value != row.read(root):
            row.write(root, value)
    return serialize(root)


def owned(text: str) -> bool:
    return get(parse(text), f"{_STAMP}@owner") == OWNER


def address(text: str) -> Optional[str]:
    """The host's address in the network."""
    element = _address(parse(text))
    return None if element is None else element.get("address")


def attributes() -> set[str]:
    """The attributes of the model that the table covers."""
    return {row.attribute for row in _ROWS}
