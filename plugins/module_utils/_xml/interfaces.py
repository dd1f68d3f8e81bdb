# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network interfaces."""

from __future__ import annotations

from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model import domain_interfaces as model
from .._model.device_values import bandwidth
from .._model.domain_interfaces import DIRECT, Interface
from .device_list import Devices
from .rows import Special, rows
from .tree import add, ensure, get, put, remove

# type -> the attribute of <source> that names what it is attached to
_SOURCES = {"network": "network", "bridge": "bridge", DIRECT: "dev"}


def _read_source(interface: Element) -> Optional[str]:
    attribute = _SOURCES.get(interface.get("type") or "")
    return get(interface, f"source@{attribute}") if attribute else None


def _write_source(interface: Element, source: Optional[str]) -> None:
    attribute = _SOURCES.get(interface.get("type") or "")
    if attribute:
        put(interface, f"source@{attribute}", source)


def _read_mode(interface: Element) -> Optional[str]:
    """The attribute means something else where a source is a socket."""
    return get(interface, "source@mode") if interface.get("type") == DIRECT else None


def _write_type(interface: Element, kind: Optional[str]) -> None:
    """Another type has another attribute for the same word."""
    word = _read_source(interface)
    remove(interface, "source")
    put(interface, "@type", kind)
    if word is not None:
        _write_source(interface, word)


def _read_vlan(interface: Element) -> Optional[int]:
    """A trunk of several is none that can be said here."""
    tags = interface.findall("vlan/tag")
    return int(tags[0].get("id") or "0") if len(tags) == 1 and get(interface, "vlan@trunk") != "yes" else None


def _write_vlan(interface: Element, tag: Any) -> None:
    remove(interface, "vlan")
    if tag is not None:
        add(ensure(interface, "vlan"), "tag", id=str(tag))


def _write_filter(interface: Element, name: Optional[str]) -> None:
    """Its parameters stay."""
    if name is None:
        remove(interface, "filterref")
    else:
        put(interface, "filterref@filter", name)


def _rate(direction: str) -> Special:
    place = f"bandwidth/{direction}"

    def read(interface: Element) -> Optional[int]:
        average = get(interface, f"{place}@average")
        return None if average is None else int(bandwidth.read(average))

    def write(interface: Element, rate: Optional[int]) -> None:
        if rate is not None:
            put(interface, f"{place}@average", bandwidth.write(rate))
            return
        remove(interface, place)
        if not len(ensure(interface, "bandwidth")):
            remove(interface, "bandwidth")

    return Special(read, write)


INTERFACES = Devices(
    "interfaces",
    "devices/interface",
    lambda _interface: {},
    model.INTERFACES,
    rows(
        Interface,
        {
            "type": Special(lambda interface: interface.get("type"), _write_type),
            "source": Special(_read_source, _write_source),
            "mode": Special(_read_mode),
            "vlan": Special(_read_vlan, _write_vlan),
            "filter": Special(write=_write_filter),
            "inbound": _rate("inbound"),
            "outbound": _rate("outbound"),
        },
    ),
    lambda root, _item: add(ensure(root, "devices"), "interface", type="network"),
)
