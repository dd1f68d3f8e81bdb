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

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .results import NOT_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent
# Here the scenario writes a line when it begins to reboot its machine itself, and one when that is done: the time.
REBOOTS = "reboots"
# virsh keeps what it writes into a pipe for a while: only its own times are right.
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


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """Libvirt's events of all domains, a line each; libvirtd may be restarted in between."""
    lines: list[str] = []
    over = threading.Event()
    running: list[subprocess.Popen[str]] = []

    def watch() -> None:
        while not over.is_set():
            with subprocess.Popen(_WATCH, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
                running[:] = [process]
                lines.extend(process.stdout or ())
            time.sleep(0.2)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        over.set()
        for process in running:
            process.terminate()
        thread.join(timeout=5)


def main(arguments: list[str]) -> int:
    """Run it, and once more after an accident."""
    name, domain = arguments
    scratch = CHECKOUT / ".cache/molecule" / name
    environment = {**os.environ, "MOLECULE_EPHEMERAL_DIRECTORY": str(scratch)}
    for attempt in ("first", "second"):
        reboots = scratch / REBOOTS
        reboots.unlink(missing_ok=True)
        with watched() as events:
            command = ["molecule", "test", "--scenario-name", name]
            code = subprocess.run(command, env=environment, check=False).returncode
        own = [float(line) for line in reboots.read_text().split()] if reboots.exists() else []
        found = accidents(events, domain, own)
        if code == 0 or not found:
            return code
        print(f"In the {attempt} run QEMU's emulation of a hypervisor ended ({', '.join(found)}).", flush=True)
    print("QEMU's emulation of a hypervisor ended in two runs: here it is not reliable enough for this scenario")
    return NOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
