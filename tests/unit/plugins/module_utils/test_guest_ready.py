# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a guest: against real sockets where they matter, with a guest that only says what libvirt would."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Optional, cast

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import guest_watch
from ansible_collections.burrow.vm.plugins.module_utils._model.answer import candidates, parse_banner
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_state import judge
from ansible_collections.burrow.vm.plugins.module_utils._model.public_key import PublicKey, parse_public_key
from ansible_collections.burrow.vm.plugins.module_utils._model.ready import (
    HINTS,
    PHASES,
    fingerprint,
    parse,
    parse_scan,
)
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource import guest_ready
from ansible_collections.burrow.vm.plugins.module_utils._resource.guest_ready import GuestReady

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Guests have addresses of their own; the servers here listen on this host.
ADDRESS, STALE = "10.0.0.2", "10.0.0.1"
MAC = "52:54:00:00:00:01"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0yAr7vgu2KbTGAS4TkWkFFVFcbgTIYqU3zoWuOLnPT"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBk1+mvHvmN5mOJ2aBbyoMHzsm3M4+DBSdRn4qBb6Ztc"
RUNNING = (1, 1)
PARAMETERS: dict[str, Any] = {
    "name": "web",
    "mac": None,
    "port": 22,
    "host_key": None,
    "timeout": 5,
    "console_log": None,
    "uri": "test:///default",
}


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead the guest's address to this host; nobody is at the stale one."""
    connect = socket.create_connection

    def redirect(place: tuple[str, int], timeout: float) -> socket.socket:
        if place[0] == STALE:
            raise OSError(113, "No route to host")
        return connect(("127.0.0.1", place[1]), timeout)

    monkeypatch.setattr(socket, "create_connection", redirect)


@dataclass
class Guest:
    """Says states and addresses one after the other, the last one for ever."""

    states: list[Optional[tuple[int, int]]] = field(default_factory=lambda: [RUNNING])
    places: list[dict[str, list[str]]] = field(default_factory=lambda: [{MAC: [ADDRESS]}])
    log: bytes = b""

    def _next(self, values: list[Any]) -> Any:
        return values.pop(0) if len(values) > 1 else values[0]

    def state(self) -> Optional[tuple[int, int]]:
        return cast("Optional[tuple[int, int]]", self._next(self.states))

    def addresses(self) -> dict[str, list[str]]:
        return cast("dict[str, list[str]]", self._next(self.places))

    def console_log(self) -> Optional[str]:
        return None

    def qemu_log(self) -> bytes:
        return self.log

    def lost(self) -> bool:
        return False


