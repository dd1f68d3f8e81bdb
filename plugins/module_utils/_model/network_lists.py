# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network has several of. Each kind of item has a key, by which a stated one finds the one that is there."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

from .._errors import SpecError
from . import value
from .names import parse_mac
from .options import Kind, arguments, kind, option, options, parse_items, refuse_twice

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LONGEST_NAME = 253
# RFC 8415, 11: types 1 to 4, each followed by what is at most 128 bytes long.
_DUID = re.compile(r"0{1,2}:0?[1-4](:[0-9a-f]{1,2}){5,128}", re.ASCII)


def _plain_duid(text: str) -> str:
    """libvirt keeps a DUID as it is written, with or without leading zeros."""
    return ":".join(byte.lstrip("0").lower() or "0" for byte in text.split(":"))


def _plain_address(text: str) -> str:
    return str(ipaddress.ip_address(text))


@kind("str", read=str.lower)
def host_name(stated: object, path: str) -> str:
    """Names of DNS are compared without case."""
    if not isinstance(stated, str) or not all(map(_LABEL.fullmatch, stated.split("."))) or len(stated) > _LONGEST_NAME:
        hint = "Use letters, digits and hyphens, in parts of up to 63 that dots separate."
        raise SpecError(path, f"{value.shown(stated)} is not a name of DNS", hint)
    return stated.lower()


@kind("str", read=_plain_address)
def _address(stated: object, path: str) -> str:
    if stated is None:
        raise SpecError(path, "it is missing", "State it.")
    try:
        return _plain_address(str(stated))
    except ValueError:
        hint = "Write one as in 10.77.0.9 or fd77:0:0:1::9."
        raise SpecError(path, f"{value.shown(stated)} is not an IP address", hint) from None


@kind("str", read=_plain_duid)
def _duid(stated: object, path: str) -> str:
    text = str(stated).lower()
    if not _DUID.fullmatch(text):
        hint = "Write one as in 00:03:00:01:52:54:00:12:34:56 (networkctl status shows it in the guest)."
        raise SpecError(path, f"{value.shown(stated)} is not a DUID", hint)
    return _plain_duid(text)


@kind("list", elements="str")
def _names(stated: object, path: str) -> tuple[str, ...]:
    entries = value.sequence(stated or [], path)
    if not entries:
        raise SpecError(path, "it is empty", "State one name at least.")
    return tuple(sorted({host_name(entry, f"{path}[{index}]") for index, entry in enumerate(entries)}))


_MAC = Kind(parse_mac, {"type": "str"}, str.lower)


@dataclass(frozen=True)
class Reservation:
    """An IPv4 address for a MAC, or an IPv6 address for a DUID or for who asks by this name."""

    address: Optional[str] = option("address", "live", _address, "@ip", required=True)
    mac: Optional[str] = option("mac", "live", _MAC, "@mac")
    duid: Optional[str] = option("duid", "live", _duid, "@id")
    name: Optional[str] = option("name", "live", host_name, "@name")

    @property
    def version(self) -> int:
        return 6 if self.duid or ":" in (self.address or "") else 4

    @property
    def key(self) -> str:
        # Others may reserve an IPv4 address for a name alone, too.
        return self.mac or self.duid or (self.name if self.version == 6 else "") or self.address or ""


@dataclass(frozen=True)
class DnsHost:
    """All names of one address, sorted."""

    address: str = option("address", "live", _address, "@ip", required=True, identity=True)
    names: Optional[tuple[str, ...]] = option("names", "live", _names, required=True)

    @property
    def key(self) -> str:
        return self.address


@dataclass(frozen=True)
class Forwarder:
    """Who answers queries for the domain, or all others; without an address the host's own resolver does."""

    address: Optional[str] = option("address", "restart", _address, "@addr", required=True)
    domain: Optional[str] = option("domain", "restart", host_name, "@domain")

    @property
    def key(self) -> str:
        return " ".join(filter(None, (self.domain, self.address)))


def _list_of(model: type) -> Callable[[Callable[[object, str], Any]], Kind]:
    return kind("list", elements="dict", options=arguments(model))


@_list_of(Reservation)
def reservations(stated: object, path: str) -> tuple[Reservation, ...]:
    found = parse_items(Reservation, stated, path, unique=("mac", "duid", "address"))
    for index, item in enumerate(found):
        _check_owner(item, f"{path}[{index}]")
    # One guest may have an address of each kind.
    for version in (4, 6):
        refuse_twice([item.name if item.version == version else None for item in found], "name", path)
    return found


def _check_owner(item: Reservation, path: str) -> None:
    if item.address is None:
        raise SpecError(f"{path}.address", "it is missing", "State it.")
    if ":" not in item.address:
        if item.mac is None or item.duid is not None:
            raise SpecError(f"{path}.mac", f"{item.address} is reserved for a MAC address", "State mac, and no duid.")
    elif item.mac is not None:
        hint = "State duid or name instead of mac."
        raise SpecError(f"{path}.mac", "libvirt reserves no IPv6 address for a MAC address", hint)
    elif item.duid is None and item.name is None:
        raise SpecError(f"{path}.duid", f"nothing says for whom {item.address} is reserved", "State duid or name.")


@_list_of(DnsHost)
def dns_hosts(stated: object, path: str) -> tuple[DnsHost, ...]:
    return parse_items(DnsHost, stated, path, unique=("address",))


@_list_of(Forwarder)
def forwarders(stated: object, path: str) -> tuple[Forwarder, ...]:
    found = parse_items(Forwarder, stated, path)
    for index, item in enumerate(found):
        if item.address is None:
            raise SpecError(f"{path}[{index}].address", "it is missing", "State it.")
    refuse_twice([item.key for item in found], "address", path)
    return found


def merge_items(observed: tuple[Any, ...], stated: tuple[Any, ...], purge: bool) -> tuple[Any, ...]:
    """observed with stated laid over it, item by item and field by field; new ones come last."""
    wanted = {item.key: item for item in stated}
    kept = [_over(item, wanted.pop(item.key, None)) for item in observed if item.key in wanted or not purge]
    return (*kept, *wanted.values())


def _over(observed: Any, stated: Optional[Any]) -> Any:
    return observed if stated is None else dataclasses.replace(observed, **_held(stated))


def _held(item: Any) -> dict[str, Any]:
    fields = ((field.name, getattr(item, field.name)) for field in dataclasses.fields(item))
    return {name: held for name, held in fields if held is not None}


def plain(item: Any) -> dict[str, object]:
    """The item as options have it, with all that it has."""
    return {name: list(held) if isinstance(held, tuple) else held for name, held in _held(item).items()}


def facet(item: Any) -> dict[str, object]:
    """The item as a change shows it, beside its key."""
    return {name: held for name, held in plain(item).items() if held != item.key and name in dict(options(type(item)))}
