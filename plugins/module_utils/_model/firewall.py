# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who drops the packets that guests send: read from `nft -j list ruleset` or `iptables -S`."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

# libvirt's own chains accept its bridges: harmless where they stand in the dropping table itself (libvirt's iptables
# backend). Its nftables backend (10.4 and later) has a table of its own, which can't overrule another table's drop.
# After a change from one to the other the chains stay, empty: they count by name only while our bridge isn't known.
_LIBVIRT_CHAINS = ("LIBVIRT_",)
_ANY_BRIDGE = "BRIDGE"
# ufw keeps a rule's comment: so what was opened here is known again.
MARK = "burrow.vm"
_UFW_RULE = re.compile(r"### tuple ### .* in_(\S+) comment=" + MARK.encode().hex() + r"\s*$", re.MULTILINE)
_DHCP = 67
_ZONES = "filter_FORWARD_POLICIES"

# What is dropped, by netfilter's hook.
_DROPPED = {
    "forward": "forwarded packets ({chain}): guests reach nothing beyond this host",
    "input": "what guests send to this host ({chain}): they get neither addresses nor names",
}


@dataclass(frozen=True)
class Obstacle:
    """A chain that drops guests' packets; owner says whose it is, what is what it drops.

    commands let guests through, remedy is them in words. managed: the owner keeps them over a restart, or there is a
    way to make them stay, so that role hypervisor can do it.
    """

    chain: str
    owner: str
    what: str
    commands: tuple[tuple[str, ...], ...] = ()
    managed: bool = False

    @property
    def remedy(self) -> str:
        return "; ".join(" ".join(command) for command in self.commands)


@dataclass(frozen=True)
class Opening:
    """What was opened for a bridge in a firewall that keeps its rules; commands take it back."""

    owner: str
    bridge: str
    commands: tuple[tuple[str, ...], ...]


@dataclass
class _Table:
    """Chains of one table: which drop packets (with their hook), what jumps where, which rules name an interface."""

    dropping: list[tuple[str, str]] = field(default_factory=list)
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

    def lets_through(self, chain: str, hook: str, bridge: str) -> bool:
        return any(
            (not bridge and name.startswith(_LIBVIRT_CHAINS))
            or any(_names(pattern, hook, bridge) for pattern in self.accepted.get(name, ()))
            for name in self.reachable(chain)
        )


def _names(pattern: str, hook: str, bridge: str) -> bool:
    """Whether what an accepting rule matches means our bridge. A host may open DHCP's port for everybody, too."""
    if hook == "input" and pattern == f"--dport {_DHCP}":
        return True
    return bool(bridge) and fnmatch.fnmatchcase(bridge, pattern)


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
    if chain.get("hook") in _DROPPED and chain.get("type") == "filter" and chain.get("policy") == "drop":
        table.dropping.append((chain["name"], chain["hook"]))


def _read_rule(table: _Table, rule: Mapping[str, Any]) -> None:
    expressions = rule.get("expr", ())
    targets = {item[verb]["target"] for item in expressions for verb in ("jump", "goto") if item.get(verb)}
    table.jumps.setdefault(rule["chain"], set()).update(targets)
    if any("accept" in item for item in expressions):
        matches = (item["match"] for item in expressions if "match" in item)
        names = {name for match in matches for name in _values(match)}
        table.accepted.setdefault(rule["chain"], set()).update(names)


def _values(match: Mapping[str, Any]) -> Iterator[str]:
    """What a match compares with: names, and ports that packets go to; one, or an anonymous set of them."""
    left, right = match.get("left"), match.get("right")
    goes_to = isinstance(left, dict) and left.get("payload", {}).get("field") == "dport"
    entries = right.get("set", ()) if isinstance(right, dict) else (right,)
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        elif goes_to and isinstance(entry, int):
            yield f"--dport {entry}"


_READERS = {"chain": _read_chain, "rule": _read_rule}


def _obstacles(tables: Mapping[tuple[str, str], _Table], bridge: str) -> Iterator[Obstacle]:
    for (family, name), table in tables.items():
        if family not in ("ip", "inet"):
            continue
        for chain, hook in table.dropping:
            if not table.lets_through(chain, hook, bridge):
                yield _obstacle(f"{family} {name} {chain}", hook, table.chains, bridge)
        if name == "firewalld" and not _in_open_zone(table, bridge):
            yield _obstacle(f"{family} {name}", "forward", table.chains | {"firewalld"}, bridge)


def _in_open_zone(table: _Table, bridge: str) -> bool:
    """Whether firewalld lets all pass that comes from our bridge, as it does from zone libvirt.

    firewalld 1.0 and later accepts or rejects by the zone of the interface in this chain; further down it accepts what
    stays within a zone. Before, and while our bridge isn't known, that zone libvirt is in use has to do.
    """
    if bridge and _ZONES in table.chains:
        return bridge in table.accepted.get(_ZONES, ())
    return any("libvirt" in chain for chain in table.chains)


