# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains: one table drives model -> XML and XML -> model. What the table doesn't know is left as it is."""

from __future__ import annotations

import copy
from typing import Any, Optional, Union
from xml.etree.ElementTree import Element

from .._model.accelerator import most_of
from .._model.domain import Definition
from .._model.domain_values import AUTO
from .._model.fragment import arguments, has_arguments, leaves, pairs
from . import forwards, metadata
from .cpu import CPU
from .devices import DEVICES
from .rows import Special, rows
from .tree import QEMU, add, ensure, get, parse, put, remove, serialize

_TYPES = {"tcg": "qemu", "kvm": "kvm"}
_ROOT_PORTS = "devices/controller[@model='pcie-root-port']"
_AGENT = "org.qemu.guest_agent.0"


def _read_accelerator(root: Element) -> Optional[str]:
    kind = root.get("type")
    return next((name for name, word in _TYPES.items() if word == kind), kind)


def _read_firmware(root: Element) -> Optional[str]:
    # The definition of a running guest names the files that libvirt chose, and has no firmware='efi' any more.
    if get(root, "os@firmware") == "efi" or get(root, "os/loader@type") == "pflash":
        return "efi"
    return None if root.find("os/kernel") is not None else "bios"


def _write_firmware(root: Element, firmware: Any) -> None:
    for name in ("loader", "nvram", "firmware"):
        remove(root, f"os/{name}")
    put(root, "os@firmware", None)
    if firmware == "efi":
        put(root, "os@firmware", "efi")
        # Else libvirt takes the first description that fits, and Debian's first has Secure Boot with Microsoft's keys.
        add(ensure(root, "os/firmware"), "feature", enabled="no", name="secure-boot")


def _write_iommu(root: Element, model: Any) -> None:
    remove(root, "devices/iommu")
    remove(root, "features/ioapic")
    if model is None:
        return
    # Interrupts can only be remapped where QEMU, and not the kernel, has the I/O APIC (QEMU's split irqchip); a
    # device can only be handed on to a guest's own guest where the IOMMU caches what isn't there either.
    put(root, "features/ioapic@driver", "qemu")
    iommu = add(ensure(root, "devices"), "iommu", model=model)
    add(iommu, "driver", intremap="on", caching_mode="on", iotlb="on")


def _read_cid(root: Element) -> Union[int, str, None]:
    if root.find("devices/vsock") is None:
        return None
    address = get(root, "devices/vsock/cid@address")
    # A running guest with cid auto='yes' has the address that it got as well.
    return AUTO if address is None or get(root, "devices/vsock/cid@auto") == "yes" else int(address)


def _write_cid(root: Element, cid: Any) -> None:
    if cid is None:
        remove(root, "devices/vsock")
        return
    put(root, "devices/vsock@model", get(root, "devices/vsock@model") or "virtio")
    put(root, "devices/vsock/cid@auto", "yes" if cid == AUTO else "no")
    put(root, "devices/vsock/cid@address", None if cid == AUTO else str(cid))


def _write_root_ports(root: Element, wanted: Any) -> None:
    devices = ensure(root, "devices")
    # libvirt numbers the controllers by itself, and takes the first for the root.
    if not any(item.get("type") == "pci" for item in devices.findall("controller")):
        add(devices, "controller", type="pci", index="0", model="pcie-root")
    ports = root.findall(_ROOT_PORTS)
    for _number in range(len(ports), wanted or 0):
        add(devices, "controller", type="pci", model="pcie-root-port")
    for port in ports[wanted or 0 :]:
        devices.remove(port)


def _write_console_log(root: Element, path: Any) -> None:
    if root.find("devices/serial") is None:
        serial = add(ensure(root, "devices"), "serial", type="pty")
        add(serial, "target", port="0")
    # libvirt shows the first serial port a second time as <console>.
    for place in ("devices/serial", "devices/console"):
        if get(root, f"{place}/target@type") in (None, "serial", "isa-serial", "system-serial"):
            log = root.find(place)
            if log is not None:
                put(log, "log@file", path)
                put(log, "log@append", "on")


# What isn't one text or attribute. All other options are where the model says.
_SCALARS = rows(
    Definition,
    {
        **CPU,
        "accelerator": Special(_read_accelerator, lambda root, kind: root.set("type", _TYPES[kind])),
        "firmware": Special(_read_firmware, _write_firmware),
        "iommu": Special(write=_write_iommu),
        "vsock_cid": Special(_read_cid, _write_cid),
        "pcie_root_ports": Special(lambda root: len(root.findall(_ROOT_PORTS)) or None, _write_root_ports),
        "console_log": Special(write=_write_console_log),
        "metadata": Special(metadata.read, metadata.write),
    },
)


def read(text: str, part: Optional[str] = None) -> Definition:
    """The model of a definition, a persistent or a running guest's. part: the fragment that is looked for in it."""
    return _read(parse(text), part)


def _read(root: Element, part: Optional[str]) -> Definition:
    found: dict[str, Any] = {item.attribute: item.read(root) for item in _SCALARS}
    found.update({item.attribute: item.read(root) for item in DEVICES})
    if part is not None:
        found["xml"] = leaves(parse(part.strip()), root)
    return Definition(**found, forwards=forwards.read(root), owned=metadata.owned(root), created=metadata.created(root))


def build(name: str, architecture: str, definition: Definition, now: str, part: Optional[str] = None) -> str:
    """The XML of a new domain. architecture as libvirt names it, now as ISO 8601, part: a fragment."""
    root = _skeleton(name, architecture, definition.accelerator)
    _write(root, Definition(), definition, part)
    metadata.stamp(root, now)
    return serialize(root)


def rebuild(text: str, definition: Definition, part: Optional[str] = None) -> str:
    """The XML made anew for a domain that keeps its name, UUID, architecture and metadata, and nothing else."""
    old = parse(text)
    root = _skeleton(get(old, "name") or "", get(old, "os/type@arch") or "", definition.accelerator)
    put(root, "uuid", get(old, "uuid"))
    kept = old.find("metadata")
    if kept is not None:
        root.append(kept)
    before = Definition(metadata=metadata.read(root))
    if part is not None:
        # First, too: the definition knows the fragment's own devices, which would be made a second time.
        _lay(root, parse(part.strip()))
        before = _read(root, part)
    _write(root, before, definition, part)
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
    """What every new domain has: an agent's channel, a source of randomness, a serial console, no USB."""
    root = Element("domain")
    put(root, "name", name)
    put(root, "os/type", "hvm")
    put(root, "os/type@arch", architecture)
    ensure(root, "features/acpi")
    if architecture in ("x86_64", "i686"):
        ensure(root, "features/apic")
    put(root, "clock@offset", "utc")
    if architecture in ("x86_64", "i686") and accelerator == "kvm":
        _keep_time(ensure(root, "clock"))
    devices = ensure(root, "devices")
    # Firmware looks through each USB port at each boot, and cloud kernels have no driver for it.
    add(devices, "controller", type="usb", index="0", model="none")
    serial = add(devices, "serial", type="pty")
    add(serial, "target", port="0")
    channel = add(devices, "channel", type="unix")
    add(channel, "target", type="virtio", name=_AGENT)
    rng = add(devices, "rng", model="virtio")
    add(rng, "backend", model="random").text = "/dev/urandom"
    add(devices, "memballoon", model="virtio")
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
