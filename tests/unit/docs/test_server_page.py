# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/from-a-laptop-to-a-server.md shows the inventory that scenario hypervisor runs with, and messages that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.plugin_utils import _access

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs/from-a-laptop-to-a-server.md").read_text()
_SAID = PAGE[PAGE.index("| It says |") :].split("\n\n")[0]


def test_its_inventory_is_the_scenarios() -> None:
    inventory = (CHECKOUT / "extensions/molecule/hypervisor/inventory/hosts.yml").read_text()
    assert f"`inventory/hosts.yml`:\n\n```yaml\n{inventory.removeprefix('---').lstrip()}```\n" in PAGE


@pytest.mark.parametrize("said", re.findall(r"(?m)^\| `(.+?)` \|", _SAID))
def test_its_messages_are_said(said: str) -> None:
    assert any(said in text for dummy, text in _access._TROUBLES)
