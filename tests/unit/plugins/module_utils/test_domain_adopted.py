# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains that virt-install 4.1 made, as libvirt 9.0 keeps them: read, stated again, changed."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.device_rules import check_devices
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_devices import ITEMS, LISTS
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import facets, merge
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_options import as_options
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_compare import check_machine, compare
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.plugins.module_utils._xml.tree import parse as parse_tree
from ansible_collections.burrow.vm.plugins.module_utils._xml.tree import serialize
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.xml_checks import GOLDEN

# Those that TOLD doesn't name have devices of each list, and no root ports.
ADOPTED = {file.stem: file.read_text() for file in sorted((GOLDEN / "adopted").glob("*.xml"))}

# virt-install was told, besides `--name work --virt-type qemu --osinfo generic` and the machine:
TOLD: dict[str, dict[str, Any]] = {
    # --vcpus 2,maxvcpus=4,sockets=2,cores=2,threads=1 --memory memory=512,maxmemory=1024
    "maxima": {
        "cpus": 2,
        "cpus_maximum": 4,
        "memory": "512MiB",
        "memory_maximum": "1GiB",
        "cpu": {"topology": {"sockets": 2, "cores": 2}},
        "accelerator": "tcg",
        "machine": "q35",
    },
    # --vcpus 2 --memory 512 --boot uefi --tpm backend.type=emulator,backend.version=2.0,model=tpm-crb
    "uefi": {"cpus": 2, "memory": "512MiB", "firmware": "efi", "tpm": "emulator"},
    # --vcpus 4 --cpu Nehalem,+aes,-x2apic --cputune vcpupin0.vcpu=0,vcpupin0.cpuset=0-1
    "model": {"cpus": 4, "cpu": {"model": "Nehalem", "force": ["aes"], "disable": ["x2apic"], "pinning": {0: "0,1"}}},
    # --cpu mode=maximum,numa.cell0.memory=524288,... --memorybacking hugepages=yes,access.mode=shared,...,locked=yes
    "numa": {
        "cpus": 4,
        "memory": "1GiB",
        "cpu": {"mode": "maximum"},
        "numa": [{"cpus": "0-1", "memory": "512MiB"}, {"cpus": "2,3", "memory": "512MiB"}],
        "memory_backing": {"hugepages": "default", "shared": True, "locked": True},
    },
    # --machine pc --watchdog i6300esb,action=poweroff --rng /dev/random --clock offset=localtime --memballoon none ...
    "devices": {
        "machine": "pc",
        "firmware": "bios",
        "watchdog": {"model": "i6300esb", "action": "poweroff"},
        "balloon": "none",
        "rng": "/dev/random",
        "clock": {"offset": "localtime"},
        "on_reboot": "destroy",
        "on_crash": "preserve",
        "title": "A title",
        "description": "Some words",
        "qemu_commandline": ["-fw_cfg", "name=opt/org.example/a,string=b"],
    },
}


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


@pytest.mark.parametrize("name", TOLD)
def test_what_it_was_told_changes_nothing(name: str) -> None:
    found, stated = xml.read(ADOPTED[name]), parse(TOLD[name])
    after = merge(found, stated)
    check_machine(stated, after)
    assert compare(found, after) == ()
    assert xml.edit(ADOPTED[name], found, after) == serialize(parse_tree(ADOPTED[name]))


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


@pytest.mark.parametrize("name", ADOPTED)
def test_a_title_changes_the_title_alone(name: str) -> None:
    found = xml.read(ADOPTED[name])
    text = edited(name, {"title": "Another"})
    assert [change.path for change in compare(found, xml.read(text))] == ["title"]
    untitled = [line for line in serialize(parse_tree(ADOPTED[name])).splitlines() if "<title>" not in line]
    assert [line for line in text.splitlines() if "<title>" not in line] == untitled


def test_every_list_has_a_domain_of_others() -> None:
    """save for forwards, which only we make so."""
    found = {name for text in ADOPTED.values() for name in ITEMS if getattr(xml.read(text), name)}
    assert found == set(LISTS) - {"forwards"}
