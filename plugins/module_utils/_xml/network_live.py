# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The updates by which an active network becomes another one in its lists, without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from .._model.network_update import ADD, DELETE, DNS_HOSTS, RESERVATIONS, Update
from .tree import parse


def updates(before: str, after: str) -> tuple[Update, ...]:
    """From one definition to the other. Deletions come first: libvirt refuses to add an address that is there yet.

    It could modify a reservation, but finds it by MAC, address or name alike, so that two could never be swapped.
    """
    had, has = list(_elements(parse(before))), list(_elements(parse(after)))
    gone = [Update(DELETE, *element) for element in had if element not in has]
    return (*gone, *(Update(ADD, *element) for element in has if element not in had))


def both(config: tuple[Update, ...], live: tuple[Update, ...]) -> list[tuple[Update, bool, bool]]:
    """Each update once, with whether it is for the persistent definition, and for the running network."""
    every = sorted(dict.fromkeys((*config, *live)), key=lambda update: update.command == ADD)
    return [(update, update in config, update in live) for update in every]


def _elements(root: Element) -> Iterator[tuple[str, int, str, str]]:
    for index, element in enumerate(root.findall("ip")):
        for host in element.findall("dhcp/host"):
            yield RESERVATIONS, index, _text(host), _text(host)
    for host in root.findall("dns/host"):
        # What has this address or any of the names is deleted, and it must be one.
        yield DNS_HOSTS, 0, _text(host), _text(Element("host", ip=host.get("ip", "")))


def _text(element: Element) -> str:
    return ET.tostring(_bare(element), encoding="unicode")


def _bare(element: Element) -> Element:
    """The element without its surroundings and its indentation."""
    found = Element(element.tag, dict(sorted(element.attrib.items())))
    found.text = (element.text or "").strip() or None
    found.extend(_bare(child) for child in element)
    return found
