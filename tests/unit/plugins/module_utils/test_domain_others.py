# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other domains of the host have already, and networks that aren't there: a list in libvirt's place."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import kept_files
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import DomainState
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_check import needed
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_others import check, check_networks, look
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.plugins.module_utils._xml import snapshot as snapshot_xml

MAC = "52:54:00:00:00:01"


class Host(Domains):
    """A host with these other domains and networks."""

    def __init__(self, *others: DomainState, **networks: bool) -> None:
        super().__init__("test:///default")
        self.others, self.networks = others, networks

    def domains(self) -> list[DomainState]:
        return list(self.others)

    def network_active(self, name: str) -> Optional[bool]:
        return self.networks.get(name)


def definition(**params: Any) -> Definition:
    base = {"cpus": 1, "memory": "1GiB", "accelerator": "tcg", "machine": "q35", "firmware": "bios"}
    return create(parse({**base, **params}))


def other(name: str = "other", *, runs: bool = True, **params: Any) -> DomainState:
    text = xml.build(name, "x86_64", definition(**params), "now")
    return DomainState(name, "u", "running" if runs else "stopped", text, text if runs else None)


def deeper(state: DomainState) -> DomainState:
    """After a snapshot of the first disk."""
    text = snapshot_xml.on_top(state.xml, "vda", "/o", "/o.a", "qcow2")
    return dataclasses.replace(state, xml=text, live_xml=text)


def checked(host: Host, starts: bool = True, **params: Any) -> None:
    wanted = definition(**params)
    part = needed(Definition(), wanted, starts=starts)
    check(wanted, part, look(host, "work", part))


DISK = {"name": "root", "source": "/r", "format": "raw"}
OVERLAY = {"name": "root", "source": "/o", "base": "/r"}
NIC = {"source": "burrow", "mac": MAC}


@pytest.mark.parametrize(
    ("host", "params", "path"),
    [
        (Host(other(interfaces=[NIC])), {"interfaces": [NIC]}, "interfaces[0].mac"),
        (Host(other(interfaces=[NIC], runs=False)), {"interfaces": [NIC]}, "interfaces[0].mac"),
        (Host(other(disks=[DISK])), {"disks": [DISK]}, "disks[0].source"),
        (Host(other(disks=[{**DISK, "readonly": True}])), {"disks": [DISK]}, "disks[0].source"),
        (Host(other(disks=[DISK])), {"disks": [{**DISK, "shareable": True}]}, "disks[0].source"),
        # The image below somebody's overlay.
        (Host(other(disks=[OVERLAY])), {"disks": [DISK]}, "disks[0].source"),
        (Host(other(disks=[DISK])), {"disks": [OVERLAY]}, "disks[0].source"),
        (Host(deeper(other(disks=[OVERLAY]))), {"disks": [DISK]}, "disks[0].source"),
    ],
)
def test_what_another_domain_has(host: Host, params: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError, match="other") as caught:
        checked(host, **params)
    assert (caught.value.code, caught.value.path) == ("in_use", path)


@pytest.mark.parametrize(
    ("host", "params"),
    [
        (Host(other("work", interfaces=[NIC], disks=[DISK])), {"interfaces": [NIC], "disks": [DISK]}),
        (Host(other(disks=[DISK], runs=False)), {"disks": [DISK]}),
        (Host(other(disks=[{**DISK, "shareable": True}])), {"disks": [{**DISK, "shareable": True}]}),
        (Host(other(disks=[{**DISK, "readonly": True}])), {"disks": [{**DISK, "readonly": True}]}),
        (Host(other(disks=[OVERLAY])), {"disks": [{**OVERLAY, "source": "/p"}]}),
        (Host(other(disks=[DISK])), {"disks": [DISK], "starts": False}),
    ],
)
def test_what_two_domains_may_have(host: Host, params: dict[str, Any]) -> None:
    checked(host, **params)


@pytest.mark.parametrize(
    ("nic", "used", "words"),
    [
        ({"source": "burrow"}, True, ""),
        ({"source": "lab"}, False, ""),
        ({"source": "lab"}, True, "network 'lab' is not active"),
        ({"source": "none"}, False, "there is no network 'none'"),
        ({"type": "bridge", "source": "lo"}, True, ""),
        ({"type": "bridge", "source": "br-none"}, True, "this host has no interface 'br-none'"),
        ({"type": "user"}, True, ""),
    ],
)
def test_an_interface_leads_somewhere(nic: dict[str, Any], used: bool, words: str) -> None:
    host = Host(burrow=True, lab=False)
    stated = parse({"interfaces": [nic]})
    wanted = create(stated).interfaces or ()
    if not words:
        check_networks(host, stated, wanted, used=used)
        return
    with pytest.raises(SpecError, match=words) as caught:
        check_networks(host, stated, wanted, used=used)
    assert (caught.value.code, caught.value.path) == ("no_network", "interfaces[0].source")


@pytest.mark.parametrize(
    ("version", "filtering", "words"),
    [
        (11_000_000, b"1\n", ""),
        (11_000_000, b"0\n", "keeps no VLANs apart. Let it do so: ip link set lo"),
        (9_000_000, b"1\n", "before its version 11.0"),
        # A bridge of Open vSwitch.
        (9_000_000, None, ""),
    ],
)
def test_a_vlan_needs_a_bridge_that_keeps_it_apart(
    monkeypatch: pytest.MonkeyPatch, version: int, filtering: Optional[bytes], words: str
) -> None:
    monkeypatch.setattr(Host, "version", lambda _self: version)
    monkeypatch.setattr(kept_files, "read", lambda _path: filtering)
    stated = parse({"interfaces": [{"type": "bridge", "source": "lo", "vlan": "42"}]})
    if not words:
        check_networks(Host(), stated, create(stated).interfaces or (), used=True)
        return
    with pytest.raises(SpecError, match=words) as caught:
        check_networks(Host(), stated, create(stated).interfaces or (), used=True)
    assert (caught.value.code, caught.value.path) == ("no_vlan", "interfaces[0].vlan")
