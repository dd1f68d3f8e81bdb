# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks to XML and back. BURROW_GOLDEN=write makes the golden files anew, save for foreign.xml."""

from __future__ import annotations

import dataclasses
import importlib.util

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_network import Networks
from ansible_collections.burrow.vm.plugins.module_utils._model.network import Network, parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.network_check import check
from ansible_collections.burrow.vm.plugins.module_utils._model.network_lists import DnsHost, Reservation
from ansible_collections.burrow.vm.plugins.module_utils._model.network_merge import create, facets, merge
from ansible_collections.burrow.vm.plugins.module_utils._model.network_update import ADD, DELETE
from ansible_collections.burrow.vm.plugins.module_utils._model.options import options
from ansible_collections.burrow.vm.plugins.module_utils._xml import network as xml
from ansible_collections.burrow.vm.plugins.module_utils._xml.network_live import both, updates
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.network_samples import (
    CREATED,
    FOREIGN,
    NAME,
    SAMPLES,
)
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.xml_checks import (
    GOLDEN,
    golden,
    needs_schemas,
    refused_by_schema,
)

THEIRS = (GOLDEN / "network/foreign.xml").read_text()


def sample(name: str) -> Network:
    request = parse_request({"name": NAME, **SAMPLES[name]})
    found = create(request, {})
    check(request.stated, Network(), found, {})
    return found


def edited(name: str) -> str:
    request = parse_request({"name": "theirs", **FOREIGN[name]})
    before = xml.read(THEIRS)
    after = merge(before, request, {})
    check(request.stated, before, after, {})
    return xml.edit(THEIRS, after)


RENDERED = {
    **{name: xml.build(NAME, sample(name), CREATED) for name in SAMPLES},
    **{f"foreign_{name}": edited(name) for name in FOREIGN},
}


@pytest.mark.parametrize("name", RENDERED)
def test_rendered_as_before(name: str) -> None:
    assert RENDERED[name] == golden(f"network/{name}.xml", RENDERED[name])


@pytest.mark.parametrize("name", SAMPLES)
def test_read_is_what_was_written(name: str) -> None:
    assert facets(xml.read(RENDERED[name])) == facets(sample(name))
    assert xml.owned(RENDERED[name])
    assert xml.edit(RENDERED[name], sample(name)) == RENDERED[name]


@pytest.mark.parametrize("name", FOREIGN)
def test_read_is_what_was_asked_for(name: str) -> None:
    request = parse_request({"name": "theirs", **FOREIGN[name]})
    found = xml.read(RENDERED[f"foreign_{name}"])
    assert facets(merge(found, request, {})) == facets(found)
    assert not xml.owned(RENDERED[f"foreign_{name}"])


@needs_schemas
@pytest.mark.parametrize("name", [*RENDERED, "foreign"])
def test_valid_by_libvirts_schema(name: str) -> None:
    assert refused_by_schema({**RENDERED, "foreign": THEIRS}[name], "network") == ""


@pytest.mark.parametrize("name", RENDERED)
def test_libvirt_takes_it(name: str) -> None:
    """libvirt's test driver parses as the real ones do."""
    if importlib.util.find_spec("libvirt") is None:
        pytest.skip("no libvirt-python")
    connection = Networks("test:///default")
    # Not by our gateway: this driver knows no inactive definition apart.
    kept = connection.handle.networkDefineXML(RENDERED[name]).XMLDesc(0)
    read, wanted = xml.read(kept), xml.read(RENDERED[name])
    # It finds a name where none is stated.
    assert facets(dataclasses.replace(read, bridge=wanted.bridge)) == facets(wanted)


@pytest.mark.parametrize("before", SAMPLES)
@pytest.mark.parametrize("after", SAMPLES)
def test_each_becomes_each(before: str, after: str) -> None:
    """All that a network of one kind has leaves no trace in one of another that can't have it."""
    request = parse_request({"name": NAME, **SAMPLES[after]})
    wanted = merge(sample(before), request, {})
    text = xml.edit(RENDERED[before], wanted)
    assert facets(xml.read(text)) == facets(wanted)
    assert merge(xml.read(text), request, {}) == wanted
    if importlib.util.find_spec("libvirt") is not None:
        Networks("test:///default").handle.networkDefineXML(text)
    assert refused_by_schema(text, "network") == ""


def test_tables_cover_the_model() -> None:
    assert xml.attributes() | {"autostart"} == {name for name, _option in options(Network)}


def test_each_field_is_in_a_golden_file() -> None:
    stated = {path.partition("[")[0] for name in SAMPLES for path in facets(sample(name))}
    assert stated | {"autostart"} == {name for name, _option in options(Network)}


