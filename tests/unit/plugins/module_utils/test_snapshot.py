# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: bad input, what a domain can't have, plans."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import snapshot_files as files
from ansible_collections.burrow.vm.plugins.module_utils._gateway.files import write_json
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import stamp
from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import (
    Disk,
    Overlay,
    Snapshot,
    SnapshotDisk,
    lineage,
    memory_path,
    overlay_path,
    parse_request,
    view,
)
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.snapshot_mend import plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.snapshot_state import State
from ansible_collections.burrow.vm.plugins.module_utils._xml.snapshot import Facts

ROOT = Disk("root", "vda", source="/x/root.qcow2", format="qcow2")
RAW = Disk("data", "vdb", source="/x/data.raw")
SEED = Disk("seed", "vdc", source="/x/seed.img", readonly=True)
EMPTY = Disk("sda", "sda")
BLOCK = Disk("vdd", "vdd", type="block", source="block", format="qcow2")
STOPPED = State(
    run_state="stopped", facts=Facts("u", (ROOT, SEED, EMPTY)), paths={"vda": "/x/root.a.qcow2"}, memory_path="/x/w.a"
)
RUNNING = dataclasses.replace(STOPPED, run_state="running", active=True)
INTERNAL = Snapshot("i", "shutoff", "internal", disks=(SnapshotDisk("vda", "internal"),), current=True)


def external(name: str, parent: Optional[str] = None, **changes: Any) -> Snapshot:
    disks = (SnapshotDisk("vda", "external", f"/x/root.{name}.qcow2"),)
    return dataclasses.replace(Snapshot(name, "shutoff", "external", parent=parent, disks=disks), **changes)


def made(name: str, frozen: str, *, merging: bool = False) -> Overlay:
    return Overlay("work", name, "burrow.vm", "/x/root.qcow2", frozen, "qcow2", merging)


# The guest writes into c, on b, on a, on the disk itself.
CHAIN = ("/x/root.c.qcow2", "/x/root.b.qcow2", "/x/root.a.qcow2", "/x/root.qcow2", "/images/debian.qcow2")
CHAINED = State(
    run_state="stopped",
    facts=Facts("u", (dataclasses.replace(ROOT, source=CHAIN[0]),)),
    snapshots=(external("a"), external("b", "a"), external("c", "b", current=True)),
    overlays={CHAIN[index]: made("cba"[index], CHAIN[index + 1]) for index in range(3)},
    chains={"vda": CHAIN},
    existing=frozenset(CHAIN),
    paths={"vda": "/x/root.a.1.qcow2"},
)


def planned(before: State, /, **params: Any) -> Plan:
    return plan(parse_request({"domain": "work", "name": "a", **params}), before)


