# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots with a libvirt that goes back to external ones by itself (9.9 and later), and with AppArmor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import VIRSH, task

if TYPE_CHECKING:
    from collections.abc import Iterator

DOMAIN = "molecule-snapshot"
DIRECTORY = f"/var/lib/burrow/guests/{DOMAIN}"
ROOT = f"{DIRECTORY}/root.qcow2"
# No operating system: it waits in its firmware, which must not run by the emulated KVM (see inventory/bed.yml).
OPTIONS = {
    "name": DOMAIN,
    "accelerator": "tcg",
    "cpus": 1,
    "memory": "256MiB",
    "firmware": "efi",
    "disks": [{"name": "root", "source": ROOT}],
    "state": "running",
}


def snapshot(name: str, **options: Any) -> dict[str, Any]:
    """Run the module, and expect that it succeeds."""
    result = task("burrow.vm.snapshot", {"domain": DOMAIN, "name": name, **options})
    assert "msg" not in result, result
    return result


def chain(hypervisor: Any) -> list[str]:
    """Follow the disk's files by their headers."""
    top = hypervisor.check_output(f"{VIRSH} domblklist {DOMAIN}").split()[1]
    found = json.loads(hypervisor.check_output(f"qemu-img info -U --backing-chain --output=json {top}"))
    return [image["filename"] for image in found]


@pytest.fixture
def guest(hypervisor: Any) -> Iterator[Any]:
    """A running domain with a disk of ours."""
    task("burrow.vm.disk", {"path": ROOT, "size": "16MiB"})
    made = task("burrow.vm.domain", OPTIONS)
    assert made.get("changed"), made
    yield hypervisor
    task("burrow.vm.domain", {"name": DOMAIN, "state": "absent"})
    assert not hypervisor.file(DIRECTORY).exists


def test_it_is_merged_while_the_guest_runs(guest: Any) -> None:
    snapshot("one", kind="external")
    snapshot("two", kind="external")
    assert chain(guest) == [f"{DIRECTORY}/root.two.qcow2", f"{DIRECTORY}/root.one.qcow2", ROOT]
    assert snapshot("one", state="absent")["changed"]
    assert chain(guest) == [f"{DIRECTORY}/root.two.qcow2", ROOT]
    # libvirt writes the profile anew then, and the disk's file lies below.
    merged_when_stopped(guest, "two")


def test_it_goes_back_and_is_merged_when_apparmor_lets_it(guest: Any) -> None:
    refused = task("burrow.vm.snapshot", {"domain": DOMAIN, "name": "inside", "kind": "internal"})
    assert refused["error"]["path"] == "kind"
    assert snapshot("one", kind="external", memory=True)["snapshot"]["domain_state"] == "running"
    back = snapshot("one", state="reverted", allow_loss=True)
    assert chain(guest) == [f"{DIRECTORY}/root.one.1.qcow2", ROOT]
    assert back["snapshot"]["disks"][0]["file"] == f"{DIRECTORY}/root.one.1.qcow2"
    assert guest.check_output(f"{VIRSH} domstate {DOMAIN}") == "running"
    assert guest.check_output(f"{VIRSH} snapshot-list --name {DOMAIN}").split() == ["one"]

    merged_when_stopped(guest, "one")


def merged_when_stopped(guest: Any, name: str) -> None:
    """AppArmor forbids it while the guest runs. Then nothing is left of it, and the domain is as it was defined."""
    files = chain(guest)
    confined = task("burrow.vm.snapshot", {"domain": DOMAIN, "name": name, "state": "absent"})
    assert confined["error"]["code"] == "confined"
    assert chain(guest) == files
    task("burrow.vm.domain", {"name": DOMAIN, "state": "stopped", "timeout": 1})
    assert snapshot(name, state="absent")["changed"]
    assert chain(guest) == [ROOT]
    assert guest.check_output(f"ls --almost-all {DIRECTORY}").split() == [".root.qcow2.burrow", "root.qcow2"]
    assert guest.check_output(f"{VIRSH} snapshot-list --name {DOMAIN}") == ""
    assert task("burrow.vm.domain", {**OPTIONS, "state": "present"})["changed"] is False
