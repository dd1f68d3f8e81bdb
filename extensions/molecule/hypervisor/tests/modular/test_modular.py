# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's modular daemons in place of libvirtd, which they took over from while the VM was running."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import GUEST, good, inventory_copy, play, task, unchanged
from ..made.test_guests import FORWARD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIBVIRTD = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service"
NEW = "molecule-inner-new"
SHARES = [
    {"source": "/srv/shared", "target": "/mnt/shared"},
    {"source": "/srv/fixed", "target": "/mnt/fixed", "readonly": True},
]


def test_they_answer_and_libvirtd_is_masked(hypervisor: Any) -> None:
    assert hypervisor.run(f"systemctl is-enabled {LIBVIRTD}").stdout.split() == ["masked"] * 4
    assert hypervisor.run("pgrep --exact libvirtd").rc == 1
    direct = "virsh --quiet --connect {}:///system?mode=direct {}"
    assert GUEST in hypervisor.check_output(direct.format("qemu", "list --name")).split()
    assert "burrow" in hypervisor.check_output(direct.format("network", "net-list --name")).split()
    found = task("burrow.vm.preflight", {})["preflight"]
    assert found["host"]["daemon"]["name"] == "virtqemud"
    assert not [check for check in found["checks"] if not check["ok"]]
    # While libvirtd was masked nobody knew the bridge's name.
    assert "BRIDGE" not in hypervisor.check_output("ufw status")


def test_the_vm_that_was_running_lives_on(hypervisor: Any, shared: Any) -> None:
    masked = "$(stat --format %Y /etc/systemd/system/libvirtd.socket)"
    since = int(hypervisor.check_output(f"echo $(($(date +%s) - {masked}))"))
    assert float(shared.check_output("cut -d ' ' -f 1 /proc/uptime")) > since


@pytest.mark.parametrize("book", ["prepare", "up"])
def test_nothing_is_to_be_done(book: str) -> None:
    unchanged(play(book))


def test_shares_forward_and_network_last_and_read_only_holds(hypervisor: Any, shared: Any, beyond: str) -> None:
    shared.check_output("timeout 20 sh -c 'echo modular > /mnt/shared/guest'")
    assert hypervisor.file("/srv/shared/guest").content_string == "modular\n"
    with shared.sudo():
        assert shared.run("mount -o remount,rw /mnt/fixed; touch /mnt/fixed/new").rc != 0
    assert not hypervisor.file("/srv/fixed/new").exists
    assert hypervisor.check_output(f"timeout 20 bash -c '{FORWARD.format('127.0.0.1')}'") == "SSH-2.0-"
    shared.check_output(beyond)


@pytest.fixture
def new(tmp_path: Path) -> Iterator[str]:
    """What the run said that started another VM with shares: whether it boots is not waited for."""
    inventory = inventory_copy(tmp_path, guest=NEW)
    more = {"burrow_shares": SHARES, "burrow_timeout": 1}
    yield play("up", "-e", json.dumps(more), inventory=inventory).stdout
    good(play("destroy", "-e", "burrow_destroy_all=true", inventory=inventory))


def test_virtqemud_lets_the_hook_bind_shares(new: str, hypervisor: Any) -> None:
    """It has a profile of AppArmor's of its own."""
    assert hypervisor.run(f"virsh --connect qemu:///system domstate {NEW}").stdout.strip() == "running", new
    profile = hypervisor.check_output("cat /proc/$(pgrep --exact virtqemud)/attr/current")
    assert profile == "virtqemud (enforce)"
    bound = hypervisor.check_output(f"findmnt --noheadings --list --output TARGET,OPTIONS | grep /shares/{NEW}/")
    assert sorted(line.split()[1].split(",")[0] for line in bound.splitlines()) == ["ro", "rw"]


def test_their_restart_leaves_nothing_to_be_done(hypervisor: Any, shared: Any, beyond: str) -> None:
    hypervisor.check_output("systemctl restart virtqemud virtnetworkd")
    unchanged(play("up"))
    shared.check_output(beyond)