@pytest.mark.parametrize(
    ("params", "path", "words"),
    [
        ({"name": "a/b"}, "name", "not a valid name"),
        ({"domain": ""}, "domain", "not a valid name"),
        ({"state": "gone"}, "state", "not known"),
        ({"kind": "both"}, "kind", "not known"),
        ({"disks": []}, "disks", "it is empty"),
        ({"disks": ["root", "root"]}, "disks[1]", "there twice"),
        ({"disks": "root"}, "disks", "not a list"),
        ({"description": "a\nb"}, "description", "line break"),
        ({"timeout": 0}, "timeout", "out of range"),
        ({"quiesce": True, "memory": True}, "quiesce", "not quiesced"),
        ({"quiesce": True, "kind": "internal"}, "quiesce", "not quiesced"),
        ({"data": "x"}, "data", "not an absolute path"),
    ],
)
def test_bad_input_is_refused_by_name(params: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_request({"domain": "work", "name": "a", **params})
    assert caught.value.path == path
    assert words in str(caught.value)
    assert caught.value.hint


def having(state: State, *disks: Disk, **facts: Any) -> State:
    return dataclasses.replace(state, facts=Facts("u", disks or state.facts.disks, **facts))


@pytest.mark.parametrize(
    ("state", "params", "path", "code"),
    [
        (State(), {}, "domain", "no_domain"),
        (State(), {"state": "reverted"}, "domain", "no_domain"),
        (dataclasses.replace(STOPPED, persistent=False), {}, "domain", "invalid"),
        (dataclasses.replace(STOPPED, saved=True), {}, "domain", "saved"),
        (dataclasses.replace(RUNNING, pending=("root",)), {}, "domain", "restart_required"),
        (having(STOPPED, SEED), {}, "domain", "invalid"),
        (STOPPED, {"disks": ["seed"]}, "disks[0]", "invalid"),
        (STOPPED, {"disks": ["vda", "other"]}, "disks[1]", "invalid"),
        (STOPPED, {"memory": True}, "memory", "invalid"),
        (STOPPED, {"memory": True, "kind": "external"}, "memory", "invalid"),
        (RUNNING, {"memory": False, "kind": "internal"}, "memory", "invalid"),
        (having(STOPPED, RAW), {"kind": "internal"}, "kind", "invalid"),
        (having(RUNNING, ROOT, RAW), {"kind": "internal", "disks": ["root"]}, "kind", "invalid"),
        (having(RUNNING, ROOT, BLOCK), {"kind": "internal", "disks": ["root"]}, "disks", "invalid"),
        (having(RUNNING, unsaveable=("the virtiofs share code",)), {"kind": "internal"}, "kind", "unsaveable"),
        (
            having(RUNNING, unsaveable=("a pci device of the host",)),
            {"kind": "external", "memory": True},
            "memory",
            "unsaveable",
        ),
        (having(STOPPED, nvram="raw"), {"kind": "internal"}, "kind", "too_old"),
        (
            dataclasses.replace(having(STOPPED, nvram="raw"), version=10_010_000),
            {"kind": "internal"},
            "kind",
            "invalid",
        ),
        (
            dataclasses.replace(having(STOPPED, nvram="qcow2"), version=10_009_000),
            {"kind": "internal"},
            "kind",
            "too_old",
        ),
        (having(STOPPED, BLOCK), {"kind": "external"}, "disks", "invalid"),
        (having(RUNNING, dataclasses.replace(ROOT, job=True)), {"kind": "external"}, "disks", "busy"),
        (RUNNING, {"quiesce": True, "kind": "external"}, "quiesce", "no_agent"),
        (RUNNING, {"quiesce": True}, "quiesce", "no_agent"),
        (dataclasses.replace(STOPPED, snapshots=(INTERNAL,)), {"kind": "external"}, "kind", "mixed"),
        (CHAINED, {"name": "d", "kind": "internal"}, "kind", "mixed"),
        (CHAINED, {"kind": "internal"}, "kind", "exists"),
        (CHAINED, {"memory": True}, "memory", "exists"),
        (CHAINED, {"disks": ["other"]}, "disks", "exists"),
        (STOPPED, {"state": "reverted"}, "name", "no_snapshot"),
        (CHAINED, {"state": "reverted"}, "allow_loss", "loss"),
        (dataclasses.replace(CHAINED, overlays={}), {"state": "absent"}, "name", "not_owned"),
        (dataclasses.replace(CHAINED, overlays={}), {"state": "reverted"}, "name", "not_owned"),
        (dataclasses.replace(CHAINED, chains={"vda": CHAIN[3:]}), {"state": "absent"}, "name", "chain_changed"),
        (dataclasses.replace(CHAINED, chains={"vda": CHAIN[4:]}), {"state": "reverted"}, "name", "chain_changed"),
        (
            dataclasses.replace(CHAINED, chains={"vda": (*CHAIN[:3], CHAIN[4])}),
            {"state": "absent"},
            "name",
            "chain_changed",
        ),
        (
            dataclasses.replace(CHAINED, snapshots=(*CHAINED.snapshots, dataclasses.replace(INTERNAL, parent="c"))),
            {"state": "absent"},
            "name",
            "mixed",
        ),
        (
            dataclasses.replace(CHAINED, snapshots=(*CHAINED.snapshots, INTERNAL)),
            {"state": "reverted"},
            "name",
            "mixed",
        ),
        (
            dataclasses.replace(CHAINED, overlays={**CHAINED.overlays, CHAIN[0]: made("c", "/x/root.qcow2")}),
            {"state": "absent"},
            "name",
            "forked",
        ),
        (
            dataclasses.replace(having(CHAINED, dataclasses.replace(ROOT, source=CHAIN[2], job=True))),
            {"state": "absent"},
            "name",
            "busy",
        ),
    ],
)
def test_what_can_not_be_is_refused_before_anything_changes(
    state: State, params: dict[str, Any], path: str, code: str
) -> None:
    with pytest.raises(SpecError) as caught:
        planned(state, **params)
    assert (caught.value.path, caught.value.code) == (path, code)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("state", "params", "kind", "memory", "quiesce"),
    [
        (STOPPED, {}, "internal", False, False),
        (RUNNING, {}, "internal", True, False),
        (RUNNING, {"memory": False}, "external", False, False),
        (RUNNING, {"kind": "external"}, "external", False, False),
        (RUNNING, {"kind": "external", "memory": True}, "external", True, False),
        (having(RUNNING, agent=True), {"memory": False}, "external", False, True),
        (having(RUNNING, agent=True), {"memory": False, "quiesce": False}, "external", False, False),
        (having(RUNNING, agent=True), {"quiesce": True}, "external", False, True),
        (having(STOPPED, agent=False), {"quiesce": True, "kind": "external"}, "external", False, False),
        (having(STOPPED, nvram="raw"), {}, "external", False, False),
        (having(STOPPED, ROOT, RAW), {}, "external", False, False),
        (having(STOPPED, ROOT, RAW), {"disks": ["root"]}, "internal", False, False),
        (having(RUNNING, unsaveable=("a share",)), {}, "external", False, False),
        (dataclasses.replace(CHAINED, paths={"vda": "/x/root.d.qcow2"}), {"name": "d"}, "external", False, False),
    ],
)
def test_what_a_new_snapshot_is(state: State, params: dict[str, Any], kind: str, memory: bool, quiesce: bool) -> None:
    (action,) = planned(state, **params).actions
    snapshot = action.arguments["snapshot"]
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.kind, snapshot.memory, action.arguments["quiesce"]) == (kind, memory, quiesce)
    assert (snapshot.memory_file is not None) == (memory and kind == "external")
    assert {disk.kind for disk in snapshot.disks} == {kind}


