# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fragments of XML: what is refused, what is found in a domain, what is laid over it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition
from ansible_collections.burrow.vm.plugins.module_utils._model.fragment import parse_fragment
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml

QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
BAD: list[tuple[Any, str]] = [
    (7, "not text"),
    ({"domain": {}}, "not text"),
    ("", "not XML"),
    ("vcpu: 3", "not XML"),
    ("<domain><vcpu></domain>", "not XML"),
    ("<domain>\0</domain>", "not XML"),
    ("<domain><a:b/></domain>", "not XML"),
    ("<devices/>", "begins with 'devices'"),
    ("<domain xmlns='https://example.org'><vcpu>3</vcpu></domain>", "begins with"),
    ("<domain/>", "states nothing"),
    ("<domain>\n  </domain>", "states nothing"),
    ("<!DOCTYPE domain><domain><vcpu>3</vcpu></domain>", "has a DOCTYPE"),
    ("<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><title>&e;</title></domain>", "has a DOCTYPE"),
    ("<domain><title>&e;</title></domain>", "not XML"),
    ("<domain><devices><graphics type='vnc' passwd='x'/></devices></domain>", "holds a password"),
    (
        "<domain><metadata><b:guest xmlns:b='https://burrow.vm/xmlns/domain/1' owner='me'/></metadata></domain>",
        "own metadata",
    ),
    ("<domain><vcpu>1</vcpu><vcpu>2</vcpu></domain>", "<vcpu> is in <domain> twice"),
    ("<domain><clock><timer name='pit'/><timer name='pit'/></clock></domain>", "<timer[pit]> is in <clock> twice"),
    ("<domain>" + "<a>" * 40 + "</a>" * 40 + "</domain>", "nested too deeply"),
    ("<domain>" + "<a>" * 20000 + "</a>" * 20000 + "</domain>", "nested too deeply"),
]


