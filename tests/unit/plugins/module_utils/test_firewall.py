# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who drops what guests send: from rulesets as nft and iptables print them."""

from __future__ import annotations

import json
from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.firewall import (
    MARK,
    obstacles_of_iptables,
    obstacles_of_nft,
    openings_of_firewalld,
    openings_of_ufw,
)

BRIDGE = "virbr7"


def chain(
    name: str, *, table: str = "filter", family: str = "ip", hook: Optional[str] = None, policy: str = "drop"
) -> Any:
    base = {"type": "filter", "hook": hook, "prio": 0, "policy": policy} if hook else {}
    return {"chain": {"family": family, "table": table, "name": name, **base}}


def rule(name: str, *expressions: Any, table: str = "filter", family: str = "ip") -> Any:
    return {"rule": {"family": family, "table": table, "chain": name, "expr": list(expressions)}}


def jump(target: str) -> Any:
    return {"jump": {"target": target}}


def interface(name: str) -> Any:
    return {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": name}}


def port(field: str) -> Any:
    return {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": field}}, "right": 67}}


ACCEPT = {"accept": None}
REJECT = {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}
# As firewalld 2.3 writes them.
ZONES = {"table": "firewalld", "family": "inet"}
FIREWALLD = chain("filter_FORWARD", hook="forward", policy="accept", **ZONES)
POLICIES = chain("filter_FORWARD_POLICIES", **ZONES)


def zone(*expressions: Any) -> Any:
    return rule("filter_FORWARD_POLICIES", *expressions, **ZONES)


FORWARD = chain("FORWARD", hook="forward")
RULESETS: dict[str, tuple[list[Any], Optional[str], str]] = {
    "nothing": ([], None, ""),
    "accepts": ([chain("FORWARD", hook="forward", policy="accept")], None, ""),
    "output": ([chain("OUTPUT", hook="output")], None, ""),
    "input": (
        [chain("INPUT", hook="input")],
        "the host's own firewall",
        "nft insert rule ip filter INPUT iifname virbr7",
    ),
    "input of ufw beside Docker": (
        [chain("INPUT", hook="input"), chain("ufw-before-input"), chain("DOCKER-USER")],
        "ufw",
        "ufw allow in on virbr7 to any port 67 proto udp",
    ),
    "input with libvirt in the same table": (
        [
            chain("INPUT", hook="input"),
            rule("INPUT", jump("LIBVIRT_INP")),
            rule("LIBVIRT_INP", interface(BRIDGE), ACCEPT),
        ],
        None,
        "",
    ),
    "input that takes DHCP from everybody": (
        [chain("INPUT", hook="input"), rule("INPUT", port("dport"), ACCEPT)],
        None,
        "",
    ),
    "input that takes answers of DHCP servers": (
        [chain("INPUT", hook="input"), rule("INPUT", port("sport"), ACCEPT)],
        "the host's own firewall",
        "iifname virbr7",
    ),
    "bridges by a wildcard": ([FORWARD, rule("FORWARD", interface("virbr*"), ACCEPT)], None, ""),
    "bridges in a set": (
        [FORWARD, rule("FORWARD", {"match": {"op": "==", "left": {}, "right": {"set": ["a", BRIDGE]}}}, ACCEPT)],
        None,
        "",
    ),
    "ip6": ([chain("FORWARD", family="ip6", hook="forward")], None, ""),
    "docker": (
        [FORWARD, chain("DOCKER-USER"), rule("FORWARD", jump("DOCKER-USER"))],
        "Docker",
        "--insert DOCKER-USER --in-interface virbr7",
    ),
    "ufw": ([FORWARD, chain("ufw-before-forward")], "ufw", "ufw route allow in on virbr7"),
    "own": (
        [chain("fwd", family="inet", table="gate", hook="forward")],
        "the host's own firewall",
        "nft insert rule inet gate fwd iifname virbr7 accept",
    ),
    "libvirt in the same table": (
        [
            FORWARD,
            chain("DOCKER-USER"),
            rule("FORWARD", jump("LIBVIRT_FWO")),
            rule("LIBVIRT_FWO", interface(BRIDGE), ACCEPT),
        ],
        None,
        "",
    ),
    "libvirt in the same table, for other bridges": (
        [FORWARD, rule("FORWARD", jump("LIBVIRT_FWO")), rule("LIBVIRT_FWO", interface("virbr0"), ACCEPT)],
        "the host's own firewall",
        "iifname virbr7",
    ),
    "libvirt in a table of its own": (
        [FORWARD, chain("DOCKER"), chain("guest_input", table="libvirt_network", hook="forward", policy="accept")],
        "Docker",
        "DOCKER-USER",
    ),
    "the bridge is let through": (
        [
            FORWARD,
            chain("DOCKER-USER"),
            rule("FORWARD", jump("DOCKER-USER")),
            rule("DOCKER-USER", interface(BRIDGE), ACCEPT),
        ],
        None,
        "",
    ),
    "another bridge is": ([FORWARD, rule("FORWARD", interface("lan0"), ACCEPT)], "the host's own firewall", "iifname"),
    "chains that jump in circles": (
        [FORWARD, rule("FORWARD", jump("a")), rule("a", jump("b")), rule("b", jump("a"))],
        "the host's own firewall",
        "iifname",
    ),
    "firewalld of old without zone libvirt": ([FIREWALLD], "firewalld", "--zone=libvirt --add-interface=virbr7"),
    "firewalld of old with it": ([FIREWALLD, chain("filter_FWD_libvirt", **ZONES)], None, ""),
    "firewalld and a bridge in no zone": (
        [FIREWALLD, POLICIES, zone(jump("filter_FWD_public")), zone(REJECT)],
        "firewalld",
        "--zone=libvirt --add-interface=virbr7",
    ),
    # The chain "allow" accepts what stays within the zone.
    "firewalld and a bridge in another zone": (
        [
            *(FIREWALLD, POLICIES, zone(interface(BRIDGE), jump("filter_FWD_public")), zone(interface(BRIDGE), REJECT)),
            rule("filter_FWD_public", jump("filter_FWD_public_allow"), **ZONES),
            rule("filter_FWD_public_allow", interface(BRIDGE), ACCEPT, **ZONES),
        ],
        "firewalld",
        "--zone=libvirt --add-interface=virbr7",
    ),
    "firewalld and another bridge in zone libvirt": (
        [
            *(FIREWALLD, POLICIES, chain("filter_FWD_libvirt", **ZONES)),
            *(zone(interface("virbr0"), jump("filter_FWD_libvirt")), zone(interface("virbr0"), ACCEPT), zone(REJECT)),
        ],
        "firewalld",
        "--zone=libvirt --add-interface=virbr7",
    ),
    "firewalld and the bridge in zone libvirt": (
        [
            *(FIREWALLD, POLICIES, chain("filter_FWD_libvirt", **ZONES)),
            *(zone(interface(BRIDGE), jump("filter_FWD_libvirt")), zone(interface(BRIDGE), ACCEPT), zone(REJECT)),
        ],
        None,
        "",
    ),
}


@pytest.mark.parametrize("name", RULESETS)
def test_nft(name: str) -> None:
    entries, owner, remedy = RULESETS[name]
    found = obstacles_of_nft(json.dumps({"nftables": [{"metainfo": {}}, *entries]}), BRIDGE)
    assert [obstacle.owner for obstacle in found] == ([owner] if owner else [])
    assert all(remedy in obstacle.remedy for obstacle in found)


@pytest.mark.parametrize("text", ["", "Error: no", "[]", "{}"])
def test_nft_output_that_is_none(text: str) -> None:
    assert obstacles_of_nft(text, BRIDGE) == ()


def test_a_bridge_that_is_not_there_yet_has_a_placeholder() -> None:
    (found,) = obstacles_of_nft(json.dumps({"nftables": [FORWARD]}), "")
    assert "BRIDGE" in found.remedy
    assert obstacles_of_iptables("-P FORWARD DROP\n-N LIBVIRT_FWO\n-A FORWARD -j LIBVIRT_FWO\n", "") == ()


@pytest.mark.parametrize(
    ("rules", "owner"),
    [
        ("-P INPUT DROP\n-P FORWARD ACCEPT\n", "the host's own firewall"),
        ("-P OUTPUT DROP\n", None),
        ("-P INPUT DROP\n-A INPUT -p udp --sport 67 --dport 68 -j ACCEPT\n", "the host's own firewall"),
        ("-P INPUT DROP\n-A INPUT -p udp --dport 67 -j ACCEPT\n", None),
        ("-P FORWARD DROP\n-A FORWARD -i virbr+ -j ACCEPT\n", None),
        ("-P FORWARD DROP\n", "the host's own firewall"),
        ("-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n", "Docker"),
        ("-P FORWARD DROP\n-N LIBVIRT_FWO\n-A FORWARD -j LIBVIRT_FWO\n", "the host's own firewall"),
        ("-P FORWARD DROP\n-A FORWARD -j LIBVIRT_FWO\n-A LIBVIRT_FWO -i virbr7 -j ACCEPT\n", None),
        ("-P FORWARD DROP\n-A FORWARD -i virbr7 -j ACCEPT\n", None),
        ("-P FORWARD DROP\n-A FORWARD -i lan0 -j ACCEPT\n-A FORWARD\n", "the host's own firewall"),
    ],
)
def test_legacy_iptables(rules: str, owner: Optional[str]) -> None:
    assert [obstacle.owner for obstacle in obstacles_of_iptables(rules, BRIDGE)] == ([owner] if owner else [])


def test_only_what_an_owner_keeps_is_managed() -> None:
    (own,) = obstacles_of_iptables("-P FORWARD DROP\n", BRIDGE)
    (docker,) = obstacles_of_iptables("-P FORWARD DROP\n-N DOCKER-USER\n", BRIDGE)
    assert (own.managed, docker.managed) == (False, True)
    assert all(command[0] == "iptables" for command in docker.commands)
    # Who is beyond the host doesn't reach guests by it.
    assert "RELATED,ESTABLISHED" in docker.commands[1]


def test_what_was_opened_in_ufw_is_found_again() -> None:
    comment = MARK.encode().hex()
    rules = (
        "### tuple ### route:allow any any 0.0.0.0/0 any 0.0.0.0/0 in_virbr0\n-A ufw-user-forward -i virbr0 -j ACCEPT\n"
        f"### tuple ### route:allow any any 0.0.0.0/0 any 0.0.0.0/0 in_virbr7 comment={comment}\n"
        f"### tuple ### allow udp 67 0.0.0.0/0 any 0.0.0.0/0 in_virbr7 comment={comment}\n"
        "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=6162\n"
    )
    (found,) = openings_of_ufw(rules)
    assert found.bridge == BRIDGE
    assert {command[:2] for command in found.commands} == {("ufw", "route"), ("ufw", "delete")}


def test_what_was_opened_in_firewalld_is_found_again() -> None:
    zone = '<zone target="ACCEPT"><interface name="virbr7"/></zone>'
    (found,) = openings_of_firewalld(zone, BRIDGE, running=True)
    assert found.commands[0][-1] == "--remove-interface=virbr7"
    (found,) = openings_of_firewalld(zone, BRIDGE, running=False)
    assert found.commands == (("firewall-offline-cmd", "--zone=libvirt", f"--remove-interface={BRIDGE}"),)
    for other in ("virbr1", ""):
        assert openings_of_firewalld(zone, other, running=True) == ()