def test_a_snapshot_is_told_before_it_is_made() -> None:
    made_now = planned(having(RUNNING, agent=True), memory=False)
    assert made_now.sentences() == ["make external snapshot a of domain work (disks root, quiesced by the guest agent)"]
    assert made_now.diff() == {
        "before": {"disks.root": "/x/root.qcow2"},
        "after": {"snapshot": "a", "kind": "external", "memory": False, "disks.root": "/x/root.a.qcow2"},
    }


def test_one_that_is_there_stays() -> None:
    assert not planned(CHAINED, kind="external", memory=False, disks=["root"]).changed
    assert planned(CHAINED, description="why").diff() == {"before": {}, "after": {"description": "why"}}


def test_merging_in_the_middle_leaves_the_disk_where_it_is() -> None:
    removal = planned(CHAINED, name="b", state="absent")
    assert removal.sentences() == [
        "merge /x/root.b.qcow2 into /x/root.a.qcow2",
        "remove external snapshot b of domain work with its files (/x/root.b.qcow2)",
    ]
    assert removal.diff() == {"before": {"snapshot": "b"}, "after": {}}
    assert planned(CHAINED, name="c", state="absent").diff() == {
        "before": {"snapshot": "c", "disks.root": "/x/root.c.qcow2"},
        "after": {"disks.root": "/x/root.b.qcow2"},
    }
    assert not planned(CHAINED, name="none", state="absent").changed
    assert not planned(State(), state="absent").changed


def test_a_file_that_apparmor_denies_to_the_running_guest_is_not_merged_into() -> None:
    confined = dataclasses.replace(CHAINED, denied=frozenset({CHAIN[1], CHAIN[2]}))
    with pytest.raises(SpecError, match="AppArmor keeps the running guest from writing") as caught:
        planned(confined, name="b", state="absent")
    assert caught.value.code == "confined"
    assert "Stop the domain first" in caught.value.hint
    assert len(planned(dataclasses.replace(CHAINED, denied=frozenset({"/x/other"})), state="absent").actions) == 2


def test_a_merge_that_was_cut_off_is_ended_and_nothing_else_goes_on_before() -> None:
    cut = dataclasses.replace(CHAINED, overlays={**CHAINED.overlays, CHAIN[1]: made("b", CHAIN[2], merging=True)})
    for name, state in (("b", "present"), ("d", "present"), ("b", "reverted"), ("a", "reverted"), ("c", "absent")):
        with pytest.raises(SpecError) as caught:
            planned(cut, name=name, state=state, allow_loss=True)
        assert caught.value.code == "half_removed"
        assert "b with state absent" in caught.value.hint
    assert len(planned(cut, name="b", state="absent").actions) == 2
    merged = dataclasses.replace(cut, chains={"vda": (CHAIN[0], *CHAIN[2:])})
    assert [action.operation for action in planned(merged, name="b", state="absent").actions] == ["forget"]


def test_going_back_drops_what_is_later() -> None:
    back = planned(dataclasses.replace(CHAINED, active=True, run_state="running"), state="reverted", allow_loss=True)
    assert back.sentences() == [
        "power off domain work",
        "revert domain work to external snapshot a",
        "remove the later snapshot b with its files (/x/root.b.qcow2)",
        "remove the later snapshot c with its files (/x/root.c.qcow2)",
    ]
    with pytest.raises(SpecError) as caught:
        planned(CHAINED, state="reverted")
    for words in ("wrote since", "definition", "snapshot b", "snapshot c"):
        assert words in str(caught.value)


