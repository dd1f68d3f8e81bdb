# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what AppArmor refused (from the journal, auditd's log, or the kernel's own) and what it will refuse."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from .._errors import HostError
from .._model.apparmor import Denial, denials, unwritable
from .process import find, run

_ENABLED = "/sys/module/apparmor/parameters/enabled"
# auditd, where it runs, takes what else the kernel would log.
_AUDIT_LOG = "/var/log/audit/audit.log"
_RULES = "/etc/apparmor.d/libvirt/libvirt-{}.files"
_TAIL = 256 * 1024
# The kernel's log is written a moment before or after the clock was looked at.
_EARLIER = 1.0


def refusals(since: float, guest: str = "") -> tuple[Denial, ...]:
    """What AppArmor refused libvirt since then (seconds of the epoch); guest is a domain's UUID, "" for all.

    None where AppArmor is off or nothing can be read: it explains an error and never makes one.
    """
    if _first_letter(_ENABLED) != "Y":
        return ()
    for lines in (_journal(since), _audit(since), _kernel(since)):
        found = denials(lines, guest)
        if found:
            return found
    return ()


def write_denied(guest: str) -> frozenset[str]:
    """Files that the profile of a running guest forbids to write, whatever is allowed after. guest: a domain's UUID.

    None where AppArmor doesn't confine it: libvirt's virt-aa-helper writes the profile when the guest is started.
    """
    try:
        with open(_RULES.format(guest), encoding="utf-8", errors="replace") as stream:
            return unwritable(stream)
    except OSError:
        return frozenset()


def _first_letter(path: str) -> str:
    try:
        with open(path, encoding="ascii") as stream:
            return stream.read(1)
    except OSError:
        return ""


def _journal(since: float) -> Iterator[str]:
    command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--since=@{since - _EARLIER:.0f}"]
    yield from _output([*command, "_TRANSPORT=kernel", "+", "_TRANSPORT=audit"])


def _audit(since: float) -> Iterator[str]:
    try:
        with open(_AUDIT_LOG, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return
    yield from _since(text.splitlines(), since)


def _kernel(since: float) -> Iterator[str]:
    yield from _since(_output(["dmesg"]), since)


def _since(lines: Iterable[str], since: float) -> Iterator[str]:
    """Those of the kernel's records that are not older: `audit(1700000000.123:45): apparmor="DENIED" ...`."""
    for line in lines:
        stamp = line.partition("audit(")[2].partition(":")[0]
        if stamp.replace(".", "", 1).isdigit() and float(stamp) >= since - _EARLIER:
            yield line


def _output(command: list[str]) -> list[str]:
    if find(command[0]) is None:
        return []
    try:
        output = run(command, operation="read the kernel's log", obj=command[0], timeout=10.0, accepted=(0, 1))
    except HostError:
        return []
    return output.decode("utf-8", "replace").splitlines()
