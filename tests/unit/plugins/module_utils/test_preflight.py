# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a hypervisor: every finding has its level, its guest and a remedy."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import ports, qcow2, system
from ansible_collections.burrow.vm.plugins.module_utils._gateway.image_store import IMAGE, ImageStore
from ansible_collections.burrow.vm.plugins.module_utils._model.accelerator import KVM, TCG, Accelerator
from ansible_collections.burrow.vm.plugins.module_utils._model.apparmor import Denial
from ansible_collections.burrow.vm.plugins.module_utils._model.firewall import Obstacle
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import Store
from ansible_collections.burrow.vm.plugins.module_utils._model.port import Forward, PortUse
from ansible_collections.burrow.vm.plugins.module_utils._model.preflight import (
    ERROR,
    WARNING,
    Check,
    Daemon,
    Guest,
    GuestState,
    LibvirtState,
    NetworkState,
    Seen,
    Share,
    SourceState,
    System,
    parse_guests,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.preflight_checks import evaluate
from ansible_collections.burrow.vm.plugins.module_utils._model.preparation import unprepared
from ansible_collections.burrow.vm.plugins.module_utils._model.sensitive import sensitivity
from ansible_collections.burrow.vm.plugins.module_utils._model.size import GIB
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.preflight import Preflight

SOURCES = {path: SourceState(path) for path in ("/srv/code", "/etc", "/home/joe", "/sys")}
GOOD = Seen(
    system=System("debian", "13", "debian", "systemd", "x86_64", cpus=8, memory=16 * GIB, swap=0),
    accelerator=Accelerator(KVM, "it works"),
    kvm_root_only=False,
    qemu_user="libvirt-qemu",
    data="/var/lib/burrow",
    free=100 * GIB,
    impassable=(),
    images=frozenset({"debian-13"}),
    missing=(),
    python_libvirt=True,
    virtiofs=True,
    hook="",
    daemon=Daemon(reachable=True, logs=True, pid=7),
    libvirt=LibvirtState(
        version=9_000_000,
        qemu_version=7_002_000,
        most_cpus=288,
        efi=True,
        network=NetworkState(True, True, "virbr7"),
        domains={"foreign": GuestState(state="running"), "ours": GuestState(True, True, "running")},
    ),
    obstacles=(),
    ip_forward=True,
    first_port=1024,
    ports=(
        PortUse(Forward(8080, "127.0.0.1"), "is in use", "nginx (process 812)"),
        PortUse(Forward(8081, "127.0.0.1"), "is in use", "guest ours", "ours"),
    ),
    sources={**SOURCES, "/gone": SourceState("/gone", "does not exist"), "/link": SourceState("/sys")},
    disk_sizes={"ours": 20 * GIB},
    image_sizes={"debian-13": 3 * GIB},
)
DOWN = LibvirtState("can't connect", "start it")


def planned(seen: Seen, *guests: Guest) -> Plan:
    """What the module says of it."""
    return Preflight("test:///default", Store("/var/lib/burrow"), "burrow", "", guests, fail=False).plan(seen)


def failures(seen: Seen, *guests: Guest) -> list[Check]:
    return [check for check in evaluate(seen, guests) if not check.ok]


def test_what_apparmor_refused_is_told_when_asked() -> None:
    denial = Denial("libvirt-1", "/odd/disk", "r", "qemu")
    (check,) = failures(replace(GOOD, refusals=(denial,)))
    assert (check.name, check.level) == ("apparmor", ERROR)
    assert "/odd/disk" in check.reason
    assert "/etc/apparmor.d/local" in check.remedy


def test_a_good_host_has_one_entry_for_each_check() -> None:
    checks = evaluate(GOOD, (Guest("web", cpus=2, memory=2 * GIB, disk=20 * GIB, image="debian-13"),))
    assert all(check.ok for check in checks)
    assert len({check.name for check in checks}) == len(checks) == 15
    assert unprepared(GOOD) == []


HOSTS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"libvirt": DOWN}, "libvirt", ERROR, "can't connect"),
    ({"missing": (("mcopy", "writes the seed"),)}, "programs", ERROR, "mcopy is not installed"),
    ({"accelerator": Accelerator(TCG, "the CPU can't", "turn it on")}, "accelerator", WARNING, "the CPU can't"),
    ({"daemon": Daemon(True, True, 7, reaped=False)}, "daemon", WARNING, "nothing reaps"),
    ({"impassable": ("/root",)}, "directories", ERROR, "can't pass /root"),
    (
        {"obstacles": (Obstacle("ip filter FORWARD", "Docker", "forwarded packets", (("do", "this"),)),)},
        "firewall",
        WARNING,
        "Docker drops",
    ),
    ({"ip_forward": False}, "firewall", WARNING, "ip_forward is 0"),
    ({"clock_ahead": 3 * 3600.0}, "clock", WARNING, "3 hours ahead of"),
    ({"clock_ahead": -400.0}, "clock", WARNING, "7 minutes behind"),
]


