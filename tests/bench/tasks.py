# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks cost that change nothing: one domain, a hundred domains in one play, and a look at five hundred.

    make setup && sudo .venvs/test/bin/python -m tests.bench.tasks

Domains bench-task-NNN are defined on qemu:///system, never started, and removed again. A figure is of one task: what a
play with many takes beyond one with none, over their number; the median of the rounds. Beside it stands the CPU time
of Ansible and the module, which other work on the machine disturbs less. Run it when nothing else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
URI = "qemu:///system"
DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/><serial>root</serial>
    </disk>
    <interface type='network'><source network='default'/><model type='virtio'/></interface>
    <serial type='pty'/>
  </devices>
</domain>
"""


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of CPU time."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.3f} s ({self.cpu:.3f} s of CPU)"

    def beyond(self, other: Cost, times: int = 1) -> Cost:
        """What it costs more than another, each of so many."""
        return Cost((self.wall - other.wall) / times, (self.cpu - other.cpu) / times)


class Plays:
    """Times plays with a single task, as often as it is asked for."""

    def __init__(self, directory: Path, rounds: int) -> None:
        self.directory = directory
        self.rounds = rounds
        self.environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv/collections"),
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "LC_ALL": "C.UTF-8",
        }
        self.empty = self._median([])

    def cost(self, module: str, options: dict[str, Any], items: list[str]) -> Cost:
        """What one of these tasks takes. {{ item }} in the options is one of the items."""
        task = {"name": "Do it", module: options, "loop": items}
        return self._median([task]).beyond(self.empty, len(items))

    def _median(self, tasks: list[dict[str, Any]]) -> Cost:
        file = self.directory / "play.yml"
        variables = {"ansible_python_interpreter": "/usr/bin/python3"}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}
        file.write_text(json.dumps([play]))
        costs = [self._run(file) for dummy in range(self.rounds)]
        return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))

    def _run(self, file: Path) -> Cost:
        before = Cost(time.monotonic(), children())
        command = [CHECKOUT / ".venv/bin/ansible-playbook", file]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        # An empty play has no recap.
        if done.returncode or ("ok=" in done.stdout and " changed=0 " not in done.stdout):
            sys.exit(f"a task failed, or changed something:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return Cost(time.monotonic(), children()).beyond(before)


def children() -> float:
    """CPU seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def virsh(commands: list[str]) -> None:
    """Run commands of virsh in one connection; one that fails stops nothing."""
    subprocess.run(["virsh", "-q", "-c", URI], input="\n".join(commands), capture_output=True, text=True, check=False)


def define(directory: Path, names: list[str]) -> None:
    """Small domains, on the same disk."""
    disk = directory / "root.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"], check=True)
    for name in names:
        (directory / f"{name}.xml").write_text(DOMAIN.format(name=name, disk=disk))
    virsh([f"define {directory / name}.xml" for name in names])


def measure(plays: Plays, directory: Path, names: list[str]) -> None:
    """Print all figures."""
    options = {"name": "{{ item }}", "data": str(directory), "cpus": 1, "memory": "256MiB", "autostart": False}
    options["disks"] = [{"name": "root", "source": str(directory / "root.qcow2")}]
    options["interfaces"] = [{"source": "default"}]
    ping = plays.cost("ansible.builtin.ping", {}, names[:20])
    one = plays.cost("burrow.vm.domain", options, names[:1] * 20)
    many = plays.cost("burrow.vm.domain", options, names[:100])
    single = plays.cost("burrow.vm.domain_info", {"name": names[0]}, names[:1] * 5)
    every = plays.cost("burrow.vm.domain_info", {}, ["all"])
    print(f"an empty play: {plays.empty}")
    print(f"an empty module task: {ping}")
    print(f"domain, no change: {one}; over the empty one: {one.beyond(ping)}")
    print(f"domain, no change, {len(names[:100])} domains in one play, each: {many}")
    print(f"domain_info of one: {single}")
    print(f"domain_info of all, {len(names)} and what else there is: {every}")


def main() -> None:
    """Define, measure, remove."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    names = [f"bench-task-{number:03}" for number in range(options.domains)]
    with tempfile.TemporaryDirectory(prefix="burrow-bench-", dir="/var/tmp") as scratch:
        try:
            define(Path(scratch), names)
            measure(Plays(Path(scratch), options.rounds), Path(scratch), names)
        finally:
            virsh([f"undefine {name}" for name in names])


if __name__ == "__main__":
    main()
