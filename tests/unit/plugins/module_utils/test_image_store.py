# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of images: whole or not there, shared by digest, never taken from under a guest."""

from __future__ import annotations

import hashlib
import os
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway.image_store import ImageStore
from ansible_collections.burrow.vm.plugins.module_utils._gateway.lock import locked
from ansible_collections.burrow.vm.plugins.module_utils._model.image import Record
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import Store

DIGEST, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def place(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


@pytest.fixture
def store(place: Store) -> ImageStore:
    return ImageStore(place)


def put(store: ImageStore, name: str, digest: str = DIGEST, content: bytes = b"data") -> Record:
    directory = store.begin(name)
    Path(directory, "image.qcow2").write_bytes(content)
    record = Record(digest, "qcow2", 1 << 30, len(content), "x86_64", "file", "/x")
    store.publish(name, directory, record)
    store.clear(name)
    return replace(record, files={"image.qcow2": hashlib.sha256(content).hexdigest()})


def overlay(path: Path, backing: str) -> None:
    """A qcow2 header, as far as it names a backing file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(">4sIQI", b"QFI\xfb", 3, 104, len(backing)).ljust(104, b"\0") + backing.encode())


def entries(place: Store) -> set[str]:
    return set(os.listdir(place.images))


def test_published_is_found_and_closed_to_writing(store: ImageStore, place: Store) -> None:
    record = put(store, "x")
    assert store.find("x") == record
    assert os.stat(store.file(DIGEST, "image.qcow2")).st_mode & 0o777 == 0o444
    assert os.stat(place.image(DIGEST)).st_mode & 0o777 == 0o711
    assert entries(place) == {DIGEST, "names"}


def test_two_names_share_one_directory(store: ImageStore, place: Store) -> None:
    put(store, "x")
    put(store, "y")
    assert entries(place) == {DIGEST, "names"}
    store.forget("x")
    assert store.find("x") is None
    assert store.find("y") is not None
    store.forget("y")
    assert entries(place) == {"names"}


def test_a_name_moved_takes_the_old_image_with_it(store: ImageStore, place: Store) -> None:
    put(store, "x")
    put(store, "x", OTHER)
    assert entries(place) == {OTHER, "names"}


@pytest.mark.parametrize("disk", ["guests/g/root.qcow2", "guests/g/snapshots/first.qcow2"])
def test_an_image_behind_a_disk_stays(store: ImageStore, place: Store, tmp_path: Path, disk: str) -> None:
    put(store, "x")
    overlay(tmp_path / disk, store.file(DIGEST, "image.qcow2"))
    assert store.users(DIGEST, but="x") == [str(tmp_path / disk)]
    store.forget("x")
    assert entries(place) == {DIGEST, "names"}
    assert store.find("x") is None


def test_other_files_are_no_users(store: ImageStore, tmp_path: Path) -> None:
    put(store, "x")
    overlay(tmp_path / "guests/g/root.qcow2", "/elsewhere/image.qcow2")
    (tmp_path / "guests/g/drive-a.qcow2").write_bytes(b"QFI")
    (tmp_path / "guests/g/drive-b.qcow2").write_bytes(b"")
    assert store.users(DIGEST, but="x") == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda store, place: os.truncate(store.file(DIGEST, "image.qcow2"), 1),
        lambda store, place: os.unlink(store.file(DIGEST, "image.qcow2")),
        lambda store, place: Path(store.file(DIGEST, "record.json")).write_bytes(b'{"digest": '),
        lambda store, place: Path(place.image_name("x")).write_bytes(b""),
        lambda store, place: Path(place.image_name("x")).write_bytes(b'{"digest": "../../etc"}'),
    ],
    ids=["short", "gone", "record", "name", "hostile name"],
)
def test_what_is_not_whole_is_not_there_and_is_made_again(store: ImageStore, place: Store, damage: object) -> None:
    assert callable(damage)
    put(store, "x")
    os.chmod(store.file(DIGEST, "image.qcow2"), 0o644)
    os.chmod(store.file(DIGEST, "record.json"), 0o644)
    damage(store, place)
    assert store.find("x") is None
    assert store.knows("x")
    record = put(store, "x")
    assert store.find("x") == record


def test_what_an_ended_run_left_is_swept(store: ImageStore, place: Store) -> None:
    directory = store.begin("x")
    Path(directory, "download").write_bytes(b"half")
    assert os.stat(directory).st_mode & 0o777 == 0o700
    assert store.knows("x")
    assert os.listdir(store.begin("x")) == []
    store.forget("x")
    assert entries(place) == {"names"}
    assert not store.knows("x")


def test_two_images_do_not_sweep_each_other(store: ImageStore) -> None:
    mine = store.begin("x")
    store.begin("x-y")
    store.clear("x-y")
    assert os.path.isdir(mine)


def test_an_unfinished_download_waits_a_week_for_its_next_run(store: ImageStore, place: Store) -> None:
    for name, age in (("old", 8), ("busy", 8), ("new", 6)):
        part = Path(store.incoming(name), "download")
        part.parent.mkdir(parents=True)
        part.write_bytes(b"some")
        for path in (part, part.parent):
            os.utime(path, times=(time.time() - age * 86400,) * 2)
    with locked(place.lock("image", "busy")):
        put(store, "x")
    assert entries(place) == {DIGEST, "names", ".incoming-busy", ".incoming-new"}
    assert store.knows("new")
    store.forget("new")
    assert not store.knows("new")
