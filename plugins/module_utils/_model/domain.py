# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain: what may be said of one. A further option is a row here and a row in `_xml/domain.py`.

None is unstated in what is asked for, and absent in what is read from libvirt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Optional, Union

from .._errors import SpecError
from . import domain_values as values
from . import value
from .forward import Forward, parse_forwards
from .fragment import parse_fragment
from .share_rules import parse_tag
from .size import format_size

ACCELERATORS = ("auto", "kvm", "tcg")
FIRMWARES = ("efi", "bios")
CPU_MODES = ("maximum", "host-passthrough", "host-model")
DISK_FORMATS = ("qcow2", "raw")
INTERFACE_TYPES = ("network", "bridge")
INTERFACE_MODELS = ("virtio", "e1000e", "e1000", "rtl8139")
IOMMUS = ("intel",)


def _as_it_is(item: Any) -> object:
    return item


def _same(_observed: Any, stated: Any) -> Any:
    return stated


def _over(observed: Any, stated: Any) -> Any:
    return {**(observed or {}), **stated}


@dataclass(frozen=True)
class Option:
    """One option. parse: (value, path) -> value. merge: (observed, stated) -> what then holds. show is for people."""

    path: str
    impact: str
    parse: Callable[[object, str], Any]
    merge: Callable[[Any, Any], Any] = _same
    show: Callable[[Any], object] = _as_it_is


def _row(*arguments: Any, **further: Any) -> dict[str, Option]:
    return {"option": Option(*arguments, **further)}


def options(kind: type) -> Iterator[tuple[str, Option]]:
    """Attribute and option of each row of a model."""
    for attribute in fields(kind):
        if "option" in attribute.metadata:
            yield attribute.name, attribute.metadata["option"]


@dataclass(frozen=True)
class Disk:
    """name is the serial number that the guest sees; base is the image that source is an overlay of."""

    name: str
    source: Optional[str] = field(default=None, metadata=_row("source", "restart", values.file))
    format: Optional[str] = field(default=None, metadata=_row("format", "restart", values.one_of(*DISK_FORMATS)))
    readonly: Optional[bool] = field(default=None, metadata=_row("readonly", "restart", value.boolean))
    base: Optional[str] = field(default=None, metadata=_row("base", "restart", values.file))


@dataclass(frozen=True)
class Interface:
    type: Optional[str] = field(default=None, metadata=_row("type", "restart", values.one_of(*INTERFACE_TYPES)))
    source: Optional[str] = field(default=None, metadata=_row("source", "restart", values.word))
    mac: Optional[str] = field(default=None, metadata=_row("mac", "restart", values.mac))
    model: Optional[str] = field(default=None, metadata=_row("model", "restart", values.one_of(*INTERFACE_MODELS)))


@dataclass(frozen=True)
class Filesystem:
    """real is where source led to when it was checked, and the only directory that the hook will bind."""

    tag: str
    source: Optional[str] = field(default=None, metadata=_row("source", "restart", values.shared_directory))
    readonly: Optional[bool] = field(default=None, metadata=_row("readonly", "restart", value.boolean))
    real: Optional[str] = field(default=None, metadata=_row("real", "restart", values.shared_directory))


@dataclass(frozen=True)
class Definition:
    """autostart is libvirt's own note, all else is in the XML."""

    cpus: Optional[int] = field(default=None, metadata=_row("cpus", "restart", values.cpus))
    memory: Optional[int] = field(default=None, metadata=_row("memory", "restart", values.memory, show=format_size))
    accelerator: Optional[str] = field(
        default=None, metadata=_row("accelerator", "restart", values.one_of(*ACCELERATORS))
    )
    # Every device's address belongs to the machine.
    machine: Optional[str] = field(
        default=None, metadata=_row("machine", "recreate", values.word, merge=values.machine)
    )
    cpu_mode: Optional[str] = field(default=None, metadata=_row("cpu.mode", "restart", values.one_of(*CPU_MODES)))
    cpu_disable: Optional[tuple[str, ...]] = field(
        default=None, metadata=_row("cpu.disable", "restart", values.words, merge=values.with_others)
    )
    # The NVRAM belongs to the firmware.
    firmware: Optional[str] = field(default=None, metadata=_row("firmware", "recreate", values.one_of(*FIRMWARES)))
    kernel: Optional[str] = field(default=None, metadata=_row("kernel.path", "restart", values.file))
    initrd: Optional[str] = field(default=None, metadata=_row("kernel.initrd", "restart", values.file))
    cmdline: Optional[str] = field(default=None, metadata=_row("kernel.cmdline", "restart", values.line))
    # Neither has an address that could move another device, so that a restart brings them.
    iommu: Optional[str] = field(
        default=None,
        metadata=_row("iommu", "restart", values.one_of(*IOMMUS, values.NONE), merge=values.unless_none),
    )
    vsock_cid: Optional[Union[int, str]] = field(
        default=None, metadata=_row("vsock.cid", "restart", values.cid, merge=values.unless_none)
    )
    # All that there are; libvirt adds those that its devices need, and may have added more than are asked for.
    pcie_root_ports: Optional[int] = field(
        default=None,
        metadata=_row(
            "pcie_root_ports", "restart", values.root_ports, merge=lambda observed, stated: max(observed or 0, stated)
        ),
    )
    console_log: Optional[str] = field(default=None, metadata=_row("console_log", "restart", values.file))
    autostart: Optional[bool] = field(default=None, metadata=_row("autostart", "live", value.boolean))
    metadata: Optional[Mapping[str, str]] = field(
        default=None, metadata=_row("metadata", "live", values.metadata, merge=_over)
    )
    # What a fragment of XML states, as the leaves of `fragment`; of a domain what it has of these.
    xml: Optional[Mapping[str, str]] = field(default=None, metadata=_row("xml", "restart", parse_fragment, merge=_over))
    disks: Optional[tuple[Disk, ...]] = None
    interfaces: Optional[tuple[Interface, ...]] = None
    filesystems: Optional[tuple[Filesystem, ...]] = None
    forwards: Optional[tuple[Forward, ...]] = None
    # Read only: our stamp, and when it was written.
    owned: bool = False
    created: Optional[str] = None


