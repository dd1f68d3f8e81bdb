# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of domains, and how little libvirt is asked for it."""

from __future__ import annotations

import collections
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import pytest
import yaml

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import kept_files
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import Connection
from ansible_collections.burrow.vm.plugins.module_utils._gateway.snapshot_files import write_stamp
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_reason import job_word, reason_word
from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import Overlay
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_info import DomainInfo, build
from ansible_collections.burrow.vm.plugins.modules import domain_info

FULL = (Path(__file__).parent / "golden/full.xml").read_text()
NUMBERS = {
    "state.state": 1,
    "state.reason": 4,
    "cpu.time": 2_500_000_000,
    "balloon.current": 1024,
    "balloon.rss": 512,
    "vcpu.current": 3,
    "block.count": 2,
    "block.0.name": "vda",
    "block.0.rd.reqs": 1,
    "block.0.capacity": 3000,
    "block.0.allocation": 1000,
    "block.0.physical": 2000,
    "block.1.name": "vdb",
    "block.1.rd.reqs": 1,
    "block.1.capacity": 30,
}
SNAPSHOT = """
<domainsnapshot>
  <name>before</name><state>running</state><creationTime>1795293580</creationTime><parent><name>first</name></parent>
  <memory snapshot='{memory}'/>
  <disks><disk name='vda' snapshot='{disk}'/><disk name='vdb' snapshot='no'/></disks>
</domainsnapshot>
"""


