# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot that a libvirtd was making when it ended: what is found of it, and what the next run does."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import snapshot_files as files
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import DomainState
from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import (
    Disk,
    Overlay,
    Snapshot,
    SnapshotDisk,
    memory_path,
    overlay_path,
    parse_request,
)
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource import snapshot_left as search
from ansible_collections.burrow.vm.plugins.module_utils._resource.snapshot_mend import plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.snapshot_state import State
from ansible_collections.burrow.vm.plugins.module_utils._xml.snapshot import Facts

ROOT, OVER = "/x/root.qcow2", "/x/root.a.qcow2"
DISKS = (SnapshotDisk("vda", "external", OVER),)
A = Snapshot("a", "disk-snapshot", "external", disks=DISKS, current=True)
MADE = Overlay("work", "a", "burrow.vm", ROOT, ROOT)


def state(source: str, *snapshots: Snapshot, **more: Any) -> State:
    return State(
        run_state="running",
        active=True,
        facts=Facts("u", (Disk("root", "vda", source=source, format="qcow2"),)),
        snapshots=snapshots,
        overlays={OVER: MADE},
        chains={"vda": (OVER, ROOT) if source == OVER else (ROOT,)},
        existing=frozenset({OVER, ROOT}),
        paths={"vda": OVER},
        **more,
    )


UNNOTED = state(OVER, dataclasses.replace(A, noted=False))
HOLLOW = state(ROOT, A, unused=frozenset({OVER}))
LEFT = state(ROOT, left=(OVER,))
PAUSED = dataclasses.replace(state(ROOT), run_state="paused", interrupted=True)


def planned(before: State, /, **params: Any) -> Plan:
    return plan(parse_request({"domain": "work", "name": "a", "kind": "external", **params}), before)


@pytest.mark.parametrize(
    ("before", "params", "operations"),
    [
        (UNNOTED, {}, ["note"]),
        (UNNOTED, {"state": "absent"}, ["merge", "forget"]),
        (HOLLOW, {}, ["undo", "create"]),
        (HOLLOW, {"state": "absent"}, ["undo"]),
        (LEFT, {}, ["create"]),
        (LEFT, {"state": "absent"}, ["discard"]),
        (PAUSED, {}, ["resume", "create"]),
        (PAUSED, {"kind": "internal"}, ["resume", "create"]),
        (PAUSED, {"state": "absent"}, ["resume"]),
        (state(ROOT), {}, ["create"]),
        (state(ROOT), {"state": "absent"}, []),
    ],
)
def test_what_was_begun_is_ended_or_taken_back(before: State, params: dict[str, Any], operations: list[str]) -> None:
    assert [action.operation for action in planned(before, **params).actions] == operations


def test_a_guest_that_was_paused_is_kept_running() -> None:
    snapshot: Any = planned(PAUSED, kind="internal").actions[1].arguments["snapshot"]
    assert snapshot.state == "running"


def test_what_was_made_is_noted_as_it_is_asked_for() -> None:
    snapshot: Any = planned(UNNOTED, description="b").actions[0].arguments["snapshot"]
    assert (snapshot.name, snapshot.disks, snapshot.description) == ("a", DISKS, "b")
    with pytest.raises(SpecError) as caught:
        planned(UNNOTED, memory=True)
    assert caught.value.code == "exists"


@pytest.mark.parametrize("params", [{"name": "b"}, {"state": "reverted", "allow_loss": True}])
def test_nothing_goes_on_before_it_is_noted(params: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        planned(UNNOTED, **params)
    assert caught.value.code == "half_made"


def test_what_holds_something_is_not_taken_back() -> None:
    with pytest.raises(SpecError) as caught:
        planned(state(ROOT, A), state="absent")
    assert caught.value.code == "chain_changed"
    later = dataclasses.replace(A, name="b", parent="a")
    with pytest.raises(SpecError):
        planned(dataclasses.replace(HOLLOW, snapshots=(A, later)), state="absent")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A disk whose file is an overlay with our stamp, and its memory beside it."""
    origin = str(tmp_path / "root.qcow2")
    over = overlay_path(origin, "a")
    for path in (over, memory_path(origin, "work", "a")):
        Path(path).write_text("")
        files.write_stamp(path, Overlay("work", "a", "burrow.vm", origin, origin))
    return Disk("root", "vda", source=over, format="qcow2")


FOUND = DomainState("work", "u", "running", "")


def test_a_snapshot_that_libvirt_does_not_know_is_found_by_its_files(disk: Disk) -> None:
    parent = Snapshot("p", "shutoff", "external", current=True)
    (found,) = search.unnoted("work", FOUND, (disk,), (parent,))
    assert (found.name, found.noted, found.parent, found.kind, found.memory) == ("a", False, "p", "external", True)
    assert found.disks == (SnapshotDisk("vda", "external", disk.source),)
    assert found.created > 0
    Path(found.memory_file or "").unlink()
    (found,) = search.unnoted("work", FOUND, (disk,), ())
    assert (found.memory, found.state) == (False, "disk-snapshot")


def test_one_that_it_knows_and_one_of_another_domain_are_not(disk: Disk) -> None:
    assert search.unnoted("work", FOUND, (disk,), (A,)) == ()
    assert search.unnoted("other", FOUND, (disk,), ()) == ()


def test_files_that_are_no_snapshots(disk: Disk, tmp_path: Path) -> None:
    below = dataclasses.replace(disk, source=str(tmp_path / "root.qcow2"))
    memory = str(tmp_path / "work.a.memory")
    assert search.left("work", "a", (below,), ()) == (disk.source, memory)
    assert search.left("work", "a", (below,), (disk.source or "",)) == (memory,)
    assert search.left("work", "b", (below,), ()) == ()


def test_a_file_that_is_in_no_chain_and_holds_nothing(disk: Disk) -> None:
    over = disk.source or ""
    made = files.overlay(over)
    assert made is not None
    item = dataclasses.replace(A, disks=(SnapshotDisk("vda", "external", over),))
    found = State(snapshots=(item,), overlays={over: made}, chains={"vda": (made.frozen,)})
    assert search.unused(found) == {over}
    assert search.unused(dataclasses.replace(found, chains={"vda": (over, made.frozen)})) == frozenset()
    merging = {over: dataclasses.replace(made, merging=True)}
    assert search.unused(dataclasses.replace(found, overlays=merging)) == frozenset()


@pytest.mark.skipif(shutil.which("qemu-io") is None, reason="qemu-img makes the files")
def test_only_what_was_never_written_is_blank(tmp_path: Path) -> None:
    below, over = str(tmp_path / "a.qcow2"), str(tmp_path / "b.qcow2")

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    run("qemu-img", "create", "-q", "-f", "qcow2", below, "1M")
    run("qemu-io", "-f", "qcow2", "-c", "write 0 64k", below)
    files.make_overlay(over, below, "qcow2")
    assert files.is_blank(over)
    run("qemu-io", "-f", "qcow2", "-c", "write -z 0 64k", over)
    assert not files.is_blank(over)
    assert files.is_blank(str(tmp_path / "none"))
