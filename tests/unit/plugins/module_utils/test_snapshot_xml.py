# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots in libvirt's XML, and the chains of files in a domain's."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import Snapshot, SnapshotDisk
from ansible_collections.burrow.vm.plugins.module_utils._xml import overlays
from ansible_collections.burrow.vm.plugins.module_utils._xml import snapshot as xml
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.xml_checks import refused_by_schema

ROOT, FIRST, SECOND, IMAGE = "/x/root.qcow2", "/x/root.a.qcow2", "/x/root.b.qcow2", "/images/debian.qcow2"

# As module domain writes a disk: the image below keeps its owner.
DISK = """<disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' discard='unmap'/>
      <source file='/x/root.qcow2'/>
      <backingStore type='file'>
        <format type='qcow2'/>
        <source file='/images/debian.qcow2'>
          <seclabel model='dac' relabel='no'/>
        </source>
        <backingStore/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
      <serial>root</serial>
    </disk>"""
DOMAIN = f"""<domain type='qemu'>
  <name>work</name>
  <uuid>7d707f9d-76d0-4470-a1c1-a2aa05a680a7</uuid>
  <memory unit='KiB'>65536</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
  </os>
  <devices>
    {DISK}
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/x/data.raw'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw'/>
      <source dev='/dev/sdz'/>
      <target dev='vdc' bus='virtio'/>
    </disk>
  </devices>
</domain>
"""
EXTERNAL = Snapshot(
    "a",
    "running",
    "external",
    memory=True,
    description="why & how",
    disks=(SnapshotDisk("vda", "external", FIRST),),
    memory_file="/x/work.a.memory",
)
INTERNAL = Snapshot("i", "shutoff", "internal", disks=(SnapshotDisk("vda", "internal"),))
GOLDEN = """<domainsnapshot>
  <name>a</name>
  <description>why &amp; how</description>
  <memory snapshot="external" file="/x/work.a.memory" />
  <disks>
    <disk name="vda" snapshot="external" type="file">
      <driver type="qcow2" />
      <source file="/x/root.a.qcow2" />
    </disk>
    <disk name="vdb" snapshot="no" />
  </disks>
</domainsnapshot>
"""


def full(*parts: str) -> str:
    head = "<name>a</name><state>running</state><parent><name>p</name></parent><creationTime>86400</creationTime>"
    disks = f"<disks><disk name='vda' snapshot='external' type='file'><source file='{FIRST}'/></disk></disks>"
    return f"<domainsnapshot>{head}<memory snapshot='no'/>{disks}{''.join(parts)}</domainsnapshot>"


def test_what_is_asked_of_libvirt() -> None:
    assert xml.build(EXTERNAL, ("vdb",)) == GOLDEN


@pytest.mark.parametrize(
    "snapshot", [EXTERNAL, INTERNAL, dataclasses.replace(EXTERNAL, memory_file=None, memory=False)]
)
def test_it_is_valid_and_reads_back(snapshot: Snapshot) -> None:
    text = xml.build(snapshot, ("vdb",))
    assert refused_by_schema(text, "domainsnapshot") == ""
    assert xml.read(text) == dataclasses.replace(snapshot, state="")


def test_one_that_libvirt_does_not_know_is_told_with_the_domain_of_then() -> None:
    made = dataclasses.replace(EXTERNAL, parent="p", created=86400)
    text = xml.noted(made, ("vdb", "vdc"), DOMAIN, DOMAIN)
    assert refused_by_schema(text, "domainsnapshot") == ""
    assert xml.read(text) == made
    for inactive in (False, True):
        assert xml.facts(xml.definition(text, inactive=inactive)) == xml.facts(DOMAIN)
    assert "inactiveDomain" not in xml.noted(made, (), DOMAIN, None)


def test_what_libvirt_has() -> None:
    found = xml.read(full(DOMAIN), current=True)
    assert (found.name, found.state, found.kind, found.memory) == ("a", "running", "external", False)
    assert (found.parent, found.created, found.current) == ("p", 86400, True)
    assert found.disks == (SnapshotDisk("vda", "external", FIRST),)


def test_facts_of_a_domain() -> None:
    found = xml.facts(DOMAIN)
    assert [(disk.name, disk.format, disk.writable) for disk in found.disks] == [
        ("root", "qcow2", True),
        ("vdb", "raw", True),
        ("sda", "raw", False),
        ("vdc", "raw", True),
    ]
    assert (found.nvram, found.agent, found.unsaveable) == (None, False, ())


@pytest.mark.parametrize(
    ("os", "nvram"),
    [
        ("<os firmware='efi'><type>hvm</type></os>", "raw"),
        ("<os><type>hvm</type><loader type='pflash'>/c</loader><nvram format='qcow2'>/n</nvram></os>", "qcow2"),
        ("<os><type>hvm</type><loader type='pflash' format='qcow2'>/c</loader><nvram>/n</nvram></os>", "qcow2"),
        ("<os><type>hvm</type></os>", None),
    ],
)
def test_where_the_variables_are(os: str, nvram: str) -> None:
    assert xml.facts(f"<domain>{os}</domain>").nvram == nvram