def test_foreign_network_is_read() -> None:
    assert xml.read(THEIRS) == Network(
        mode="nat",
        bridge="virbr0",
        subnet="10.1.1.0/24",
        subnet6="fd00:0:0:1::/64",
        dhcp=True,
        dhcp6=False,
        domain="their.example",
        dns=True,
        dns_forwarders=(),
        dns_hosts=(DnsHost("10.1.1.9", ("x", "y")),),
        reservations=(
            Reservation("10.1.1.7", "52:54:00:00:00:01", name="old"),
            Reservation("10.1.1.3", "52:54:00:00:00:03"),
        ),
    )
    assert xml.addresses(THEIRS) == {"subnet": "10.1.1.1", "subnet6": "fd00:0:0:1::1"}
    assert sorted(xml.subnets(THEIRS)) == ["10.1.1.0/24", "fd00:0:0:1::/64"]


@pytest.mark.parametrize(
    ("name", "goes"),
    [
        ("reservations", ["10.1.1.7", 'ipv6="yes"']),
        ("purged", ["expiry", 'ipv6="yes"']),
        ("isolated", ["<forward", "eth0", "65535"]),
        ("routed", ["65535"]),
        ("moved", ["netmask", "10.1.1.50", "10.1.1.3", 'ipv6="yes"']),
        ("bare", ["fd00:0:0:1", "Their", "expiry", "pxelinux", "txt"]),
    ],
)
def test_unknown_xml_survives(name: str, goes: list[str]) -> None:
    words = ("kept", "virbr0", "zone", "tftp", "localPtr", "mtu", "3a:c3:22", "txt", "pxelinux", "expiry", "eth0")
    for word in words:
        assert (word in RENDERED[f"foreign_{name}"]) != (word in goes), word
    for word in goes:
        assert word not in RENDERED[f"foreign_{name}"]


@pytest.mark.parametrize(
    ("text", "subnet"),
    [
        ("<ip address='10.1.1.1'/>", "10.0.0.0/8"),
        ("<ip address='172.16.1.1'/>", "172.16.0.0/16"),
        ("<ip address='192.168.5.1'/>", "192.168.5.0/24"),
        ("<ip address='10.1.1.1' prefix='24'/><ip address='10.2.1.1' prefix='24'><dhcp/></ip>", "10.2.1.0/24"),
        ("<ip family='ipv6' address='fd00::1'/>", None),
    ],
)
def test_subnets_as_others_write_them(text: str, subnet: str) -> None:
    assert xml.read(f"<network>{text}</network>").subnet == subnet


def test_an_address_that_others_named_twice_stays_so() -> None:
    twice = "".join(f"<host ip='10.1.1.9'><hostname>{name}</hostname></host>" for name in "ab")
    found = xml.read(f"<network><dns>{twice}</dns></network>")
    request = parse_request({"name": "theirs", "dns_hosts": [{"address": "10.1.1.8", "names": ["c"]}]})
    after = xml.read(xml.edit(f"<network><dns>{twice}</dns></network>", merge(found, request, {})))
    assert [host.names for host in after.dns_hosts or ()] == [("a",), ("b",), ("c",)]


def test_modes_that_are_only_read() -> None:
    for mode in ("hostdev", "passthrough", "private", "vepa"):
        found = xml.read(f"<network><forward mode='{mode}'><interface dev='eth0'/></forward></network>")
        assert (found.mode, found.dns, found.dhcp, found.subnet) == (mode, False, False, None)


def test_live_updates() -> None:
    """Deletions first, each element whole; a DNS entry is deleted by its address alone."""
    request = parse_request(
        {
            "name": "theirs",
            "reservations": [{"mac": "52:54:00:00:00:01", "address": "10.1.1.8"}],
            "dns_hosts": [{"address": "10.1.1.9", "names": ["z"]}],
        }
    )
    after = xml.edit(THEIRS, merge(xml.read(THEIRS), request, {}))
    found = updates(THEIRS, after)
    assert [(update.command, update.section, update.index) for update in found] == [
        (DELETE, "ip-dhcp-host", 1),
        (DELETE, "dns-host", 0),
        (ADD, "ip-dhcp-host", 1),
        (ADD, "dns-host", 0),
    ]
    assert found[1].xml == '<host ip="10.1.1.9" />'
    assert found[1].undone().xml == '<host ip="10.1.1.9"><hostname>X</hostname><hostname>y</hostname></host>'
    assert found[2].xml == (
        '<host ip="10.1.1.8" mac="52:54:00:00:00:01" name="old"><lease expiry="10" unit="hours" /></host>'
    )
    assert found[2].undone().command == DELETE
    assert updates(THEIRS, THEIRS) == ()


def test_updates_of_both_definitions() -> None:
    one, two, three, four = updates(THEIRS, RENDERED["foreign_purged"])
    assert both((one, four), (two, one, three)) == [
        (one, True, True),
        (two, False, True),
        (three, False, True),
        (four, True, False),
    ]


@pytest.mark.parametrize(
    ("interface", "used"),
    [
        ("<source network='lab'/>", True),
        ("<source network='lab' portid='x' bridge='virbr9'/>", True),
        ("<source bridge='virbr1'/>", True),
        ("<source network='lab2'/>", False),
        ("<source dev='lab'/>", False),
    ],
)
def test_who_uses_a_network(interface: str, used: bool) -> None:
    domain = f"<domain><devices><interface>{interface}</interface></devices></domain>"
    assert xml.uses(domain, "lab", "virbr1") is used
