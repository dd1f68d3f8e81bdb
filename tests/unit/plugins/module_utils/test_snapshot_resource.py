# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a snapshot's files when libvirt can't make it: a domain in libvirt's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import snapshot_files
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import DomainState
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_snapshot import Snapshots
from ansible_collections.burrow.vm.plugins.module_utils._model.snapshot import Disk, Request, Snapshot, SnapshotDisk
from ansible_collections.burrow.vm.plugins.module_utils._resource.snapshot import SnapshotResource

if TYPE_CHECKING:
    from pathlib import Path


class Host(Snapshots):
    """A running domain whose disk is on another file, perhaps only as it runs, once a snapshot has failed."""

    def __init__(self, before: str, live: str, defined: str) -> None:
        super().__init__("test:///default")
        self.live, self.defined = before, before
        self.after = (live, defined)

    def domain(self, name: str) -> DomainState:
        live, defined = (
            "<domain><devices><disk type='file'><driver type='qcow2'/>"
            f"<source file='{file}'/><target dev='vda'/></disk></devices></domain>"
            for file in (self.live, self.defined)
        )
        return DomainState(name, "u", "running", defined, live)

    def create_snapshot(self, domain: str, xml: str, *, disk_only: bool, quiesce: bool) -> None:
        self.live, self.defined = self.after
        raise HostError("make the snapshot", domain, "libvirt would not")


@pytest.mark.parametrize(
    ("live", "defined", "stays"),
    [("root", "root", False), ("root.a", "root.a", True), ("root.a", "root", True), ("root", "root.a", True)],
)
def test_a_file_that_is_in_use_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, live: str, defined: str, stays: bool
) -> None:
    def chain_of(disk: Disk) -> tuple[str, ...]:
        return (disk.source,) if disk.source else ()

    monkeypatch.setattr(snapshot_files, "chain_of", chain_of)
    root, overlay = tmp_path / "root", tmp_path / "root.a"
    root.write_text("")
    host = Host(str(root), str(tmp_path / live), str(tmp_path / defined))
    wanted = Snapshot("a", "running", "external", disks=(SnapshotDisk("vda", "external", str(overlay)),))
    with pytest.raises(HostError, match="libvirt would not"):
        SnapshotResource(Request("work", "a"), host)._do_create(wanted, quiesce=False)
    assert (snapshot_files.overlay(str(overlay)) is not None) is stays
    assert root.exists()
