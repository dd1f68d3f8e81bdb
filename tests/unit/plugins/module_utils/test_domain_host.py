# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and huge pages of a host, in directories like its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway import host_devices, host_memory
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_host import lacking

if TYPE_CHECKING:
    from pathlib import Path

USB = (("1-1", "046d", "c52b", "1", "4"), ("1-2", "0627", "0001", "1", "2"), ("2-1", "0627", "0001", "2", "2"))


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"pci": "0000:01:00.0"}, None),
        ({"pci": "0000:02:00.0"}, "in no IOMMU group"),
        ({"pci": "0000:03:00.0"}, "has no PCI device 0000:03:00.0"),
        ({"usb": "046d:c52b"}, None),
        ({"usb": "1/4"}, None),
        ({"usb": "0627:0001"}, "has 2 USB devices 0627:0001"),
        ({"usb": "1/5"}, "has no USB device 1/5"),
    ],
)
def test_devices_are_looked_for_on_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: dict[str, str], words: Optional[str]
) -> None:
    monkeypatch.setattr(host_devices, "_PCI", str(tmp_path / "pci"))
    monkeypatch.setattr(host_devices, "_USB", str(tmp_path / "usb"))
    (tmp_path / "pci/0000:01:00.0/iommu_group").mkdir(parents=True)
    (tmp_path / "pci/0000:02:00.0").mkdir()
    for name, *texts in USB:
        (tmp_path / "usb" / name).mkdir(parents=True)
        for file, text in zip(("idVendor", "idProduct", "busnum", "devnum"), texts):
            (tmp_path / "usb" / name / file).write_text(f"{text}\n")
    wanted = parse({"hostdevs": [stated]}).hostdevs or ()
    found = [problem for problem, _hint in lacking(wanted, wanted).values()]
    assert [words in problem for problem in found if words] == ([] if words is None else [True])
    assert bool(found) == (words is not None)
    # Whoever did not state it may have told libvirt to start without it.
    assert lacking(wanted, ()) == {}


def test_huge_pages_are_found_where_libvirt_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  24 kB\nHugepagesize:       2048 kB\n")
    mounts = (
        f"hugetlbfs {tmp_path} hugetlbfs rw,pagesize=2M 0 0",
        "none /gone hugetlbfs rw 0 0",
        "/dev/x / ext4 rw 0 0",
    )
    (tmp_path / "mounts").write_text("\n".join(mounts) + "\n")
    monkeypatch.setattr(host_memory, "_MEMINFO", str(tmp_path / "meminfo"))
    monkeypatch.setattr(host_memory, "_MOUNTS", str(tmp_path / "mounts"))
    size = os.statvfs(tmp_path).f_bsize
    assert (host_memory.default_page(), host_memory.mounts()) == (2 << 20, {size: False})
    (tmp_path / "libvirt/qemu").mkdir(parents=True)
    assert host_memory.mounts() == {size: True}
    (tmp_path / "meminfo").write_text("MemTotal:  24 kB\n")
    assert host_memory.default_page() == 0


@pytest.mark.parametrize(
    ("capabilities", "limit", "expected"),
    [
        ("000001ffffffffff", "8388608", None),
        ("000001fffeffffff", "8388608", 8 << 20),
        ("000001fffeffffff", "unlimited", None),
        (None, "", None),
    ],
)
def test_what_a_guest_may_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capabilities: Optional[str], limit: str, expected: Optional[int]
) -> None:
    monkeypatch.setattr(host_memory, "_PIDS", (str(tmp_path / "none"), str(tmp_path / "pid")))
    monkeypatch.setattr(host_memory, "_PROCESS", f"{tmp_path}/{{}}-{{}}")
    if capabilities is not None:
        (tmp_path / "pid").write_text("7\n")
        (tmp_path / "7-status").write_text(f"Name:\tlibvirtd\nCapEff:\t{capabilities}\n")
        (tmp_path / "7-limits").write_text(f"Limit Soft Hard Units\nMax locked memory  4096  {limit}  bytes\n")
    assert host_memory.lockable() == expected
