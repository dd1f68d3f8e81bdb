# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host devices, serial ports, channels, graphics, video and sound: found again, changed alone, refused by name."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.device_rules import check_devices
from ansible_collections.burrow.vm.plugins.module_utils._model.device_values import HIDDEN, Secret
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, facets, merge, view
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_compare import compare
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import BEFORE, STOPPED, planned

DESKTOP = """
<domain type='qemu'>
  <name>work</name>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <controller type='usb' index='0' model='none'/>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <driver name='vfio'/>
      <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>
      <rom bar='off'/>
    </hostdev>
    <hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source></hostdev>
    <hostdev mode='subsystem' type='usb' managed='no'>
      <source startupPolicy='optional'>
        <vendor id='0x046d'/><product id='0xc52b'/><address bus='3' device='7'/>
      </source>
    </hostdev>
    <hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883'/></source></hostdev>
    <serial type='pty'>
      <source path='/dev/pts/3'/><target type='isa-serial' port='0'><model name='isa-serial'/></target>
    </serial>
    <serial type='unix'><source mode='connect' path='/run/x.sock'/><target type='isa-serial' port='1'/></serial>
    <console type='pty'><target type='serial' port='0'/></console>
    <console type='pty'><target type='virtio' port='1'/></console>
    <channel type='unix'>
      <source mode='bind' path='/var/lib/libvirt/qemu/channel/target/domain-1-work/org.qemu.guest_agent.0'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/><alias name='ua-agent'/>
    </channel>
    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
    <graphics type='vnc' port='5901' autoport='no' listen='10.0.0.1' passwd='geheim' keymap='de'>
      <listen type='address' address='10.0.0.1'/>
    </graphics>
    <graphics type='spice' port='-1' tlsPort='-1' autoport='yes'>
      <listen type='network' network='default'/><image compression='off'/>
    </graphics>
    <graphics type='egl-headless'/>
    <sound model='ich9'><codec type='micro'/><audio id='2'/></sound>
    <sound model='ac97'/>
    <audio id='1' type='none'/>
    <audio id='2' type='pulseaudio' serverName='/run/pulse'/>
    <video><model type='qxl' ram='65536' vram='65536' heads='2' primary='yes'/><alias name='video0'/></video>
  </devices>
</domain>
"""


def merged(**lists: Any) -> tuple[str, list[str]]:
    """The text after, and the changes in words."""
    before = xml.read(DESKTOP)
    after = merge(before, parse(lists))
    return xml.edit(DESKTOP, before, after), [change.sentence() for change in compare(before, after)]


def texts(text: str) -> list[str]:
    """Each device, without the white space that says nothing."""
    return ["".join(ET.tostring(item, "unicode").split()) for item in ET.fromstring(text).find("devices") or ()]


def test_devices_of_others_are_read() -> None:
    found = view("work", xml.read(DESKTOP), "stopped", "u")
    assert found["hostdevs"] == [
        {"pci": "0000:01:00.0", "usb": None, "managed": True, "boot_order": None},
        {"pci": None, "usb": None, "managed": False, "boot_order": None},
        {"pci": None, "usb": "046d:c52b", "managed": False, "boot_order": None},
        {"pci": None, "usb": None, "managed": False, "boot_order": None},
    ]
    assert found["serials"] == [
        {"port": 0, "type": "pty", "source": None},
        {"port": 1, "type": "unix", "source": "/run/x.sock"},
    ]
    assert [channel["source"] for channel in found["channels"]] == [None, None]  # type: ignore[attr-defined]
    assert found["graphics"] == [
        {"type": "vnc", "listen": "10.0.0.1", "port": 5901, "password": None},
        {"type": "spice", "listen": None, "port": "auto", "password": None},
        {"type": "egl-headless", "listen": None, "port": None, "password": None},
    ]
    assert found["video"] == [{"model": "qxl"}]
    assert found["sound"] == [{"model": "ich9", "audio": "pulseaudio"}, {"model": "ac97", "audio": "none"}]