@pytest.mark.parametrize(("written", "words"), BAD, ids=[words for _written, words in BAD])
def test_bad_fragments_are_refused(written: Any, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_fragment(written, "xml")
    assert caught.value.path == "xml"
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_fragment_is_its_leaves() -> None:
    found = parse_fragment(
        f"""<?xml version="1.0" encoding="ascii"?>
        <domain {QEMU}>
          <features><kvm><hidden state='on'/></kvm><pae/></features>
          <cpu><feature name='svm' policy='require'/></cpu>
          <devices>
            <disk><serial>root</serial><driver io='native'/></disk>
            <controller type='usb' index='0' model='qemu-xhci'/>
            <hostdev mode='subsystem' type='usb'><source> <vendor id='0x1'/> </source></hostdev>
            <tpm model='tpm-crb'/>
          </devices>
          <qemu:commandline><qemu:env name='A' value='b'/><qemu:arg value='-x'/><qemu:arg value='y'/></qemu:commandline>
        </domain>""",
        "xml",
    )
    assert found == {
        "features/kvm/hidden@state": "on",
        "features/pae": "present",
        "cpu/feature[svm]@name": "svm",
        "cpu/feature[svm]@policy": "require",
        "devices/disk[root]/serial": "root",
        "devices/disk[root]/driver@io": "native",
        "devices/controller[usb,0]@type": "usb",
        "devices/controller[usb,0]@index": "0",
        "devices/controller[usb,0]@model": "qemu-xhci",
        "devices/hostdev[0]": '<hostdev mode="subsystem" type="usb"><source> <vendor id="0x1" /> </source></hostdev>',
        "devices/tpm@model": "tpm-crb",
        "qemu:commandline/qemu:env[A]@name": "A",
        "qemu:commandline/qemu:env[A]@value": "b",
        "qemu:commandline/qemu:arg": "-x y",
    }


DOMAIN = f"""
<domain type='kvm' {QEMU}>
  <name>work</name>
  <clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='hpet' present='no'/></clock>
  <cpu mode='host-passthrough'><feature policy='disable' name='svm'/></cpu>
  <devices>
    <disk type='file'>
      <driver name='qemu' cache='none'/><source file='/r'/><target dev='vda'/><serial>root</serial>
    </disk>
    <disk type='file'><source file='/s'/><target dev='vdb'/></disk>
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='n'/></interface>
    <hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/></source></hostdev>
    <watchdog model='i6300esb' action='reset'/>
    <memballoon model='virtio'><stats period='5'/></memballoon>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-device'/><qemu:arg value='a'/><qemu:arg value='-device'/><qemu:arg value='b'/>
  </qemu:commandline>
</domain>"""


def laid(fragment: str, text: str = DOMAIN) -> str:
    return xml.edit(text, Definition(), Definition(), f"<domain {QEMU}>{fragment}</domain>")


# A fragment that the domain has already, although it says less, and in another order.
@pytest.mark.parametrize(
    "fragment",
    [
        "<clock><timer present='no' name='hpet'/></clock>",
        "<devices><disk><target dev='vdb'/><source file='/s'/></disk></devices>",
        "<devices><disk><serial>root</serial><driver cache='none'/></disk></devices>",
        "<devices><disk type='file'><source file='/s'/></disk></devices>",
        "<devices><interface><mac address='52:54:00:00:00:01'/></interface></devices>",
        "<devices><hostdev mode='subsystem'><source><vendor id='0x1'/></source></hostdev></devices>",
        "<devices><watchdog action='reset'/><memballoon><stats period='5'/></memballoon></devices>",
        "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='b'/></qemu:commandline>",
    ],
)
def test_what_is_there_is_found(fragment: str) -> None:
    assert laid(fragment) == laid("")
    stated = f"<domain {QEMU}>{fragment}</domain>"
    assert xml.read(DOMAIN, stated).xml == parse_fragment(stated, "xml")


@pytest.mark.parametrize(
    ("fragment", "there", "gone"),
    [
        ("<title>a &amp; b</title>", ["<title>a &amp; b</title>"], []),
        ("<clock><timer name='pit' tickpolicy='delay'/></clock>", ['name="pit"', 'name="rtc"', 'name="hpet"'], []),
        ("<clock offset='localtime'/>", ['offset="localtime"', 'name="rtc"'], ['offset="utc"']),
        ("<cpu><feature policy='require' name='svm'/></cpu>", ['policy="require"'], ['policy="disable"']),
        (
            "<devices><disk><serial>root</serial><driver cache='writeback'/></disk></devices>",
            ['name="qemu" cache="writeback"', 'file="/r"'],
            ['cache="none"'],
        ),
        ("<devices><watchdog action='none'/></devices>", ['model="i6300esb" action="none"'], ['action="reset"']),
        ("<devices><video><model type='bochs'/></video></devices>", ['<model type="bochs" />'], []),
        ("<devices><hostdev mode='subsystem' type='pci'/></devices>", ['type="pci"', 'type="usb"'], []),
        (
            "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='c'/></qemu:commandline>",
            ['value="a"', 'value="b"', 'value="-device" />\n    <qemu:arg value="c"'],
            [],
        ),
        ("<metadata><x:a xmlns:x='https://example.org/x' k='1'/></metadata>", ['xmlns:x="https://example.org/x"'], []),
    ],
)
def test_what_is_missing_is_laid_over(fragment: str, there: list[str], gone: list[str]) -> None:
    text = laid(fragment)
    assert [part for part in there if part not in text] == []
    assert [part for part in gone if part in text] == []
    assert laid(fragment, text) == text
    stated = f"<domain {QEMU}>{fragment}</domain>"
    assert xml.read(DOMAIN, stated).xml != parse_fragment(stated, "xml")
    assert xml.read(text, stated).xml == parse_fragment(stated, "xml")


def test_a_domain_made_anew_has_each_device_once() -> None:
    part = """<domain><cpu><topology cores='2'/></cpu><devices>
    <disk type='file' device='cdrom'><source file='/c.iso'/><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='network'><source network='other'/></interface><sound model='ich9'/></devices></domain>"""
    held = xml.edit(DOMAIN, Definition(), Definition(), part)
    text = xml.rebuild(held, dataclasses.replace(xml.read(held), machine="pc"), part)
    assert text.count("/c.iso") == text.count('dev="sda"') == 1
    assert text.count('network="other"') == text.count("<sound") == text.count("<topology") == 1
    assert text.count("<disk") == 3
    assert 'bus="sata"' in text
    assert xml.read(text, part).xml == parse_fragment(part, "xml")


def test_two_alike_need_two() -> None:
    usb = "<hostdev mode='subsystem' type='usb'/>"
    text = laid(f"<devices>{usb * 2}</devices>")
    assert text.count("<hostdev") == 2
    assert laid(f"<devices>{usb * 2}</devices>", text) == text
