# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds: ties what is asked for to the seed, its record and the host key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Optional

from .._diff import RECREATE, RESTART, Change
from .._errors import HostError, SpecError
from .._gateway import fat, files, ssh_keygen
from .._gateway.beside import leftovers, owner
from .._model import seed_files
from .._model.cloud_config import check_other_users
from .._model.paths import DATA, Guest, Store
from .._model.seed import Record, Seed, boot_changes, new_record, parse_seed, record_of, reset_required, updated
from .._model.value import absolute_path, shown
from .._plan import UNKNOWN, Action, Plan


@dataclass(frozen=True)
class State:
    """What is there. image_there: a file at the seed's path, image_whole: it is the one that the record made."""

    path: str
    record: Optional[Record] = None
    host_key: Optional[str] = None
    image_there: bool = False
    image_whole: bool = False
    anything: bool = False
    owner_ids: Mapping[str, int] = field(default_factory=dict)


class CloudInitResource:
    """The seed of one guest. Its record and the host key are in the guest's private directory."""

    def __init__(self, seed: Seed, data: str) -> None:
        self.seed = seed
        self.store = Store(data)
        self.place: Guest = self.store.guest(seed.name)
        self.lock = self.store.lock("guest", seed.name)

    def observe(self) -> State:
        record = record_of(files.read_json(self.place.seed_record))
        path = self.seed.path or (record.path if record else self.place.seed)
        image = files.read(path)
        key = ssh_keygen.read(self.place.host_key)
        shares = self.seed.boot.get("shares") or (record.boot["shares"] if record else [])
        owners = {share["source"]: owner(share["source"]) for share in shares}
        return State(
            path=path,
            record=record,
            host_key=key[1] if key else None,
            image_there=image is not None,
            image_whole=bool(record and image is not None and record.image == hashlib.sha256(image).hexdigest()),
            anything=image is not None or files.exists(self.place.private) or bool(leftovers(path)),
            owner_ids={source: uid for source, uid in owners.items() if uid is not None},
        )

    def plan(self, state: State) -> Plan:
        if state.record and state.record.path != state.path:
            problem = f"the seed of {self.seed.name} is {state.record.path}"
            raise SpecError("path", problem, "Leave `path` out, or remove the seed first.")
        if state.image_there and state.record is None:
            problem = f"{shown(state.path)} was not made by burrow.vm and is not touched"
            raise SpecError("path", problem, "Remove it yourself if it is not needed.", "not_owned")
        if self.seed.state == "absent":
            return plan_absent(self.seed, state)
        if state.record is None or self.seed.state == "reset":
            return plan_new(self.seed, state)
        return plan_update(self.seed, state, state.record)

    def perform(self, action: Action) -> None:
        if action.operation == "remove":
            self._remove(str(action.arguments["path"]))
            return
        for directory in (self.store.data, self.store.guests, self.place.directory):
            files.make_directory(directory)
        files.make_directory(self.place.private, 0o700)
        if action.operation == "make_key":
            ssh_keygen.generate(self.place.host_key, self.seed.name)
        else:
            record = action.arguments["record"]
            if isinstance(record, Record):
                self._write(record)

    def _write(self, record: Record) -> None:
        key = ssh_keygen.read(self.place.host_key)
        if key is None and not record.sealed:
            raise HostError("make the seed", record.path, "the host key is gone")
        record = replace(record, host_key=key[1] if key else record.host_key, image="")
        # The record goes first: it says that the file is ours, and an unfinished file is made again from it.
        self._write_record(record)
        files.make_directory(record.path.rpartition("/")[0] or "/")
        ssh_keygen.clean(self.place.host_key)
        for name in (*leftovers(record.path), *leftovers(self.place.seed_record)):
            files.remove(name)
        contents = seed_files.files(record, None if record.sealed else key)
        fat.write(record.path, seed_files.LABEL, contents)
        digest = hashlib.sha256(files.read(record.path) or b"").hexdigest()
        self._write_record(replace(record, image=digest))

    def _write_record(self, record: Record) -> None:
        # cloud-config and scripts may hold secrets.
        files.write_json(self.place.seed_record, asdict(record), 0o600)

    def _remove(self, path: str) -> None:
        for name in (*leftovers(path), path, self.place.private):
            files.remove(name)
        files.remove_empty(self.place.directory)

    def result(self, state: State, plan: Plan, planned: bool) -> dict[str, object]:
        record, host_key = state.record, state.host_key
        for action in plan.actions if planned else ():
            target = action.arguments.get("record")
            if action.operation == "remove":
                record = host_key = None
            elif action.operation == "make_key":
                host_key = UNKNOWN
            elif isinstance(target, Record):
                record = target
        return {
            "path": state.path,
            "instance_id": record and record.instance_id,
            "host_key": (host_key or record.host_key or None) if record else None,
            "sealed": bool(record and record.sealed),
            "user": record and record.once["user"],
        }


