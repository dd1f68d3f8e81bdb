# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live steps are carried out all or none: a gateway that notes what it is asked for, and fails where it is told to."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import libvirt_live, libvirt_nodes
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import LOST, LibvirtError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import merge
from ansible_collections.burrow.vm.plugins.module_utils._model.forward import Forward
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_change import Running
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_live import Step
from ansible_collections.burrow.vm.plugins.module_utils._xml import domain as xml
from ansible_collections.burrow.vm.plugins.module_utils._xml import live
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import BEFORE, TEXT

WANTED: Definition = merge(
    BEFORE,
    parse(
        {
            "disks": [{"name": "data", "source": "/d"}],
            "interfaces": [{"source": "lab"}],
            "metadata": {"image": "b"},
            "title": "c",
        }
    ),
)
EDITED = xml.edit(TEXT, BEFORE, WANTED)
MAC = "52:54:00:00:00:01"
OLD, NEW = Forward(8080, 80), Forward(8080, 81)
UNFORWARD = Step("unforward", "forwards[a]", "forwards", "a", old=OLD)
FORWARD = Step("forward", "forwards[b]", "forwards", "b", new=NEW)
UPDATE = Step("update", f"interfaces[{MAC}].source", "interfaces", MAC)
ATTACH = Step("attach", "disks[data]", "disks", "data")
NOTE = Step("note", "metadata.image")
DESCRIBE = Step("describe", "title")
DETACH = Step("detach", "disks[root]", "disks", "root")
STEPS = (UNFORWARD, FORWARD, UPDATE, ATTACH, NOTE, DESCRIBE, DETACH)
FORTH = ["unforward", "forward", "update", "attach", "set_note", "describe", "detach", "wait_until"]
CALLS = ("attach", "update", "detach", "wait_until", "set_note", "describe", "forward", "unforward")


class Log:
    """What was asked of the gateway; the call of this number, and each of these, fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = -1, always: tuple[str, ...] = ()) -> None:
        self.calls: list[str] = []
        self.given: list[tuple[Any, ...]] = []
        self.number, self.always = number, always
        for name in CALLS:
            monkeypatch.setattr(libvirt_live, name, lambda *given, name=name: self.call(name, given))

    def call(self, name: str, given: tuple[Any, ...]) -> bool:
        self.calls.append(name)
        self.given.append(given)
        if len(self.calls) - 1 == self.number or name in self.always:
            if name == "wait_until":
                return False
            raise HostError(name, "work", "it would not")
        return True

    def undo(self) -> None:
        self.calls.append("define")


def carry_out(log: Log) -> None:
    guest = Running(Domains(), "work", TEXT, EDITED, EDITED, WANTED, 1)
    guest.carry_out(STEPS, log.undo)


def test_all_steps_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch)
    carry_out(log)
    assert log.calls == FORTH
    elements = [given[2] for given in log.given]
    assert "<serial>data</serial>" in elements[3]
    assert 'network="lab"' in elements[2]
    assert 'image="b"' in elements[4]
    assert elements[5] == "c"
    assert "<serial>root</serial>" in elements[6]


BACK = ["describe", "set_note", "detach", "wait_until", "update", "unforward", "forward", "define"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, ["define"]),
        (1, ["forward", "define"]),
        (2, ["unforward", "forward", "define"]),
        (3, ["update", "unforward", "forward", "define"]),
        (4, BACK[2:]),
        (5, BACK[1:]),
        (6, BACK),
        # The guest was asked to let go of the disk, and doesn't.
        (7, BACK),
    ],
)
def test_a_step_that_fails_takes_those_before_it_back(
    monkeypatch: pytest.MonkeyPatch, number: int, expected: list[str]
) -> None:
    log = Log(monkeypatch, number)
    with pytest.raises(HostError, match="The rest is as it was"):
        carry_out(log)
    assert log.calls == [*FORTH[: number + 1], *expected]


def test_what_can_not_be_taken_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, always=("detach",))
    with pytest.raises(HostError, match=r"What stays of the changes made before: disks\[data\]$"):
        carry_out(log)


@pytest.mark.parametrize(("code", "held", "attached"), [("libvirt", True, 2), ("libvirt", False, 1), (LOST, True, 1)])
def test_a_disk_that_qemu_holds_already_is_attached_anew(
    monkeypatch: pytest.MonkeyPatch, code: str, held: bool, attached: int
) -> None:
    """As a libvirtd leaves it that ended as it attached it."""
    asked: list[str] = []

    def attach(*given: object) -> None:
        asked.append("attach")
        if len(asked) == 1:
            raise LibvirtError("attach", "work", "it is in use", 1, code=code)

    monkeypatch.setattr(libvirt_live, "attach", attach)
    monkeypatch.setattr(libvirt_nodes, "withdraw", lambda dummy, source, timeout: held and source == "/x/data.qcow2")
    disk = next(item for item in WANTED.disks or () if item.name == "data")
    step = dataclasses.replace(ATTACH, new=dataclasses.replace(disk, source="/x/data.qcow2"))
    guest = Running(Domains(), "work", TEXT, EDITED, EDITED, WANTED, 1)
    with contextlib.nullcontext() if attached == 2 else pytest.raises(HostError):
        guest.carry_out((step,), lambda: None)
    assert len(asked) == attached


def test_a_forward_that_can_not_lead_elsewhere_leads_where_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, number=1)
    step = Step("reforward", "forwards[a].guest_port", "forwards", "a", OLD, NEW)
    with pytest.raises(HostError):
        Running(Domains(), "work", TEXT, EDITED, EDITED, WANTED, 1).carry_out((step,), log.undo)
    assert log.calls == ["unforward", "forward", "forward", "define"]
    assert [given[3] for given in log.given] == [OLD, NEW, OLD]


USERNET = """Hub -1 (burrow-forward):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   13      10.0.2.15 45678      192.0.2.1   443     0     0
  TCP[HOST_FORWARD]  12      127.0.0.1  8080      10.0.2.15    80     0     0
  TCP[HOST_FORWARD]  -1              *  8081      10.0.2.15    81     0     0
