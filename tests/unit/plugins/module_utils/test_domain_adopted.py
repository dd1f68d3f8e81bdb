# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains that virt-install 4.1 made, as libvirt 9.0 keeps them: saying what it was told changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import merge
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_compare import check_machine, compare
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.plugins.module_utils._xml.tree import parse as parse_tree
from ansible_collections.burrow.vm.plugins.module_utils._xml.tree import serialize

GOLDEN = Path(__file__).parent / "golden"

# virt-install was told, besides `--name work --virt-type qemu --osinfo generic` and the machine:
ADOPTED: dict[str, dict[str, Any]] = {
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


@pytest.mark.parametrize("name", ADOPTED)
def test_what_it_was_told_changes_nothing(name: str) -> None:
    text = (GOLDEN / f"virt-install-{name}.xml").read_text()
    found, stated = xml.read(text), parse(ADOPTED[name])
    after = merge(found, stated)
    check_machine(stated, after)
    assert compare(found, after) == ()
    assert xml.edit(text, found, after) == serialize(parse_tree(text))


@pytest.mark.parametrize("name", ADOPTED)
def test_one_field_changes_that_field_alone(name: str) -> None:
    text = (GOLDEN / f"virt-install-{name}.xml").read_text()
    found = xml.read(text)
    edited = xml.edit(text, found, merge(found, parse({"title": "Another"})))
    assert [change.path for change in compare(found, xml.read(edited))] == ["title"]
    untitled = [line for line in serialize(parse_tree(text)).splitlines() if "<title>" not in line]
    assert [line for line in edited.splitlines() if "<title>" not in line] == untitled
