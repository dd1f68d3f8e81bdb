# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation: its playbooks pass the syntax check, its variables the model, its links lead somewhere."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ansible_collections.burrow.vm.plugins.module_utils._model import guest

from .conftest import CHECKOUT, Controller

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "roles/*/README.md", "examples/*/README.md")
    for page in CHECKOUT.glob(pattern)
)
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks() -> Iterator[Any]:
    for page in PAGES:
        for match in _BLOCK.finditer(page.read_text()):
            line = page.read_text()[: match.start()].count("\n") + 1
            yield pytest.param(match[1], id=f"{page.relative_to(CHECKOUT)}:{line}")


def guests(value: object) -> Iterator[dict[str, object]]:
    """Find mappings that hold burrow_* variables."""
    if isinstance(value, dict):
        if any(str(key).startswith(guest.PREFIX) and key != "burrow_guests" for key in value):
            yield {key: known for key, known in value.items() if str(key).startswith(guest.PREFIX)}
        value = list(value.values())
    if isinstance(value, list):
        yield from itertools.chain.from_iterable(map(guests, value))


def rendered(value: Any) -> Any:
    """Give templates a value, as inventory_dir would have."""
    if isinstance(value, dict):
        return {key: rendered(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [rendered(entry) for entry in value]
    return re.sub(r"\{\{.*?\}\}", "/srv", value) if isinstance(value, str) else value


@pytest.mark.parametrize("text", list(blocks()))
def test_variables_are_valid(text: str) -> None:
    for variables in guests(rendered(yaml.safe_load(text))):
        guest.parse_run(guest.strip_prefix(variables))
        guest.parse(guest.strip_prefix(variables), "example")


@pytest.mark.parametrize("text", list(blocks()))
def test_playbooks_and_tasks_are_valid(controller: Controller, text: str) -> None:
    document = yaml.safe_load(text)
    if not isinstance(document, list) or not isinstance(document[0], dict):
        return
    if not any("hosts" in play or "import_playbook" in str(play) for play in document):
        document = [{"name": "Tasks of the example", "hosts": "localhost", "tasks": document}]
    playbook = controller.home / "example.yml"
    playbook.write_text(yaml.safe_dump(document))
    run = controller.play(str(playbook), "--syntax-check")
    assert run.code == 0, run.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text())
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_the_guest_file_of_the_profiles_page_is_one() -> None:
    page = (CHECKOUT / "docs/profiles.md").read_text()
    (text,) = (text for text in _BLOCK.findall(page) if text.startswith("cpus:"))
    guest.parse({}, "example", profile=guest.Layer("", yaml.safe_load(text)))
