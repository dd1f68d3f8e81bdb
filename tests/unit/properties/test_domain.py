# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains: whatever was stated comes back from the XML, and stating it again changes nothing."""

from __future__ import annotations

import importlib.util
import os
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.burrow.vm.plugins.module_utils._diff import RECREATE
from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._model.device_rules import check_devices
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import (
    ARCHITECTURES,
    CPU_MODES,
    CRASH_LIFECYCLES,
    LIFECYCLES,
    WATCHDOG_ACTIONS,
    Definition,
    parse,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_disks import BUSES, CACHES, DISK_FORMATS
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_interfaces import MODELS, MODES, TYPES
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, facets, merge
from ansible_collections.burrow.vm.plugins.module_utils._model.fragment import parse_fragment
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_compare import check_machine, compare
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml

# What XML 1.0 can hold and a single line may have; `<`, `&` and quotes are the point of it.
LINES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("C", "Z")), min_size=1, max_size=30
)
PATHS = LINES.map(lambda line: "/srv/" + line.replace("/", "x").replace("..", "x"))
WORDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,15}", fullmatch=True).filter(lambda word: ".." not in word)
MACS = st.integers(0, 2**24 - 1).map(lambda n: f"52:54:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}")
BYTES = st.just("none") | st.integers(1, 2**40).map(lambda n: f"{n}KiB")
COUNTS = st.just("none") | st.integers(1, 2**31 - 1)
DISKS = st.fixed_dictionaries(
    {"name": WORDS, "source": PATHS | PATHS.map(lambda path: f"/dev{path}")},
    optional={
        "format": st.sampled_from(DISK_FORMATS),
        "readonly": st.booleans(),
        "base": PATHS,
        "device": st.sampled_from(["disk", "cdrom"]),
        "bus": st.sampled_from(BUSES),
        "shareable": st.booleans(),
        "cache": st.sampled_from(CACHES),
        "io": st.sampled_from(["threads", "native"]),
        "discard": st.sampled_from(["unmap", "ignore"]),
        "iotune": st.fixed_dictionaries({}, optional={"read_bytes": BYTES, "total_iops": COUNTS}),
    },
)
INTERFACES = st.fixed_dictionaries(
    {"source": WORDS, "mac": MACS},
    optional={
        "type": st.sampled_from(TYPES),
        "model": st.sampled_from(MODELS),
        "mode": st.sampled_from(MODES),
        "link": st.sampled_from(["up", "down"]),
        "vlan": st.just("none") | st.integers(1, 4094),
        "filter": st.just("none") | WORDS,
        "queues": st.integers(1, 256),
        "bandwidth": st.fixed_dictionaries({}, optional={"inbound": BYTES, "outbound": BYTES}),
    },
)
SHARES = st.fixed_dictionaries({"tag": WORDS, "source": PATHS}, optional={"readonly": st.booleans()})
PORTS = st.integers(1, 65535)
FORWARDS = st.fixed_dictionaries({"host_port": PORTS, "guest_port": PORTS})
KERNELS = st.fixed_dictionaries({"path": PATHS}, optional={"initrd": PATHS, "cmdline": LINES})
SIZES = st.integers(256, 1 << 20).map(lambda n: f"{n}MiB")
CPU_SETS = st.sets(st.integers(0, 300), min_size=1, max_size=5).map(lambda cpus: ",".join(map(str, cpus)))
# Each policy has features of its own: nothing may be stated under two.
FURTHER_CPU: dict[Any, st.SearchStrategy[Any]] = {
    **{
        policy: st.lists(st.sampled_from([f"{policy}-aes", f"{policy}-svm", f"{policy}-vmx"]), max_size=3)
        for policy in ("require", "disable", "force")
    },
    "topology": st.dictionaries(st.sampled_from(["sockets", "dies", "cores", "threads"]), st.integers(1, 8)),
    "pinning": st.dictionaries(st.integers(0, 63) | st.just("emulator"), CPU_SETS, max_size=3),
}
# They exclude each other.
BOOTS = KERNELS.map(lambda kernel: {"kernel": kernel}) | st.fixed_dictionaries(
    {"firmware": st.just("efi")}, optional={"secure_boot": st.booleans()}
)
MACHINES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "cpus": st.integers(1, 64),
        "memory": SIZES,
        "accelerator": st.sampled_from(["kvm", "tcg"]),
        "machine": st.sampled_from(["q35", "pc", "virt"]),
        "architecture": st.sampled_from(ARCHITECTURES),
    },
    optional={
        "cpus_maximum": st.integers(1, 64),
        "memory_maximum": SIZES,
        "memory_backing": st.fixed_dictionaries(
            {},
            optional={
                "hugepages": st.sampled_from(["2MiB", "1GiB", "default", "none"]),
                "locked": st.booleans(),
                "shared": st.booleans(),
            },
        ),
        "numa": st.lists(SIZES, max_size=3).map(
            lambda sizes: [{"cpus": f"{2 * cell},{2 * cell + 1}", "memory": size} for cell, size in enumerate(sizes)]
        ),
        "cpu": st.fixed_dictionaries({"mode": st.sampled_from(CPU_MODES)}, optional=FURTHER_CPU)
        | st.fixed_dictionaries({"model": WORDS}, optional=FURTHER_CPU),
        "iommu": st.sampled_from(["intel", "none"]),
        "vsock": st.fixed_dictionaries({"cid": st.just("auto") | st.integers(3, 2**32 - 2)}),
        "pcie_root_ports": st.integers(1, 20),
        "tpm": st.sampled_from(["emulator", "none"]),
        "watchdog": st.fixed_dictionaries(
            {"model": st.sampled_from(["i6300esb", "none"])}, optional={"action": st.sampled_from(WATCHDOG_ACTIONS)}
        ),
        "balloon": st.sampled_from(["virtio", "none"]),
        "rng": PATHS | st.sampled_from(["builtin", "none"]),
        "clock": st.fixed_dictionaries({"offset": st.sampled_from(["utc", "localtime"])})
        | st.just({"timezone": "America/Argentina/Buenos_Aires"}),
        "on_poweroff": st.sampled_from(LIFECYCLES),
        "on_reboot": st.sampled_from(LIFECYCLES),
        "on_crash": st.sampled_from(CRASH_LIFECYCLES),
        "title": LINES,
        "description": st.lists(LINES, min_size=1, max_size=3).map("\n".join),
        "qemu_commandline": st.lists(LINES, max_size=3),
        "console_log": PATHS,
        "metadata": st.fixed_dictionaries(
            {}, optional={"image": LINES, "branch": LINES, "digests": st.dictionaries(WORDS, LINES, max_size=2)}
        ),
        "disks": st.lists(DISKS, max_size=3, unique_by=(lambda disk: disk["name"], lambda disk: disk["source"])),
        "interfaces": st.lists(INTERFACES, max_size=3, unique_by=lambda item: str(item["mac"])),
        "filesystems": st.lists(SHARES, max_size=3, unique_by=lambda share: share["tag"]),
        "forwards": st.lists(FORWARDS, max_size=3, unique_by=lambda forward: forward["host_port"]),
    },
)


