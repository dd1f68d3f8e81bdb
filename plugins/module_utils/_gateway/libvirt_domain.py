# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains as libvirt defines, starts, stops and removes them."""

from __future__ import annotations

import time
from typing import Any

from .._errors import HostError
from .libvirt import (
    ACTIVE_STATES,
    NO_DOMAIN,
    OPERATION_INVALID,
    RUNNING_STATES,
    Connection,
    failing,
    state_word,
    vanishing,
)

# virDomainUndefineFlagsValues
_UNDEFINE = {"managed_save": 1, "snapshots": 2, "nvram": 4, "keep_nvram": 8, "checkpoints": 16, "tpm": 32}
# VIR_DOMAIN_UNDEFINE_TPM came with 8.9: an older daemon refuses the flag.
_UNDEFINE_TPM_SINCE = 8_009_000
_RESIZE_BYTES = 1
_POLL = 0.1


class Domains(Connection):
    """A connection to one libvirt that changes its domains."""

    def capabilities(self) -> str:
        with failing("read the capabilities", self.uri):
            return str(self.handle.getCapabilities())

    def domain_handle(self, name: str) -> Any:
        """libvirt's own handle of a domain that must be there."""
        handle = self.find_domain(name)
        if handle is None:
            raise HostError("find the domain", name, "there is none of this name", code="no_domain")
        return handle

    def define(self, name: str, xml: str) -> None:
        with failing("define the domain", name):
            self.handle.defineXML(xml)

    def start(self, name: str) -> None:
        with failing("start the domain", name, f"QEMU's own words are in /var/log/libvirt/qemu/{name}.log."):
            self.domain_handle(name).create()

    def resume(self, name: str) -> None:
        with failing("resume the domain", name):
            handle = self.domain_handle(name)
            if state_word(handle.state()[0]) == "pmsuspended":
                handle.pMWakeup()
            else:
                handle.resume()

    def shutdown(self, name: str) -> None:
        """Ask the guest to shut down. It may be gone already."""
        with vanishing(OPERATION_INVALID), failing("shut the domain down", name):
            self.domain_handle(name).shutdown()

    def stop(self, name: str, timeout: float) -> None:
        """Let the guest shut down; after timeout (seconds) take its power away."""
        if self.state(name) in RUNNING_STATES:
            self.shutdown(name)
            end = time.monotonic() + timeout
            while self.state(name) in RUNNING_STATES and time.monotonic() < end:
                time.sleep(_POLL)
        if self.state(name) in ACTIVE_STATES:
            self.power_off(name)

    def power_off(self, name: str) -> None:
        with vanishing(OPERATION_INVALID), failing("power the domain off", name):
            self.domain_handle(name).destroy()

    def discard_saved(self, name: str) -> None:
        with failing("discard the saved state", name):
            self.domain_handle(name).managedSaveRemove(0)

    def set_autostart(self, name: str, wanted: bool) -> None:
        with failing("set autostart", name):
            self.domain_handle(name).setAutostart(int(wanted))

    def undefine(self, name: str, *, keep_nvram: bool) -> None:
        """Remove the definition, and with it saved state, snapshots' and checkpoints' metadata, TPM state, NVRAM."""
        wanted = ["managed_save", "snapshots", "checkpoints", "keep_nvram" if keep_nvram else "nvram"]
        if not keep_nvram and self.version() >= _UNDEFINE_TPM_SINCE:
            wanted.append("tpm")
        flags = sum(_UNDEFINE[name] for name in wanted)
        # A transient domain has gone with its power.
        handle = self.find_domain(name)
        with vanishing(NO_DOMAIN), failing("undefine the domain", name):
            if handle is not None:
                handle.undefineFlags(flags)

    def block_resize(self, name: str, path: str, size: int) -> None:
        """Grow the disk of a running guest; size is in bytes."""
        with failing("grow the disk", path):
            self.domain_handle(name).blockResize(path, size, _RESIZE_BYTES)
