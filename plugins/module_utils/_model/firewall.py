# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who drops the packets that guests send through the host: read from `nft -j list ruleset` or `iptables -S`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# libvirt's own chains accept its bridges: harmless where they stand in the dropping table itself (libvirt's iptables
# backend). Its nftables backend (10.4 and later) has a table of its own, which can't overrule another table's drop.
_LIBVIRT_CHAINS = ("LIBVIRT_FW",)
_ANY_BRIDGE = "BRIDGE"


@dataclass(frozen=True)
class Obstacle:
    """A chain that drops forwarded packets; owner says whose it is, remedy what lets guests through."""

    chain: str
    owner: str
    remedy: str


@dataclass
class _Table:
    """Chains of one table: which drop forwarded packets, what jumps where, which rules name an interface."""

    dropping: list[str] = field(default_factory=list)
    jumps: dict[str, set[str]] = field(default_factory=dict)
    accepted: dict[str, set[str]] = field(default_factory=dict)
    chains: set[str] = field(default_factory=set)

    def reachable(self, chain: str) -> set[str]:
        seen, todo = set(), [chain]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(self.jumps.get(name, ()))
        return seen

    def lets_through(self, chain: str, bridge: str) -> bool:
        return any(
            name.startswith(_LIBVIRT_CHAINS) or (bridge and bridge in self.accepted.get(name, ()))
            for name in self.reachable(chain)
        )


def obstacles_of_nft(ruleset: str, bridge: str) -> tuple[Obstacle, ...]:
    """From `nft -j list ruleset`. bridge is our network's, "" when there is none yet."""
    try:
        document = json.loads(ruleset)
    except ValueError:
        return ()
    if not isinstance(document, dict):
        return ()
    tables: dict[tuple[str, str], _Table] = {}
    for entry in document.get("nftables", ()):
        for kind in ("chain", "rule"):
            if kind in entry:
                item = entry[kind]
                table = tables.setdefault((item.get("family", ""), item.get("table", "")), _Table())
                _READERS[kind](table, item)
    return tuple(_obstacles(tables, bridge))


def _read_chain(table: _Table, chain: Mapping[str, Any]) -> None:
    table.chains.add(chain["name"])
    if chain.get("hook") == "forward" and chain.get("type") == "filter" and chain.get("policy") == "drop":
        table.dropping.append(chain["name"])


def _read_rule(table: _Table, rule: Mapping[str, Any]) -> None:
    expressions = rule.get("expr", ())
    targets = {item[verb]["target"] for item in expressions for verb in ("jump", "goto") if item.get(verb)}
    table.jumps.setdefault(rule["chain"], set()).update(targets)
    if any("accept" in item for item in expressions):
        matches = (item["match"] for item in expressions if "match" in item)
        names = {match["right"] for match in matches if isinstance(match.get("right"), str)}
        table.accepted.setdefault(rule["chain"], set()).update(names)


_READERS = {"chain": _read_chain, "rule": _read_rule}


def _obstacles(tables: Mapping[tuple[str, str], _Table], bridge: str) -> Iterator[Obstacle]:
    for (family, name), table in tables.items():
        if family not in ("ip", "inet"):
            continue
        for chain in table.dropping:
            if not table.lets_through(chain, bridge):
                yield _obstacle(f"{family} {name} {chain}", table.chains, bridge)
        if name == "firewalld" and not any("libvirt" in chain for chain in table.chains):
            yield _obstacle(f"{family} {name}", table.chains | {"firewalld"}, bridge)


def obstacles_of_iptables(rules: str, bridge: str) -> tuple[Obstacle, ...]:
    """From `iptables -S` of the legacy kernel tables, which nft doesn't show."""
    table = _Table()
    for line in rules.splitlines():
        words = line.split()
        if len(words) < 2:
            continue
        table.chains.add(words[1])
        if words[:3] == ["-P", "FORWARD", "DROP"]:
            table.dropping.append("FORWARD")
        elif words[0] == "-A" and "-j" in words:
            target = words[words.index("-j") + 1]
            table.jumps.setdefault(words[1], set()).add(target)
            if target == "ACCEPT":
                table.accepted.setdefault(words[1], set()).update(words)
    return tuple(
        _obstacle(f"iptables {chain}", table.chains, bridge)
        for chain in table.dropping
        if not table.lets_through(chain, bridge)
    )


# Whose chains are recognised by which prefix, and how its owner lets a bridge through. The first match counts.
_OWNERS = (
    (
        "DOCKER",
        "Docker",
        "iptables -I DOCKER-USER -i {bridge} -j ACCEPT; iptables -I DOCKER-USER -o {bridge} -j ACCEPT",
    ),
    ("ufw-", "ufw", "ufw route allow in on {bridge}; ufw route allow out on {bridge}"),
    # The zone comes with libvirt's package.
    (
        "firewalld",
        "firewalld",
        "firewall-cmd --permanent --zone=libvirt --add-interface={bridge}; firewall-cmd --reload",
    ),
)


def _obstacle(chain: str, chains: set[str], bridge: str) -> Obstacle:
    name = bridge or _ANY_BRIDGE
    for prefix, owner, remedy in _OWNERS:
        if any(item.startswith(prefix) for item in chains):
            return Obstacle(chain, owner, remedy.format(bridge=name))
    words = chain.split()
    if words[0] == "iptables":
        remedy = f"iptables -I FORWARD -i {name} -j ACCEPT; iptables -I FORWARD -o {name} -j ACCEPT"
    else:
        remedy = f"nft insert rule {chain} iifname {name} accept; nft insert rule {chain} oifname {name} accept"
    return Obstacle(chain, "the host's own firewall", remedy)
