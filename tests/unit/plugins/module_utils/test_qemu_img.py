# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of an image before qemu-img is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import qemu_img
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.image_samples import DATA_FILE, Qcow2


@pytest.fixture(autouse=True)
def no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """qemu-img that leaves a mark and fails."""
    program = tmp_path / "bin/qemu-img"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n>{tmp_path}/asked\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (Qcow2(incompatible=4), "doesn't name"),
        (Qcow2(extensions=((DATA_FILE, b"/etc/shadow"),)), "/etc/shadow"),
        (Qcow2(incompatible=4, extensions=((DATA_FILE, b'json:{"driver": "nbd"}'),)), "nbd"),
    ],
)
def test_an_image_with_data_elsewhere_is_never_shown_to_it(tmp_path: Path, image: Qcow2, says: str) -> None:
    path = tmp_path / "it.qcow2"
    path.write_bytes(image.content())
    found = qemu_img.inspect(str(path))
    assert says in str(found.data_file)
    assert found.virtual_size == 1 << 20
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("image", [Qcow2(), Qcow2(file_size=20), Qcow2(cluster_bits=99)])
def test_any_other_is(tmp_path: Path, image: Qcow2) -> None:
    path = tmp_path / "it.qcow2"
    path.write_bytes(image.content())
    with pytest.raises(HostError):
        qemu_img.inspect(str(path))
    assert (tmp_path / "asked").exists()
