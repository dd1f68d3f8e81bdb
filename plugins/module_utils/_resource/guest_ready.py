# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until a guest answers, or says why it doesn't. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Optional

from .._errors import HostError
from .._gateway import guest_watch, ssh_banner
from .._gateway.guest_watch import Watch
from .._gateway.libvirt import Connection
from .._model import console
from .._model.answer import candidates
from .._model.domain_state import Verdict, judge
from .._model.ready import (
    ADDRESS,
    BANNER,
    HINTS,
    HOST_KEY,
    PHASES,
    PORT,
    STARTED,
    Answer,
    Wanted,
    fingerprint,
    parse,
)
from .._plan import Action, Plan

_POLL = 0.2
# A SYN to a guest whose interface just came up is sent again after one second.
_CONNECT = 1.0
# sshd forks before it speaks: under TCG on a busy host that takes seconds.
_BANNER = 10.0
_SCAN = 15.0
# The kernel may know the address as that of a guest which has gone, while another has it by now: it soon knows better.
_WRONG_KEY = 5.0


@dataclass
class GuestReady:
    """One wait. timings are seconds from its beginning to each phase's end; lock is none: nothing is changed."""

    wanted: Wanted
    watch: Watch
    timings: dict[str, float] = field(default_factory=dict)
    answer: Answer = field(default_factory=Answer)
    _begin: float = 0.0
    _console: Optional[str] = None
    _console_start: int = 0
    _wrong_key_since: Optional[float] = None

    @property
    def lock(self) -> Optional[str]:
        return None

    def observe(self) -> Answer:
        if self.answer.banner is None:
            self._wait()
        return self.answer

    def plan(self, state: Answer) -> Plan:  # noqa: ARG002
        return Plan()

    def perform(self, action: Action) -> None:
        raise AssertionError(f"guest_ready never acts: {action}")

    def result(self, state: Answer, plan: Plan, planned: bool) -> dict[str, object]:  # noqa: ARG002
        return {"name": self.wanted.name, "port": self.wanted.port, **asdict(state)}

    def _wait(self) -> None:
        self._begin = time.monotonic()
        self._console = self.wanted.console_log or self.watch.console_log()
        # What stands there already may be of an earlier boot.
        self._console_start = guest_watch.size(self._console)
        phase, cause = STARTED, "it was not looked at"
        while True:
            left = self._begin + self.wanted.timeout - time.monotonic()
            if left <= 0:
                raise self._failure(phase, f"{cause} (waited {self.wanted.timeout:.0f} s)")
            outcome = self._look_patiently(left)
            if outcome is None:
                return
            phase, cause = outcome
            time.sleep(_POLL)

    def _look_patiently(self, left: float) -> Optional[tuple[str, str]]:
        """One look. A libvirtd that is restarted meanwhile is waited for; guests run on without it."""
        try:
            return self._look(left)
        except HostError as error:
            seen_before = error.code == "libvirt_unreachable" and self.timings
            if seen_before or self.watch.lost():
                return self._phase(), f"libvirtd went away: {error.cause}"
            raise

    def _look(self, left: float) -> Optional[tuple[str, str]]:
        """One look, at most as long as what is left. None when the guest is ready, else the phase it is in and why."""
        self._refuse_the_dead()
        self._reached(STARTED)
        places = candidates(self.watch.addresses(), self.wanted.mac)
        if not places:
            of = f" for {self.wanted.mac}" if self.wanted.mac else ""
            return ADDRESS, f"no address{of} is known"
        self._reached(ADDRESS)
        outcome = PORT, ""
        for address in places:
            self.answer = replace(self.answer, address=address)
            outcome = self._ask(address, left)
            if outcome[0] not in (PORT, HOST_KEY):
                break
        return outcome if outcome[0] != "" else None

    def _ask(self, address: str, left: float) -> tuple[str, str]:
        """The phase in which the address failed and why; an empty phase when it did not."""
        reply = ssh_banner.banner(address, self.wanted.port, min(_CONNECT, left), min(_BANNER, left))
        where = f"{address} port {self.wanted.port}"
        if not reply.connected:
            return PORT, f"{where}: {reply.problem}"
        self._reached(PORT)
        if reply.banner is None:
            return BANNER, f"{where}: {reply.problem}"
        self._reached(BANNER)
        if self.wanted.host_key is not None:
            seen = guest_watch.host_key(address, self.wanted.port, self.wanted.host_key.type, min(_SCAN, left))
            if seen is None:
                return HOST_KEY, f"{where}: it shows no {self.wanted.host_key.type} key"
            if seen.blob != self.wanted.host_key.blob:
                keys = f"{fingerprint(seen)}, not the pinned {fingerprint(self.wanted.host_key)}"
                return self._wrong_key(f"{where} shows the host key {keys}")
            self.answer = replace(self.answer, host_key=f"{seen.type} {seen.blob}")
            self._reached(HOST_KEY)
        self.answer = replace(self.answer, banner=reply.banner)
        return "", ""

    def _wrong_key(self, cause: str) -> tuple[str, str]:
        now = time.monotonic()
        self._wrong_key_since = self._wrong_key_since or now
        if now - self._wrong_key_since >= _WRONG_KEY:
            raise self._failure(HOST_KEY, cause)
        return HOST_KEY, cause

    def _reached(self, phase: str) -> None:
        self.timings.setdefault(phase, round(time.monotonic() - self._begin, 3))

    def _refuse_the_dead(self) -> None:
        """End the wait for a guest that won't come up by itself any more."""
        verdict = judge(self.watch.state())
        if verdict is not None:
            raise self._dead(verdict)
        sign = console.sign(guest_watch.read_tail(self._console, self._console_start))
        if sign is not None:
            raise self._failure(self._phase(), sign.cause, sign.hint)

    def _dead(self, verdict: Verdict) -> HostError:
        error = self._failure(self._phase(), verdict.cause, verdict.hint)
        error.results["qemu_log"] = console.qemu_messages(self.watch.qemu_log())
        return error

    def _phase(self) -> str:
        """The phase that the guest is in: the first that it hasn't passed."""
        return next(phase for phase in PHASES if phase not in self.timings)

    def _failure(self, phase: str, cause: str, hint: str = "") -> HostError:
        error = HostError("reach the guest", self.wanted.name, cause, hint or HINTS[phase], phase)
        error.results = {
            "guest": {"name": self.wanted.name, "port": self.wanted.port, **asdict(self.answer)},
            "console": console.tail(guest_watch.read_tail(self._console, 0)),
            "timings": dict(self.timings),
        }
        return error


def build(params: Mapping[str, Any]) -> GuestReady:
    wanted = parse(params)
    return GuestReady(wanted, Watch(Connection(params["uri"]), wanted.name))
