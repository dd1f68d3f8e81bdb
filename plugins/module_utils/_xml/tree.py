# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML trees, and one row of a table: an attribute of a model and its place in a tree, both ways.

A place is written "cpu@mode" (an attribute) or "os/kernel" (a text).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
BURROW = "https://burrow.vm/xmlns/domain/1"
_OURS = {"qemu": QEMU, "burrow": BURROW}
# xml.etree keeps prefixes of this form for itself.
_RESERVED = re.compile(r"ns\d+")
# One name of a path; a namespace in braces has slashes of its own.
_STEP = re.compile(r"(?:\{[^}]*\})?[^/{}]+")


@dataclass(frozen=True)
class Row:
    """write gets None where the value is to go."""

    attribute: str
    read: Callable[[Element], Any]
    write: Callable[[Element, Any], None]


def row(
    attribute: str,
    place: str,
    convert: Callable[[str], Any] = str,
    default: Optional[str] = None,
    back: Callable[[Any], str] = str,
) -> Row:
    """A row whose value is a text or an attribute. default: what it means when there is none. back: to a text."""

    def read(root: Element) -> Any:
        found = get(root, place)
        text = default if found is None else found
        return None if text is None else convert(text)

    return Row(attribute, read, lambda root, value: put(root, place, None if value is None else back(value)))


def parse(text: str) -> Element:
    """The tree of what libvirt wrote. Foreign namespaces keep their prefixes when it is written again."""
    tree: Any = ET.iterparse(io.StringIO(text), events=("start-ns",))
    for _event, (prefix, uri) in tree:
        if prefix and uri not in _OURS.values() and not _RESERVED.fullmatch(prefix):
            ET.register_namespace(prefix, uri)
    root: Element = tree.root
    return root


def serialize(root: Element) -> str:
    for prefix, uri in _OURS.items():
        ET.register_namespace(prefix, uri)
    for element in root.iter():
        # What libvirt's own indentation left; a text that means something is never only white space.
        if len(element) and element.text is not None and not element.text.strip():
            element.text = None
        if element.tail is not None and not element.tail.strip():
            element.tail = None
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def get(root: Element, place: str) -> Optional[str]:
    path, _at, attribute = place.partition("@")
    element = root.find(path) if path else root
    if element is None:
        return None
    return element.get(attribute) if attribute else element.text


def put(root: Element, place: str, value: Optional[str]) -> None:
    path, _at, attribute = place.partition("@")
    if value is None:
        element = root.find(path) if path else root
        if element is not None and attribute:
            element.attrib.pop(attribute, None)
        elif element is not None:
            remove(root, path)
        return
    element = ensure(root, path) if path else root
    if attribute:
        element.set(attribute, value)
    else:
        element.text = value


def ensure(root: Element, path: str) -> Element:
    """The element of this path, made with its parents when missing."""
    element = root
    for name in _STEP.findall(path):
        found = element.find(name)
        element = ET.SubElement(element, name) if found is None else found
    return element


def remove(root: Element, path: str) -> None:
    """Remove all elements of this path."""
    parent, _slash, name = path.rpartition("/")
    holder = root.find(parent) if parent else root
    if holder is not None:
        for element in holder.findall(name):
            holder.remove(element)


def add(holder: Element, element: str, /, **attributes: str) -> Element:
    return ET.SubElement(holder, element, attributes)