def test_what_can_not_be_saved_and_who_can_freeze() -> None:
    devices = """<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
      <filesystem><driver type='virtiofs'/><source dir='/s'/><target dir='code'/></filesystem>
      <hostdev mode='subsystem' type='pci'/><hostdev mode='subsystem' type='usb'/>"""
    found = xml.facts(f"<domain><devices>{devices}</devices></domain>")
    assert found.agent
    assert found.unsaveable == ("the virtiofs share code", "a pci device of the host")


def test_overlays_go_on_top_and_out_again() -> None:
    one = xml.on_top(DOMAIN, "vda", ROOT, FIRST, "qcow2")
    two = xml.on_top(one, "vda", FIRST, SECOND, "qcow2")
    assert xml.chain(two, "vda") == (SECOND, FIRST, ROOT, IMAGE)
    for text in (one, two):
        assert refused_by_schema(text, "domain") == ""
        assert "relabel" in text
    middle = xml.without(two, "vda", FIRST, ROOT, "qcow2")
    assert xml.chain(middle, "vda") == (SECOND, ROOT, IMAGE)
    assert refused_by_schema(middle, "domain") == ""
    back = xml.without(middle, "vda", SECOND, ROOT, "qcow2")
    assert xml.chain(back, "vda") == (ROOT, IMAGE)
    assert xml.facts(back) == xml.facts(DOMAIN)
    assert 'relabel="no"' in back
    assert refused_by_schema(back, "domain") == ""


def test_a_raw_disk_is_raw_again() -> None:
    above = xml.on_top(DOMAIN, "vdb", "/x/data.raw", "/x/data.a.qcow2", "raw")
    assert xml.facts(above).disks[1].format == "qcow2"
    back = xml.without(above, "vdb", "/x/data.a.qcow2", "/x/data.raw", "raw")
    assert xml.facts(back) == xml.facts(DOMAIN)


def test_a_chain_that_is_not_written_out() -> None:
    bare = DOMAIN.replace("/x/data.raw", "/x/data.a.qcow2")
    back = xml.without(bare, "vdb", "/x/data.a.qcow2", "/x/data.raw", "raw")
    assert xml.chain(back, "vdb") == ("/x/data.raw",)
    partly = xml.on_top(bare, "vdb", "/x/data.a.qcow2", "/x/data.b.qcow2", "qcow2")
    back = xml.without(partly, "vdb", "/x/data.a.qcow2", "/x/data.raw", "raw")
    assert xml.chain(back, "vdb") == ("/x/data.b.qcow2", "/x/data.raw")
    assert refused_by_schema(back, "domain") == ""


def test_what_is_not_named_stays_as_it_is() -> None:
    assert xml.without(DOMAIN, "vda", FIRST, ROOT, "qcow2") is DOMAIN
    assert xml.on_top(DOMAIN, "vda", FIRST, SECOND, "qcow2") is DOMAIN
    assert xml.chain(DOMAIN, "vdz") == ()


def test_both_definitions_of_a_snapshot_lose_the_overlay() -> None:
    inner = xml.on_top(DOMAIN, "vda", ROOT, FIRST, "qcow2")
    text = full(inner, inner.replace("domain ", "inactiveDomain ").replace("</domain>", "</inactiveDomain>"))
    edited = xml.without(text, "vda", FIRST, ROOT, "qcow2")
    for inactive in (True, False):
        definition = xml.definition(edited, inactive=inactive)
        assert definition.startswith("<domain ")
        assert xml.chain(definition, "vda") == (ROOT, IMAGE)
    assert xml.definition(full(DOMAIN), inactive=True) == xml.definition(full(DOMAIN), inactive=False)


def test_a_snapshot_is_described_and_gets_other_files() -> None:
    assert xml.read(xml.described(full(DOMAIN), "new")).description == "new"
    moved = xml.relocated(full(DOMAIN), {FIRST: SECOND})
    assert xml.read(moved).disks[0].file == SECOND
    assert xml.chain(xml.definition(moved, inactive=False), "vda") == (ROOT, IMAGE)


def test_a_disk_is_the_same_one_below_its_overlays() -> None:
    above = xml.on_top(xml.on_top(DOMAIN, "vda", ROOT, FIRST, "qcow2"), "vda", FIRST, SECOND, "qcow2")
    above = above.replace("/x/data.raw", "/x/data.a.qcow2")
    known = {SECOND: (ROOT, "qcow2"), "/x/data.a.qcow2": ("/x/data.raw", "raw")}
    found = overlays.beneath(above, known.get)
    assert xml.facts(found) == xml.facts(DOMAIN)
    assert xml.chain(found, "vda") == (ROOT, IMAGE)
    assert refused_by_schema(found, "domain") == ""
    assert overlays.beneath(DOMAIN, known.get) is DOMAIN