@contextlib.contextmanager
def server(*says: bytes, hold: float = 0.0) -> Iterator[int]:
    """A server that says this to each connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, dummy = listener.accept()
                    with connection:
                        for text in says:
                            connection.sendall(text)
                            time.sleep(0.02)
                        time.sleep(hold)

        threading.Thread(target=answer, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Closing it wakes nobody, and an accept() that the kernel restarts takes its file by number: it would
            # answer for whichever socket has that number by then.
            listener.shutdown(socket.SHUT_RDWR)


def waiting(guest: Guest, **parameters: Any) -> GuestReady:
    return GuestReady(parse({**PARAMETERS, **parameters}), cast("guest_watch.Watch", guest))


def failure(resource: GuestReady) -> HostError:
    with pytest.raises(HostError) as caught:
        resource.observe()
    return caught.value


def test_a_guest_that_answers() -> None:
    with server(b"SSH-2.0-Open", b"SSH_9\r\n") as port:
        resource = waiting(Guest(places=[{}, {MAC: [ADDRESS]}]), port=port, mac=MAC.upper())
        state = resource.observe()
        assert resource.result(state, Plan(), planned=False) == {
            "name": "web",
            "address": ADDRESS,
            "port": port,
            "banner": "SSH-2.0-OpenSSH_9",
            "host_key": None,
        }
    assert list(resource.timings) == ["started", "address", "port", "banner"]
    assert list(resource.timings.values()) == sorted(resource.timings.values())
    assert resource.plan(state).changed is False


@pytest.mark.parametrize(
    ("states", "phase", "cause"),
    [
        ([None], "started", "no domain of this name"),
        ([(5, 0)], "started", "not running"),
        ([(5, 6)], "started", "could not start"),
        ([RUNNING, (5, 3)], "address", "crashed, or was killed"),
        ([RUNNING, (5, 2)], "address", "powered off"),
        ([RUNNING, (3, 5)], "address", "error of its disk"),
        ([RUNNING, (6, 1)], "address", "it crashed"),
    ],
)
def test_a_dead_guest_ends_the_wait(states: Sequence[Any], phase: str, cause: str) -> None:
    begin = time.monotonic()
    error = failure(waiting(Guest(list(states), [{}], b"qemu: no room\n"), timeout=60))
    assert time.monotonic() - begin < 5
    assert error.code == phase
    assert cause in str(error)
    assert error.hint
    assert error.results["qemu_log"] == ["qemu: no room"]


@pytest.mark.parametrize("state", [(1, 1), (2, 0), (3, 11), (3, 2), (4, 0)])
def test_states_that_pass(state: tuple[int, int]) -> None:
    assert judge(state) is None


def test_no_address() -> None:
    error = failure(waiting(Guest(places=[{"52:54:00:00:00:02": [ADDRESS]}]), mac=MAC, timeout=1))
    assert (error.code, error.hint) == ("address", HINTS["address"])
    assert f"no address for {MAC} is known (waited 1 s)" in str(error)
    assert list(error.results["timings"]) == ["started"]


@pytest.mark.parametrize(
    ("says", "phase", "cause"),
    [
        ((), "banner", "closed the connection"),
        ((b"220 mail\r\n",), "banner", "no SSH server"),
        ((b"A" * 20000,), "banner", "no SSH server"),
        ((b"SSH-" + b"A" * 300 + b"\n",), "banner", "no SSH server"),
    ],
)
def test_what_is_no_ssh_server(says: tuple[bytes, ...], phase: str, cause: str) -> None:
    with server(*says) as port:
        error = failure(waiting(Guest(), port=port, timeout=1))
    assert error.code == phase
    assert cause in str(error)
    assert error.results["guest"]["address"] == ADDRESS


def test_a_silent_server_does_not_outlast_the_deadline() -> None:
    begin = time.monotonic()
    with server(hold=60) as port:
        error = failure(waiting(Guest(), port=port, timeout=1))
    assert (error.code, "sends no SSH banner" in str(error)) == ("banner", True)
    assert time.monotonic() - begin < 3


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(waiting(Guest(), port=port, timeout=1))
    assert (error.code, "refused" in str(error)) == ("port", True)


def test_a_stale_address_beside_the_right_one() -> None:
    with server(b"SSH-2.0-x\n") as port:
        state = waiting(Guest(places=[{MAC: [STALE, ADDRESS]}]), port=port).observe()
    assert state.address == ADDRESS


@pytest.mark.parametrize(("shown", "good"), [(KEY, True), (OTHER, False), (None, False)])
def test_the_host_key(monkeypatch: pytest.MonkeyPatch, shown: Optional[str], good: bool) -> None:
    def key(*_: object) -> Optional[PublicKey]:
        return None if shown is None else parse_public_key(shown)

    monkeypatch.setattr(guest_watch, "host_key", key)
    with server(b"SSH-2.0-x\n") as port:
        resource = waiting(Guest(), port=port, host_key=f"{KEY} web", timeout=1)
        if good:
            assert resource.observe().host_key == KEY
            assert list(resource.timings) == list(PHASES)
            return
        error = failure(resource)
    assert error.code == "host_key"
    if shown:
        assert fingerprint(parse_public_key(OTHER)) in str(error)
        assert fingerprint(parse_public_key(KEY)) in str(error)


def test_another_key_for_a_moment_is_no_failure_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address was a former guest's a moment ago: the kernel still leads to whoever has it now."""
    shown = [OTHER, OTHER, KEY]
    monkeypatch.setattr(guest_watch, "host_key", lambda *_: parse_public_key(shown.pop(0)))
    with server(b"SSH-2.0-x\n") as port:
        assert waiting(Guest(), port=port, host_key=KEY).observe().host_key == KEY


def test_another_key_that_stays_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_ready, "_WRONG_KEY", 0.3)
    monkeypatch.setattr(guest_watch, "host_key", lambda *_: parse_public_key(OTHER))
    begin = time.monotonic()
    with server(b"SSH-2.0-x\n") as port:
        error = failure(waiting(Guest(), port=port, host_key=KEY, timeout=60))
    assert (error.code, time.monotonic() - begin < 10) == ("host_key", True)