SAME: list[dict[str, Any]] = [
    {"hostdevs": [{"usb": "046D:C52B"}, {"pci": "01:00.0", "managed": True}]},
    {"serials": [{"port": 1, "type": "unix"}]},
    {"channels": [{"name": "org.qemu.guest_agent.0", "type": "unix"}]},
    {"graphics": [{"type": "vnc", "port": "5901", "listen": "10.0.0.1", "password": "geheim"}, {"type": "spice"}]},
    {"video": [{"model": "qxl"}]},
    {"sound": [{"model": "ich9", "audio": "pulseaudio"}, {"audio": "none"}]},
]


@pytest.mark.parametrize("stated", SAME, ids=lambda stated: next(iter(stated)))
def test_what_is_so_is_no_change(stated: dict[str, Any]) -> None:
    assert merged(**stated)[1] == []


CHANGES: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"hostdevs": [{"pci": "0000:01:00.0", "managed": False}]},
        'type="pci"managed="yes"',
        'type="pci"managed="no"',
        "change hostdevs[0000:01:00.0].managed from True to False",
    ),
    (
        {"serials": [{"port": 1, "source": "/run/y.sock"}]},
        "/run/x.sock",
        "/run/y.sock",
        "change serials[1].source from /run/x.sock to /run/y.sock",
    ),
    (
        {"channels": [{"name": "org.qemu.guest_agent.0", "source": "/run/agent.sock"}]},
        "/var/lib/libvirt/qemu/channel/target/domain-1-work/org.qemu.guest_agent.0",
        "/run/agent.sock",
        "set channels[org.qemu.guest_agent.0].source to /run/agent.sock",
    ),
    (
        {"graphics": [{"type": "vnc", "port": 5902}]},
        'port="5901"',
        'port="5902"',
        "change graphics[vnc].port from 5901 to 5902",
    ),
    (
        {"graphics": [{"type": "vnc", "password": "anders"}]},
        "geheim",
        "anders",
        f"change graphics[vnc].password from {HIDDEN} to {HIDDEN}",
    ),
    (
        {"graphics": [{"type": "vnc", "password": ""}]},
        'passwd="geheim"',
        "",
        f"remove graphics[vnc].password ({HIDDEN})",
    ),
    (
        {"video": [{"model": "virtio"}]},
        '<modeltype="qxl"ram="65536"vram="65536"heads="2"primary="yes"/><aliasname="video0"/>',
        '<aliasname="video0"/><modeltype="virtio"primary="yes"/>',
        "change video[0].model from qxl to virtio",
    ),
    (
        {"sound": [{"model": "ich6"}]},
        'model="ich9"',
        'model="ich6"',
        "change sound[0].model from ich9 to ich6",
    ),
    (
        {"sound": [{"audio": "none"}]},
        '<audioid="2"/>',
        '<audioid="1"/>',
        "change sound[0].audio from pulseaudio to none",
    ),
]


@pytest.mark.parametrize(("stated", "old", "new", "sentence"), CHANGES, ids=[row[3] for row in CHANGES])
def test_one_field_changes_nothing_else(stated: dict[str, Any], old: str, new: str, sentence: str) -> None:
    text, sentences = merged(**stated)
    assert sentences == [sentence]
    expected = texts(DESKTOP)
    assert sum(old in device for device in expected) == 1
    expected = [device.replace(old, new) for device in expected]
    if "serials" in stated:
        # libvirt makes it anew.
        expected.remove('<consoletype="pty"><targettype="serial"port="0"/></console>')
    assert sorted(texts(text)) == sorted(expected)


def test_the_places_that_listen_are_written_as_libvirt_compares_them() -> None:
    for listen, port, written in (
        ("::1", 5901, '<graphicstype="vnc"port="5901"autoport="no"passwd="geheim"keymap="de"><listentype="address"'),
        ("none", None, '<graphicstype="vnc"passwd="geheim"keymap="de"><listentype="none"/>'),
        ("/run/vnc.sock", None, '<graphicstype="vnc"passwd="geheim"keymap="de"><listentype="socket"socket="/run/'),
    ):
        text, _sentences = merged(graphics=[{"type": "vnc", "listen": listen}])
        assert any(device.startswith(written) for device in texts(text)), texts(text)
        (found, *_others) = xml.read(text).graphics or ()
        assert (found.listen, found.port) == (listen, port)


