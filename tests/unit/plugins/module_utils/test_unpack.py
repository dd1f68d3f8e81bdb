# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed images: unpacked while they come, whatever their name says, and within bounds."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import lzma
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import download, files
from ansible_collections.burrow.vm.plugins.module_utils._gateway.download import Download
from ansible_collections.burrow.vm.plugins.module_utils._gateway.unpack import Unpacker, packing
from ansible_collections.burrow.vm.plugins.module_utils._model.checksum import Checksum
from ansible_collections.burrow.vm.plugins.module_utils._model.transfer import Transfer

from .hostile_server import Server, serving

# Some that doesn't pack, a hole, and an end that is no whole block.
CONTENT = random.Random(5).randbytes(700_000) + bytes(6 << 20) + b"end"
PACKED = {
    "xz": lzma.compress(CONTENT),
    "gzip": gzip.compress(CONTENT),
    # As pixz and pigz write it; xz may be padded.
    "xz, in streams": lzma.compress(CONTENT[:500_000]) + bytes(8) + lzma.compress(CONTENT[500_000:]) + bytes(4),
    "gzip, in streams": gzip.compress(CONTENT[:500_000]) + gzip.compress(CONTENT[500_000:]) + bytes(512),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "_PAUSE", 0.001)
    with serving() as instance:
        yield instance


def fetch(place: Path, server: Server, packed: bytes) -> dict[str, str]:
    server.files["/image.qcow2"] = packed
    checksum = Checksum("sha256", hashlib.sha256(packed).hexdigest())
    url = server.address + "/image.qcow2"
    return Download("x", str(place / "incoming"), str(place / "image"), (checksum,)).fetch(url, Transfer()).sums


@pytest.mark.parametrize("kind", PACKED)
def test_unpacked(server: Server, tmp_path: Path, kind: str) -> None:
    sums = fetch(tmp_path, server, PACKED[kind])
    image = tmp_path / "image"
    assert image.read_bytes() == CONTENT
    # The hole is one on the disk, too.
    assert image.stat().st_blocks * 512 < len(CONTENT) // 2
    assert sums["sha512"] == hashlib.sha512(PACKED[kind]).hexdigest()
    assert not (tmp_path / "incoming").exists()


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("size", [1, 7, 65536])
def test_in_blocks_of_any_size(kind: str, size: int) -> None:
    packed, content = PACKED[kind], CONTENT
    if size == 1:
        end = CONTENT[-200_000:]
        packed, content = (lzma.compress(end) if kind.startswith("xz") else gzip.compress(end)) * 2, end * 2
    unpacker = Unpacker(kind.partition(",")[0], "x")
    pieces = [piece for start in range(0, len(packed), size) for piece in unpacker.feed(packed[start : start + size])]
    unpacker.end()
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 1 << 20


def test_a_packed_download_goes_on(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = PACKED["xz"]
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming/download").write_bytes(packed[:300_000])
    note = '{"wanted": "sha256:%s", "validator": "\\"one\\"", "size": %d}'
    (tmp_path / "incoming/note.json").write_text(note % (hashlib.sha256(packed).hexdigest(), len(packed)))
    fetch(tmp_path, server, packed)
    assert (tmp_path / "image").read_bytes() == CONTENT
    assert server.header("range") == ["bytes=300000-"]


@pytest.mark.parametrize("kind", ["xz", "gzip"])
@pytest.mark.parametrize("damage", ["cut", "changed", "trailing"])
def test_damaged(server: Server, tmp_path: Path, kind: str, damage: str) -> None:
    packed = bytearray(PACKED[kind])
    if damage == "cut":
        del packed[-20:]
    elif damage == "changed":
        packed[-9:-1] = b"damaged!"
    else:
        packed += b"something else"
    with pytest.raises(HostError, match=f"the {kind} file is no good") as caught:
        fetch(tmp_path, server, bytes(packed))
    assert caught.value.code == "damaged_image"
    assert not (tmp_path / "incoming").exists()


@pytest.mark.parametrize("kind", ["xz", "gzip"])
def test_a_bomb(server: Server, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LARGEST", 4 << 20)
    with pytest.raises(HostError) as caught:
        fetch(tmp_path, server, PACKED[kind])
    assert (caught.value.code, (tmp_path / "image").stat().st_size <= 4 << 20) == ("too_large", True)
    monkeypatch.setattr(download, "LARGEST", 1 << 38)
    monkeypatch.setattr(download, "_STRIDE", 2 << 20)
    monkeypatch.setattr(files, "free_bytes", lambda path: 1 << 20)
    with pytest.raises(HostError) as caught:
        fetch(tmp_path, server, PACKED[kind])
    assert caught.value.code == "no_space"


def test_memory_is_bounded(server: Server, tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 128 << 20}]
    with pytest.raises(HostError, match="Memory usage limit") as caught:
        fetch(tmp_path, server, lzma.compress(b"x" * 1000, filters=filters))
    assert "smaller dictionary" in caught.value.hint


def test_a_python_that_can_not_unpack_it(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(HostError, match="without module lzma") as caught:
        fetch(tmp_path, server, lzma.compress(CONTENT))
    assert (caught.value.code, "packed by gzip" in caught.value.hint) == ("no_unpacker", True)


@pytest.mark.parametrize(
    ("head", "kind"), [(b"QFI\xfb\0\0", None), (b"", None), (b"\x1f\x8b", None), (b"\xfd7zXZ\0\0", "xz")]
)
def test_what_is_packed(head: bytes, kind: object) -> None:
    assert packing(head) == kind
