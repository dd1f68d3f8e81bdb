# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of domains: tables of good and bad input, merging, what is returned."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_disks import Disk
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_interfaces import Interface
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, merge, view
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.forward import Forward

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"cpus": 0}, "cpus", "out of range"),
    ({"cpus": "two"}, "cpus", "not a whole number"),
    ({"cpus": 2.5}, "cpus", "not a whole number"),
    ({"memory": "0"}, "memory", "not a size"),
    ({"memory": "100 MiB"}, "memory", "too small"),
    ({"memory": "8"}, "memory", "not a size"),
    ({"memory": 8}, "memory", "not a size"),
    ({"memory": "8 gigs"}, "memory", "not a size"),
    ({"memory": str(2**63)}, "memory", "not a size"),
    ({"memory": f"{2**62}GiB"}, "memory", "too large"),
    ({"accelerator": "xen"}, "accelerator", "not known"),
    ({"machine": "q35 -x"}, "machine", "not a name"),
    ({"cpu": {"mode": "486"}}, "cpu.mode", "not known"),
    ({"cpu": {"disable": ["a'b"]}}, "cpu.disable[0]", "not a name"),
    ({"cpu": []}, "cpu", "not a mapping"),
    ({"cpu": {"require": ["a"], "disable": ["b", "a"]}}, "cpu.disable", "a is in cpu.require too"),
    ({"cpu": {"topology": {"cores": 0}}}, "cpu.topology.cores", "out of range"),
    ({"cpu": {"topology": {"core": 1}}}, "cpu.topology.core", "no such key"),
    ({"cpu": {"pinning": {"x": 1}}}, "cpu.pinning.x", "no CPU of the guest"),
    ({"cpu": {"pinning": {0: "3-1"}}}, "cpu.pinning.0", "no set of CPUs"),
    ({"cpu": {"pinning": {0: "1,^2"}}}, "cpu.pinning.0", "no set of CPUs"),
    ({"cpu": {"pinning": {0: 99999}}}, "cpu.pinning.0", "no set of CPUs"),
    ({"memory_backing": {"hugepages": "3MiB"}}, "memory_backing.hugepages", "no size of pages"),
    ({"memory_backing": {"hugepages": "huge"}}, "memory_backing.hugepages", "not a size"),
    ({"numa": [{"cpus": "0", "memory": "1"}]}, "numa[0].memory", "not a size"),
    ({"numa": [{"cpus": "0-1", "memory": "1GiB"}, {"cpus": "1", "memory": "1GiB"}]}, "numa[1].cpus", "1 is in numa[0]"),
    ({"firmware": "efi", "kernel": {"path": "/k"}}, "firmware", "excludes kernel"),
    ({"kernel": {"initrd": "/i"}}, "kernel.path", "missing"),
    ({"kernel": {"path": "k"}}, "kernel.path", "not an absolute path"),
    ({"kernel": {"path": "/k", "cmdline": "a\nb"}}, "kernel.cmdline", "line break"),
    ({"iommu": "amd"}, "iommu", "not known"),
    ({"vsock": {"cid": 2}}, "vsock.cid", "out of range"),
    ({"vsock": {"cid": "4294967295"}}, "vsock.cid", "out of range"),
    ({"vsock": {"cid": "any"}}, "vsock.cid", "not a whole number"),
    ({"vsock": 3}, "vsock", "not a mapping"),
    ({"pcie_root_ports": 0}, "pcie_root_ports", "out of range"),
    ({"pcie_root_ports": 65}, "pcie_root_ports", "out of range"),
    ({"xml": "<domain/>"}, "xml", "states nothing"),
    ({"architecture": "vax"}, "architecture", "not known"),
    ({"tpm": "1.2"}, "tpm", "not known"),
    ({"watchdog": {"model": "ib700"}}, "watchdog.model", "not known"),
    ({"watchdog": {"model": "none", "action": "bark"}}, "watchdog.action", "not known"),
    ({"balloon": "xen"}, "balloon", "not known"),
    ({"rng": "dice"}, "rng", "not an absolute path"),
    ({"clock": {"offset": "variable"}}, "clock.offset", "not known"),
    ({"clock": {"timezone": "../etc"}}, "clock.timezone", "no time zone"),
    ({"on_reboot": "preserve"}, "on_reboot", "not known"),
    ({"title": "a\nb"}, "title", "line break"),
    ({"title": "a" * 257}, "title", "257 characters"),
    ({"description": " \n"}, "description", "empty"),
    ({"description": "a\x07"}, "description", "control character"),
    ({"qemu_commandline": "-s"}, "qemu_commandline", "not a list"),
    ({"qemu_commandline": ["-s", "a\n"]}, "qemu_commandline[1]", "line break"),
    ({"qemu_commandline": ["-netdev", "user,id=burrow-forward"]}, "qemu_commandline[1]", "the forwards' own"),
    ({"console_log": "log"}, "console_log", "not an absolute path"),
    ({"disks": [{}]}, "disks[0].name", "not a valid name"),
    ({"disks": [{"name": "a" * 21}]}, "disks[0].name", "not a valid name"),
    ({"disks": [{"name": "a", "source": "/a\nb"}]}, "disks[0].source", "line break"),
    ({"disks": [{"name": "a", "format": "vmdk"}]}, "disks[0].format", "not known"),
    ({"disks": [{"name": "a"}, {"name": "a"}]}, "disks[1].name", "disks[0]"),
    ({"disks": {"name": "a"}}, "disks", "not a list"),
    ({"interfaces": [{"mac": "52:54:00:00:00"}]}, "interfaces[0].mac", "not a MAC"),
    ({"interfaces": [{"mac": "53:54:00:00:00:01"}]}, "interfaces[0].mac", "multicast"),
    (
        {"interfaces": [{"mac": "52:54:00:00:00:0a"}, {"mac": "52:54:00:00:00:0A"}]},
        "interfaces[1].mac",
        "interfaces[0]",
    ),
    ({"interfaces": [{"source": "a b"}]}, "interfaces[0].source", "not a name"),
    ({"filesystems": [{"tag": "a", "source": "/"}]}, "filesystems[0].source", "system directory"),
    ({"filesystems": [{"tag": "a", "source": "/etc/..//sys/x"}]}, "filesystems[0].source", "system directory"),
    ({"filesystems": [{"tag": "../a", "source": "/a"}]}, "filesystems[0].tag", "not a valid tag"),
    ({"filesystems": [{"tag": "a" * 37, "source": "/a"}]}, "filesystems[0].tag", "37 bytes"),
    ({"filesystems": [{"tag": "a", "source": "/a"}] * 2}, "filesystems[1].tag", "filesystems[0]"),
    ({"forwards": [{"host_port": 0, "guest_port": 1}]}, "forwards[0].host_port", "out of range"),
    ({"forwards": [{"host_port": 65536, "guest_port": 1}]}, "forwards[0].host_port", "out of range"),
    ({"forwards": [{"host_port": 1, "guest_port": 1, "address": "::1"}]}, "forwards[0].address", "IPv6"),
    ({"forwards": [{"host_port": 1, "guest_port": 1, "address": "x,hostfwd=y"}]}, "forwards[0].address", "IP address"),
    ({"forwards": [{"host_port": 1, "guest_port": 1}] * 2}, "forwards[1].host_port", "forwards[0]"),
    ({"metadata": {"owner": "me"}}, "metadata.owner", "no such key"),
    ({"metadata": {"image": "a\x00b"}}, "metadata.image", "control character"),
    ({"metadata": {"digests": {"a b": "c"}}}, "metadata.digests", "not a name"),
    ({"autostart": "maybe"}, "autostart", "neither true nor false"),
]


