# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role hypervisor would do on a host, and what tells it: daemons, units, locks, directories."""

from __future__ import annotations

import fcntl
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway import daemon, packages, system
from ansible_collections.burrow.vm.plugins.module_utils._model.preflight import Daemon, NetworkState
from ansible_collections.burrow.vm.plugins.module_utils._model.preparation import needs, unprepared
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.test_preflight import DOWN, GOOD

CONTAINER = replace(GOOD.system, init="other")
DEBIAN_12 = replace(GOOD.system, version="12")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"hook": "missing", "daemon": Daemon(True, True, 7, hook_seen=False)}, ["hook"]),
        ({"daemon": Daemon(True, True, 7, hook_seen=False)}, ["restart"]),
        ({"daemon": Daemon(True, True, 7, disabled=("virtlogd.socket",))}, ["daemon"]),
        ({"daemon": Daemon(True, True, 7, disabled=("virtlogd.socket",)), "system": CONTAINER}, []),
        ({"daemon": Daemon(True, True, 7, name="virtqemud", networks=False), "libvirt": DOWN}, ["daemon"]),
        ({"data_problem": "/var/lib/burrow does not exist"}, ["data"]),
        ({"libvirt": replace(GOOD.libvirt, efi=False)}, ["packages"]),
        ({"virtiofs": False}, ["packages"]),
        ({"tpm": False}, ["packages"]),
        ({"virtiofs": False, "backports": True}, ["packages"]),
        # The QEMU of Debian 12's backports has none, and the release has no other.
        ({"virtiofs": False, "backports": True, "system": DEBIAN_12}, []),
        ({"libvirt": replace(GOOD.libvirt, network=NetworkState(True, True, autostart=False))}, ["network"]),
        (
            {"missing": (("mcopy", "writes the seed"),), "hook": "missing", "libvirt": DOWN},
            ["hook", "packages", "network"],
        ),
    ],
)
def test_needs_are_named_in_the_order_of_the_role(change: dict[str, Any], expected: list[str]) -> None:
    assert list(needs(replace(GOOD, **change))) == expected


def test_a_modular_daemon_has_its_own_name_and_units() -> None:
    seen = replace(GOOD, daemon=Daemon(logs=True, name="virtqemud"), libvirt=DOWN)
    assert unprepared(seen) == ["virtqemud is not running"]
    names = [unit.name for unit in seen.daemon.units]
    assert "virtnetworkd.socket" in names
    assert "libvirtd.socket" not in names


