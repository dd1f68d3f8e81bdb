# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others use the server, too."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ..conftest import FOREIGN, HYPERVISOR, VIRSH, good, inventory_copy, play, unchanged

if TYPE_CHECKING:
    from pathlib import Path

THEIRS = "molecule-inner-c"


def test_somebody_elses_vm_is_never_touched(foreign: str, hypervisor: Any) -> None:
    for book in ("up", "down", "destroy", "reset"):
        refused = play(book, "-e", f"burrow_name={FOREIGN}", "-e", f"burrow_hypervisor={HYPERVISOR}")
        assert refused.returncode != 0, book
        assert FOREIGN in refused.stdout
    assert hypervisor.check_output(f"{VIRSH} dumpxml {FOREIGN}") == foreign


def test_neither_of_two_callers_disturbs_the_other(tmp_path: Path, hypervisor: Any, shared: Any) -> None:
    inventory = inventory_copy(tmp_path, guest=THEIRS)
    their = functools.partial(play, inventory=inventory, XDG_DATA_HOME=str(tmp_path), HOME=str(tmp_path))
    state = f"{VIRSH} domstate {THEIRS}"
    # Whether it boots is not waited for.
    started = their("up", "-e", "burrow_timeout=1")
    try:
        assert hypervisor.run(state).stdout.strip() == "running", started.stdout
        unchanged(play("up"))
    finally:
        good(their("destroy", "-e", "burrow_destroy_all=true"))
    assert hypervisor.run(state).rc != 0
    shared.check_output("true")
