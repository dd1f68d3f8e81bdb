# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a network, what is refused, and what libvirt's refusals leave."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._apply import apply
from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_network import NetworkState
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_network_edit import NetworkEditor
from ansible_collections.burrow.vm.plugins.module_utils._model.network import Network, parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.network_lists import DnsHost, Reservation
from ansible_collections.burrow.vm.plugins.module_utils._model.network_merge import BARE
from ansible_collections.burrow.vm.plugins.module_utils._model.network_update import Update
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.network import NetworkResource
from ansible_collections.burrow.vm.plugins.module_utils._resource.network_plan import State, differences, plan
from ansible_collections.burrow.vm.plugins.module_utils._xml.network import build, read

MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"
WEB = Reservation(address="10.77.0.7", mac=MAC, name="web")
MADE = Network(
    mode="nat",
    bridge="virbr1",
    subnet="10.77.0.0/24",
    dhcp=True,
    dhcp6=False,
    dns=True,
    reservations=(WEB,),
    dns_hosts=(DnsHost("10.77.0.9", ("db",)),),
    dns_forwarders=(),
)
FOUND = NetworkState("burrow", "u", "", active=True, autostart=True, bridge="virbr1")
STATE = State(
    found=FOUND,
    network=dataclasses.replace(MADE, autostart=True),
    live=MADE,
    owned=True,
    addresses={"subnet": "10.77.0.1", "subnet6": None},
)
INACTIVE = dataclasses.replace(STATE, found=dataclasses.replace(FOUND, active=False), live=None)
IN_USE = dataclasses.replace(STATE, guests=("work",))
BARE_STATE = State(found=FOUND, network=Network(mode="bridge", bridge="br0", **BARE), interfaces={"br0": True})


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
        (STATE, {"reservations": [{"mac": MAC.upper(), "address": "10.77.0.7"}]}, []),
        (STATE, {"reservations": [{"mac": OTHER_MAC, "address": "10.77.0.8"}]}, ["update"]),
        (STATE, {"reservations": [{"mac": MAC, "address": "10.77.0.8"}]}, ["update"]),
        (STATE, {"reservations": []}, []),
        (STATE, {"reservations": [], "purge": ["reservations"]}, ["update"]),
        (STATE, {"dns_hosts": [{"address": "10.77.0.9", "names": ["DB"]}]}, []),
        (
            STATE,
            {"dns_hosts": [{"address": "10.77.0.9", "names": ["db", "b"]}], "autostart": False},
            ["update", "autostart"],
        ),
        (STATE, {"dns_forwarders": [{"address": "10.1.1.1"}]}, ["define", "stop", "start"]),
        (STATE, {"domain": "lab", "autostart": False}, ["define", "stop", "autostart", "start"]),
        (STATE, {"subnet6": "fd77::/64"}, ["define", "stop", "start"]),
        (STATE, {"subnet6": "none", "domain": "none"}, []),
        (IN_USE, {"reservations": [], "purge": ["reservations"]}, ["update"]),
        (INACTIVE, {"reservations": [], "purge": ["reservations"]}, ["define", "start"]),
        (BARE_STATE, {"mode": "bridge", "bridge": "br0", "autostart": True}, ["autostart"]),
        (BARE_STATE, {"mode": "nat"}, ["define", "stop", "start"]),
        # Somebody edited the definition, or the running network alone.
        (
            dataclasses.replace(STATE, live=dataclasses.replace(MADE, mode="isolated")),
            {"mode": "nat"},
            ["define", "stop", "start"],
        ),
        (dataclasses.replace(STATE, live=dataclasses.replace(MADE, mode="isolated")), {}, []),
        (
            dataclasses.replace(STATE, live=dataclasses.replace(MADE, reservations=())),
            {"reservations": [{"mac": MAC, "address": "10.77.0.7"}]},
            ["update"],
        ),
        (dataclasses.replace(STATE, found=dataclasses.replace(FOUND, persistent=False)), {}, ["define"]),
        (STATE, {"mode": "isolated"}, ["define", "stop", "start"]),
        (STATE, {"state": "absent"}, ["stop", "undefine"]),
        (INACTIVE, {}, ["start"]),
        (INACTIVE, {"dhcp": False}, ["define", "start"]),
        (INACTIVE, {"state": "absent"}, ["undefine"]),
        (IN_USE, {}, []),
        (IN_USE, {"mode": "isolated", "restart_policy": "now"}, ["define", "stop", "start"]),
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
        (IN_USE, {"domain": "lab"}, "restart_required", "name"),
        (State(taken={"10.9.0.0/16": "interface eth0"}), {"subnet": "10.9.1.0/24"}, "invalid", "subnet"),
        (State(taken={"fd77::/48": "network x"}), {"subnet6": "fd77::/64"}, "invalid", "subnet6"),
        (State(), {"subnet": "none", "dhcp": True}, "invalid", "dhcp"),
        (State(), {"dhcp6": True}, "invalid", "dhcp6"),
        (State(), {"dns": False, "dns_hosts": [{"address": "10.1.1.1", "names": ["a"]}]}, "invalid", "dns_hosts"),
        (State(), {"mode": "bridge"}, "invalid", "bridge"),
        (State(interfaces={}), {"mode": "bridge", "bridge": "br0"}, "invalid", "bridge"),
        (State(interfaces={"br0": False}), {"mode": "bridge", "bridge": "br0"}, "invalid", "bridge"),
        (State(interfaces={"br0": True}), {"bridge": "br0"}, "invalid", "bridge"),
        (State(bridges={"br0": "network x"}), {"bridge": "br0"}, "invalid", "bridge"),
        *(
            (State(), {"mode": "bridge", "bridge": "br0", **stated}, "invalid", next(iter(stated)))
            for stated in (
                {"subnet": "10.9.1.0/24"},
                {"subnet6": "fd77::/64"},
                {"dhcp": True},
                {"dhcp6": True},
                {"domain": "lab"},
                {"dns": True},
                {"dns_hosts": [{"address": "10.1.1.1", "names": ["a"]}]},
                {"dns_forwarders": [{"address": "10.1.1.1"}]},
                {"reservations": [{"mac": MAC, "address": "10.1.1.9"}]},
            )
        ),
        (BARE_STATE, {"dhcp": True}, "invalid", "dhcp"),
        (dataclasses.replace(INACTIVE, routes={"10.77.0.0/24": "eth0"}), {}, "invalid", "subnet"),
        *(
            (STATE, {"reservations": [{"mac": OTHER_MAC, "address": address}]}, "invalid", "reservations[0].address")
            for address in ("10.78.0.9", "10.77.0.0", "10.77.0.255", "10.77.0.1", "10.77.0.7")
        ),
        (
            STATE,
            {"reservations": [{"mac": OTHER_MAC, "address": "10.77.0.9", "name": "web"}]},
            "invalid",
            "reservations[0].name",
        ),
        (STATE, {"reservations": [{"name": "web", "address": "fd77::9"}]}, "invalid", "reservations[0]"),
        (STATE, {"dhcp": False, "reservations": [{"mac": MAC, "address": "10.77.0.7"}]}, "invalid", "reservations[0]"),
        (STATE, {"subnet": "10.79.0.0/24"}, "invalid", "subnet"),
    ],
)
def test_refusals(state: State, params: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        planned(state, **params)
    assert (caught.value.code, caught.value.path) == (code, path)
    assert caught.value.hint


def test_guests_are_named_before_they_are_cut_off() -> None:
    with pytest.raises(SpecError) as caught:
        planned(IN_USE, domain="lab")
    assert caught.value.results == {"guests": ["work"]}
    sentences = planned(IN_USE, domain="lab", restart_policy="now").sentences()
    assert sentences[1] == "stop network burrow (cuts off work until restarted)"
    gone = planned(dataclasses.replace(STATE, defined=("a", "b")), state="absent").sentences()
    assert gone[-1] == "remove network burrow, which a, b can't start without"


def test_a_bridge_of_the_host_keeps_its_guests() -> None:
    state = dataclasses.replace(BARE_STATE, live=BARE_STATE.network, guests=("work",), interfaces={"br1": True})
    with pytest.raises(SpecError) as caught:
        planned(state, bridge="br1")
    assert "leaves work as before, running" in str(caught.value)
    found = planned(state, bridge="br1", restart_policy="now")
    assert found.sentences()[1] == "stop network burrow (leaves work as before until restarted)"


def test_what_only_the_definition_has_is_no_difference() -> None:
    """Somebody gave a bridge's network one of its own, and didn't restart it."""
    state = dataclasses.replace(STATE, live=BARE_STATE.network)
    assert [change.path for change in differences(parse_request({"name": "burrow", "mode": "nat"}), state)] == ["mode"]
    assert differences(parse_request({"name": "burrow", "autostart": True}), state) == ()


def test_changes_in_words_and_in_the_diff() -> None:
    found = planned(STATE, reservations=[{"mac": MAC, "address": "10.77.0.8"}])
    assert found.sentences() == [
        "network burrow: change reservations[52:54:00:00:00:01] from 10.77.0.7 web to 10.77.0.8 web"
    ]
    before, after = {"address": "10.77.0.7", "name": "web"}, {"address": "10.77.0.8", "name": "web"}
    path = f"reservations[{MAC}]"
    assert found.diff() == {"before": {path: before}, "after": {path: after}}
    added = planned(STATE, dns_hosts=[{"address": "10.1.1.1", "names": ["a", "b"]}])
    assert added.sentences() == ["network burrow: set dns_hosts[10.1.1.1] to a b"]


def test_what_goes_with_dhcp_and_dns_is_shown() -> None:
    found = planned(STATE, dhcp=False, dns=False)
    assert {change.path for change in found.changes} == {
        "dhcp",
        "dns",
        f"reservations[{MAC}]",
        "dns_hosts[10.77.0.9]",
    }


def test_a_network_that_left_a_bridge_finds_a_subnet() -> None:
    found = planned(dataclasses.replace(BARE_STATE, taken={"10.77.0.0/24": "interface eth0"}), mode="isolated")
    assert {change.path: change.after for change in found.changes} == {
        "mode": "isolated",
        "bridge": None,
        "subnet": "10.77.1.0/24",
        "dhcp": True,
        "dns": True,
    }


class Refusing(NetworkEditor):
    """A libvirt that notes what it is told, and refuses some of it."""

    def __init__(self, found: Optional[NetworkState], *refused: str) -> None:
        super().__init__()
        self.found = found
        self.refused = refused
        self.told: list[str] = []

    def _tell(self, what: str) -> None:
        self.told.append(what)
        if what in self.refused:
            # Once.
            self.refused = tuple(item for item in self.refused if item != what)
            raise HostError(what, "burrow", "no")

    def network(self, _name: str) -> Optional[NetworkState]:
        return self.found

    def define_network(self, _name: str, xml: str) -> None:
        self._tell(f"define {read(xml).mode}")

    def update_network(self, _name: str, update: Update, *, config: bool, live: bool) -> None:
        assert config
        assert live
        self._tell(f"{update.command} {update.section}")

    def start_network(self, _name: str) -> None:
        self._tell("start")

    def stop_network(self, _name: str) -> None:
        self._tell("stop")

    def undefine_network(self, _name: str) -> None:
        self._tell("undefine")

    def set_network_autostart(self, _name: str, wanted: bool) -> None:
        self._tell(f"autostart {wanted}")


TEXT = build("burrow", MADE, "2026-11-01T10:00:00+00:00")
RUNNING = dataclasses.replace(FOUND, xml=TEXT, live_xml=TEXT)


@pytest.mark.parametrize(
    ("state", "params", "refused", "told"),
    [
        (State(), {}, "start", ["define nat", "autostart False", "start", "undefine"]),
        (STATE, {"mode": "isolated"}, "define isolated", ["define isolated"]),
        (STATE, {"mode": "isolated"}, "start", ["define isolated", "stop", "start", "define nat", "start"]),
        (INACTIVE, {"mode": "isolated"}, "start", ["define isolated", "start", "define nat"]),
        (INACTIVE, {}, "start", ["start"]),
        (
            STATE,
            {"reservations": [{"mac": MAC, "address": "10.77.0.8"}]},
            "add ip-dhcp-host",
            ["delete ip-dhcp-host", "add ip-dhcp-host", "add ip-dhcp-host"],
        ),
        (
            STATE,
            {"reservations": [], "dns_hosts": [{"address": "10.77.0.9", "names": ["x"]}], "purge": ["reservations"]},
            "add dns-host",
            ["delete ip-dhcp-host", "delete dns-host", "add dns-host", "add dns-host", "add ip-dhcp-host"],
        ),
    ],
)
def test_what_libvirt_refuses_leaves_the_network_as_it_was(
    state: State, params: dict[str, Any], refused: str, told: list[str]
) -> None:
    found = None if state.found is None else dataclasses.replace(RUNNING, active=state.found.active)
    connection = Refusing(found, refused)
    resource = NetworkResource(parse_request({"name": "burrow", **params}), connection)
    with pytest.raises(HostError):
        apply(resource.plan(state), resource)
    assert connection.told == told


def test_an_unstated_network_differs_in_nothing() -> None:
    assert differences(parse_request({"name": "burrow"}), STATE) == ()