@pytest.mark.parametrize(("change", "name", "level", "reason"), HOSTS, ids=lambda value: str(value)[:20])
def test_hosts(change: dict[str, Any], name: str, level: str, reason: str) -> None:
    (check,) = failures(replace(GOOD, **change))
    assert (check.name, check.level, check.guest) == (name, level, "")
    assert reason in check.reason
    assert check.remedy


def test_a_warning_is_given_and_not_only_returned() -> None:
    plan = planned(replace(GOOD, ip_forward=False), Guest("web", memory=13 * GIB))
    assert not plan.changed
    assert ["above 80 %" in warning for warning in plan.warnings] == [False, True]
    assert all(warning.count(". ") == 1 for warning in plan.warnings)


@pytest.mark.parametrize(
    ("guests", "change", "told"),
    [
        ((), {}, False),
        ((Guest("ours"),), {}, False),
        ((Guest("web"),), {}, True),
        ((Guest("web"),), {"missing": (("mcopy", "writes the seed"),)}, False),
    ],
    ids=["no guest", "one that is there", "a new one", "before the host is prepared"],
)
def test_emulation_is_told_before_a_guest_is_made(
    guests: tuple[Guest, ...], change: dict[str, Any], told: bool
) -> None:
    accelerator = Accelerator(TCG, "no /dev/kvm", "It is slow.")
    warnings = planned(replace(GOOD, accelerator=accelerator, **change), *guests).warnings
    assert ("no /dev/kvm. It is slow." in warnings) is told


GUESTS: list[tuple[Guest, str, str, str]] = [
    (Guest("foreign"), "name", ERROR, "did not make"),
    (Guest("web", cpus=289), "cpus", ERROR, "more than this hypervisor can give a guest (288)"),
    (Guest("web", cpus=7), "cpus", WARNING, "7 of the host's 8 CPUs"),
    (Guest("web", memory=17 * GIB), "memory", ERROR, "more than the host's memory"),
    (Guest("web", memory=13 * GIB), "memory", WARNING, "above 80 %"),
    (Guest("web", disk=200 * GIB), "room", WARNING, "may grow to 200.0 GiB"),
    (Guest("ours", disk=10 * GIB), "disk", ERROR, "10 GiB is smaller than the existing 20 GiB; shrinking loses data"),
    (Guest("web", disk=GIB, image="debian-13"), "disk", ERROR, "1 GiB is smaller than the 3 GiB of image debian-13"),
    (Guest("ours", disk=GIB, image="debian-13", reset=True), "disk", ERROR, "than the 3 GiB of image debian-13"),
    (Guest("web", forwards=(Forward(8080, "127.0.0.1"),)), "ports", ERROR, "in use by nginx (process 812)"),
    (Guest("web", forwards=(Forward(8081, "127.0.0.1"),)), "ports", ERROR, "in use by guest ours"),
    (Guest("web", forwards=(Forward(1023, "127.0.0.1"),)), "ports", ERROR, "may not listen below 1024"),
    (Guest("web", forwards=(Forward(9, "::1"), Forward(9, "::1"))), "ports", ERROR, "another forward"),
    (Guest("web", shares=(Share("/gone", False),)), "shares", ERROR, "does not exist"),
    (Guest("web", shares=(Share("/sys", True),)), "shares", ERROR, "never shared"),
    (Guest("web", shares=(Share("/link", True),)), "shares", ERROR, "/link (/sys) is part of"),
    (Guest("web", shares=(Share("/etc", False),)), "shares", ERROR, "belongs to the host's system"),
    (Guest("web", shares=(Share("/home/joe", False),)), "shares", ERROR, "whole home directory"),
]


@pytest.mark.parametrize(("guest", "name", "level", "reason"), GUESTS, ids=lambda value: str(value)[:40])
def test_guests(guest: Guest, name: str, level: str, reason: str) -> None:
    found = failures(GOOD, guest)
    assert {(check.name, check.level) for check in found} == {(name, level)}
    assert any(reason in check.reason for check in found)
    assert all(check.remedy for check in found)
    assert {check.guest for check in found if check.level == ERROR} <= {guest.name}


