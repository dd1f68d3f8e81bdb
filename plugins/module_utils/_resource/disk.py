# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks: ties what is asked for to the files that are there."""

from __future__ import annotations

import datetime as dt
import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from .._diff import LIVE, Change
from .._errors import HostError, SpecError
from .._gateway import files, qemu_img
from .._gateway.beside import beside, is_file, leftovers
from .._gateway.libvirt_domain import Domains
from .._gateway.snapshot_files import resting_on
from .._model.arguments import URI
from .._model.disk import (
    METADATA,
    Disk,
    Image,
    check_growth,
    check_source,
    creation_size,
    parse_disk,
    reset_required,
)
from .._model.names import parse_name
from .._model.paths import DATA, Store, stamp
from .._model.size import format_size
from .._model.snapshot import Overlay
from .._model.value import absolute_path, shown
from .._plan import UNKNOWN, Action, Plan

_OWNER = "burrow.vm"


@dataclass(frozen=True)
class State:
    """What is there. source is looked at only when the disk will be made, with the room that takes (bytes).

    above: the overlay of a snapshot that rests on the disk.
    """

    image: Optional[Image] = None
    stamped: bool = False
    leftovers: bool = False
    backing_missing: bool = False
    source: Optional[Image] = None
    needed: int = 0
    free: int = 0
    above: Optional[Overlay] = None


class DiskResource:
    """One disk: a file with our stamp beside it."""

    def __init__(self, disk: Disk, data: str, uri: str, domain: Optional[str]) -> None:
        self.disk = disk
        self.lock = lock_of(Store(data), disk.path)
        self.uri = uri
        self.domain = domain

    def observe(self) -> State:
        disk = self.disk
        record = _our_record(files.read_json(stamp(disk.path)))
        stamped = bool(record)
        state = State(
            image=self._image(record),
            stamped=stamped,
            leftovers=bool(_half_made(disk.path)),
            above=resting_on(disk.path),
        )
        if disk.state == "absent":
            return state
        if state.image and disk.state == "present":
            backing = state.image.backing
            return replace(state, backing_missing=bool(backing and not files.exists(backing)))
        return self._with_source(state)

    def _image(self, record: Mapping[str, Any]) -> Optional[Image]:
        path = self.disk.path
        if not files.exists(path):
            return None
        if not is_file(path):
            raise SpecError("path", f"{shown(path)} is there and is not a regular file", "Name another one.")
        # A guest can write any first bytes to its raw disk: the format of our own is what we made.
        kind = record.get("format")
        try:
            return qemu_img.inspect(path, kind)
        except HostError as error:
            if error.code != "damaged_image" or self.disk.state == "present" or not record:
                raise
        return Image(path, kind or "qcow2", 0, 0)

    def _with_source(self, state: State) -> State:
        disk = self.disk
        free = files.free_bytes(posixpath.dirname(disk.path))
        path = disk.source or (state.image.backing if state.image else None)
        if path is None or path == UNKNOWN:
            return replace(state, needed=METADATA, free=free)
        option = "copy_of" if disk.copy_of else "backing"
        if not is_file(path):
            raise SpecError(option, f"{shown(path)} does not exist", "Name an existing disk image.")
        try:
            source = qemu_img.inspect(path)
            check_source(option, source, ours=bool(_our_record(files.read_json(stamp(path)))))
            qemu_img.verify(source)
        except HostError as error:
            if error.code == "damaged_image":
                raise SpecError(option, f"{shown(path)} is {error.cause}", error.hint, error.code) from error
            raise
        needed = METADATA + (qemu_img.measure(source) if disk.copy_of else 0)
        return replace(state, source=source, needed=needed, free=free)

    def plan(self, state: State) -> Plan:
        if self.disk.state == "absent":
            return plan_absent(self.disk, state)
        if state.image is None or self.disk.state == "reset":
            return plan_make(self.disk, state)
        return plan_grow(self.disk, state.image, state, self.domain)

    def perform(self, action: Action) -> None:
        arguments: Mapping[str, Any] = action.arguments
        if action.operation == "remove":
            self._remove()
        elif action.operation == "make":
            self._make(**arguments)
        elif arguments["running"]:
            self._grow_running(arguments["size"])
        else:
            qemu_img.resize(self.disk.path, arguments["kind"], arguments["size"])

    def _grow_running(self, size: int) -> None:
        try:
            Domains(self.uri).block_resize(str(self.domain), self.disk.path, size)
        except ImportError as error:
            operation, cause = f"grow the disk of the running domain {self.domain}", "libvirt-python is missing"
            hint = "Set ansible_python_interpreter to the Python that has it (package python3-libvirt)."
            raise HostError(operation, self.disk.path, cause, hint, "no_libvirt") from error

    def _remove(self) -> None:
        path = self.disk.path
        # The stamp goes last: an interrupted removal can be repeated.
        for name in (*_half_made(path), path, stamp(path)):
            files.remove(name)

    def _make(self, kind: str, size: int, source: Optional[Image]) -> None:
        path = self.disk.path
        if UNKNOWN in (self.disk.source, size):
            raise SpecError("backing", "the image isn't there yet", "State its path; this value is for check mode.")
        files.make_directory(posixpath.dirname(path))
        for name in _half_made(path):
            files.remove(name)
        with beside(path) as temporary:
            if self.disk.copy_of and source:
                qemu_img.copy(source, temporary, kind)
                if size > source.virtual_size:
                    qemu_img.resize(temporary, kind, size)
            else:
                qemu_img.create(temporary, kind, size, source)
            # Before the disk gets its name: a disk of ours without a stamp could never be removed.
            created = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
            files.write_json(stamp(path), {"owner": _OWNER, "created": created, "format": kind}, 0o600)

    def result(self, state: State, plan: Plan, planned: bool) -> dict[str, object]:
        if planned and plan.changed:
            return _planned(self.disk, state, plan.actions[0])
        return _described(self.disk.path, state)