STATED = st.builds(lambda machine, boot: {**machine, **boot}, MACHINES, BOOTS)
TAGS = st.sampled_from(["features", "feature", "clock", "timer", "disk", "interface", "hostdev", "target", "source"])
ATTRIBUTES = st.dictionaries(st.sampled_from(["name", "id", "type", "dev", "model"]), WORDS, max_size=2)
LEAVES: st.SearchStrategy[Any] = st.builds(
    lambda tag, attributes, text: (tag, attributes, text, []), TAGS, ATTRIBUTES, st.just("") | WORDS
)
ELEMENTS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda tag, attributes, children: (tag, attributes, "", children),
        TAGS | st.just("devices"),
        ATTRIBUTES,
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def fragment_of(elements: list[Any]) -> str:
    root = Element("domain")

    def add(holder: Element, element: Any) -> None:
        tag, attributes, text, children = element
        made = SubElement(holder, tag, attributes)
        made.text = text
        for child in children:
            add(made, child)

    for element in elements:
        add(root, element)
    return tostring(root, "unicode")


def made(stated: dict[str, Any]) -> Definition:
    return create(parse(stated))


# A definition has many parts, so that each example takes its time.
patient = settings(max_examples=60)


@patient
@given(STATED)
def test_what_was_stated_comes_back(stated: dict[str, Any]) -> None:
    definition = made(stated)
    assert facets(xml.read(xml.build("work", "x86_64", definition, "now"))) == facets(definition)


