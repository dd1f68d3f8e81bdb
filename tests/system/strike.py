# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module, and does something at a moment of one call that it makes of libvirt.

    python strike.py MODULE PLAN <OPTIONS

Both are JSON. A plan has the `call` (`virDomain.attachDeviceFlags`); the process `libvirtd`, which is ended by
SIGKILL at the fraction `at` of the `length` seconds that the call takes, 0 being before it and 1 after; the file
`hold`, for which the call waits, beginning with the file `mark`; and the file `took` for the seconds that it took.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import libvirt


def strike(plan: dict[str, Any]) -> None:
    """Wrap the first call."""
    holder, name = plan["call"].split(".")
    kind = getattr(libvirt, holder)
    real: Callable[..., Any] = getattr(kind, name)

    def call(*arguments: Any, **named: Any) -> Any:
        setattr(kind, name, real)
        if "hold" in plan:
            Path(plan["mark"]).touch()
            end = time.monotonic() + 60
            while not Path(plan["hold"]).exists() and time.monotonic() < end:
                time.sleep(0.02)
        within = 0 < plan.get("at", 0) < 1
        if plan.get("at") == 0:
            os.kill(plan["libvirtd"], signal.SIGKILL)
        elif within:
            threading.Timer(plan["at"] * plan["length"], os.kill, (plan["libvirtd"], signal.SIGKILL)).start()
        started = time.monotonic()
        try:
            return real(*arguments, **named)
        finally:
            if "took" in plan:
                Path(plan["took"]).write_text(str(time.monotonic() - started))
            if plan.get("at") == 1:
                os.kill(plan["libvirtd"], signal.SIGKILL)

    setattr(kind, name, call)


if __name__ == "__main__":
    module, wanted = sys.argv[1:]
    if json.loads(wanted):
        strike(json.loads(wanted))
    # Without arguments of its own it reads its options from stdin.
    del sys.argv[1:]
    runpy.run_module(f"ansible_collections.burrow.vm.plugins.modules.{module}", run_name="__main__")