@pytest.mark.parametrize(("stated", "path", "words"), BAD, ids=[f"{path}: {words}" for _stated, path, words in BAD])
def test_bad_input_is_refused_by_name(stated: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(stated)
    assert caught.value.path == path
    assert words in str(caught.value)
    assert caught.value.hint


BAD_NAMES = ("", "a" * 64, "a/b", "..", "a b", "a\n", "-a", None, 7)
BAD_REQUESTS: list[tuple[dict[str, Any], str, str]] = [
    *(
        ({"name": name}, "name", "not a valid name")
        for name in ("", "a" * 64, "a/b", "..", "a b", "a\n", "-a", None, 7)
    ),
    ({"name": "a", "state": "gone"}, "state", "not known"),
    ({"name": "a", "purge": ["disks"]}, "purge", "disks is not stated"),
    ({"name": "a", "purge": ["cpus"]}, "purge", "not known"),
    ({"name": "a", "defaults": {"memori": "1GiB"}}, "defaults.memori", "Did you mean"),
    ({"name": "a", "defaults": {"memory": "8"}}, "defaults.memory", "not a size"),
    ({"name": "a", "xml": "<domain><name>b</name></domain>"}, "xml", "another domain than 'a'"),
    ({"name": "a", "timeout": -1}, "timeout", "out of range"),
    ({"name": "a", "data": "x"}, "data", "not an absolute path"),
]


@pytest.mark.parametrize(("params", "path", "words"), BAD_REQUESTS)
def test_bad_requests_are_refused_by_name(params: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_request(params)
    assert caught.value.path == path
    assert words in str(caught.value)


def test_what_is_not_stated_is_none() -> None:
    nothing = dict.fromkeys(("cpus", "memory", "cpu", "kernel", "disks", "metadata", "accelerator"))
    assert parse(nothing) == Definition()
    assert parse({"accelerator": "auto"}) == Definition()


def test_planned_values_are_taken() -> None:
    found = parse({"disks": [{"name": "root", "source": "/a", "base": "(known after apply)"}]})
    assert found.disks == (Disk("root", "/a", base="(known after apply)"),)


def test_memory_is_whole_mebibytes() -> None:
    assert parse({"memory": f"{256 * 1024 + 1}KiB"}).memory == 257 << 20


def test_stated_is_laid_over_observed() -> None:
    observed = Definition(
        cpus=2,
        machine="pc-q35-7.2",
        cpu_disable=("svm",),
        metadata={"image": "a", "digests.image": "1"},
        disks=(
            Disk("root", "/r", "qcow2", "disk", "virtio", "vda", readonly=False),
            Disk("other", "/o", "raw", "disk", "virtio", "vdb", readonly=True),
        ),
        forwards=(Forward(8080, 80),),
    )
    stated = parse(
        {
            "machine": "q35",
            "cpu": {"disable": ["cx16"]},
            "metadata": {"digests": {"image": "2"}},
            "disks": [{"name": "new", "source": "/n"}, {"name": "root", "readonly": True}],
            "forwards": [{"host_port": 8080, "guest_port": 81}],
        }
    )
    after = merge(observed, stated)
    assert after.cpus == 2
    assert after.machine == "pc-q35-7.2"
    assert after.cpu_disable == ("cx16", "svm")
    assert after.metadata == {"image": "a", "digests.image": "2"}
    assert after.disks == (
        Disk("root", "/r", "qcow2", "disk", "virtio", "vda", readonly=True),
        Disk("other", "/o", "raw", "disk", "virtio", "vdb", readonly=True),
        Disk("new", "/n", "qcow2", "disk", "virtio", "vdc", readonly=False, shareable=False, discard="unmap"),
    )
    assert after.forwards == (Forward(8080, 81),)
    assert merge(after, stated) == after
    assert [disk.name for disk in merge(observed, stated, ("disks",)).disks or ()] == ["root", "new"]


def test_interfaces_are_found_by_mac_or_order() -> None:
    macs = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"]
    observed = Definition(interfaces=tuple(Interface("network", f"n{mac[-1]}", mac, "virtio") for mac in macs))
    stated = parse({"interfaces": [{"source": "x"}, {"source": "y", "mac": macs[0]}, {"mac": "52:54:00:00:00:09"}]})
    found = merge(observed, stated).interfaces or ()
    assert [(item.mac, item.source) for item in found] == [
        (macs[0], "y"),
        (macs[1], "x"),
        (macs[2], "n3"),
        ("52:54:00:00:00:09", None),
    ]


def test_a_new_domain_takes_stated_then_defaults() -> None:
    made = create(
        parse({"cpus": 3, "kernel": {"path": "/k"}}),
        parse({"cpus": 1, "memory": "1GiB", "firmware": "bios"}),
        parse({"memory": "2GiB", "firmware": "efi", "machine": "q35"}),
    )
    assert (made.cpus, made.memory, made.machine, made.kernel) == (3, 1 << 30, "q35", "/k")
    assert made.firmware is None


def test_one_of_a_kind_is_taken_away_by_name() -> None:
    observed = Definition(iommu="intel", vsock_cid=7)
    assert merge(observed, parse({"iommu": "none", "vsock": {"cid": "none"}})) == Definition()
    assert merge(observed, parse({"vsock": {"cid": "auto"}})) == Definition(iommu="intel", vsock_cid="auto")
    assert create(parse({"iommu": "none"}), parse({"iommu": "intel"})).iommu is None


def test_root_ports_are_at_least_so_many() -> None:
    observed = Definition(machine="pc-q35-7.2", pcie_root_ports=6)
    assert merge(observed, parse({"pcie_root_ports": 4})) == observed
    assert merge(observed, parse({"pcie_root_ports": 8})).pcie_root_ports == 8
    assert merge(observed, parse({"machine": "pc"})).pcie_root_ports is None
    assert merge(observed, parse({"machine": "virt", "pcie_root_ports": 3})).pcie_root_ports == 3


def test_view_has_the_shape_of_the_options() -> None:
    shown: dict[str, Any] = view(
        "a", parse({"cpu": {"mode": "maximum"}, "metadata": {"digests": {"x": "1"}}}), "blocked", "u"
    )
    assert shown["cpu"]["mode"] == "maximum"
    assert set(shown["cpu"].values()) == {"maximum", None}
    assert shown["metadata"] == {"digests": {"x": "1"}}
    assert shown["kernel"] is None
    assert (shown["iommu"], shown["vsock"], shown["pcie_root_ports"]) == (None, None, None)
    assert view("a", parse({"vsock": {"cid": 3}}), "running", "u")["vsock"] == {"cid": 3}
    assert "xml" not in shown
    assert shown["state"] == "running"
    assert shown["disks"] == []
