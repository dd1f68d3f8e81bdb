# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network interfaces: found again, changed one field at a time, and refused by name."""

from __future__ import annotations

from typing import Any, Optional
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.device_rules import check_devices
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_interfaces import match_interfaces
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, merge
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_compare import compare
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml

INTERFACES = """
<domain type='qemu'>
  <name>work</name>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <interface type='network'>
      <mac address='52:54:00:00:00:01'/>
      <source network='default'/>
      <model type='virtio'/>
      <driver name='vhost' queues='2'/>
      <filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.1'/></filterref>
      <link state='down'/>
      <mtu size='1400'/>
      <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:02'/>
      <source bridge='br0'/>
      <virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f'/></virtualport>
      <vlan trunk='yes'><tag id='42'/><tag id='47'/></vlan>
      <bandwidth><inbound average='1000' peak='5000' burst='1024'/><outbound average='128'/></bandwidth>
      <model type='e1000e'/>
    </interface>
    <interface type='direct'>
      <mac address='52:54:00:00:00:03'/><source dev='eth0' mode='vepa'/><model type='virtio'/>
    </interface>
    <interface type='user'><mac address='52:54:00:00:00:04'/><model type='rtl8139'/></interface>
    <interface type='vhostuser'>
      <mac address='52:54:00:00:00:05'/><source type='unix' path='/tmp/vhost.sock' mode='client'/>
    </interface>
  </devices>
</domain>
"""
MACS = [f"52:54:00:00:00:0{number}" for number in range(1, 6)]


def edited(*interfaces: dict[str, Any]) -> list[str]:
    before = xml.read(INTERFACES)
    return texts(xml.edit(INTERFACES, before, merge(before, parse({"interfaces": list(interfaces)}))))


def texts(text: str) -> list[str]:
    """Each interface, without the white space that says nothing."""
    return ["".join(ET.tostring(item, "unicode").split()) for item in ET.fromstring(text).iter("interface")]


def test_interfaces_of_others_are_read() -> None:
    found = xml.read(INTERFACES).interfaces or ()
    assert [(item.type, item.source, item.mode) for item in found] == [
        ("network", "default", None),
        ("bridge", "br0", None),
        ("direct", "eth0", "vepa"),
        ("user", None, None),
        ("vhostuser", None, None),
    ]
    assert (found[0].link, found[0].queues, found[0].filter) == ("down", 2, "clean-traffic")
    assert (found[1].inbound, found[1].outbound, found[1].vlan) == (1000 << 10, 128 << 10, None)


@pytest.mark.parametrize(
    ("stated", "sentences"),
    [
        ({"source": "default", "type": "network", "model": "virtio", "queues": 2, "link": "down"}, []),
        ({"source": "br0", "link": "up", "bandwidth": {"outbound": "128KiB"}}, []),
        ({"source": "br0", "model": "virtio"}, [f"change interfaces[{MACS[1]}].model from e1000e to virtio"]),
        ({"source": "eth0", "mode": "bridge"}, [f"change interfaces[{MACS[2]}].mode from vepa to bridge"]),
        ({"mac": MACS[0], "filter": "none"}, [f"remove interfaces[{MACS[0]}].filter (clean-traffic)"]),
        (
            {"mac": MACS[1], "bandwidth": {"inbound": "2MiB"}},
            [f"change interfaces[{MACS[1]}].bandwidth.inbound from 1000 KiB to 2 MiB"],
        ),
        (
            {"mac": MACS[0], "type": "user"},
            [
                f"change interfaces[{MACS[0]}].type from network to user",
                f"remove interfaces[{MACS[0]}].source (default)",
            ],
        ),
    ],
    ids=str,
)
def test_only_what_is_stated_is_compared(stated: dict[str, Any], sentences: list[str]) -> None:
    before = xml.read(INTERFACES)
    found = compare(before, merge(before, parse({"interfaces": [stated]})))
    assert sorted(change.sentence() for change in found) == sorted(sentences)


@pytest.mark.parametrize(
    ("stated", "index", "old", "new"),
    [
        ({"source": "default", "link": "up"}, 0, '"down"', '"up"'),
        ({"source": "default", "filter": "no-spoof"}, 0, "clean-traffic", "no-spoof"),
        ({"source": "default", "queues": 4}, 0, 'queues="2"', 'queues="4"'),
        ({"mac": MACS[1], "bandwidth": {"inbound": "1MiB"}}, 1, 'average="1000"', 'average="1024"'),
        ({"mac": MACS[1], "bandwidth": {"outbound": "none"}}, 1, '<outboundaverage="128"/>', ""),
        ({"mac": MACS[1], "source": "br1"}, 1, '"br0"', '"br1"'),
        ({"mac": MACS[2], "mode": "bridge"}, 2, '"vepa"', '"bridge"'),
        ({"mac": MACS[4], "model": "virtio"}, 4, "</interface>", '<modeltype="virtio"/></interface>'),
    ],
    ids=str,
)
def test_one_field_changes_nothing_else(stated: dict[str, Any], index: int, old: str, new: str) -> None:
    expected = texts(INTERFACES)
    assert old in expected[index]
    expected[index] = expected[index].replace(old, new)
    assert edited(stated) == expected