def test_going_back_to_less_disks_is_refused() -> None:
    data = dataclasses.replace(RAW, source="/x/data.b.qcow2")
    both = (SnapshotDisk("vda", "external", CHAIN[1]), SnapshotDisk("vdb", "external", "/x/data.b.qcow2"))
    state = dataclasses.replace(
        having(CHAINED, *CHAINED.facts.disks, data),
        snapshots=(external("a"), external("b", "a", disks=both)),
        overlays={**CHAINED.overlays, "/x/data.b.qcow2": made("b", "/x/data.raw")},
    )
    with pytest.raises(SpecError, match="holds disk data") as caught:
        planned(state, state="reverted", allow_loss=True)
    assert caught.value.code == "more_disks"


def test_going_back_inside_of_a_file() -> None:
    state = dataclasses.replace(RUNNING, snapshots=(dataclasses.replace(INTERNAL, name="a"),), saved=True)
    back = planned(state, state="reverted", allow_loss=True)
    assert [action.operation for action in back.actions] == ["discard_saved", "revert_internal"]
    assert back.diff()["after"] == {"content": "as in snapshot a", "domain_state": "stopped"}


def test_names_of_files() -> None:
    assert overlay_path("/x/root.qcow2", "a.1") == "/x/root.a.1.qcow2"
    assert overlay_path("/x/data.raw", "a", 2) == "/x/data.a.2.qcow2"
    assert memory_path("/x/root.qcow2", "work", "a") == "/x/work.a.memory"
    with pytest.raises(SpecError, match="shorter"):
        overlay_path(f"/x/{'r' * 230}.qcow2", "before")


def test_who_rests_on_whom() -> None:
    assert [item.name for item in lineage(CHAINED.snapshots, "a")] == ["b", "c"]
    assert lineage(CHAINED.snapshots, "c") == ()


def test_how_it_is_shown() -> None:
    shown = view(external("a", created=86400), {"vda": "root"})
    assert shown["created"] == 86400
    assert shown["disks"] == [{"name": "root", "kind": "external", "file": "/x/root.a.qcow2"}]


def test_only_what_is_ours_is_removed(tmp_path: Any) -> None:
    ours, theirs = str(tmp_path / "root.a.qcow2"), str(tmp_path / "root.b.qcow2")
    mark = Overlay("work", "a", "burrow.vm", "/x/root.raw", "/x/root.raw", "raw", True, "raw")
    files.write_stamp(ours, mark)
    for path in (ours, theirs):
        (tmp_path / path).write_text("x")
        files.remove(path)
    assert files.overlay(ours) is None
    assert files.existing([ours, stamp(ours), theirs]) == {theirs}
    files.write_stamp(ours, mark)
    assert files.overlay(ours) == mark


def test_a_name_that_is_taken_is_left(tmp_path: Any) -> None:
    origin = str(tmp_path / "root.qcow2")

    def free(used: tuple[str, ...] = ()) -> str:
        return files.free_path(lambda number: overlay_path(origin, "a", number), "work", used)

    first, second = overlay_path(origin, "a"), overlay_path(origin, "a", 1)
    assert free() == first
    files.write_stamp(first, Overlay("work", "a", "burrow.vm"))
    assert free() == first
    assert free((first,)) == second
    files.write_stamp(first, Overlay("other", "a", "burrow.vm"))
    assert free() == second


def test_what_rests_on_a_disk(tmp_path: Any) -> None:
    root, above = tmp_path / "root.qcow2", tmp_path / "root.a.qcow2"
    mark = Overlay("work", "a", "burrow.vm", str(root), str(root))
    files.write_stamp(str(above), mark)
    assert files.resting_on(str(root)) is None
    above.write_text("")
    assert files.resting_on(str(root)) == mark
    assert files.resting_on(str(above)) is None
    assert files.resting_on("/none/root.qcow2") is None


@pytest.mark.parametrize(("owner", "expected"), [("burrow.vm", "burrow.vm"), (None, "burrow.vm/snapshot")])
def test_an_overlay_goes_with_the_disk_it_is_on(tmp_path: Any, owner: Optional[str], expected: str) -> None:
    disk = str(tmp_path / "root.qcow2")
    if owner:
        write_json(stamp(disk), {"owner": owner})
    assert files.owner_above(disk) == expected
