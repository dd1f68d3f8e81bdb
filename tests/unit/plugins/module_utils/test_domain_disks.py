# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and drives: found again, changed one field at a time, and refused by name."""

from __future__ import annotations

from typing import Any, Optional
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.device_rules import check_devices
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, merge
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_compare import compare
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.plugins.module_utils._xml import snapshot as snapshot_xml

DISKS = """
<domain type='qemu'>
  <name>work</name>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' copy_on_read='on'/>
      <source file='/x/a.qcow2' startupPolicy='optional'/>
      <target dev='vda' bus='virtio'/>
      <alias name='ua-root'/>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source file='/x/install.iso'/>
      <target dev='sda' bus='sata' tray='open'/>
      <readonly/>
      <address type='drive' controller='0' bus='0' target='0' unit='0'/>
    </disk>
    <disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>
      <source protocol='rbd' name='pool/image'><host name='ceph' port='6789'/></source>
      <target dev='vdb' bus='virtio'/>
      <iotune><total_bytes_sec>1048576</total_bytes_sec><group_name>g</group_name></iotune>
    </disk>
    <disk type='block' device='disk'>
      <source dev='/dev/sdz'/><target dev='sdb' bus='scsi'/><serial>TWIN</serial>
    </disk>
    <disk type='block' device='disk'>
      <source dev='/dev/sdy'/><target dev='sdc' bus='scsi'/><serial>TWIN</serial>
    </disk>
    <controller type='scsi' index='0' model='lsilogic'/>
    <controller type='usb' index='0' model='none'/>
  </devices>
</domain>
"""


def edited(*disks: dict[str, Any], purge: tuple[str, ...] = ()) -> ET.Element:
    before = xml.read(DISKS)
    return ET.fromstring(xml.edit(DISKS, before, merge(before, parse({"disks": list(disks)}), purge)))


def changed(*disks: dict[str, Any]) -> list[str]:
    before = xml.read(DISKS)
    return [change.sentence() for change in compare(before, merge(before, parse({"disks": list(disks)})))]


def texts(root: ET.Element) -> list[str]:
    """Each disk, without the white space that says nothing."""
    return ["".join(ET.tostring(disk, "unicode").split()) for disk in root.findall("devices/disk")]


def test_disks_of_others_are_named_by_serial_number_or_target() -> None:
    found = xml.read(DISKS).disks or ()
    assert [(disk.name, disk.source) for disk in found] == [
        ("vda", "/x/a.qcow2"),
        ("sda", "/x/install.iso"),
        ("vdb", None),
        ("sdb", "/dev/sdz"),
        ("sdc", "/dev/sdy"),
    ]


@pytest.mark.parametrize(
    ("stated", "sentences"),
    [
        ({"name": "vda", "source": "/x/a.qcow2", "bus": "virtio", "cache": "none", "device": "disk"}, []),
        ({"name": "sda", "source": "/x/b.iso"}, ["change disks[sda].source from /x/install.iso to /x/b.iso"]),
        ({"name": "sda", "source": "none"}, ["remove disks[sda].source (/x/install.iso)"]),
        ({"name": "vda", "discard": "unmap"}, ["set disks[vda].discard to unmap"]),
        (
            {"name": "vda", "iotune": {"read_bytes": "2MiB", "read_iops": 5}},
            ["set disks[vda].iotune.read_bytes to 2 MiB", "set disks[vda].iotune.read_iops to 5"],
        ),
        ({"name": "vdb", "iotune": {"total_bytes": "none"}}, ["remove disks[vdb].iotune.total_bytes (1 MiB)"]),
        ({"name": "vda", "iotune": {"total_iops": "none"}}, []),
    ],
    ids=str,
)
def test_only_what_is_stated_is_compared(stated: dict[str, Any], sentences: list[str]) -> None:
    assert changed(stated) == sentences


@pytest.mark.parametrize(
    ("stated", "index", "old", "new"),
    [
        ({"name": "vda", "cache": "writeback"}, 0, 'cache="none"', 'cache="writeback"'),
        ({"name": "vda", "source": "/x/b.qcow2"}, 0, "/x/a.qcow2", "/x/b.qcow2"),
        ({"name": "sda", "source": "/x/other.iso"}, 1, "/x/install.iso", "/x/other.iso"),
        ({"name": "sda", "source": "none"}, 1, '<sourcefile="/x/install.iso"/>', ""),
        ({"name": "vdb", "iotune": {"total_bytes": "none"}}, 2, "<total_bytes_sec>1048576</total_bytes_sec>", ""),
        ({"name": "sdb", "readonly": True}, 3, "</disk>", "<readonly/></disk>"),
    ],
    ids=str,
)
def test_one_field_changes_nothing_else(stated: dict[str, Any], index: int, old: str, new: str) -> None:
    expected = texts(ET.fromstring(DISKS))
    assert old in expected[index]
    expected[index] = expected[index].replace(old, new)
    assert texts(edited(stated)) == expected