def test_another_type_is_attached_to_the_same_word() -> None:
    assert '<sourcedev="br0"mode="bridge"/>' in edited({"mac": MACS[1], "type": "direct"})[1]
    assert "<source" not in edited({"mac": MACS[0], "type": "user", "filter": "none"})[0]


def test_the_last_rate_takes_its_element_along() -> None:
    assert "bandwidth" not in edited({"mac": MACS[1], "bandwidth": {"inbound": "none", "outbound": "none"}})[1]


def test_a_vlan_replaces_a_trunk_only_when_asked_for() -> None:
    assert '<vlan><tagid="7"/></vlan>' in edited({"mac": MACS[1], "vlan": 7})[1]
    assert '<tagid="47"/>' in edited({"mac": MACS[1], "vlan": "none"})[1]


@pytest.mark.parametrize(
    ("stated", "indexes"),
    [
        ([{"source": "br0"}], [1]),
        ([{"source": "x"}], [0]),
        ([{"source": "x"}, {"source": "default"}], [1, 0]),
        ([{"source": "x", "mac": MACS[0]}, {"source": "y"}, {"source": "z"}, {"source": "w"}], [0, 1, 2, None]),
        ([{"source": "eth0", "type": "direct"}, {"source": "eth0", "type": "bridge"}], [2, 0]),
        ([{"mac": "52:54:00:00:00:09"}], [None]),
        ([{}, {"model": "e1000"}], [0, 1]),
    ],
    ids=str,
)
def test_interfaces_are_found(stated: list[dict[str, Any]], indexes: list[Optional[int]]) -> None:
    observed = (xml.read(INTERFACES).interfaces or ())[:3]
    assert match_interfaces(observed, parse({"interfaces": stated}).interfaces or ()) == indexes


def test_a_new_interface_needs_no_words() -> None:
    made = create(parse({"interfaces": [{"source": "n"}, {"type": "direct", "source": "eth0"}, {"type": "user"}]}))
    assert [(item.type, item.model, item.mode) for item in made.interfaces or ()] == [
        ("network", "virtio", None),
        ("direct", "virtio", "bridge"),
        ("user", "virtio", None),
    ]


BAD = [
    ({"mac": "52:54:00:00:00:09"}, "source", "it is missing"),
    ({"mac": MACS[3], "type": "bridge"}, "source", "it is missing"),
    ({"mac": MACS[2], "filter": "clean-traffic"}, "filter", "are filtered"),
    ({"mac": MACS[3], "vlan": 2}, "vlan", "no VLAN"),
    ({"mac": MACS[2], "vlan": 2}, "vlan", "only in mode passthrough"),
    ({"mac": MACS[3], "bandwidth": {"inbound": "1MiB"}}, "bandwidth", "no limits"),
    ({"mac": MACS[1], "queues": 2}, "queues", "only virtio"),
    ({"mac": MACS[0], "vlan": 4095}, "vlan", "out of range"),
    ({"mac": MACS[0], "queues": 0}, "queues", "out of range"),
    ({"mac": MACS[0], "type": "hostdev"}, "type", "not known"),
    ({"mac": MACS[0], "bandwidth": {"inbound": 10}}, "bandwidth.inbound", "not a size"),
    ({"mac": "01:54:00:00:00:01"}, "mac", "multicast"),
]


@pytest.mark.parametrize(("stated", "path", "words"), BAD, ids=[f"{path}: {words}" for _stated, path, words in BAD])
def test_bad_input_is_refused_by_name(stated: dict[str, Any], path: str, words: str) -> None:
    observed = xml.read(INTERFACES)
    with pytest.raises(SpecError) as caught:
        check_devices(observed, made := parse({"interfaces": [stated]}), merge(observed, made))
    assert caught.value.path == f"interfaces[0].{path}"
    assert words in str(caught.value)
    assert caught.value.hint


def test_an_order_is_given_once_among_all_devices() -> None:
    observed = xml.read(INTERFACES)
    stated = parse(
        {"interfaces": [{"mac": MACS[0], "boot_order": 1}], "disks": [{"name": "a", "source": "/a", "boot_order": 1}]}
    )
    with pytest.raises(SpecError) as caught:
        check_devices(observed, stated, merge(observed, stated))
    assert caught.value.path == "interfaces[0].boot_order"
    assert "1 is the order of disks[a] too" in str(caught.value)
