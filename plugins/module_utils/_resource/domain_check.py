# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a definition needs of the host, and whether the host has it: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .._errors import SpecError
from .._model.domain import Definition
from .._model.domain_devices import key
from .._model.domain_values import NONE
from .._model.forward import Forward
from .._model.sensitive import sensitivity
from .._model.share_rules import refused_directory
from .._model.value import UNKNOWN
from .domain_host import Hardware, check_hardware

_PREPARE = "Apply role burrow.vm.hypervisor to this host (playbook burrow.vm.prepare)."


@dataclass(frozen=True)
class Surroundings:
    """directories: share -> where it leads. taken: a forward that can't listen -> why.

    lacking: the key of a device of the host -> why no guest can have it, and what helps.
    """

    hardware: Hardware = field(default_factory=Hardware)
    directories: Mapping[str, str] = field(default_factory=dict)
    hook: bool = True
    taken: Mapping[Forward, str] = field(default_factory=dict)
    vsock: bool = True
    rng: bool = True
    lacking: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def needed(before: Definition, after: Definition, *, starts: bool, live: Optional[Definition] = None) -> Definition:
    """The part of a definition that the host must be able to give now: all of it to a guest that starts.

    live: that of a running guest, which may take further forwards while it runs.
    """
    shares = [share for share in after.filesystems or () if starts or share not in (before.filesystems or ())]
    cpus = starts or (after.cpus, after.cpus_maximum) != (before.cpus, before.cpus_maximum)
    return Definition(
        cpus=after.cpus if cpus else None,
        cpus_maximum=after.cpus_maximum if cpus else None,
        cpu_pinning=after.cpu_pinning if starts or after.cpu_pinning != before.cpu_pinning else None,
        memory=after.memory,
        memory_maximum=after.memory_maximum,
        memory_pages=after.memory_pages if starts else None,
        memory_locked=after.memory_locked if starts else None,
        accelerator=after.accelerator,
        machine=after.machine,
        architecture=after.architecture,
        tpm=after.tpm if starts or after.tpm != before.tpm else None,
        filesystems=tuple(shares),
        forwards=after.forwards if starts or (live is not None and live.forwards) else (),
        vsock_cid=after.vsock_cid if starts else None,
        rng=after.rng if starts else None,
        graphics=_new(before.graphics, after.graphics, every=starts),
        video=after.video if starts or after.video != before.video else (),
        hostdevs=_new(before.hostdevs, after.hostdevs, every=starts) if starts or live is not None else (),
        disks=_new(before.disks, after.disks, every=starts) if starts or live is not None else (),
        interfaces=_new(before.interfaces, after.interfaces, every=False),
    )


def _new(before: Optional[tuple[Any, ...]], after: Optional[tuple[Any, ...]], *, every: bool) -> tuple[Any, ...]:
    """The devices of a list that weren't there, or every one."""
    known = {key(item) for item in before or ()}
    return tuple(item for item in after or () if every or key(item) not in known)


def check(stated: Definition, wanted: Definition, around: Surroundings, guarded: frozenset[str] = frozenset()) -> None:
    """Raise for what can't be had on this host. stated tells where the user wrote it; guarded as in Request."""
    check_hardware(wanted, around.hardware)
    _check_offers(stated, wanted, around.hardware.offers)
    if wanted.vsock_cid is not None and not around.vsock:
        hint = "Load the kernel's module vhost_vsock (`modprobe vhost_vsock`), or leave vsock out."
        raise SpecError("vsock", "this host has no /dev/vhost-vsock", hint, "no_vsock")
    if wanted.rng is not None and not around.rng:
        raise SpecError("rng", f"this host has no {wanted.rng}", "Name another file, builtin or none.", "no_rng")
    for device in wanted.hostdevs or ():
        if key(device) in around.lacking:
            problem, hint = around.lacking[key(device)]
            path = f"{place(stated, 'hostdevs', device)}.{'usb' if device.pci is None else 'pci'}"
            raise SpecError(path, problem, hint, "no_device")
    _check_shares(stated, wanted, around, guarded)
    for forward in wanted.forwards or ():
        if forward in around.taken:
            problem = f"port {forward.host_port} of {forward.address} {around.taken[forward]}"
            raise SpecError(f"{place(stated, 'forwards', forward)}.host_port", problem, "Choose another host_port.")


