# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: model <-> XML by one table. What the table doesn't know is left as it is."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model.network import Network
from .._model.network_lists import DnsHost, Forwarder, Reservation
from .._model.network_merge import OWN_BRIDGE, SUBNETS
from .._model.network_subnets import bridge_address, dhcp_range
from .rows import Special, rows
from .tree import BURROW, add, ensure, get, parse, put, remove, serialize

OWNER = "burrow.vm"
_STAMP = f"metadata/{{{BURROW}}}network"
_FAMILIES = {4: "ipv4", 6: "ipv6"}
# libvirt's words that aren't ours.
_MODES = {"route": "routed"}
_WORDS = {ours: word for word, ours in _MODES.items()}
_TAGS = {Reservation: "host", DnsHost: "host", Forwarder: "forwarder"}
_ITEMS = {kind: rows(kind, {}) for kind in _TAGS}


# -- mode and bridge


def _read_mode(root: Element) -> str:
    """Without <forward> nothing is forwarded; with an empty one libvirt means NAT."""
    if root.find("forward") is None:
        return "isolated"
    word = get(root, "forward@mode") or "nat"
    return _MODES.get(word, word)


def _write_mode(root: Element, mode: Any) -> None:
    before = _read_mode(root)
    if {mode, before} <= {"nat", "routed"}:
        # The device that it leads to stays.
        remove(root, "forward/nat")
    else:
        remove(root, "forward")
    if mode != "isolated":
        put(root, "forward@mode", _WORDS.get(mode, mode))
    if mode not in OWN_BRIDGE:
        # libvirt refuses a definition that has one of these with a bridge of the host.
        for name in ("bridge", "mac", "domain", "dns", "ip", "route", "bandwidth", "mtu"):
            remove(root, name)
    elif before not in OWN_BRIDGE:
        remove(root, "bridge")
        _own_bridge(root)
    _translate(root)


def _own_bridge(root: Element) -> None:
    put(root, "bridge@stp", "on")
    # No forward delay: a guest's first DHCP packets would be lost in it.
    put(root, "bridge@delay", "0")


def _translate(root: Element) -> None:
    """NAT for IPv6 too (libvirt since 6.5): else private addresses would be forwarded as they are, for no answer."""
    if _read_mode(root) == "nat" and _ip(root, 6) is not None:
        put(root, "forward/nat@ipv6", "yes")


# -- addresses


def _ip(root: Element, version: int) -> Optional[Element]:
    """The address of this family; of several the one with DHCP, which libvirt allows once."""
    found = [item for item in root.findall("ip") if item.get("family", "ipv4") == _FAMILIES[version]]
    return next((item for item in found if item.find("dhcp") is not None), found[0] if found else None)


def _subnet_of(element: Optional[Element]) -> Optional[str]:
    if element is None or not element.get("address"):
        return None
    mask = element.get("prefix") or element.get("netmask") or _implied_prefix(element.get("address", ""))
    return str(ipaddress.ip_network(f"{element.get('address')}/{mask}", strict=False))


def _implied_prefix(address: str) -> int:
    """What libvirt takes an address without one to have (virSocketAddrGetIPPrefix): that of its class."""
    if ":" in address:
        return 64
    first = int(address.partition(".")[0])
    return 8 if first < 128 else 16 if first < 192 else 24


def _subnet(version: int) -> Special:
    def write(root: Element, subnet: Any) -> None:
        element = _ip(root, version)
        if subnet is None:
            if element is not None:
                root.remove(element)
            return
        if element is None:
            element = add(root, "ip", **({"family": "ipv6"} if version == 6 else {}))
        element.attrib.pop("netmask", None)
        element.set("address", bridge_address(subnet))
        element.set("prefix", subnet.rpartition("/")[2])
        if element.find("dhcp") is not None:
            _write_range(element, subnet)
        if version == 6:
            _translate(root)

    return Special(lambda root: _subnet_of(_ip(root, version)), write)


def _write_range(element: Element, subnet: str) -> None:
    remove(element, "dhcp/range")
    start, end = dhcp_range(subnet)
    add(ensure(element, "dhcp"), "range", start=start, end=end)


def _dhcp(version: int) -> Special:
    def read(root: Element) -> bool:
        element = _ip(root, version)
        return element is not None and element.find("dhcp") is not None

    def write(root: Element, wanted: Any) -> None:
        element = _ip(root, version)
        subnet = _subnet_of(element)
        if element is None or subnet is None:
            return
        if wanted:
            _write_range(element, subnet)
        else:
            remove(element, "dhcp")

    return Special(read, write)


# -- DNS and lists


def _write_domain(root: Element, name: Any) -> None:
    if name is None:
        remove(root, "domain")
    else:
        put(root, "domain@name", name)


def _write_dns(root: Element, wanted: Any) -> None:
    if wanted:
        put(root, "dns@enable", None)
        return
    # libvirt refuses what a name server that is off would say.
    remove(root, "dns")
    if _read_mode(root) in OWN_BRIDGE:
        put(root, "dns@enable", "no")


