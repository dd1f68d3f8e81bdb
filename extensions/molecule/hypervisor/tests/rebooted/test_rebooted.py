# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hypervisor and its VMs after a reboot, which nobody helped with."""

from __future__ import annotations

import time
from typing import Any

from ..conftest import GUEST, play, remembered, ssh, unchanged
from ..made.test_guests import FORWARD


def test_guests_come_back_by_themselves(hypervisor: Any, shared: Any) -> None:
    deadline = time.monotonic() + 300
    while ssh(GUEST, "true", "-o", "ConnectTimeout=10").returncode != 0:
        assert time.monotonic() < deadline, hypervisor.check_output("virsh --connect qemu:///system list --all")
        time.sleep(2)
    boot = "cat /proc/sys/kernel/random/boot_id"
    assert hypervisor.check_output(boot) != remembered(GUEST)["hypervisor"]
    assert shared.check_output(boot) != remembered(GUEST)["boot"]
    assert shared.check_output("cat ~/kept") == "kept"


def test_shares_are_back_and_read_only_where_they_were(shared: Any, hypervisor: Any) -> None:
    shared.check_output("echo again > /mnt/shared/guest")
    assert hypervisor.file("/srv/shared/guest").content_string == "again\n"
    with shared.sudo():
        assert shared.run("mount -o remount,rw /mnt/fixed; touch /mnt/fixed/new").rc != 0
    assert not hypervisor.file("/srv/fixed/new").exists


def test_the_forward_is_back(hypervisor: Any) -> None:
    assert hypervisor.check_output(f"timeout 20 bash -c '{FORWARD.format('127.0.0.1')}'") == "SSH-2.0-"


def test_what_it_sends_is_still_forwarded(shared: Any, beyond: str) -> None:
    shared.check_output(beyond)


def test_its_iommu_is_used(hypervisor: Any) -> None:
    # The option came to its kernel's command line at the first boot.
    assert len(hypervisor.check_output("ls /sys/kernel/iommu_groups").split()) > 1


def test_up_changes_nothing() -> None:
    unchanged(play("up"))
