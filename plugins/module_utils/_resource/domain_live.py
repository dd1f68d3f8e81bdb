# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which changes a running guest takes as it runs: one table, and the steps that it gives. Pure.

What has no row here, or an obstacle, has the impact that the model says.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from .._diff import LIVE, Change
from .._model.domain import Definition
from .._model.domain_devices import key
from .._xml import live as xml

_ITEM = re.compile(r"(?P<list>\w+)\[(?P<key>[^\]]*)\](?:\.(?P<field>.+))?")


@dataclass(frozen=True)
class Guest:
    """A running guest as it is (before, text) and as it should be (after, edited).

    defined: its persistent definition as it will be.
    """

    before: Definition
    after: Definition
    text: str
    edited: str
    defined: Definition
    paused: bool = False


@dataclass(frozen=True)
class Step:
    """One live change. operation is a row's; of a device list and key tell which; old and new are the values."""

    operation: str
    path: str
    list: str = ""
    key: str = ""
    old: Any = None
    new: Any = None


# (step, guest, its places, of which ports are those left) -> why it is impossible, or nothing.
Obstacle = Callable[[Step, Guest, xml.Places], str]


@dataclass(frozen=True)
class Row:
    operation: str
    obstacle: Obstacle


def _none(_step: Step, _guest: Guest, _room: xml.Places) -> str:
    return ""


def _no_place(step: Step, guest: Guest, room: xml.Places) -> str:
    way = xml.way(guest.edited, step.list, step.key)
    if step.key not in {key(item) for item in getattr(guest.defined, step.list) or ()}:
        return "the running guest and its definition have different devices already"
    if way in (xml.SCSI, xml.USB):
        return "" if way in room.controllers else f"the running guest has no {way.upper()} controller"
    if way == xml.FIXED or (way == xml.CONVENTIONAL and room.express):
        return "a device of this kind can't be plugged in"
    if room.ports > 0:
        return ""
    return "no PCI Express port of the running guest is free (see pcie_root_ports)" if room.express else "PCI is full"


def _held(step: Step, guest: Guest, _room: xml.Places) -> str:
    if guest.paused:
        return "a paused guest can't let go of a device"
    way = xml.way(guest.text, step.list, step.key)
    return "a device of this kind can't be unplugged" if way == xml.FIXED else ""


def _no_forwarding(_step: Step, _guest: Guest, room: xml.Places) -> str:
    return "" if room.forwarding else "the running guest has no interface for forwards yet"


# What is looked up is `option`, `list[].field`, or `list[] added` and `list[] removed`.
TABLE: Mapping[str, Row] = {
    "metadata.*": Row("note", _none),
    "disks[] added": Row("attach", _no_place),
    "disks[] removed": Row("detach", _held),
    "interfaces[] added": Row("attach", _no_place),
    "interfaces[] removed": Row("detach", _held),
    "interfaces[].source": Row("update", _none),
    "interfaces[].type": Row("update", _none),
    "forwards[] added": Row("forward", _no_forwarding),
    "forwards[] removed": Row("unforward", _none),
    "forwards[].guest_port": Row("reforward", _none),
}
# A port must be given back before another forward takes it. What the guest has a say in comes last.
_ORDER = ("unforward", "reforward", "forward", "update", "attach", "note", "detach")
# Why a change without a row needs what the model says, where it is not plain.
_REASONS = {"filesystems": "shares are bound when a guest starts"}


def pattern(change: Change) -> str:
    """What the table calls a change."""
    match = _ITEM.fullmatch(change.path)
    if match is None:
        head, dot, _tail = change.path.partition(".")
        return f"{head}.*" if dot and f"{head}.*" in TABLE else change.path
    if match["field"]:
        return f"{match['list']}[].{match['field']}"
    return f"{match['list']}[] {'added' if change.before is None else 'removed'}"


def sort(guest: Guest, pending: Sequence[Change]) -> tuple[tuple[Step, ...], dict[str, str]]:
    """The steps, in their order, and the changes that the running guest can't take: path -> why."""
    room = xml.places(guest.text)
    steps: list[Step] = []
    waiting: dict[str, str] = {}
    for change in pending:
        row = TABLE.get(pattern(change))
        step = _step(row.operation if row else "", change, guest)
        why = row.obstacle(step, guest, room) if row else _REASONS.get(step.list, "")
        if row is None and change.impact == LIVE:
            continue
        if row is None or why:
            waiting[change.path] = why
            continue
        steps.append(step)
        if step.operation == "attach" and xml.way(guest.edited, step.list, step.key) in (xml.PCI, xml.CONVENTIONAL):
            room = dataclasses.replace(room, ports=room.ports - 1)
    return _together(steps, waiting), waiting


def _together(steps: Sequence[Step], waiting: dict[str, str]) -> tuple[Step, ...]:
    """One step for all that is updated of a device; none where some of it waits."""
    found: dict[tuple[str, str, str], Step] = {}
    for step in steps:
        if step.operation == "update":
            other = next((path for path in waiting if path.startswith(f"{step.list}[{step.key}].")), None)
            if other is not None:
                waiting[step.path] = f"so does {other}"
                continue
        place = "" if step.list else step.operation
        found.setdefault((step.operation, step.list, step.key or place), step)
    return tuple(sorted(found.values(), key=lambda step: _ORDER.index(step.operation)))


def _step(operation: str, change: Change, guest: Guest) -> Step:
    match = _ITEM.fullmatch(change.path)
    if match is None:
        return Step(operation, change.path)
    name, wanted = match["list"], match["key"]
    old, new = _item(guest.before, name, wanted), _item(guest.after, name, wanted)
    return Step(operation, change.path, name, wanted, old, new)


def _item(definition: Definition, name: str, wanted: str) -> Optional[Any]:
    return next((item for item in getattr(definition, name, None) or () if key(item) == wanted), None)
