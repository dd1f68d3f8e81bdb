# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared between two tools that keep domains: the same edits, in the words of each, judged alike.

A case is right in check mode when the run says whether the real one changes something, and changes nothing; right in
the real run when it says so too and the domain is then as it should be; right when repeated when nothing is changed any
more. The domain is looked at through libvirt, not through either tool.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PHASES = ("check", "real", "repeat")
MAC = "52:54:00:b0:00:01"


@dataclass(frozen=True)
class Run:
    """One run of a module: what it said, and the domain's XML ("" for none) before and after."""

    failed: bool
    changed: bool
    before: str
    after: str
    seconds: float = 0.0


# (XML before the edit, XML after it) -> whether it is as asked for, and nothing else was lost.
Truth = Callable[[str, str], bool]


def judge(runs: Mapping[str, Run], *, changes: bool, truth: Truth) -> dict[str, str]:
    """Phase -> "right", or what is wrong."""
    return {phase: _judge(phase, runs[phase], changes=changes, truth=truth) for phase in PHASES}


def _judge(phase: str, run: Run, *, changes: bool, truth: Truth) -> str:
    expected = changes and phase != "repeat"
    same = same_xml(run.before, run.after)
    if run.failed:
        return "fails" if same else "fails midway"
    if run.changed != expected:
        return "says changed" if run.changed else "says unchanged"
    if phase == "real":
        return "right" if truth(run.before, run.after) else "wrong result"
    return "right" if same else "changes it"


def same_xml(one: str, other: str) -> bool:
    """Whether two definitions say the same, or there is none both times."""
    return one == other or bool(one and other and _canonical(one) == _canonical(other))


def _canonical(text: str) -> str:
    return ET.canonicalize(text, strip_text=True)


@dataclass(frozen=True)
class Case:
    """An edit. ours: options of `domain` over the base's. theirs: what their template says otherwise than the base's.

    setup: changes to the base, in both words, before the edit. watchdog: somebody adds one between base and edit.
    """

    name: str
    truth: Truth
    ours: Mapping[str, Any] = field(default_factory=dict)
    theirs: Mapping[str, Any] = field(default_factory=dict)
    our_setup: Mapping[str, Any] = field(default_factory=dict)
    their_setup: Mapping[str, Any] = field(default_factory=dict)
    changes: bool = True
    watchdog: bool = False


def find(text: str, path: str, attribute: str = "") -> list[str]:
    """Texts or attributes of the elements below <domain> that have them."""
    found = ET.fromstring(text).findall(path) if text else []
    values = [element.get(attribute) if attribute else element.text for element in found]
    return [value for value in values if value is not None]


def kept(before: str, after: str) -> bool:
    """Whether it is the same domain, with the same interfaces and watchdog as far as it had them."""
    macs = set(find(before, "devices/interface/mac", "address"))
    return (
        find(before, "uuid") == find(after, "uuid") != []
        and macs <= set(find(after, "devices/interface/mac", "address"))
        and find(before, "devices/watchdog", "model") == find(after, "devices/watchdog", "model")
    )


def has(path: str, *values: str, attribute: str = "") -> Truth:
    """All of these values at this path, and all else kept."""

    def truth(before: str, after: str) -> bool:
        return kept(before, after) and find(after, path, attribute) == list(values)

    return truth


def gone(before: str, after: str) -> bool:
    """There was a domain, and it isn't there any more."""
    return bool(before) and not after


_MIB = 1024
_DATA = {"name": "data", "source": "data.qcow2"}
_TWO = {"disks": [{"name": "root", "source": "root.qcow2"}, _DATA]}
_RAISED: dict[str, Any] = {"ours": {"memory": "512MiB"}, "theirs": {"memory": 512}}
_RAISED_TRUTH = has("memory", str(512 * _MIB))