def build(params: Mapping[str, Any]) -> CloudInitResource:
    return CloudInitResource(parse_seed(params), absolute_path(params.get("data") or DATA, "data"))


def plan_absent(seed: Seed, state: State) -> Plan:
    if not state.anything:
        return Plan()
    action = Action("remove", f"remove the seed and the host key of {seed.name}", {"path": state.path})
    return Plan((action,), (Change("path", state.path if state.image_there else None, None, RECREATE),))


def plan_new(seed: Seed, state: State) -> Plan:
    if seed.host_key == "sealed":
        hint = "Leave it out; seal the seed once the guest was ready."
        raise SpecError("host_key", f"{seed.name} has not got its host key yet", hint)
    former = state.record
    record = new_record(seed, state.path, state.owner_ids, former)
    actions = []
    if state.host_key is None:
        actions.append(Action("make_key", f"make an ed25519 host key for {seed.name}"))
    verb = "make anew" if former else "make"
    actions.append(
        Action("write", f"{verb} the seed {state.path}, instance-id {record.instance_id}", {"record": record})
    )
    found = (
        Change("path", former and former.path, state.path, RECREATE),
        Change("instance_id", former and former.instance_id, record.instance_id, RECREATE),
    )
    warnings: tuple[str, ...] = ()
    if not record.once["authorized_keys"]:
        warnings = (f"{seed.name} has no authorized_keys: nobody can log in by ssh.",)
    return Plan(tuple(actions), tuple(change for change in found if change.before != change.after), {}, warnings)


def plan_update(seed: Seed, state: State, record: Record) -> Plan:
    check_other_users(seed.once.get("cloud_config", {}), seed.once.get("user", record.once["user"]))
    target = updated(seed, record)
    if not target.sealed and state.host_key != record.host_key and record.host_key:
        hint = "Restore it from a backup, or begin anew with state reset."
        raise HostError("use the seed", state.path, "the host key it was made with is gone", hint, "host_key_missing")
    options = boot_changes(seed, record)
    reasons = list(options)
    if target.sealed != record.sealed:
        reasons.append("without the host key" if target.sealed else "with the host key")
    if not reasons and not state.image_whole:
        reasons.append("it is missing or damaged")
    waiting = reset_required(seed, record)
    facts: dict[str, object] = {}
    if waiting:
        facts["reset_required"] = waiting
    if options:
        facts["restart_required"] = options
    if not reasons:
        return Plan(facts=facts)
    action = Action("write", f"rewrite the seed {state.path}: {', '.join(reasons)}", {"record": target})
    found = [
        Change(option, _summary(record.boot.get(option)), _summary(target.boot.get(option)), RESTART)
        for option in options
    ]
    if target.sealed != record.sealed:
        found.append(Change("sealed", record.sealed, target.sealed))
    if not found:
        found.append(Change("content", "missing or damaged", "whole"))
    return Plan((action,), tuple(found), facts)


def _summary(value: object) -> object:
    """The value for the diff. A script may hold secrets: only whether it is another one is shown."""
    if isinstance(value, list):
        return [f"{share['tag']} at {share['target']}{' (read-only)' * share['readonly']}" for share in value]
    if isinstance(value, str) and value.startswith("#!"):
        return f"script {hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return value
