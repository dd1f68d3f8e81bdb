# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that AppArmor keeps from a guest: the run says which, and what allows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import inventory_copy, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Its backing file has neither a place nor a suffix that libvirt's helper may look at.
DISK = "/odd/disk.qcow2"
BACKING = "/odd/backing"
XML = f"""<domain><devices><disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="{DISK}"/>
<target dev="vdz" bus="virtio"/></disk></devices></domain>"""


@pytest.fixture
def odd(hypervisor: Any) -> Iterator[None]:
    hypervisor.check_output(f"mkdir -m 755 /odd; qemu-img create -f qcow2 {BACKING} 1M")
    hypervisor.check_output(f"qemu-img create -f qcow2 -b {BACKING} -F qcow2 {DISK}")
    yield
    hypervisor.check_output("rm -r /odd")


def test_what_it_keeps_from_a_guest_is_named_with_the_line_that_allows_it(odd: None, tmp_path: Path) -> None:
    assert odd is None
    inventory = inventory_copy(tmp_path, guest="molecule-odd")
    refused = play("up", "-e", json.dumps({"burrow_xml": XML}), inventory=inventory)
    play("destroy", "-e", "burrow_destroy_all=true", inventory=inventory)
    assert refused.returncode != 0
    assert "AppArmor does not let" in refused.stdout
    assert BACKING in refused.stdout
    assert '"/odd/**" r' in refused.stdout
    assert "/etc/apparmor.d/local/" in refused.stdout
