# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that rot: found by their bits, moved out of the way, and who is affected is named."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._apply import apply
from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.image_store import ImageStore
from ansible_collections.burrow.vm.plugins.module_utils._model.image import Record
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import Store
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.image import build

DIGEST = "a" * 64
CONTENT = {"image.qcow2": b"image", "vmlinuz": b"kernel", "initrd.img": b"initrd"}
EVERY_SUM = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


@pytest.fixture
def place(tmp_path: Path) -> Store:
    """A store with image work, which is image other as well, and is behind the disks of two guests."""
    place = Store(str(tmp_path))
    for name in ("work", "other"):
        put(place, name)
    for disk in ("web/root.qcow2", "web/snapshots/first.qcow2", "db/root.qcow2"):
        path = tmp_path / "guests" / disk
        path.parent.mkdir(parents=True, exist_ok=True)
        backing = place.image_file(DIGEST).encode()
        path.write_bytes(struct.pack(">4sIQI", b"QFI\xfb", 3, 104, len(backing)).ljust(104, b"\0") + backing)
    return place


def put(place: Store, name: str) -> None:
    store = ImageStore(place)
    directory = store.begin(name)
    for file, content in CONTENT.items():
        Path(directory, file).write_bytes(content)
    store.publish(name, directory, Record(DIGEST, "qcow2", 1 << 30, 5, "x86_64", "file", "/x", cmdline="ro"))
    store.clear(name)


def verify(place: Store, name: str = "work", *, check: bool = False) -> tuple[Plan, dict[str, Any]]:
    resource = build({"name": name, "state": "verified", "data": place.data})
    state = resource.observe()
    plan = resource.plan(state)
    if not check:
        apply(plan, resource)
        state = resource.observe()
    value = resource.result(state, plan, check)
    assert isinstance(value, dict)
    return plan, value


def test_a_whole_image_is_as_it_was(place: Store) -> None:
    plan, image = verify(place)
    assert (plan.actions, plan.warnings) == ((), ())
    assert plan.facts == {"damaged": [], "affected": {"images": [], "guests": []}}
    assert (image["digest"], image["path"]) == (DIGEST, place.image_file(DIGEST))


def test_it_is_noted_what_was_stored(place: Store) -> None:
    record = ImageStore(place).find("work")
    assert record is not None
    assert record.files == EVERY_SUM


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("image.qcow2", b"imago", f"instead of {EVERY_SUM['image.qcow2']}"),
        ("image.qcow2", b"im", "instead of"),
        ("image.qcow2", None, "image.qcow2 is gone"),
        ("vmlinuz", b"karnel", "vmlinuz has the SHA-256"),
        ("record.json", b'{"digest": ', "record.json can't be read"),
    ],
)
def test_one_that_rotted_is_moved_away(place: Store, file: str, content: bytes | None, says: str) -> None:
    path = Path(place.image(DIGEST), file)
    path.chmod(0o644)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    planned, shown = verify(place, check=True)
    assert os.path.isdir(place.image(DIGEST))
    plan, image = verify(place)
    assert (plan, image) == (planned, shown)
    assert image == {"name": "work", "digest": DIGEST}
    assert plan.facts["affected"] == {"images": ["other"], "guests": ["db", "web"]}
    assert [entry["file"] for entry in damaged(plan)] == [file]
    assert says in plan.actions[0].summary
    assert "The disks of db, web are made of it" in plan.warnings[0]
    assert not os.path.exists(place.image(DIGEST))
    assert os.stat(place.quarantine).st_mode & 0o777 == 0o700
    assert os.listdir(place.quarantine) == [DIGEST]
    # Nobody finds it; what is made anew is where the disks look for it.
    assert ImageStore(place).find("work") is None
    assert ImageStore(place).knows("work")
    refused(place, "damaged_image", "not in the store")
    put(place, "work")
    assert verify(place)[0].actions == ()
    assert verify(place, "other")[0].actions == ()


def test_quarantine_takes_one_of_each(place: Store) -> None:
    for _round in range(2):
        os.truncate(place.image_file(DIGEST), 1)
        verify(place)
        put(place, "work")
    assert os.listdir(place.quarantine) == [DIGEST]


def test_a_name_of_nothing_is_no_image(place: Store) -> None:
    refused(place, "invalid", "no image of the store", "never")


def test_what_noted_no_checksums_is_said(place: Store) -> None:
    path = Path(place.image(DIGEST), "record.json")
    path.chmod(0o644)
    path.write_text(json.dumps({**json.loads(path.read_text()), "files": {}}))
    refused(place, "no_checksum", "an earlier version")
    # Had again from its source, it takes the place of the one that nothing is known of.
    put(place, "work")
    assert verify(place)[0].actions == ()


def test_a_build_of_the_same_content_is_left_in_place(place: Store) -> None:
    store = ImageStore(place)
    record = store.find("work")
    assert record is not None
    directory = store.begin("again")
    for file in CONTENT:
        Path(directory, file).write_bytes(b"other")
    store.publish("again", directory, replace(record, source="build", files={}))
    assert store.find("work") == record


def damaged(plan: Plan) -> list[dict[str, str]]:
    found = plan.facts["damaged"]
    assert isinstance(found, list)
    return found


def refused(place: Store, code: str, says: str, name: str = "work") -> None:
    check: Callable[..., object] = verify
    with pytest.raises(BurrowError, match=says) as caught:
        check(place, name)
    assert caught.value.code == code
