# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: bad input, subnets, documentation."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.burrow.vm.plugins.module_utils._diff import IMPACTS
from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_network import NetworkState
from ansible_collections.burrow.vm.plugins.module_utils._model.network import ARGUMENTS, Network, parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.network_merge import create, facets, view
from ansible_collections.burrow.vm.plugins.module_utils._model.network_subnets import (
    bridge_address,
    dhcp_range,
    free_subnet,
    is_host_of,
    overlapping,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.options import options
from ansible_collections.burrow.vm.plugins.module_utils._resource.network_plan import State, plan, target
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.network_samples import SAMPLES
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.test_domain_fields import without_words

MODULE = Path(__file__).resolve().parents[4] / "plugins/modules/network.py"
MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"


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
        ({"subnet": "1.2.3.0/24", "mode": "nat"}, "subnet", "not a private"),
        ({"subnet": "169.254.1.0/24"}, "subnet", "not a private"),
        ({"subnet": "127.1.1.0/24", "mode": "open"}, "subnet", "not a private"),
        ({"subnet6": "10.77.0.0/24"}, "subnet6", "not an IPv6 subnet"),
        ({"subnet6": "fd77::1/64"}, "subnet6", "not an IPv6 subnet"),
        ({"subnet6": "fd77::/48"}, "subnet6", "prefix 48"),
        ({"subnet6": "fe80::/64"}, "subnet6", "neither a private nor a global"),
        ({"subnet6": "ff02::/64"}, "subnet6", "neither a private nor a global"),
        ({"dhcp": "perhaps"}, "dhcp", "neither true nor false"),
        ({"bridge": "a-name-of-sixteen"}, "bridge", "not the name of an interface"),
        ({"bridge": "br 0"}, "bridge", "not the name of an interface"),
        ({"domain": "a..b"}, "domain", "not a name of DNS"),
        ({"domain": "-a"}, "domain", "not a name of DNS"),
        ({"domain": "a" * 64}, "domain", "not a name of DNS"),
        ({"domain": ".".join(["abc"] * 64)}, "domain", "not a name of DNS"),
        ({"purge": ["reservations"]}, "purge[0]", "isn't stated"),
        ({"purge": ["interfaces"]}, "purge[0]", "not known"),
        ({"dns_hosts": [{"address": "10.1.1", "names": ["a"]}]}, "dns_hosts[0].address", "not an IP address"),
        ({"dns_hosts": [{"names": ["a"]}]}, "dns_hosts[0].address", "missing"),
        ({"dns_hosts": [{"address": "10.1.1.1", "names": []}]}, "dns_hosts[0].names", "empty"),
        ({"dns_hosts": [{"address": "10.1.1.1", "names": ["a", "b c"]}]}, "dns_hosts[0].names[1]", "not a name"),
        (
            {"dns_hosts": [{"address": "fd00::1", "names": ["a"]}, {"address": "fd00:0::1", "names": ["b"]}]},
            "dns_hosts[1].address",
            "dns_hosts[0]'s too",
        ),
        ({"dns_forwarders": [{"address": "x"}]}, "dns_forwarders[0].address", "not an IP address"),
        ({"dns_forwarders": [{"domain": "x"}]}, "dns_forwarders[0].address", "missing"),
        ({"dns_forwarders": [{"address": "10.1.1.1"}] * 2}, "dns_forwarders[1].address", "dns_forwarders[0]'s too"),
    ],
)
def test_bad_input_is_refused_by_name(params: dict[str, Any], path: str, words: str) -> None:
    refused(lambda: parse_request({"name": "burrow", **params}), path, words)


