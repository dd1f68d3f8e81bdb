# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put back when libvirt refuses a change midway: libvirt's test driver, which keeps domains in memory."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import libvirt_live, snapshot_files
from ansible_collections.burrow.vm.plugins.module_utils._gateway.files import write_json
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import stamp
from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import Overlay
from ansible_collections.burrow.vm.plugins.module_utils._plan import Plan
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain import DomainResource
from ansible_collections.burrow.vm.plugins.module_utils._xml.domain import build
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import DomainState

pytest.importorskip("libvirt")

HERE = dataclasses.replace(BEFORE, disks=(), interfaces=(), filesystems=(), forwards=())
TEXT = build("work", "x86_64", HERE, "now")


def as_test(text: str) -> str:
    return re.sub(r"""<domain type=['"]qemu['"]""", "<domain type='test'", text, count=1)


def as_qemu(text: str) -> str:
    return text.replace("<domain type='test'", "<domain type='qemu'", 1)


class Host(Domains):
    """libvirt's test driver, which knows no NVRAM to remove. refused: a word for which it takes no definition."""

    def __init__(self) -> None:
        super().__init__("test:///default")
        self.refused = ""
        self.undefined: list[bool] = []

    def define(self, name: str, xml: str) -> None:
        if self.refused and self.refused in xml:
            raise HostError("define the domain", name, "libvirt would not")
        super().define(name, as_test(xml))

    def domain(self, name: str) -> Optional[DomainState]:
        found = super().domain(name)
        if found is None:
            return None
        live = found.live_xml
        return dataclasses.replace(found, xml=as_qemu(found.xml), live_xml=None if live is None else as_qemu(live))

    def undefine(self, name: str, *, keep_nvram: bool) -> None:
        self.undefined.append(keep_nvram)
        self.domain_handle(name).undefine()


@pytest.fixture
def host() -> Iterator[Host]:
    """The driver's domains are those of the whole process."""
    made = Host()
    yield made
    if made.state("work") not in (None, "stopped"):
        made.power_off("work")
    if made.state("work") is not None:
        made.undefine("work", keep_nvram=True)


def resource(host: Host, **params: Any) -> DomainResource:
    return DomainResource(parse_request({"name": "work", **params}), host)


def performed(found: DomainResource) -> Plan:
    planned = found.plan(found.observe())
    for action in planned.actions:
        found.perform(action)
    return planned


def refuse(*_given: object) -> None:
    raise HostError("write title and description", "work", "it would not")


@pytest.mark.parametrize("lasting", [True, False])
def test_a_running_guest_that_can_not_be_changed_is_defined_as_before(
    monkeypatch: pytest.MonkeyPatch, host: Host, lasting: bool
) -> None:
    if lasting:
        host.define("work", TEXT)
        host.start("work")
    else:
        host.handle.createXML(as_test(TEXT), 0)
    before = host.domain("work")
    monkeypatch.setattr(libvirt_live, "describe", refuse)
    with pytest.raises(HostError, match="The rest is as it was"):
        performed(resource(host, title="new"))
    assert host.domain("work") == before
    # A guest that runs needs its NVRAM.
    assert host.undefined == ([] if lasting else [True])


def test_a_domain_defined_anew_is_there_when_libvirt_refuses_the_new_one(host: Host) -> None:
    host.define("work", TEXT)
    host.set_autostart("work", True)
    before = host.domain("work")
    host.refused = "<title>new</title>"
    with pytest.raises(HostError, match="libvirt would not"):
        performed(resource(host, title="new", firmware="bios", allow_recreate=True))
    assert host.domain("work") == before
    assert host.undefined == []


def test_a_domain_defined_anew_loses_its_nvram_and_starts_with_the_host_still(host: Host) -> None:
    host.define("work", TEXT)
    host.set_autostart("work", True)
    performed(resource(host, firmware="bios", allow_recreate=True))
    found = host.domain("work")
    assert found is not None
    assert (found.autostart, "efi" in found.xml, host.undefined) == (True, False, [False])