def test_another_type_of_source_takes_nothing_over() -> None:
    (disk,) = [disk for disk in edited({"name": "vdb", "source": "/x/c.raw"}).iter("disk") if disk[-1].tag != "alias"][
        2:3
    ]
    assert disk.get("type") == "file"
    source = disk.find("source")
    assert source is not None
    assert (source.attrib, len(source)) == ({"file": "/x/c.raw"}, 0)


CHAINED = """
<domain type='qemu'>
  <name>work</name>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/x/a.qcow2'/>
      <backingStore type='file'>
        <format type='qcow2'/><source file='/i/image.qcow2'/><backingStore/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>
  </devices>
</domain>
"""


@pytest.mark.parametrize(
    ("stated", "base"),
    [
        ({"source": "/x/b.qcow2"}, None),
        ({"source": "/x/b.qcow2", "base": "/i/image.qcow2"}, "/i/image.qcow2"),
        ({"source": "/x/b.qcow2", "base": "/i/other.qcow2"}, "/i/other.qcow2"),
        ({"source": "/x/a.qcow2", "cache": "none"}, "/i/image.qcow2"),
        ({"cache": "none"}, "/i/image.qcow2"),
    ],
)
def test_another_file_does_not_rest_on_the_former_ones_image(stated: dict[str, Any], base: Optional[str]) -> None:
    before = xml.read(CHAINED)
    after = merge(before, parse({"disks": [{"name": "vda", **stated}]}))
    # What is below an overlay of module snapshot's stands in the XML as well, and in no model.
    for text, held in (
        (CHAINED, before),
        (snapshot_xml.on_top(CHAINED, "vda", "/x/a.qcow2", "/x/a.s.qcow2", "qcow2"), before),
    ):
        edited = xml.edit(text, held, after)
        if stated.get("source") == "/x/b.qcow2":
            assert snapshot_xml.chain(edited, "vda") == ("/x/b.qcow2", *([base] if base else []))
        else:
            assert snapshot_xml.chain(edited, "vda") == snapshot_xml.chain(text, "vda")


def test_another_file_has_its_own_format() -> None:
    raw = CHAINED.replace("type='qcow2'/>", "type='raw'/>", 1)
    before = xml.read(raw)
    above = snapshot_xml.on_top(raw, "vda", "/x/a.qcow2", "/x/a.s.qcow2", "raw")
    edited = xml.edit(above, before, merge(before, parse({"disks": [{"name": "vda", "source": "/x/b.raw"}]})))
    assert [(disk.source, disk.format) for disk in xml.read(edited).disks or ()] == [("/x/b.raw", "raw")]


def test_another_bus_means_another_target_and_address() -> None:
    disk = edited({"name": "vda", "bus": "scsi"}).find("devices/disk")
    assert disk is not None
    target = disk.find("target")
    assert target is not None
    assert target.attrib == {"dev": "sdd", "bus": "scsi"}
    assert disk.find("address") is None


def test_a_bus_that_is_missing_comes_with_its_disk() -> None:
    controllers = edited({"name": "n", "source": "/n", "bus": "usb"}).findall("devices/controller")
    assert [item.get("model") for item in controllers] == ["lsilogic", "qemu-xhci"]
    made = create(parse({"machine": "virt", "disks": [{"name": "d", "device": "cdrom"}]}))
    root = ET.fromstring(xml.build("work", "aarch64", made, "now"))
    assert "virtio-scsi" in [item.get("model") for item in root.findall("devices/controller")]


@pytest.mark.parametrize(("machine", "bus"), [("q35", "sata"), ("pc", "ide"), ("virt", "scsi"), ("pc-q35-9.0", "sata")])
def test_a_drive_is_where_its_machine_has_drives(machine: str, bus: str) -> None:
    made = create(parse({"machine": machine, "disks": [{"name": "d", "device": "cdrom"}]}))
    assert [(disk.bus, disk.readonly, disk.format) for disk in made.disks or ()] == [(bus, True, "raw")]


