# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look at the publishers: counted, and not failed where nobody can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.burrow.vm.plugins.module_utils._model.catalog import CATALOG, Entry
from ansible_collections.burrow.vm.plugins.module_utils._model.release import ARCHITECTURES
from ansible_collections.burrow.vm.tools import catalog
from ansible_collections.burrow.vm.tools.results import NOT_RUN

if TYPE_CHECKING:
    import pytest

ONE = {"fedora-44": CATALOG["fedora-44"]}


def test_what_is_wrong_is_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    said = iter([("", True), ("gone: 404", True)])
    monkeypatch.setattr(catalog, "problem", lambda *_: next(said))
    assert catalog.main(ONE) == 1
    assert capsys.readouterr().out.splitlines() == [
        "fedora-44 x86_64: ok",
        "fedora-44 aarch64: gone: 404",
        "1 passed, 1 failed",
    ]


def test_nobody_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "problem", lambda *_: ("no route", False))
    assert catalog.main(ONE) == NOT_RUN


def test_an_entry_whose_publisher_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    entry = CATALOG["debian-13"]
    lost = Entry(entry.name, "http://127.0.0.1:1/i", "http://127.0.0.1:1/SUMS", entry.user)
    text, answered = catalog.problem(lost, ARCHITECTURES["x86_64"])
    assert "can't read the list of checksums http://127.0.0.1:1/SUMS" in text
    assert not answered
