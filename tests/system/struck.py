# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of test_libvirtd_ends.py: what is done to them, and what is there, asked from libvirt and the kernel."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from . import host
from .conftest import CHECKOUT, domains, virsh

if TYPE_CHECKING:
    from collections.abc import Iterator

GUEST, BYSTANDER = "burrow-test-struck", "burrow-test-bystander"
# What keeps libvirtd running gives up after five ends in a row, each within 5 s of a start; systemd after five in 10 s.
_QUICK, _MOST = 5.5, 3
# Where libvirt writes a definition beside before it renames it. (What it keeps elsewhere it writes anew all the time.)
_DEFINITIONS = Path("/etc/libvirt/qemu")


@dataclass(frozen=True)
class Task:
    """A module and its options. A disk's source is a name in the test's own directory."""

    module: str
    options: dict[str, Any]

    def written(self, directory: Path) -> dict[str, Any]:
        disks = [
            {**disk, "source": str(directory / disk["source"])} if "source" in disk else disk
            for disk in self.options.get("disks", ())
        ]
        own = {"disks": disks} if disks else {}
        return {"uri": "qemu:///system", "data": str(directory / "data"), **self.options, **own}


@dataclass(frozen=True)
class Result:
    """What came of a module. crashed: it said something else than a result, or an error that has no name."""

    found: dict[str, Any]
    stderr: str

    @property
    def failed(self) -> bool:
        return bool(self.found.get("failed", not self.found))

    @property
    def changed(self) -> bool:
        return bool(self.found.get("changed"))

    @property
    def crashed(self) -> bool:
        named = not self.failed or bool(self.found.get("error", {}).get("code"))
        return bool(self.stderr) or not named or "exception" in self.found

    @property
    def waited(self) -> float:
        return float(self.found["timings"]["lock"])

    def __str__(self) -> str:
        shown = {name: self.found[name] for name in ("msg", "error", "changed", "actions") if name in self.found}
        return f"{shown} {self.stderr}"


@dataclass(frozen=True)
class Look:
    """What of the guest is there. held: whether its lock is. open_files: of the directory, by its QEMU.

    unfinished: what libvirt had begun to write.
    """

    states: dict[str, str]
    defined: tuple[str, ...]
    running: tuple[str, ...]
    files: tuple[str, ...]
    open_files: tuple[str, ...]
    snapshots: tuple[str, ...]
    inside: tuple[str, ...]
    jobs: int
    held: bool
    unfinished: tuple[str, ...]


