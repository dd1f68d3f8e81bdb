# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks: what is taken, what is refused, and what is planned for what is there."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError, HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.disk import (
    Disk,
    Image,
    check_source,
    creation_size,
    image_format,
    parse_disk,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import Store
from ansible_collections.burrow.vm.plugins.module_utils._model.size import DEFAULT_SIZE, GIB
from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import Overlay
from ansible_collections.burrow.vm.plugins.module_utils._plan import UNKNOWN, Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.disk import (
    State,
    build,
    lock_of,
    plan_absent,
    plan_grow,
    plan_make,
)

PATH = "/x/root.qcow2"
BASE = Image("/x/base.qcow2", "qcow2", 2 * GIB, GIB)
THERE = Image(PATH, "qcow2", 20 * GIB, GIB, backing=BASE.path)
ROOM = 1 << 40
ABOVE = Overlay("work", "a", "burrow.vm", PATH, PATH)


@pytest.mark.parametrize(
    ("params", "path", "words"),
    [
        ({"path": "root.qcow2"}, "path", "not an absolute path"),
        ({"path": "/x/"}, "path", "a directory"),
        ({"path": "/x/a\nb"}, "path", "line break"),
        ({"path": PATH, "size": "20"}, "size", "not a size"),
        ({"path": PATH, "size": "20 gigs"}, "size", "not a size"),
        ({"path": PATH, "size": "1K"}, "size", "too small"),
        ({"path": PATH, "size": "9223372036854775807T"}, "size", "too large"),
        ({"path": PATH, "backing": "/b", "copy_of": "/c"}, "copy_of", "not both"),
        ({"path": PATH, "backing": "/b", "format": "raw"}, "format", "can't have a backing file"),
        ({"path": PATH, "backing": "base.qcow2"}, "backing", "not an absolute path"),
        ({"path": PATH, "copy_of": "/x/../x/root.qcow2"}, "copy_of", "the disk itself"),
        ({"path": PATH, "format": "vmdk"}, "format", "not known"),
    ],
)
def test_bad_input_is_refused(params: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as refusal:
        parse_disk(params)
    assert refusal.value.path == path
    assert refusal.value.hint


def test_paths_are_normalised() -> None:
    assert parse_disk({"path": "/x/../y//root.qcow2", "size": "8gb"}) == Disk("/y/root.qcow2", size=8 * GIB)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"QFI\xfb\0\0\0\3", "qcow2"),
        (b"KDMV\1\0\0\0", "vmdk"),
        (b"vhdxfile", "vhdx"),
        (b"conectix", "vpc"),
        (b"<<< Oracle VM VirtualBox Disk Image >>>", "vdi"),
        (b"\xeb\x63\x90", "raw"),
        (b"", "raw"),
    ],
)
def test_the_format_is_found_by_the_first_bytes(head: bytes, kind: str) -> None:
    assert image_format(head) == kind


@pytest.mark.parametrize(
    ("option", "image", "ours", "words"),
    [
        ("backing", Image("/i", "vmdk", GIB, 1), False, "format vmdk"),
        ("backing", Image("/i", "qcow2", GIB, 1, backing="/etc/shadow"), False, "backing file of its own"),
        ("backing", Image("/i", "qcow2", GIB, 1, backing="/etc/shadow"), True, "backing file of its own"),
        ("copy_of", Image("/i", "qcow2", GIB, 1, backing="/etc/shadow"), False, "backing file of its own"),
        ("copy_of", Image("/i", "qcow2", GIB, 1, data_file="/etc/shadow"), True, "backing file of its own"),
        ("backing", Image("/i", "qcow2", GIB, 1, in_use=True), False, "being written"),
        ("backing", Image("/i", "raw", 0, 0), False, "is empty"),
    ],
)
def test_bad_sources_are_refused(option: str, image: Image, *, ours: bool, words: str) -> None:
    with pytest.raises(SpecError, match=words) as refusal:
        check_source(option, image, ours=ours)
    assert refusal.value.path == option