def _read_dns(root: Element) -> bool:
    return _read_mode(root) in OWN_BRIDGE and get(root, "dns@enable") != "no"


def _read_item(element: Element, kind: type) -> Any:
    held = {row.attribute: row.read(element) for row in _ITEMS[kind]}
    if kind is DnsHost:
        held["address"] = str(ipaddress.ip_address(element.get("ip", "")))
        held["names"] = tuple(sorted((name.text or "").strip().lower() for name in element.findall("hostname")))
    return kind(**held)


def _write_item(element: Element, item: Any) -> None:
    for row in _ITEMS[type(item)]:
        if getattr(item, row.attribute) != row.read(element):
            row.write(element, getattr(item, row.attribute))
    if isinstance(item, DnsHost):
        if not element.get("ip"):
            element.set("ip", item.address)
        remove(element, "hostname")
        for name in item.names or ():
            add(element, "hostname").text = name


def _write_items(elements: Iterable[Element], holder: Callable[[], Element], kind: type, wanted: Iterable[Any]) -> None:
    """Let the holder have the wanted items. Elements that stand for one keep what else they hold."""
    # No mapping: others may name an address twice.
    left = list(wanted)
    for element in elements:
        read = _read_item(element, kind)
        item = next((item for item in left if item.key == read.key), None)
        if item is None:
            holder().remove(element)
            continue
        left.remove(item)
        if item != read:
            _write_item(element, item)
    for item in left:
        _write_item(add(holder(), _TAGS[kind]), item)


def _dns_list(kind: type) -> Special:
    place = f"dns/{_TAGS[kind]}"
    return Special(
        lambda root: tuple(_read_item(element, kind) for element in root.findall(place)),
        lambda root, wanted: _write_items(root.findall(place), lambda: ensure(root, "dns"), kind, wanted or ()),
    )


def _read_reservations(root: Element) -> tuple[Reservation, ...]:
    found = [element for version in SUBNETS for element in _dhcp_hosts(_ip(root, version))]
    return tuple(_read_item(element, Reservation) for element in found)


def _dhcp_hosts(element: Optional[Element]) -> list[Element]:
    return [] if element is None else element.findall("dhcp/host")


def _write_reservations(root: Element, wanted: Any) -> None:
    for version in SUBNETS:
        element = _ip(root, version)
        if element is not None:
            mine = [item for item in wanted or () if item.version == version]
            _write_items(_dhcp_hosts(element), _dhcp_holder(element), Reservation, mine)


def _dhcp_holder(element: Element) -> Callable[[], Element]:
    return lambda: ensure(element, "dhcp")


_ROWS = rows(
    Network,
    {
        "mode": Special(_read_mode, _write_mode),
        "subnet": _subnet(4),
        "subnet6": _subnet(6),
        "dhcp": _dhcp(4),
        "dhcp6": _dhcp(6),
        "domain": Special(write=_write_domain),
        "dns": Special(_read_dns, _write_dns),
        "dns_forwarders": _dns_list(Forwarder),
        "dns_hosts": _dns_list(DnsHost),
        "reservations": Special(_read_reservations, _write_reservations),
    },
)


# -- whole networks


def read(text: str) -> Network:
    root = parse(text)
    return Network(**{row.attribute: row.read(root) for row in _ROWS})


def build(name: str, network: Network, now: str) -> str:
    """The XML of a new network; libvirt chooses the bridge's name where none is stated. now as ISO 8601."""
    root = Element("network")
    put(root, "name", name)
    stamp = ensure(root, _STAMP)
    stamp.set("owner", OWNER)
    stamp.set("created", now)
    if network.mode in OWN_BRIDGE:
        _own_bridge(root)
    return _write(root, network)


def edit(text: str, network: Network) -> str:
    """The XML with all that differs from the network written into it."""
    return _write(parse(text), network)


def _write(root: Element, network: Network) -> str:
    for row in _ROWS:
        value = getattr(network, row.attribute)
        if value != row.read(root):
            row.write(root, value)
    return serialize(root)


def owned(text: str) -> bool:
    return get(parse(text), f"{_STAMP}@owner") == OWNER


def addresses(text: str) -> dict[str, Optional[str]]:
    """The host's address in each subnet, by the names of the options."""
    root = parse(text)
    found = {name: _ip(root, version) for version, name in SUBNETS.items()}
    return {name: None if element is None else element.get("address") for name, element in found.items()}


def subnets(text: str) -> list[str]:
    """All of them; others may give a network several of a family."""
    return [subnet for subnet in map(_subnet_of, parse(text).findall("ip")) if subnet is not None]


def uses(text: str, network: str, bridge: Optional[str]) -> bool:
    """Whether a domain has an interface in the network, or on its bridge."""
    for source in parse(text).iterfind("devices/interface/source"):
        if source.get("network") == network or (bridge is not None and source.get("bridge") == bridge):
            return True
    return False


def attributes() -> set[str]:
    """The attributes of the model that the table covers."""
    return {row.attribute for row in _ROWS}