def refused(call: Any, path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        call()
    assert caught.value.path == path
    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("items", "path", "words"),
    [
        ([{"mac": MAC}], "[0].address", "missing"),
        ([{"address": "10.1.1.9"}], "[0].mac", "for a MAC address"),
        ([{"address": "10.1.1.9", "name": "web"}], "[0].mac", "for a MAC address"),
        ([{"address": "10.1.1.9", "mac": MAC, "duid": "0:3:0:1:52:54:0:0:0:9"}], "[0].mac", "no duid"),
        ([{"address": "10.1.1.9", "mac": "52:54:00:00:00"}], "[0].mac", "not a MAC address"),
        ([{"address": "10.1.1.9", "mac": "01:00:5e:00:00:01"}], "[0].mac", "multicast"),
        ([{"address": "10.1.1.0/24", "mac": MAC}], "[0].address", "not an IP address"),
        ([{"address": "10.1.1.9", "mac": MAC, "name": "a b"}], "[0].name", "not a name of DNS"),
        ([{"address": "fd00::9", "mac": MAC}], "[0].mac", "no IPv6 address for a MAC"),
        ([{"address": "fd00::9"}], "[0].duid", "for whom"),
        ([{"address": "fd00::9", "duid": "9:9"}], "[0].duid", "not a DUID"),
        ([{"address": "10.1.1.8", "mac": MAC}, {"address": "10.1.1.9", "mac": MAC.upper()}], "[1].mac", "[0]'s too"),
        ([{"address": "10.1.1.9", "mac": MAC}, {"address": "10.1.1.9", "mac": OTHER_MAC}], "[1].address", "[0]'s too"),
        (
            [{"address": "10.1.1.8", "mac": MAC, "name": "a"}, {"address": "10.1.1.9", "mac": OTHER_MAC, "name": "A"}],
            "[1].name",
            "[0]'s too",
        ),
    ],
)
def test_bad_reservations_are_refused_by_name(items: list[dict[str, str]], path: str, words: str) -> None:
    refused(lambda: parse_request({"name": "a", "reservations": items}), f"reservations{path}", words)


def test_a_forwarding_network_may_have_a_public_subnet() -> None:
    assert parse_request({"name": "a", "mode": "routed", "subnet": "1.2.3.0/24"}).stated.subnet == "1.2.3.0/24"


def test_addresses_of_a_subnet() -> None:
    assert bridge_address("10.77.0.0/24") == "10.77.0.1"
    assert dhcp_range("10.77.0.0/24") == ("10.77.0.2", "10.77.0.254")
    assert bridge_address("fd77:0:0:1::/64") == "fd77:0:0:1::1"
    assert dhcp_range("fd77:0:0:1::/64") == ("fd77:0:0:1::100", "fd77:0:0:1::ffff")
    outside = ("10.77.0.0", "10.77.0.255", "10.77.1.1", "fd77::1")
    assert [address for address in (*outside, "10.77.0.9") if is_host_of(address, "10.77.0.0/24")] == ["10.77.0.9"]


def test_the_first_free_subnet() -> None:
    assert free_subnet([]) == "10.77.0.0/24"
    assert free_subnet(["10.77.0.128/25", "192.168.1.0/24", "fd00::/8"]) == "10.77.1.0/24"
    assert free_subnet(["10.0.0.0/8"]) == "172.27.0.0/24"
    with pytest.raises(SpecError):
        free_subnet(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])


def test_who_has_a_subnet() -> None:
    taken = {"10.1.0.0/16": "interface eth0", "10.2.0.0/24": "network lab"}
    assert overlapping("10.2.0.0/25", taken) == "network lab"
    assert overlapping("10.3.0.0/24", taken) is None
    assert overlapping("fd77::/64", {**taken, "fd77::/32": "interface eth1"}) == "interface eth1"
    assert overlapping("fd78::/64", taken) is None


def documentation(name: str) -> Any:
    for node in ast.parse(MODULE.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError(name)


def test_what_is_documented_is_what_is_taken_and_shown() -> None:
    own = without_words(documentation("DOCUMENTATION")["options"])
    assert {**own, "data": ARGUMENTS["data"], "uri": ARGUMENTS["uri"]} == ARGUMENTS
    shown = {"name", "state", "uuid", "address", "address6", "active", "owned", *view(Network())}
    assert set(documentation("RETURN")["network"]["contains"]) == shown


@pytest.mark.parametrize("attribute", dict(options(Network)))
def test_each_field_is_compared_and_has_an_impact(attribute: str) -> None:
    """A new network's samples state each field; a network with it differs from one without."""
    assert dict(options(Network))[attribute].impact in IMPACTS
    samples = [create(parse_request({"name": "lab", "autostart": True, **params}), {}) for params in SAMPLES.values()]
    held = next(value for value in (getattr(sample, attribute) for sample in samples) if value)
    with_it = Network(**{attribute: held})
    assert facets(with_it) != facets(Network())
    assert view(with_it)[attribute]
    assert any(attribute in params for params in SAMPLES.values()) or attribute == "autostart"


def test_examples_can_be_planned() -> None:
    """One after the other, on a host that has the bridge."""
    made: dict[str, State] = {}
    for task in documentation("EXAMPLES"):
        params = task["burrow.vm.network"]
        assert set(params) <= set(ARGUMENTS)
        request = parse_request(params)
        state = made.get(request.name, State(interfaces={"br0": True}))
        assert plan(request, state).changed
        found = NetworkState(request.name, "u", "", active=True)
        made[request.name] = State(found=found, network=target(request, state), owned=True)
