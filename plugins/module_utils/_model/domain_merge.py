# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's definition after what was asked for (stated fields are taken, all else stays), and as it is shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Optional

from .device_values import Secret
from .domain import Definition
from .domain_desktop import Channel, Serial
from .domain_devices import LISTS, Filesystem, items_of, labels, match
from .domain_disks import Disk
from .domain_rules import BOOT, POLICIES, settle, without_others
from .forward import Forward
from .options import Option, every_option, options

# libvirt tells apart what nobody acts on differently.
_STATES = {"blocked": "running", "shutdown": "running"}

# Of these nothing is shown but that there is none, where this attribute says so.
_WHOLE = {"kernel": "kernel", "vsock": "vsock_cid", "watchdog": "watchdog_model"}
# What every new domain has that nobody says anything else of.
_NEW = Definition(clock_offset="utc", balloon="virtio", rng="/dev/urandom")
# What the skeleton of a new domain's XML has: a console, and the channel of an agent.
_SKELETON = Definition(serials=(Serial(0, "pty"),), channels=(Channel("org.qemu.guest_agent.0", "unix"),))


def merge(observed: Definition, stated: Definition, purge: Collection[str] = ()) -> Definition:
    """observed with stated laid over it. purge names the lists from which goes what isn't stated."""
    found: dict[str, Any] = {}
    for attribute, option in options(Definition):
        wanted = getattr(stated, attribute)
        if wanted is not None:
            found[attribute] = option.merge(getattr(observed, attribute), wanted)
    machine = found.get("machine", observed.machine) or ""
    for name in LISTS:
        wanted = getattr(stated, name)
        if wanted is not None or name in purge:
            found[name] = _merge_list(getattr(observed, name) or (), wanted or (), name in purge, machine)
    return settle(observed, stated, dataclasses.replace(observed, **found))


def create(stated: Definition, *defaults: Definition, purge: Collection[str] = ()) -> Definition:
    """A new domain's definition: stated, then the first default that says something, and what each new one has."""
    result = stated
    for default in (*defaults, _NEW):
        attributes = [attribute for attribute, _option in options(Definition)]
        if result.kernel is not None or result.firmware is not None:
            attributes = [attribute for attribute in attributes if attribute not in (*BOOT, "firmware")]
        missing = {name: getattr(default, name) for name in (*attributes, *LISTS) if getattr(result, name) is None}
        for policy in POLICIES:
            if policy in missing:
                missing[policy] = without_others(missing[policy], result, policy)
        result = dataclasses.replace(result, **missing)
    return merge(_SKELETON, result, purge)


def _merge_list(observed: tuple[Any, ...], stated: tuple[Any, ...], purge: bool, machine: str) -> tuple[Any, ...]:
    """Observed items stay in their place, so that no device moves; new ones come last."""
    pairs = match(observed, stated)
    partner = {old: item for item, old in pairs if old is not None}
    kept = [index for index in range(len(observed)) if index in partner or not purge]
    befores = [*(observed[index] for index in kept), *(None for _item, old in pairs if old is None)]
    found = [_merge_item(observed[index], partner[index]) if index in partner else observed[index] for index in kept]
    found += [_merge_item(None, item) for item, old in pairs if old is None]
    for number, (before, item) in enumerate(zip(befores, found)):
        if item is not before:
            others = [*found[:number], *found[number + 1 :]]
            found[number] = items_of(item).complete(before, item, others, machine)
    return tuple(found)


def _merge_item(observed: Optional[Any], stated: Any) -> Any:
    if isinstance(stated, Forward):
        return stated
    fields = {
        attribute: option.merge(getattr(observed, attribute, None), getattr(stated, attribute))
        for attribute, option in options(type(stated))
        if getattr(stated, attribute) is not None
    }
    if isinstance(stated, Filesystem) and (observed is None or stated.source not in (None, observed.source)):
        # Where another source leads to was never that of the former one.
        fields.setdefault("real", stated.source)
    if isinstance(stated, Disk) and observed is not None and stated.source not in (None, observed.source):
        # libvirt would lay another file over the former one's image, whatever its header says.
        fields.setdefault("base", None)
    return dataclasses.replace(stated if observed is None else observed, **fields)


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
        held = getattr(definition, name) or ()
        for label, item in zip(labels(held), held):
            found[f"{name}[{label}]"] = dict(_item_facets(item))
    return found


def _item_facets(item: Any) -> Iterator[tuple[str, object]]:
    if isinstance(item, Forward):
        yield "guest_port", item.guest_port
        return
    for attribute, option in options(type(item)):
        held = getattr(item, attribute)
        if held is not None:
            yield option.path, _shown(option, held)


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
    for noun, attribute in _WHOLE.items():
        if getattr(definition, attribute) is None:
            found[noun] = None
    # Of a domain it is only known beside a fragment that asks for it.
    del found["xml"]
    for name_of_list in LISTS:
        found[name_of_list] = [_view_item(item) for item in getattr(definition, name_of_list) or ()]
    found["metadata"] = _nested(definition.metadata or {})
    found["owned"] = definition.owned
    found["created"] = definition.created
    return found


def _view_item(item: Any) -> dict[str, object]:
    """In the shape of its options."""
    if isinstance(item, Forward):
        return dataclasses.asdict(item)
    found: dict[str, Any] = {}
    for attribute, option in every_option(type(item)):
        head, _dot, tail = option.path.partition(".")
        if tail:
            found.setdefault(head, {})[tail] = getattr(item, attribute)
        else:
            held = getattr(item, attribute)
            # It reads as if nothing was said, so that a result can be stated again.
            found[head] = None if isinstance(held, Secret) else held
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
