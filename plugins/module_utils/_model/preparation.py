# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role hypervisor would do on a host: one table of needs, each with the reasons why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Callable

from .preflight import Seen

Rule = Callable[[Seen], Iterator[str]]


def needs(seen: Seen) -> dict[str, list[str]]:
    """Each thing that is to be done, with the reasons; empty on a prepared host."""
    found = {name: list(rule(seen)) for name, rule in RULES.items()}
    return {name: reasons for name, reasons in found.items() if reasons}


def unprepared(seen: Seen) -> list[str]:
    """All reasons, in words."""
    return [reason for reasons in needs(seen).values() for reason in reasons]


def _packages(seen: Seen) -> Iterator[str]:
    for program, purpose in seen.missing:
        yield f"{program} is not installed ({purpose})"
    if not seen.python_libvirt:
        yield "libvirt's Python module is not installed"
    elif seen.libvirt.version and seen.libvirt.most_cpus and not seen.libvirt.efi:
        yield "UEFI firmware for guests is not installed"
    # Debian 12's is part of its own QEMU; the one of its backports has none.
    if not seen.virtiofs and not (seen.backports and (seen.system.id, seen.system.version) == ("debian", "12")):
        yield "virtiofsd is not installed (shares directories)"
    if not seen.tpm:
        yield "swtpm is not installed (emulates a TPM)"


def _hook(seen: Seen) -> Iterator[str]:
    if seen.hook:
        yield seen.hook


def _kvm(seen: Seen) -> Iterator[str]:
    if seen.kvm_root_only:
        yield "/dev/kvm is root's alone"


def _data(seen: Seen) -> Iterator[str]:
    if seen.data_problem:
        yield seen.data_problem


def _daemon(seen: Seen) -> Iterator[str]:
    if not seen.daemon.reachable:
        yield f"{seen.daemon.name or 'libvirtd'} is not running"
    if not seen.daemon.networks:
        yield "virtnetworkd is not running"
    if not seen.daemon.logs:
        yield "virtlogd is not running"
    if seen.system.init == "systemd":
        for unit in seen.daemon.disabled:
            yield f"{unit} does not start with the host"


def _restart(seen: Seen) -> Iterator[str]:
    if not seen.daemon.reaped:
        yield f"{seen.daemon.name} runs without an init that reaps its children"
    if not seen.hook and not seen.daemon.hook_seen:
        yield f"{seen.daemon.name} was started before its hook was installed"


def _network(seen: Seen) -> Iterator[str]:
    network = seen.libvirt.network
    if not seen.python_libvirt or not seen.daemon.reachable or not seen.daemon.networks:
        return
    if not network.active:
        yield f"network {seen.network} is {'inactive' if network.defined else 'missing'}"
    elif not network.autostart:
        yield f"network {seen.network} does not start with the host"


# In the order in which the role does it.
RULES: Mapping[str, Rule] = {
    "hook": _hook,
    "packages": _packages,
    "data": _data,
    "kvm": _kvm,
    "daemon": _daemon,
    "restart": _restart,
    "network": _network,
}