def obstacles_of_iptables(rules: str, bridge: str) -> tuple[Obstacle, ...]:
    """From `iptables -S`: of the legacy kernel tables, which nft doesn't show, or where there is no nft."""
    table = _Table()
    for line in rules.splitlines():
        words = line.split()
        if len(words) < 2:
            continue
        table.chains.add(words[1])
        if words[0] == "-P" and words[1].lower() in _DROPPED and words[2:] == ["DROP"]:
            table.dropping.append((words[1], words[1].lower()))
        elif words[0] == "-A" and "-j" in words:
            target = words[words.index("-j") + 1]
            table.jumps.setdefault(words[1], set()).add(target)
            if target == "ACCEPT":
                # iptables writes a wildcard as lan+.
                names = {word[:-1] + "*" if word.endswith("+") else word for word in words[2:]}
                pairs = {f"{word} {value}" for word, value in zip(words, words[1:])}
                table.accepted.setdefault(words[1], set()).update(names | pairs)
    return tuple(
        _obstacle(f"iptables {chain}", hook, table.chains, bridge)
        for chain, hook in table.dropping
        if not table.lets_through(chain, hook, bridge)
    )


_ZONE = ("firewall-cmd --permanent --zone=libvirt --add-interface={bridge}", "firewall-cmd --reload")


@dataclass(frozen=True)
class _Owner:
    """Whose chains are recognised by which prefix, and how it lets a bridge through, as its documentation says."""

    prefix: str
    name: str
    forward: tuple[str, ...]
    # None: this one drops nothing there.
    input: Optional[tuple[str, ...]]


# The first match counts: a packet that Docker's first chain accepts isn't seen by ufw's.
_OWNERS = (
    _Owner(
        "DOCKER",
        "Docker",
        (
            "iptables --wait --insert DOCKER-USER --in-interface {bridge} --jump ACCEPT",
            "iptables --wait --insert DOCKER-USER --out-interface {bridge} "
            "--match conntrack --ctstate RELATED,ESTABLISHED --jump ACCEPT",
        ),
        None,
    ),
    # Answers pass by ufw's own rules.
    _Owner(
        "ufw-",
        "ufw",
        (f"ufw route allow in on {{bridge}} comment {MARK}",),
        (
            f"ufw allow in on {{bridge}} to any port {_DHCP} proto udp comment {MARK}",
            f"ufw allow in on {{bridge}} to any port 53 comment {MARK}",
        ),
    ),
    # The zone comes with libvirt's package.
    _Owner("firewalld", "firewalld", _ZONE, _ZONE),
)
_NFT = (
    "nft insert rule {chain} iifname {bridge} accept",
    "nft insert rule {chain} oifname {bridge} ct state established,related accept",
)
_IPTABLES = (
    "iptables --insert {chain} --in-interface {bridge} --jump ACCEPT",
    "iptables --insert {chain} --out-interface {bridge} --match conntrack --ctstate RELATED,ESTABLISHED --jump ACCEPT",
)


def _obstacle(chain: str, hook: str, chains: set[str], bridge: str) -> Obstacle:
    what = _DROPPED[hook].format(chain=chain)
    for owner in _OWNERS:
        commands = owner.input if hook == "input" else owner.forward
        if commands is not None and any(item.startswith(owner.prefix) for item in chains):
            return Obstacle(chain, owner.name, what, _filled(commands, bridge), managed=True)
    # Who wrote the rules knows where they are kept: nobody else can make them stay.
    kind, dummy, rest = chain.partition(" ")
    commands, place = (_IPTABLES, rest) if kind == "iptables" else (_NFT, chain)
    commands = commands[:1] if hook == "input" else commands
    return Obstacle(chain, "the host's own firewall", what, _filled(commands, bridge, place))


def _filled(commands: tuple[str, ...], bridge: str, chain: str = "") -> tuple[tuple[str, ...], ...]:
    name = bridge or _ANY_BRIDGE
    return tuple(tuple(command.format(bridge=name, chain=chain).split()) for command in commands)


def openings_of_ufw(rules: str) -> tuple[Opening, ...]:
    """What was opened by us, from ufw's `user.rules`."""
    commands = (
        "ufw route delete allow in on {bridge}",
        f"ufw delete allow in on {{bridge}} to any port {_DHCP} proto udp",
        "ufw delete allow in on {bridge} to any port 53",
    )
    bridges = dict.fromkeys(_UFW_RULE.findall(rules))
    return tuple(Opening("ufw", bridge, _filled(commands, bridge)) for bridge in bridges)


def openings_of_firewalld(zone: str, bridge: str, *, running: bool) -> tuple[Opening, ...]:
    """Ours, from the file of zone libvirt: libvirt itself puts its bridges there for the time being only.

    running: whether firewalld does. Where it doesn't, it takes commands by another program.
    """
    if not bridge or f'<interface name="{bridge}"' not in zone:
        return ()
    adding = _ZONE if running else ("firewall-offline-cmd --zone=libvirt --add-interface={bridge}",)
    commands = tuple(command.replace("--add-", "--remove-") for command in adding)
    return (Opening("firewalld", bridge, _filled(commands, bridge)),)