def test_another_type_of_port_takes_nothing_over() -> None:
    text, _sentences = merged(serials=[{"port": 1, "type": "tcp", "source": "[::1]:4555"}])
    assert '<sourcehost="[::1]"service="4555"mode="bind"/>' in "".join(texts(text))
    assert "/run/x.sock" not in text


def test_usb_comes_with_its_devices() -> None:
    for lists in ({"hostdevs": [{"usb": "3/9"}]}, {"sound": [{"model": "usb"}]}):
        assert 'model="qemu-xhci"' in merged(**lists)[0]
    assert 'model="none"' in merged(hostdevs=[{"pci": "02:00.0"}])[0]


def test_a_missing_backend_gets_a_free_number() -> None:
    text, _sentences = merged(sound=[{"audio": "alsa"}])
    assert '<audioid="3"type="alsa"/>' in texts(text)
    assert [item.audio for item in xml.read(text).sound or ()] == ["alsa", "none"]


def test_purge_takes_devices_that_nothing_tells_apart() -> None:
    before = xml.read(DESKTOP)
    for listed in ("hostdevs", "graphics", "video", "sound"):
        after = merge(before, parse({listed: []}), (listed,))
        assert not getattr(xml.read(xml.edit(DESKTOP, before, after)), listed)
    after = merge(before, parse({"hostdevs": [{"pci": "01:00.0"}]}), ("hostdevs",))
    assert [item.pci for item in xml.read(xml.edit(DESKTOP, before, after)).hostdevs or ()] == ["0000:01:00.0"]


def test_a_domain_defined_anew_has_the_devices_that_are_known() -> None:
    found = xml.read(xml.rebuild(DESKTOP, xml.read(DESKTOP)))
    assert [item.pci or item.usb for item in found.hostdevs or ()] == ["0000:01:00.0", "046d:c52b"]
    assert [item.port for item in found.serials or ()] == [0, 1]
    assert [item.name for item in found.channels or ()] == ["org.qemu.guest_agent.0", "com.redhat.spice.0"]


def test_a_new_domain_has_a_console_and_an_agents_channel_beside_what_is_stated() -> None:
    made = create(parse({"serials": [{"port": 1}], "channels": [{"name": "a"}]}))
    assert [(item.port, item.type) for item in made.serials or ()] == [(0, "pty"), (1, "pty")]
    assert [item.name for item in made.channels or ()] == ["org.qemu.guest_agent.0", "a"]
    none = create(parse({"channels": []}), purge=("channels",))
    assert none.channels == ()
    assert "guest_agent" not in xml.build("work", "x86_64", none, "now")


