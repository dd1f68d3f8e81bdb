# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains to XML and back. BURROW_GOLDEN=write makes the golden files anew."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_devices import ITEMS, LISTS
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_disks import Disk
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_interfaces import Interface
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, facets, merge
from ansible_collections.burrow.vm.plugins.module_utils._model.options import every_option, options
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.plugins.module_utils._xml.tree import parse as parse_tree
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_samples import CREATED, NAME, SAMPLES
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.xml_checks import (
    golden,
    needs_schemas,
    refused_by_schema,
)


def sample(name: str) -> Definition:
    return create(parse(SAMPLES[name][1]))


def rendered(name: str) -> str:
    return xml.build(NAME, SAMPLES[name][0], sample(name), CREATED, fragment(name))


def fragment(name: str) -> Optional[str]:
    return SAMPLES[name][1].get("xml")


@pytest.mark.parametrize("name", SAMPLES)
def test_rendered_as_before(name: str) -> None:
    assert rendered(name) == golden(f"{name}.xml", rendered(name))


@pytest.mark.parametrize("name", SAMPLES)
def test_read_is_what_was_written(name: str) -> None:
    expected = facets(dataclasses.replace(sample(name), owned=True, created=CREATED))
    read = facets(xml.read(rendered(name), fragment(name)))
    # A fragment may state what other options are for.
    assert {path: value for path, value in read.items() if fragment(name) is None or path in expected} == expected


@needs_schemas
@pytest.mark.parametrize("name", SAMPLES)
def test_valid_by_libvirts_schema(name: str) -> None:
    assert refused_by_schema(rendered(name), "domain") == ""


@pytest.mark.parametrize("name", SAMPLES)
def test_libvirt_takes_it(name: str) -> None:
    """libvirt's test driver parses as the real ones do; it knows no other type and no arguments for QEMU."""
    if importlib.util.find_spec("libvirt") is None:
        pytest.skip("no libvirt-python")
    connection = Domains("test:///default")
    text = rendered(name).replace('type="tcg"', "").replace('type="qemu"', 'type="test"', 1)
    connection.define(NAME, text.replace('type="kvm"', 'type="test"', 1))
    found = connection.domain(NAME)
    assert found is not None
    qemus = ("forwards", "qemu_commandline", "xml.qemu:commandline")
    read = facets(xml.read(found.xml, fragment(name)))
    left_out = ("accelerator", *qemus)
    wanted = {path: value for path, value in facets(sample(name)).items() if not path.startswith(left_out)}
    # libvirt writes down what it chose for all that is not said.
    assert {path: value for path, value in read.items() if path in wanted} == wanted


def test_each_field_is_in_a_golden_file() -> None:
    stated = {path for name in SAMPLES for path in facets(sample(name))}
    # autostart is libvirt's own note, and not in the XML.
    for _attribute, option in options(Definition):
        assert option.path == "autostart" or any(
            path == option.path or path.startswith(f"{option.path}.") for path in stated
        )


@pytest.mark.parametrize("listed", LISTS)
def test_each_field_of_an_item_is_in_a_golden_file(listed: str) -> None:
    stated: set[str] = set()
    for item in (item for name in SAMPLES for item in getattr(sample(name), listed) or ()):
        stated |= {field for field, _option in every_option(type(item)) if getattr(item, field) is not None}
    assert stated == {field for field, _option in every_option(ITEMS[listed].model)}


def test_tables_cover_the_model() -> None:
    assert xml.attributes() | {"autostart"} == {name for name, _option in options(Definition)} | set(LISTS)


def test_tables_cover_the_items() -> None:
    covered = xml.fields_of_items()
    assert covered["disks"] == {name for name, _option in options(Disk)}
    assert covered["interfaces"] == {name for name, _option in options(Interface)}


def test_empty_edit_changes_nothing() -> None:
    for name in SAMPLES:
        before = xml.read(rendered(name), fragment(name))
        assert xml.edit(rendered(name), before, merge(before, sample(name)), fragment(name)) == rendered(name)


