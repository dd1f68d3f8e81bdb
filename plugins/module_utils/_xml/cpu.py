# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain's CPUs and memory in XML: what is no single text or attribute there."""

from __future__ import annotations

from typing import Any, Optional
from xml.etree.ElementTree import Element

from .._model.cpu_values import DEFAULT, EMULATOR, TOPOLOGY, members, written
from .rows import Special
from .tree import add, ensure, get, put, remove

_UNITS = {"b": 1, "bytes": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_BINARY = {"KiB": 10, "k": 10, "MiB": 20, "M": 20, "GiB": 30, "G": 30, "TiB": 40, "T": 40}
_PAGE = "memoryBacking/hugepages/page"


def size(number: str, unit: Optional[str]) -> int:
    """Bytes of a number with libvirt's unit."""
    unit = unit or "KiB"
    return int(number) << _BINARY[unit] if unit in _BINARY else int(number) * _UNITS[unit]


def _bytes(root: Element, place: str) -> Optional[int]:
    text = get(root, place)
    return None if text is None else size(text, get(root, f"{place}@unit"))


def _put_bytes(root: Element, place: str, wanted: int) -> None:
    put(root, place, str(wanted >> 10))
    put(root, f"{place}@unit", "KiB")


# Of CPUs and memory alike libvirt has the most that the guest may have, and how much of it it has now. The model has a
# maximum only where the two differ.


def _read_cpus(root: Element) -> int:
    return int(get(root, "vcpu@current") or get(root, "vcpu") or "1")


def _write_cpus(root: Element, cpus: Any) -> None:
    # Which of them are there one by one: of another number libvirt makes it anew.
    remove(root, "vcpus")
    put(root, "vcpu" if get(root, "vcpu@current") is None else "vcpu@current", str(cpus))


def _read_cpus_maximum(root: Element) -> Optional[int]:
    most = int(get(root, "vcpu") or "1")
    return None if most == _read_cpus(root) else most


def _write_cpus_maximum(root: Element, most: Any) -> None:
    remove(root, "vcpus")
    cpus = _read_cpus(root)
    put(root, "vcpu", str(most or cpus))
    put(root, "vcpu@current", None if most is None else str(cpus))


def _read_memory(root: Element) -> Optional[int]:
    now = _bytes(root, "currentMemory")
    return _bytes(root, "memory") if now is None else now


def _write_memory(root: Element, wanted: Any) -> None:
    if _read_memory_maximum(root) is None:
        _put_bytes(root, "memory", wanted)
    _put_bytes(root, "currentMemory", wanted)


def _read_memory_maximum(root: Element) -> Optional[int]:
    most = _bytes(root, "memory")
    return None if most == _read_memory(root) else most


def _write_memory_maximum(root: Element, most: Any) -> None:
    now = _read_memory(root) or 0
    _put_bytes(root, "memory", most or now)
    _put_bytes(root, "currentMemory", now)


def _write_mode(root: Element, mode: Any) -> None:
    """Another mode means the rest of the CPU's description anew; what was said of features stays so."""
    cpu = ensure(root, "cpu")
    cpu.attrib.clear()
    cpu.set("mode", mode)
    for name in ("model", "vendor"):
        remove(root, f"cpu/{name}")


def _read_model(root: Element) -> Optional[str]:
    # A running guest's host-model shows the model that it became.
    return get(root, "cpu/model") if get(root, "cpu@mode") == "custom" else None


def _features(policy: str) -> Special:
    """The features of one policy."""

    def read(root: Element) -> Optional[tuple[str, ...]]:
        found = {item.get("name", "") for item in root.findall("cpu/feature") if item.get("policy") == policy}
        return tuple(sorted(found)) or None

    def write(root: Element, names: Any) -> None:
        cpu = ensure(root, "cpu")
        known = {item.get("name", ""): item for item in cpu.findall("feature")}
        for name, feature in known.items():
            if feature.get("policy") == policy and name not in (names or ()):
                cpu.remove(feature)
        for name in names or ():
            feature = known[name] if name in known else add(cpu, "feature", name=name)
            feature.set("policy", policy)

    return Special(read, write)


def _read_topology(root: Element) -> Optional[dict[str, int]]:
    if root.find("cpu/topology") is None:
        return None
    return {name: int(get(root, f"cpu/topology@{name}") or "1") for name in TOPOLOGY}


def _write_topology(root: Element, topology: Any) -> None:
    remove(root, "cpu/topology")
    if topology:
        add(ensure(root, "cpu"), "topology", **{name: str(number) for name, number in topology.items()})


def _canonical(cpus: str) -> str:
    try:
        return written(members(cpus))
    except ValueError:
        return cpus


def _read_pinning(root: Element) -> Optional[dict[str, str]]:
    found = {pin.get("vcpu", ""): pin.get("cpuset", "") for pin in root.findall("cputune/vcpupin")}
    emulator = get(root, "cputune/emulatorpin@cpuset")
    if emulator is not None:
        found[EMULATOR] = emulator
    return {name: _canonical(cpus) for name, cpus in found.items()} or None


def _write_pinning(root: Element, pinning: Any) -> None:
    for name in ("vcpupin", "emulatorpin"):
        remove(root, f"cputune/{name}")
    for name, cpus in (pinning or {}).items():
        tune = ensure(root, "cputune")
        if name == EMULATOR:
            add(tune, "emulatorpin", cpuset=cpus)
        else:
            add(tune, "vcpupin", vcpu=name, cpuset=cpus)
    _drop_empty(root, "cputune")


def _read_numa(root: Element) -> Optional[tuple[dict[str, Any], ...]]:
    found = []
    for cell in root.findall("cpu/numa/cell"):
        memory = size(cell.get("memory") or "0", cell.get("unit"))
        found.append({"cpus": _canonical(cell.get("cpus", "")), "memory": memory})
    return tuple(found) or None


def _write_numa(root: Element, cells: Any) -> None:
    remove(root, "cpu/numa")
    for number, cell in enumerate(cells or ()):
        memory = str(cell["memory"] >> 10)
        add(ensure(root, "cpu/numa"), "cell", id=str(number), cpus=cell["cpus"], memory=memory, unit="KiB")


def _read_pages(root: Element) -> Any:
    if root.find("memoryBacking/hugepages") is None:
        return None
    number = get(root, f"{_PAGE}@size")
    return DEFAULT if number is None else size(number, get(root, f"{_PAGE}@unit"))


def _write_pages(root: Element, pages: Any) -> None:
    remove(root, "memoryBacking/hugepages")
    if pages is not None:
        ensure(root, "memoryBacking/hugepages")
        if pages != DEFAULT:
            put(root, f"{_PAGE}@size", str(pages >> 10))
            put(root, f"{_PAGE}@unit", "KiB")
    _drop_empty(root, "memoryBacking")


def _read_shared(root: Element) -> Optional[bool]:
    return get(root, "memoryBacking/access@mode") == "shared" or None


def _write_shared(root: Element, shared: Any) -> None:
    remove(root, "memoryBacking/access")
    if shared:
        put(root, "memoryBacking/access@mode", "shared")
        if root.find("memoryBacking/source") is None:
            put(root, "memoryBacking/source@type", "memfd")
    _drop_empty(root, "memoryBacking")


def _write_locked(root: Element, locked: Any) -> None:
    remove(root, "memoryBacking/locked")
    if locked:
        ensure(root, "memoryBacking/locked")
    _drop_empty(root, "memoryBacking")


def _drop_empty(root: Element, name: str) -> None:
    element = root.find(name)
    if element is not None and not len(element) and not element.attrib:
        root.remove(element)


CPU: dict[str, Special] = {
    "cpus": Special(_read_cpus, _write_cpus),
    "cpus_maximum": Special(_read_cpus_maximum, _write_cpus_maximum),
    "memory": Special(_read_memory, _write_memory),
    "memory_maximum": Special(_read_memory_maximum, _write_memory_maximum),
    "memory_pages": Special(_read_pages, _write_pages),
    "memory_locked": Special(lambda root: root.find("memoryBacking/locked") is not None or None, _write_locked),
    "memory_shared": Special(_read_shared, _write_shared),
    "cpu_mode": Special(write=_write_mode),
    "cpu_model": Special(_read_model),
    "cpu_require": _features("require"),
    "cpu_disable": _features("disable"),
    "cpu_force": _features("force"),
    "cpu_topology": Special(_read_topology, _write_topology),
    "cpu_pinning": Special(_read_pinning, _write_pinning),
    "numa": Special(_read_numa, _write_numa),
}
