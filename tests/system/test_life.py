# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's life from its first failure to a power cut of its host: what lasts, what changes, and what is told.

One guest goes through all of it, since a boot costs a minute where there is no KVM. Each fixture is a step, and begins
where the one before it ended. The last steps end libvirtd and the host's other processes: no other guests may run.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_live import TABLE

from . import host
from .conftest import Controller, Run, domains, extra, keep_consoles, leftovers, virsh
from .life import CANARY, GOOD, GUEST, OWN_CONFIG, PORT, Life, Look, definitions, memory, secret
from .life_changes import CHANGES, ELSEWHERE, ROOM, Change, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

LATE = "life-late"
MORE: dict[str, Any] = {"burrow_memory": "1280MiB"}
# What stands below the table for a guest that failed.
FAILED = re.compile(
    r"^FAILED (?P<guest>\S+) in phase: (?P<phase>.+)\n +cause: +(?P<cause>\S.*)\n +next: +(?P<next>\S.*)", re.MULTILINE
)


def unchanged(run: Run) -> None:
    assert (run.code, run.failed) == (0, set()), run.why
    assert not any(run.changed.values()), run.changed


@pytest.fixture(scope="module")
def life(controller: Controller) -> Iterator[Life]:
    """Describe the guest; whatever happens, it is gone at the end, and libvirtd is there."""
    mine = {GUEST, LATE} & domains()
    assert not mine, f"ansible-playbook burrow.vm.destroy -e burrow_name=..., of {sorted(mine)}, then test again"
    made = Life(controller)
    for name, greeting in (("rw", "hello\n"), ("ro", "look only\n")):
        (controller.home / name).mkdir()
        (controller.home / name / "greeting").write_text(greeting)
    (controller.home / ".ssh").mkdir(mode=0o700)
    (controller.home / ".ssh/config").write_bytes(OWN_CONFIG)
    made.write_profile("first")
    yield made
    keep_consoles(GUEST, LATE)
    if not host.LIBVIRTD.exists():
        made.run("prepare")
    for name in sorted({GUEST, LATE} & domains()):
        controller.play("burrow.vm.destroy", *extra(burrow_name=name))


@pytest.fixture(scope="module")
def impatient(life: Life) -> Run:
    """Nothing boots in a second."""
    return life.run("up", burrow_timeout=1, burrow_cloud_config=secret("old"))


@pytest.fixture(scope="module")
def made(life: Life, impatient: Run) -> Run:
    """The guest is there and never was ready. It is reset with another secret, as loud as it gets."""
    return life.run("reset", "--diff", "-vvv")


@pytest.fixture(scope="module")
def again(life: Life, made: Run) -> Run:
    assert made.code == 0, made.why
    return life.run("up")


@dataclass(frozen=True)
class Forwarded:
    """Runs that give the running guest a forward, do so again, and take it away; what it said by the forward."""

    runs: tuple[Run, ...]
    banner: bytes
    rebooted: bool


@pytest.fixture(scope="module")
def forwarded(life: Life, again: Run) -> Forwarded:
    boot, forwards = life.boot_id(), {"burrow_forwards": [f"{PORT}:22", f"{PORT + 1}:22"]}
    runs = [life.run("up", **forwards), life.run("up", **forwards)]
    with socket.create_connection(("127.0.0.1", PORT + 1), 10) as connection:
        connection.settimeout(20)
        banner = connection.recv(8)
    runs.append(life.run("up"))
    return Forwarded(tuple(runs), banner, life.boot_id() != boot)


@pytest.fixture(scope="module")
def beside(life: Life, forwarded: Forwarded) -> Run:
    """Two guests: one is provisioned again, and the other comes up too late."""
    late = {LATE: {"burrow_memory": "512MiB", "burrow_cpus": 1, "burrow_timeout": 2}}
    run = life.run("up", *extra(burrow_provision=True), others=late)
    keep_consoles(LATE)
    life.controller.play("burrow.vm.destroy", *extra(burrow_name=LATE))
    return run


@pytest.fixture(scope="module")
def without_line(life: Life, beside: Run) -> bytes:
    """The caller's ssh configuration after a run that was told to leave it alone."""
    assert life.config != OWN_CONFIG
    run = life.run("up", *extra(burrow_ssh_include=False))
    assert run.code == 0, run.why
    return life.config


@pytest.fixture(scope="module")
def changed_profile(life: Life, without_line: bytes) -> Run:
    life.write_profile("second")
    return life.run("up")


def test_a_guest_that_is_late_is_named_with_phase_cause_and_next_step(impatient: Run) -> None:
    told = FAILED.search(impatient.output)
    assert told is not None, impatient.why
    assert told["guest"] == GUEST
    assert "answers" in told["phase"]
    assert "waited 1 s" in told["cause"]
    assert impatient.code != 0


def test_a_reset_makes_the_guest_anew(life: Life, made: Run) -> None:
    assert (made.code, made.failed) == (0, set()), made.why
    assert life.ssh("sudo cat /etc/secret") == f"{CANARY}-new"


