# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What QEMU has of a file that libvirt doesn't know of, since a libvirtd ended as it had QEMU open it.

libvirt saves what it knows after QEMU did something, and after a restart gives the same names to what comes next: QEMU
then refuses ("Duplicate nodes"), or its own lock on the file does, until the guest is restarted. So it is taken back by
QEMU's monitor. libvirt marks the guest as tainted by that, which changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Optional
from xml.etree import ElementTree as ET

from .._errors import HostError
from .libvirt import failing
from .libvirt_domain import Domains

_JOB = "burrow-withdraw"
_PERIPHERAL = "/machine/peripheral/"
_JSON = "json:"
_POLL = 0.1
# Seconds that a guest has to let go of a device, and QEMU to end what it does with a file.
_LONGEST = 10.0


class Monitor:
    """QEMU of one running guest. What it refuses is an answer."""

    def __init__(self, connection: Domains, name: str) -> None:
        self.connection = connection
        self.name = name

    def definition(self) -> ET.Element:
        with failing("read the running guest's definition", self.name):
            return ET.fromstring(str(self.connection.domain_handle(self.name).XMLDesc(0)))

    def ask(self, command: str, **arguments: object) -> Optional[Any]:
        """QEMU's answer, or None where it refuses."""
        import libvirt_qemu  # noqa: PLC0415

        text = json.dumps({"execute": command, "arguments": arguments})
        with failing("ask QEMU's monitor", self.name):
            answer = json.loads(libvirt_qemu.qemuMonitorCommand(self.connection.domain_handle(self.name), text, 0))
        return answer.get("return")


def withdraw(monitor: Monitor, path: str, timeout: float) -> bool:
    """Have QEMU let go of a file that the running guest's definition doesn't name. False where there was nothing."""
    root = monitor.definition()
    if path in {source.get("file") for source in root.iter("source")} or not _nodes(monitor, path):
        return False
    known = {alias.get("name", "") for alias in root.iter("alias")}
    for device in _devices(monitor, path):
        if device["id"] in known:
            _go_back(monitor, device, path, time.monotonic() + timeout)
        else:
            monitor.ask("device_del", id=device["id"])
    end = time.monotonic() + _LONGEST
    while _close(monitor, path):
        if time.monotonic() >= end:
            cause = "QEMU uses it, and libvirt doesn't know of it since libvirtd ended meanwhile"
            hint = f"Restart domain {monitor.name}, then run it again."
            raise HostError("close the file", path, cause, hint, "in_use")
        time.sleep(_POLL)
    return True


def _close(monitor: Monitor, path: str) -> list[str]:
    """Have QEMU close the file; which of its nodes are still in use."""
    for node in _nodes(monitor, path):
        # The job that wrote the first bytes of the file keeps it open until somebody takes note of its end.
        monitor.ask("job-dismiss", id=f"create-{node}")
        monitor.ask("blockdev-del", **{"node-name": node})
    return _nodes(monitor, path)


def _nodes(monitor: Monitor, path: str) -> list[str]:
    """Names of the block nodes of that file, those of its format first."""
    found = [node for node in monitor.ask("query-named-block-nodes", flat=True) or () if _file(node) == path]
    return [str(node["node-name"]) for node in sorted(found, key=lambda node: node.get("drv") == "file")]


def _file(node: Mapping[str, Any]) -> str:
    """A node's file. With options that a name can't have, as the explicit lack of a file below, QEMU writes JSON."""
    name = str(node.get("file", ""))
    described = json.loads(name[len(_JSON) :]) if name.startswith(_JSON) else {"filename": name}
    while isinstance(described.get("file"), dict):
        described = described["file"]
    return str(described.get("filename", ""))


def _devices(monitor: Monitor, path: str) -> list[dict[str, str]]:
    """The guest's devices that write into the file: id, and the node that each has."""
    found = []
    for block in monitor.ask("query-block") or ():
        inserted, qdev = block.get("inserted") or {}, str(block.get("qdev", ""))
        if _file(inserted) == path:
            name = qdev[len(_PERIPHERAL) :].partition("/")[0] if qdev.startswith(_PERIPHERAL) else qdev
            found.append({"id": name, "node": str(inserted["node-name"])})
    return found


def _go_back(monitor: Monitor, device: dict[str, str], path: str, end: float) -> None:
    """Have the device write into the file below again, with all that it wrote meanwhile."""
    monitor.ask("block-commit", **{"job-id": _JOB, "device": device["node"]})
    completing = False
    while True:
        job = next((job for job in monitor.ask("query-block-jobs") or () if job.get("device") == _JOB), None)
        if job is None:
            return
        if time.monotonic() >= end:
            monitor.ask("block-job-cancel", device=_JOB)
            raise HostError("merge the file", path, "QEMU didn't end that in time", "Run it again.", "timeout")
        if job.get("ready") and not completing:
            completing = monitor.ask("block-job-complete", device=_JOB) is not None
        time.sleep(_POLL)