def _half_made(path: str) -> list[str]:
    """What killed runs left of the disk and of its stamp."""
    return [*leftovers(path), *leftovers(stamp(path))]


def build(params: Mapping[str, Any]) -> DiskResource:
    # A planned image's path is known only after it was made.
    unknown = params.get("backing") == UNKNOWN
    disk = parse_disk({**params, "backing": None} if unknown else params)
    data = absolute_path(params.get("data") or DATA, "data")
    domain = None if params.get("domain") is None else parse_name(params["domain"], "domain")
    disk = replace(disk, backing=UNKNOWN) if unknown else disk
    return DiskResource(disk, data, params.get("uri") or URI, domain)


def _our_record(document: object) -> Mapping[str, Any]:
    """What our stamp says, or nothing."""
    return document if isinstance(document, dict) and document.get("owner") == _OWNER else {}


def lock_of(store: Store, path: str) -> str:
    """A guest's disks share the guest's lock; any other disk has its own."""
    if path.startswith(f"{store.guests}/"):
        guest, dummy, name = path[len(store.guests) + 1 :].partition("/")
        if name:
            return store.lock("guest", guest)
    digest = hashlib.sha256(path.encode()).hexdigest()[:16]
    return store.lock("disk", digest)


def plan_absent(disk: Disk, state: State) -> Plan:
    path = disk.path
    if state.image is None:
        if not (state.stamped or state.leftovers):
            return Plan()
        return Plan((Action("remove", f"remove what is left of the disk {path}"),))
    _check_ours(disk, state.image, stamped=state.stamped, verb="removed")
    _check_above(disk, state, "removed")
    return Plan((Action("remove", f"remove the disk {path}"),), (Change("path", path, None),))