def test_units_count_as_enabled_by_their_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wants = tmp_path / "sockets.target.wants"
    wants.mkdir()
    for unit in ("virtlogd.socket", "virtqemud.socket"):
        (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    monkeypatch.setattr(daemon, "_ENABLED", f"{tmp_path}/*.wants/{{unit}}")
    monkeypatch.setattr(daemon, "_SOCKETS", {name: f"{tmp_path}/{name}" for name in ("virtqemud", "libvirtd")})
    monkeypatch.setattr(daemon, "find", lambda program: f"/usr/sbin/{program}")
    found = daemon.daemon("/none")
    assert (found.name, found.reachable) == ("virtqemud", False)
    assert "virtqemud.service" in found.disabled
    assert "virtlogd.socket" not in found.disabled
    (wants / "virtqemud.socket").unlink()
    assert daemon.daemon("/none").name == "libvirtd"


def test_a_masked_daemon_makes_room_for_the_modular_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "_ENABLED", f"{tmp_path}/*.wants/{{unit}}")
    monkeypatch.setattr(daemon, "_MASKED", (f"{tmp_path}/{{unit}}",))
    monkeypatch.setattr(daemon, "_SOCKETS", {name: f"{tmp_path}/{name}" for name in ("virtqemud", "libvirtd")})
    there = {"libvirtd", "virtqemud"}
    monkeypatch.setattr(daemon, "find", lambda program: program if program in there else None)
    # Masked units may still be wanted.
    (tmp_path / "sockets.target.wants").mkdir()
    (tmp_path / "sockets.target.wants/libvirtd.socket").symlink_to("/usr/lib/systemd/system/libvirtd.socket")
    mask = tmp_path / "libvirtd.service"
    mask.symlink_to(os.devnull)
    assert daemon.daemon("/none").name == "virtqemud"
    # virtproxyd alone serves nobody.
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.bind(str(tmp_path / "libvirtd"))
        proxy.listen()
        found = daemon.daemon("/none")
        assert (found.name, found.reachable) == ("virtqemud", False)
        mask.unlink()
        assert daemon.daemon("/none").name == "libvirtd"
    mask.symlink_to(os.devnull)
    there.remove("virtqemud")
    assert daemon.daemon("/none").name == "libvirtd"


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ({"libvirtd"}, set()),
        ({"libvirtd", "virtqemud"}, set()),
        ({"virtqemud", "virtnetworkd"}, set()),
        ({"virtqemud"}, {"virtnetworkd"}),
        (set(), {"libvirtd"}),
    ],
)
def test_the_modular_daemons_come_in_parts(monkeypatch: pytest.MonkeyPatch, there: set[str], missing: set[str]) -> None:
    daemons = {"libvirtd", "virtqemud", "virtnetworkd"}
    monkeypatch.setattr(system, "find", lambda program: program if program in there or program not in daemons else None)
    assert {program for program, dummy in system.missing_programs(GOOD.system)} == missing


@pytest.mark.parametrize("missing", ["", "swtpm", "swtpm_setup", "swtpm_ioctl"])
def test_a_tpm_is_emulated_by_several_programs(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(system, "find", lambda program: None if program == missing else program)
    assert system.has_tpm() is not bool(missing)


def test_the_modular_daemon_counts_where_its_proxy_answers_for_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_SOCKETS", {name: f"{tmp_path}/{name}" for name in ("virtqemud", "libvirtd")})
    monkeypatch.setattr(daemon, "_PID_FILE", f"{tmp_path}/{{name}}.pid")
    monkeypatch.setattr(daemon, "_NETWORK_SOCKET", f"{tmp_path}/virtnetworkd")
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        for listener, name in ((one, "virtqemud"), (two, "libvirtd")):
            listener.bind(str(tmp_path / name))
            listener.listen()
        found = daemon.daemon("/none")
        assert (found.name, found.networks) == ("virtqemud", False)
    (tmp_path / "virtqemud").unlink()
    assert daemon.daemon("/none").reachable is False


def test_who_holds_the_package_manager_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "lock-frontend"
    monkeypatch.setattr(packages, "_LOCKS", (str(lock), str(tmp_path / "none")))
    with lock.open("w") as stream:
        assert packages.lock_holder() == ""
        fcntl.lockf(stream, fcntl.LOCK_EX)
        assert f"(process {os.getpid()})" in packages.lock_holder()


def test_the_directory_of_data_has_its_mode(tmp_path: Path) -> None:
    assert "does not exist" in system.data_problem(str(tmp_path / "none"))
    tmp_path.chmod(0o755)
    assert "mode 0711" in system.data_problem(str(tmp_path))
    tmp_path.chmod(0o711)
    assert system.data_problem(str(tmp_path)) == ""


def test_a_clock_that_was_set_back_is_no_reason_to_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = tmp_path / "hook"
    hook.touch()
    installed = hook.stat().st_ctime
    # The process started when the host did.
    monkeypatch.setattr(daemon, "_status", lambda dummy_pid: ["0"] * 20)
    with Path("/proc/uptime").open() as stream:
        uptime = float(stream.read().split()[0])
    for clock, knows in ((installed + 60, False), (installed + uptime + 60, True), (installed - 1200, True)):
        monkeypatch.setattr("time.time", lambda clock=clock: clock)
        assert daemon._knows(str(hook), 7) is knows, clock - installed
