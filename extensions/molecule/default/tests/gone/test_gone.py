# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after destroy: it is asked, not the collection."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from ..conftest import BURROW, GUESTS, Guest

each = pytest.mark.parametrize("gone", GUESTS, ids=lambda guest: guest.name)


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@each
def test_no_domain_and_no_file_is_left(gone: Guest) -> None:
    assert gone.name not in output("virsh", "--connect", "qemu:///system", "list", "--all", "--name").split()
    places = (
        "/var/lib/burrow/guests",
        "/run/burrow/shares",
        "/etc/libvirt/qemu",
        "/var/lib/libvirt",
        "/run/libvirt/qemu",
    )
    assert not [str(file) for place in places for file in Path(place).rglob(f"*{gone.name}*")]


@each
def test_no_process_is_left(gone: Guest) -> None:
    needles = (f"guest={gone.name},", f"/guests/{gone.name}/", f"/shares/{gone.name}/")
    assert not [line for line in output("ps", "-eo", "args").splitlines() if any(needle in line for needle in needles)]


@each
def test_no_mount_is_left(gone: Guest) -> None:
    assert f"/shares/{gone.name}/" not in Path("/proc/mounts").read_text()


@each
def test_no_lease_is_left(gone: Guest) -> None:
    assert gone.name not in output("virsh", "--connect", "qemu:///system", "net-dhcp-leases", "burrow")


@each
def test_no_ssh_entry_is_left(gone: Guest) -> None:
    for name in ("ssh_config", "known_hosts"):
        file = BURROW / name
        assert not file.exists() or gone.name not in file.read_text()


@each
def test_no_port_is_left_open(gone: Guest) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gone.port), timeout=5)