def test_no_secret_shows_in_the_loudest_diff(made: Run) -> None:
    assert "--- before" in made.output, "the run showed no diff"
    assert CANARY not in made.output
    assert "PRIVATE KEY" not in made.output


def test_the_guest_has_what_it_was_promised(life: Life, made: Run) -> None:
    assert life.look() == GOOD


def test_a_second_run_changes_nothing(life: Life, again: Run) -> None:
    unchanged(again)


def test_a_running_guest_takes_forwards(forwarded: Forwarded) -> None:
    assert [run.code for run in forwarded.runs] == [0] * 3, [run.why for run in forwarded.runs]
    assert forwarded.banner == b"SSH-2.0-"
    unchanged(forwarded.runs[1])
    assert not forwarded.rebooted
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", PORT + 1), 10)


def test_beside_a_late_guest_the_other_is_ready(life: Life, beside: Run) -> None:
    assert beside.code != 0
    assert beside.failed == {LATE}, beside.why
    assert re.search(rf"^{GUEST} +running +\S+ +ssh ", beside.output, re.MULTILINE), beside.why
    told = {match["guest"]: match for match in FAILED.finditer(beside.output)}
    assert set(told) == {LATE}, beside.why
    assert "waited 2 s" in told[LATE]["cause"]


def test_the_include_line_comes_and_goes_and_nothing_else_with_it(without_line: bytes) -> None:
    assert without_line == OWN_CONFIG


def test_a_profile_runs_at_first_when_asked_for_and_when_it_changed(life: Life, changed_profile: Run) -> None:
    assert changed_profile.code == 0, changed_profile.why
    assert life.provisioned() == ["first", "first", "second"]
    assert life.config == b'Include "%s"\n' % bytes(life.controller.data / "ssh_config") + OWN_CONFIG


@dataclass(frozen=True)
class Restart:
    """A run with another memory; definitions are those of the running guest and of its next start."""

    run: Run
    before: tuple[str, str]
    after: tuple[str, str]
    rebooted: bool


def with_memory(life: Life, policy: str) -> Restart:
    before, boot = definitions(), life.boot_id()
    run = life.run("up", **MORE, burrow_restart_policy=policy)
    return Restart(run, before, definitions(), life.boot_id() != boot)


@pytest.fixture(scope="module")
def refused(life: Life, changed_profile: Run) -> Restart:
    return with_memory(life, "refuse")


@pytest.fixture(scope="module")
def deferred(life: Life, refused: Restart) -> Restart:
    return with_memory(life, "defer")


@pytest.fixture(scope="module")
def roomy(life: Life, deferred: Restart) -> Iterator[dict[str, Any]]:
    """What the module says of changes for which the guest has no room before its next start."""
    boot = life.boot_id()
    with surroundings():
        code, told = life.domain(**ROOM, restart_policy="defer")
        yield {**told, "code": code, "rebooted": life.boot_id() != boot}


@pytest.fixture(scope="module")
def restarted(life: Life, roomy: dict[str, Any]) -> Restart:
    """While the run waits for the guest, libvirtd ends, and comes back."""
    host.refuse_with_others(GUEST)
    before, boot = definitions(), life.boot_id()
    log = life.home / "restart.log"
    command = life.command("up", **MORE, burrow_restart_policy="now")
    daemon = host.pid(host.LIBVIRTD)
    with log.open("w") as output, life.controller.start(command, output=output) as process:
        host.wait(lambda: ": Wait until the guest answers]" in log.read_text(), "the guest is started", 180)
        # The wait has begun, and the guest needs some ten times as long.
        time.sleep(3)
        host.end_libvirtd()
        code = process.wait(timeout=300)
    print(log.read_text())
    host.wait(lambda: host.is_started_anew(daemon), "libvirtd is started again")
    return Restart(Run(code, log.read_text(), 0), before, definitions(), life.wait_for_boot(boot) != boot)


def test_a_change_that_needs_a_restart_is_refused_before_anything_changes(refused: Restart) -> None:
    assert refused.run.code != 0
    assert "restart_policy" in " ".join(refused.run.messages[GUEST]), refused.run.why
    assert refused.after == refused.before
    assert not refused.rebooted


def test_a_deferred_change_waits_for_a_restart(deferred: Restart) -> None:
    assert deferred.run.code == 0, deferred.run.why
    assert f"{GUEST} waits for a restart:\n  memory\n" in deferred.run.output
    assert [memory(definition) for definition in deferred.after] == [1024, 1280]
    assert not deferred.rebooted


def test_the_module_defers_what_makes_room(roomy: dict[str, Any]) -> None:
    assert roomy["code"] == 0, roomy
    assert {"cpus_maximum", "disks[disc]", "graphics[vnc]", "pcie_root_ports"} <= set(roomy["restart_required"])
    assert not roomy["rebooted"]


def test_a_restart_at_once_brings_the_change(life: Life, restarted: Restart) -> None:
    assert restarted.rebooted
    assert [memory(definition) for definition in restarted.after] == [1280, 1280]
    assert "waits for a restart" not in restarted.run.output
    assert int(life.ssh("grep MemTotal /proc/meminfo").split()[1]) > 1100 * 1024


