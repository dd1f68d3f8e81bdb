# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt: one connection, opened at first use; decisions by its error codes, never by its texts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Optional

from .._errors import HostError
from .._model.arguments import URI
from .._model.uri import parse_uri, quiet, unreachable

# virErrorNumber. libvirt has promised since 0.1 that these numbers stay.
NO_DOMAIN = 42
NO_NETWORK = 43
OPERATION_INVALID = 55
_AUTH_FAILED, _AUTH_CANCELLED, _AUTH_UNAVAILABLE, _ACCESS_DENIED = 45, 79, 94, 88

# virErrorDomain: what the connection itself says, and not the daemon at its end.
_FROM_RPC = 7
LOST = "libvirt_lost"
_LOST_HINT = "libvirtd ended, or the way to it broke; what was begun may have been done. Run it again."

_POLL = 0.2

_DENIED = (_AUTH_FAILED, _AUTH_CANCELLED, _AUTH_UNAVAILABLE, _ACCESS_DENIED)
# All that is used without asking is in it; later abilities are asked for by name.
OLDEST = 8_000_000

# virDomainState
_STATES = ("unknown", "running", "blocked", "paused", "shutdown", "stopped", "crashed", "pmsuspended")
RUNNING_STATES = frozenset({"running", "blocked", "shutdown"})
# Crashed: on_crash is preserve. Of all others libvirt says that they stopped.
ACTIVE_STATES = RUNNING_STATES | {"paused", "pmsuspended", "crashed"}

_XML_SECURE, _XML_INACTIVE = 1, 2


@dataclass(frozen=True)
class DomainState:
    """A domain as libvirt has it. xml is the persistent definition; live_xml that of the running guest, if any."""

    name: str
    uuid: str
    state: str
    xml: str
    live_xml: Optional[str] = None
    autostart: bool = False
    saved: bool = False
    persistent: bool = True

    @property
    def active(self) -> bool:
        return self.state in ACTIVE_STATES


@dataclass
class Connection:
    """A connection to one libvirt. It is made when first used and lives as long as the process."""

    uri: str = URI
    _handle: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parse_uri(self.uri)

    @property
    def handle(self) -> Any:
        if self._handle is None:
            self._handle = self._open()
        return self._handle

    def _open(self) -> Any:
        # Imported here: modules are loaded under Pythons that lack it, before they respawn.
        import libvirt  # noqa: PLC0415

        # Else the C library prints each error to stderr as well.
        libvirt.registerErrorHandler(lambda *_: None, None)
        try:
            handle = libvirt.open(quiet(self.uri))
            version = int(handle.getLibVersion())
        except libvirt.libvirtError as error:
            denied = error.get_error_code() in _DENIED
            hint = "Run with become." if denied else unreachable(self.uri)
            cause = str(error.get_error_message())
            raise HostError("connect to libvirt", self.uri, cause, hint, "libvirt_unreachable") from error
        if version < OLDEST:
            handle.close()
            cause = f"it is libvirt {_dotted(version)}, and {_dotted(OLDEST)} is the oldest that is supported"
            raise HostError("use libvirt", self.uri, cause, "Upgrade the host's libvirt.", "old_libvirt")
        return handle

    def lost(self) -> bool:
        """Whether libvirtd has gone since the connection was opened. It is opened anew at the next use."""
        import libvirt  # noqa: PLC0415

        if self._handle is None:
            return False
        try:
            alive = bool(self._handle.isAlive())
        except libvirt.libvirtError:
            alive = False
        if not alive:
            self._handle = None
        return not alive

    def regain(self, timeout: float) -> None:
        """Open the connection anew, as soon as libvirtd is started again; timeout is in seconds."""
        end = time.monotonic() + timeout
        while True:
            self._handle = None
            try:
                self._handle = self._open()
                return
            except HostError:
                if time.monotonic() >= end:
                    raise
            time.sleep(_POLL)

    def version(self) -> int:
        """libvirt's version: major * 1 000 000 + minor * 1 000 + micro, as in qemu_version."""
        with failing("ask for libvirt's version", self.uri):
            return int(self.handle.getLibVersion())

    def qemu_version(self) -> int:
        with failing("ask for the hypervisor's version", self.uri):
            return int(self.handle.getVersion())

    def domain_capabilities(self, architecture: str, machine: str, domain_type: str) -> str:
        with failing("read the domain capabilities", self.uri):
            return str(self.handle.getDomainCapabilities(None, architecture, machine, domain_type, 0))

    def domain(self, name: str) -> Optional[DomainState]:
        handle = self.find_domain(name)
        with vanishing(NO_DOMAIN), failing("read the domain", name):
            return None if handle is None else _domain_state(handle)
        return None

    def domains(self) -> list[DomainState]:
        with failing("list the domains", self.uri):
            handles = self.handle.listAllDomains(0)
        found = []
        for handle in handles:
            with vanishing(NO_DOMAIN), failing("read the domain", str(handle.name())):
                found.append(_domain_state(handle))
        return sorted(found, key=lambda state: state.name)

    def find_domain(self, name: str) -> Any:
        """libvirt's own handle of the domain, or None."""
        with vanishing(NO_DOMAIN), failing("look for the domain", name):
            return self.handle.lookupByName(name)
        return None


class LibvirtError(HostError):
    """libvirt's own error; number is its virErrorNumber."""

    def __init__(
        self, operation: str, obj: str, cause: str, number: int, hint: str = "", *, code: str = "libvirt"
    ) -> None:
        super().__init__(operation, obj, cause, hint, code)
        self.number = number


def state_word(number: int) -> str:
    return _STATES[number] if 0 <= number < len(_STATES) else _STATES[0]


def _dotted(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"


@contextlib.contextmanager
def failing(operation: str, obj: str, hint: str = "") -> Iterator[None]:
    """Turn libvirt's errors into ours."""
    import libvirt  # noqa: PLC0415

    try:
        yield
    except libvirt.libvirtError as error:
        number = int(error.get_error_code() or 0)
        cause = str(error.get_error_message() or error)
        if error.get_error_domain() == _FROM_RPC:
            raise LibvirtError(operation, obj, cause, number, _LOST_HINT, code=LOST) from error
        raise LibvirtError(operation, obj, cause, number, hint) from error


@contextlib.contextmanager
def vanishing(*numbers: int) -> Iterator[None]:
    """Let these errors pass: what was looked for isn't there any more. No numbers: each of libvirt's errors."""
    try:
        yield
    except LibvirtError as error:
        if numbers and error.number not in numbers:
            raise


def _domain_state(handle: Any) -> DomainState:
    state = _STATES[handle.state()[0]]
    persistent = bool(handle.isPersistent())
    live = handle.XMLDesc(_XML_SECURE) if state in ACTIVE_STATES else None
    return DomainState(
        name=str(handle.name()),
        uuid=str(handle.UUIDString()),
        state=state,
        xml=str(handle.XMLDesc(_XML_INACTIVE | _XML_SECURE)),
        live_xml=None if live is None else str(live),
        autostart=persistent and bool(handle.autostart()),
        saved=persistent and bool(handle.hasManagedSaveImage(0)),
        persistent=persistent,
    )
