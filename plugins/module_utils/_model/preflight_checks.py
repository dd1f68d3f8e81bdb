# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks: what was seen on the host and what is wanted -> verdicts with their remedies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from .accelerator import KVM
from .preflight import ERROR, WARNING, Check, Guest, Seen
from .sensitive import sensitivity
from .share_rules import refused_directory
from .size import DEFAULT_SIZE, GIB, MIB, format_size

# Above this part of the host's memory or CPUs a warning is given.
_SHARE_OF_HOST = 0.8
# What a new guest writes before its user does: the seed, NVRAM, logs, and its first boot into the overlay.
_FIRST_WRITES = 512 * MIB
# An image that isn't in the store: download or package tree, and the image made from it, at the same time.
_IMAGE_WORK = 3 * GIB

# Certificates and apt's lists tolerate little; a slow task and an unsteady clock make seconds of their own.
_CLOCK_TOLERANCE = 300.0

_CONSENT = " (role burrow.vm.hypervisor does it, to stay, with `hypervisor_firewall: manage`)"
_KEPT = " (and add it to where this firewall keeps its rules, so that it stays)"

PREPARE = "Apply role burrow.vm.hypervisor to this host (playbook burrow.vm.prepare)."

HostRule = Callable[[Seen], Iterator[Check]]
GuestRule = Callable[[Seen, tuple[Guest, ...]], Iterator[Check]]


def evaluate(seen: Seen, guests: tuple[Guest, ...]) -> list[Check]:
    """Each check's failures, or one entry that says it is fine."""
    found = {name: list(rule(seen)) for name, rule in HOST_RULES.items()}
    found.update({name: list(rule(seen, guests)) for name, rule in GUEST_RULES.items()})
    return [check for name, failures in found.items() for check in failures or [Check(name)]]


def _libvirt(seen: Seen) -> Iterator[Check]:
    if seen.libvirt.error:
        yield Check("libvirt", False, ERROR, reason=seen.libvirt.error, remedy=seen.libvirt.remedy)


