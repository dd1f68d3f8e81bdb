# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's definition after what was asked for (stated fields are taken, all else stays), and as it is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Optional

from .domain import Definition
from .domain_devices import LISTS, Filesystem, Interface, items_of, key
from .forward import Forward
from .options import Option, options

# libvirt tells apart what nobody acts on differently.
_STATES = {"blocked": "running", "shutdown": "running"}
_BOOT = ("kernel", "initrd", "cmdline")


def merge(observed: Definition, stated: Definition, purge: Collection[str] = ()) -> Definition:
    """observed with stated laid over it. purge names the lists from which goes what isn't stated."""
    found: dict[str, Any] = {}
    for attribute, option in options(Definition):
        wanted = getattr(stated, attribute)
        if wanted is not None:
            found[attribute] = option.merge(getattr(observed, attribute), wanted)
    # Firmware and kernel exclude each other; a domain that has both and keeps its kernel keeps the firmware.
    if stated.firmware is not None:
        found.update(dict.fromkeys(_BOOT))
    elif stated.kernel is not None and observed.kernel is None:
        found["firmware"] = None
    # Ports belong to their machine: another one has those that are asked for.
    if found.get("machine", observed.machine) != observed.machine:
        found["pcie_root_ports"] = stated.pcie_root_ports
    for name in LISTS:
        wanted = getattr(stated, name)
        if wanted is not None or name in purge:
            found[name] = _merge_list(getattr(observed, name) or (), wanted or (), name in purge)
    return dataclasses.replace(observed, **found)


def create(stated: Definition, *defaults: Definition) -> Definition:
    """A new domain's definition: stated, then the first default that says something."""
    result = stated
    for default in defaults:
        attributes = [attribute for attribute, _option in options(Definition)]
        if result.kernel is not None or result.firmware is not None:
            attributes = [attribute for attribute in attributes if attribute not in (*_BOOT, "firmware")]
        missing = {name: getattr(default, name) for name in (*attributes, *LISTS) if getattr(result, name) is None}
        result = dataclasses.replace(result, **missing)
    return merge(Definition(), result)


def _merge_list(observed: tuple[Any, ...], stated: tuple[Any, ...], purge: bool) -> tuple[Any, ...]:
    """Observed items stay in their place, so that no device moves; new ones come last."""
    pairs = match(observed, stated)
    partner = {old: item for item, old in pairs if old is not None}
    kept = [
        _merge_item(item, partner[index]) if index in partner else item
        for index, item in enumerate(observed)
        if index in partner or not purge
    ]
    return (*kept, *(_merge_item(None, item) for item, old in pairs if old is None))


def _merge_item(observed: Optional[Any], stated: Any) -> Any:
    if isinstance(stated, Forward):
        return stated
    fields = {
        attribute: getattr(stated, attribute)
        for attribute, _option in options(type(stated))
        if getattr(stated, attribute) is not None
    }
    if isinstance(stated, Filesystem) and (observed is None or stated.source not in (None, observed.source)):
        # Where another source leads to was never that of the former one.
        fields.setdefault("real", stated.source)
    if observed is None:
        return dataclasses.replace(stated, **{**items_of(stated).new, **fields})
    return dataclasses.replace(observed, **fields)


def match(observed: tuple[Any, ...], stated: tuple[Any, ...]) -> list[tuple[Any, Optional[int]]]:
    """For each stated item the index of the observed one that it means, or None for a new one."""
    if any(isinstance(item, Interface) for item in stated):
        return _match_interfaces(observed, stated)
    places = {key(item): index for index, item in enumerate(observed)}
    return [(item, places.get(key(item))) for item in stated]


def _match_interfaces(observed: tuple[Any, ...], stated: tuple[Any, ...]) -> list[tuple[Any, Optional[int]]]:
    """By MAC where one is stated; the others in their order."""
    by_mac = {item.mac: index for index, item in enumerate(observed)}
    taken = {by_mac[item.mac] for item in stated if item.mac in by_mac}
    free = [index for index in range(len(observed)) if index not in taken]
    found: list[tuple[Any, Optional[int]]] = []
    for item in stated:
        if item.mac is not None:
            found.append((item, by_mac.get(item.mac)))
        else:
            found.append((item, free.pop(0) if free else None))
    return found


def facets(definition: Definition) -> dict[str, object]:
    """path -> value of all that the definition says, as changes are found and shown by it."""
    found: dict[str, object] = {}
    for attribute, option in options(Definition):
        held = getattr(definition, attribute)
        if isinstance(held, Mapping):
            found.update({f"{option.path}.{name}": entry for name, entry in held.items()})
        elif held is not None:
            found[option.path] = _shown(option, held)
    for name in LISTS:
        for item in getattr(definition, name) or ():
            found[f"{name}[{key(item)}]"] = dict(_item_facets(item))
    return found


def _item_facets(item: Any) -> Iterator[tuple[str, object]]:
    if isinstance(item, Forward):
        yield "guest_port", item.guest_port
        return
    for attribute, option in options(type(item)):
        held = getattr(item, attribute)
        if held is not None:
            yield option.path, held


def _shown(option: Option, held: object) -> object:
    shown = option.show(held)
    return list(shown) if isinstance(shown, tuple) else shown


def impacts() -> dict[str, str]:
    """The impact of each option; all lists of devices need a restart."""
    return {option.path: option.impact for _attribute, option in options(Definition)}


def view(name: str, definition: Definition, state: str, uuid: str) -> dict[str, object]:
    """All that the model knows, in the shape of the options; what is absent reads null."""
    found: dict[str, Any] = {"name": name, "uuid": uuid, "state": _STATES.get(state, state)}
    for attribute, option in options(Definition):
        head, _dot, tail = option.path.partition(".")
        held = getattr(definition, attribute)
        plain = list(held) if isinstance(held, tuple) else held
        if tail:
            found.setdefault(head, {})[tail] = plain
        else:
            found[head] = plain
    if definition.kernel is None:
        found["kernel"] = None
    if definition.vsock_cid is None:
        found["vsock"] = None
    # Of a domain it is only known beside a fragment that asks for it.
    del found["xml"]
    for name_of_list in LISTS:
        found[name_of_list] = [dataclasses.asdict(item) for item in getattr(definition, name_of_list) or ()]
    found["metadata"] = _nested(definition.metadata or {})
    found["owned"] = definition.owned
    found["created"] = definition.created
    return found


def _nested(flat: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"digests": {}}
    for path, entry in flat.items():
        head, _dot, tail = path.partition(".")
        if tail:
            found[head][tail] = entry
        else:
            found[head] = entry
    return found
