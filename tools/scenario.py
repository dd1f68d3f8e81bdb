# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a Molecule scenario whose VM is a hypervisor: `python -m tools.scenario NAME DOMAIN`.

Where there is no KVM, that VM's own KVM is QEMU's emulation of AMD's SVM, and now and then that ends: QEMU aborts, or
resets its machine without a word of the kernel in it (seen with QEMU 7.2 and 10.0, once in about ten boots of a VM in
the VM). libvirt tells of both. A run that failed after it is said to be one, and done again, once; a second such end
means that the scenario can't run here. A run that failed without it has failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .results import NOT_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Names the file in which the scenario writes the time when it begins to reboot its machine itself, and when that is
# done. It lies outside of Molecule's own directory, which is cleared at a run's end.
REBOOTS = "BURROW_REBOOTS"
_WATCH = ("virsh", "--connect", "qemu:///system", "event", "--all", "--loop", "--timestamp")
_EVENT = re.compile(r"^(\S+ \S+): event '(?P<event>[a-z]+)' for domain '?(?P<domain>[^' :]+)'?(?::(?P<detail>.*))?$")
_TIME = "%Y-%m-%d %H:%M:%S.%f%z"
_CRASHES = ("Stopped Crashed", "Stopped Failed")


def accidents(events: Iterable[str], domain: str, reboots: Sequence[float]) -> list[str]:
    """What the emulator did by itself, in a word each. reboots: when reboots by the scenario began and were done."""
    found = []
    for match in filter(None, map(_EVENT.match, events)):
        if match["domain"] != domain:
            continue
        when = datetime.strptime(match[1], _TIME).timestamp()
        if match["event"] == "reboot" and not _within(when, reboots):
            found.append("reset")
        elif match["event"] == "lifecycle" and (match["detail"] or "").strip() in _CRASHES:
            found.append("abort")
    return found


def _within(when: float, times: Sequence[float]) -> bool:
    return any(begin - 1 <= when <= end + 1 for begin, end in zip(times[::2], times[1::2]))


def run(name: str, domain: str) -> tuple[int, list[str]]:
    """Run it once: its exit code, and what the emulator did by itself meanwhile."""
    with tempfile.TemporaryDirectory(prefix="burrow-") as directory:
        events, reboots = Path(directory) / "events", Path(directory) / "reboots"
        reboots.touch()
        with events.open("w") as stream, subprocess.Popen(_WATCH, stdout=stream) as watch:
            command = ["molecule", "test", "--scenario-name", name]
            try:
                code = subprocess.run(command, env={**os.environ, REBOOTS: str(reboots)}, check=False).returncode
            finally:
                watch.terminate()
        own = [float(line) for line in reboots.read_text().split()]
        return code, accidents(events.read_text().splitlines(), domain, own)


def main(arguments: list[str]) -> int:
    """Run it, and once more after an accident."""
    for attempt in ("first", "second"):
        code, found = run(*arguments)
        if code == 0 or not found:
            return code
        print(f"In the {attempt} run QEMU's emulation of a hypervisor ended ({', '.join(found)}).", flush=True)
    print("QEMU's emulation of a hypervisor ended in two runs: here it is not reliable enough for this scenario")
    return NOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
