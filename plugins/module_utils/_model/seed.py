# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds: what is asked for, what a seed was made from, and how the two differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

from .._errors import SpecError
from .cloud_config import LARGEST, check_other_users, parse_cloud_config
from .inside import hostname, parse_hostname, parse_user, script
from .names import parse_name
from .public_key import parse_public_keys
from .share import parse_shares
from .value import absolute_path, choice, mapping
from .yaml_json import document

STATES = ("present", "reset", "absent")
HOST_KEY = ("seed", "sealed")
DEFAULT_USER = "burrow"
# Users that a distribution makes for people; below are its own, 65534 is nobody's.
_PEOPLE = range(1000, 60000)
_OWN_META_DATA = ("instance-id", "local-hostname")

Parser = Callable[[object, str], Any]


def _public_keys(value: object, path: str) -> list[str]:
    return [key.line for key in parse_public_keys(value, path)]


def _script(value: object, path: str) -> str:
    content = script(value, path)
    if len(content.encode("utf-8", "surrogatepass")) > LARGEST:
        raise SpecError(path, "it is too long", f"Write {LARGEST} bytes at most.")
    document(content, path, most=4 * LARGEST)
    return content


def _network_config(value: object, path: str) -> dict[str, Any]:
    config = mapping(document(value, path, most=LARGEST), path)
    inner = config.get("network", config)
    if not isinstance(inner, Mapping) or inner.get("version") not in (1, 2):
        raise SpecError(f"{path}.version", "it is neither 1 nor 2", "Write network-config of version 2.")
    return config


def _meta_data(value: object, path: str) -> dict[str, Any]:
    data = mapping(document(value, path, most=LARGEST), path)
    for key in _OWN_META_DATA:
        if key in data:
            raise SpecError(f"{path}.{key}", "this key is burrow.vm's own", "State `hostname` for the host name.")
    return data


def _shares(value: object, path: str) -> list[dict[str, Any]]:
    return [
        {"source": share.source, "tag": share.tag, "target": share.target, "readonly": share.readonly}
        for share in parse_shares(value, path)
    ]


def _or_nothing(parser: Parser) -> Parser:
    """Empty text takes the thing away; not stating it leaves it as it is."""
    return lambda value, path: None if value == "" else parser(value, path)


# Option -> how it is read. What is in ONCE the guest follows at its first boot only, what is in BOOT at each.
ONCE: Mapping[str, Parser] = {
    "user": parse_user,
    "authorized_keys": _public_keys,
    "hostname": hostname,
    "cloud_config": parse_cloud_config,
    "first_boot_script": _or_nothing(_script),
    "network_config": _network_config,
    "meta_data": _meta_data,
}
BOOT: Mapping[str, Parser] = {
    "shares": _shares,
    "every_boot_script": _or_nothing(_script),
    "workdir": _or_nothing(absolute_path),
}


# What may be left to a new seed's defaults.
DEFAULTS: Mapping[str, Parser] = {
    key: ONCE[key] for key in ("user", "authorized_keys", "hostname", "cloud_config", "network_config")
}


@dataclass(frozen=True)
class Seed:
    """What is asked for: once and boot have the stated options only, defaults what counts for a new seed."""

    name: str
    state: str
    path: Optional[str]
    once: Mapping[str, Any]
    boot: Mapping[str, Any]
    host_key: Optional[str] = None
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> str:
        """A digest of what is stated, by which a seed that has it all is known without looking at each option."""
        content = json.dumps([self.once, self.boot], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Record:
    """What a seed was made from, save the host's private key. image is the digest of the seed's file.

    asked is that of the request which it answered, and empty when something of one waits for a reset.
    """

    name: str
    path: str
    instance_id: str
    generation: int
    once: Mapping[str, Any]
    boot: Mapping[str, Any]
    host_key: str = ""
    sealed: bool = False
    image: str = ""
    asked: str = ""


def parse_seed(params: Mapping[str, Any]) -> Seed:
    """The module's parameters."""
    return Seed(
        name=parse_name(params.get("name")),
        state=choice(params.get("state") or "present", "state", STATES),
        path=None if params.get("path") is None else absolute_path(params["path"], "path"),
        once=_stated(params, ONCE),
        boot=_stated(params, BOOT),
        host_key=None if params.get("host_key") is None else choice(params["host_key"], "host_key", HOST_KEY),
        defaults=_stated(mapping(params.get("defaults") or {}, "defaults"), DEFAULTS, "defaults."),
    )


def _stated(params: Mapping[str, Any], parsers: Mapping[str, Parser], prefix: str = "") -> dict[str, Any]:
    return {key: parse(params[key], prefix + key) for key, parse in parsers.items() if params.get(key) is not None}


def new_record(seed: Seed, path: str, owner_ids: Mapping[str, int], former: Optional[Record]) -> Record:
    """What a new seed is made from. owner_ids: source directory -> uid; former: the one that a reset replaces.

    A reset follows the stated options and defaults alone: it is a new beginning, and what was taken out of them goes.
    """
    defaults: dict[str, Any] = {
        "user": DEFAULT_USER,
        "authorized_keys": [],
        "hostname": parse_hostname(seed.name),
        "cloud_config": {},
        "first_boot_script": None,
        "network_config": None,
        "meta_data": {},
    }
    boot: dict[str, Any] = {"shares": [], "every_boot_script": None, "workdir": None}
    boot.update(seed.boot)
    once = {**defaults, **seed.defaults, **seed.once, "uid": _uid(boot["shares"], owner_ids)}
    check_other_users(once["cloud_config"], once["user"])
    generation = former.generation + 1 if former else 0
    return Record(
        name=seed.name,
        path=path,
        instance_id=_instance_id(seed.name, once, generation),
        generation=generation,
        once=once,
        boot=boot,
        asked=seed.asked,
    )


def _uid(shares: list[dict[str, Any]], owner_ids: Mapping[str, int]) -> Optional[int]:
    """The owner of the first share that isn't root's: in the guest its files are the user's own."""
    for share in shares:
        owner = owner_ids.get(share["source"], 0)
        if owner:
            return owner if owner in _PEOPLE else None
    return None


def _instance_id(name: str, once: Mapping[str, Any], generation: int) -> str:
    content = json.dumps([once, generation], sort_keys=True, separators=(",", ":"))
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def reset_required(seed: Seed, record: Record) -> list[str]:
    """The stated options that only a first boot follows, and that differ; of cloud-config, the keys."""
    found: list[str] = []
    for option, value in seed.once.items():
        before = record.once.get(option)
        if option == "cloud_config":
            found.extend(f"{option}.{key}" for key in _differing_keys(before or {}, value))
        elif before != value:
            found.append(option)
    return found


def _differing_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    keys = sorted({*before, *after})
    return [key for key in keys if (key in before, before.get(key)) != (key in after, after.get(key))]


def boot_changes(seed: Seed, record: Record) -> list[str]:
    """The stated options that the next boot follows, and that differ."""
    return [option for option, value in seed.boot.items() if record.boot.get(option) != value]


def updated(seed: Seed, record: Record) -> Record:
    """The record with the stated parts that each boot follows."""
    sealed = record.sealed if seed.host_key is None else seed.host_key == "sealed"
    asked = record.asked
    if seed.once or seed.boot:
        asked = "" if reset_required(seed, record) else seed.asked
    return replace(record, boot={**record.boot, **seed.boot}, sealed=sealed, asked=asked)


def record_of(found: object) -> Optional[Record]:
    """The record of a file's JSON, or nothing when it is none of ours."""
    if not isinstance(found, dict):
        return None
    try:
        return Record(**found)
    except TypeError:
        return None