FOREIGN = """
<domain type='kvm' id='3'>
  <name>work</name>
  <uuid>1b4d1bf3-f358-4397-9616-70da6d5a5d12</uuid>
  <metadata>
    <other:app xmlns:other="https://example.org/x" key="kept"/>
  </metadata>
  <memory unit='MiB'>1024</memory>
  <vcpu placement='static' current='1'>2</vcpu>
  <cputune><shares>512</shares></cputune>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram>/nvram/work_VARS.fd</nvram>
  </os>
  <cpu mode='host-model' check='partial'><topology sockets='1' cores='2' threads='1'/></cpu>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none'/>
      <source file='/x/a.qcow2'/>
      <target dev='vda' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
    </disk>
    <disk type='network' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='network'>
      <mac address='52:54:00:11:22:33'/><source network='default'/><model type='virtio'/><mtu size='1400'/>
    </interface>
    <interface type='user'><mac address='52:54:00:11:22:34'/></interface>
    <filesystem type='mount'><source dir='/srv/old'/><target dir='old'/><readonly/></filesystem>
    <watchdog model='i6300esb' action='reset'/>
  </devices>
  <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
    <qemu:arg value='-device'/><qemu:arg value='foo'/>
  </qemu:commandline>
</domain>
"""


def edited(stated: dict[str, Any], *purge: str) -> str:
    before = xml.read(FOREIGN)
    return xml.edit(FOREIGN, before, merge(before, parse(stated), purge))


def test_foreign_definition_is_read() -> None:
    found = xml.read(FOREIGN)
    assert (found.cpus, found.memory, found.accelerator, found.firmware) == (1, 1024 << 20, "kvm", "efi")
    assert found.cpus_maximum == 2
    assert [disk.name for disk in found.disks or ()] == ["vda", "sda"]
    assert [(item.type, item.source) for item in found.interfaces or ()] == [("network", "default"), ("user", None)]
    assert [(item.tag, item.source, item.readonly) for item in found.filesystems or ()] == [("old", "/srv/old", True)]
    assert not found.owned
    assert found.metadata is None


KEPT = (
    "<uuid>1b4d1bf3-f358-4397-9616-70da6d5a5d12</uuid>",
    'xmlns:other="https://example.org/x"',
    '<other:app key="kept" />',
    "<shares>512</shares>",
    '<topology sockets="1" cores="2" threads="1" />',
    'cache="none"',
    'bus="0x05"',
    '<mtu size="1400" />',
    'action="reset"',
    '<qemu:arg value="foo" />',
    "<nvram>/nvram/work_VARS.fd</nvram>",
)


@pytest.mark.parametrize(
    "stated",
    [
        {"cpus": 4},
        {"memory": "2GiB"},
        {"cpu": {"mode": "maximum", "disable": ["cx16"]}},
        {"console_log": "/x/log"},
        {"metadata": {"image": "x"}},
        {"disks": [{"name": "vda", "source": "/x/b.qcow2"}, {"name": "new", "source": "/x/c.raw", "format": "raw"}]},
        {"interfaces": [{"model": "e1000e"}]},
        {"filesystems": [{"tag": "code", "source": "/srv/code"}]},
        {"forwards": [{"host_port": 8080, "guest_port": 80}]},
    ],
    ids=lambda stated: next(iter(stated)),
)
def test_unknown_xml_survives(stated: dict[str, Any]) -> None:
    text = edited(stated)
    assert text != FOREIGN
    for part in KEPT:
        assert part in text
    after = facets(xml.read(text))
    assert {path: after[path] for path in facets(parse(stated)) if "[" not in path} == {
        path: value for path, value in facets(parse(stated)).items() if "[" not in path
    }


@pytest.mark.parametrize(
    ("stated", "vcpu"),
    [
        ({"cpus": 2}, '<vcpu placement="static">2</vcpu>'),
        ({"cpus": 4}, '<vcpu placement="static">4</vcpu>'),
        ({"cpus": 3, "cpus_maximum": 8}, '<vcpu placement="static" current="3">8</vcpu>'),
        ({"cpus_maximum": 8}, '<vcpu placement="static" current="1">8</vcpu>'),
        ({"cpus_maximum": 1}, '<vcpu placement="static">1</vcpu>'),
        ({"cpus": 8, "cpus_maximum": 8}, '<vcpu placement="static">8</vcpu>'),
    ],
)
def test_a_number_of_cpus_and_its_maximum(stated: dict[str, Any], vcpu: str) -> None:
    assert vcpu in edited(stated)