DEFECTS = (
    Case("unchanged template", kept, changes=False),
    Case(
        "unchanged, no MAC stated",
        kept,
        our_setup={"interfaces": [{"source": "default"}]},
        their_setup={"macs": [None]},
        changes=False,
    ),
)
# Both are told the same. Its disks are made by neither.
ABSENT = Case("absent, guest with UEFI", gone)
EDITS = (
    Case("raise memory", _RAISED_TRUTH, **_RAISED),
    Case("raise cpus", has("vcpu", "3"), ours={"cpus": 3}, theirs={"cpus": 3}),
    Case(
        "add a disk",
        has("devices/disk/target", "vda", "vdb", attribute="dev"),
        ours=_TWO,
        theirs={"disks": ["root", "data"]},
    ),
    Case(
        "remove a disk",
        has("devices/disk/target", "vda", attribute="dev"),
        ours={"disks": [{"name": "root", "source": "root.qcow2"}], "purge": ["disks"]},
        theirs={"disks": ["root"]},
        our_setup=_TWO,
        their_setup={"disks": ["root", "data"]},
    ),
    Case(
        "add an interface",
        has("devices/interface/source", "default", "default", attribute="network"),
        ours={"interfaces": [{"source": "default", "mac": MAC}, {"source": "default", "mac": "52:54:00:b0:00:02"}]},
        theirs={"macs": [MAC, "52:54:00:b0:00:02"]},
    ),
    Case("autostart", has("autostart", "on"), ours={"autostart": True}, theirs={"autostart": True}),
    Case(
        "description",
        has("description", "web server"),
        ours={"xml": "<domain><description>web server</description></domain>"},
        theirs={"description": "web server"},
    ),
    Case(
        "boot order",
        has("devices/disk/boot", "1", attribute="order"),
        ours={"disks": [{"name": "root", "source": "root.qcow2", "boot_order": 1}]},
        theirs={"boot": 1},
    ),
    Case(
        "cache of a disk",
        has("devices/disk/driver", "none", attribute="cache"),
        ours={"disks": [{"name": "root", "source": "root.qcow2", "cache": "none"}]},
        theirs={"cache": "none"},
    ),
    Case("raise memory; another added a watchdog", _RAISED_TRUTH, **_RAISED, watchdog=True),
)


def template(
    name: str,
    directory: str,
    *,
    memory: int = 256,
    cpus: int = 1,
    disks: Sequence[str] = ("root",),
    macs: Sequence[str | None] = (MAC,),
    description: str = "",
    boot: int = 0,
    cache: str = "",
) -> str:
    """A short template, as people keep it for their `virt` module."""
    lines = [f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>{memory}</memory><vcpu>{cpus}</vcpu>"]
    lines += [f"<description>{description}</description>"] if description else []
    lines += ["<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><devices>"]
    for letter, disk in zip("abc", disks):
        driver = f"<driver name='qemu' type='qcow2'{f' cache={cache!r}' if cache else ''}/>"
        order = f"<boot order='{boot}'/>" if boot else ""
        target = f"<target dev='vd{letter}' bus='virtio'/>"
        lines += [
            f"<disk type='file' device='disk'>{driver}<source file='{directory}/{disk}.qcow2'/>{target}{order}</disk>"
        ]
    for mac in macs:
        address = f"<mac address='{mac}'/>" if mac else ""
        lines += [f"<interface type='network'>{address}<source network='default'/><model type='virtio'/></interface>"]
    return "\n".join([*lines, "<serial type='pty'/></devices></domain>"])


@dataclass(frozen=True)
class Row:
    """A case of one tool."""

    case: str
    tool: str
    verdicts: Mapping[str, str]
    seconds: Mapping[str, float]


def table(rows: Iterable[Row], tools: Sequence[str]) -> str:
    """A table in Markdown: a line for each case, for each tool its verdicts and the mean seconds of its runs."""
    by_case: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_case.setdefault(row.case, {})[row.tool] = row
    lines = [
        "| |" + "".join(f" {tool}: {' / '.join(PHASES)} | s |" for tool in tools),
        "|---|" + "---|---:|" * len(tools),
    ]
    for case, found in by_case.items():
        lines.append(f"| {case} |" + "".join(_cells(found[tool]) if tool in found else " | |" for tool in tools))
    totals = [f" {right(by_case, tool)} of {len(by_case)} right | |" for tool in tools]
    return "\n".join([*lines, "| all |" + "".join(totals)])


def _cells(row: Row) -> str:
    verdicts = [row.verdicts[phase] for phase in PHASES]
    shown = "right" if set(verdicts) == {"right"} else " / ".join(verdicts)
    return f" {shown} | {sum(row.seconds.values()) / len(row.seconds):.1f} |"


def right(by_case: Mapping[str, Mapping[str, Row]], tool: str) -> int:
    """How many cases a tool does right in every phase."""
    return sum(1 for found in by_case.values() if tool in found and set(found[tool].verdicts.values()) == {"right"})