def plan_make(disk: Disk, state: State) -> Plan:
    path = disk.path
    if state.image:
        _check_ours(disk, state.image, stamped=state.stamped, verb="made anew")
        _check_above(disk, state, "made anew")
    size: object = UNKNOWN
    if disk.source != UNKNOWN:
        size = creation_size(disk, state.source, state.image)
    elif disk.size is not None:
        size = disk.size
    if state.needed > state.free:
        cause = f"it needs {format_size(state.needed)} and its file system has {state.free >> 20} MiB free"
        raise HostError("make the disk", path, cause, "Free some room there, or state another path.", "no_space")
    kind = disk.format or (state.image.format if state.image else "qcow2")
    source = state.source.path if state.source else disk.source
    what = "a blank disk" if source is None else f"a copy of {source}" if disk.copy_of else f"an overlay of {source}"
    shown_size = format_size(size) if isinstance(size, int) else size
    verb = "make anew" if state.image else "make"
    action = Action(
        "make", f"{verb} {path} as {what}, {shown_size}", {"kind": kind, "size": size, "source": state.source}
    )
    before = state.image
    found = (
        Change("content", before and "as the guest left it", "new", LIVE),
        Change("path", before and before.path, path, LIVE),
        Change("backing", before and before.backing, None if disk.copy_of else source, LIVE),
        Change("size", before and format_size(before.virtual_size), shown_size, LIVE),
    )
    return Plan((action,), tuple(change for change in found if change.before != change.after))


def plan_grow(disk: Disk, image: Image, state: State, domain: Optional[str]) -> Plan:
    if state.backing_missing:
        cause = f"its backing image {image.backing} is gone"
        hint = "Restore it, or make the disk anew (state reset) with another `backing`."
        raise HostError("use the disk", disk.path, cause, hint, "backing_missing")
    waiting = reset_required(disk, image) if disk.backing != UNKNOWN else []
    facts = {"reset_required": waiting} if waiting else {}
    if disk.size is None or disk.size == image.virtual_size:
        return Plan(facts=facts)
    check_growth(disk.size, image.virtual_size)
    _check_above(disk, state, "grown")
    if image.in_use and domain is None:
        raise SpecError("domain", "the disk is in use", "State the domain that uses it, or stop that first.", "in_use")
    before, after = format_size(image.virtual_size), format_size(disk.size)
    arguments = {"size": disk.size, "kind": image.format, "running": image.in_use}
    action = Action("grow", f"grow the disk {disk.path} from {before} to {after}", arguments)
    return Plan((action,), (Change("size", before, after, LIVE),), facts)


def _check_ours(disk: Disk, image: Image, *, stamped: bool, verb: str) -> None:
    if not stamped:
        problem = f"{shown(disk.path)} was not made by burrow.vm and is not {verb}"
        raise SpecError("path", problem, "Remove it yourself if it is not needed.", "not_owned")
    if image.in_use:
        problem = f"{shown(disk.path)} is in use and is not {verb}"
        raise SpecError("path", problem, "Stop the domain that uses it first.", "in_use")


def _check_above(disk: Disk, state: State, verb: str) -> None:
    if state.above is not None:
        above = state.above
        problem = f"snapshot {above.snapshot} of domain {above.domain} rests on {shown(disk.path)}, which is not {verb}"
        raise SpecError("path", problem, "Remove the snapshot first (burrow.vm.snapshot, state absent).", "in_use")


def _planned(disk: Disk, state: State, action: Action) -> dict[str, object]:
    if action.operation == "remove":
        return _described(disk.path, State())
    described = _described(disk.path, state)
    if action.operation == "grow":
        return {**described, "virtual_size": action.arguments["size"]}
    source = state.source.path if state.source else disk.source
    return {
        **described,
        "format": action.arguments["kind"],
        "virtual_size": action.arguments["size"],
        "actual_size": UNKNOWN,
        "backing": None if disk.copy_of else source,
        "stamped": True,
    }


def _described(path: str, state: State) -> dict[str, object]:
    image = state.image
    return {
        "path": path,
        "format": image and image.format,
        "virtual_size": image and image.virtual_size,
        "actual_size": image and image.actual_size,
        "backing": image and image.backing,
        "stamped": state.stamped,
    }