@pytest.mark.parametrize(("stuck", "words"), [(False, "was removed again"), (True, "stays: work: can't undefine")])
def test_a_new_domain_that_can_not_start_goes_again(
    monkeypatch: pytest.MonkeyPatch, host: Host, stuck: bool, words: str
) -> None:
    def fail(operation: str) -> None:
        raise HostError(operation, "work", "libvirt would not")

    monkeypatch.setattr(host, "start", lambda name, paused: fail("start the domain"))
    if stuck:
        monkeypatch.setattr(host, "undefine", lambda name, keep_nvram: fail("undefine the domain"))
    host.define("work", TEXT)
    with pytest.raises(HostError, match=f"can't start the domain: libvirt would not.* The new definition {words}"):
        resource(host)._do_start(undo=True, paused=False)
    monkeypatch.undo()
    assert (host.domain("work") is not None) is stuck


def chained(*files: object) -> str:
    """A definition with a disk of these files, from the one that is written downwards."""
    below = ""
    for file in reversed(files[1:]):
        below = f"<backingStore type='file'><format type='qcow2'/><source file='{file}'/>{below}</backingStore>"
    disk = f"<disk type='file'><driver type='qcow2'/><source file='{files[0]}'/>{below}<target dev='vda'/></disk>"
    return TEXT.replace("<devices>", f"<devices>{disk}")


def test_all_files_of_snapshots_go_with_their_disk(host: Host, tmp_path: Path) -> None:
    root, one, two, memory, other, foreign = (
        tmp_path / name
        for name in ("root.qcow2", "root.a.qcow2", "root.b.qcow2", "work.b.memory", "o.a.qcow2", "f.qcow2")
    )
    for file in (root, one, two, memory, other, foreign):
        file.write_text("")
    write_json(stamp(str(root)), {"owner": "burrow.vm"})
    snapshot_files.write_stamp(str(one), Overlay("work", "a", "burrow.vm", str(root), str(root)))
    snapshot_files.write_stamp(str(two), Overlay("work", "b", "burrow.vm", str(root), str(one)))
    snapshot_files.write_stamp(str(memory), Overlay("work", "b", "burrow.vm"))
    # A snapshot of the same name, of another domain's disk.
    snapshot_files.write_stamp(str(other), Overlay("other", "a", "burrow.vm", str(root), str(root)))
    host.define("work", chained(two, one, root))
    performed(resource(host, state="absent", data=str(tmp_path)))
    assert sorted(tmp_path.iterdir()) == sorted([foreign, other, tmp_path / f".{other.name}.burrow"])


def test_what_stays_of_a_stranger_s_disk_is_named_with_what_was_written_since(host: Host, tmp_path: Path) -> None:
    root, overlay = tmp_path / "root.qcow2", tmp_path / "root.a.qcow2"
    snapshot_files.write_stamp(str(overlay), Overlay("work", "a", "burrow.vm/snapshot", str(root), str(root)))
    host.define("work", chained(overlay, root))
    planned = performed(resource(host, state="absent", data=str(tmp_path)))
    assert planned.facts == {"kept": [str(root), str(overlay)]}


def test_what_another_domain_rests_on_stays(host: Host, tmp_path: Path) -> None:
    """However deep below its snapshots' overlays that is."""
    root = tmp_path / "root.qcow2"
    root.write_text("")
    write_json(stamp(str(root)), {"owner": "burrow.vm"})
    host.define("work", chained(root))
    text = chained("/o/b.qcow2", "/o/a.qcow2", "/o/root.qcow2", root).replace("<name>work<", "<name>other<")
    host.define("other", text)
    try:
        performed(resource(host, state="absent", data=str(tmp_path)))
    finally:
        host.undefine("other", keep_nvram=True)
    assert root.exists()
