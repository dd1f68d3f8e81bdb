# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What befalls a host: processes that end, a libvirtd that stops, a power cut. Independent of the code under test."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable
from xml.etree import ElementTree as ET

from .conftest import virsh

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIBVIRTD = Path("/run/libvirtd.pid")
KVM = Path("/dev/kvm")
# What stands above libvirtd where there is no service manager. They reap, and start it again.
_KEEPERS = ("tini", "burrow-libvirtd")
_DAEMONS = ("libvirtd", "virtlogd")
# What libvirt starts has one of these in its arguments. Another dnsmasq or QEMU of this host is none of our business.
_STARTED = ("qemu-system-", "virtiofsd", "dnsmasq")
_PLACES = ("/var/lib/libvirt/", "/run/burrow/")
_FRESH = ("libvirt", "libvirtd.pid", "virtlogd.pid", "burrow-libvirtd.pid")


def wait(reached: Callable[[], bool], what: str, limit: float = 30) -> None:
    deadline = time.monotonic() + limit
    while not reached():
        assert time.monotonic() < deadline, f"{what}: not within {limit:.0f} s"
        time.sleep(0.05)


def descendants(process: int) -> list[int]:
    """A process and all that it started, itself first."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children.setdefault(_parent(status), []).append(int(status.parent.name))
    found = [process]
    for known in found:
        found += children.get(known, [])
    return found


def send(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def refuse_with_others(*mine: str) -> None:
    """What ends libvirtd, or all guests, is done only where there are no others that it could hurt."""
    listed = {*virsh("list", "--name").split(), *virsh("list", "--all", "--autostart", "--name").split()}
    assert listed <= set(mine), f"{sorted(listed - set(mine))} run here, or would be started: end them, then test again"


def end_libvirtd() -> None:
    """End libvirtd as a crash does; whatever keeps it running starts it again."""
    send([pid(LIBVIRTD)], signal.SIGKILL)


def stop_libvirtd() -> None:
    """End libvirtd and what would start it again; guests run on."""
    top = _keepers()[0]
    daemon = pid(LIBVIRTD)
    send([top], signal.SIGTERM)
    wait(lambda: not _lives(daemon), "libvirtd ends")


def cut_power() -> list[str]:
    """Leave of libvirt and its guests what a power cut leaves. Returns the networks that were active.

    No process gets to tidy up; the bridges go, as does what was mounted, with all of /run that matters here. In a
    fresh container the KVM device is root's alone.
    """
    networks = virsh("net-list", "--name").split()
    bridges = [_bridge(name) for name in networks]
    keepers = _keepers()
    ended = set(_processes_of_libvirt())
    # First what would start libvirtd again is stopped; it reaps the others before it ends itself.
    send(keepers[1:], signal.SIGSTOP)
    send(ended, signal.SIGKILL)
    wait(lambda: not any(_lives(process) for process in ended), f"processes {sorted(ended)} end")
    send(keepers[1:], signal.SIGKILL)
    wait(lambda: not any(_lives(process) for process in keepers), f"processes {keepers} end")
    for point in sorted(mounts("/run/burrow/"), reverse=True):
        subprocess.run(["umount", point], check=True)
    for bridge in filter(None, bridges):
        subprocess.run(["ip", "link", "delete", bridge], check=True)
    _empty_run()
    if KVM.exists():
        os.chown(KVM, 0, 0)
        KVM.chmod(0o600)
    return networks


def mounts(below: str) -> dict[str, set[str]]:
    """Mount point -> options, as the kernel says."""
    table = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return {fields[1]: set(fields[3].split(",")) for fields in table if fields[1].startswith(below)}


def pid(file: Path) -> int:
    return int(file.read_text())


def is_started_anew(former: int) -> bool:
    """Whether another libvirtd than that process runs. It makes its file first, and writes its number then."""
    text = LIBVIRTD.read_text() if LIBVIRTD.exists() else ""
    return text.strip().isdigit() and int(text) != former


def _empty_run() -> None:
    assert not mounts("/run/burrow/")
    # rmdir only: whatever should still be mounted there is not deleted.
    for directory, dummy, dummy in os.walk("/run/burrow", topdown=False):
        Path(directory).rmdir()
    for name in _FRESH:
        path = Path("/run", name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _keepers() -> list[int]:
    """What stands above libvirtd, the topmost first."""
    found: list[int] = []
    above = _parent(_stat(pid(LIBVIRTD)))
    while above > 1 and Path(f"/proc/{above}/comm").read_text().strip() in _KEEPERS:
        found.insert(0, above)
        above = _parent(_stat(above))
    assert len(found) == len(_KEEPERS), "libvirtd doesn't run as role hypervisor starts it: burrow.vm.prepare"
    return found


def _processes_of_libvirt() -> Iterator[int]:
    """Those of this host; those of a container on it are of another host."""
    here = Path("/proc/self/ns/pid").readlink()
    for process in Path("/proc").glob("[0-9]*"):
        # It may end at any moment, and others' may not be looked at.
        with contextlib.suppress(OSError):
            if _is_of_libvirt((process / "cmdline").read_bytes()) and (process / "ns/pid").readlink() == here:
                yield int(process.name)


def _is_of_libvirt(command_line: bytes) -> bool:
    program, *arguments = command_line.decode(errors="replace").split("\0")
    name = Path(program).name
    started = name.startswith(_STARTED) and any(place in word for place in _PLACES for word in arguments)
    return started or name in _DAEMONS


def _bridge(network: str) -> str:
    bridge = ET.fromstring(virsh("net-dumpxml", network)).find("bridge")
    return "" if bridge is None else bridge.get("name", "")


def _stat(process: int) -> Path:
    return Path(f"/proc/{process}/stat")


def _parent(status: Path) -> int:
    return int(status.read_text().rpartition(")")[2].split()[1])


def _lives(process: int) -> bool:
    """Whether it is there and no zombie: PID 1 of a container may reap nothing."""
    try:
        return _stat(process).read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
