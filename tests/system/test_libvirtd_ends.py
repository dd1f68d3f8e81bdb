# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd is killed in the middle of what a module has it do; and two runs work on one domain at once.

The modules run as Ansible runs them, but for their packing. What is there after the next run is compared with what is
there after a run that nothing disturbed. No guest has an operating system, so none of it waits for one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from . import host
from .struck import BYSTANDER, GUEST, Bed, Look, Task

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Operation:
    """What is asked for, the call of libvirt that does it, and what is asked for before, so that it has to be done.

    moments: fractions of the time that the call takes; 0 is right before it, and 1 right after.
    """

    name: str
    call: str
    wanted: Task
    before: tuple[Task, ...]
    moments: tuple[float, ...] = (0.3, 0.6, 0.9)


def domain(**options: Any) -> Task:
    return Task("domain", {"name": GUEST, **options})


def snapshot(**options: Any) -> Task:
    return Task("snapshot", {"domain": GUEST, "name": "cut", "timeout": 8, **options})


ROOT, MORE = {"name": "root"}, {"name": "more", "source": "more.qcow2", "bus": "scsi"}
SMALL = {"cpus": 1, "memory": "256MiB", "firmware": "bios", "title": "small"}
WHOLE = {**SMALL, "disks": [{**ROOT, "source": "root.qcow2", "bus": "scsi"}]}
OFF, GONE = domain(state="stopped", timeout=0), domain(state="absent")
RUNNING = domain(**WHOLE, state="running")
PLAIN = domain(**SMALL, disks=[ROOT], purge=["disks"], timeout=20)
ATTACHED = domain(disks=[ROOT, MORE])
EXTERNAL, INTERNAL = snapshot(kind="external"), snapshot(kind="internal")
NONE = snapshot(state="absent")

# In this order: the guest is defined and started, and what follows is done as it runs.
OPERATIONS = (
    Operation("define", "virConnect.defineXML", domain(**WHOLE, state="stopped"), (GONE,), (0.5, 1)),
    Operation("change", "virConnect.defineXML", domain(title="changed"), (domain(**WHOLE, state="stopped"),), (0.5, 1)),
    Operation("start", "virDomain.createWithFlags", domain(state="running"), (domain(state="stopped", timeout=1),)),
    Operation("attach", "virDomain.attachDeviceFlags", ATTACHED, (RUNNING, PLAIN)),
    Operation("detach", "virDomain.detachDeviceFlags", PLAIN, (ATTACHED,), (0.3, 0.9)),
    Operation("external snapshot", "virDomain.snapshotCreateXML", EXTERNAL, (RUNNING, NONE)),
    # In between libvirt 9.0 saves for a moment what it can't read again (a mirror of no job): the guest runs on, and
    # the next libvirtd takes it for stopped.
    Operation("merge", "virDomain.blockCommit", NONE, (RUNNING, EXTERNAL), (0, 1)),
    Operation("end of a merge", "virDomain.blockJobAbort", NONE, (EXTERNAL,), (0, 1)),
    Operation("internal snapshot", "virDomain.snapshotCreateXML", INTERNAL, (RUNNING, NONE)),
    Operation("end of an internal snapshot", "virDomainSnapshot.delete", NONE, (INTERNAL,), (0.5, 1)),
)
CASES = [(operation, moment) for operation in OPERATIONS for moment in operation.moments]


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    """Two guests of no account; whatever happens, they are gone at the end."""
    host.refuse_with_others(GUEST, BYSTANDER)
    with Bed.made() as made:
        yield made


@pytest.fixture(scope="module")
def undisturbed(bed: Bed) -> dict[str, tuple[float, Look]]:
    """What an operation's call takes, and what is there afterwards. Found out when it is first wanted."""
    return {}


@pytest.mark.parametrize(("operation", "moment"), CASES, ids=[f"{item.name} at {moment}" for item, moment in CASES])
def test_the_next_run_puts_right_what_a_killed_libvirtd_left(
    bed: Bed, undisturbed: dict[str, tuple[float, Look]], operation: Operation, moment: float
) -> None:
    if operation.name not in undisturbed:
        bed.have(*operation.before)
        undisturbed[operation.name] = (bed.measure(operation.wanted, operation.call), bed.look())
    length, good = undisturbed[operation.name]
    bed.have(*operation.before)
    processes = bed.processes()
    struck = bed.strike(operation.wanted, operation.call, moment, length)
    again, quiet = bed.run(operation.wanted), bed.run(operation.wanted)
    print(moment, length, struck, again, sep="\n")
    assert not struck.crashed, struck
    assert not again.failed, again
    assert struck.changed or again.changed or struck.failed
    assert (quiet.failed, quiet.changed) == (False, False), quiet
    assert bed.look() == good
    now = bed.processes()
    assert {name: now.get(name) for name in processes} == processes


def test_two_runs_with_one_change_wait_for_each_other(bed: Bed) -> None:
    bed.have(RUNNING, PLAIN)
    first, second = bed.together(ATTACHED, ATTACHED, "virDomain.attachDeviceFlags")
    assert (first.failed, second.failed) == (False, False), (first, second)
    assert (first.changed, second.changed) == (True, False)
    assert second.waited > 0.2


def test_a_snapshot_and_a_change_of_its_domain_wait_for_each_other(bed: Bed) -> None:
    bed.have(RUNNING, PLAIN, NONE)
    first, second = bed.together(EXTERNAL, domain(title="meanwhile"), "virDomain.snapshotCreateXML")
    assert (first.failed, second.failed) == (False, False), (first, second)
    assert second.waited > 0.2
    assert bed.run(NONE).changed


@pytest.mark.parametrize(
    ("first", "second", "call", "left"),
    [
        (GONE, RUNNING, "virDomain.undefineFlags", {GUEST, BYSTANDER}),
        (RUNNING, GONE, "virDomain.createWithFlags", {BYSTANDER}),
    ],
    ids=["absent, then running", "running, then absent"],
)
def test_two_runs_that_contradict_each_other_come_one_after_the_other(
    bed: Bed, first: Task, second: Task, call: str, left: set[str]
) -> None:
    # What comes second undoes what comes first, so that both have something to do.
    bed.have(second)
    results = bed.together(first, second, call)
    assert [(result.failed, result.changed) for result in results] == [(False, True)] * 2, results
    assert results[1].waited > 0.2
    assert set(bed.look().states) == set(bed.processes()) == left