def test_a_copy_of_our_own_overlay_is_taken() -> None:
    check_source("copy_of", Image("/i", "qcow2", GIB, 1, backing="/base"), ours=True)


@pytest.mark.parametrize(
    ("disk", "source", "existing", "size"),
    [
        (Disk(PATH, backing=BASE.path), BASE, None, DEFAULT_SIZE),
        (Disk(PATH, backing=BASE.path), Image("/b", "raw", 30 * GIB, 1), None, 30 * GIB),
        (Disk(PATH, backing=BASE.path, size=3 * GIB), BASE, None, 3 * GIB),
        (Disk(PATH, copy_of=BASE.path), BASE, None, BASE.virtual_size),
        (Disk(PATH, size=GIB), None, None, GIB),
        (Disk(PATH, state="reset"), BASE, Image(PATH, "qcow2", 40 * GIB, 1), 40 * GIB),
        (Disk(PATH, state="reset"), BASE, Image(PATH, "qcow2", 0, 0), DEFAULT_SIZE),
    ],
)
def test_the_size_of_a_new_disk(disk: Disk, source: Image, existing: Image, size: int) -> None:
    assert creation_size(disk, source, existing) == size


def refusal_of(disk: Disk, state: State, domain: str = "") -> BurrowError:
    with pytest.raises(BurrowError) as refusal:
        planned(disk, state, domain)
    return refusal.value


def planned(disk: Disk, state: State, domain: str = "") -> Plan:
    if disk.state == "absent":
        return plan_absent(disk, state)
    if state.image is None or disk.state == "reset":
        return plan_make(disk, state)
    return plan_grow(disk, state.image, state, domain or None)


@pytest.mark.parametrize(
    ("disk", "state", "code", "words"),
    [
        (Disk(PATH), State(free=ROOM), "invalid", "a blank disk needs one"),
        (
            Disk(PATH, size=GIB, backing=BASE.path),
            State(source=BASE, free=ROOM),
            "invalid",
            "smaller than the 2 GiB of",
        ),
        (Disk(PATH, size=GIB), State(image=THERE, stamped=True), "invalid", "shrinking loses data. Set 20 GiB or more"),
        (Disk(PATH, size=30 * GIB), State(image=Image(PATH, "raw", GIB, 1, in_use=True)), "in_use", "State the domain"),
        (Disk(PATH), State(image=THERE, backing_missing=True), "backing_missing", "/x/base.qcow2 is gone"),
        (Disk(PATH, state="absent"), State(image=THERE), "not_owned", "not made by burrow.vm and is not removed"),
        (Disk(PATH, state="reset"), State(image=THERE, source=BASE), "not_owned", "is not made anew"),
        (
            Disk(PATH, state="absent"),
            State(image=Image(PATH, "raw", GIB, 1, in_use=True), stamped=True),
            "in_use",
            "is in use",
        ),
        (Disk(PATH, copy_of=BASE.path), State(source=BASE, needed=GIB, free=GIB - 1), "no_space", "1023 MiB free"),
        (Disk(PATH, state="absent"), State(image=THERE, stamped=True, above=ABOVE), "in_use", "not removed"),
        (Disk(PATH, state="reset"), State(image=THERE, stamped=True, above=ABOVE), "in_use", "not made anew"),
        (
            Disk(PATH, size=30 * GIB),
            State(image=THERE, stamped=True, above=ABOVE),
            "in_use",
            "snapshot a of domain work",
        ),
    ],
)
def test_a_change_that_can_not_be_is_refused(disk: Disk, state: State, code: str, words: str) -> None:
    refusal = refusal_of(disk, state)
    assert refusal.code == code
    assert words in str(refusal)
    assert refusal.hint


