# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls that drop what guests send: named with their remedy, and opened with consent so that it lasts.

libvirt's own rules are in a table of their own here (its nftables backend), which can't overrule another table's drop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import good, play, unchanged, warned

if TYPE_CHECKING:
    from collections.abc import Iterator

BRIDGE = "$(virsh --connect qemu:///system net-info burrow | awk '/^Bridge/ { print $2 }')"
TELL = ("-e", "hypervisor_firewall=tell")


@dataclass(frozen=True)
class Firewall:
    """How a firewall is made to drop, started anew, and ended; remedy is in what is said of it."""

    owner: str
    drops: str
    anew: str
    ends: str
    remedy: str


FIREWALLS = (
    Firewall(
        "ufw",
        f"ufw route delete allow in on {BRIDGE}",
        "ufw reload",
        "true",
        "ufw route allow in on",
    ),
    Firewall(
        "Docker",
        # It drops what is forwarded where nothing was forwarded before it came, as at boot.
        "ufw disable && sysctl --write net.ipv4.ip_forward=0 && systemctl start docker",
        "systemctl restart docker",
        "systemctl stop docker docker.socket containerd; iptables --policy FORWARD ACCEPT; ufw --force enable",
        "DOCKER-USER",
    ),
    # libvirt puts its bridge into a zone by itself, until somebody moves it. The package conflicts with cloud-init: the
    # server needs that no more, but the image that it booted from did.
    Firewall(
        "firewalld",
        "if [ ! -e /usr/sbin/firewalld ]; then apt-get --quiet update; apt-get --quiet --yes install firewalld; fi"
        f" && ufw disable && systemctl start firewalld && firewall-cmd --zone=libvirt --remove-interface={BRIDGE}",
        "systemctl restart firewalld",
        "systemctl disable --now firewalld && ufw --force enable",
        "--zone=libvirt --add-interface=",
    ),
)


@pytest.fixture(params=FIREWALLS, ids=lambda firewall: firewall.owner)
def firewall(request: pytest.FixtureRequest, hypervisor: Any) -> Iterator[Firewall]:
    """One that drops what guests send."""
    found: Firewall = request.param
    hypervisor.check_output(found.drops)
    yield found
    hypervisor.check_output(found.ends)


def test_it_is_named_and_opened_with_consent_for_good(
    firewall: Firewall, hypervisor: Any, shared: Any, beyond: str
) -> None:
    assert shared.run(beyond).rc != 0, f"{firewall.owner} drops nothing"

    told = warned(play("up", *TELL))
    assert f"{firewall.owner} drops forwarded packets" in told
    assert firewall.remedy in told
    assert shared.run(beyond).rc != 0

    # A firewall that was started or reloaded is heard of by libvirt, which then writes its own rules anew.
    again = f"for attempt in 1 2 3 4 5 6; do {beyond} && exit; sleep 1; done; exit 1"
    good(play("prepare"))
    shared.check_output(again)
    hypervisor.check_output(firewall.anew)
    shared.check_output(again)
    unchanged(play("prepare"))
