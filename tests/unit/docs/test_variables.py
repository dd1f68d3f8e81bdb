# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/variables.md is what the model's table says."""

from __future__ import annotations

from ansible_collections.burrow.vm.plugins.module_utils._model.guest_keys import KEYS
from ansible_collections.burrow.vm.tools import variables_doc


def test_the_page_is_current() -> None:
    assert variables_doc.PAGE.read_text() == variables_doc.page(), "run: python -m tools.variables_doc"


def test_every_variable_has_a_row() -> None:
    page = variables_doc.page()
    assert all(f"| `burrow_{key.name}` |" in page for key in KEYS)
