# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens on a server besides: daemons end, and others use it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import FOREIGN, GUEST, HYPERVISOR, VIRSH, good, inventory_copy, play, unchanged

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

THEIRS = "molecule-inner-c"


@dataclass(frozen=True)
class Caller:
    """Somebody else who has an inventory."""

    inventory: Path
    data: Path

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


def test_neither_caller_disturbs_the_other(theirs: Caller, hypervisor: Any) -> None:
    # Whether theirs boots is not waited for.
    started = theirs.play("up", "-e", "burrow_timeout=1")
    assert hypervisor.run(f"{VIRSH} domstate {THEIRS}").stdout.strip() == "running", started.stdout
    unchanged(play("up"))
    assert GUEST not in good(theirs.play("status"))
    assert THEIRS not in good(play("status"))
    good(theirs.play("destroy"))
    unchanged(play("up"))
    assert THEIRS not in hypervisor.check_output(f"{VIRSH} list --all --name").split()
