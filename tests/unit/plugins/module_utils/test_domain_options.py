# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain in the words of module `domain`: what comes out goes in again, and changes nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_devices import LISTS
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_disks import Disk
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_interfaces import Interface
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, facets, merge
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_options import as_options
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import OPTIONS, parse_request
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_samples import SAMPLES


def taken(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters that a module makes of its options."""
    result = ArgumentSpecValidator(OPTIONS, mutually_exclusive=[("firmware", "kernel")]).validate(given)
    assert result.error_messages == []
    return dict(result.validated_parameters)


@pytest.mark.parametrize("name", SAMPLES)
def test_it_changes_nothing(name: str) -> None:
    held = dataclasses.replace(create(parse(SAMPLES[name][1])), autostart=True, xml=None)
    given = as_options("work", held)
    stated = parse_request(taken(given)).stated
    assert facets(merge(held, stated, LISTS)) == facets(held)


@pytest.mark.parametrize("name", SAMPLES)
def test_it_says_all(name: str) -> None:
    """save for where a share led to, which is found out anew, and for passwords."""
    held = dataclasses.replace(create(parse(SAMPLES[name][1])), xml=None)
    stated = parse_request(taken(as_options("work", held))).stated
    said, known = facets(create(stated)), facets(held)
    for entry in [*said.values(), *known.values()]:
        if isinstance(entry, dict):
            entry.pop("real", None)
            entry.pop("password", None)
    assert said == known


def test_what_no_option_can_say_is_left_out() -> None:
    foreign = Definition(
        cpus=2,
        # Below what a new guest may have.
        memory=1 << 20,
        accelerator="xen",
        cpu_mode="weird",
        firmware="efi",
        kernel="/k",
        disks=(
            Disk("sda", None, "raw", readonly=False, bus="virtio", read_bytes=1000),
            Disk("bad\nname", "/x"),
        ),
        interfaces=(Interface("vhostuser", None, "52:54:00:00:00:01", "weird"), Interface(mac="not one")),
    )
    given = as_options("work", foreign)
    assert given == {
        **{listed: [] for listed in LISTS},
        "name": "work",
        "cpus": 2,
        "kernel": {"path": "/k"},
        "disks": [{"name": "sda", "readonly": False, "bus": "virtio"}],
        "interfaces": [{"mac": "52:54:00:00:00:01"}],
    }
    stated = parse_request(taken(given)).stated
    assert merge(foreign, stated).interfaces == foreign.interfaces


def test_what_may_not_be_stated_together_is_stated_once() -> None:
    disks = (Disk("a", "/x"), Disk("b", "/x"), Disk("c", "/z"))
    assert [disk["name"] for disk in as_options("work", Definition(disks=disks))["disks"]] == ["a", "c"]


def test_sizes_carry_their_unit() -> None:
    assert as_options("work", Definition(memory=8 << 30))["memory"] == "8 GiB"
