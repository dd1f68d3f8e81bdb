# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain SSH into the guests through the generated ssh config, with strict host-key checking."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import testinfra

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRATCH = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
BURROW = Path(os.environ["XDG_DATA_HOME"]) / "burrow"
GiB = 2**30


@dataclass(frozen=True)
class Guest:
    """What the inventory says of a guest, and a connection to it."""

    name: str
    release: str
    firmware: str
    cpus: int
    memory: int
    disk: int
    port: int
    timezone: str
    host: Any = None

    @property
    def pinned_key(self) -> str:
        """The host's public key in known_hosts, as "type base64"."""
        lines = (BURROW / "known_hosts").read_text().splitlines()
        (key,) = {" ".join(line.split()[1:3]) for line in lines if f"burrow-{self.name}" in line.split()[0].split(",")}
        return key


GUESTS = (
    Guest("molecule-efi", "12", "efi", 2, 1536 * 2**20, 24 * GiB, 28222, "Europe/Berlin"),
    Guest("molecule-direct", "13", "direct", 1, GiB, 20 * GiB, 28223, "Asia/Tokyo"),
)


@pytest.fixture(scope="session")
def connections() -> Iterator[dict[str, Any]]:
    """Keep one connection per guest: under emulation each handshake takes a second."""
    with tempfile.TemporaryDirectory(prefix="burrow-") as sockets:
        yield {
            guest.name: testinfra.get_host(
                f"ssh://{guest.name}",
                ssh_config=str(BURROW / "ssh_config"),
                ssh_extra_args="-o BatchMode=yes -o StrictHostKeyChecking=yes",
                controlpath=f"{sockets}/%%C",
            )
            for guest in GUESTS
        }


@pytest.fixture(params=GUESTS, ids=lambda guest: guest.name)
def guest(request: pytest.FixtureRequest, connections: dict[str, Any]) -> Guest:
    """Each guest in turn."""
    return with_host(request.param, connections)


def with_host(guest: Guest, connections: dict[str, Any]) -> Guest:
    """Add the connection."""
    return Guest(**{**guest.__dict__, "host": connections[guest.name]})


def remember(guest: Guest, **facts: str) -> None:
    """Keep facts about a guest for a later step of the scenario."""
    (SCRATCH / f"{guest.name}.json").write_text(json.dumps(facts))


def remembered(guest: Guest) -> dict[str, str]:
    """Read what an earlier step kept."""
    facts: dict[str, str] = json.loads((SCRATCH / f"{guest.name}.json").read_text())
    return facts