def test_a_libvirtd_that_ends_during_the_wait_is_waited_for(restarted: Restart) -> None:
    assert restarted.run.code == 0, restarted.run.why


@pytest.fixture(scope="module")
def lively(life: Life, restarted: Restart) -> str:
    """Have a guest that takes changes as it runs; its boot."""
    return life.boot_id()


@pytest.mark.parametrize("name", CHANGES)
def test_the_running_guest_takes_each_change_and_shows_it(life: Life, lively: str, name: str) -> None:
    change = CHANGES[name]
    if change.needs and subprocess.run(change.needs, capture_output=True, check=False).returncode:
        pytest.skip(f"this kernel can't: {' '.join(change.needs)}")
    options = change.options if change.module != "domain" else {"name": GUEST, **change.options}
    code, told = life.module(change.module, options)
    assert (code, told.get("changed"), told.get("restart_required", [])) == (0, True, []), told
    assert answered(life, change) == change.answer
    code, told = life.module(change.module, options)
    assert (code, told.get("changed")) == (0, False), told


def answered(life: Life, change: Change) -> str:
    """The guest's answer; its kernel may take a moment to notice."""
    deadline = time.monotonic() + 20
    while (told := change.ask(life)) != change.answer and time.monotonic() < deadline:
        time.sleep(0.2)
    return told


def test_a_paused_guest_keeps_its_devices(life: Life, lively: str) -> None:
    virsh("suspend", GUEST)
    code, told = life.domain(disks=[{"name": "root"}], purge=["disks"])
    virsh("resume", GUEST)
    assert code != 0
    assert told["error"]["code"] == "restart_required"
    assert "a paused guest can't let go of a device" in told["msg"]


@pytest.fixture(scope="module")
def fewer_cpus(life: Life, lively: str) -> dict[str, Any]:
    """It keeps the CPU that it was given until its next start."""
    code, told = life.domain(cpus=2, restart_policy="defer")
    return {**told, "code": code}


def test_no_live_change_restarts_the_guest(life: Life, lively: str, fewer_cpus: dict[str, Any]) -> None:
    assert (fewer_cpus["code"], fewer_cpus["restart_required"]) == (0, ["cpus"]), fewer_cpus
    assert virsh("vcpucount", GUEST, "--live", "--active").strip() == "3"
    assert life.boot_id() == lively


def test_each_live_change_of_the_collection_is_seen() -> None:
    shown = {row for change in CHANGES.values() for row in change.rows}
    assert shown | set(ELSEWHERE) == set(TABLE)
    assert not shown & set(ELSEWHERE)


@pytest.fixture(scope="module")
def rebooted(life: Life, fewer_cpus: dict[str, Any]) -> Look:
    boot = life.boot_id()
    with contextlib.suppress(AssertionError):  # the connection may end with the guest
        life.ssh("sudo reboot")
    life.wait_for_boot(boot)
    return life.look()


def test_all_of_it_survives_a_reboot_of_the_guest(life: Life, rebooted: Look) -> None:
    assert rebooted == GOOD
    unchanged(life.run("up", **MORE))


needs_own_libvirtd = pytest.mark.skipif(
    Path("/run/systemd/system").exists(), reason="with systemd libvirtd is started by its socket, and a reboot is real"
)


@pytest.fixture(scope="module")
def without_libvirtd(life: Life, rebooted: Look) -> Run:
    """`up` where libvirtd was stopped; the guest runs on."""
    host.refuse_with_others(GUEST)
    boot = life.boot_id()
    host.stop_libvirtd()
    run = life.run("up", **MORE)
    assert life.boot_id() == boot
    return run


@needs_own_libvirtd
def test_up_starts_a_libvirtd_that_was_stopped(without_libvirtd: Run) -> None:
    assert without_libvirtd.code == 0, without_libvirtd.why
    assert "libvirtd is not running" in without_libvirtd.output
    assert virsh("domstate", GUEST).strip() == "running"


@pytest.fixture(scope="module")
def power_cut(life: Life, without_libvirtd: Run) -> Iterator[Look]:
    """The host loses its power, and is prepared as the start of a service at its next boot does it."""
    host.refuse_with_others(GUEST)
    life.ssh("sync")
    boot = life.boot_id()
    networks = host.cut_power()
    prepared = life.run("prepare")
    assert prepared.code == 0, prepared.why
    life.wait_for_boot(boot)
    yield life.look()
    for network in set(networks) - set(virsh("net-list", "--name").split()):
        virsh("net-start", network)


@needs_own_libvirtd
def test_all_of_it_survives_a_power_cut_of_the_host(life: Life, power_cut: Look) -> None:
    assert power_cut == GOOD
    unchanged(life.run("up", **MORE))


def test_no_later_run_applied_the_profile_again(life: Life, restarted: Restart) -> None:
    assert life.provisioned() == ["first", "first", "second"]


def test_destroy_leaves_nothing(life: Life, made: Run) -> None:
    gone = life.controller.play("burrow.vm.destroy", *extra(burrow_name=GUEST))
    assert gone.code == 0, gone.why
    assert not [found for guest in (GUEST, LATE) for found in leftovers(guest)]
    assert life.config == OWN_CONFIG
