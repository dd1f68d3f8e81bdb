# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this host can run the wanted guests: looks, judges, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Optional

from .._errors import HostError
from .._gateway import accelerator, apparmor, daemon, files, firewall, packages, ports, qcow2, system
from .._gateway.libvirt_network import Networks
from .._model.accelerator import decide
from .._model.names import parse_name
from .._model.paths import Store
from .._model.preflight import ERROR, WARNING, Check, Guest, Seen, parse_guests
from .._model.preflight_checks import evaluate, new_guests
from .._model.preparation import needs
from .._plan import Action, Plan
from . import libvirt_status
from .libvirt_status import Question

HOOK = "/etc/libvirt/hooks/qemu.d/burrow"


@dataclass(frozen=True)
class Preflight:
    """One look at this host. lock is none: nothing is changed."""

    uri: str
    store: Store
    network: str
    hook_checksum: str
    guests: tuple[Guest, ...]
    fail: bool
    controller_time: Optional[float] = None
    refused_within: Optional[int] = None

    @property
    def lock(self) -> Optional[str]:
        return None

    def observe(self) -> Seen:
        host = system.system()
        evidence = accelerator.observe()
        kind = decide(evidence)
        names = [guest.name for guest in self.guests]
        question = Question(names, self.network, kind.domain_type, host.architecture, self.store)
        libvirt = libvirt_status.status(Networks(self.uri), question)
        user = system.qemu_user(self.uri)
        runs = daemon.daemon(HOOK)
        return Seen(
            system=host,
            accelerator=kind,
            kvm_root_only=evidence.root_only,
            qemu_user=user,
            data=self.store.data,
            free=files.free_bytes(self.store.data),
            impassable=system.impassable(self.store.guests, user),
            images=frozenset(
                guest.image for guest in self.guests if guest.image and files.exists(self.store.image_name(guest.image))
            ),
            missing=tuple(system.missing_programs(host)),
            python_libvirt=libvirt_status.available(),
            virtiofs=system.has_virtiofs(),
            tpm=system.has_tpm(),
            hook=system.hook_problem(HOOK, self.hook_checksum, runs.name or "libvirtd"),
            daemon=runs,
            libvirt=libvirt,
            obstacles=firewall.obstacles(libvirt.network.bridge),
            ip_forward=system.number("/proc/sys/net/ipv4/ip_forward", 1) == 1,
            first_port=system.number("/proc/sys/net/ipv4/ip_unprivileged_port_start", 1024),
            ports=tuple(ports.uses({forward for guest in self.guests for forward in guest.forwards})),
            sources=system.sources({share.source for guest in self.guests for share in guest.shares}),
            disk_sizes=self._sizes({guest.name: self.store.guest(guest.name).root_disk for guest in self._sized()}),
            image_sizes=self._sizes(dict(self._images())),
            data_problem=system.data_problem(self.store.data),
            backports=system.qemu_backports(),
            opened=firewall.openings(libvirt.network.bridge),
            package_lock=packages.lock_holder(),
            clock_ahead=0.0 if self.controller_time is None else system.clock() - self.controller_time,
            refusals=() if self.refused_within is None else apparmor.refusals(system.clock() - self.refused_within),
            network=self.network,
        )

    def _sized(self) -> list[Guest]:
        return [guest for guest in self.guests if guest.disk is not None]

    def _images(self) -> Iterator[tuple[str, str]]:
        """Name and file of the images of guests that state a size."""
        for name in {guest.image for guest in self._sized() if guest.image}:
            record = files.read_json(self.store.image_name(name))
            if isinstance(record, dict) and isinstance(record.get("digest"), str):
                yield name, self.store.image_file(record["digest"])

    @staticmethod
    def _sizes(paths: Mapping[str, str]) -> dict[str, int]:
        found = qcow2.virtual_sizes(paths.values())
        return {name: found[path] for name, path in paths.items() if path in found}

    def plan(self, state: Seen) -> Plan:
        checks = evaluate(state, self.guests)
        errors = _errors(checks)
        if errors and self.fail:
            first, more = errors[0], len(errors) - 1
            reason = first.reason + (f" (and {more} more)" if more else "")
            error = HostError("run the guests", first.guest or "this host", reason, first.remedy, first.name)
            error.results = {"preflight": self._value(state)}
            raise error
        # A guest that is there keeps its accelerator, and preparing the host may still give it KVM.
        emulates = bool(new_guests(state, self.guests)) and not needs(state)
        return Plan(warnings=tuple(_warnings(checks, emulates)))

    def perform(self, action: Action) -> None:
        raise AssertionError(f"preflight never acts: {action}")

    def result(self, state: Seen, plan: Plan, planned: bool) -> dict[str, object]:  # noqa: ARG002
        return self._value(state)

    def _value(self, state: Seen) -> dict[str, object]:
        checks = evaluate(state, self.guests)
        return {
            "ok": not _errors(checks),
            "checks": [asdict(check) for check in checks],
            "host": _host(state),
            "guests": {name: asdict(guest) for name, guest in state.libvirt.domains.items()},
        }


def _errors(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if not check.ok and check.level == ERROR]


def _warnings(checks: Sequence[Check], emulates: bool) -> list[str]:
    """What goes on nevertheless, in words. emulates: the accelerator counts."""
    found = [check for check in checks if not check.ok and check.level == WARNING]
    found = [check for check in found if emulates or check.name != "accelerator"]
    return [f"{check.guest + ': ' if check.guest else ''}{check.reason}. {check.remedy}" for check in found]


def build(params: Mapping[str, Any]) -> Preflight:
    return Preflight(
        uri=params["uri"],
        store=Store(params["data"]),
        network=parse_name(params["network"], "network"),
        hook_checksum=params["hook_checksum"] or "",
        guests=parse_guests(params["guests"]),
        fail=params["fail"],
        controller_time=params["controller_time"],
        refused_within=params["refused_within"],
    )


def _host(seen: Seen) -> dict[str, object]:
    """What is returned under `host`."""
    system_, libvirt = seen.system, seen.libvirt
    wanted = needs(seen)
    return {
        "accelerator": seen.accelerator.kind,
        "accelerator_reason": seen.accelerator.reason,
        "architecture": system_.architecture,
        "cpus": system_.cpus,
        "memory": system_.memory,
        "os": {"id": system_.id, "version": system_.version, "family": system_.family, "init": system_.init},
        "efi": libvirt.efi,
        "libvirt": _version(libvirt.version),
        "qemu": _version(libvirt.qemu_version),
        "qemu_user": seen.qemu_user,
        "kvm_root_only": seen.kvm_root_only,
        "daemon": {**asdict(seen.daemon), "units": [asdict(unit) for unit in seen.daemon.units]},
        "network": asdict(libvirt.network),
        "free": seen.free,
        "prepared": not wanted,
        "unprepared": [reason for reasons in wanted.values() for reason in reasons],
        "needs": list(wanted),
        "missing": [program for program, dummy in seen.missing],
        "backports": seen.backports,
        "firewall": [{**asdict(item), "remedy": item.remedy} for item in seen.obstacles],
        "opened": [asdict(item) for item in seen.opened],
        "package_lock": seen.package_lock,
    }


def _version(number: int) -> Optional[str]:
    """libvirt's number as people write it."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}" if number else None
