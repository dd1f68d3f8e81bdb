# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at this host's /dev/kvm and CPU."""

from __future__ import annotations

import os
import platform
import stat

from .._model.accelerator import DEVICE, Accelerator, Evidence, decide

# The first CPU's flags stand in the first kilobytes, however many CPUs follow.
_CPUINFO_LIMIT = 16384


def detect() -> Accelerator:
    """The accelerator that guests on this host can really use."""
    return decide(observe())


def observe() -> Evidence:
    """What decides about the accelerator, without touching anything."""
    error, root_only = None, False
    try:
        descriptor = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        others = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
        root_only = status.st_uid == 0 and not status.st_mode & others
    except FileNotFoundError:
        error = "there is no such device (virtualisation is off in the firmware, or kvm isn't loaded)"
    except OSError as problem:
        error = str(problem.strerror or problem)
    return Evidence(platform.machine(), error, root_only, _cpu_flags())


def _cpu_flags() -> frozenset[str]:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as stream:
            text = stream.read(_CPUINFO_LIMIT)
    except OSError:
        return frozenset()
    for line in text.splitlines():
        name, dummy, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()