@patient
@given(STATED, STATED)
def test_an_edit_makes_it_so_and_once_is_enough(before: dict[str, Any], after: dict[str, Any]) -> None:
    text = xml.build("work", "x86_64", made(before), "now")
    observed = xml.read(text)
    wanted = merge(observed, parse(after))
    edited = xml.edit(text, observed, wanted)
    found = xml.read(edited)
    assert facets(found) == facets(wanted)
    assert found.owned
    assert merge(found, parse(after)) == found
    assert xml.edit(edited, found, merge(found, parse(after))) == edited


def fitting(stated: dict[str, Any], sockets: int, cores: int, cells: int) -> dict[str, Any]:
    """What is stated, made to fit: libvirt refuses what doesn't, and so do we, by name."""
    cpus, memory = sockets * cores, 256 * cells
    cpu = {key: entry for key, entry in stated.get("cpu", {}).items() if key not in ("topology", "pinning")}
    if cpu.get("mode") == "custom":
        cpu["model"] = "qemu64"
    return {
        **{key: entry for key, entry in stated.items() if key not in ("forwards", "qemu_commandline")},
        "accelerator": "tcg",
        "machine": "pc" if stated["machine"] == "pc" and not stated.get("pcie_root_ports") else "q35",
        "architecture": "x86_64",
        "iommu": "none",
        "cpus": min(stated["cpus"], cpus),
        "cpus_maximum": cpus,
        "memory": "256MiB",
        "memory_maximum": f"{memory}MiB",
        "numa": [
            {"cpus": ",".join(str(number) for number in range(cell, cpus, cells)), "memory": "256MiB"}
            for cell in range(cells if cells <= cpus else 0)
        ],
        "cpu": {**cpu, "topology": {"sockets": sockets, "cores": cores}, "pinning": {0: 0, cpus - 1: "0-3"}},
    }


FITTING = st.builds(fitting, STATED, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))


def refused(observed: Definition, stated: Definition, wanted: Definition) -> bool:
    """Whether it never comes as far as libvirt."""
    try:
        check_machine(stated, wanted)
        check_devices(observed, stated, wanted)
    except SpecError:
        return True
    return False


@pytest.mark.skipif(importlib.util.find_spec("libvirt") is None, reason="no libvirt-python")
@patient
@given(FITTING, FITTING)
def test_libvirt_keeps_what_was_stated(first: dict[str, Any], then: dict[str, Any]) -> None:
    """In its test driver, or where BURROW_LIBVIRT_URI says."""
    uri = os.environ.get("BURROW_LIBVIRT_URI", "test:///default")
    connection = Domains(uri)

    def kept(text: str, stated: Definition) -> tuple[str, Definition]:
        connection.define("burrow-property", text.replace('type="qemu"', 'type="test"', 1) if "test:" in uri else text)
        found = connection.domain("burrow-property")
        assert found is not None
        text = found.xml.replace("type='test'", "type='qemu'", 1)
        observed = xml.read(text)
        assert compare(observed, merge(observed, stated)) == ()
        return text, observed

    definition = made(first)
    # As module domain does: what is false is no more said in the definition that it leads to.
    if any(refused(Definition(), stated, definition) for stated in (parse(first), definition)):
        return
    try:
        text, observed = kept(xml.build("burrow-property", "x86_64", definition, "now"), parse(first))
        wanted = merge(observed, parse(then))
        if not refused(observed, parse(then), wanted):
            anew = any(change.impact == RECREATE for change in compare(observed, wanted))
            kept(xml.rebuild(text, wanted) if anew else xml.edit(text, observed, wanted), parse(then))
    finally:
        # With the NVRAM, of which the test driver knows nothing.
        connection.domain_handle("burrow-property").undefineFlags(0 if "test:" in uri else 4)


@patient
@given(STATED, st.lists(ELEMENTS, min_size=1, max_size=4))
def test_a_fragment_is_found_where_it_was_laid(stated: dict[str, Any], elements: list[Any]) -> None:
    text = xml.build("work", "x86_64", made(stated), "now")
    fragment = fragment_of(elements)
    try:
        leaves = parse_fragment(fragment, "xml")
    except SpecError:
        return
    nothing = Definition()
    laid = xml.edit(text, nothing, nothing, fragment)
    assert xml.read(laid, fragment).xml == leaves
    assert xml.edit(laid, nothing, nothing, fragment) == laid
