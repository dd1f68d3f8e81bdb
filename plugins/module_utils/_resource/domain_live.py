# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which changes a running guest takes as it runs: one table, and the steps that it gives. Pure.

What has no row here, or an obstacle, has the impact that the model says.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .._diff import LIVE, Change
from .._model.domain import Definition
from .._model.domain_devices import key
from .._model.domain_disks import CDROM
from .._model.size import format_size
from .._xml import live as xml

_ITEM = re.compile(r"(?P<list>\w+)\[(?P<key>[^\]]*)\](?:\.(?P<field>.+))?")


@dataclass(frozen=True)
class Guest:
    """A running guest as it is (before, text) and as it should be (after, edited).

    former and defined: its persistent definition as it was, and as it will be.
    """

    before: Definition
    after: Definition
    text: str
    edited: str
    former: Definition
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
    """told: libvirt was told when it defined the guest, and the guest takes its time: then nothing is done again."""

    operation: str
    obstacle: Obstacle
    told: bool = False


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


def _no_password(step: Step, _guest: Guest, _room: xml.Places) -> str:
    """QEMU asks for one or doesn't from its start on; libvirt leaves the former one where none is said."""
    if step.old.password is None:
        return "the running guest was started without one"
    return "a running guest keeps one" if step.new.password is None else ""


def _no_forwarding(_step: Step, _guest: Guest, room: xml.Places) -> str:
    return "" if room.forwarding else "the running guest has no interface for forwards yet"


def _no_media(step: Step, _guest: Guest, _room: xml.Places) -> str:
    return "" if step.old.device == CDROM else "only a drive's media can be changed"


def _most(definition: Definition, name: str) -> int:
    return getattr(definition, f"{name}_maximum") or getattr(definition, name) or 0


def _same_most(step: Step, guest: Guest, _room: xml.Places) -> str:
    """Only what is not more than it has is said in other words."""
    name = step.path.partition("_")[0]
    return "" if _most(guest.before, name) == _most(guest.after, name) else "the most is set when a guest starts"


def _no_cpus(step: Step, guest: Guest, _room: xml.Places) -> str:
    most = _most(guest.before, "cpus")
    if step.new > most:
        return f"the running guest can have {most} at most (see cpus_maximum)"
    return "" if step.new > step.old else "a guest gives no CPU back"


def _no_balloon(step: Step, guest: Guest, room: xml.Places) -> str:
    most = _most(guest.before, "memory")
    if step.new > most:
        return f"the running guest can have {format_size(most)} at most (see memory_maximum)"
    if guest.paused:
        return "a paused guest can't give memory back"
    return "" if room.balloon else "it has no balloon"


# What is looked up is `option`, `list[].field`, or `list[] added` and `list[] removed`.
TABLE: Mapping[str, Row] = {
    "cpus": Row("cpus", _no_cpus),
    "cpus_maximum": Row("nothing", _same_most),
    "memory": Row("balloon", _no_balloon, told=True),
    "memory_maximum": Row("nothing", _same_most),
    "metadata.*": Row("note", _none),
    "title": Row("describe", _none),
    "description": Row("describe", _none),
    "disks[] added": Row("attach", _no_place),
    "disks[] removed": Row("detach", _held),
    "disks[].source": Row("update", _no_media),
    "disks[].iotune.*": Row("limit", _none),
    "interfaces[] added": Row("attach", _no_place),
    "interfaces[] removed": Row("detach", _held),
    "interfaces[].source": Row("update", _none),
    "interfaces[].type": Row("update", _none),
    "interfaces[].link": Row("update", _none),
    "interfaces[].filter": Row("update", _none),
    "interfaces[].bandwidth.*": Row("update", _none),
    "hostdevs[] added": Row("attach", _no_place),
    "hostdevs[] removed": Row("detach", _held),
    "graphics[].password": Row("password", _no_password),
    "forwards[] added": Row("forward", _no_forwarding),
    "forwards[] removed": Row("unforward", _none),
    "forwards[].guest_port": Row("reforward", _none),
}
# A port must be given back before another forward takes it. What the guest has a say in comes last.
_ORDER = (
    "unforward",
    "reforward",
    "forward",
    "update",
    "limit",
    "password",
    "attach",
    "note",
    "describe",
    "cpus",
    "balloon",
    "detach",
)
# Why a change without a row needs what the model says, where it is not plain.
_REASONS = {"filesystems": "shares are bound when a guest starts"}


def pattern(change: Change) -> str:
    """What the table calls a change."""
    match = _ITEM.fullmatch(change.path)
    if match is not None and not match["field"]:
        return f"{match['list']}[] {'added' if change.before is None else 'removed'}"
    name = change.path if match is None else f"{match['list']}[].{match['field']}"
    return next((whole for whole in TABLE if whole.endswith(".*") and name.startswith(whole[:-1])), name)


@dataclass(frozen=True)
class Sorted:
    """What a running guest lacks. steps bring the changes of brought; waiting: path -> why a restart must."""

    steps: tuple[Step, ...] = ()
    brought: tuple[Change, ...] = ()
    waiting: Mapping[str, str] = field(default_factory=dict)


def sort(guest: Guest, pending: Sequence[Change]) -> Sorted:
    room = xml.places(guest.text)
    steps: dict[str, Step] = {}
    waiting: dict[str, str] = {}
    for change in pending:
        row = TABLE.get(pattern(change))
        step = _step(row.operation if row else "", change, guest)
        why = row.obstacle(step, guest, room) if row else _REASONS.get(step.list, "")
        if why or (row is None and change.impact != LIVE):
            waiting[change.path] = why
        elif row is not None and not (row.told and _told(step, guest)):
            steps[change.path] = step
            if step.operation == "attach" and xml.way(guest.edited, step.list, step.key) in (xml.PCI, xml.CONVENTIONAL):
                room = dataclasses.replace(room, ports=room.ports - 1)
    found = _together(steps.values(), waiting)
    brought = tuple(change for change in pending if change.path in steps and change.path not in waiting)
    return Sorted(found, brought, waiting)


def _told(step: Step, guest: Guest) -> bool:
    return bool(getattr(guest.former, step.path) == getattr(guest.defined, step.path))


def _together(steps: Iterable[Step], waiting: dict[str, str]) -> tuple[Step, ...]:
    """One step for all that is updated of a device; none where some of it waits."""
    found: dict[tuple[str, str, str], Step] = {}
    for step in steps:
        other = next((path for path in waiting if path.startswith(f"{step.list}[{step.key}].")), None)
        if step.operation == "update" and other is not None:
            waiting[step.path] = f"so does {other}"
        elif step.operation != "nothing":
            found.setdefault((step.operation, step.list, step.key), step)
    return tuple(sorted(found.values(), key=lambda step: _ORDER.index(step.operation)))


def _step(operation: str, change: Change, guest: Guest) -> Step:
    match = _ITEM.fullmatch(change.path)
    if match is None:
        old, new = (getattr(definition, change.path, None) for definition in (guest.before, guest.after))
        if operation == "balloon":
            # A guest that isn't up yet has more than it was told to keep.
            old = min(guest.former.memory or 0, _most(guest.before, "memory")) or old
        return Step(operation, change.path, old=old, new=new)
    name, wanted = match["list"], match["key"]
    old, new = _item(guest.before, name, wanted), _item(guest.after, name, wanted)
    return Step(operation, change.path, name, wanted, old, new)


def _item(definition: Definition, name: str, wanted: str) -> Optional[Any]:
    return next((item for item in getattr(definition, name, None) or () if key(item) == wanted), None)
