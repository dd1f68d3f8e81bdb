# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fragment: part of a <domain> as XML, for what the typed options lack.

It is a set of leaves, each a place and its value ("devices/watchdog@action": "reset"), which a domain has or hasn't.
The tables here tell which element of a domain an element of the fragment means.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from .._errors import SpecError
from .value import shown

_DEEPEST = 32
_OURS = "{https://burrow.vm/"
_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"

# <devices> holds lists, save for what a machine has one of.
_ONE = frozenset({"emulator", "iommu", "memballoon", "tpm", "vsock", "watchdog"})
# What tells the devices of one kind apart: the first of these that the fragment states in full. A device of another
# kind, or one that states none, is found by all that the fragment says of it.
_ALIAS = ("alias@name",)
_DEVICES = {
    "audio": (("@id",),),
    "channel": (("target@name",),),
    "console": (("target@port",),),
    "controller": (("@type", "@index"),),
    "disk": (("serial",), ("target@dev",)),
    "filesystem": (("target@dir",),),
    "graphics": (("@type",),),
    "hostdev": (
        tuple(f"source/address@{name}" for name in ("domain", "bus", "slot", "function")),
        ("source/vendor@id", "source/product@id"),
        ("source/address@bus", "source/address@device"),
    ),
    "interface": (("mac@address",),),
    "parallel": (("target@port",),),
    "serial": (("target@port",),),
}
# Elements outside <devices> of which there may be several, by the attribute that tells them apart; of all others
# there is one.
_ELSEWHERE = {
    "alias": ("device",),
    "capability": ("add", "del"),
    "cellid": ("memnode",),
    "dev": ("boot",),
    "id": ("cell", "iothread", "vcpu"),
    "iothreads": ("iothreadpin",),
    "model": ("seclabel",),
    "name": ("cipher", "entry", "env", "feature", "property", "timer"),
    "size": ("page",),
    "vcpu": ("vcpupin",),
}
# What an element of the fragment is called in a place, itself, the domain's element that it means, if any, and whether
# it is found by all that it says, and so is there or isn't.
Pair = tuple[str, Element, Optional[Element], bool]


def parse_fragment(stated: object, path: str) -> dict[str, str]:
    """The leaves of a fragment as it is stated, or a refusal."""
    root = _element(stated, path)
    _check(root, path, _DEEPEST)
    for element in root.iter():
        if element.tag.startswith(_OURS):
            hint = "Leave that element out; option metadata writes notes."
            raise SpecError(path, "it holds this collection's own metadata", hint)
        if "passwd" in element.attrib:
            hint = "Leave it out, and set it with `virsh`; it would be shown in results and diffs."
            raise SpecError(path, f"<{element.tag}> holds a password", hint)
    found = leaves(root, root)
    if not found:
        raise SpecError(path, "it states nothing", "Write elements into <domain>, or leave it out.")
    return found


def _element(stated: object, path: str) -> Element:
    if not isinstance(stated, str):
        raise SpecError(path, "it is not text", "Write XML as a block of text.")
    # An entity can be declared nowhere else, and could read files or grow without end.
    if "<!DOCTYPE" in stated:
        raise SpecError(path, "it has a DOCTYPE", "Leave it out, and write what its entities stand for.")
    try:
        root = ET.fromstring(stated.strip())
    except (ET.ParseError, ValueError) as error:
        raise SpecError(path, f"it is not XML: {error}", "Write it as in `virsh dumpxml --inactive`.") from None
    if root.tag != "domain":
        raise SpecError(path, f"it begins with {shown(root.tag)}", "Put it into <domain> and </domain>.")
    return root


def _check(element: Element, path: str, depth: int) -> None:
    """Nothing is nested without end, and no two elements mean the same one of the domain."""
    if not depth:
        raise SpecError(path, "it is nested too deeply", f"Write {_DEEPEST} levels at most.")
    labels: set[str] = set()
    for label, child, _none, _whole in pairs(element, None):
        if label in labels:
            raise SpecError(path, f"<{label}> is in <{element.tag}> twice", "Write it once.")
        labels.add(label)
        _check(child, path, depth - 1)


def leaves(stated: Element, found: Element, place: str = "") -> dict[str, str]:
    """place -> what found has there, for each leaf of stated that it has."""
    result = {f"{place}@{name}": found.attrib[name] for name in stated.attrib if name in found.attrib}
    text, other = (stated.text or "").strip(), (found.text or "").strip()
    if text and other:
        result[place] = other
    elif not text and not stated.attrib and not len(stated) and place:
        result[place] = "present"
    for label, child, partner, whole in pairs(stated, found):
        where = f"{place}/{label}" if place else label
        if partner is not None and whole:
            result[where] = " ".join(ET.tostring(child, "unicode").split())
        elif partner is not None:
            result.update(leaves(child, partner, where))
    wanted = arguments(stated)
    if wanted and has_arguments(found, wanted):
        result[f"{place}/qemu:arg"] = " ".join(wanted)
    return result


def pairs(stated: Element, found: Optional[Element]) -> Iterator[Pair]:
    """Each child of stated, with the child of found that it means. Arguments for QEMU are no single children."""
    free = [] if found is None else list(found)
    counts: dict[str, int] = {}
    for child in stated:
        if child.tag == f"{_QEMU}arg":
            continue
        places = _identity(stated, child)
        label = child.tag.replace(_QEMU, "qemu:")
        if places is None:
            number = counts[label] = counts.get(label, -1) + 1
            label = f"{label}[{number}]"
        elif places:
            label = f"{label}[{','.join(_at(child, place) or '' for place in places)}]"
        partner = next((other for other in free if other.tag == child.tag and _same(child, other, places)), None)
        if partner is not None:
            free.remove(partner)
        yield label, child, partner, places is None


def _identity(parent: Element, child: Element) -> Optional[tuple[str, ...]]:
    """The places that tell it from others of its tag; () where there is one only, None where nothing tells."""
    if parent.tag == "devices" and child.tag not in _ONE:
        known = (_ALIAS, *_DEVICES.get(child.tag, ()))
        return next((places for places in known if all(_at(child, place) for place in places)), None)
    name = child.tag.replace(_QEMU, "")
    return next(((f"@{attribute}",) for attribute in child.attrib if name in _ELSEWHERE.get(attribute, ())), ())


def _same(stated: Element, found: Element, places: Optional[tuple[str, ...]]) -> bool:
    if places is None:
        return leaves(stated, found) == leaves(stated, stated)
    return all(_at(found, place) == _at(stated, place) for place in places)


def _at(element: Element, place: str) -> Optional[str]:
    path, _sign, attribute = place.partition("@")
    inner = element.find(path or ".")
    return None if inner is None else inner.get(attribute) if attribute else inner.text


def arguments(element: Element) -> list[str]:
    """The values of <qemu:arg>: their order counts, so that all together are one thing."""
    return [child.get("value", "") for child in element.findall(f"{_QEMU}arg")]


def has_arguments(element: Element, wanted: list[str]) -> bool:
    held = arguments(element)
    return any(held[start : start + len(wanted)] == wanted for start in range(len(held)))