@pytest.mark.parametrize(
    "guest",
    [
        Guest("ours", forwards=(Forward(8081, "127.0.0.1"),)),
        Guest("ours", cpus=8, memory=15 * GIB, disk=1000 * GIB),
        Guest("web", shares=(Share("/etc", True), Share("/srv/code", False))),
        Guest("web", cpus=6, memory=12 * GIB),
        Guest("web", disk=3 * GIB, image="debian-13"),
        Guest("web", disk=GIB, image="debian-12"),
        Guest("ours", disk=20 * GIB, image="debian-13"),
        Guest("ours", disk=10 * GIB, image="debian-13", reset=True),
        Guest("ours", image="debian-13"),
    ],
    ids=lambda guest: guest.name,
)
def test_guests_that_are_fine(guest: Guest) -> None:
    assert failures(GOOD, guest) == []


def test_guests_are_summed_up() -> None:
    guests = tuple(Guest(f"g{number}", cpus=2, memory=4 * GIB) for number in range(4))
    assert {check.name for check in failures(GOOD, *guests)} == {"cpus", "memory"}


def test_two_guests_want_one_port() -> None:
    forwards = (Forward(9000, "127.0.0.1"),), (Forward(9000, "0.0.0.0"),)
    (check,) = failures(GOOD, *(Guest(name, forwards=ports_) for name, ports_ in zip(("a", "b"), forwards)))
    assert (check.guest, check.reason) == ("b", "0.0.0.0:9000 is wanted by guest a too")


def test_room_counts_what_is_written_at_once() -> None:
    seen = replace(GOOD, free=GIB, image_sizes={})
    assert failures(seen, Guest("a", image="debian-13", disk=GIB)) == []
    (check,) = failures(seen, Guest("a", image="debian-12"))
    assert check.reason == "/var/lib/burrow has 1.0 GiB free, and 1 new guest and 1 image need 3.5 GiB at once"
    (check,) = failures(seen, *(Guest(name, image="debian-13") for name in "abc"))
    assert "3 new guests need 1.5 GiB" in check.reason
    assert failures(replace(seen, free=0), Guest("ours", image="debian-12")) == []


def test_shares_need_virtiofsd() -> None:
    seen = replace(GOOD, virtiofs=False)
    assert failures(seen, Guest("web")) == []
    (check,) = failures(seen, Guest("web", shares=(Share("/srv/code", False),)))
    assert (check.name, check.guest) == ("programs", "web")


def test_a_root_qemu_may_listen_anywhere() -> None:
    assert failures(replace(GOOD, qemu_user="root"), Guest("web", forwards=(Forward(80, "127.0.0.1"),))) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"missing": (("tini", "reaps"),)}, "tini is not installed"),
        ({"python_libvirt": False, "libvirt": DOWN}, "Python module"),
        ({"kvm_root_only": True}, "/dev/kvm"),
        ({"daemon": Daemon(logs=True), "libvirt": DOWN}, "libvirtd is not running"),
        ({"daemon": Daemon(True, False, 7)}, "virtlogd"),
        ({"daemon": Daemon(True, True, 7, reaped=False)}, "reaps"),
        ({"daemon": Daemon(True, True, 7, hook_seen=False)}, "before its hook"),
        ({"hook": "the libvirt hook is missing"}, "hook is missing"),
        ({"libvirt": replace(GOOD.libvirt, network=NetworkState())}, "network burrow is missing"),
        ({"libvirt": replace(GOOD.libvirt, network=NetworkState(True))}, "network burrow is inactive"),
    ],
)
def test_unprepared(change: dict[str, Any], reason: str) -> None:
    (found,) = unprepared(replace(GOOD, **change))
    assert reason in found