@dataclass
class Bed:
    """A directory with disks, a guest on them, and another beside it. ends: how often libvirtd ended of late."""

    directory: Path
    started: float = field(default_factory=time.monotonic)
    ends: int = _MOST

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> Iterator[Bed]:
        # Not below /tmp: QEMU's user has to pass.
        with tempfile.TemporaryDirectory(prefix="burrow-struck-", dir="/var/tmp") as directory:
            Path(directory).chmod(0o711)
            bed = cls(Path(directory))
            for name in ("root.qcow2", "more.qcow2"):
                command = ["qemu-img", "create", "-q", "-f", "qcow2", str(bed.directory / name), "16M"]
                subprocess.run(command, check=True)
            bystander = {"name": BYSTANDER, "cpus": 1, "memory": "256MiB", "firmware": "bios", "state": "running"}
            try:
                bed.have(Task("domain", bystander))
                yield bed
            finally:
                processes = bed.processes()
                for name in (GUEST, BYSTANDER):
                    bed.run(Task("domain", {"name": name, "state": "absent"}))
                # Of which libvirt may know no more.
                host.send(processes.values(), signal.SIGKILL)

    def run(self, task: Task, **plan: Any) -> Result:
        return self._result(self._start(task, **plan))

    def have(self, *tasks: Task) -> None:
        """Have it so, whatever was."""
        for task in tasks:
            result = self.run(task)
            assert not result.failed, result

    def measure(self, task: Task, call: str) -> float:
        took = self.directory / "took"
        result = self.run(task, call=call, took=str(took))
        assert result.changed, result
        length = float(took.read_text())
        took.unlink()
        return length

    def strike(self, task: Task, call: str, moment: float, length: float) -> Result:
        """Kill libvirtd at a moment of the call, and wait until it is there again."""
        self._keep_pace()
        daemon = host.pid(host.LIBVIRTD)
        result = self.run(task, call=call, libvirtd=daemon, at=moment, length=length)
        host.wait(lambda: not Path(f"/proc/{daemon}").exists(), "libvirtd is killed")
        host.wait(lambda: host.is_started_anew(daemon), "libvirtd is started again")
        self.started = time.monotonic()
        host.wait(_answers, "libvirtd answers")
        return result

    def together(self, first: Task, second: Task, call: str) -> tuple[Result, Result]:
        """Have a first run wait at a call until a second one has waited for it."""
        mark, hold = self.directory / "mark", self.directory / "hold"
        leader = self._start(first, call=call, hold=str(hold), mark=str(mark))
        host.wait(mark.exists, "the first run comes to its call")
        follower = self._start(second)
        lock = str(self._lock)
        host.wait(lambda: lock in _open_files(follower.pid), "the second run comes to the lock")
        time.sleep(0.3)
        hold.touch()
        results = (self._result(leader), self._result(follower))
        mark.unlink()
        hold.unlink()
        return results

    def processes(self) -> dict[str, int]:
        """QEMU's process of each guest that runs."""
        files = {name: Path(f"/run/libvirt/qemu/{name}.pid") for name in (GUEST, BYSTANDER)}
        return {name: host.pid(file) for name, file in files.items() if file.exists()}

    def look(self) -> Look:
        """Ask libvirt and the kernel, and not the code under test."""
        there = GUEST in domains()
        states = {name: virsh("domstate", name).strip() for name in sorted({GUEST, BYSTANDER} & domains())}
        process = self.processes().get(GUEST)
        live = virsh("dumpxml", GUEST) if process else "<domain/>"
        return Look(
            states=states,
            defined=_sources(virsh("dumpxml", "--inactive", GUEST)) if there else (),
            running=_sources(live),
            files=tuple(sorted(file.name for file in self.directory.iterdir())),
            open_files=self._of_mine(process),
            snapshots=tuple(virsh("snapshot-list", "--name", GUEST).split()) if there else (),
            inside=self._inside(),
            jobs=len(ET.fromstring(live).findall("devices/disk/mirror")),
            held=self._held(),
            unfinished=tuple(str(file) for file in _DEFINITIONS.glob(f"{GUEST}*.new")),
        )

    def _start(self, task: Task, **plan: Any) -> subprocess.Popen[str]:
        driver = Path(__file__).with_name("strike.py")
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / ".venv/collections"), "LC_ALL": "C.UTF-8"}
        process = subprocess.Popen(
            [sys.executable, str(driver), task.module, json.dumps(plan)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": task.written(self.directory)}))
        process.stdin.close()
        process.stdin = None
        return process

    def _result(self, process: subprocess.Popen[str]) -> Result:
        output, errors = process.communicate(timeout=120)
        try:
            return Result(json.loads(output), errors)
        except ValueError:
            return Result({}, output + errors)

    def _keep_pace(self) -> None:
        age = time.monotonic() - self.started
        if age >= _QUICK:
            self.ends = 0
        elif self.ends >= _MOST:
            time.sleep(_QUICK - age)
            self.ends = 0
        else:
            self.ends += 1

    def _inside(self) -> tuple[str, ...]:
        """The internal snapshots, as the file has them."""
        command = ["qemu-img", "info", "-U", "--output=json", str(self.directory / "root.qcow2")]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return tuple(item["name"] for item in told.get("snapshots", ()))

    def _of_mine(self, process: int | None) -> tuple[str, ...]:
        files = _open_files(process) if process else ()
        return tuple(file for file in files if file.startswith(str(self.directory)))

    @property
    def _lock(self) -> Path:
        return self.directory / "data/locks" / f"guest-{GUEST}"

    def _held(self) -> bool:
        with self._lock.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def _open_files(process: int) -> list[str]:
    links = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.add(str(descriptor.readlink()))
    return sorted(links)


def _sources(text: str) -> tuple[str, ...]:
    """Each disk's files, from the one that is written downwards."""
    disks = ET.fromstring(text).findall("devices/disk")
    return tuple(Path(source.get("file", "")).name for disk in disks for source in disk.iter("source"))


def _answers() -> bool:
    with contextlib.suppress(subprocess.CalledProcessError):
        domains()
        return True
    return False
