# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt domain: observed, planned for, changed, shown."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os.path
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from .._errors import HostError, SpecError
from .._gateway import accelerator, dhcp_lease, guest_files, libvirt_live, ports
from .._gateway import kept_files as files
from .._gateway.libvirt import LOST, DomainState
from .._gateway.libvirt_domain import Domains
from .._model.dhcp import Lease
from .._model.domain import Definition
from .._model.domain_merge import merge, view
from .._model.domain_request import Request, parse_request
from .._model.domain_values import BUILTIN
from .._model.paths import Store, stamp
from .._model.port import Forward as Listener
from .._plan import UNKNOWN, Action, Plan
from .._xml import domain as xml
from .._xml.domain_facts import agent_answers, files_below
from .._xml.forwards import NETDEV
from . import domain_others as others
from .domain_beneath import beneath
from .domain_change import Running
from .domain_check import Surroundings, check, check_files, needed, other_files, used_files
from .domain_host import lacking, look
from .domain_live import Step
from .domain_plan import plan, target, with_macs
from .domain_state import SUSPENDED, Host, State

_VSOCK = "/dev/vhost-vsock"
# Of libvirt's system instance
_TPMS = "/var/lib/libvirt/swtpm"


class DomainResource:
    """One domain, as a task asks for it."""

    def __init__(self, request: Request, connection: Domains) -> None:
        self.request = request
        self.connection = connection
        self.store = Store(request.data)
        self._unchecked: Optional[Callable[[], None]] = None

    @property
    def lock(self) -> Optional[str]:
        return self.store.lock("guest", self.request.name)

    def observe(self) -> State:
        found = self.connection.domain(self.request.name)
        directories = guest_files.directories(share.source or "" for share in self.request.stated.filesystems or ())
        if found is None:
            if self.request.state == "absent":
                return State(leftovers=self._leftovers(None))
            return State(host=self._host(), directories=directories)
        below = beneath(found)
        definition = self._read(below)
        state = State(
            definition=definition,
            text=below.xml,
            live_text=below.live_xml or "",
            snapshots=below.xml != found.xml,
            live=self._read_live(below, definition),
            run_state=SUSPENDED if found.saved and not found.active else found.state,
            uuid=found.uuid,
            active=found.active,
            saved=found.saved,
            persistent=found.persistent,
            agent=agent_answers(found.live_xml or "<domain/>"),
            directories=directories,
        )
        if self.request.state != "absent":
            return state
        above = xml.read(found.xml)
        return dataclasses.replace(
            state,
            leftovers=self._leftovers(definition, above),
            leases=self._leases(definition),
            former_tpm=self._former_tpm(definition, found.uuid),
            kept=_foreign_disks(definition, above),
        )

    def plan(self, state: State) -> Plan:
        planned = plan(self.request, state)
        if state.snapshots and any(action.operation == "recreate" for action in planned.actions):
            problem = f"domain {self.request.name} has external snapshots, which hold its present definition"
            raise SpecError("name", problem, "Remove them first (burrow.vm.snapshot, state absent).", "snapshots")
        after = target(self.request, state)
        if after is not None and planned.changed:
            starts = any(action.operation == "start" for action in planned.actions)
            wanted = needed(state.definition or Definition(), after, starts=starts, live=state.live)
            around = self._surroundings(wanted, state.live or Definition())
            check(self.request.stated, wanted, around, self.request.guarded)
            others.check(self.request.stated, wanted, others.look(self.connection, self.request.name, wanted))
            self._unchecked = self._check_later(state, after, starts=starts)
        return planned

    def _check_later(self, state: State, after: Definition, *, starts: bool) -> Callable[[], None]:
        """What in check mode may be planned only, and in a real run is there before the first action."""
        before = state.definition or Definition()
        wanted = [item for item in after.interfaces or () if starts or item not in (before.interfaces or ())]

        def look() -> None:
            if other_files(state.definition, after):
                self._check_files(after)
            others.check_networks(self.connection, self.request.stated, wanted, used=starts or state.active)

        return look

    def perform(self, action: Action) -> None:
        unchecked, self._unchecked = self._unchecked, None
        if unchecked is not None:
            unchecked()
        getattr(self, f"_do_{action.operation}")(**action.arguments)

    def result(self, state: State, plan: Plan, planned: bool) -> dict[str, object]:
        name = self.request.name
        if not planned or not plan.changed:
            if state.definition is None:
                return {"name": name, "state": "absent"}
            return view(name, state.definition, state.run_state, state.uuid)
        after = target(self.request, state)
        if after is None:
            return {"name": name, "state": "absent"}
        run_state = self.request.state if self.request.state != "present" else state.run_state
        return view(name, after, "stopped" if run_state == "absent" else run_state, state.uuid or UNKNOWN)

    # -- what is there

    def _host(self) -> Host:
        return Host(self.connection.architecture(), accelerator.detect().kind, self.connection.qemu_version())

    def _surroundings(self, wanted: Definition, live: Definition) -> Surroundings:
        """Only what the plan makes use of is asked for."""
        forwards = set(wanted.forwards or ()) - set(live.forwards or ())
        return Surroundings(
            hardware=look(self.connection, wanted),
            directories=guest_files.directories(share.source or "" for share in wanted.filesystems or ()),
            hook=guest_files.hook_installed(),
            taken={forward: why for forward in forwards for why in self._taken(forward)},
            vsock=wanted.vsock_cid is None or files.exists(_VSOCK),
            rng=wanted.rng in (None, BUILTIN) or files.exists(wanted.rng or ""),
            lacking=lacking(wanted.hostdevs or (), self.request.stated.hostdevs or ()),
        )

    def _taken(self, forward: Any) -> Iterable[str]:
        for use in ports.uses([Listener(host_port=forward.host_port, address=forward.address)]):
            if use.guest != self.request.name:
                yield f"{use.cause} (by {use.owner})" if use.owner else use.cause

    def _leftovers(self, *definitions: Optional[Definition]) -> tuple[str, ...]:
        """The files that go with the domain, by their stamps; those that an earlier, interrupted run left included."""
        guest = self.store.guest(self.request.name)
        own = [disk.source for each in definitions if each for disk in each.disks or () if disk.source]
        definition = definitions[0]
        disks = {disk for disk in own if guest_files.is_stamped(disk)}
        disks.update(guest_files.stamped_in(guest.directory))
        disks.update(file for disk in own for file in guest_files.of_snapshots(disk, self.request.name))
        disks -= self._used_by_others(disks)
        logs = guest_files.console_logs(guest.console_log)
        if definition is not None and definition.owned and definition.console_log:
            logs += guest_files.console_logs(definition.console_log)
        gone = [path for disk in sorted(disks) for path in (disk, stamp(disk)) if files.exists(path)]
        gone += sorted(set(logs))
        return (*gone, guest.directory) if guest_files.holds_only(guest.directory, gone) else tuple(gone)

    def _former_tpm(self, definition: Definition, uuid: str) -> str:
        """The directory of a TPM that was taken away: libvirt removes that of one which is defined, and no other."""
        if definition.tpm is not None or "/system" not in self.request.uri:
            return ""
        path = os.path.join(_TPMS, uuid)
        return path if files.exists(path) else ""

    def _leases(self, definition: Definition) -> tuple[Lease, ...]:
        return tuple(
            lease
            for item in definition.interfaces or ()
            if item.type == "network" and item.source and item.mac
            for lease in dhcp_lease.leases(self.connection, item.source, item.mac)
        )

    def _used_by_others(self, disks: set[str]) -> set[str]:
        if not disks:
            return set()
        texts = [found.xml for found in self.connection.domains() if found.name != self.request.name]
        used = {disk.source for text in texts for disk in xml.read(text).disks or ()}
        return disks & used.union(*map(files_below, texts))

    # -- what is done

    def _do_create(self, definition: Definition) -> None:
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
        name = self.request.name
        self._define(xml.build(name, self.connection.architecture(), definition, now, self.request.fragment))
        if definition.autostart:
            # At once: it is no part of the definition, and a run that ends in between would lose it.
            self.connection.set_autostart(name, True)

    def _define(self, text: str, former: Optional[DomainState] = None) -> None:
        """Define it, and see whether libvirt keeps what the fragment states; else put things back as they were.

        libvirt leaves elements and attributes out that it doesn't know, and writes others in its own way: the next
        run would define it again, and so on for ever.
        """
        name, wanted = self.request.name, self.request.stated.xml
        self.connection.define(name, text)
        found = self.connection.domain(name) if wanted else None
        if found is None or wanted is None:
            return
        held = self._read(beneath(found)).xml or {}
        lost = next((place for place, value in wanted.items() if held.get(place) != value), None)
        if lost is None:
            return
        self._put_back(former)
        cause = f"libvirt has {held.get(lost) or 'nothing'} at {lost} of option xml, and not {wanted[lost]}"
        hint = "Write it as `virsh dumpxml --inactive` shows it; the domain was put back as it was."
        raise HostError("keep the XML", name, cause, hint, "xml_not_kept")

    def _put_back(self, former: Optional[DomainState]) -> None:
        if former is not None:
            self.connection.define(self.request.name, former.xml)
        if former is None or not former.persistent:
            # A transient domain runs, and keeps its NVRAM.
            self.connection.undefine(self.request.name, keep_nvram=former is not None)

    def _do_define(
        self, before: Definition, definition: Definition, live: Optional[Definition], steps: tuple[Step, ...]
    ) -> None:
        """Change the definition, and the running guest by the steps. live: what it was when they were planned."""
        found = self._found()
        # Edits leave the overlays of snapshots in place.
        below = beneath(found)
        if self._read(below) != before or (steps and self._read_live(below, before) != live):
            raise self._changed_meanwhile()
        if definition != before:
            self._define(xml.edit(found.xml, before, definition, self.request.fragment), found)
        if steps and live is not None:
            undo = (lambda: self._put_back(found)) if definition != before else (lambda: None)
            self._change_running(found, live, steps, undo)

    def _change_running(
        self, found: DomainState, live: Definition, steps: tuple[Step, ...], undo: Callable[[], None]
    ) -> None:
        """found: the domain as it was before its definition was changed, which undo takes back."""
        request, text = self.request, found.live_xml or ""
        wanted = with_macs(request.name, merge(live, request.stated, request.purge))
        running = Running(
            connection=self.connection,
            name=request.name,
            text=text,
            edited=xml.edit(text, live, wanted),
            defined=self._found().xml,
            after=wanted,
            timeout=request.timeout,
        )
        running.carry_out(steps, undo)

    def _changed_meanwhile(self) -> HostError:
        cause = "it was changed, started or stopped by somebody else meanwhile"
        return HostError("change the domain", self.request.name, cause, "Run it again.", "changed_meanwhile")

    def _do_recreate(self, definition: Definition, drop_nvram: bool) -> None:
        found = self._found()
        text = xml.rebuild(found.xml, definition, self.request.fragment)
        # Before anything goes: libvirt may refuse it.
        self._define(text, found)
        if not drop_nvram:
            return
        # libvirt removes the NVRAM of a definition only together with it.
        self.connection.define(found.name, found.xml)
        self.connection.undefine(found.name, keep_nvram=False)
        self.connection.define(found.name, text)
        if found.autostart:
            self.connection.set_autostart(found.name, True)

    def _do_autostart(self, wanted: bool) -> None:
        self.connection.set_autostart(self.request.name, wanted)

    def _do_persist(self) -> None:
        self.connection.define(self.request.name, self._found().xml)

    def _do_start(self, undo: bool, paused: bool) -> None:
        try:
            self.connection.start(self.request.name, paused=paused)
        except HostError as error:
            # Without libvirtd nobody knows whether it started.
            if undo and error.code != LOST:
                error.args = (f"{error} {self._remove_new()}",)
            raise

    def _remove_new(self) -> str:
        """A new domain that can't start is not left behind; its disks are."""
        try:
            self.connection.undefine(self.request.name, keep_nvram=False)
        except HostError as error:
            return f"The new definition stays: {error}"
        return "The new definition was removed again"

    def _do_resume(self) -> None:
        self.connection.resume(self.request.name)

    def _do_pause(self) -> None:
        self.connection.pause(self.request.name)

    def _do_save(self) -> None:
        self.connection.save(self.request.name)

    def _do_stop(self, timeout: int, agent: bool, power_off: bool) -> None:
        self.connection.stop(self.request.name, timeout, agent=agent, power_off=power_off)

    def _do_power_off(self) -> None:
        self.connection.power_off(self.request.name)

    def _do_release(self, held: Lease) -> None:
        dhcp_lease.release(self.connection, held)

    def _do_discard_saved(self) -> None:
        self.connection.discard_saved(self.request.name)

    def _do_undefine(self, keep_nvram: bool) -> None:
        self.connection.undefine(self.request.name, keep_nvram=keep_nvram)

    def _do_remove_file(self, path: str) -> None:
        if path == self.store.guest(self.request.name).directory:
            files.remove_empty(path)
        else:
            files.remove(path)

    def _read(self, below: DomainState) -> Definition:
        return dataclasses.replace(xml.read(below.xml, self.request.fragment), autostart=below.autostart)

    def _read_live(self, below: DomainState, definition: Definition) -> Optional[Definition]:
        """The running guest's definition, or None. What was forwarded since its start only QEMU knows."""
        if below.live_xml is None:
            return None
        live, stated = xml.read(below.live_xml, self.request.fragment), self.request.stated.forwards
        if not live.forwards or stated is None:
            return live
        if definition.forwards == live.forwards == merge(live, self.request.stated, self.request.purge).forwards:
            return live
        return dataclasses.replace(live, forwards=libvirt_live.forwards(self.connection, below.name, NETDEV))

    def _found(self) -> DomainState:
        found = self.connection.domain(self.request.name)
        if found is None:
            raise HostError("change the domain", self.request.name, "it was removed meanwhile", code="no_domain")
        return found

    def _check_files(self, definition: Definition) -> None:
        stated = self.request.stated
        missing = dict.fromkeys(guest_files.missing(used_files(stated, definition)), "does not exist")
        if definition.console_log and not files.exists(os.path.dirname(definition.console_log)):
            cause = f"the directory {os.path.dirname(definition.console_log)} does not exist"
            raise HostError("log the console", self.request.name, cause, "Make the directory first.")
        check_files(stated, definition, missing)


def _foreign_disks(*definitions: Definition) -> tuple[str, ...]:
    """The writable disks that we didn't make: they stay, and what lies over them of snapshots does."""
    disks = [disk for each in definitions for disk in each.disks or () if not disk.readonly]
    sources = dict.fromkeys(disk.source for disk in disks if disk.source)
    return tuple(source for source in sources if not guest_files.is_stamped(source))


def build(params: Mapping[str, Any]) -> DomainResource:
    request = parse_request(params)
    return DomainResource(request, Domains(request.uri))