@pytest.mark.parametrize(
    ("disk", "state", "sentences"),
    [
        (Disk(PATH, size=GIB), State(free=ROOM), [f"make {PATH} as a blank disk, 1 GiB"]),
        (
            Disk(PATH, backing=BASE.path),
            State(source=BASE, free=ROOM),
            [f"make {PATH} as an overlay of {BASE.path}, 20 GiB"],
        ),
        (
            Disk(PATH, copy_of=BASE.path),
            State(source=BASE, free=ROOM),
            [f"make {PATH} as a copy of {BASE.path}, 2 GiB"],
        ),
        (Disk(PATH, backing=BASE.path), State(image=THERE, stamped=True), []),
        (Disk(PATH, size=20 * GIB), State(image=THERE), []),
        (Disk(PATH, size=21 * GIB), State(image=THERE), [f"grow the disk {PATH} from 20 GiB to 21 GiB"]),
        (Disk(PATH, state="absent"), State(), []),
        (Disk(PATH, state="absent"), State(leftovers=True), [f"remove what is left of the disk {PATH}"]),
        (Disk(PATH, state="absent"), State(image=THERE, stamped=True), [f"remove the disk {PATH}"]),
        (
            Disk(PATH, state="reset"),
            State(image=THERE, stamped=True, source=BASE, free=ROOM),
            [f"make anew {PATH} as an overlay of {BASE.path}, 20 GiB"],
        ),
        (Disk(PATH, backing=UNKNOWN), State(free=ROOM), [f"make {PATH} as an overlay of {UNKNOWN}, {UNKNOWN}"]),
    ],
)
def test_what_is_planned(disk: Disk, state: State, sentences: list[str]) -> None:
    assert planned(disk, state).sentences() == sentences


def test_another_backing_image_waits_for_a_reset() -> None:
    plan = planned(Disk(PATH, backing="/other", format="raw"), State(image=THERE))
    assert not plan.changed
    assert plan.facts == {"reset_required": ["backing", "format"]}


def test_a_running_domain_grows_its_disk_itself() -> None:
    disk = Disk(PATH, size=30 * GIB)
    plan = planned(disk, State(image=Image(PATH, "qcow2", 20 * GIB, 1, in_use=True)), "work")
    assert plan.actions[0].arguments["running"] is True


def test_a_planned_image_has_no_place_yet() -> None:
    resource = build({"path": PATH, "backing": UNKNOWN, "size": "5GiB"})
    state = State(free=ROOM)
    plan = resource.plan(state)
    assert resource.result(state, plan, planned=True) == {
        "path": PATH,
        "format": "qcow2",
        "virtual_size": 5 * GIB,
        "actual_size": UNKNOWN,
        "backing": UNKNOWN,
        "stamped": True,
    }
    with pytest.raises(SpecError, match="isn't there yet"):
        resource.perform(plan.actions[0])


@pytest.mark.parametrize(
    ("path", "lock"),
    [
        ("/d/guests/work/root.qcow2", "/d/locks/guest-work"),
        ("/d/guests/work/deep/root.qcow2", "/d/locks/guest-work"),
        ("/d/guests/root.qcow2", "/d/locks/disk-"),
        ("/elsewhere/root.qcow2", "/d/locks/disk-"),
    ],
)
def test_the_disks_of_a_guest_share_its_lock(path: str, lock: str) -> None:
    assert lock_of(Store("/d"), path).startswith(lock)


def test_damage_names_the_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    base = tmp_path / "base.qcow2"
    base.write_bytes(b"QFI\xfb")
    program = tmp_path / "qemu-img"
    program.write_text("#!/bin/sh\necho 'qcow2 header too short' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    resource = build({"path": str(tmp_path / "root.qcow2"), "backing": str(base), "data": str(tmp_path)})
    with pytest.raises(SpecError, match="damaged or truncated") as refusal:
        resource.observe()
    assert (refusal.value.path, refusal.value.code) == ("backing", "damaged_image")


def test_a_missing_program_is_no_damage(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "base.qcow2").write_bytes(b"QFI\xfb")
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_options: None)
    resource = build({"path": str(tmp_path / "root.qcow2"), "backing": str(tmp_path / "base.qcow2")})
    with pytest.raises(HostError, match="qemu-img is not installed") as refusal:
        resource.observe()
    assert refusal.value.code == "missing_program"
