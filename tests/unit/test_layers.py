# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The architecture as tables: who may import whom, who may touch the host, and how large things may grow."""

from __future__ import annotations

import ast
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
PACKAGE = "ansible_collections.burrow.vm."

PURE = ("_errors", "_model", "_xml", "_diff", "_plan", "_apply")
EVERY_LAYER = (*PURE, "_gateway", "_resource", "_run")

# Layer -> the layers it may import. `_plan` sees `_diff` and so on downwards; nothing ever looks up.
MAY_IMPORT = {
    "_errors": (),
    "_model": ("_errors", "_model"),
    "_xml": ("_errors", "_model", "_xml"),
    "_diff": ("_errors", "_model"),
    "_plan": ("_errors", "_model", "_diff"),
    "_apply": ("_errors", "_model", "_diff", "_plan"),
    "_gateway": ("_errors", "_model", "_gateway"),
    "_resource": (*PURE, "_gateway", "_resource"),
    "_run": EVERY_LAYER,
}

# Modules of the standard library, and libvirt, through which a program reaches its host: for gateways only.
HOST_ACCESS = {
    *("ftplib", "http", "libvirt", "libvirt_qemu", "select", "selectors", "socket", "ssl", "urllib.request"),
    *("fcntl", "glob", "grp", "mmap", "os", "pathlib", "platform", "pwd", "resource", "shutil", "tempfile"),
    *("signal", "subprocess"),
}
# `_run` ends a module on signals; that is about the process it is, not about the host.
ALSO_ALLOWED = {"_run": {"signal"}}
# What os.path computes without asking the file system. (abspath and relpath ask for the working directory.)
PURE_PATH_FUNCTIONS = {"basename", "commonpath", "dirname", "isabs", "join", "normpath", "sep", "split", "splitext"}

LONGEST_FILE = 400
LARGEST_PAYLOAD = 60 * 1024
# A module whose model is all that can be said of a domain ships that model: about 30 ms of a task that takes 350.
# domain has besides what each change of a running guest takes: as much again.
# image builds, fetches, inspects and verifies, and brings the publishers' keys, which nothing compresses.
LARGER_PAYLOADS = {"domain": 128 * 1024, "domain_info": 96 * 1024, "image": 96 * 1024}
# Newer than Python 3.9, and invisible to its grammar.
NEWER_KEYWORDS = {"dataclass": {"slots", "kw_only", "match_args", "weakref_slot"}, "zip": {"strict"}}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layer_files() -> list[Path]:
    return sorted(MODULE_UTILS.rglob("*.py"))


def modules() -> list[Path]:
    return [path for path in sorted((PLUGINS / "modules").glob("*.py")) if path.name != "__init__.py"]


def python_files() -> list[Path]:
    parts = ("plugins", "tests", "tools", "roles", "extensions", "examples", "docs")
    files = [path for part in parts for path in (ROOT / part).rglob("*.py")]
    return sorted(path for path in files if "output" not in path.relative_to(ROOT).parts)


def layer_of(name: str) -> str:
    """The layer of a dotted name below module_utils."""
    return name.partition(".")[0]


def dotted_name(path: Path) -> str:
    """The name of a file of the collection, as an import would spell it."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return PACKAGE + ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every imported name, absolute, with its line: `from a import b` gives a.b, a module or an attribute."""
    package = dotted_name(path).split(".")
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield ".".join([*base, *filter(None, [node.module]), alias.name]), node.lineno


def in_module_utils(name: str) -> Optional[str]:
    prefix = PACKAGE + "plugins.module_utils."
    return name[len(prefix) :] if name.startswith(prefix) else None


def foreign_import(layer: str, name: str) -> Optional[str]:
    """Why a layer may not import something that isn't ours, or nothing."""
    top = name.partition(".")[0]
    reaches_host = any(name == item or name.startswith(f"{item}.") for item in HOST_ACCESS)
    if top == "ansible":
        return None if layer == "_run" else "only _run knows Ansible"
    if reaches_host and not name.startswith("os.path"):
        allowed = layer == "_gateway" or top in ALSO_ALLOWED.get(layer, ())
        return None if allowed else f"only gateways may import {top}"
    if top in sys.stdlib_module_names or top in {"libvirt", "libvirt_qemu", "__future__"}:
        return None
    return "hypervisors have the standard library and libvirt only"


def import_problems(path: Path) -> Iterator[str]:
    layer = layer_of(in_module_utils(dotted_name(path)) or "")
    for name, line in imports(path):
        ours = in_module_utils(name)
        if ours is not None:
            allowed = layer_of(ours) in MAY_IMPORT[layer] or ours == layer
            problem = None if allowed else f"{layer} may not import {layer_of(ours)}"
        elif name.startswith(PACKAGE):
            problem = f"what runs on a hypervisor may not import {name[len(PACKAGE) :]}"
        else:
            problem = foreign_import(layer, name)
        if problem:
            yield f"{relative(path)}:{line}: {problem}"


