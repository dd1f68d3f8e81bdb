# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running guest takes as it runs, and what needs a restart, and why: no libvirt."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._diff import LIVE, RESTART
from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import merge
from ansible_collections.burrow.vm.plugins.module_utils._model.forward import Forward
from ansible_collections.burrow.vm.plugins.module_utils._model.names import mac_address
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_live import TABLE
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_state import State
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import (
    BEFORE,
    RUNNING,
    STOPPED,
    TEXT,
    operations,
    planned,
)

_PORT = (
    "<controller type='pci' index='{0}' model='pcie-root-port'><address type='pci' bus='0x00' slot='{0}'/></controller>"
)
_ROOT = "<controller type='pci' index='0' model='{}'/>"


def running(*controllers: str, definition: Definition = BEFORE, live: Optional[Definition] = None) -> State:
    """A running guest with these controllers; live is its definition where that isn't the persistent one."""
    live = definition if live is None else live
    text = xml.build("work", "x86_64", live, "now").replace("</devices>", "".join(controllers) + "</devices>")
    return dataclasses.replace(
        STOPPED,
        definition=dataclasses.replace(definition, pcie_root_ports=len(controllers) or None),
        live=dataclasses.replace(live, pcie_root_ports=len(controllers) or None),
        live_text=text,
        run_state="running",
        active=True,
    )


def q35(ports: int) -> State:
    return running(*(_PORT.format(number + 1) for number in range(ports)))


def steps(plan: Plan) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for action in plan.actions:
        planned_steps: Any = action.arguments.get("steps", ())
        found += [(step.operation, step.path) for step in planned_steps]
    return found


ROOMY = running(definition=dataclasses.replace(BEFORE, cpus_maximum=4, memory_maximum=4 << 30))
_CD = parse({"disks": [{"name": "cd", "device": "cdrom", "source": "/a.iso"}]})
DRIVE = running(definition=merge(BEFORE, _CD))
_MAC = "52:54:00:00:00:01"
WITH_USB = running("<controller type='usb' index='0' model='qemu-xhci'/>")
_SCREENED = merge(BEFORE, parse({"graphics": [{"type": "vnc", "password": "secret"}]}))
# A running guest's definition doesn't show the password.
SCREEN = running(definition=_SCREENED, live=merge(BEFORE, parse({"graphics": [{"type": "vnc"}]})))
OPEN = running(definition=merge(BEFORE, parse({"graphics": [{"type": "vnc"}]})))
DISK = {"name": "data", "source": "/d"}
NIC = {"source": "lab", "mac": "52:54:00:00:00:02"}
NONE: dict[str, Any] = {"disks": [], "purge": ["disks"]}
OTHER_FORWARD = {"forwards": [{"host_port": 8080, "guest_port": 81}]}
MORE_FORWARDS = {"forwards": [{"host_port": 8081, "guest_port": 80}]}


