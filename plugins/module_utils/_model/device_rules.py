# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the devices of a domain can't be together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._errors import SpecError
from .domain import Definition
from .domain_devices import ITEMS, key, match


def check_devices(observed: Definition, stated: Definition, wanted: Definition) -> None:
    """Raise for what is asked for and can't be. Of what others made, only what changes is looked at."""
    for name, items in ITEMS.items():
        held, known = getattr(wanted, name) or (), getattr(observed, name) or ()
        mine = getattr(stated, name) or ()
        for number, ((_item, new), (_same, old)) in enumerate(zip(match(held, mine), match(known, mine))):
            before = None if old is None else known[old]
            if new is not None and held[new] != before:
                items.check(f"{name}[{number}]", before, held[new], [*held[:new], *held[new + 1 :]])
    _check_boot_orders(stated, wanted)


def _check_boot_orders(stated: Definition, wanted: Definition) -> None:
    """libvirt refuses an order that two devices have, of whatever kinds."""
    holders: dict[int, list[tuple[str, str]]] = {}
    for name, place, item, mine in _devices(stated, wanted):
        order = getattr(item, "boot_order", None)
        if order is not None:
            holders.setdefault(order, []).append((place if mine else "", f"{name}[{key(item)}]"))
    for order, held in holders.items():
        places = [place for place, _what in held if place]
        if len(held) > 1 and places:
            other = next(what for place, what in held if place != places[-1])
            problem = f"{order} is the order of {other} too"
            raise SpecError(f"{places[-1]}.boot_order", problem, "Give each device its own number.")


def _devices(stated: Definition, wanted: Definition) -> Iterator[tuple[str, str, Any, bool]]:
    """List, place in what is stated, item, and whether its order is stated, of each device."""
    for name in ITEMS:
        held = getattr(wanted, name) or ()
        places = {
            index: (f"{name}[{number}]", getattr(item, "boot_order", None) is not None)
            for number, (item, index) in enumerate(match(held, getattr(stated, name) or ()))
        }
        for index, item in enumerate(held):
            place, mine = places.get(index, ("", False))
            yield name, place, item, mine
