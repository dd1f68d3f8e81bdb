# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/images.md shows the catalog as it is, and messages that exist; so does the module's own documentation."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model import openpgp
from ansible_collections.burrow.vm.plugins.module_utils._model.catalog import CATALOG
from ansible_collections.burrow.vm.plugins.module_utils._model.release import ARCHITECTURES
from ansible_collections.burrow.vm.plugins.module_utils._model.verification import of_entry

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs/images.md").read_text()
MODULE = (CHECKOUT / "plugins/modules/image.py").read_text()


def test_the_catalog_is_the_catalog() -> None:
    rows = re.findall(r"(?m)^\| `(\S+)` \| (\S+) \| (\S+) \| `(\S+)` \| (yes|no) \|$", PAGE)
    expected = []
    for entry in CATALOG.values():
        host = urlsplit(entry.url).hostname
        level = of_entry(entry, ARCHITECTURES["x86_64"]).level
        expected.append((entry.name, host, level, entry.user, "yes" if entry.release else "no"))
    assert rows == expected


@pytest.mark.parametrize("name", CATALOG)
def test_the_module_names_each(name: str) -> None:
    assert f"V({name})" in MODULE


def test_its_fingerprints_are_those_that_count() -> None:
    shown = re.findall(r"`([0-9A-F]{40})`", PAGE)
    assert shown == list(dict.fromkeys(entry.fingerprint for entry in CATALOG.values() if entry.fingerprint))


def test_its_refusals_are_said() -> None:
    said = [*openpgp._PROBLEMS.values(), openpgp._other_key("...", "..."), openpgp._weak("2")]
    table = PAGE[PAGE.index("| It says |") :].split("\n\n")[0]
    rows = re.findall(r"(?m)^\| `(.+?)` \|", table)
    assert set(rows) - {"gpgv is not installed"} <= set(said)
    assert len(rows) > 4
