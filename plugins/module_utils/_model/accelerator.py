# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""KVM or TCG: decided from what was seen on the host, with the reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

KVM = "kvm"
TCG = "tcg"

DEVICE = "/dev/kvm"

# Without this CPU flag /dev/kvm may open all the same (nested hosts without nested virtualisation, paravirtual
# KVM), and QEMU then aborts ("failed to set MSR 0x10a") or hangs without a word. Other architectures show no flag.
_FLAGS = {
    "x86_64": frozenset({"vmx", "svm"}),
    "i686": frozenset({"vmx", "svm"}),
}

_SLOW = "Guests run by emulation, about ten times slower: a boot takes a minute."
_FIRMWARE = (
    f"{_SLOW} For KVM, turn virtualisation on in the firmware, or nested virtualisation on the machine that this host "
    "is a guest of."
)
_OPEN = f"{_SLOW} Run as root: chgrp kvm /dev/kvm; chmod 660 /dev/kvm (role burrow.vm.hypervisor does)."

# libvirt's encoding: major * 1 000 000 + minor * 1 000 + micro.
_QEMU_10 = 10_000_000


@dataclass(frozen=True)
class Evidence:
    """What was seen: device_error is None when /dev/kvm opened; root_only when nobody but root may open it."""

    architecture: str
    device_error: Optional[str]
    root_only: bool = False
    cpu_flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Accelerator:
    """kind is KVM or TCG; reason says why, as people read it, and remedy what gives KVM."""

    kind: str
    reason: str
    remedy: str = ""

    @property
    def domain_type(self) -> str:
        """What libvirt calls it in <domain type=...>."""
        return "kvm" if self.kind == KVM else "qemu"


def decide(evidence: Evidence) -> Accelerator:
    """KVM only when it can really run a guest."""
    if evidence.device_error is not None:
        return Accelerator(TCG, f"{DEVICE} can't be used: {evidence.device_error}", _FIRMWARE)
    wanted = _FLAGS.get(evidence.architecture, frozenset())
    if wanted and not wanted & evidence.cpu_flags:
        names = " nor ".join(sorted(wanted, reverse=True))
        return Accelerator(TCG, f"{DEVICE} opens, but the CPU shows neither {names}: a guest would hang", _FIRMWARE)
    if evidence.root_only:
        return Accelerator(TCG, f"only root may open {DEVICE}, and QEMU runs as another user", _OPEN)
    return Accelerator(KVM, f"{DEVICE} opens and the CPU can run guests")


def cpu_default(kind: str, architecture: str, qemu_version: int) -> tuple[str, tuple[str, ...]]:
    """The CPU mode of a new guest and the features to take from it.

    qemu_version is as libvirt's getVersion() returns it; 0 when it is not known.
    """
    if kind == KVM:
        return "host-passthrough", ()
    # TCG of QEMU before 10.0 runs cmpxchg16b wrongly for the 6.12 cloud kernel of Debian 13: it panics or hangs in
    # most boots. Without cx16 the kernel takes another path, and older kernels don't mind.
    disable = ("cx16",) if architecture == "x86_64" and qemu_version < _QEMU_10 else ()
    return "maximum", disable


# QEMU offers more (q35: 288, and 4096 from QEMU 9 on), and libvirt refuses them without an IOMMU in extended interrupt
# mode, when the guest's disks are made already.
_MOST_CPUS = {"x86_64": 255}


def most_of(architecture: str, offered: int) -> int:
    """The most CPUs that a guest can have where QEMU offers that many."""
    return min(offered, _MOST_CPUS.get(architecture, offered))
