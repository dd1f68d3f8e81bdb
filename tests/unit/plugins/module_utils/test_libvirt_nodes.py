# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a QEMU lets go of that holds a file of which libvirt doesn't know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import libvirt_nodes
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_nodes import Monitor, withdraw

ROOT, FILE = "/x/root.qcow2", "/x/root.a.qcow2"
DEFINITION = f"""<domain><devices><disk><source file='{ROOT}'/><alias name='virtio-disk0'/></disk></devices></domain>"""
PARTS = {"backing": None, "driver": "qcow2", "file": {"driver": "file", "filename": FILE}}
WITH_OPTIONS = f"json:{json.dumps(PARTS)}"


class Qemu(Monitor):
    """nodes: name -> its file; devices: id -> its node; below: node -> the one below it. stuck: node that stays."""

    def __init__(self, nodes: Mapping[str, str], devices: Optional[Mapping[str, str]] = None, **more: Any) -> None:
        super().__init__(Domains("test:///default"), "work")
        self.nodes, self.devices = dict(nodes), dict(devices or {})
        self.below: Mapping[str, str] = more.get("below", {})
        self.stuck: str = more.get("stuck", "")
        self.jobs: list[dict[str, Any]] = []
        self.changes: list[str] = []

    def definition(self) -> ET.Element:
        return ET.fromstring(DEFINITION)

    def ask(self, command: str, **arguments: Any) -> Optional[Any]:
        if command == "query-named-block-nodes":
            drivers = [("file" if "storage" in name else "qcow2", name, file) for name, file in self.nodes.items()]
            return [{"node-name": name, "drv": driver, "file": file} for driver, name, file in drivers]
        if command == "query-block":
            return [
                {
                    "qdev": f"/machine/peripheral/{device}/backend",
                    "inserted": {"node-name": node, "file": self.nodes[node]},
                }
                for device, node in self.devices.items()
            ]
        if command == "query-block-jobs":
            return self.jobs
        self.changes.append(" ".join([command, *map(str, arguments.values())]))
        return self._change(command, arguments)

    def _change(self, command: str, given: Mapping[str, Any]) -> Optional[Any]:
        if command == "blockdev-del":
            if given["node-name"] in (*self.devices.values(), self.stuck):
                return None
            del self.nodes[given["node-name"]]
        elif command == "device_del":
            del self.devices[given["id"]]
        elif command == "block-commit":
            self.jobs = [{"device": given["job-id"], "ready": True}]
        elif command == "block-job-complete":
            self.jobs = []
            self.devices = {device: self.below.get(node, node) for device, node in self.devices.items()}
        else:
            return None
        return {}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirt_nodes, "_POLL", 0)
    monkeypatch.setattr(libvirt_nodes, "_LONGEST", 0.01)


CLOSED = ["job-dismiss create-a", "blockdev-del a", "job-dismiss create-a-storage", "blockdev-del a-storage"]
OTHER = {"root": ROOT, "root-storage": ROOT}


@pytest.mark.parametrize("named", [FILE, WITH_OPTIONS])
def test_a_file_that_no_device_has_is_closed(named: str) -> None:
    qemu = Qemu({**OTHER, "a-storage": FILE, "a": named}, {"virtio-disk0": "root"})
    assert withdraw(qemu, FILE, 1)
    assert qemu.changes == CLOSED
    assert qemu.nodes == OTHER


def test_a_device_that_libvirt_does_not_know_goes() -> None:
    qemu = Qemu({**OTHER, "a-storage": FILE, "a": FILE}, {"virtio-disk0": "root", "scsi0-0-0-1": "a"})
    assert withdraw(qemu, FILE, 1)
    assert qemu.changes == ["device_del scsi0-0-0-1", *CLOSED]
    assert qemu.devices == {"virtio-disk0": "root"}


def test_a_device_that_libvirt_knows_goes_back_to_the_file_below() -> None:
    qemu = Qemu({**OTHER, "a-storage": FILE, "a": FILE}, {"virtio-disk0": "a"}, below={"a": "root"})
    assert withdraw(qemu, FILE, 1)
    assert qemu.changes == ["block-commit burrow-withdraw a", "block-job-complete burrow-withdraw", *CLOSED]
    assert qemu.devices == {"virtio-disk0": "root"}


def test_what_is_not_held_or_is_known_is_left_alone() -> None:
    qemu = Qemu(OTHER, {"virtio-disk0": "root"})
    assert not withdraw(qemu, FILE, 1)
    assert not withdraw(qemu, ROOT, 1)
    assert qemu.changes == []


def test_a_file_that_stays_in_use_is_named() -> None:
    qemu = Qemu({**OTHER, "a": FILE}, stuck="a")
    with pytest.raises(HostError, match="Restart domain work") as caught:
        withdraw(qemu, FILE, 1)
    assert caught.value.code == "in_use"


def test_a_merge_that_does_not_end_is_given_up() -> None:
    qemu = Qemu({**OTHER, "a": FILE}, {"virtio-disk0": "a"})
    with pytest.raises(HostError) as caught:
        withdraw(qemu, FILE, -1)
    assert caught.value.code == "timeout"
    assert qemu.changes == ["block-commit burrow-withdraw a", "block-job-cancel burrow-withdraw"]