def host_access_problems(path: Path) -> Iterator[str]:
    """Reach of a pure file to the host that needs no import of its own: open(), os.path.exists() and the like."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"open", "print", "input"}
        ):
            yield f"{relative(path)}:{node.lineno}: {node.func.id}() is for gateways"
        if (
            isinstance(node, ast.Attribute)
            and ast.unparse(node.value) == "os.path"
            and node.attr not in PURE_PATH_FUNCTIONS
        ):
            yield f"{relative(path)}:{node.lineno}: os.path.{node.attr} asks the host, which is for gateways"
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr != "path":
            yield f"{relative(path)}:{node.lineno}: os.{node.attr} is for gateways"


def closure(module: Path) -> set[Path]:
    """The files of ours that AnsiballZ ships with a module."""
    found: set[Path] = set()
    pending = [module]
    while pending:
        path = pending.pop()
        if path in found:
            continue
        found.add(path)
        for name, _line in imports(path):
            ours = in_module_utils(name)
            if ours is not None:
                pending += files_of(ours)
    return found


def files_of(name: str) -> list[Path]:
    """The files that importing a dotted name below module_utils runs; its last part may be an attribute."""
    files = []
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        base = MODULE_UTILS.joinpath(*parts[:count])
        files += [path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()]
    return files


def payload(module: Path) -> int:
    """What our shared code adds to a module, compressed as AnsiballZ does it."""
    return sum(len(zlib.compress(path.read_bytes())) for path in closure(module) - {module})


def newer_than_3_9(path: Path) -> Iterator[str]:
    source = path.read_text()
    try:
        tree = ast.parse(source, feature_version=(3, 9))
    except SyntaxError as error:
        yield f"{relative(path)}:{error.lineno}: {error.msg}"
        return
    if source.strip() and "from __future__ import annotations" not in source:
        yield f"{relative(path)}:1: lacks `from __future__ import annotations`, without which 3.9 evaluates `X | Y`"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            known = NEWER_KEYWORDS.get(ast.unparse(node.func).rpartition(".")[2], set())
            yield from (
                f"{relative(path)}:{node.lineno}: {ast.unparse(node.func)}({item.arg}=...) is newer than Python 3.9"
                for item in node.keywords
                if item.arg in known
            )


def has_target(name: str) -> bool:
    """Whether a target is the module's own; a read-only twin and an action plugin may be called in another's."""
    targets = ROOT / "tests/integration/targets"
    if (targets / name).is_dir():
        return True
    shares = name.endswith("_info") or (PLUGINS / "action" / f"{name}.py").exists()
    return shares and any(f"burrow.vm.{name}:" in path.read_text() for path in targets.rglob("*.yml"))


@pytest.mark.parametrize("path", layer_files(), ids=relative)
def test_imports_follow_the_layers(path: Path) -> None:
    assert list(import_problems(path)) == []


@pytest.mark.parametrize("path", layer_files(), ids=relative)
def test_only_gateways_touch_the_host(path: Path) -> None:
    layer = layer_of(in_module_utils(dotted_name(path)) or "")
    assert layer in {"_gateway", "_run"} or list(host_access_problems(path)) == []


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_modules_are_thin(path: Path) -> None:
    layers = [
        (layer_of(ours) if ours else name, line) for name, line in imports(path) for ours in [in_module_utils(name)]
    ]
    allowed = {"_run", "_resource", "_model", "__future__.annotations"}
    assert [item for item in layers if item[0] not in allowed and not item[0].startswith("typing.")] == []


@pytest.mark.parametrize("path", [*layer_files(), *modules()], ids=relative)
def test_what_runs_on_a_hypervisor_is_python_3_9(path: Path) -> None:
    assert list(newer_than_3_9(path)) == []


@pytest.mark.parametrize("path", python_files(), ids=relative)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_payload_is_small(path: Path) -> None:
    assert payload(path) <= LARGER_PAYLOADS.get(path.stem, LARGEST_PAYLOAD)


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_module_has_an_integration_target(path: Path) -> None:
    assert has_target(path.stem)


@pytest.mark.parametrize(
    ("layer", "name", "allowed"),
    [
        ("_model", "json", True),
        ("_model", "os.path", True),
        ("_model", "urllib.parse.urlsplit", True),
        ("_model", "os", False),
        ("_model", "urllib.request.urlopen", False),
        ("_plan", "subprocess", False),
        ("_resource", "libvirt", False),
        ("_gateway", "libvirt", True),
        ("_gateway", "yaml", False),
        ("_gateway", "ansible.module_utils.basic.AnsibleModule", False),
        ("_run", "ansible.module_utils.basic.AnsibleModule", True),
        ("_run", "subprocess", False),
    ],
)
def test_the_rules_bite(layer: str, name: str, allowed: bool) -> None:
    assert (foreign_import(layer, name) is None) is allowed
