# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains as libvirt defines, starts, stops and removes them."""

from __future__ import annotations

import time
from typing import Any, Optional

from .._errors import HostError
from .libvirt import (
    ACTIVE_STATES,
    NO_DOMAIN,
    NO_NETWORK,
    OPERATION_INVALID,
    RUNNING_STATES,
    Connection,
    failing,
    state_word,
    vanishing,
)

# virDomainUndefineFlagsValues
_UNDEFINE = {"managed_save": 1, "snapshots": 2, "nvram": 4, "keep_nvram": 8, "checkpoints": 16}
_UNDEFINE_TPM = {"tpm": 32, "keep_tpm": 64}
# VIR_DOMAIN_UNDEFINE_TPM came with 8.9: an older daemon refuses the flag.
_UNDEFINE_TPM_SINCE = 8_009_000
_RESIZE_BYTES = 1
_START_PAUSED = 1
# A guest that was paused runs when it is started again: its state is what is asked for then.
_SAVE_RUNNING = 2
# virDomainShutdownFlagValues
_BY_ACPI, _BY_AGENT = 1, 2
_POLL = 0.1


class Domains(Connection):
    """A connection to one libvirt that changes its domains."""

    def capabilities(self) -> str:
        with failing("read the capabilities", self.uri):
            return str(self.handle.getCapabilities())

    def architecture(self) -> str:
        with failing("ask for the architecture", self.uri):
            return str(self.handle.getInfo()[0])

    def state(self, name: str) -> Optional[str]:
        """The domain's state alone, or None when there is no such domain."""
        handle = self.find_domain(name)
        with vanishing(NO_DOMAIN), failing("read the state", name):
            return None if handle is None else state_word(handle.state()[0])
        return None

    def network_active(self, name: str) -> Optional[bool]:
        """Whether a network is active, or None when there is no such network."""
        with vanishing(NO_NETWORK), failing("look for the network", name):
            return bool(self.handle.networkLookupByName(name).isActive())
        return None

    def domain_handle(self, name: str) -> Any:
        """libvirt's own handle of a domain that must be there."""
        handle = self.find_domain(name)
        if handle is None:
            raise HostError("find the domain", name, "there is none of this name", code="no_domain")
        return handle

    def define(self, name: str, xml: str) -> None:
        with failing("define the domain", name):
            self.handle.defineXML(xml)

    def start(self, name: str, *, paused: bool = False) -> None:
        """Start it, or let it go on from its saved memory. Somebody else may have done so meanwhile."""
        with failing("start the domain", name, f"QEMU's own words are in /var/log/libvirt/qemu/{name}.log."):
            handle = self.domain_handle(name)
            if not handle.isActive():
                handle.createWithFlags(_START_PAUSED if paused else 0)

    def resume(self, name: str) -> None:
        with failing("resume the domain", name):
            handle = self.domain_handle(name)
            if state_word(handle.state()[0]) == "pmsuspended":
                handle.pMWakeup()
            else:
                handle.resume()

    def pause(self, name: str) -> None:
        with failing("pause the domain", name):
            self.domain_handle(name).suspend()

    def save(self, name: str) -> None:
        """Write its memory to the host's disk and end it. It runs on from there at its next start."""
        with failing("save the domain's memory", name):
            self.domain_handle(name).managedSave(_SAVE_RUNNING)

    def stop(self, name: str, timeout: float, *, agent: bool = False, power_off: bool = True) -> None:
        """Let the guest shut down: by its agent, which has timeout (seconds) for it, then by ACPI, which has as much.

        Then its power is taken away, or its going on is an error.
        """
        for way in (_BY_AGENT, _BY_ACPI) if agent else (_BY_ACPI,):
            if self.state(name) in RUNNING_STATES:
                # An agent that is stuck is no reason not to press the button.
                with vanishing(*(() if way == _BY_AGENT else (OPERATION_INVALID,))):
                    self._shut_down(name, way)
                self._wait_for_end(name, timeout)
        if self.state(name) not in ACTIVE_STATES:
            return
        if not power_off:
            hint = "Raise timeout, look at the guest's console, or leave power_off out."
            cause = f"the guest didn't shut down within {timeout * (2 if agent else 1):g} s, and runs on"
            raise HostError("shut the domain down", name, cause, hint, "shutdown_timeout")
        self.power_off(name)

    def _shut_down(self, name: str, way: int) -> None:
        with failing("shut the domain down", name):
            self.domain_handle(name).shutdownFlags(way)

    def _wait_for_end(self, name: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while self.state(name) in RUNNING_STATES and time.monotonic() < end:
            time.sleep(_POLL)

    def power_off(self, name: str) -> None:
        """Take its power away; it may be gone already."""
        with vanishing(OPERATION_INVALID, NO_DOMAIN), failing("power the domain off", name):
            handle = self.find_domain(name)
            if handle is not None:
                handle.destroy()

    def discard_saved(self, name: str) -> None:
        with failing("discard the saved state", name):
            self.domain_handle(name).managedSaveRemove(0)

    def set_autostart(self, name: str, wanted: bool) -> None:
        with failing("set autostart", name):
            self.domain_handle(name).setAutostart(int(wanted))

    def undefine(self, name: str, *, keep_nvram: bool) -> None:
        """Remove the definition, and with it saved state, snapshots' and checkpoints' metadata, TPM state, NVRAM.

        keep_nvram: with a disk that stays stays what it may need, the TPM's state too.
        """
        keep = "keep_" if keep_nvram else ""
        flags = sum(_UNDEFINE[name] for name in ("managed_save", "snapshots", "checkpoints", f"{keep}nvram"))
        if self.version() >= _UNDEFINE_TPM_SINCE:
            flags += _UNDEFINE_TPM[f"{keep}tpm"]
        # A transient domain has gone with its power.
        handle = self.find_domain(name)
        with vanishing(NO_DOMAIN), failing("undefine the domain", name):
            if handle is not None:
                handle.undefineFlags(flags)

    def block_resize(self, name: str, path: str, size: int) -> None:
        """Grow the disk of a running guest; size is in bytes."""
        with failing("grow the disk", path):
            self.domain_handle(name).blockResize(path, size, _RESIZE_BYTES)
