# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of the store, read again: as it was stored, or moved out of the way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Callable, Optional

from .._diff import RECREATE, Change
from .._errors import HostError, SpecError
from .._gateway import files, image_care
from .._gateway.image_care import Damage
from .._gateway.image_store import ImageStore
from .._model.image import Record, Request
from .._model.value import shown
from .._plan import Action, Plan

_AGAIN = "Have it with `state: present`."


@dataclass(frozen=True)
class CheckState:
    """images are other names of the same image, guests those whose disks are made of it."""

    digest: str
    record: Optional[Record]
    damage: tuple[Damage, ...] = ()
    images: tuple[str, ...] = ()
    guests: tuple[str, ...] = ()


class ImageCheck:
    """described gives what is returned of a whole image."""

    def __init__(self, request: Request, described: Callable[[Record], dict[str, object]]) -> None:
        self._request = request
        self._store = ImageStore(request.store)
        self._described = described
        self._state: Optional[CheckState] = None

    @property
    def lock(self) -> Optional[str]:
        return self._request.store.lock("image", self._request.name)

    def observe(self) -> CheckState:
        """What was found, once: it takes a while to read, and what was moved can't be read again."""
        if self._state is None:
            self._state = self._look()
        return self._state

    def _look(self) -> CheckState:
        name, store = self._request.name, self._request.store
        digest = self._store.digest(name)
        if digest is None:
            raise SpecError("name", f"{shown(name)} is no image of the store", _AGAIN)
        record = self._store.record(digest)
        if record is None and not files.exists(store.image(digest)):
            hint = f"{_AGAIN} One that had rotted is in {store.quarantine}."
            raise HostError("verify the image", name, "its files are not in the store", hint, "damaged_image")
        if record is not None and not record.files:
            cause = "an earlier version stored it, which noted no checksums of its files"
            raise HostError("verify the image", name, cause, f"Remove it. {_AGAIN}", "no_checksum")
        found = [image_care.no_record()] if record is None else image_care.damage(store, record)
        if not found:
            return CheckState(digest, record)
        images, disks = self._store.names(digest, self._request.name), self._store.disks(digest)
        return CheckState(digest, record, tuple(found), tuple(images), tuple(_guests(disks, store.guests)))

    def plan(self, state: CheckState) -> Plan:
        facts: dict[str, object] = {
            "damaged": [asdict(entry) for entry in state.damage],
            "affected": {"images": list(state.images), "guests": list(state.guests)},
        }
        if not state.damage:
            return Plan(facts=facts)
        name = self._request.name
        action = Action("quarantine", f"quarantine image {name}: {_summary(state.damage)}", {"digest": state.digest})
        change = Change("digest", state.digest, None, RECREATE)
        return Plan((action,), (change,), facts, (_warning(name, state),))

    def perform(self, action: Action) -> None:
        store, digest = self._request.store, str(action.arguments["digest"])
        image_care.quarantine(store, store.image(digest), digest)

    def result(self, state: CheckState, plan: Plan, planned: bool) -> dict[str, object]:  # noqa: ARG002 - the same
        name: dict[str, object] = {"name": self._request.name}
        if plan.changed or state.record is None:
            return {**name, "digest": state.digest}
        return {**name, **self._described(state.record)}


def _guests(disks: list[str], directory: str) -> list[str]:
    return sorted({disk[len(directory) + 1 :].partition("/")[0] for disk in disks})


def _summary(damage: tuple[Damage, ...]) -> str:
    return "; ".join(_sentence(entry) for entry in damage)


def _sentence(entry: Damage) -> str:
    if not entry.expected:
        return f"{entry.file} can't be read"
    if not entry.found:
        return f"{entry.file} is gone, or can't be read"
    return f"{entry.file} has the SHA-256 {entry.found} instead of {entry.expected}"


def _warning(name: str, state: CheckState) -> str:
    """What the damage means, to whom."""
    parts = [f"Image {name} has rotted: {_summary(state.damage)}."]
    if state.images:
        parts.append(f"It is also image {', '.join(state.images)}.")
    if state.guests:
        parts.append(
            f"The disks of {', '.join(state.guests)} are made of it: what runs may read damaged data, and nothing of it"
            " starts until the same image is back (`state: present`, where its source still has it), or the guest"
            " is reset."
        )
    return " ".join(parts)