@pytest.mark.parametrize(
    ("state", "params", "expected"),
    [
        (q35(1), {"disks": [DISK]}, [("attach", "disks[data]")]),
        (q35(1), {"interfaces": [NIC]}, [("attach", "interfaces[52:54:00:00:00:02]")]),
        (
            q35(2),
            {"disks": [DISK], "interfaces": [NIC]},
            [("attach", "disks[data]"), ("attach", "interfaces[52:54:00:00:00:02]")],
        ),
        (q35(0), NONE, [("detach", "disks[root]")]),
        (
            q35(0),
            {"interfaces": [], "purge": ["interfaces"]},
            [("detach", "interfaces[52:54:00:00:00:01]")],
        ),
        # What is unplugged comes last: until then all can be taken back without the guest.
        (q35(1), {**NONE, "disks": [DISK]}, [("attach", "disks[data]"), ("detach", "disks[root]")]),
        (q35(0), {"interfaces": [{"source": "lab"}]}, [("update", "interfaces[52:54:00:00:00:01].source")]),
        (
            q35(0),
            {"interfaces": [{"type": "bridge", "source": "br0"}]},
            [("update", "interfaces[52:54:00:00:00:01].type")],
        ),
        (q35(0), MORE_FORWARDS, [("forward", "forwards[127.0.0.1:8081]")]),
        (q35(0), OTHER_FORWARD, [("reforward", "forwards[127.0.0.1:8080].guest_port")]),
        # Ports are given back before others are taken.
        (
            q35(0),
            {"forwards": [{"host_port": 8080, "guest_port": 80, "address": "0.0.0.0"}], "purge": ["forwards"]},
            [("unforward", "forwards[127.0.0.1:8080]"), ("forward", "forwards[0.0.0.0:8080]")],
        ),
        (ROOMY, {"cpus": 3}, [("cpus", "cpus")]),
        (ROOMY, {"cpus": 4, "cpus_maximum": 4}, [("cpus", "cpus")]),
        (ROOMY, {"memory": "2GiB"}, [("balloon", "memory")]),
        (q35(0), {"memory": "512MiB"}, [("balloon", "memory")]),
        (q35(0), {"memory": "512MiB", "memory_maximum": "1GiB"}, [("balloon", "memory")]),
        (
            q35(0),
            {"disks": [{"name": "root", "iotune": {"read_bytes": "1MiB", "write_iops": 100}}]},
            [("limit", "disks[root].iotune.read_bytes")],
        ),
        (DRIVE, {"disks": [{"name": "cd", "source": "/b.iso"}]}, [("update", "disks[cd].source")]),
        (DRIVE, {"disks": [{"name": "cd", "source": "none"}]}, [("update", "disks[cd].source")]),
        (q35(0), {"interfaces": [{"link": "down"}]}, [("update", f"interfaces[{_MAC}].link")]),
        (
            q35(0),
            {"interfaces": [{"source": "lab", "mac": _MAC, "bandwidth": {"inbound": "1MiB", "outbound": "1MiB"}}]},
            [("update", f"interfaces[{_MAC}].source")],
        ),
        (q35(0), {"interfaces": [{"filter": "clean-traffic"}]}, [("update", f"interfaces[{_MAC}].filter")]),
        (q35(1), {"hostdevs": [{"pci": "0000:01:00.0"}]}, [("attach", "hostdevs[0000:01:00.0]")]),
        (WITH_USB, {"hostdevs": [{"usb": "1234:5678"}]}, [("attach", "hostdevs[1234:5678]")]),
        (SCREEN, {"graphics": [{"type": "vnc", "password": "other"}]}, [("password", "graphics[vnc].password")]),
        (q35(0), {"metadata": {"image": "b", "branch": "c"}}, [("note", "metadata.image")]),
        (q35(0), {"metadata": {"digests": {"profile": "1"}}}, [("note", "metadata.digests.profile")]),
        (q35(0), {"title": "a", "description": "b"}, [("describe", "title")]),
        (
            running(_ROOT.format("pci-root")),
            {"interfaces": [{**NIC, "model": "e1000"}]},
            [("attach", "interfaces[52:54:00:00:00:02]")],
        ),
    ],
)
def test_what_a_running_guest_takes(state: State, params: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = planned(state, **params)
    assert steps(found) == expected
    assert operations(found) == ["define"]
    assert {change.impact for change in found.changes} == {LIVE}
    assert found.facts == {"restart_required": []}


PAUSED = dataclasses.replace(RUNNING, run_state="paused")


@pytest.mark.parametrize(
    ("state", "params", "path", "why"),
    [
        (q35(0), {"disks": [DISK]}, "disks[data]", "no PCI Express port of the running guest is free"),
        (q35(1), {"disks": [DISK, {"name": "more", "source": "/m"}]}, "disks[more]", "no PCI Express port"),
        (q35(1), {"interfaces": [{**NIC, "model": "rtl8139"}]}, "interfaces[52:54:00:00:00:02]", "can't be plugged in"),
        (PAUSED, NONE, "disks[root]", "a paused guest can't let go"),
        (q35(1), {"interfaces": [{"model": "e1000e"}]}, "interfaces[52:54:00:00:00:01].model", ""),
        (q35(0), {"hostdevs": [{"pci": "0000:01:00.0"}]}, "hostdevs[0000:01:00.0]", "no PCI Express port"),
        (q35(0), {"hostdevs": [{"usb": "1234:5678"}]}, "hostdevs[1234:5678]", "no USB controller"),
        (SCREEN, {"graphics": [{"type": "vnc", "password": ""}]}, "graphics[vnc].password", "keeps one"),
        (OPEN, {"graphics": [{"type": "vnc", "password": "a"}]}, "graphics[vnc].password", "started without one"),
        (q35(0), {"graphics": [{"type": "vnc"}]}, "graphics[vnc]", ""),
        (ROOMY, {"cpus": 5}, "cpus", "can have 4 at most"),
        (ROOMY, {"cpus": 1}, "cpus", "gives no CPU back"),
        (ROOMY, {"cpus_maximum": 8}, "cpus_maximum", "set when a guest starts"),
        (ROOMY, {"memory": "8GiB"}, "memory", "can have 4 GiB at most"),
        (PAUSED, {"memory": "512MiB"}, "memory", "a paused guest"),
        (q35(0), {"disks": [{"name": "root", "source": "/q"}]}, "disks[root].source", "only a drive's media"),
        (DRIVE, {"disks": [], "purge": ["disks"]}, "disks[cd]", "can't be unplugged"),
        (q35(1), {"filesystems": [{"tag": "x", "source": "/x"}]}, "filesystems[x]", "bound when a guest starts"),
        (
            running(definition=dataclasses.replace(BEFORE, forwards=())),
            MORE_FORWARDS,
            "forwards[127.0.0.1:8081]",
            "no interface for forwards yet",
        ),
    ],
)
def test_what_needs_a_restart_and_why(state: State, params: dict[str, Any], path: str, why: str) -> None:
    with pytest.raises(SpecError) as caught:
        planned(state, **params)
    assert (caught.value.code, caught.value.path) == ("restart_required", path)
    assert why in str(caught.value)
    deferred = planned(state, **params, restart_policy="defer")
    assert path in str(deferred.facts["restart_required"])
    assert "at its next start" in deferred.sentences()[0]
    assert operations(planned(state, **params, restart_policy="now")) == ["stop", "define", "start"]


def test_an_interface_of_which_something_waits_is_not_changed_by_half() -> None:
    params = {"interfaces": [{"source": "lab", "model": "e1000e"}], "restart_policy": "defer"}
    found = planned(q35(0), **params)
    assert steps(found) == []
    assert len(list(found.facts["restart_required"])) == 2  # type: ignore[call-overload]


def test_with_a_deferred_change_the_rest_is_done_at_once() -> None:
    found = planned(q35(1), disks=[DISK], cpus=4, restart_policy="defer")
    assert steps(found) == [("attach", "disks[data]")]
    assert found.facts == {"restart_required": ["cpus"]}
    impacts = {change.path: change.impact for change in found.changes}
    assert impacts == {"cpus": RESTART, "disks[data]": LIVE}


def test_what_only_the_running_guest_lacks_is_brought_to_it() -> None:
    held = dataclasses.replace(BEFORE, forwards=(*(BEFORE.forwards or ()), Forward(8081, 80)))
    state = running(definition=held, live=BEFORE)
    found = planned(state, **MORE_FORWARDS)
    assert steps(found) == [("forward", "forwards[127.0.0.1:8081]")]
    assert found.sentences() == ["set forwards[127.0.0.1:8081] to {'guest_port': 80} (while it runs)"]
    assert not planned(state).changed


def test_a_password_that_was_told_is_not_told_again() -> None:
    found = planned(SCREEN, graphics=[{"type": "vnc", "password": "secret"}])
    assert not found.changed
    assert found.facts == {"restart_required": []}
    changed = planned(SCREEN, graphics=[{"type": "vnc", "password": "other"}])
    assert "other" not in str(changed.sentences()) + str(changed.diff())


def test_a_balloon_that_was_told_is_not_told_again() -> None:
    """A guest whose system isn't up yet has more than it will have; libvirt told it when it was started."""
    state = running(definition=dataclasses.replace(BEFORE, memory=1 << 30, memory_maximum=2 << 30))
    assert state.live is not None
    booting = dataclasses.replace(state, live=dataclasses.replace(state.live, memory=2 << 30, memory_maximum=None))
    found = planned(booting, memory="1GiB", memory_maximum="2GiB")
    assert not found.changed
    assert found.facts == {"restart_required": []}


def test_what_the_running_guest_has_already_needs_no_restart() -> None:
    state = running(live=dataclasses.replace(BEFORE, cpus=4))
    found = planned(state, cpus=4)
    assert (operations(found), steps(found)) == (["define"], [])
    assert found.facts == {"restart_required": []}


def test_a_device_that_only_the_running_guest_has_is_no_example() -> None:
    """An interface without a stated MAC is another one in each of two definitions that differ in them."""
    state = running(_PORT.format(1), live=dataclasses.replace(BEFORE, interfaces=()))
    waits = planned(state, interfaces=[{"source": "burrow"}])
    assert not waits.changed
    assert waits.facts == {"restart_required": [f"interfaces[{mac_address('work', 'net0')}]"]}
    found = planned(state, interfaces=[{"source": "burrow", "mac": "52:54:00:00:00:01"}])
    assert steps(found) == [("attach", "interfaces[52:54:00:00:00:01]")]


def test_each_row_is_one_that_changes_can_have() -> None:
    listed = {name.partition("[]")[0] for name in TABLE if "[]" in name}
    fields = {field.name for field in dataclasses.fields(Definition)}
    assert listed <= fields
    assert {row.operation for row in TABLE.values()} >= {"attach", "detach"}
    assert {name.partition(".")[0] for name in TABLE if "[]" not in name} <= fields


def test_the_text_of_the_states_is_theirs() -> None:
    assert xml.read(TEXT).disks == BEFORE.disks
