# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight is asked about, and what was seen on the host."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .._errors import SpecError
from .accelerator import Accelerator
from .apparmor import Denial
from .firewall import Obstacle, Opening
from .names import parse_name
from .port import Forward, PortUse
from .size import parse_size
from .value import absolute_path, count

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Share:
    """consent: the user said that a sensitive directory may be shared."""

    source: str
    consent: bool


@dataclass(frozen=True)
class Guest:
    """A guest as it is wanted. Sizes in bytes; None is not stated. reset: its root disk will be made anew."""

    name: str
    cpus: Optional[int] = None
    memory: Optional[int] = None
    disk: Optional[int] = None
    image: Optional[str] = None
    reset: bool = False
    forwards: tuple[Forward, ...] = ()
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True)
class Check:
    """One check's verdict. guest is "" when it is about the host."""

    name: str
    ok: bool = True
    level: str = ERROR
    guest: str = ""
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class SeedState:
    """The seed that a guest has, by its record. asked: the digest of the request that it answered.

    whole: its file is the one that the record speaks of.
    """

    asked: str
    user: str
    host_key: str
    sealed: bool
    whole: bool


@dataclass(frozen=True)
class Answered:
    """Where an SSH server answered for a guest when it was looked at."""

    address: str
    port: int
    banner: str


@dataclass(frozen=True)
class GuestState:
    """What is there of a wanted guest: exists is domain and root disk, state libvirt's word, "" without a domain.

    answer: only where a running guest was asked.
    """

    exists: bool = False
    owned: bool = False
    state: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    root_disk: bool = False
    seed: Optional[SeedState] = None
    answer: Optional[Answered] = None

    @property
    def defined(self) -> bool:
        return bool(self.state)


@dataclass(frozen=True)
class NetworkState:
    defined: bool = False
    active: bool = False
    bridge: str = ""
    autostart: bool = True
    owned: bool = False


@dataclass(frozen=True)
class LibvirtState:
    """What libvirt said. error is "" when it answered; versions in its own encoding, 0 unknown."""

    error: str = ""
    remedy: str = ""
    version: int = 0
    qemu_version: int = 0
    most_cpus: int = 0
    efi: bool = False
    domains: Mapping[str, GuestState] = field(default_factory=dict)
    network: NetworkState = NetworkState()


@dataclass(frozen=True)
class Unit:
    """A unit of systemd. start: it has to run at once; others are started by their sockets, and at boot."""

    name: str
    start: bool = True


# What runs guests, and its units: the monolithic daemon, and the modular ones (Fedora 35, EL 9 and later). Sockets
# start what they belong to; the services are enabled so that guests and networks with autostart come up with the host.
# virtproxyd is not among them: for a local URI with a driver clients take virtqemud's socket where it is (11.3).
DAEMONS: Mapping[str, tuple[Unit, ...]] = {
    "libvirtd": (Unit("virtlogd.socket"), Unit("libvirtd.socket"), Unit("libvirtd.service", start=False)),
    "virtqemud": (
        *(Unit(f"{name}.socket") for name in ("virtlogd", "virtnetworkd", "virtqemud")),
        *(Unit(f"{name}.service", start=False) for name in ("virtnetworkd", "virtqemud")),
    ),
}


@dataclass(frozen=True)
class Daemon:
    """libvirt's daemons. logs: virtlogd answers; pid: libvirtd's, 0 when it is not known or not running.

    reaped: somebody reaps what libvirtd leaves behind; hook_seen: it knows our hook. name is that of the daemon which
    runs guests (DAEMONS), "" when none is installed; disabled are the units of it that don't start with the host.
    networks: what keeps networks answers, which is virtnetworkd beside virtqemud, and libvirtd itself.
    """

    reachable: bool = False
    logs: bool = False
    pid: int = 0
    reaped: bool = True
    hook_seen: bool = True
    name: str = "libvirtd"
    disabled: tuple[str, ...] = ()
    networks: bool = True

    @property
    def units(self) -> tuple[Unit, ...]:
        return DAEMONS.get(self.name, ())


@dataclass(frozen=True)
class System:
    """Who the host is. init is "systemd" or "other"; memory and swap in bytes."""

    id: str
    version: str
    family: str
    init: str
    architecture: str
    cpus: int
    memory: int
    swap: int


@dataclass(frozen=True)
class SourceState:
    """What a share's source is. path has its links resolved."""

    path: str
    problem: str = ""


@dataclass(frozen=True)
class Seen:
    """All that was looked at on the host."""

    system: System
    accelerator: Accelerator
    kvm_root_only: bool
    qemu_user: str
    data: str
    free: int
    impassable: tuple[str, ...]
    images: frozenset[str]
    missing: tuple[tuple[str, str], ...]
    python_libvirt: bool
    virtiofs: bool
    hook: str
    daemon: Daemon
    libvirt: LibvirtState
    obstacles: tuple[Obstacle, ...]
    ip_forward: bool
    first_port: int
    ports: tuple[PortUse, ...]
    sources: Mapping[str, SourceState]
    # Of the root disks, by guest, and of the images, by name: those that are there and whose size is asked for.
    disk_sizes: Mapping[str, int] = field(default_factory=dict)
    image_sizes: Mapping[str, int] = field(default_factory=dict)
    data_problem: str = ""
    # QEMU is taken from the distribution's backports, by files of ours.
    backports: bool = False
    opened: tuple[Opening, ...] = ()
    # Who holds the package manager's lock, "" nobody; seconds that this host's clock is ahead of the controller's.
    package_lock: str = ""
    clock_ahead: float = 0.0
    # What AppArmor refused libvirt and its guests, where that is asked.
    refusals: tuple[Denial, ...] = ()
    network: str = "burrow"
    # It can be emulated.
    tpm: bool = True


def parse_guests(value: Sequence[Mapping[str, Any]]) -> tuple[Guest, ...]:
    """The wanted guests, each name once."""
    guests = tuple(_guest(entry, f"guests[{index}]") for index, entry in enumerate(value))
    names = [guest.name for guest in guests]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise SpecError(f"guests[{index}].name", f"{name!r} is there twice", "Give each guest a name of its own.")
    return guests


def _guest(entry: Mapping[str, Any], path: str) -> Guest:
    def size(key: str) -> Optional[int]:
        value = entry.get(key)
        if value is None:
            return None
        # Other parts of the collection hand sizes on in bytes.
        return int(value) if str(value).isdecimal() else parse_size(value, f"{path}.{key}")

    cpus = entry.get("cpus")
    if cpus is not None and cpus < 1:
        raise SpecError(f"{path}.cpus", f"{cpus} is too small", "Set 1 or more.")
    return Guest(
        name=parse_name(entry["name"], f"{path}.name"),
        cpus=cpus,
        memory=size("memory"),
        disk=size("disk"),
        image=entry.get("image"),
        reset=bool(entry.get("reset")),
        forwards=tuple(
            _forward(item, f"{path}.forwards[{index}]") for index, item in enumerate(entry.get("forwards") or ())
        ),
        shares=tuple(
            Share(absolute_path(item["source"], f"{path}.shares[{index}].source"), bool(item.get("allow_sensitive")))
            for index, item in enumerate(entry.get("shares") or ())
        ),
    )


def _forward(entry: Mapping[str, Any], path: str) -> Forward:
    address = entry.get("address") or "127.0.0.1"
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        hint = "Write an address of the hypervisor, or 0.0.0.0 for all."
        raise SpecError(f"{path}.address", f"{address!r} is not an IP address", hint) from error
    return Forward(count(entry["host_port"], f"{path}.host_port", least=1, most=65535), address)