def parse(params: Mapping[str, Any], prefix: str = "") -> Definition:
    """The definition that a module's parameters state; prefix goes before each path in errors."""
    found: dict[str, Any] = {}
    for attribute, option in options(Definition):
        stated = _at(params, option.path)
        if stated is not None:
            found[attribute] = option.parse(stated, prefix + option.path)
    # What `auto` gives is decided at creation, and an existing domain is not pulled back.
    if found.get("accelerator") == "auto":
        del found["accelerator"]
    for name, read in _LISTS.items():
        if params.get(name) is not None:
            found[name] = read(params[name], prefix + name)
    definition = Definition(**found)
    _check_boot(params, definition, prefix)
    return definition


def _at(params: Mapping[str, Any], path: str) -> Any:
    head, _dot, tail = path.partition(".")
    inner = params.get(head)
    return inner if not tail or inner is None else value.mapping(inner, head).get(tail)


def _check_boot(params: Mapping[str, Any], definition: Definition, prefix: str) -> None:
    if params.get("kernel") is not None and definition.kernel is None:
        raise SpecError(f"{prefix}kernel.path", "it is missing", "Name the kernel's file.")
    if definition.kernel is not None and definition.firmware is not None:
        raise SpecError(f"{prefix}firmware", "it excludes kernel, which is started without firmware", "State one.")


def _item(kind: Any, entry: Mapping[str, object], path: str, **identity: str) -> Any:
    found = {
        attribute: option.parse(entry[option.path], f"{path}.{option.path}")
        for attribute, option in options(kind)
        if entry.get(option.path) is not None
    }
    return kind(**identity, **found)


def _entries(stated: object, path: str) -> Iterator[tuple[dict[str, object], str]]:
    for index, entry in enumerate(value.sequence(stated, path)):
        yield value.mapping(entry, f"{path}[{index}]"), f"{path}[{index}]"


def _unique(items: tuple[Any, ...], attribute: str, path: str) -> None:
    seen: dict[object, int] = {}
    for index, item in enumerate(items):
        stated = getattr(item, attribute)
        if stated is None or stated == value.UNKNOWN:
            continue
        if stated in seen:
            problem = f"{value.shown(stated)} is {path}[{seen[stated]}]'s too"
            raise SpecError(f"{path}[{index}].{attribute}", problem, "Write another one.")
        seen[stated] = index


def _disks(stated: object, path: str) -> tuple[Disk, ...]:
    disks = []
    for entry, place in _entries(stated, path):
        disks.append(_item(Disk, entry, place, name=values.disk_name(entry.get("name"), f"{place}.name")))
    _unique(tuple(disks), "name", path)
    _unique(tuple(disks), "source", path)
    return tuple(disks)


def _interfaces(stated: object, path: str) -> tuple[Interface, ...]:
    interfaces = tuple(_item(Interface, entry, place) for entry, place in _entries(stated, path))
    _unique(interfaces, "mac", path)
    return interfaces


def _filesystems(stated: object, path: str) -> tuple[Filesystem, ...]:
    shares = tuple(
        _item(Filesystem, entry, place, tag=parse_tag(entry.get("tag"), f"{place}.tag"))
        for entry, place in _entries(stated, path)
    )
    _unique(shares, "tag", path)
    return shares


def _forwards(stated: object, path: str) -> tuple[Forward, ...]:
    forwards = parse_forwards([_without_none(entry) for entry in value.sequence(stated, path)], path)
    for index, forward in enumerate(forwards):
        # slirp's hostfwd has no syntax for another family (QEMU 10 neither).
        if ":" in forward.address:
            problem = f"{value.shown(forward.address)} is IPv6, which QEMU's user network can't forward"
            raise SpecError(f"{path}[{index}].address", problem, "Write an IPv4 address.")
    return forwards


def _without_none(entry: object) -> object:
    """AnsibleModule fills the keys that were not stated with None."""
    return {key: item for key, item in entry.items() if item is not None} if isinstance(entry, Mapping) else entry


_LISTS: Mapping[str, Callable[[object, str], tuple[Any, ...]]] = {
    "disks": _disks,
    "interfaces": _interfaces,
    "filesystems": _filesystems,
    "forwards": _forwards,
}
LISTS = tuple(_LISTS)
