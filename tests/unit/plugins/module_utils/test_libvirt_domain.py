# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How domains are shut down and removed, with a handle in libvirt's place."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains

libvirt = pytest.importorskip("libvirt")

ACPI, AGENT = 1, 2


class Handle:
    """A guest that ends when it is asked in one of these ways."""

    def __init__(self, *hears: int, stuck: bool = False) -> None:
        self.hears, self.stuck = hears, stuck
        self.asked: list[object] = []
        self.number = 1

    def state(self) -> tuple[int, int]:
        return self.number, 0

    def shutdownFlags(self, way: int) -> None:  # noqa: N802 (libvirt's name)
        self.asked.append(way)
        if self.stuck and way == AGENT:
            raise libvirt.libvirtError("the agent is stuck")
        if way in self.hears:
            self.number = 5

    def destroy(self) -> None:
        self.asked.append("destroy")
        self.number = 5

    def undefineFlags(self, flags: int) -> None:  # noqa: N802
        self.asked.append(flags)


def connected(handle: Optional[Handle], monkeypatch: pytest.MonkeyPatch, version: int = 9_000_000) -> Domains:
    connection = Domains("test:///default")
    monkeypatch.setattr(connection, "find_domain", lambda dummy: handle)
    monkeypatch.setattr(connection, "version", lambda: version)
    return connection


@pytest.mark.parametrize(
    ("handle", "agent", "expected"),
    [
        (Handle(ACPI), False, [ACPI]),
        (Handle(AGENT), True, [AGENT]),
        (Handle(ACPI), True, [AGENT, ACPI]),
        (Handle(ACPI, stuck=True), True, [AGENT, ACPI]),
        (Handle(), True, [AGENT, ACPI, "destroy"]),
    ],
)
def test_a_guest_is_asked_before_its_power_is_taken(
    monkeypatch: pytest.MonkeyPatch, handle: Handle, agent: bool, expected: list[object]
) -> None:
    connected(handle, monkeypatch).stop("work", 0.01, agent=agent)
    assert handle.asked == expected


def test_without_consent_a_guest_keeps_its_power(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = Handle()
    with pytest.raises(HostError, match=r"within 0\.02 s, and runs on") as caught:
        connected(handle, monkeypatch).stop("work", 0.01, agent=True, power_off=False)
    assert caught.value.code == "shutdown_timeout"
    assert handle.asked == [AGENT, ACPI]


@pytest.mark.parametrize(
    ("keep", "version", "flags"),
    [
        (False, 9_000_000, 1 + 2 + 4 + 16 + 32),
        (True, 9_000_000, 1 + 2 + 8 + 16 + 64),
        # VIR_DOMAIN_UNDEFINE_TPM is no flag yet.
        (False, 8_000_000, 1 + 2 + 4 + 16),
    ],
)
def test_what_goes_with_a_domain(monkeypatch: pytest.MonkeyPatch, keep: bool, version: int, flags: int) -> None:
    handle = Handle()
    connected(handle, monkeypatch, version).undefine("work", keep_nvram=keep)
    assert handle.asked == [flags]


def test_a_domain_that_vanished_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(None, monkeypatch)
    connection.power_off("work")
    connection.undefine("work", keep_nvram=False)
    gone: Any = pytest.raises(HostError, match="there is none of this name")
    with gone:
        connection.start("work")
