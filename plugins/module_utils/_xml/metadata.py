# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our element in a domain's metadata: the owner's stamp, what was applied, and the shares that the hook binds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional
from xml.etree.ElementTree import Element

from .._model.notes import NOTES
from .tree import BURROW, add, ensure, serialize

PREFIX = "burrow"
OWNER = "burrow.vm"
_GUEST = f"{{{BURROW}}}guest"
_SHARE = f"{{{BURROW}}}share"
_DIGEST = f"{{{BURROW}}}digest"
_PLACE = f"metadata/{_GUEST}"


@dataclass(frozen=True)
class BoundShare:
    """What the libvirt hook binds below /run/burrow for the guest.

    real: where source led to when it was checked. The hook refuses a source that leads elsewhere by then: another
    guest may have replaced a directory by a link.
    """

    tag: str
    source: str
    readonly: bool
    real: str


def find(root: Element) -> Optional[Element]:
    return root.find(_PLACE)


def read(root: Element) -> Optional[dict[str, str]]:
    """Flat, as the model has it."""
    guest = find(root)
    if guest is None:
        return None
    found = {name: guest.get(name, "") for name in NOTES if guest.get(name)}
    for digest in guest.findall(_DIGEST):
        found[f"digests.{digest.get('name')}"] = digest.get("value", "")
    return found


def write(root: Element, values: Optional[Mapping[str, str]]) -> None:
    guest = ensure(root, _PLACE)
    for digest in guest.findall(_DIGEST):
        guest.remove(digest)
    for name, value in sorted((values or {}).items()):
        head, _dot, tail = name.partition(".")
        if tail:
            add(guest, _DIGEST, name=tail, value=value)
        else:
            guest.set(head, value)


def owned(root: Element) -> bool:
    guest = find(root)
    return guest is not None and guest.get("owner") == OWNER


def created(root: Element) -> Optional[str]:
    guest = find(root)
    return None if guest is None else guest.get("created")


def stamp(root: Element, now: str) -> None:
    """Mark the domain as ours. now: the time as ISO 8601."""
    guest = ensure(root, _PLACE)
    guest.set("owner", OWNER)
    guest.set("created", now)


def shares(root: Element) -> dict[str, BoundShare]:
    """By tag."""
    guest = find(root)
    found = [] if guest is None else guest.findall(_SHARE)
    return {share.tag: share for share in map(_share, found)}


def _share(element: Element) -> BoundShare:
    tag, source = element.get("tag", ""), element.get("source", "")
    return BoundShare(tag, source, element.get("readonly") != "no", element.get("real", source))


def write_shares(root: Element, wanted: Sequence[BoundShare]) -> None:
    guest = find(root)
    if guest is None and not wanted:
        return
    guest = ensure(root, _PLACE)
    for share in guest.findall(_SHARE):
        guest.remove(share)
    for bound in wanted:
        readonly = "yes" if bound.readonly else "no"
        add(guest, _SHARE, tag=bound.tag, source=bound.source, real=bound.real, readonly=readonly)


def bare_element(root: Element) -> str:
    """Our element alone, without its namespace: libvirt puts that in, and refuses one that is there already."""
    guest = ensure(root, _PLACE)
    bare = Element("guest", guest.attrib)
    for child in guest:
        add(bare, child.tag.rpartition("}")[2], **child.attrib)
    return serialize(bare)
