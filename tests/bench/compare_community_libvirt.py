# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets module `domain` beside community.libvirt: the same edits by both, right or wrong, and seconds.

    make setup && sudo .venvs/test/bin/python -m tests.bench.compare_community_libvirt

Each edit is made in check mode, for real, and again. Domains are named burrow-compare-* on qemu:///system, are defined
and not booted (one is started for a moment, so that it has an NVRAM), and are removed again, with their files in
/var/tmp. Seconds are of one `ansible` command, of which an empty module task (the first line printed) is part.

community.libvirt comes from Galaxy, or where that is out of reach from the package `ansible` of pip; --collections
names a directory that has it. Its modules want lxml, which pip brings into an environment of its own, over the Python
that has the distribution's libvirt.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from .comparison import ABSENT, DEFECTS, EDITS, PHASES, Case, Row, Run, judge, table, template

CHECKOUT = Path(__file__).resolve().parents[2]
URI = "qemu:///system"
THEIRS = "community.libvirt"
VERSION = "2.3.0"
# The first that has that version. It wants a newer Python than some hosts have, but is only unpacked.
PACKAGE = "ansible==14.5.0"
TOOLS = ("burrow.vm", THEIRS)
NVRAM = "<os firmware='efi'><firmware><feature enabled='no' name='secure-boot'/></firmware>"


class Bench:
    """Where the files are, and how a module is run."""

    def __init__(self, directory: Path, collections: Path, interpreter: str) -> None:
        self.directory = directory
        self.interpreter = interpreter
        self.environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": f"{CHECKOUT / '.venv/collections'}:{collections}",
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        }

    def module(self, name: str, options: dict[str, Any], *, check: bool = False) -> tuple[dict[str, Any], float]:
        """Run a module; its result, and the seconds of the whole command."""
        command = [str(CHECKOUT / ".venv/bin/ansible"), "localhost", "-m", name, "-a", json.dumps(options)]
        command += ["-e", f"ansible_python_interpreter={self.interpreter}", *(["--check"] if check else [])]
        began = time.monotonic()
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        _head, arrow, rest = done.stdout.partition("=> ")
        if not arrow:
            sys.exit(f"{' '.join(command)} said no result:\n{done.stdout}\n{done.stderr}")
        result: dict[str, Any] = json.JSONDecoder().raw_decode(rest)[0]
        return {"changed": False, **result, "failed": done.returncode != 0}, seconds

    def run(self, name: str, module: str, options: dict[str, Any], *, check: bool = False) -> Run:
        """Run a module that is about a domain, and look at that before and after."""
        before = definition(name)
        result, seconds = self.module(module, options, check=check)
        if result["failed"] and "--verbose" in sys.argv:
            print(f"    {module}: {str(result.get('msg'))[:300]}", flush=True)
        return Run(result["failed"], bool(result["changed"]), before, definition(name), seconds)


