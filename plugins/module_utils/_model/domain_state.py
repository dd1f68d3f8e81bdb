# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's states of a domain that is waited for: which are its end, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Verdict:
    """Why the guest won't come up, and what helps."""

    cause: str
    hint: str


_START = "Start it again: `virsh start`, or playbook burrow.vm.up."
_QEMU_LOG = "Read QEMU's log."

# virDomainState
_PAUSED, _SHUTOFF, _CRASHED, _SUSPENDED = 3, 5, 6, 7

# By virDomainState and the reason's number, which is another enumeration for each state. None as reason: any other.
_VERDICTS = {
    (_PAUSED, 1): Verdict("it is paused", "Let it go on: `virsh resume`."),
    (_PAUSED, 5): Verdict(
        "it was paused by an error of its disk",
        "The hypervisor's file system is full, as a rule. Make room and `virsh resume`.",
    ),
    (_PAUSED, 6): Verdict("it was paused by its watchdog", "Read the console, then reset it."),
    (_PAUSED, 10): Verdict("it was paused because its kernel panicked", "Read the console, then reset it."),
    (_SHUTOFF, 1): Verdict("it was shut down, or shut itself down", f"Read the console. {_START}"),
    (_SHUTOFF, 2): Verdict("it was powered off", _START),
    (_SHUTOFF, 3): Verdict("QEMU crashed, or was killed", _QEMU_LOG),
    (_SHUTOFF, 6): Verdict("QEMU could not start it", _QEMU_LOG),
    (_SHUTOFF, None): Verdict("it is not running", _START),
    (_CRASHED, None): Verdict("it crashed", f"Read the console. {_QEMU_LOG}"),
    (_SUSPENDED, None): Verdict("it is suspended", "Wake it up: `virsh dompmwakeup`."),
}
_MISSING = Verdict(
    "there is no domain of this name", "Make it first: playbook burrow.vm.up, or module burrow.vm.domain."
)


def judge(state: Optional[tuple[int, int]]) -> Optional[Verdict]:
    """Why nobody needs to wait for the domain any longer, or None. state: libvirt's numbers of state and reason."""
    if state is None:
        return _MISSING
    number, reason = state
    return _VERDICTS.get((number, reason), _VERDICTS.get((number, None)))
