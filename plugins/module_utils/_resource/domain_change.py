# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries the live steps of a plan out, all or none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Optional

from .._errors import HostError
from .._gateway import libvirt_live as gateway
from .._gateway import libvirt_nodes
from .._gateway.libvirt import LOST, LibvirtError
from .._gateway.libvirt_domain import Domains
from .._model.device_values import Secret
from .._model.domain import Definition
from .._model.domain_desktop import Graphics
from .._model.domain_disks import Disk
from .._xml import domain as xml
from .._xml import live
from .._xml.forwards import GUEST_ADDRESS, NETDEV
from .._xml.metadata import PREFIX
from .._xml.tree import BURROW
from .domain_live import Step

Undo = Callable[[], None]
# As the model has them; libvirt's names have `_sec` at their end.
_LIMITS = ("read_bytes", "write_bytes", "total_bytes", "read_iops", "write_iops", "total_iops")


@dataclass(frozen=True)
class Running:
    """A running guest. text: its definition; edited: what it should become; defined: the persistent one.

    timeout: seconds that the guest has to let go of a device.
    """

    connection: Domains
    name: str
    text: str
    edited: str
    defined: str
    after: Definition
    timeout: float

    def carry_out(self, steps: Sequence[Step], undo_first: Undo) -> None:
        """All steps; when one fails those before it are taken back, and then undo_first is called."""
        undone: list[tuple[str, Undo]] = [("the definition", undo_first)]
        try:
            for step in steps:
                undone.append((step.path, getattr(self, f"_{step.operation}")(step)))
        except HostError as error:
            stays = _take_back(undone)
            end = f"What stays of the changes made before: {', '.join(stays)}" if stays else "The rest is as it was"
            error.args = (f"{str(error).rstrip('.')}. {end}",)
            raise

    def _attach(self, step: Step) -> Undo:
        element = live.new_device(self.edited, step.list, step.key, self.text, self.defined)
        try:
            gateway.attach(self.connection, self.name, element, step.path)
        except LibvirtError as error:
            if error.code == LOST or not self._withdrawn(step):
                raise
            gateway.attach(self.connection, self.name, element, step.path)
        return lambda: self._let_go(step, element)

    def _withdrawn(self, step: Step) -> bool:
        """Whether a libvirtd that ended had begun to attach the disk: then that is taken back."""
        source = step.new.source if isinstance(step.new, Disk) else None
        monitor = libvirt_nodes.Monitor(self.connection, self.name)
        return source is not None and libvirt_nodes.withdraw(monitor, source, self.timeout)

    def _detach(self, step: Step) -> Undo:
        element = live.device(self.text, step.list, step.key) or ""
        self._let_go(step, element)
        return lambda: gateway.attach(self.connection, self.name, element, step.path)

    def _let_go(self, step: Step, element: str) -> None:
        def gone(text: str) -> bool:
            return live.device(text, step.list, step.key) is None

        end = time.monotonic() + self.timeout
        gateway.detach(self.connection, self.name, element, step.path)
        if not gateway.wait_until(self.connection, self.name, gone, max(0, end - time.monotonic())):
            cause = f"the guest didn't let go of it within {self.timeout:g} s, and may do so later"
            hint = "See that its system is up and nothing there uses it, or change it with restart_policy now."
            raise HostError(f"detach {step.path}", self.name, cause, hint, "detach_timeout")

    def _update(self, step: Step) -> Undo:
        former = live.changed_device(self.text, step.list, step.key)
        gateway.update(self.connection, self.name, live.changed_device(self.edited, step.list, step.key), step.path)
        return lambda: gateway.update(self.connection, self.name, former, step.path)

    def _password(self, step: Step) -> Undo:
        element = live.changed_device(self.text, step.list, step.key)

        def write(graphics: Optional[Graphics]) -> None:
            held = None if graphics is None else graphics.password
            password = held.plain if isinstance(held, Secret) else None
            gateway.update(self.connection, self.name, live.with_password(element, password), step.path)

        write(step.new)
        return lambda: write(step.old)

    def _limit(self, step: Step) -> Undo:
        def limit(disk: Disk) -> None:
            limits = {f"{name}_sec": getattr(disk, name) or 0 for name in _LIMITS}
            gateway.limit(self.connection, self.name, step.old.target, limits)

        limit(step.new)
        return lambda: limit(step.old)

    def _cpus(self, step: Step) -> Undo:
        gateway.set_cpus(self.connection, self.name, step.new)
        return lambda: gateway.set_cpus(self.connection, self.name, step.old)

    def _balloon(self, step: Step) -> Undo:
        gateway.set_memory(self.connection, self.name, step.new)

        if not gateway.wait_until(
            self.connection, self.name, lambda text: xml.read(text).memory == step.new, self.timeout
        ):
            with contextlib.suppress(HostError):
                gateway.set_memory(self.connection, self.name, step.old)
            cause = f"the guest's balloon didn't follow within {self.timeout:g} s"
            hint = "See that its system is up and has virtio_balloon, or change it with restart_policy now."
            raise HostError("change memory while it runs", self.name, cause, hint, "balloon_timeout")
        return lambda: gateway.set_memory(self.connection, self.name, step.old)

    def _forward(self, step: Step) -> Undo:
        gateway.forward(self.connection, self.name, NETDEV, step.new, GUEST_ADDRESS)
        return lambda: gateway.unforward(self.connection, self.name, NETDEV, step.new)

    def _unforward(self, step: Step) -> Undo:
        gateway.unforward(self.connection, self.name, NETDEV, step.old)
        return lambda: gateway.forward(self.connection, self.name, NETDEV, step.old, GUEST_ADDRESS)

    def _reforward(self, step: Step) -> Undo:
        back = self._unforward(step)
        try:
            forth = self._forward(step)
        except HostError:
            back()
            raise

        def undo() -> None:
            forth()
            back()

        return undo

    def _note(self, _step: Step) -> Undo:
        former = xml.metadata_element(self.text, xml.read(self.text))
        self._write_note(xml.metadata_element(self.text, self.after))
        return lambda: self._write_note(former)

    def _describe(self, _step: Step) -> Undo:
        former = xml.read(self.text)
        gateway.describe(self.connection, self.name, self.after.title, self.after.description)
        return lambda: gateway.describe(self.connection, self.name, former.title, former.description)

    def _write_note(self, element: str) -> None:
        gateway.set_note(self.connection, self.name, element, PREFIX, BURROW)


def _take_back(undone: Sequence[tuple[str, Undo]]) -> list[str]:
    """What can't be taken back."""
    stays = []
    for what, undo in reversed(undone):
        try:
            undo()
        except HostError:
            stays.append(what)
    return stays
