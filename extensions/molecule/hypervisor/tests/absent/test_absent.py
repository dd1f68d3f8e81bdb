# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hypervisor becomes an ordinary server again, beside what others have on it. These tests build on each other.

It has run both kinds of libvirt's daemons; the modular ones do now. Without virtstoraged there are no pools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import FOREIGN, GUEST, VIRSH, good, play, unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator

ABSENT = ("-e", "hypervisor_state=absent")
NETWORK = '<network><name>theirs</name><bridge name="theirs0"/></network>'
# What the role made: files, and what it asks libvirt and ufw for.
OURS = (
    "ls /etc/libvirt/hooks/qemu.d/burrow",
    "grep burrow /etc/apparmor.d/local/usr.sbin.libvirtd",
    "grep burrow /etc/apparmor.d/local/usr.sbin.virtqemud",
    "ufw status | grep burrow.vm",
    f"{VIRSH} net-info burrow",
)


@pytest.fixture
def others(foreign: str, hypervisor: Any) -> Iterator[None]:
    """A running VM and a network of somebody else."""
    assert foreign
    hypervisor.check_output(f"echo '{NETWORK}' > /tmp/network.xml && {VIRSH} net-create /tmp/network.xml")
    yield
    hypervisor.run(f"{VIRSH} net-destroy theirs")


def test_it_is_refused_while_there_are_guests(hypervisor: Any) -> None:
    refused = play("prepare", *ABSENT)
    assert refused.returncode != 0
    assert GUEST in refused.stdout
    assert "burrow.vm.destroy" in refused.stdout
    assert all(hypervisor.run(ours).rc == 0 for ours in OURS)


def test_what_the_role_made_goes_and_what_others_made_stays(others: None, hypervisor: Any) -> None:
    assert others is None
    good(play("destroy", "-e", "burrow_destroy_all=true"))
    good(play("prepare", *ABSENT))
    left = [ours for ours in OURS if hypervisor.run(ours).rc == 0]
    assert not left
    assert "22/tcp" in hypervisor.check_output("ufw status")
    assert hypervisor.check_output(f"{VIRSH} list --name") == FOREIGN
    assert "theirs" in hypervisor.check_output(f"{VIRSH} net-list --name")
    unchanged(play("prepare", *ABSENT))
    refused = play("prepare", *ABSENT, "-e", '{"hypervisor_purge": ["packages"]}')
    assert refused.returncode != 0
    assert f"The packages stay: {FOREIGN}" in refused.stdout


def test_images_and_packages_go_when_they_are_named(hypervisor: Any) -> None:
    good(play("prepare", *ABSENT, "-e", '{"hypervisor_purge": ["images", "packages"]}'))
    assert (
        hypervisor.run("dpkg-query --show --showformat '${db:Status-Status}' libvirt-daemon-system").stdout
        != "installed"
    )
    assert hypervisor.run("which qemu-system-x86_64 || which swtpm").rc != 0
    assert not hypervisor.file("/var/lib/burrow/images").exists
