# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running guest against its own persistent definition."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_pending import live_differences
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_samples import SAMPLES
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import BEFORE


def found(live: Definition, persistent: Definition) -> dict[str, tuple[object, object]]:
    return {change.path: (change.before, change.after) for change in live_differences(live, persistent)}


@pytest.mark.parametrize("name", SAMPLES)
def test_as_it_was_started(name: str) -> None:
    held = create(parse(SAMPLES[name][1]))
    assert found(held, held) == {}


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"cpus": 4}, {"cpus": (2, 4)}),
        ({"memory": 2 << 30}, {"memory": ("1 GiB", "2 GiB")}),
        ({"console_log": "/c"}, {"console_log": (None, "/c")}),
        ({"iommu": "intel"}, {"iommu": (None, "intel")}),
        ({"forwards": ()}, {"forwards[127.0.0.1:8080]": ({"guest_port": 80}, None)}),
        ({"disks": (dataclasses.replace((BEFORE.disks or ())[0], source="/s"),)}, {"disks[root].source": ("/r", "/s")}),
    ],
)
def test_what_was_changed_since(changed: dict[str, Any], difference: dict[str, tuple[object, object]]) -> None:
    assert found(BEFORE, dataclasses.replace(BEFORE, **changed)) == difference


def test_what_was_taken_away_since() -> None:
    live = dataclasses.replace(BEFORE, console_log="/c", vsock_cid=42)
    assert found(live, BEFORE) == {"console_log": ("/c", None), "vsock.cid": (42, None)}


def test_what_libvirt_filled_in_is_no_difference() -> None:
    disk = (BEFORE.disks or ())[0]
    live = dataclasses.replace(
        BEFORE,
        cpu_mode="custom",
        cpu_model="EPYC",
        cpu_require=("x2apic",),
        cpu_disable=("cx16", "la57"),
        disks=(dataclasses.replace(disk, base="/images/1/image.qcow2"),),
        pcie_root_ports=7,
    )
    assert found(live, dataclasses.replace(BEFORE, cpu_mode="host-model")) == {}


def test_another_model_of_cpu_is_a_difference() -> None:
    live = dataclasses.replace(BEFORE, cpu_mode="custom", cpu_model="EPYC")
    assert found(live, dataclasses.replace(live, cpu_model="Nehalem")) == {"cpu.model": ("EPYC", "Nehalem")}


def test_an_empty_drive_has_no_format_as_it_runs() -> None:
    drive = dataclasses.replace((BEFORE.disks or ())[0], device="cdrom", source=None, format="raw")
    defined = dataclasses.replace(BEFORE, disks=(drive,))
    assert found(dataclasses.replace(BEFORE, disks=(dataclasses.replace(drive, format=None),)), defined) == {}


def test_both_kernel_and_firmware() -> None:
    both = dataclasses.replace(BEFORE, kernel="/k")
    assert both.firmware is not None
    assert found(both, both) == {}
    assert found(both, dataclasses.replace(both, kernel="/l")) == {"kernel.path": ("/k", "/l")}


def test_a_disk_was_taken_away() -> None:
    [change] = live_differences(BEFORE, dataclasses.replace(BEFORE, disks=()))
    assert (change.path, change.after, change.impact) == ("disks[root]", None, "restart")