class Restarted(Guest):
    """libvirtd goes away at the second question, and is back some questions later."""

    asked: int = 0

    def state(self) -> Optional[tuple[int, int]]:
        self.asked += 1
        if self.asked == 2:
            raise HostError("read the state", "web", "Broken pipe", code="libvirt")
        if self.asked in (3, 4):
            raise HostError("connect to libvirt", "qemu:///system", "refused", code="libvirt_unreachable")
        return super().state()

    def lost(self) -> bool:
        return self.asked == 2


def test_libvirtd_is_restarted_during_the_wait() -> None:
    with server(b"SSH-2.0-x\n") as port:
        guest = Restarted(places=[{}, {MAC: [ADDRESS]}])
        assert waiting(guest, port=port).observe().address == ADDRESS
    assert guest.asked == 5


def test_libvirtd_does_not_come_back() -> None:
    class Gone(Restarted):
        def state(self) -> Optional[tuple[int, int]]:
            self.asked = min(self.asked, 2)
            return super().state()

    error = failure(waiting(Gone(places=[{}]), timeout=1))
    assert error.code == "address"
    assert "libvirtd went away" in str(error)


def test_a_libvirtd_that_was_never_there_is_not_waited_for() -> None:
    guest = Restarted()
    guest.asked = 2
    begin = time.monotonic()
    assert failure(waiting(guest, timeout=60)).code == "libvirt_unreachable"
    assert time.monotonic() - begin < 5


def test_a_panic_of_this_boot_ends_the_wait_and_an_old_one_does_not(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_bytes(b"Kernel panic - not syncing: old\n")
    error = failure(waiting(Guest(places=[{}]), console_log=str(console), timeout=1))
    assert error.code == "address"
    assert "no address" in str(error)

    class Panicking(Guest):
        def addresses(self) -> dict[str, list[str]]:
            with console.open("ab") as log:
                log.write(b"\x1b[1mKernel panic - not syncing: new\r\n")
            return {}

    begin = time.monotonic()
    error = failure(waiting(Panicking(), console_log=str(console), timeout=60))
    assert time.monotonic() - begin < 5
    assert (error.code, "panicked" in str(error)) == ("address", True)
    assert error.results["console"][-1] == "Kernel panic - not syncing: new"


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"new")
    assert guest_watch.read_tail(str(log), 1000) == b"new"
    assert guest_watch.read_tail(str(log), 3) == b""
    assert guest_watch.read_tail(str(tmp_path / "none"), 0) == b""
    assert guest_watch.size(None) == 0
    log.write_bytes(b"x" * 100000)
    assert len(guest_watch.read_tail(str(log), 0)) == 65536


@pytest.mark.parametrize(
    ("data", "banner"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2"),
        (b"hello\r\nSSH-1.99-x\n", "SSH-1.99-x"),
        (b"SSH-2.0-\x1b[31m\xff\n", "SSH-2.0-?[31m?"),
        (b"ssh-2.0-x\n", None),
        (b"\n" * 100 + b"SSH-2.0-x\n", None),
        (b"", None),
    ],
)
def test_banner(data: bytes, banner: Optional[str]) -> None:
    assert parse_banner(data) == banner


@pytest.mark.parametrize(
    ("output", "key"),
    [
        (f"# 10.0.0.2:22 SSH-2.0-x\n10.0.0.2 {KEY}\n".encode(), KEY),
        (f"10.0.0.2 {KEY} extra\n".encode(), None),
        (b"10.0.0.2 ssh-ed25519 AAAA\n", None),
        (b"10.0.0.2 ssh-rsa AAAA\n", None),
        (b"\xff\n", None),
        (b"", None),
    ],
)
def test_scan(output: bytes, key: Optional[str]) -> None:
    found = parse_scan(output, "ssh-ed25519")
    assert (found and f"{found.type} {found.blob}") == key


def test_addresses_in_order() -> None:
    found = {MAC: ["fe80::1", "2001:db8::1", "10.0.0.2", "10.0.0.2", "bad"], "other": ["10.0.0.1", "127.0.0.1"]}
    assert candidates(found, MAC) == ["10.0.0.2", "2001:db8::1"]
    assert candidates(found, None) == ["10.0.0.1", "10.0.0.2", "2001:db8::1"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": "-x"}, "name"),
        ({"mac": "52:54:00"}, "mac"),
        ({"port": 65536}, "port"),
        ({"timeout": 0}, "timeout"),
        ({"host_key": "ssh-ed25519 AAAA"}, "host_key"),
        ({"host_key": "sk-ssh-ed25519@openssh.com AAAA"}, "host_key"),
    ],
)
def test_bad_parameters(change: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse({**PARAMETERS, **change})
    assert caught.value.path == path