def _programs(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    for program, purpose in seen.missing:
        yield Check("programs", False, ERROR, reason=f"{program} is not installed ({purpose})", remedy=PREPARE)
    if not seen.virtiofs:
        for guest in guests:
            if guest.shares:
                reason = "virtiofsd is not installed, and the guest has shares"
                yield Check("programs", False, ERROR, guest.name, reason, PREPARE)


def _accelerator(seen: Seen) -> Iterator[Check]:
    if seen.accelerator.kind != KVM:
        yield Check("accelerator", False, WARNING, reason=seen.accelerator.reason, remedy=seen.accelerator.remedy)


def _daemon(seen: Seen) -> Iterator[Check]:
    if not seen.daemon.reaped:
        reason = "nothing reaps what libvirtd starts: each new domain takes minutes, and ended ones stay as zombies"
        yield Check("daemon", False, WARNING, reason=reason, remedy=PREPARE)


def _owned(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    for guest in guests:
        state = seen.libvirt.domains.get(guest.name)
        if state is not None and state.defined and not state.owned:
            reason = f"a domain {guest.name} exists that this collection did not make; it is not touched"
            yield Check("name", False, ERROR, guest.name, reason, "Name the guest otherwise.")


def new_guests(seen: Seen, guests: tuple[Guest, ...]) -> list[Guest]:
    states = seen.libvirt.domains
    return [guest for guest in guests if guest.name not in states or not states[guest.name].exists]


def _room(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    new = new_guests(seen, guests)
    images = {guest.image for guest in new if guest.image} - seen.images
    needed = len(new) * _FIRST_WRITES + len(images) * _IMAGE_WORK
    free = f"{seen.data} has {_about(seen.free)} free"
    remedy = "Make room there."
    if needed > seen.free:
        what = f"{len(new)} new guest{'s' * (len(new) != 1)}"
        if images:
            what += f" and {len(images)} image{'s' * (len(images) != 1)}"
        yield Check("room", False, ERROR, reason=f"{free}, and {what} need {_about(needed)} at once", remedy=remedy)
        return
    promised = sum(DEFAULT_SIZE if guest.disk is None else guest.disk for guest in new)
    if promised > seen.free:
        reason = f"{free}, and the new disks may grow to {_about(promised)} together"
        yield Check("room", False, WARNING, reason=reason, remedy=remedy)


def _disk(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    """A stated size that module disk would refuse, after other things were changed."""
    for guest in guests:
        existing = None if guest.reset else seen.disk_sizes.get(guest.name)
        least = seen.image_sizes.get(guest.image or "", 0) if existing is None else existing
        if guest.disk is None or guest.disk >= least:
            continue
        if existing is None:
            problem = f"the {format_size(least)} of image {guest.image}"
        else:
            problem = f"the existing {format_size(least)}; shrinking loses data"
        reason = f"a root disk of {format_size(guest.disk)} is smaller than {problem}"
        yield Check("disk", False, ERROR, guest.name, reason, f"Set {format_size(least)} or more.")


def _directories(seen: Seen) -> Iterator[Check]:
    for path in seen.impassable:
        reason = f"QEMU runs as {seen.qemu_user}, who can't pass {path}"
        remedy = f"Run as root: chmod o+x {path}"
        yield Check("directories", False, ERROR, reason=reason, remedy=remedy)


def _firewall(seen: Seen) -> Iterator[Check]:
    for obstacle in seen.obstacles:
        reason = f"{obstacle.owner} drops {obstacle.what}"
        remedy = f"Run as root: {obstacle.remedy}{_CONSENT if obstacle.managed else _KEPT}"
        yield Check("firewall", False, WARNING, reason=reason, remedy=remedy)
    if seen.libvirt.network.active and not seen.ip_forward:
        reason = "the kernel forwards no packets (net.ipv4.ip_forward is 0): guests reach nothing beyond this host"
        yield Check("firewall", False, WARNING, reason=reason, remedy="Run as root: sysctl -w net.ipv4.ip_forward=1")


def _clock(seen: Seen) -> Iterator[Check]:
    if abs(seen.clock_ahead) > _CLOCK_TOLERANCE:
        where = "ahead of" if seen.clock_ahead > 0 else "behind"
        reason = f"this host's clock is {_duration(abs(seen.clock_ahead))} {where} the one of whoever asks"
        remedy = "Set it (timedatectl set-ntp true): package lists and certificates are valid at certain times only."
        yield Check("clock", False, WARNING, reason=reason, remedy=remedy)


def _apparmor(seen: Seen) -> Iterator[Check]:
    for denial in seen.refusals:
        yield Check("apparmor", False, reason=denial.reason, remedy=denial.remedy)


def _cpus(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    most = seen.libvirt.most_cpus
    refused = [guest for guest in guests if guest.cpus and most and guest.cpus > most]
    for guest in refused:
        reason = f"{guest.cpus} CPUs are more than this hypervisor can give a guest ({most})"
        yield Check("cpus", False, ERROR, guest.name, reason, f"Set {most} or less.")
    total = sum(guest.cpus or 0 for guest in guests)
    if not refused and _starts(seen, guests) and total > _SHARE_OF_HOST * seen.system.cpus:
        reason = f"{total} of the host's {seen.system.cpus} CPUs are above 80 %"
        yield Check("cpus", False, WARNING, reason=reason, remedy="Give the guests fewer CPUs if the host gets slow.")


def _memory(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    system = seen.system
    most = system.memory + system.swap
    refused = [guest for guest in guests if guest.memory and guest.memory > most]
    for guest in refused:
        reason = f"{format_size(guest.memory or 0)} are more than the host's memory and swap ({_about(most)})"
        yield Check("memory", False, ERROR, guest.name, reason, "Give the guest less memory.")
    total = sum(guest.memory or 0 for guest in guests)
    if not refused and _starts(seen, guests) and total > _SHARE_OF_HOST * system.memory:
        reason = f"{_about(total)} of the host's {_about(system.memory)} memory are above 80 %"
        yield Check("memory", False, WARNING, reason=reason, remedy="Give the guests less memory, or start fewer.")


def _starts(seen: Seen, guests: tuple[Guest, ...]) -> bool:
    """Whether a guest of these will start: what runs already needs no warning."""
    domains = seen.libvirt.domains
    return any(guest.name not in domains or domains[guest.name].state != "running" for guest in guests)


def _ports(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    taken: dict[int, list[tuple[str, str]]] = {}
    uses = {use.forward: use for use in seen.ports}
    for guest in guests:
        for forward in guest.forwards:
            where = f"{forward.address}:{forward.host_port}"
            for address, name in taken.setdefault(forward.host_port, []):
                if address == forward.address or {address, forward.address} & _EVERY_ADDRESS:
                    other = "another forward of this guest" if name == guest.name else f"guest {name}"
                    yield Check("ports", False, ERROR, guest.name, f"{where} is wanted by {other} too", _OTHER_PORT)
            taken[forward.host_port].append((forward.address, guest.name))
            if forward.host_port < seen.first_port and seen.qemu_user != "root":
                reason = f"{where}: QEMU runs as {seen.qemu_user}, who may not listen below {seen.first_port}"
                remedy = f"Forward a port from {seen.first_port} on (sysctl net.ipv4.ip_unprivileged_port_start)."
                yield Check("ports", False, ERROR, guest.name, reason, remedy)
                continue
            use = uses.get(forward)
            if use is not None and use.guest != guest.name:
                by = f" by {use.owner}" if use.owner else ""
                yield Check("ports", False, ERROR, guest.name, f"{where} {use.cause}{by}", _OTHER_PORT)


_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104
_OTHER_PORT = "Forward another host port or address, or end what holds it."


def _shares(seen: Seen, guests: tuple[Guest, ...]) -> Iterator[Check]:
    for guest in guests:
        for share in guest.shares:
            source = seen.sources[share.source]
            shown = share.source if share.source == source.path else f"{share.source} ({source.path})"
            reason = source.problem
            if refused_directory(source.path):
                reason = "is part of the running system and is never shared"
            if reason:
                yield Check("shares", False, ERROR, guest.name, f"{shown} {reason}", "Share another directory.")
                continue
            reason = sensitivity(source.path)
            if reason and not share.consent:
                remedy = "Share another directory, or set `allow_sensitive: true` for this share."
                yield Check("shares", False, ERROR, guest.name, f"{shown} {reason}", remedy)


def _duration(seconds: float) -> str:
    """Seconds for people: the largest unit that counts one or more."""
    unit, length = next(entry for entry in _UNITS if seconds >= entry[1])
    return f"{seconds / length:.0f} {unit}"


_UNITS = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def _about(size: int) -> str:
    """A size for people: one decimal."""
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.0f} MiB"


HOST_RULES: dict[str, HostRule] = {
    "libvirt": _libvirt,
    "accelerator": _accelerator,
    "daemon": _daemon,
    "directories": _directories,
    "firewall": _firewall,
    "clock": _clock,
    "apparmor": _apparmor,
}
GUEST_RULES: dict[str, GuestRule] = {
    "programs": _programs,
    "name": _owned,
    "room": _room,
    "disk": _disk,
    "cpus": _cpus,
    "memory": _memory,
    "ports": _ports,
    "shares": _shares,
}
