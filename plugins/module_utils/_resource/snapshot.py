# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot of a domain: observed, planned for, made, merged, gone back to, shown."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Optional

from .._errors import HostError
from .._gateway import apparmor
from .._gateway import snapshot_files as files
from .._gateway.libvirt import LOST, DomainState
from .._gateway.libvirt_nodes import Monitor, withdraw
from .._gateway.libvirt_snapshot import Snapshots, is_stopped
from .._model.paths import Store
from .._model.snapshot import (
    EXTERNAL,
    INTERNAL,
    Disk,
    Overlay,
    Request,
    Snapshot,
    memory_path,
    overlay_path,
    parse_request,
    view,
)
from .._plan import UNKNOWN, Action, Plan
from .._xml import snapshot as xml
from .snapshot_left import left, unnoted, unused
from .snapshot_mend import is_hollow, plan
from .snapshot_state import State

# Seconds that a libvirtd which ended has to be started again.
_BACK = 10.0


class SnapshotResource:
    """One snapshot of one domain, as a task asks for it."""

    def __init__(self, request: Request, connection: Snapshots) -> None:
        self.request = request
        self.connection = connection

    @property
    def lock(self) -> Optional[str]:
        return Store(self.request.data).lock("guest", self.request.domain)

    # -- what is there

    def observe(self) -> State:
        found = self.connection.domain(self.request.domain)
        if found is None:
            return State()
        facts = xml.facts(found.live_xml or found.xml)
        snapshots = tuple(xml.read(text, current=current) for text, current in self._texts())
        snapshots += unnoted(self.request.domain, found, facts.disks, snapshots)
        external = [item for item in snapshots if item.kind == EXTERNAL]
        noted = [file for item in external for file in item.files]
        overlays = {file: made for file in noted for made in [files.overlay(file)] if made is not None}
        state = State(
            run_state=found.state,
            active=found.active,
            saved=found.saved,
            persistent=found.persistent,
            interrupted=found.state == "paused" and self.connection.interrupted(self.request.domain),
            version=0 if facts.nvram is None else self.connection.version(),
            facts=facts,
            pending=_pending(facts, xml.facts(found.xml)),
            snapshots=snapshots,
            overlays=overlays,
            chains=_chains(facts.disks) if external else {},
            existing=files.existing(noted),
            denied=apparmor.write_denied(facts.uuid) if external and found.active else frozenset(),
        )
        state = dataclasses.replace(state, unused=unused(state))
        return self._with_paths(state)

    def _texts(self) -> list[tuple[str, bool]]:
        return self.connection.snapshots(self.request.domain)

    def _with_paths(self, state: State) -> State:
        """Names for the files of a snapshot that is made; of one that is there, for those of going back to it."""
        found, request = state.snapshot(self.request.name), self.request
        used = {path for chain in state.chains.values() for path in chain}
        if found is None and request.state == "absent":
            return dataclasses.replace(state, left=left(request.domain, request.name, state.facts.disks, used))
        if found is not None and request.state == "present" and is_hollow(state, found):
            found = None
        if (found is None) != (request.state == "present") or (found is not None and found.kind == INTERNAL):
            return state
        used |= {file for item in state.snapshots for file in item.files} - state.unused
        paths: dict[str, str] = {}
        for disk in state.facts.disks:
            if disk.writable and disk.type == "file":
                origin = files.origin(disk.source or "")
                candidate = functools.partial(overlay_path, origin, request.name)
                paths[disk.target] = files.free_path(candidate, request.domain, used | set(paths.values()))
        if not paths:
            return state
        beside = files.origin(next(disk.source for disk in state.facts.disks if disk.target in paths) or "")
        candidate = functools.partial(memory_path, beside, request.domain, request.name)
        memory = files.free_path(candidate, request.domain, used)
        return dataclasses.replace(state, paths=paths, memory_path=memory)

    def plan(self, state: State) -> Plan:
        return plan(self.request, state)

    def perform(self, action: Action) -> None:
        getattr(self, f"_do_{action.operation}")(**action.arguments)

    def result(self, state: State, plan: Plan, planned: bool) -> dict[str, object]:
        request = self.request
        head = {"domain": request.domain, "name": request.name}
        names = {disk.target: disk.name for disk in state.facts.disks}
        if planned and plan.changed:
            if request.state == "absent":
                return {**head, "state": "absent"}
            return {**head, "state": "present", **self._planned(state, plan.actions, names)}
        found = state.snapshot(request.name)
        if found is None:
            return {**head, "state": "absent"}
        return {**head, "state": "present", **view(found, names)}

    def _planned(self, state: State, actions: tuple[Action, ...], names: Mapping[str, str]) -> dict[str, object]:
        found = state.snapshot(self.request.name)
        if found is None:
            made: Any = actions[0].arguments["snapshot"]
            return {**view(made, names), "created": UNKNOWN}
        if self.request.state == "reverted":
            disks = tuple(
                dataclasses.replace(disk, file=state.paths.get(disk.target, disk.file)) if disk.file else disk
                for disk in found.disks
            )
            return view(dataclasses.replace(found, current=True, disks=disks), names)
        return view(dataclasses.replace(found, description=self.request.description), names)

    # -- what is done

    def _do_create(self, snapshot: Snapshot, quiesce: bool) -> None:
        found = self._found()
        facts = xml.facts(found.live_xml or found.xml)
        made = {disk.target: disk.file for disk in snapshot.disks}
        others = tuple(disk.target for disk in facts.disks if disk.target not in made)
        for disk in facts.disks:
            path = made.get(disk.target)
            if path is not None:
                if found.active and files.overlay(path) is not None:
                    withdraw(Monitor(self.connection, found.name), path, self.request.timeout)
                self._stamp(path, self._overlay(disk.source or "", disk.format))
        if snapshot.memory_file:
            above = next(disk.source or "" for disk in facts.disks if disk.target in made)
            mark = Overlay(self.request.domain, snapshot.name, files.owner_above(above))
            self._stamp(snapshot.memory_file, mark)
        disk_only = snapshot.kind == EXTERNAL and not snapshot.memory
        text = xml.build(snapshot, others)
        try:
            self.connection.create_snapshot(self.request.domain, text, disk_only=disk_only, quiesce=quiesce)
        except HostError as error:
            if error.code == LOST:
                # Nobody knows how far it came; the next run looks. But the guest doesn't wait for that.
                self._resume_interrupted()
                raise
            # libvirt has put the disks back; where it could not, a file is in a chain and stays.
            self._remove_unused(snapshot.files)
            raise

    def _remove_unused(self, paths: Iterable[str]) -> None:
        """Remove those of our files that are in no disk's chain, neither as the guest runs nor as it is defined."""
        found = self._found()
        disks = {disk for text in (found.xml, found.live_xml) if text for disk in xml.facts(text).disks}
        used = {path for disk in disks for path in files.chain_of(disk)}
        for path in paths:
            if path not in used:
                files.remove(path)

    def _overlay(self, frozen: str, kind: str) -> Overlay:
        request, owner, below = self.request, files.owner_above(frozen), files.overlay(frozen)
        first = kind if below is None else below.origin_format
        return Overlay(request.domain, request.name, owner, files.origin(frozen), frozen, kind, origin_format=first)

    def _stamp(self, path: str, made: Overlay) -> None:
        """What an interrupted run left under the name goes; the stamp is there before the file is."""
        files.remove(path)
        files.write_stamp(path, made)

    def _do_note(self, snapshot: Snapshot) -> None:
        """Let libvirt know it, with the definitions that it would have kept."""
        found = self._found()
        texts, lasting = [found.live_xml or found.xml, found.xml], found.xml
        for disk in snapshot.disks:
            file, made = disk.file or "", files.overlay(disk.file or "")
            if made is not None:
                texts = [xml.without(text, disk.target, file, made.frozen, made.frozen_format) for text in texts]
                lasting = xml.on_top(lasting, disk.target, made.frozen, file, made.frozen_format)
        if lasting != found.xml:
            # libvirtd ended after it saved the running guest's definition: the next start would be without the overlay.
            self.connection.define(found.name, lasting)
        held = {disk.target for disk in snapshot.disks}
        others = tuple(disk.target for disk in xml.facts(texts[0]).disks if disk.target not in held)
        text = xml.noted(snapshot, others, texts[0], texts[1] if found.active else None)
        self.connection.redefine_snapshot(self.request.domain, text, current=True)

    def _do_discard(self, paths: tuple[str, ...]) -> None:
        active = self._found().active
        for path in paths:
            if active:
                withdraw(Monitor(self.connection, self.request.domain), path, self.request.timeout)
            files.remove(path)

    def _resume_interrupted(self) -> None:
        with contextlib.suppress(HostError):
            self.connection.regain(_BACK)
            if self.connection.interrupted(self.request.domain):
                self._do_resume()

    def _do_undo(self, snapshot: Snapshot) -> None:
        self._do_discard(tuple(disk.file for disk in snapshot.disks if disk.file))
        self._do_drop(snapshot)

    def _do_resume(self) -> None:
        self.connection.resume(self.request.domain)

    def _do_describe(self, description: str) -> None:
        text, current = self._text(self.request.name)
        self.connection.redefine_snapshot(self.request.domain, xml.described(text, description), current=current)

    def _do_delete(self) -> None:
        self.connection.delete_snapshot(self.request.domain, self.request.name, metadata_only=False)

    def _do_merge(self, target: str, overlay: str, made: Overlay) -> None:
        # From here on the file below is no longer what the snapshot kept: nobody may go back to it.
        files.write_stamp(overlay, dataclasses.replace(made, merging=True))
        found = self._found()
        if found.active:
            try:
                self._merge_running(found, target, overlay, made.frozen)
            except HostError as error:
                if not is_stopped(error):
                    raise
        found = self._found()
        if not found.active:
            self._merge_stopped(found, target, overlay, made)
        self._verify(target, overlay, made.frozen)

    def _merge_running(self, found: DomainState, target: str, overlay: str, frozen: str) -> None:
        """Twice where a job of others had to be waited for first."""
        for dummy in range(2):
            chain = xml.chain(found.live_xml or "", target)
            if overlay not in chain:
                return
            active = chain[0] == overlay
            self.connection.commit(
                found.name, target, base=frozen, top=overlay, active=active, timeout=self.request.timeout
            )
            found = self._found()

    def _merge_stopped(self, found: DomainState, target: str, overlay: str, made: Overlay) -> None:
        chain = _chain(found.xml, target)
        if overlay in chain:
            files.commit(overlay, made.frozen, self.request.timeout)
            if chain[0] != overlay:
                files.rebase(chain[chain.index(overlay) - 1], made.frozen, made.frozen_format)
        text = xml.without(found.xml, target, overlay, made.frozen, made.frozen_format)
        if text != found.xml:
            self.connection.define(found.name, text)

    def _verify(self, target: str, overlay: str, frozen: str) -> None:
        """Before the file goes: neither libvirt nor any file's header names it any more."""
        found = self._found()
        for text in (found.xml, found.live_xml or found.xml):
            chain = _chain(text, target)
            if overlay in (*chain, *xml.chain(text, target)) or frozen not in chain:
                cause = f"the disk's files are {', '.join(chain)} after the merge"
                hint = "Nothing was removed. Look for room on its file system (and in QEMU's log), then run again."
                raise HostError("remove the file", overlay, cause, hint, "chain_unexpected")

    def _do_forget(self, snapshot: Snapshot) -> None:
        """The later snapshots' definitions first, then the files, and what libvirt knows of it last."""
        for disk in snapshot.disks:
            made = files.overlay(disk.file or "")
            if made is not None:
                self._rewrite_others(snapshot.name, disk.target, disk.file or "", made)
        self._do_drop(snapshot)

    def _rewrite_others(self, name: str, target: str, overlay: str, made: Overlay) -> None:
        """What rested on the file that goes now rests on the one below it."""
        for text, current in self._texts():
            other = xml.read(text)
            if other.name == name:
                continue
            for disk in other.disks:
                above = files.overlay(disk.file or "")
                if disk.file and above is not None and above.frozen == overlay:
                    files.write_stamp(
                        disk.file,
                        dataclasses.replace(above, frozen=made.frozen, frozen_format=made.frozen_format),
                    )
            edited = xml.without(text, target, overlay, made.frozen, made.frozen_format)
            if edited != text:
                self.connection.redefine_snapshot(self.request.domain, edited, current=current)

    def _do_drop(self, snapshot: Snapshot) -> None:
        self._remove_unused(snapshot.files)
        self.connection.delete_snapshot(self.request.domain, snapshot.name, metadata_only=True)

    def _do_power_off(self) -> None:
        self.connection.power_off(self.request.domain)

    def _do_discard_saved(self) -> None:
        self.connection.discard_saved(self.request.domain)

    def _do_revert_internal(self, snapshot: Snapshot) -> None:
        self.connection.revert(self.request.domain, snapshot.name)

    def _do_revert_external(self, snapshot: Snapshot) -> None:
        """A new overlay on each file that was kept, below the definition of then.

        The file that was kept is not written: one can come back again. (libvirt does so by itself from 9.9 on.)
        """
        state = self.observe()
        text, _current = self._text(snapshot.name)
        definition, live = (xml.definition(text, inactive=inactive) for inactive in (True, False))
        moved, old = {}, set()
        for disk in snapshot.disks:
            made, path = state.overlays[disk.file or ""], state.paths[disk.target]
            chain = state.chains[disk.target]
            old |= {disk.file, *chain[: chain.index(made.frozen)]}
            moved[disk.file or ""] = path
            self._stamp(path, made)
            files.make_overlay(path, made.frozen, made.frozen_format)
            definition, live = (
                xml.on_top(part, disk.target, made.frozen, path, made.frozen_format) for part in (definition, live)
            )
        self.connection.define(self.request.domain, definition)
        for disk in snapshot.disks:
            self._check_reverted(disk.target, moved[disk.file or ""])
        self.connection.redefine_snapshot(self.request.domain, xml.relocated(text, moved), current=True)
        others = {disk.file for item in state.snapshots for disk in item.disks if item.name != snapshot.name}
        for file in old - others:
            files.remove(file or "")
        if snapshot.memory_file:
            self.connection.restore(self.request.domain, snapshot.memory_file, live)

    def _check_reverted(self, target: str, path: str) -> None:
        chain = _chain(self._found().xml, target)
        if chain[:1] != (path,):
            cause = f"libvirt has the disk on {chain[:1] or 'nothing'}, and not on {path}"
            raise HostError("revert", self.request.domain, cause, "Nothing was removed.", "chain_unexpected")

    def _text(self, name: str) -> tuple[str, bool]:
        for text, current in self._texts():
            if xml.read(text).name == name:
                return text, current
        raise HostError("find the snapshot", name, "it was removed meanwhile", code="no_snapshot")

    def _found(self) -> DomainState:
        found = self.connection.domain(self.request.domain)
        if found is None:
            raise HostError("change the domain", self.request.domain, "it was removed meanwhile", code="no_domain")
        return found


def _pending(live: xml.Facts, persistent: xml.Facts) -> tuple[str, ...]:
    later = {disk.target: disk.source for disk in persistent.disks}
    return tuple(disk.name for disk in live.disks if disk.writable and later.get(disk.target) != disk.source)


def _chains(disks: tuple[Disk, ...]) -> dict[str, tuple[str, ...]]:
    return {disk.target: files.chain_of(disk) for disk in disks if disk.writable and disk.type == "file"}


def _chain(text: str, target: str) -> tuple[str, ...]:
    disk = next((item for item in xml.facts(text).disks if item.target == target), None)
    return () if disk is None else files.chain_of(disk)


def build(params: Mapping[str, Any]) -> SnapshotResource:
    request = parse_request(params)
    return SnapshotResource(request, Snapshots(request.uri))
