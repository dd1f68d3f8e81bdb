# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: bad input, subnets, plans, XML."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_network import NetworkState
from ansible_collections.burrow.vm.plugins.module_utils._model.network import (
    Network,
    bridge_address,
    dhcp_range,
    free_subnet,
    overlapping,
    parse_request,
)
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.network import State, plan
from ansible_collections.burrow.vm.plugins.module_utils._xml import network as xml

SCHEMA = Path("/usr/share/libvirt/schemas/network.rng")
MADE = Network("nat", "10.77.0.0/24", dhcp=True)
FOUND = NetworkState("burrow", "u", "", active=True, autostart=True, bridge="virbr1")
STATE = State(found=FOUND, network=dataclasses.replace(MADE, autostart=True), owned=True)
INACTIVE = dataclasses.replace(STATE, found=dataclasses.replace(FOUND, active=False))
IN_USE = dataclasses.replace(STATE, guests=("work",))


@pytest.mark.parametrize(
    ("params", "path", "words"),
    [
        ({"name": "a/b"}, "name", "not a valid name"),
        ({"mode": "route"}, "mode", "not known"),
        ({"subnet": "10.77.0.1/24"}, "subnet", "not an IPv4 subnet"),
        ({"subnet": "fd00::/64"}, "subnet", "not an IPv4 subnet"),
        ({"subnet": "10.0.0.0/8"}, "subnet", "prefix 8"),
        ({"subnet": "10.0.0.0/30"}, "subnet", "prefix 30"),
        ({"subnet": "1.2.3.0/24"}, "subnet", "not a private"),
        ({"subnet": "169.254.1.0/24"}, "subnet", "not a private"),
        ({"dhcp": "perhaps"}, "dhcp", "neither true nor false"),
    ],
)
def test_bad_input_is_refused_by_name(params: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_request({"name": "burrow", **params})
    assert caught.value.path == path
    assert words in str(caught.value)
    assert caught.value.hint


def test_addresses_of_a_subnet() -> None:
    assert bridge_address("10.77.0.0/24") == "10.77.0.1"
    assert dhcp_range("10.77.0.0/24") == ("10.77.0.2", "10.77.0.254")


def test_the_first_free_subnet() -> None:
    assert free_subnet([]) == "10.77.0.0/24"
    assert free_subnet(["10.77.0.128/25", "192.168.1.0/24"]) == "10.77.1.0/24"
    assert free_subnet(["10.0.0.0/8"]) == "172.27.0.0/24"
    with pytest.raises(SpecError):
        free_subnet(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])


def test_who_has_a_subnet() -> None:
    taken = {"10.1.0.0/16": "interface eth0", "10.2.0.0/24": "network lab"}
    assert overlapping("10.2.0.0/25", taken) == "network lab"
    assert overlapping("10.3.0.0/24", taken) is None


def planned(before: State, /, **params: Any) -> Plan:
    return plan(parse_request({"name": "burrow", **params}), before)


@pytest.mark.parametrize(
    ("state", "params", "expected"),
    [
        (State(), {}, ["create", "start"]),
        (State(), {"state": "absent"}, []),
        (STATE, {}, []),
        (STATE, {"mode": "nat", "subnet": "10.77.0.0/24", "dhcp": True, "autostart": True}, []),
        (STATE, {"autostart": False}, ["autostart"]),
        (STATE, {"mode": "isolated"}, ["stop", "define", "start"]),
        (STATE, {"state": "absent"}, ["stop", "undefine"]),
        (INACTIVE, {}, ["start"]),
        (INACTIVE, {"dhcp": False}, ["define", "start"]),
        (INACTIVE, {"state": "absent"}, ["undefine"]),
        (IN_USE, {}, []),
        (IN_USE, {"mode": "isolated", "restart_policy": "now"}, ["stop", "define", "start"]),
    ],
)
def test_actions(state: State, params: dict[str, Any], expected: list[str]) -> None:
    assert [action.operation for action in planned(state, **params).actions] == expected


@pytest.mark.parametrize(
    ("state", "params", "code", "path"),
    [
        (IN_USE, {"mode": "isolated"}, "restart_required", "name"),
        (IN_USE, {"state": "absent"}, "restart_required", "name"),
        (dataclasses.replace(STATE, owned=False), {"state": "absent"}, "not_owned", "name"),
        (State(taken={"10.9.0.0/16": "interface eth0"}), {"subnet": "10.9.1.0/24"}, "invalid", "subnet"),
    ],
)
def test_refusals(state: State, params: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        planned(state, **params)
    assert (caught.value.code, caught.value.path) == (code, path)


@pytest.mark.parametrize("network", [MADE, Network("isolated", "10.1.2.0/24", dhcp=False)])
def test_written_and_read(network: Network, tmp_path: Path) -> None:
    text = xml.build("burrow", network, "2026-11-01T10:00:00+00:00")
    assert xml.read(text) == network
    assert xml.owned(text)
    assert xml.address(text) == bridge_address(network.subnet or "")
    if shutil.which("xmllint") and SCHEMA.exists():
        file = tmp_path / "network.xml"
        file.write_text(text)
        subprocess.run(["xmllint", "--noout", "--relaxng", SCHEMA, file], check=True, capture_output=True)


FOREIGN = """
<network>
  <name>default</name>
  <forward><nat><port start='1024' end='65535'/></nat></forward>
  <bridge name='virbr0'/>
  <dns><host ip='10.1.1.9'><hostname>x</hostname></host></dns>
  <ip family='ipv6' address='fd00::1' prefix='64'/>
  <ip address='10.1.1.1' netmask='255.255.255.0'>
    <dhcp><range start='10.1.1.50' end='10.1.1.60'/><host mac='52:54:00:00:00:01' ip='10.1.1.7'/></dhcp>
  </ip>
</network>
"""


def test_foreign_network_keeps_what_is_not_stated() -> None:
    assert xml.read(FOREIGN) == Network("nat", "10.1.1.0/24", dhcp=True)
    assert not xml.owned(FOREIGN)
    isolated = xml.edit(FOREIGN, Network("isolated", "10.1.1.0/24", dhcp=True))
    assert "<forward" not in isolated
    for kept in ("virbr0", "<hostname>x</hostname>", "fd00::1", "10.1.1.50", "10.1.1.7"):
        assert kept in isolated
    moved = xml.edit(FOREIGN, Network("nat", "10.2.0.0/24", dhcp=True))
    assert xml.read(moved).subnet == "10.2.0.0/24"
    assert "10.2.0.254" in moved
    assert "netmask" not in moved
