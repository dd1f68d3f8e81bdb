# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that virt-install 4.1 made and libvirt 9.0 keeps (without root ports): read, stated again, changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.device_rules import check_devices
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_devices import ITEMS, LISTS
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import facets, merge
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_options import as_options
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml

ADOPTED = {file.stem: file.read_text() for file in sorted((Path(__file__).parent / "golden/adopted").glob("*.xml"))}


def elements(text: str) -> list[str]:
    """Each element without those in it, and without the white space that says nothing."""
    found = []
    for element in ET.fromstring(text).iter():
        found.append(f"{element.tag} {sorted(element.attrib.items())} {(element.text or '').strip()}")
    return sorted(found)


def given(name: str) -> dict[str, Any]:
    """All that our options can say of it."""
    return {key: entry for key, entry in as_options("work", xml.read(ADOPTED[name])).items() if key != "name"}


def edited(name: str, params: dict[str, Any]) -> str:
    before = xml.read(ADOPTED[name])
    stated = parse(params)
    after = merge(before, stated)
    check_devices(before, stated, after)
    return xml.edit(ADOPTED[name], before, after)


@pytest.mark.parametrize("name", ADOPTED)
def test_what_it_is_can_be_stated(name: str) -> None:
    held = xml.read(ADOPTED[name])
    for listed in LISTS:
        assert len(given(name)[listed]) == len(getattr(held, listed) or ())
    assert facets(merge(held, parse(given(name)), LISTS)) == facets(held)
    assert elements(edited(name, given(name))) == elements(ADOPTED[name])


CHANGES: list[tuple[str, dict[str, Any], str, str]] = [
    ("import", {"disks": [{"name": "vda", "cache": "none"}]}, "type='qcow2'/>", "type='qcow2' cache='none'/>"),
    (
        "import",
        {"interfaces": [{"source": "default", "queues": 2}]},
        "<model type='virtio'/>",
        "<model type='virtio'/><driver queues='2'/>",
    ),
    ("desktop", {"disks": [{"name": "sdb", "source": "none"}]}, "<source file='/srv/vm/install.iso'/>", ""),
    ("desktop", {"interfaces": [{"source": "default", "model": "virtio"}]}, "'e1000e'", "'virtio'"),
    ("vnc", {"graphics": [{"type": "vnc", "password": "other"}]}, "k4nari", "other"),
    ("vnc", {"interfaces": [{"source": "eth0", "mode": "vepa"}]}, "mode='bridge'", "mode='vepa'"),
    ("hostdev", {"hostdevs": [{"pci": "0000:00:02.0", "managed": False}]}, "managed='yes'", "managed='no'"),
    ("hostdev", {"interfaces": [{"source": "default", "filter": "none"}]}, "<filterref filter='clean-traffic'/>", ""),
    ("secure", {"disks": [{"name": "vda", "iotune": {"total_iops": 700}}]}, ">500<", ">700<"),
    (
        "secure",
        {"channels": [{"name": "org.example.0"}]},
        "</devices>",
        "<channel type='unix'><target type='virtio' name='org.example.0'/></channel></devices>",
    ),
]


@pytest.mark.parametrize(
    ("name", "params", "old", "new"), CHANGES, ids=[f"{row[0]} {next(iter(row[1]))}" for row in CHANGES]
)
def test_one_field_changes_nothing_else(name: str, params: dict[str, Any], old: str, new: str) -> None:
    assert ADOPTED[name].count(old) == 1
    assert elements(edited(name, params)) == elements(ADOPTED[name].replace(old, new))


def test_every_list_has_a_domain_of_others() -> None:
    """save for forwards, which only we make so."""
    found = {name for text in ADOPTED.values() for name in ITEMS if getattr(xml.read(text), name)}
    assert found == set(LISTS) - {"forwards"}
