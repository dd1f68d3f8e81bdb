# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's daemon as the host shows it: its socket, who reaps for it, whether it knows our hook."""

from __future__ import annotations

import contextlib
import glob
import os
import socket
import time
from collections.abc import Iterator
from typing import Optional

from .._model.preflight import DAEMONS, Daemon
from .process import find

# The modular daemon first: where it runs, virtproxyd answers at the socket of the monolithic one.
_SOCKETS = {"virtqemud": "/run/libvirt/virtqemud-sock", "libvirtd": "/run/libvirt/libvirt-sock"}
_ENABLED = "/etc/systemd/system/*.wants/{unit}"
_MASKED = ("/etc/systemd/system/{unit}", "/run/systemd/system/{unit}")
_NETWORK_SOCKET = "/run/libvirt/virtnetworkd-sock"
_LOG_SOCKET = "/run/libvirt/virtlogd-sock"
_PID_FILE = "/run/{name}.pid"
# As PID 1 or as a subreaper, these collect the children of a process that ended.
_REAPERS = frozenset(
    {
        "catatonit",
        "docker-init",
        "dumb-init",
        "init",
        "openrc-init",
        "podman-init",
        "runit",
        "s6-svscan",
        "systemd",
        "tini",
    }
)
# Boot time and time stamps of files are rounded differently.
_TOLERANCE = 2.0


def daemon(hook: str) -> Daemon:
    """hook is the path of our libvirt hook."""
    logs = _answers(_LOG_SOCKET)
    installed = _installed()
    answering = next((name for name, path in _SOCKETS.items() if _answers(path)), None)
    if answering == "libvirtd" and installed == "virtqemud" and not _usable("libvirtd"):
        # virtproxyd answers there, and has nobody to ask.
        answering = None
    name = answering or installed
    disabled = tuple(unit.name for unit in DAEMONS.get(name, ()) if not _enabled(unit.name))
    if answering is None:
        return Daemon(logs=logs, name=name, disabled=disabled)
    networks = name != "virtqemud" or _answers(_NETWORK_SOCKET)
    pid = _pid(name)
    if pid is None:
        # Socket activation starts it anew at the next connection.
        return Daemon(reachable=True, logs=logs, name=name, disabled=disabled, networks=networks)
    return Daemon(True, logs, pid, _reaped(pid), _knows(hook, pid), name, disabled, networks)


def _installed() -> str:
    """The daemon that would run guests: the one that systemd starts, else the one that is there, masked at last."""
    names = ("libvirtd", "virtqemud")
    usable = [name for name in names if _usable(name)]
    chosen = [name for name in usable if _enabled(f"{name}.socket") or _enabled(f"{name}.service")]
    return next(iter([*chosen, *usable, *(name for name in names if find(name))]), "")


def _usable(name: str) -> bool:
    """It is there, and nobody masked it, as is done with libvirtd where the modular daemons take its place."""
    links = (path.format(unit=f"{name}.service") for path in _MASKED)
    return find(name) is not None and not any(os.path.realpath(link) == os.devnull for link in links)


def _enabled(unit: str) -> bool:
    return bool(glob.glob(_ENABLED.format(unit=unit)))


def _answers(path: str) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(5.0)
        try:
            probe.connect(path)
        except PermissionError:
            return True
        except OSError:
            return False
    return True


def _pid(name: str) -> Optional[int]:
    try:
        with open(_PID_FILE.format(name=name), encoding="ascii") as stream:
            pid = int(stream.read())
    except (OSError, ValueError):
        return None
    return pid if os.path.isdir(f"/proc/{pid}") else None


def _reaped(pid: int) -> bool:
    return any(name in _REAPERS for name in _ancestors(pid))


def _ancestors(pid: int) -> Iterator[str]:
    """The names of the processes above, up to PID 1."""
    while pid > 1:
        pid = int(_status(pid)[1])
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
            yield stream.read().strip()


def _status(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: a name may hold blanks and parentheses. "0" when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 20


def _knows(hook: str, pid: int) -> bool:
    """libvirtd looks for hooks once, when it starts (as of 9.0): one installed later is never run."""
    try:
        installed = os.stat(hook).st_ctime
        now = time.time()
        with open("/proc/uptime", encoding="ascii") as stream:
            booted = now - float(stream.read().split()[0])
    except OSError:
        return True
    started = booted + int(_status(pid)[19]) / os.sysconf("SC_CLK_TCK")
    # The clock was set back since a file of the future came: that tells nothing, and no restart would change it.
    return installed <= started + _TOLERANCE or installed > now + _TOLERANCE
