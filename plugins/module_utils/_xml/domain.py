# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains: one table drives model -> XML and XML -> model. What the table doesn't know is left as it is."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model.accelerator import most_of
from .._model.domain import Definition
from .._model.domain_devices import key
from .._model.fragment import arguments, has_arguments, leaves, pairs
from . import forwards, metadata
from .cpu import CPU
from .devices import DEVICES
from .machine import MACHINE
from .rows import Special, rows
from .tree import QEMU, add, ensure, get, parse, put, remove, serialize

_AGENT = "org.qemu.guest_agent.0"


# What isn't one text or attribute. All other options are where the model says.
_SCALARS = rows(
    Definition,
    {
        **CPU,
        **MACHINE,
        "qemu_commandline": Special(forwards.read_others, forwards.write_others),
        "metadata": Special(metadata.read, metadata.write),
    },
)


def read(text: str, part: Optional[str] = None) -> Definition:
    """The model of a definition, a persistent or a running guest's. part: the fragment that is looked for in it."""
    return _read(parse(text), part)


def _read(root: Element, part: Optional[str]) -> Definition:
    found: dict[str, Any] = {item.attribute: item.read(root) for item in _SCALARS}
    found.update(_lists(root))
    if part is not None:
        found["xml"] = leaves(parse(part.strip()), root)
    return Definition(**found, forwards=forwards.read(root), owned=metadata.owned(root), created=metadata.created(root))


def _lists(root: Element) -> dict[str, Any]:
    return {devices.attribute: devices.read(root) for devices in DEVICES}


def build(name: str, architecture: str, definition: Definition, now: str, part: Optional[str] = None) -> str:
    """The XML of a new domain. architecture is the host's as libvirt names it, now as ISO 8601, part: a fragment."""
    root = _skeleton(name, definition.architecture or architecture, definition.accelerator)
    _write(root, Definition(**_lists(root)), definition, part)
    metadata.stamp(root, now)
    return serialize(root)


def rebuild(text: str, definition: Definition, part: Optional[str] = None) -> str:
    """The XML made anew for a domain that keeps its name, UUID and metadata, and nothing else."""
    old = parse(text)
    architecture = definition.architecture or get(old, "os/type@arch") or ""
    root = _skeleton(get(old, "name") or "", architecture, definition.accelerator)
    put(root, "uuid", get(old, "uuid"))
    kept = old.find("metadata")
    if kept is not None:
        root.append(kept)
    before = Definition(metadata=metadata.read(root), **_lists(root))
    if part is not None:
        # First, too: the definition knows the fragment's own devices, which would be made a second time.
        _lay(root, parse(part.strip()))
        before = _read(root, part)
    # A device of the host that is no PCI or USB device is one of the settings that go.
    hostdevs = tuple(item for item in definition.hostdevs or () if key(item))
    _write(root, before, dataclasses.replace(definition, hostdevs=hostdevs), part)
    return serialize(root)


def edit(text: str, before: Definition, after: Definition, part: Optional[str] = None) -> str:
    """The XML with what differs between before (as read from it) and after written into it, and the fragment."""
    root = parse(text)
    _write(root, before, after, part)
    return serialize(root)


def metadata_element(text: str, definition: Definition) -> str:
    """Our metadata element for a running guest, with new notes. Its shares stay: they are bound."""
    root = parse(text)
    metadata.write(root, definition.metadata)
    return metadata.bare_element(root)


def _write(root: Element, before: Definition, after: Definition, part: Optional[str]) -> None:
    for item in _SCALARS:
        value = getattr(after, item.attribute)
        if value != getattr(before, item.attribute):
            item.write(root, value)
    for devices in DEVICES:
        old, new = getattr(before, devices.attribute) or (), getattr(after, devices.attribute) or ()
        if old != new:
            devices.write(root, old, new)
    # libvirt refuses an order of devices beside one of their kinds.
    if root.find("devices/*/boot[@order]") is not None:
        remove(root, "os/boot")
    if (before.forwards or ()) != (after.forwards or ()):
        forwards.write(root, after.forwards or ())
    if part is not None:
        _lay(root, parse(part.strip()))


def _lay(element: Element, stated: Element) -> None:
    """Make all that a fragment states true of the domain, and nothing else."""
    element.attrib.update(stated.attrib)
    if (stated.text or "").strip():
        element.text = (stated.text or "").strip()
    for _label, child, found, whole in list(pairs(stated, element)):
        if found is None:
            element.append(copy.deepcopy(child))
        elif not whole:
            _lay(found, child)
    wanted = arguments(stated)
    if wanted and not has_arguments(element, wanted):
        for value in wanted:
            add(element, f"{{{QEMU}}}arg", value=value)


def _skeleton(name: str, architecture: str, accelerator: Optional[str]) -> Element:
    """What every new domain has and no option says: an agent's channel, a serial console, no USB."""
    root = Element("domain")
    put(root, "name", name)
    put(root, "os/type", "hvm")
    put(root, "os/type@arch", architecture)
    ensure(root, "features/acpi")
    if architecture in ("x86_64", "i686"):
        ensure(root, "features/apic")
    if architecture in ("x86_64", "i686") and accelerator == "kvm":
        _keep_time(ensure(root, "clock"))
    devices = ensure(root, "devices")
    # Firmware looks through each USB port at each boot, and cloud kernels have no driver for it.
    add(devices, "controller", type="usb", index="0", model="none")
    serial = add(devices, "serial", type="pty")
    add(serial, "target", port="0")
    channel = add(devices, "channel", type="unix")
    add(channel, "target", type="virtio", name=_AGENT)
    return root


def _keep_time(clock: Element) -> None:
    """As virt-install has it. The guest's own clock is kvmclock; lost ticks of the old ones are made up for."""
    add(clock, "timer", name="rtc", tickpolicy="catchup")
    add(clock, "timer", name="pit", tickpolicy="delay")
    # Each look at it is an exit. Under TCG, which has no kvmclock, it stays.
    add(clock, "timer", name="hpet", present="no")


def attributes() -> set[str]:
    """The attributes of the model that the tables cover."""
    return {item.attribute for item in _SCALARS} | {item.attribute for item in DEVICES} | {"forwards", "xml"}


def fields_of_items() -> dict[str, set[str]]:
    """list -> attributes of its items that the tables cover."""
    return {item.attribute: {row.attribute for row in item.rows} for item in DEVICES}


def most_cpus(capabilities: str) -> int:
    """From libvirt's domain capabilities: the most virtual CPUs of a domain; 0 when they don't say."""
    found = parse(capabilities)
    return most_of(get(found, "arch") or "", int(get(found, "vcpu@max") or "0"))