def test_an_order_of_devices_replaces_that_of_their_kinds() -> None:
    root = edited({"name": "vda", "boot_order": 1})
    assert root.find("os/boot") is None
    assert edited({"name": "vda", "cache": "unsafe"}).find("os/boot") is not None


def test_purge_takes_what_is_not_stated() -> None:
    root = edited({"name": "vda"}, {"name": "sda"}, purge=("disks",))
    assert texts(root) == texts(ET.fromstring(DISKS))[:2]


BAD = [
    ([{"name": "new"}], "disks[0].source", "it is missing"),
    ([{"name": "new", "source": "none"}], "disks[0].source", "it is missing"),
    ([{"name": "vda", "source": "none"}], "disks[0].source", "it is missing"),
    ([{"name": "new", "source": "/n", "target": "vda"}], "disks[0].target", "is disk vda's too"),
    ([{"name": "new", "source": "/n", "target": "xvda"}], "disks[0].target", "not a disk's target"),
    ([{"name": "new", "source": "/n", "target": "sdq"}], "disks[0].target", "not one of the disk's bus"),
    ([{"name": "new", "source": "/x/a.qcow2"}], "disks[0].source", "is disk vda's too"),
    ([{"name": "a", "source": "/n", "target": "vdx"}] * 2, "disks[1].name", "is disks[0]'s too"),
    (
        [{"name": "a", "source": "/n", "target": "vdx"}, {"name": "b", "source": "/m", "target": "vdx"}],
        "disks[1].target",
        "is disks[0]'s too",
    ),
    ([{"name": "sda", "readonly": False}], "disks[0].readonly", "always read-only"),
    ([{"name": "sda", "bus": "virtio"}], "disks[0].bus", "no cdrom"),
    ([{"name": "n", "source": "/n", "bus": "sata", "readonly": True}], "disks[0].readonly", "can't be read-only"),
    ([{"name": "n", "source": "/n", "shareable": True}], "disks[0].shareable", "format raw only"),
    ([{"name": "n", "source": "/n", "io": "native"}], "disks[0].io", "without the host's cache"),
    ([{"name": "vdb", "iotune": {"read_bytes": "1MiB"}}], "disks[0].iotune.total_bytes", "no limit of the total"),
    ([{"name": "vda", "iotune": {"read_bytes": "1"}}], "disks[0].iotune.read_bytes", "not a size"),
    ([{"name": "vda", "iotune": {"read_iops": 0}}], "disks[0].iotune.read_iops", "out of range"),
    ([{"name": "vda", "iotune": 5}], "disks[0].iotune", "not a mapping"),
    ([{"name": "vda", "bus": "nvme"}], "disks[0].bus", "not known"),
    ([{"name": "vda", "boot_order": 0}], "disks[0].boot_order", "out of range"),
    (
        [{"name": "vda", "boot_order": 1}, {"name": "sda", "boot_order": 1}],
        "disks[1].boot_order",
        "1 is the order of disks[vda] too",
    ),
]


@pytest.mark.parametrize(("disks", "path", "words"), BAD, ids=[f"{path}: {words}" for _disks, path, words in BAD])
def test_bad_input_is_refused_by_name(disks: list[dict[str, Any]], path: str, words: str) -> None:
    observed = xml.read(DISKS)
    with pytest.raises(SpecError) as caught:
        check_devices(observed, stated := parse({"disks": disks}), merge(observed, stated))
    assert caught.value.path == path
    assert words in str(caught.value)
    assert caught.value.hint


def test_one_disk_is_not_stated_by_two_names() -> None:
    observed = create(parse({"disks": [{"name": "root", "source": "/r"}]}))
    with pytest.raises(SpecError, match="'vda' is the target of disks\\[0\\]"):
        merge(observed, parse({"disks": [{"name": "root"}, {"name": "vda"}]}))


def test_what_others_made_is_left_alone() -> None:
    """A limit that libvirt would refuse today stays, as long as nobody asks for a change of it."""
    observed = xml.read(DISKS)
    stated = parse({"disks": [{"name": "vdb", "bus": "virtio"}]})
    check_devices(observed, stated, merge(observed, stated))


def test_a_definition_without_a_list_has_nothing_to_check() -> None:
    check_devices(Definition(), Definition(), Definition())