@pytest.mark.parametrize(
    ("path", "sensitive"),
    [
        ("/etc", True),
        ("/etc/nginx", True),
        ("/etcetera", False),
        ("/usr/share/doc", True),
        ("/var", True),
        ("/var/lib/libvirt", True),
        ("/var/www", False),
        ("/home", True),
        ("/home/joe", True),
        ("/home/joe/code", False),
        ("/home/joe/.ssh", True),
        ("/home/joe/.config/gh", True),
        ("/root", True),
        ("/root/code", False),
        ("/srv/code", False),
    ],
)
def test_sensitivity(path: str, sensitive: bool) -> None:
    assert bool(sensitivity(path)) == sensitive


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"name": "a b"}, "guests[0].name"),
        ({"name": "x", "cpus": 0}, "guests[0].cpus"),
        ({"name": "x", "memory": "8"}, None),
        ({"name": "x", "memory": "8 gigs"}, "guests[0].memory"),
        ({"name": "x", "disk": str(1 << 70) + "K"}, "guests[0].disk"),
        ({"name": "x", "forwards": [{"host_port": 65536}]}, "guests[0].forwards[0].host_port"),
        ({"name": "x", "forwards": [{"host_port": 1, "address": "host"}]}, "guests[0].forwards[0].address"),
        ({"name": "x", "shares": [{"source": "srv"}]}, "guests[0].shares[0].source"),
    ],
)
def test_parse(entry: dict[str, Any], path: Optional[str]) -> None:
    if path is None:
        assert parse_guests([entry])[0].memory == 8
        return
    with pytest.raises(SpecError) as caught:
        parse_guests([entry])
    assert caught.value.path == path


def test_a_name_twice() -> None:
    with pytest.raises(SpecError, match="there twice"):
        parse_guests([{"name": "x"}, {"name": "x"}])


def test_a_port_in_use_is_seen_and_its_holder_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        forward = Forward(server.getsockname()[1], "127.0.0.1")
        (use,) = ports.uses([forward])
        assert use.cause == "is in use"
        assert "(process" in use.owner
        assert list(ports.uses([replace(forward, address="0.0.0.0")]))
    assert list(ports.uses([forward])) == []


def test_an_address_of_another_host() -> None:
    (use,) = ports.uses([Forward(40000, "203.0.113.7")])
    assert use.cause == "is not an address of this host"


def test_directories_that_another_user_cannot_pass(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    found = system.impassable(str(closed / "data" / "guests"), "nobody")
    assert str(closed) in found
    closed.chmod(0o711)
    assert str(closed) not in system.impassable(str(closed / "data"), "nobody")
    assert system.impassable(str(closed), "root") == ()


def test_sources_follow_links(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc")
    (tmp_path / "file").write_text("")
    paths = [str(tmp_path / name) for name in ("link", "file", "none")]
    found = system.sources(paths)
    assert [found[path].path for path in paths[:1]] == ["/proc"]
    assert found[paths[1]].problem == "is not a directory"
    assert "does not exist" in found[paths[2]].problem


def test_a_disk_that_is_not_stated_may_grow_to_the_default() -> None:
    (check,) = failures(replace(GOOD, free=10 * GIB), Guest("web", image="debian-13"))
    assert (check.name, check.level) == ("room", WARNING)
    assert "20.0 GiB" in check.reason


def test_the_size_of_a_disk_is_read_from_its_head(tmp_path: Path) -> None:
    whole, short, raw = (str(tmp_path / name) for name in ("whole", "short", "raw"))
    # As `qemu-img create -f qcow2 whole 3G` begins it.
    head = bytes.fromhex("514649fb 00000003 0000000000000000 00000000 00000010 00000000c0000000")
    Path(whole).write_bytes(head + bytes(512))
    Path(short).write_bytes(head[:20])
    Path(raw).write_bytes(bytes(512))
    assert qcow2.virtual_sizes([whole, short, raw, str(tmp_path / "none")]) == {whole: 3 * GIB}


def test_sizes_are_looked_for_only_where_one_is_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(paths: Iterable[str]) -> dict[str, int]:
        asked.extend(paths)
        return {}

    monkeypatch.setattr(qcow2, "virtual_sizes", note)
    guests = (Guest("a", image="one"), Guest("b", image="two", disk=GIB))
    store = Store(str(tmp_path))
    (tmp_path / "images" / "names").mkdir(parents=True)
    for name in ("one", "two"):
        Path(store.image_name(name)).write_text(f'{{"digest": "{"ab" * 32}"}}')
    Preflight("test:///default", store, "burrow", "", guests, fail=False).observe()
    assert asked == [store.guest("b").root_disk, ImageStore(store).file("ab" * 32, IMAGE)]


def test_the_hook_is_compared_by_content(tmp_path: Path) -> None:
    hook = tmp_path / "burrow"
    assert "missing" in system.hook_problem(str(hook), "")
    hook.write_bytes(b"#!/bin/sh\n")
    assert "executable" in system.hook_problem(str(hook), "")
    hook.chmod(0o755)
    assert system.hook_problem(str(hook), "") == ""
    assert "another version" in system.hook_problem(str(hook), "0" * 64)
