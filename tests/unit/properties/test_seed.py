# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a person writes into cloud-config and scripts, cloud-init reads just that."""

from __future__ import annotations

import email
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.burrow.vm.plugins.module_utils._model import seed_files
from ansible_collections.burrow.vm.plugins.module_utils._model.seed import new_record, parse_seed
from ansible_collections.burrow.vm.plugins.module_utils._model.yaml_json import dumps

TEXT = st.text(st.characters(codec="utf-8"), max_size=200)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_the_text_is_the_same_document_in_yaml(document: Any) -> None:
    read = yaml.safe_load(dumps(document))
    assert read == document
    assert repr(read) == repr(sorted_keys(document))


def sorted_keys(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: sorted_keys(document[key]) for key in sorted(document)}
    return [sorted_keys(entry) for entry in document] if isinstance(document, list) else document


@given(st.dictionaries(TEXT, DOCUMENTS, max_size=4), st.integers(0, 3))
def test_the_order_of_keys_makes_no_difference(document: dict[str, Any], turn: int) -> None:
    entries = list(document.items())
    assert dumps(dict(entries[turn:] + entries[:turn])) == dumps(document)


@given(TEXT.filter(lambda text: text.strip() and "\0" not in text))
def test_a_script_arrives_as_it_is(script: str) -> None:
    seed = parse_seed({"name": "work", "first_boot_script": f"#!/bin/sh\n{script}"})
    message = email.message_from_bytes(seed_files.user_data(new_record(seed, "/seed.img", {}, None), None))
    parts: list[Any] = [part for part in message.walk() if part.get_filename() == "burrow-first-boot"]
    assert [str(part.get_payload(decode=True), "utf-8") for part in parts] == [f"#!/bin/sh\n{script}"]
