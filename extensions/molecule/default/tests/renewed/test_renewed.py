# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest was reset with another cloud-config, the other one was not."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import GUESTS, Guest, remembered, with_host

UNTOUCHED, RESET = GUESTS


@pytest.fixture
def reset(connections: dict[str, Any]) -> Guest:
    return with_host(RESET, connections)


@pytest.fixture
def untouched(connections: dict[str, Any]) -> Guest:
    return with_host(UNTOUCHED, connections)


def test_it_has_a_new_root(reset: Guest) -> None:
    assert not reset.host.file("/home/mole/kept").exists
    assert reset.host.check_output("cat /etc/machine-id") != remembered(reset)["machine"]
    assert reset.host.file("/var/lib/first-boot").content_string == "first\n"
    assert reset.host.file("/var/lib/every-boot").content_string == "every\n"


def test_it_stayed_pinned(reset: Guest) -> None:
    assert reset.pinned_key == remembered(reset)["key"]
    # cloud-init of Debian 12 lets nobody but root read it.
    with reset.host.sudo():
        assert reset.host.check_output("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub") == reset.pinned_key


def test_the_changed_cloud_config_was_applied(reset: Guest) -> None:
    assert reset.host.check_output("readlink -f /etc/localtime").endswith("America/Lima")


def test_the_other_guest_was_left_alone(untouched: Guest) -> None:
    assert untouched.host.check_output("cat ~/kept") == "kept"
    assert untouched.host.file("/var/lib/every-boot").content_string == "every\nevery\n"
