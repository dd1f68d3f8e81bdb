# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens on a server besides: daemons end, and others use it, too."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import FOREIGN, HYPERVISOR, VIRSH, environment, good, inventory_copy, play, unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

THEIRS = "molecule-inner-c"


@dataclass(frozen=True)
class Caller:
    """Somebody else who has an inventory."""

    inventory: Path
    data: Path

    def environment(self) -> dict[str, str]:
        return {**environment(), "XDG_DATA_HOME": str(self.data), "HOME": str(self.data)}

    def play(self, book: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return play(book, *arguments, inventory=self.inventory, XDG_DATA_HOME=str(self.data), HOME=str(self.data))


def test_somebody_elses_vm_is_never_touched(foreign: str, hypervisor: Any) -> None:
    for book in ("up", "down", "destroy", "reset"):
        refused = play(book, "-e", f"burrow_name={FOREIGN}", "-e", f"burrow_hypervisor={HYPERVISOR}")
        assert refused.returncode != 0, book
        assert FOREIGN in refused.stdout
    assert hypervisor.check_output(f"{VIRSH} dumpxml {FOREIGN}") == foreign


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_libvirtd_ends_while_nothing_is_to_be_done(hypervisor: Any, signal: str) -> None:
    hypervisor.check_output(f"systemctl kill --kill-whom=main --signal={signal} libvirtd")
    unchanged(play("up"))


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Caller]:
    """Another caller with an inventory, keys and ssh configuration of its own, and its VM on the same hypervisor."""
    caller = Caller(inventory_copy(tmp_path, guest=THEIRS), tmp_path)
    yield caller
    caller.play("destroy", "-e", "burrow_destroy_all=true")


def test_a_run_whose_libvirtd_was_killed_is_made_good_by_the_next(theirs: Caller, hypervisor: Any) -> None:
    command = ["ansible-playbook", f"--inventory={theirs.inventory}", "burrow.vm.up"]
    with subprocess.Popen(
        command, env=theirs.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        # Between seed and domain.
        hypervisor.check_output(
            f"timeout 120 sh -c 'until [ -e /var/lib/burrow/guests/{THEIRS}/root.qcow2 ]; do sleep 0.2; done'"
        )
        hypervisor.check_output("systemctl kill --kill-whom=main --signal=KILL libvirtd")
        time.sleep(5)
        hypervisor.check_output("systemctl kill --kill-whom=main --signal=TERM libvirtd")
        first.wait(timeout=400)
    good(theirs.play("up"))
    unchanged(theirs.play("up"))
    # Neither caller's VMs are any matter of the other's.
    unchanged(play("up"))
    good(theirs.play("destroy"))
    unchanged(play("up"))
    assert THEIRS not in hypervisor.check_output("virsh --connect qemu:///system list --all --name").split()
