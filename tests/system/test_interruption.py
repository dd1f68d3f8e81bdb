# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are ended in the middle: the next one converges, and nothing is leaked.

One guest is made by a row of runs, each of which is ended a phase later than the one before it; the last may finish.
So all of it costs one boot. Images are interrupted in module image's own target.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest

from .conftest import DATA, Controller, Run, domains, extra, keep_consoles, leftovers
from .host import descendants, send

if TYPE_CHECKING:
    from collections.abc import Iterator

GUEST = "burrow-test-cut"
DIRECTORY = DATA / "guests" / GUEST
# In what is secret; it may show nowhere.
CANARY = "canary-8d20e7"


def any_file(directory: Path, pattern: str) -> bool:
    return any(directory.glob(pattern))


@dataclass(frozen=True)
class Cut:
    """A moment in a run, and how it is ended there: by Ctrl-C, or with everything it started, as by a power cut."""

    phase: str
    number: signal.Signals
    reached: Callable[[], bool]
    seconds_later: float = 0


CUTS = (
    Cut("seed begun", signal.SIGKILL, lambda: any_file(DIRECTORY, "private")),
    Cut("seed written", signal.SIGINT, lambda: any_file(DIRECTORY, "*seed*")),
    Cut("disk begun", signal.SIGKILL, lambda: any_file(DIRECTORY, "*root*")),
    Cut("disk made", signal.SIGINT, lambda: any_file(DIRECTORY, "root.qcow2")),
    Cut("defined", signal.SIGKILL, lambda: Path(f"/etc/libvirt/qemu/{GUEST}.xml").exists()),
    Cut("started", signal.SIGINT, lambda: Path(f"/run/libvirt/qemu/{GUEST}.pid").exists()),
    Cut("booting", signal.SIGKILL, lambda: Path(f"/run/libvirt/qemu/{GUEST}.pid").exists(), 3),
)


def end(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Ctrl-C reaches ansible-playbook alone: its workers have sessions of their own. All else reaches all of them."""
    victims = [process.pid] if number == signal.SIGINT else descendants(process.pid)
    if number == signal.SIGKILL:
        # First all are stopped, so that none starts another meanwhile.
        send(victims, signal.SIGSTOP)
        victims = descendants(process.pid)
    send(victims, number)
    process.wait(timeout=60)


def cut(controller: Controller, command: list[str], point: Cut, limit: float = 120) -> bool:
    """Run a command up to a point; False when it ended before."""
    log = controller.home / f"{point.phase.replace(' ', '-')}.log"
    with log.open("w") as output, controller.start(command, output=output) as process:
        deadline = time.monotonic() + limit
        while process.poll() is None and time.monotonic() < deadline:
            if point.reached():
                time.sleep(point.seconds_later)
                end(process, point.number)
                return True
            time.sleep(0.002)
        end(process, signal.SIGKILL)
    print(log.read_text())
    return False


@pytest.fixture(scope="module")
def arguments(controller: Controller) -> Iterator[tuple[str, ...]]:
    """Describe the guest; whatever happens, it is gone at the end."""
    assert GUEST not in domains(), f"ansible-playbook burrow.vm.destroy -e burrow_name={GUEST}, then test again"
    secret = {"write_files": [{"path": "/etc/secret", "content": CANARY, "permissions": "0600"}]}
    yield extra(burrow_name=GUEST, burrow_memory="1GiB", burrow_cpus=2, burrow_cloud_config=secret)
    keep_consoles(GUEST)
    if DIRECTORY.exists() or GUEST in domains():
        controller.play("burrow.vm.destroy", *extra(burrow_name=GUEST))


@pytest.fixture(scope="module")
def cuts(controller: Controller, arguments: tuple[str, ...]) -> dict[str, bool]:
    """End one run after the other; each finds what the one before it left."""
    command = controller.command("burrow.vm.up", *arguments)
    return {point.phase: cut(controller, command, point) for point in CUTS}


@pytest.fixture(scope="module")
def last(controller: Controller, arguments: tuple[str, ...], cuts: dict[str, bool]) -> Run:
    return controller.play("burrow.vm.up", *arguments, "-vvv")


@pytest.mark.parametrize("phase", [point.phase for point in CUTS])
def test_a_run_was_ended(cuts: dict[str, bool], phase: str) -> None:
    assert cuts[phase], "the run came to its end, or never to this phase"


def test_the_next_run_converges(last: Run) -> None:
    assert (last.code, last.failed) == (0, set()), last.why


def test_no_secret_shows_in_the_loudest_output(last: Run) -> None:
    assert CANARY not in last.output
    assert "PRIVATE KEY" not in last.output


def test_then_nothing_is_left_to_do(controller: Controller, arguments: tuple[str, ...], last: Run) -> None:
    again = controller.play("burrow.vm.up", *arguments)
    assert again.code == 0, again.why
    assert not any(again.changed.values()), again.changed


def test_the_guest_is_whole(controller: Controller, last: Run) -> None:
    told = controller.ssh(GUEST, "sudo cat /etc/secret && echo && cloud-init status")
    assert told.split() == [CANARY, "status:", "done"]


def test_nothing_half_made_is_left(last: Run) -> None:
    assert not [str(file) for file in DATA.rglob("*") if file.name.endswith((".part", ".tmp"))]
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert not [line for line in listing if f'"burrow_name": "{GUEST}"' in line]


def test_a_seed_whose_guest_went_is_made_anew(controller: Controller) -> None:
    """As after a destroy that was ended in the middle: it has no host key any more, and a new root needs one."""
    name = f"{GUEST}-seed"
    seeds = [{"user": "joe"}, {"host_key": "sealed"}]
    tasks = [{"burrow.vm.cloud_init": {"name": name, **options}} for options in seeds]
    plays = controller.home / "seed.yml"
    plays.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    try:
        assert controller.play(str(plays)).code == 0
        planned = controller.play("burrow.vm.up", *extra(burrow_name=name), "--check")
        assert planned.code == 0, planned.why
        assert f"make anew the seed {DATA}/guests/{name}/seed.img" in planned.output
    finally:
        controller.play("burrow.vm.destroy", *extra(burrow_name=name))


def test_destroy_leaves_nothing(controller: Controller, last: Run) -> None:
    assert controller.play("burrow.vm.destroy", *extra(burrow_name=GUEST)).code == 0
    assert not leftovers(GUEST)
