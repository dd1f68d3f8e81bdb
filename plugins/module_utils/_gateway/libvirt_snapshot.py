# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's snapshots, and its block jobs."""

from __future__ import annotations

import time
from typing import Any, Optional
from xml.etree import ElementTree as ET

from .._errors import HostError
from .libvirt import LOST, NO_DOMAIN, OPERATION_INVALID, LibvirtError, failing, vanishing
from .libvirt_domain import Domains

_NO_SNAPSHOT = 72
# virDomainSnapshotCreateFlags
_REDEFINE, _CURRENT, _DISK_ONLY, _QUIESCE, _ATOMIC = 1, 2, 16, 64, 128
_METADATA_ONLY = 2
_FORCE = 4
_XML_SECURE = 1
_COMMIT_ACTIVE = 4
_ABORT_PIVOT = 2
_POLL = 0.1
# Seconds that a libvirtd has to be started again.
_BACK = 30.0
# virDomainState, with the virDomainPausedReason of what libvirt pauses for itself
_PAUSED, _FOR_A_JOB = 3, (3, 4, 9)
_NO_JOB = 0


class Snapshots(Domains):
    """A connection to one libvirt, with the snapshots of its domains."""

    def snapshots(self, domain: str) -> list[tuple[str, bool]]:
        """XML of each snapshot, in order of their names, and whether it is the current one."""
        handle = self.find_domain(domain)
        with vanishing(NO_DOMAIN), failing("list the snapshots", domain):
            return [] if handle is None else snapshots_of(handle)
        return []

    def interrupted(self, domain: str) -> bool:
        """Whether libvirt has paused the guest for a job that is no more.

        It does so to make an internal snapshot, and a libvirtd that is started after one that was killed meanwhile
        does not resume the guest: it looks for another reason (qemuProcessRecoverJob).
        """
        handle = self.find_domain(domain)
        with vanishing(NO_DOMAIN, OPERATION_INVALID), failing("read the domain's state", domain):
            if handle is not None:
                state, reason = handle.state()
                return state == _PAUSED and reason in _FOR_A_JOB and handle.jobInfo()[0] == _NO_JOB
        return False

    def create_snapshot(self, domain: str, xml: str, *, disk_only: bool, quiesce: bool) -> None:
        flags = _ATOMIC | (_DISK_ONLY if disk_only else 0) | (_QUIESCE if quiesce else 0)
        hint = "The guest agent doesn't answer, or can't freeze: set quiesce to false." if quiesce else ""
        with failing("make the snapshot", domain, hint):
            # Of no use to an internal snapshot, which is one by itself.
            self.domain_handle(domain).snapshotCreateXML(xml, flags if disk_only else flags & ~_ATOMIC)

    def redefine_snapshot(self, domain: str, xml: str, *, current: bool) -> None:
        with failing("change what is known of the snapshot", domain):
            self.domain_handle(domain).snapshotCreateXML(xml, _REDEFINE | (_CURRENT if current else 0))

    def delete_snapshot(self, domain: str, name: str, *, metadata_only: bool) -> None:
        with vanishing(_NO_SNAPSHOT), failing("remove the snapshot", name):
            self.domain_handle(domain).snapshotLookupByName(name).delete(_METADATA_ONLY if metadata_only else 0)

    def revert(self, domain: str, name: str) -> None:
        """Go back to an internal snapshot. Where QEMU has to be started anew for that, it is."""
        with failing("revert to the snapshot", name):
            handle = self.domain_handle(domain)
            handle.revertToSnapshot(handle.snapshotLookupByName(name), _FORCE)

    def restore(self, domain: str, path: str, xml: str) -> None:
        """Start the domain with the memory that is kept in a file."""
        with failing("restore the memory", domain, f"QEMU's own words are in /var/log/libvirt/qemu/{domain}.log."):
            self.handle.restoreFlags(path, xml, 0)

    def commit(self, domain: str, target: str, *, base: str, top: str, active: bool, timeout: float) -> None:
        """Merge the file top of a running guest's disk into base, below it.

        active: top is the file that the guest writes; it goes on in base. A job that runs already is waited for, as
        one that an earlier run began. timeout is in seconds; after it the merge is given up, and the disk is as it was.
        """
        with failing("merge the file", top):
            handle = self.domain_handle(domain)
            if active and handle.blockJobInfo(target) and _mirror(handle, target) is None:
                handle = self._without_job(domain, target)
            if not handle.blockJobInfo(target):
                handle.blockCommit(target, base, top, 0, _COMMIT_ACTIVE if active else 0)
        self._wait(handle, target, top, timeout, active=active)

    def _without_job(self, domain: str, target: str) -> Any:
        """End the job of a libvirtd that ended before it had noted what the guest goes on in; it never is ready.

        libvirt 9.0 ends with it (it looks at what wasn't noted). Guests run on, and the libvirtd that comes next drops
        the job.
        """
        try:
            with failing("end the merge", domain):
                self.domain_handle(domain).blockJobAbort(target)
        except LibvirtError as error:
            if error.code != LOST:
                raise
            self.regain(_BACK)
        return self.domain_handle(domain)

    def _wait(self, handle: Any, target: str, top: str, timeout: float, *, active: bool) -> None:
        end = time.monotonic() + timeout
        while True:
            with failing("merge the file", top):
                job = handle.blockJobInfo(target)
                if not job:
                    return
                if active and _ready(handle, target):
                    handle.blockJobAbort(target, _ABORT_PIVOT)
                    return
                if time.monotonic() >= end:
                    handle.blockJobAbort(target)
                    raise _late(top, timeout, job)
            time.sleep(_POLL)


def snapshots_of(handle: Any) -> list[tuple[str, bool]]:
    """As Snapshots.snapshots, of libvirt's own handle of a domain."""
    found = {str(item.getName()): item for item in handle.listAllSnapshots(0)}
    return [(str(found[name].getXMLDesc(_XML_SECURE)), bool(found[name].isCurrent())) for name in sorted(found)]


def _ready(handle: Any, target: str) -> bool:
    """Whether both files are the same, and stay so. (cur == end is true before the job began, too.)"""
    mirror = _mirror(handle, target)
    return mirror is not None and mirror.get("ready") == "yes"


def _mirror(handle: Any, target: str) -> Optional[ET.Element]:
    root = ET.fromstring(str(handle.XMLDesc(0)))
    return root.find(f"devices/disk/target[@dev='{target}']/../mirror")


def _late(top: str, timeout: float, job: Optional[dict[str, int]]) -> HostError:
    done, whole = (job or {}).get("cur", 0), (job or {}).get("end", 0)
    cause = f"{done * 100 // whole if whole else 0} % were done after {timeout:.0f} s; the disk is as it was"
    return HostError("merge the file", top, cause, "Set a longer timeout.", "timeout")


def is_stopped(error: HostError) -> bool:
    """Whether the error is that the guest doesn't run (any more)."""
    return getattr(error, "number", 0) == OPERATION_INVALID