@pytest.mark.parametrize(
    ("stated", "memory", "current"),
    [
        ({"memory": "2GiB"}, 2 << 20, 2 << 20),
        ({"memory": "512MiB", "memory_maximum": "2GiB"}, 2 << 20, 512 << 10),
        ({"memory_maximum": "2GiB"}, 2 << 20, 1 << 20),
        ({"memory": "2GiB", "memory_maximum": "2GiB"}, 2 << 20, 2 << 20),
    ],
)
def test_a_size_of_memory_and_its_maximum(stated: dict[str, Any], memory: int, current: int) -> None:
    text = edited(stated)
    assert f'<memory unit="KiB">{memory}</memory>' in text
    assert f'<currentMemory unit="KiB">{current}</currentMemory>' in text
    found = xml.read(text)
    assert (found.memory, found.memory_maximum) == (current << 10, None if memory == current else memory << 10)


def test_bridge_instead_of_network_keeps_the_address() -> None:
    (interface, _other) = xml.read(edited({"interfaces": [{"type": "bridge", "source": "br0"}]})).interfaces or ()
    assert (interface.type, interface.source, interface.mac) == ("bridge", "br0", "52:54:00:11:22:33")


def test_purge_takes_only_the_rest() -> None:
    found = xml.read(edited({"interfaces": [{"source": "burrow"}], "filesystems": []}, "interfaces", "filesystems"))
    assert [(item.mac, item.source) for item in found.interfaces or ()] == [("52:54:00:11:22:33", "burrow")]
    assert found.filesystems == ()
    assert [disk.name for disk in found.disks or ()] == ["vda", "sda"]


def test_foreign_share_becomes_a_bound_one() -> None:
    text = edited({"filesystems": [{"tag": "old", "source": "/srv/new"}]})
    assert "/run/burrow/shares/work/old" in text
    (share,) = xml.read(text).filesystems or ()
    assert (share.source, share.readonly) == ("/srv/new", True)


def test_a_share_without_a_real_path_is_its_own() -> None:
    text = rendered("full")
    assert [share.real for share in xml.read(text).filesystems or ()] == ["/srv/code", "/data/out"]
    earlier = re.sub(r' real="[^"]*"', "", text)
    assert [share.real for share in xml.read(earlier).filesystems or ()] == ["/srv/code", "/srv/a 'b' & <c>"]


def test_an_iommu_comes_and_goes_with_what_it_needs() -> None:
    text = edited({"iommu": "intel"})
    assert '<ioapic driver="qemu" />' in text
    assert '<driver intremap="on" caching_mode="on" iotlb="on" />' in text
    before = xml.read(text)
    assert before.iommu == "intel"
    gone = xml.edit(text, before, merge(before, parse({"iommu": "none"})))
    assert "iommu" not in gone
    assert "ioapic" not in gone


@pytest.mark.parametrize(
    ("vsock", "cid"),
    [
        ("<vsock model='virtio'><cid auto='no' address='7'/></vsock>", 7),
        ("<vsock model='virtio'><cid auto='yes' address='3'/></vsock>", "auto"),
        ("<vsock model='virtio'/>", "auto"),
        ("", None),
    ],
)
def test_context_identifiers(vsock: str, cid: object) -> None:
    text = f"<domain><devices>{vsock}</devices></domain>"
    before = xml.read(text)
    assert before.vsock_cid == cid
    for stated, after in ((9, 9), ("auto", "auto"), ("none", None)):
        assert xml.read(xml.edit(text, before, merge(before, parse({"vsock": {"cid": stated}})))).vsock_cid == after


def test_root_ports_are_added_to_those_there_are() -> None:
    text = """<domain><devices><controller type='pci' index='0' model='pcie-root'/>
    <controller type='pci' index='1' model='pcie-root-port'/><controller type='scsi' index='0'/></devices></domain>"""
    before = xml.read(text)
    assert before.pcie_root_ports == 1
    after = xml.edit(text, before, merge(before, parse({"pcie_root_ports": 3})))
    assert xml.read(after).pcie_root_ports == 3
    assert after.count('model="pcie-root"') == 1


def test_clocks_are_made_for_kvm_on_a_pc() -> None:
    timers = {name: rendered(name).count("<timer") for name in SAMPLES}
    assert {name: count for name, count in timers.items() if count} == {"minimal": 3, "hypervisor": 1}


