# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fragments of XML beside options, and what a machine can't have: no libvirt."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_state import State
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import (
    BEFORE,
    STOPPED,
    operations,
    planned,
)

WATCHDOG = "<domain><devices><watchdog model='i6300esb' action='{}'/></devices></domain>"


def observed(text: str, part: str) -> State:
    """A stopped domain that was made of BEFORE, with text laid over it and part looked for."""
    made = xml.build("work", "x86_64", BEFORE, "now", text)
    found = dataclasses.replace(xml.read(made, part), autostart=False)
    return dataclasses.replace(STOPPED, definition=found, text=made)


def test_a_fragment_is_compared_leaf_by_leaf() -> None:
    wanted = WATCHDOG.format("poweroff")
    held = observed(wanted, wanted)
    assert not planned(held, xml=wanted).changed
    found = planned(observed(WATCHDOG.format("reset"), wanted), xml=wanted)
    assert found.sentences() == ["change xml.devices/watchdog@action from reset to poweroff"]
    running = dataclasses.replace(observed(WATCHDOG.format("reset"), wanted), active=True, run_state="running")
    with pytest.raises(SpecError) as caught:
        planned(running, xml=wanted)
    assert (caught.value.code, caught.value.path) == ("restart_required", "xml.devices/watchdog@action")


def test_a_running_guest_may_lack_a_fragment() -> None:
    wanted = WATCHDOG.format("poweroff")
    held = observed(wanted, wanted)
    live = observed(WATCHDOG.format("reset"), wanted).definition
    state = dataclasses.replace(held, live=live, live_text=held.text, active=True, run_state="running")
    assert planned(state, xml=wanted).facts == {"restart_required": ["xml.devices/watchdog@action"]}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"cpus": 2, "xml": "<domain><vcpu>3</vcpu></domain>"}, "contradicts cpus, which is 2, and by the XML 3"),
        (
            {"memory": "1GiB", "xml": "<domain><currentMemory unit='GiB'>2</currentMemory></domain>"},
            "contradicts memory",
        ),
        ({"accelerator": "tcg", "xml": "<domain type='kvm'/>"}, "contradicts accelerator"),
        (
            {
                "cpu": {"disable": ["svm"]},
                "xml": "<domain><cpu><feature policy='require' name='svm'/></cpu></domain>",
            },
            "contradicts cpu.disable",
        ),
        (
            {
                "disks": [{"name": "root", "source": "/r"}],
                "xml": "<domain><devices><disk><serial>root</serial><source file='/x'/></disk></devices></domain>",
            },
            "contradicts disks[root].source",
        ),
        (
            {
                "filesystems": [],
                "purge": ["filesystems"],
                "xml": "<domain><devices><filesystem><target dir='x'/></filesystem></devices></domain>",
            },
            "contradicts filesystems[x]",
        ),
        ({"iommu": "none", "xml": "<domain><devices><iommu model='intel'/></devices></domain>"}, "contradicts iommu"),
        ({"xml": "<domain><vcpu>many</vcpu></domain>"}, "wrong number"),
        ({"xml": "<domain><memory unit='pages'>1</memory></domain>"}, "wrong number or unit"),
    ],
)
@pytest.mark.parametrize("state", [State(), observed("<domain/>", "<domain/>")], ids=["new", "there"])
def test_a_fragment_may_not_contradict_an_option(state: State, params: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=re.escape(words)) as caught:
        planned(state, **params)
    assert caught.value.path == "xml"


def test_a_fragment_says_what_no_option_states() -> None:
    found = planned(State(), xml="<domain><vcpu>3</vcpu></domain>")
    assert found.sentences()[0].startswith("create domain work (3 CPUs")
    assert found.diff()["after"]["cpus"] == 3  # type: ignore[index]
    fragment = "<domain><vcpu>3</vcpu></domain>"
    changed = planned(observed("<domain/>", fragment), xml=fragment)
    assert changed.sentences() == ["change xml.vcpu from 2 to 3"]


def test_a_fragment_of_another_domain() -> None:
    uuid = "<domain><uuid>1b4d1bf3-f358-4397-9616-70da6d5a5d12</uuid></domain>"
    with pytest.raises(SpecError, match="another domain: this one has the UUID u"):
        planned(STOPPED, xml=uuid)
    assert planned(State(), xml=uuid).changed


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"machine": "pc", "iommu": "intel"}, "iommu"),
        ({"machine": "pc", "pcie_root_ports": 4}, "pcie_root_ports"),
        ({"machine": "pc-i440fx-7.2", "pcie_root_ports": 4}, "pcie_root_ports"),
    ],
)
def test_what_a_machine_can_not_have(params: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        planned(State(), **params)
    assert caught.value.path == path
    with pytest.raises(SpecError) as caught:
        planned(STOPPED, **params, allow_recreate=True)
    assert caught.value.path == path


def test_another_machine_has_no_iommu_left() -> None:
    held = dataclasses.replace(STOPPED, definition=dataclasses.replace(BEFORE, iommu="intel"))
    with pytest.raises(SpecError, match="no Intel IOMMU"):
        planned(held, machine="pc", allow_recreate=True)
    assert operations(planned(held, machine="pc", iommu="none", allow_recreate=True)) == ["recreate"]
    # Somebody else's is not looked at.
    assert operations(planned(held, cpus=4)) == ["define"]