def virsh(*arguments: str) -> str:
    """What virsh prints; nothing when it fails."""
    done = subprocess.run(["virsh", "-c", URI, *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def definition(name: str) -> str:
    """The persistent definition, and whether it starts with the host, or "" when there is no such domain."""
    text = virsh("dumpxml", "--inactive", name)
    autostart = "enable" in virsh("dominfo", name).partition("Autostart:")[2].partition("\n")[0]
    return text.replace("<devices>", "<autostart>on</autostart><devices>", 1) if autostart else text


def remove(name: str) -> None:
    """Remove the domain, however it was left."""
    virsh("destroy", name)
    virsh("undefine", name, "--nvram", "--managed-save", "--snapshots-metadata")


def ours(bench: Bench, name: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Module and options: the base's, and what is stated over them."""
    base = {
        "name": name,
        "data": str(bench.directory),
        "cpus": 1,
        "memory": "256MiB",
        "accelerator": "tcg",
        "firmware": "bios",
        "disks": [{"name": "root", "source": "root.qcow2"}],
        "interfaces": [{"source": "default", "mac": "52:54:00:b0:00:01"}],
    }
    said: dict[str, Any] = {**base, **options}
    said["disks"] = [{**disk, "source": str(bench.directory / disk["source"])} for disk in said["disks"]]
    return "burrow.vm.domain", said


def theirs(bench: Bench, name: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Module and options: the template with what is said otherwise than in the base."""
    beside = {key: value for key, value in options.items() if key == "autostart"}
    variables = {key: value for key, value in options.items() if key not in beside}
    return f"{THEIRS}.virt", {"command": "define", "xml": template(name, str(bench.directory), **variables), **beside}


def add_watchdog(bench: Bench, name: str) -> None:
    """What somebody else does with virt-manager or virsh."""
    file = bench.directory / "watchdog.xml"
    text = virsh("dumpxml", "--inactive", name)
    model = "<watchdog model='i6300esb' action='pause'/></devices>"
    file.write_text(text.replace("<watchdog model='itco' action='reset'/>", "").replace("</devices>", model))
    virsh("define", str(file))


def run_case(bench: Bench, case: Case, tool: str, name: str) -> Row:
    """Make the base, then the edit in each phase."""
    say = ours if tool == TOOLS[0] else theirs
    setup, edit = (case.our_setup, case.ours) if tool == TOOLS[0] else (case.their_setup, case.theirs)
    remove(name)
    made, _seconds = bench.module(*say(bench, name, dict(setup)))
    if made["failed"]:
        sys.exit(f"{tool} can't make the domain of case {case.name!r}: {made.get('msg')}")
    if case.watchdog:
        add_watchdog(bench, name)
    return run_phases(bench, name, say(bench, name, {**setup, **edit}), case, tool)


def run_phases(bench: Bench, name: str, said: tuple[str, dict[str, Any]], case: Case, tool: str) -> Row:
    """Run a module in check mode, for real, and again."""
    module, options = said
    runs = {phase: bench.run(name, module, options, check=phase == "check") for phase in PHASES}
    verdicts = judge(runs, changes=case.changes, truth=case.truth)
    remove(name)
    print(f"  {case.name}, {tool}: {' / '.join(verdicts.values())}", flush=True)
    return Row(case.name, tool, verdicts, {phase: runs[phase].seconds for phase in PHASES})


def run_absent(bench: Bench, tool: str, name: str) -> Row:
    """Remove a guest that has a NVRAM, and two disks that the tool did not make."""
    remove(name)
    for disk in ("root", "data"):
        blank_disk(bench, f"gone-{disk}")
    text = template(name, str(bench.directory), disks=("gone-root", "gone-data"))
    file = bench.directory / "absent.xml"
    file.write_text(text.replace("<os>", NVRAM))
    virsh("define", str(file))
    virsh("start", name)
    virsh("destroy", name)
    disks: list[dict[str, Any]] = [
        {"path": str(bench.directory / f"gone-{disk}.qcow2"), "size": 1} for disk in ("root", "data")
    ]
    module = "burrow.vm.domain"
    options: dict[str, Any]
    if tool == TOOLS[0]:
        options = {"name": name, "state": "absent", "data": str(bench.directory)}
    else:
        module = f"{THEIRS}.virt_cloud_instance"
        options = {"name": name, "state": "absent", "base_image": disks[0]["path"], "disks": disks}
    # As virt-install does with the directories of its disks: their module looks for them in pools.
    virsh("pool-create-as", name, "dir", "--target", str(bench.directory))
    row = run_phases(bench, name, (module, options), ABSENT, tool)
    virsh("pool-destroy", name)
    lost = sum(not Path(disk["path"]).exists() for disk in disks)
    if lost and row.verdicts["real"] != "right":
        row = dataclasses.replace(row, verdicts={**row.verdicts, "real": f"fails, {lost} disks gone"})
    return row


def blank_disk(bench: Bench, name: str) -> None:
    """A disk of no weight."""
    path = bench.directory / f"{name}.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "16M"], check=True)


def get_collections(directory: Path) -> None:
    """community.libvirt, from Galaxy or from the package that has it."""
    galaxy = [str(CHECKOUT / ".venv/bin/ansible-galaxy"), "collection", "install", f"{THEIRS}:{VERSION}"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        if subprocess.run([*galaxy, "-p", directory], capture_output=True, timeout=120, check=False).returncode == 0:
            return
    print(f"Galaxy is out of reach: {PACKAGE} brings it", flush=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--python-version=3.12", f"--dest={directory}", PACKAGE], check=True)
    with zipfile.ZipFile(next(directory.glob("ansible-*.whl"))) as wheel:
        part = "ansible_collections/community/libvirt/"
        wheel.extractall(directory, [name for name in wheel.namelist() if name.startswith(part)])


def get_interpreter(directory: Path) -> str:
    """A Python with the distribution's libvirt, and lxml."""
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--system-site-packages", directory], check=True)
    python = str(directory / "bin/python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "lxml"], check=True)
    return python


def main() -> None:
    """Run all cases, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collections", type=Path, help="a directory that has ansible_collections/community/libvirt")
    parser.add_argument("--verbose", action="store_true", help="show why a run fails")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="burrow-compare-", dir="/var/tmp") as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)
        collections = options.collections or directory / "collections"
        if options.collections is None:
            collections.mkdir()
            get_collections(collections)
        bench = Bench(directory, collections, get_interpreter(directory / "python"))
        for disk in ("root", "data"):
            blank_disk(bench, disk)
        empty = [bench.module("ansible.builtin.ping", {})[1] for dummy in range(3)]
        print(f"an empty module task: {min(empty):.1f} s", flush=True)
        name = f"burrow-compare-{os.getpid()}"
        try:
            rows = [run_case(bench, case, tool, name) for case in DEFECTS for tool in TOOLS]
            rows += [run_absent(bench, tool, name) for tool in TOOLS]
            rows += [run_case(bench, case, tool, name) for case in EDITS for tool in TOOLS]
        finally:
            remove(name)
            virsh("pool-destroy", name)
    print(table(rows, TOOLS))


if __name__ == "__main__":
    main()