def test_arguments_for_qemu_are_kept_apart_from_those_of_forwards() -> None:
    text = edited({"forwards": [{"host_port": 8080, "guest_port": 80}]})
    before = xml.read(text)
    assert before.qemu_commandline == ("-device", "foo")
    after = xml.edit(text, before, merge(before, parse({"qemu_commandline": ["-s", "-S"]})))
    found = xml.read(after)
    assert (found.qemu_commandline, found.forwards) == (("-s", "-S"), before.forwards)
    bare = xml.edit(after, found, merge(found, parse({"qemu_commandline": [], "forwards": []}), ("forwards",)))
    assert "commandline" not in bare


@pytest.mark.parametrize(
    ("os", "secure"),
    [
        ("<os firmware='efi'/>", None),
        ("<os firmware='efi'><firmware><feature enabled='yes' name='secure-boot'/></firmware></os>", True),
        ("<os firmware='efi'><firmware><feature enabled='no' name='secure-boot'/></firmware></os>", False),
        ("<os><loader type='pflash' secure='yes'/></os>", True),
        ("<os><loader type='pflash'/></os>", False),
        ("<os/>", None),
    ],
)
def test_secure_boot_is_read(os: str, secure: Optional[bool]) -> None:
    assert xml.read(f"<domain>{os}</domain>").secure_boot is secure


def test_a_device_of_which_there_is_one_comes_and_goes() -> None:
    one = {
        "tpm": "emulator",
        "rng": "/dev/hwrng",
        "watchdog": {"model": "i6300esb", "action": "pause"},
        "balloon": "none",
    }
    before = xml.read(FOREIGN)
    made = xml.edit(FOREIGN, before, merge(before, parse(one)))
    assert facets(parse(one)).items() <= facets(xml.read(made)).items()
    assert made.count("<watchdog") == 1
    there = xml.read(made)
    none = parse({"tpm": "none", "rng": "none", "watchdog": {"model": "none"}, "balloon": "virtio"})
    gone = xml.read(xml.edit(made, there, merge(there, none)))
    assert (gone.tpm, gone.rng, gone.watchdog_model, gone.balloon) == (None, None, None, "virtio")


def test_last_forward_takes_its_arguments_along() -> None:
    before = xml.read(rendered("full"))
    text = xml.edit(rendered("full"), before, merge(before, parse({"forwards": []}), ("forwards",)))
    assert "commandline" not in text


def test_kernel_replaces_firmware_and_back() -> None:
    text = edited({"kernel": {"path": "/k/vmlinuz"}})
    assert "loader" not in text
    assert xml.read(text).kernel == "/k/vmlinuz"
    assert xml.read(text).firmware is None
    before = xml.read(text)
    back = xml.read(xml.edit(text, before, merge(before, parse({"firmware": "efi"}))))
    assert (back.kernel, back.firmware) == (None, "efi")


def test_rebuilt_definition_keeps_what_tells_the_domain() -> None:
    after = merge(xml.read(FOREIGN), parse({"machine": "pc", "firmware": "bios"}))
    root = parse_tree(xml.rebuild(FOREIGN, dataclasses.replace(after, disks=(), interfaces=after.interfaces)))
    assert root.findtext("uuid") == "1b4d1bf3-f358-4397-9616-70da6d5a5d12"
    assert root.find("metadata/{https://example.org/x}app") is not None
    assert root.find("cputune") is None


def test_metadata_of_a_running_guest_keeps_its_shares() -> None:
    note = dataclasses.replace(sample("full"), metadata={"image": "new"}, filesystems=())
    text = xml.metadata_element(rendered("full"), note)
    assert 'image="new"' in text
    assert 'tag="code"' in text
    assert "xmlns" not in text


@pytest.mark.parametrize(
    ("unit", "size"), [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("MB", 10**6), ("b", 1)]
)
def test_memory_in_each_unit(unit: str, size: int) -> None:
    assert xml.read(f"<domain><memory unit='{unit}'>3</memory></domain>").memory == 3 * size


def test_most_cpus() -> None:
    assert xml.most_cpus("<domainCapabilities><vcpu max='288'/></domainCapabilities>") == 288
    assert xml.most_cpus("<domainCapabilities><arch>x86_64</arch><vcpu max='4096'/></domainCapabilities>") == 255
    assert xml.most_cpus("<domainCapabilities/>") == 0