class LibvirtError(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def get_error_code(self) -> int:
        return self.number

    def get_error_domain(self) -> int:
        return 10

    def get_error_message(self) -> str:
        return f"error {self.number}"


class Domain:
    """libvirt's handle of a domain. What is asked of it over the wire is counted."""

    def __init__(self, host: Host, name: str, text: str, live: Optional[str] = None, **held: Any) -> None:
        self.host = host
        self.own_name = name
        self.text = text.replace("<name>work<", f"<name>{name}<")
        self.live = live
        self.held = held

    def name(self) -> str:
        return self.own_name

    def UUIDString(self) -> str:  # noqa: N802 (its own name)
        return f"uuid-{self.own_name}"

    def XMLDesc(self, flags: int) -> str:  # noqa: N802 (its own name)
        self.host.calls["XMLDesc"] += 1
        if self.held.get("vanished"):
            raise LibvirtError(42)
        return self.live or self.text if not flags else self.text

    def state(self) -> list[int]:
        self.host.calls["state"] += 1
        return [5, 2]

    def blockJobInfo(self, target: str, flags: int) -> dict[str, int]:  # noqa: N802 (its own name)
        self.host.calls["blockJobInfo"] += 1
        return {"type": 4, "cur": 5, "end": 10, "bandwidth": 0} if target == "vda" else {}

    def interfaceAddresses(self, source: int, flags: int) -> dict[str, Any]:  # noqa: N802 (its own name)
        self.host.calls["interfaceAddresses"] += 1
        addresses = self.held.get("addresses", {}).get(source)
        if addresses is None:
            raise LibvirtError(86)
        return {"vnet0": {"hwaddr": "52:54:00:00:00:0A", "addrs": [{"addr": one} for one in addresses]}}

    def listAllSnapshots(self, flags: int) -> list[Any]:  # noqa: N802 (its own name)
        return [
            SimpleNamespace(
                getName=lambda: "before",
                getXMLDesc=lambda flags, text=text: text,
                isCurrent=lambda: self.held.get("current") == "before",
            )
            for text in self.held.get("snapshots", ())
        ]


class Host:
    """libvirt's handle of a connection."""

    def __init__(self) -> None:
        self.calls: collections.Counter[str] = collections.Counter()
        self.domains: list[Domain] = []
        self.numbers: dict[str, dict[str, Any]] = {}
        self.counts = True

    def add(self, name: str, numbers: Optional[dict[str, Any]] = None, **held: Any) -> None:
        self.domains.append(Domain(self, name, held.pop("text", FULL), **held))
        self.numbers[name] = {"state.state": 5, "state.reason": 1} if numbers is None else numbers

    def listAllDomains(self, flags: int) -> list[Domain]:  # noqa: N802 (its own name)
        self.calls["listAllDomains"] += 1
        marks = {0: "", 4: "persistent", 256: "saved", 1024: "autostart", 4096: "snapshots"}
        mark = marks[flags]
        return [one for one in self.domains if not mark or one.held.get(mark, mark == "persistent")]

    def getAllDomainStats(self, stats: int, flags: int) -> Any:  # noqa: N802 (its own name)
        return self.domainListGetStats(self.domains, stats, flags)

    def domainListGetStats(self, domains: list[Domain], stats: int, flags: int) -> Any:  # noqa: N802
        self.calls["statistics"] += 1
        if not self.counts:
            raise LibvirtError(3)
        return [(one, self.numbers[one.name()]) for one in domains]


@pytest.fixture(name="host")
def fixture_host(monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setitem(sys.modules, "libvirt", SimpleNamespace(libvirtError=LibvirtError))
    return Host()


def look(host: Host, **asked: Any) -> list[dict[str, Any]]:
    info = DomainInfo(Connection("qemu:///system", host), **asked)
    found: Any = info.result(info.observe(), info.plan([]), planned=False)
    return list(found)


def test_a_stopped_domain_costs_one_call(host: Host) -> None:
    for index in range(50):
        host.add(f"work-{index:02}")
    assert [one["name"] for one in look(host)] == [f"work-{index:02}" for index in range(50)]
    assert host.calls == {"listAllDomains": 5, "statistics": 1, "XMLDesc": 50}


def test_a_running_one_costs_a_few_more(host: Host) -> None:
    for index in range(10):
        host.add(f"work-{index}", NUMBERS)
    look(host)
    # Of three disks one is read-only, and one unknown to the statistics.
    assert host.calls == {
        "listAllDomains": 5,
        "statistics": 1,
        "XMLDesc": 20,
        "interfaceAddresses": 20,
        "blockJobInfo": 20,
    }


def test_only_those_that_are_named_are_read(host: Host) -> None:
    for index in range(50):
        host.add(f"work-{index:02}")
    found = look(host, names=frozenset({"work-07", "work-09", "gone"}))
    assert [one["name"] for one in found] == ["work-07", "work-09"]
    assert host.calls["XMLDesc"] == 2


def test_all_that_is_told_of_a_running_guest(host: Host) -> None:
    host.add("work", NUMBERS, addresses={0: ["10.0.0.5", "10.0.0.4"], 2: ["10.0.0.9"]}, autostart=True)
    [found] = look(host)
    assert (found["state"], found["reason"], found["persistent"], found["managed_save"]) == (
        "running",
        "from_snapshot",
        True,
        False,
    )
    assert found["addresses"] == ["10.0.0.4", "10.0.0.5"]
    mac = "52:54:00:00:00:0a"
    assert found["addresses_by_source"] == {
        "lease": [{"mac": mac, "address": "10.0.0.5"}, {"mac": mac, "address": "10.0.0.4"}],
        "arp": [{"mac": mac, "address": "10.0.0.9"}],
        "agent": [],
    }
    assert found["statistics"] == {
        "cpus": 3,
        "cpu_seconds": 2.5,
        "memory": 1 << 20,
        "memory_resident": 1 << 19,
    }
    assert found["storage"][0] == {
        "name": "root",
        "target": "vda",
        "source": "/g/root.qcow2",
        "capacity": 3000,
        "allocation": 1000,
        "physical": 2000,
        "job": {"type": "active_commit", "done": 5, "end": 10, "bandwidth": 0},
    }
    assert [(one["name"], one["capacity"], one["job"]) for one in found["storage"][1:]] == [
        ("data", 30, None),
        ("seed", None, None),
    ]
    assert (found["differences"], found["restart_required"], found["snapshots"]) == ([], [], [])
    assert found["definition"]["autostart"] is True
    assert found["metadata"]["digests"]["cloud_config"] == "34"


def test_what_is_documented_is_what_is_told(host: Host) -> None:
    host.add("work", NUMBERS, snapshots=[SNAPSHOT.format(memory="no", disk="internal")])
    [found] = look(host)
    documented = yaml.safe_load(domain_info.RETURN)["domains"]["contains"]
    assert set(documented) == set(found)
    for key in ("addresses_by_source", "statistics"):
        assert set(documented[key]["contains"]) == set(found[key])
    for key in ("storage", "snapshots"):
        assert set(documented[key]["contains"]) == set(found[key][0])


def test_what_waits_for_a_restart(host: Host) -> None:
    live = FULL.replace(">4</vcpu>", ">2</vcpu>").replace('name="branch"', 'name="other"')
    host.add("work", NUMBERS, live=live)
    [found] = look(host)
    assert found["restart_required"] == ["cpus"]
    assert found["differences"] == [{"path": "cpus", "live": 2, "persistent": 4, "impact": "restart"}]
    assert found["cpus"] == 4


def test_a_transient_guest_is_what_runs(host: Host) -> None:
    host.add("work", NUMBERS, live=FULL.replace(">4</vcpu>", ">2</vcpu>"), persistent=False)
    [found] = look(host)
    assert (found["persistent"], found["cpus"], found["restart_required"]) == (False, 2, [])


def test_an_agent_is_asked_when_it_is_there_and_not_believed(host: Host) -> None:
    channel = '<target type="virtio" name="org.qemu.guest_agent.0"'
    live = FULL.replace(channel, f'{channel} state="connected"')
    assert live != FULL
    addresses = {1: ["127.0.0.1", "::1", "10.0.0.7", "fe80::1", "$(reboot)", "10.0.0.7; rm"]}
    host.add("work", NUMBERS, live=live, addresses=addresses)
    [found] = look(host)
    assert found["addresses"] == ["10.0.0.7", "fe80::1"]
    assert host.calls["interfaceAddresses"] == 3


def test_a_guest_that_qemu_does_not_answer_for(host: Host) -> None:
    busy = {name: number for name, number in NUMBERS.items() if not name.endswith("rd.reqs")}
    host.add("work", busy)
    [found] = look(host)
    assert host.calls["blockJobInfo"] == 0
    assert found["storage"][0]["job"] is None


def test_a_driver_without_statistics(host: Host) -> None:
    host.counts = False
    host.add("work")
    [found] = look(host)
    assert (found["state"], found["reason"]) == ("stopped", "destroyed")
    assert found["storage"][0]["capacity"] is None
    assert set(found["statistics"].values()) == {None}


def test_one_that_vanishes_is_left_out(host: Host) -> None:
    host.add("gone", vanished=True)
    host.add("work")
    assert [one["name"] for one in look(host)] == ["work"]


@pytest.mark.parametrize(
    ("memory", "disk", "kind", "with_memory"),
    [
        ("no", "internal", "internal", False),
        ("internal", "internal", "internal", True),
        ("external", "external", "external", True),
        ("no", "external", "external", False),
    ],
)
def test_snapshots(host: Host, memory: str, disk: str, kind: str, with_memory: bool) -> None:
    host.add("work", snapshots=[SNAPSHOT.format(memory=memory, disk=disk)], current="before")
    assert look(host)[0]["snapshots"] == [
        {
            "name": "before",
            "kind": kind,
            "memory": with_memory,
            "domain_state": "running",
            "created": 1795293580,
            "parent": "first",
            "description": None,
            "current": True,
            "disks": [{"name": "root", "kind": disk, "file": None}],
        }
    ]


@pytest.mark.parametrize("readable", [True, False])
def test_a_disk_below_a_snapshot_is_told_as_module_domain_knows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: Host, readable: bool
) -> None:
    """So that the definition can be stated again; without root the notes beside the file may not be read."""
    overlay = str(tmp_path / "root.before.qcow2")
    write_stamp(overlay, Overlay("work", "before", "burrow.vm", "/g/root.qcow2", "/g/root.qcow2"))
    if not readable:
        monkeypatch.setattr(kept_files, "read_json", deny)
    text = FULL.replace("/g/root.qcow2", overlay)
    snapshot = SNAPSHOT.format(memory="no", disk="external")
    host.add("work", NUMBERS, text=text, live=text, snapshots=[snapshot])
    [found] = look(host)
    told = "/g/root.qcow2" if readable else overlay
    assert found["definition"]["disks"][0]["source"] == found["disks"][0]["source"] == told
    assert found["storage"][0]["source"] == overlay
    assert found["differences"] == []


def deny(path: str) -> None:
    raise HostError("read", path, "Permission denied")


def test_none_of_the_snapshots_is_current(host: Host) -> None:
    host.add("work", snapshots=[SNAPSHOT.format(memory="no", disk="internal")])
    assert look(host)[0]["snapshots"][0]["current"] is False


def test_only_ours(host: Host) -> None:
    host.add("other", text="<domain type='kvm'><name>other</name><vcpu>1</vcpu></domain>")
    host.add("work")
    assert [one["name"] for one in look(host, owned_only=True)] == ["work"]


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"name": "a/b"}, "name"),
        ({"names": ["work", "../x"]}, "names[1]"),
        ({"uri": "qemu:///sistem"}, "uri"),
    ],
)
def test_what_can_not_be_meant(asked: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as refused:
        build(asked)
    assert refused.value.path == path


def test_words() -> None:
    assert reason_word(3, 5) == "ioerror"
    assert reason_word(5, 8) == "daemon"
    assert reason_word(5, 99) == reason_word(99, 0) == "unknown"
    assert job_word(5) == "backup"


def test_libvirts_own_test_driver() -> None:
    if importlib.util.find_spec("libvirt") is None:
        pytest.skip("no libvirt-python")
    info = build({"uri": "test:///default"})
    [found] = info.observe()
    assert (found["name"], found["state"], found["addresses"]) == ("test", "running", ["192.168.122.3"])
