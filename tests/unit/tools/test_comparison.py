# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison with community.libvirt judges both alike."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import OPTIONS
from ansible_collections.burrow.vm.tests.bench.comparison import (
    DEFECTS,
    EDITS,
    Case,
    Row,
    Run,
    gone,
    has,
    judge,
    kept,
    same_xml,
    table,
    template,
)

BEFORE = "<domain><uuid>u</uuid><memory>1</memory><devices><interface><mac address='m'/></interface></devices></domain>"
AFTER = BEFORE.replace(">1<", ">2<")
RAISED = has("memory", "2")


def judged(check: Run, real: Run, repeat: Run, **how: Any) -> list[str]:
    runs = {"check": check, "real": real, "repeat": repeat}
    return list(judge(runs, **{"changes": True, "truth": RAISED, **how}).values())


def run(before: str = BEFORE, after: str = BEFORE, *, changed: bool = False, failed: bool = False) -> Run:
    return Run(failed, changed, before, after)


def test_an_edit_as_it_should_be() -> None:
    assert judged(run(changed=True), run(after=AFTER, changed=True), run(AFTER, AFTER)) == ["right"] * 3


@pytest.mark.parametrize(
    ("phase", "wrong", "verdict"),
    [
        ("check", run(), "says unchanged"),
        ("check", run(after=AFTER, changed=True), "changes it"),
        ("check", run(failed=True), "fails"),
        ("real", run(after=AFTER), "says unchanged"),
        ("real", run(changed=True), "wrong result"),
        ("real", run(after=AFTER.replace("'m'", "'n'"), changed=True), "wrong result"),
        ("real", run(after=AFTER, failed=True), "fails midway"),
        ("repeat", run(AFTER, AFTER, changed=True), "says changed"),
        ("repeat", run(AFTER, BEFORE), "changes it"),
    ],
)
def test_an_edit_that_goes_wrong(phase: str, wrong: Run, verdict: str) -> None:
    runs = {"check": run(changed=True), "real": run(after=AFTER, changed=True), "repeat": run(AFTER, AFTER)}
    found = judge({**runs, phase: wrong}, changes=True, truth=RAISED)
    assert found.pop(phase) == verdict
    assert set(found.values()) == {"right"}


def test_nothing_to_do() -> None:
    assert judged(run(), run(), run(), changes=False, truth=kept) == ["right"] * 3
    assert judged(run(changed=True), run(), run(), changes=False, truth=kept)[0] == "says changed"


def test_a_removal() -> None:
    assert judged(run(changed=True), run(after="", changed=True), run("", ""), truth=gone) == ["right"] * 3
    assert judged(run(changed=True), run(changed=True), run(), truth=gone)[1] == "wrong result"


def test_white_space_is_no_difference() -> None:
    assert same_xml(BEFORE, BEFORE.replace("><", ">\n  <"))
    assert not same_xml(BEFORE, AFTER)
    assert not same_xml(BEFORE, "")


def test_what_somebody_else_added_is_kept() -> None:
    watched = BEFORE.replace("<devices>", "<devices><watchdog model='i6300esb'/>")
    assert not kept(watched, BEFORE)
    assert kept(watched, watched)
    assert not kept(BEFORE, BEFORE.replace("<uuid>u</uuid>", ""))


@pytest.mark.parametrize("case", [*DEFECTS, *EDITS], ids=lambda case: case.name)
def test_each_case_can_be_said(case: Case) -> None:
    for said in (case.our_setup, {**case.our_setup, **case.ours}):
        assert ArgumentSpecValidator(OPTIONS).validate({"name": "a", **said}).error_messages == []
    for variables in (case.their_setup, {**case.their_setup, **case.theirs}):
        text = template("a", "/d", **{key: value for key, value in variables.items() if key != "autostart"})
        assert same_xml(text, text)
    assert case.changes == bool({**case.ours})


def test_the_table() -> None:
    right, wrong = (
        dict.fromkeys(("check", "real", "repeat"), "right"),
        {"check": "fails", "real": "right", "repeat": "right"},
    )
    seconds = {"check": 1.0, "real": 2.0, "repeat": 1.5}
    rows = [Row("one", "us", right, seconds), Row("one", "them", wrong, seconds), Row("two", "us", right, seconds)]
    assert table(rows, ("us", "them")).splitlines() == [
        "| | us: check / real / repeat | s | them: check / real / repeat | s |",
        "|---|---|---:|---|---:|",
        "| one | right | 1.5 | fails / right / right | 1.5 |",
        "| two | right | 1.5 | | |",
        "| all | 2 of 2 right | | 0 of 2 right | |",
    ]
