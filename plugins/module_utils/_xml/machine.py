# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's machine in XML, and the devices of which it has one: what is no single text or attribute there."""

from __future__ import annotations

from typing import Any, Optional, Union
from xml.etree.ElementTree import Element

from .._model.domain_values import AUTO, BUILTIN
from .rows import Special
from .tree import add, ensure, get, put, remove

TYPES = {"tcg": "qemu", "kvm": "kvm"}
_ROOT_PORTS = "devices/controller[@model='pcie-root-port']"
_SECURE = "os/firmware/feature[@name='secure-boot']"


def _read_accelerator(root: Element) -> Optional[str]:
    kind = root.get("type")
    return next((name for name, word in TYPES.items() if word == kind), kind)


def _read_firmware(root: Element) -> Optional[str]:
    # The definition of a running guest names the files that libvirt chose, and has no firmware='efi' any more.
    if get(root, "os@firmware") == "efi" or get(root, "os/loader@type") == "pflash":
        return "efi"
    return None if root.find("os/kernel") is not None else "bios"


def _write_firmware(root: Element, firmware: Any) -> None:
    for name in ("loader", "nvram", "firmware"):
        remove(root, f"os/{name}")
    put(root, "os@firmware", "efi" if firmware == "efi" else None)


def _read_secure_boot(root: Element) -> Optional[bool]:
    wanted = root.find(_SECURE)
    if wanted is not None:
        return wanted.get("enabled") == "yes"
    # None: libvirt chooses when the guest starts.
    return None if get(root, "os/loader@type") != "pflash" else get(root, "os/loader@secure") == "yes"


def _write_secure_boot(root: Element, secure: Any) -> None:
    for name in ("loader", "nvram", "firmware"):
        remove(root, f"os/{name}")
    if secure is None:
        return
    put(root, "os@firmware", "efi")
    # Said either way: libvirt takes the first description that fits, and Debian's first has Microsoft's keys.
    firmware = ensure(root, "os/firmware")
    add(firmware, "feature", enabled="yes" if secure else "no", name="secure-boot")
    if secure:
        add(firmware, "feature", enabled="yes", name="enrolled-keys")


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


def _write_tpm(root: Element, kind: Any) -> None:
    remove(root, "devices/tpm")
    if kind is not None:
        # TPM 2.0 has a register interface of its own, which machines of Arm lack (QEMU 10).
        arm = get(root, "os/type@arch") == "aarch64"
        tpm = add(ensure(root, "devices"), "tpm", model="tpm-tis" if arm else "tpm-crb")
        add(tpm, "backend", type=kind, version="2.0")


def _write_watchdog(root: Element, model: Any) -> None:
    """Another model is another device, with an address of its own; what it does stays so."""
    action = get(root, "devices/watchdog@action")
    remove(root, "devices/watchdog")
    if model is not None:
        put(root, "devices/watchdog@model", model)
        put(root, "devices/watchdog@action", action)


def _write_balloon(root: Element, model: Any) -> None:
    remove(root, "devices/memballoon")
    if model is not None:
        add(ensure(root, "devices"), "memballoon", model=model)


def _read_rng(root: Element) -> Optional[str]:
    backend = root.find("devices/rng/backend")
    if backend is None:
        return None
    # Another backend, a socket, is none that the option can say.
    return {"random": backend.text or "/dev/random", "builtin": BUILTIN}.get(backend.get("model", ""))


def _write_rng(root: Element, source: Any) -> None:
    if source is None:
        remove(root, "devices/rng")
        return
    rng = root.find("devices/rng")
    if rng is None:
        rng = add(ensure(root, "devices"), "rng", model="virtio")
    remove(rng, "backend")
    backend = add(rng, "backend", model="builtin" if source == BUILTIN else "random")
    backend.text = None if source == BUILTIN else source


def _write_clock(root: Element, offset: Any) -> None:
    """What else is said of one offset means nothing for another; timers stay."""
    clock = ensure(root, "clock")
    clock.attrib.clear()
    if offset is not None:
        clock.set("offset", offset)


MACHINE: dict[str, Special] = {
    "accelerator": Special(_read_accelerator, lambda root, kind: root.set("type", TYPES[kind])),
    "firmware": Special(_read_firmware, _write_firmware),
    "secure_boot": Special(_read_secure_boot, _write_secure_boot),
    "iommu": Special(write=_write_iommu),
    "vsock_cid": Special(_read_cid, _write_cid),
    "pcie_root_ports": Special(lambda root: len(root.findall(_ROOT_PORTS)) or None, _write_root_ports),
    "console_log": Special(write=_write_console_log),
    "tpm": Special(write=_write_tpm),
    "watchdog_model": Special(write=_write_watchdog),
    "balloon": Special(write=_write_balloon),
    "rng": Special(_read_rng, _write_rng),
    "clock_offset": Special(write=_write_clock),
    "description": Special(lambda root: (get(root, "description") or "").strip() or None),
}