# device -> what a host that doesn't offer it lacks, and what brings it
_OFFERS = {
    "tpm": ("this host can't emulate one", "Install swtpm and swtpm-tools, or leave tpm out."),
    **dict.fromkeys(
        ("graphics", "video"),
        (
            "QEMU has no {} on this host",
            "Install its module (SPICE's and QXL are in qemu-system-modules-spice on Debian 13, and with QEMU of the"
            " backports; Red Hat has neither), or choose another one.",
        ),
    ),
}


def _check_offers(stated: Definition, wanted: Definition, offers: Mapping[str, frozenset[str]]) -> None:
    for device, path, word in _offered(stated, wanted):
        if word != NONE and device in offers and word not in offers[device]:
            problem, hint = _OFFERS[device]
            raise SpecError(path, problem.format(word), hint, f"no_{device}")


def _offered(stated: Definition, wanted: Definition) -> Iterator[tuple[str, str, str]]:
    """Device, option and its value of whatever only some hosts offer."""
    if wanted.tpm is not None:
        yield "tpm", "tpm", wanted.tpm
    for item in wanted.graphics or ():
        yield "graphics", f"{place(stated, 'graphics', item)}.type", item.type
    for number, screen in enumerate(wanted.video or ()):
        yield "video", f"video[{number}].model", screen.model or NONE


def _check_shares(stated: Definition, wanted: Definition, around: Surroundings, guarded: frozenset[str]) -> None:
    for share in wanted.filesystems or ():
        path, source = f"{place(stated, 'filesystems', share)}.source", share.source or ""
        real = around.directories.get(source)
        if real is None:
            raise SpecError(path, f"{source!r} is not a directory of this host", "Make it, or share another one.")
        if refused_directory(real):
            raise SpecError(path, f"{source!r} leads to {real}, a system directory", "Share another directory.")
        if share.tag in guarded and sensitivity(real):
            hint = "Share another directory, or set allow_sensitive to true for this share."
            raise SpecError(path, f"{source!r} leads to {real}, which {sensitivity(real)}", hint)
        if share.real not in (None, real):
            problem = f"{source!r} leads to {real}, and led to {share.real} when it was checked"
            raise SpecError(path, problem, "See who changed it; if that is meant, state the share.")
    if wanted.filesystems and not around.hook:
        raise SpecError("filesystems", "this host lacks the libvirt hook that binds shares", _PREPARE, "no_hook")


def place(stated: Definition, name: str, item: Any) -> str:
    """Where the user wrote the item of a list; one that they did not write is named by its key."""
    mine = list(getattr(stated, name) or ())
    keys = [key(other) for other in mine]
    if key(item) in keys:
        return f"{name}[{keys.index(key(item))}]"
    # An interface is stated without its MAC, as a rule.
    alike = (number for number, other in enumerate(mine) if name == "interfaces" and _same_place(other, item))
    return f"{name}[{next(alike, key(item))}]"


def _same_place(stated: Any, item: Any) -> bool:
    return stated.mac is None and stated.source == item.source


def check_files(stated: Definition, definition: Definition, missing: Mapping[str, str]) -> None:
    """missing: path -> why. In check mode a disk may be a planned one, so this is asked only before it is used."""
    for path, option in used_files(stated, definition).items():
        if path == UNKNOWN:
            raise SpecError(option, "it is not known", "State a path; this value is for check mode only.")
        if path in missing:
            raise SpecError(option, f"{path!r} {missing[path]}", "Make it first (burrow.vm.disk, burrow.vm.image).")


def used_files(stated: Definition, definition: Definition) -> dict[str, str]:
    """path -> option of the files that a guest is started from."""
    found: dict[str, Optional[str]] = {}
    for disk in definition.disks or ():
        where = place(stated, "disks", disk)
        found[f"{where}.source"] = disk.source
        found[f"{where}.base"] = disk.base
    found["kernel.path"] = definition.kernel
    found["kernel.initrd"] = definition.initrd
    return {path: option for option, path in found.items() if path is not None}


def other_files(before: Optional[Definition], after: Definition) -> bool:
    """Whether a definition names files that the one before didn't."""
    if before is None:
        return True
    return (before.disks, before.kernel, before.initrd) != (after.disks, after.kernel, after.initrd)