Hub -1 (other):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  14      127.0.0.1  9090      10.0.2.15    90     0     0
"""


def test_forwards_are_read_from_what_the_monitor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirt_live, "_monitor", lambda *dummy: USERNET)
    found = libvirt_live.forwards(Domains(), "work", "burrow-forward")
    assert found == (Forward(8080, 80), Forward(8081, 81, "0.0.0.0"))
    with pytest.raises(HostError):
        libvirt_live.forward(Domains(), "work", "burrow-forward", Forward(8082, 80), "10.0.2.15")
    with pytest.raises(HostError):
        libvirt_live.unforward(Domains(), "work", "burrow-forward", Forward(8080, 80))


PORTS = "".join(
    f"<controller type='pci' index='{number}' model='pcie-root-port'>"
    f"<address type='pci' bus='0x00' slot='0x{number:02x}'/></controller>"
    for number in (1, 2)
)


@pytest.mark.parametrize(("bus", "kept"), [("0x01", True), ("0x02", True), ("0x07", False), ("0x00", False)])
def test_a_new_device_is_where_it_will_be_at_the_next_start(bus: str, kept: bool) -> None:
    address = f"<address type='pci' domain='0x0000' bus='{bus}' slot='0x00' function='0x0'/>"
    text = TEXT.replace("</devices>", f"{PORTS}</devices>")
    defined = EDITED.replace("<serial>data</serial>", f"<serial>data</serial>{address}")
    assert ("<address" in live.new_device(EDITED, "disks", "data", text, defined)) is kept


def test_ports_are_free_on_which_nothing_is() -> None:
    text = TEXT.replace("</devices>", f"{PORTS}</devices>")
    assert dataclasses.astuple(live.places(text)) == (2, True, frozenset({"pci"}), True, True)
    taken = text.replace("<serial>root</serial>", "<serial>root</serial><address type='pci' bus='0x02' slot='0x00'/>")
    assert live.places(taken).ports == 1
    assert live.device(text, "disks", "none") is None


def test_the_port_on_the_former_network_is_not_said_of_the_new_one() -> None:
    text = EDITED.replace('network="lab"', 'network="lab" portid="1" bridge="virbr1"')
    assert "portid" not in live.changed_device(text, "interfaces", MAC)
    assert "virbr1" not in live.changed_device(text, "interfaces", MAC)


def test_a_password_is_changed_and_changed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def screen(password: str) -> Definition:
        return merge(BEFORE, parse({"graphics": [{"type": "vnc", "password": password}]}))

    text = xml.edit(TEXT, BEFORE, screen(""))
    step = Step("password", "graphics[vnc].password", "graphics", "vnc", _vnc(screen("old")), _vnc(screen("new")))
    log = Log(monkeypatch, number=1)
    with pytest.raises(HostError):
        Running(Domains(), "work", text, text, text, BEFORE, 1).carry_out((step, UNFORWARD), log.undo)
    assert log.calls == ["update", "unforward", "update", "define"]
    assert [f'passwd="{word}"' in given[2] for word, given in zip(("new", "old"), log.given[::2])] == [True, True]


def _vnc(definition: Definition) -> object:
    return (definition.graphics or ())[0]