def test_a_fragment_finds_a_device_of_the_host() -> None:
    part = """<domain><devices><hostdev>
    <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>
    <rom file='/srv/gpu.rom'/></hostdev></devices></domain>"""
    made = create(parse({"hostdevs": [{"pci": "01:00.0"}]}))
    root = ET.fromstring(xml.build("work", "x86_64", made, "now", part))
    (hostdev,) = root.findall("devices/hostdev")
    assert hostdev.find("rom") is not None


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"hostdevs": [{"pci": "1:0.0"}]}, "hostdevs[0].pci", "not a PCI address"),
    ({"hostdevs": [{"pci": "01:20.0"}]}, "hostdevs[0].pci", "not a PCI address"),
    ({"hostdevs": [{"usb": "046d"}]}, "hostdevs[0].usb", "not a USB device"),
    ({"hostdevs": [{}]}, "hostdevs[0]", "names no device"),
    ({"hostdevs": [{"pci": "01:00.0", "usb": "1/2"}]}, "hostdevs[0]", "names two devices"),
    ({"hostdevs": [{"pci": "01:00.0"}, {"pci": "0000:01:00.0"}]}, "hostdevs[1].pci", "hostdevs[0]'s too"),
    ({"hostdevs": [{"usb": "1/2"}, {"usb": "001/002"}]}, "hostdevs[1].usb", "hostdevs[0]'s too"),
    ({"serials": [{"port": 4}]}, "serials[0].port", "out of range"),
    ({"serials": [{"port": 3}]}, "serials[0].port", "no port 2"),
    ({"serials": [{"port": 0, "type": "unix"}]}, "serials[0].source", "it is missing"),
    ({"serials": [{"port": 0, "type": "tcp", "source": "/x"}]}, "serials[0].source", "is not what tcp has"),
    ({"serials": [{"port": 0, "type": "unix", "source": "x:1"}]}, "serials[0].source", "is not what unix has"),
    ({"serials": [{"port": 0, "type": "file", "source": "x"}]}, "serials[0].source", "not an absolute path"),
    ({"serials": [{"port": 0, "type": "tcp", "source": "x:0"}]}, "serials[0].source", "out of range"),
    ({"channels": [{"name": "a b"}]}, "channels[0].name", "not a channel's name"),
    ({"channels": [{"name": "a", "source": "x:1"}]}, "channels[0].source", "is not a path"),
    ({"channels": [{"name": "a"}, {"name": "a"}]}, "channels[1].name", "channels[0]'s too"),
    ({"graphics": [{"type": "rdp"}]}, "graphics[0].type", "not known"),
    ({"graphics": [{"type": "vnc"}, {"type": "vnc"}]}, "graphics[1].type", "graphics[0]'s too"),
    ({"graphics": [{"type": "vnc", "listen": "localhost"}]}, "graphics[0].listen", "nothing to listen on"),
    ({"graphics": [{"type": "vnc", "port": 70000}]}, "graphics[0].port", "out of range"),
    ({"graphics": [{"type": "vnc", "listen": "none", "port": 5902}]}, "graphics[0].port", "only an address"),
    ({"graphics": [{"type": "vnc", "password": "123456789"}]}, "graphics[0].password", "longer than VNC's 8"),
    ({"graphics": [{"type": "vnc", "password": "a\nb"}]}, "graphics[0].password", "one line"),
    ({"video": [{"model": "voodoo"}]}, "video[0].model", "not known"),
    ({"sound": [{"audio": "oss"}]}, "sound[0].audio", "not known"),
]


@pytest.mark.parametrize(("stated", "path", "words"), BAD, ids=[f"{path}: {words}" for _stated, path, words in BAD])
def test_bad_input_is_refused_by_name(stated: dict[str, Any], path: str, words: str) -> None:
    observed = xml.read(DESKTOP)
    with pytest.raises(SpecError) as caught:
        check_devices(observed, made := parse(stated), merge(observed, made))
    assert caught.value.path == path
    assert words in str(caught.value)
    assert caught.value.hint
    assert "123456789" not in str(caught.value)


def test_a_password_is_compared_and_never_shown() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") not in ("a", HIDDEN)
    wanted = parse({"graphics": [{"type": "vnc", "password": "geheim"}]})
    found = planned(STOPPED, graphics=[{"type": "vnc", "password": "geheim"}])
    shown = json.dumps([found.sentences(), found.diff(), facets(wanted), view("a", wanted, "stopped", "u")])
    assert "geheim" not in shown + repr(found) + repr(wanted) + str(wanted)
    assert HIDDEN in shown


def test_a_new_device_is_a_change_of_its_list() -> None:
    found = planned(STOPPED, video=[{}], sound=[{}], hostdevs=[{"usb": "3/7"}], graphics=[{"type": "vnc"}])
    assert {change.path for change in found.changes} == {"video[0]", "sound[0]", "hostdevs[3/7]", "graphics[vnc]"}
    assert not planned(STOPPED, serials=[{"port": 0}], channels=[{"name": "org.qemu.guest_agent.0"}]).changed
    assert BEFORE.graphics is None
