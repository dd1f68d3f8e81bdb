# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has an image open, by QEMU's locks on it."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway import qemu_img

# block/file-posix.c of QEMU: byte 100 + n for each permission held, n being 0 to read consistently and 1 to write.
READ, WRITE = 100, 101


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A raw image, at which qemu-img looks whoever has it open."""

    def run(*_arguments: object, **_options: Any) -> bytes:
        return b'{"virtual-size": 512, "actual-size": 512}'

    monkeypatch.setattr(qemu_img, "run", run)
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(512))
    return path


@pytest.mark.parametrize(("held", "in_use"), [((), False), ((READ,), False), ((READ, WRITE), True)])
def test_a_raw_image_is_in_use_by_who_writes_it(image: Path, held: tuple[int, ...], in_use: bool) -> None:
    with image.open("rb") as holder:
        for byte in held:
            lock = struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, byte, 1, 0)
            fcntl.fcntl(holder, fcntl.F_OFD_SETLK, lock)
        assert qemu_img.inspect(str(image), "raw").in_use is in_use
    assert qemu_img.inspect(str(image), "raw").in_use is False
