# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain: what may be said of one. A further option is a row here and a row in `_xml/domain.py`.

None is unstated in what is asked for, and absent in what is read from libvirt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Optional

from .._errors import SpecError
from . import value
from .forward import Forward, parse_forwards
from .share import parse_tag, refused_directory
from .size import MIB, format_size, parse_size

ACCELERATORS = ("auto", "kvm", "tcg")
FIRMWARES = ("efi", "bios")
CPU_MODES = ("maximum", "host-passthrough", "host-model")
DISK_FORMATS = ("qcow2", "raw")
INTERFACE_TYPES = ("network", "bridge")
INTERFACE_MODELS = ("virtio", "e1000e", "e1000", "rtl8139")
METADATA = ("profile", "image", "repository", "branch")

_MOST_CPUS = 4096
_LEAST_MEMORY = 256 * MIB
# virtio-blk carries 20 bytes of serial number (virtio 1.2, 5.2.6), by which a guest finds the disk.
_DISK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,62}", re.ASCII)
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)


def _as_it_is(item: Any) -> object:
    return item


def _same(_observed: Any, stated: Any) -> Any:
    return stated


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


def _cpus(stated: object, path: str) -> int:
    return value.count(stated, path, least=1, most=_MOST_CPUS)


def _memory(stated: object, path: str) -> int:
    """Bytes; QEMU takes whole MiB, and libvirt rounds up to them."""
    return -(-parse_size(stated, path, least=_LEAST_MEMORY) // MIB) * MIB


def _choice(*choices: str) -> Callable[[object, str], str]:
    return lambda stated, path: value.choice(stated, path, choices)


def _word(stated: object, path: str) -> str:
    if not isinstance(stated, str) or not _WORD.fullmatch(stated):
        raise SpecError(
            path, f"{value.shown(stated)} is not a name", "Use letters, digits, dots, hyphens, underscores."
        )
    return stated


def _words(stated: object, path: str) -> tuple[str, ...]:
    entries = enumerate(value.sequence(stated, path))
    return tuple(sorted({_word(entry, f"{path}[{index}]") for index, entry in entries}))


def _path(stated: object, path: str) -> str:
    """A path, or what check mode shows for one that isn't known yet."""
    return value.UNKNOWN if stated == value.UNKNOWN else value.absolute_path(stated, path)


def _line(stated: object, path: str) -> str:
    return value.text(stated, path, most=4096)


def _mac(stated: object, path: str) -> str:
    address = str(stated).lower()
    if not _MAC.fullmatch(address):
        raise SpecError(path, f"{value.shown(stated)} is not a MAC address", "Write one as in 52:54:00:12:34:56.")
    # The lowest bit of the first byte marks a group address, which no interface may have.
    if int(address[1], 16) & 1:
        raise SpecError(path, f"{value.shown(stated)} is a multicast address", "Begin it with 52:54:00.")
    return address


def _shared_directory(stated: object, path: str) -> str:
    source = value.absolute_path(stated, path)
    if refused_directory(source):
        raise SpecError(path, f"{value.shown(stated)} is a system directory", "Share another directory.")
    return source


def _metadata(stated: object, path: str) -> dict[str, str]:
    """Flat: {"image": ..., "digests.image": ...}."""
    given = value.mapping(stated, path)
    value.unknown_keys(given, (*METADATA, "digests"), path)
    found = {
        key: _line(entry, f"{path}.{key}") for key, entry in given.items() if key in METADATA and entry is not None
    }
    digests = value.mapping(given.get("digests") or {}, f"{path}.digests")
    for key, entry in digests.items():
        if entry is not None:
            found[f"digests.{_word(key, f'{path}.digests')}"] = _line(entry, f"{path}.digests.{key}")
    return found


def _machine(observed: Optional[str], stated: str) -> str:
    """libvirt writes the version of an alias: `q35` stays what it became (`pc-q35-7.2`)."""
    prefixes = {"q35": "pc-q35-", "pc": "pc-i440fx-", "virt": "virt-"}
    kept = observed is not None and stated in prefixes and observed.startswith(prefixes[stated])
    return observed if observed is not None and kept else stated


@dataclass(frozen=True)
class Disk:
    """name is the serial number that the guest sees; base is the image that source is an overlay of."""

    name: str
    source: Optional[str] = field(default=None, metadata=_row("source", "restart", _path))
    format: Optional[str] = field(default=None, metadata=_row("format", "restart", _choice(*DISK_FORMATS)))
    readonly: Optional[bool] = field(default=None, metadata=_row("readonly", "restart", value.boolean))
    base: Optional[str] = field(default=None, metadata=_row("base", "restart", _path))


@dataclass(frozen=True)
class Interface:
    type: Optional[str] = field(default=None, metadata=_row("type", "restart", _choice(*INTERFACE_TYPES)))
    source: Optional[str] = field(default=None, metadata=_row("source", "restart", _word))
    mac: Optional[str] = field(default=None, metadata=_row("mac", "restart", _mac))
    model: Optional[str] = field(default=None, metadata=_row("model", "restart", _choice(*INTERFACE_MODELS)))


@dataclass(frozen=True)
class Filesystem:
    """real is where source led to when it was checked, and the only directory that the hook will bind."""

    tag: str
    source: Optional[str] = field(default=None, metadata=_row("source", "restart", _shared_directory))
    readonly: Optional[bool] = field(default=None, metadata=_row("readonly", "restart", value.boolean))
    real: Optional[str] = field(default=None, metadata=_row("real", "restart", _shared_directory))


@dataclass(frozen=True)
class Definition:
    """autostart is libvirt's own note, all else is in the XML."""

    cpus: Optional[int] = field(default=None, metadata=_row("cpus", "restart", _cpus))
    memory: Optional[int] = field(default=None, metadata=_row("memory", "restart", _memory, show=format_size))
    accelerator: Optional[str] = field(default=None, metadata=_row("accelerator", "restart", _choice(*ACCELERATORS)))
    # Every device's address belongs to the machine.
    machine: Optional[str] = field(default=None, metadata=_row("machine", "recreate", _word, merge=_machine))
    cpu_mode: Optional[str] = field(default=None, metadata=_row("cpu.mode", "restart", _choice(*CPU_MODES)))
    cpu_disable: Optional[tuple[str, ...]] = field(
        default=None,
        metadata=_row(
            "cpu.disable", "restart", _words, merge=lambda observed, stated: tuple(sorted({*(observed or ()), *stated}))
        ),
    )
    # The NVRAM belongs to the firmware.
    firmware: Optional[str] = field(default=None, metadata=_row("firmware", "recreate", _choice(*FIRMWARES)))
    kernel: Optional[str] = field(default=None, metadata=_row("kernel.path", "restart", _path))
    initrd: Optional[str] = field(default=None, metadata=_row("kernel.initrd", "restart", _path))
    cmdline: Optional[str] = field(default=None, metadata=_row("kernel.cmdline", "restart", _line))
    console_log: Optional[str] = field(default=None, metadata=_row("console_log", "restart", _path))
    autostart: Optional[bool] = field(default=None, metadata=_row("autostart", "live", value.boolean))
    metadata: Optional[Mapping[str, str]] = field(
        default=None,
        metadata=_row("metadata", "live", _metadata, merge=lambda observed, stated: {**(observed or {}), **stated}),
    )
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
        name = entry.get("name")
        if not isinstance(name, str) or not _DISK_NAME.fullmatch(name):
            hint = "Use 1 to 20 letters, digits, dots, hyphens and underscores; it is the disk's serial number."
            raise SpecError(f"{place}.name", f"{value.shown(name)} is not a valid name", hint)
        disks.append(_item(Disk, entry, place, name=name))
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
