# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for any guest, share and forward, whatever is written."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.guest import merge_deep, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.guest_keys import GUEST_KEYS
from ansible_collections.burrow.vm.plugins.module_utils._model.inside import parse_hostname
from ansible_collections.burrow.vm.plugins.module_utils._model.share import automatic_tag, parse_shares
from ansible_collections.burrow.vm.plugins.module_utils._model.share_rules import lies_in, refused_directory
from ansible_collections.burrow.vm.plugins.module_utils._model.short_forward import parse_forwards
from ansible_collections.burrow.vm.plugins.module_utils._model.value import absolute_path

PORTS = st.integers(min_value=1, max_value=65535)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "ü", "x y", "..."]), min_size=1, max_size=6).map(
    lambda parts: "/" + "/".join(parts)
)


@given(PATHS, PATHS)
def test_lies_in_is_what_path_components_say(one: str, other: str) -> None:
    inner, outer = one.split("/"), other.split("/")
    assert lies_in(one, other) == (inner[: len(outer)] == outer)


@given(st.lists(st.sampled_from(["..", ".", "", "proc", "sys", "srv"]), max_size=8))
def test_no_spelling_hides_a_system_directory(parts: list[str]) -> None:
    path = absolute_path("/" + "/".join(parts), "x")
    assert ".." not in path.split("/")
    assert refused_directory(path) == (path == "/" or path.split("/")[1] in ("proc", "sys"))


@given(st.text(min_size=1, max_size=200))
def test_an_automatic_tag_is_always_valid(name: str) -> None:
    parse_shares([{"source": "/srv/x", "target": "/x", "tag": automatic_tag(f"/mnt/{name}")}])


@given(PORTS, PORTS)
def test_both_spellings_of_a_forward_mean_the_same(host: int, guest: int) -> None:
    assert parse_forwards([f"{host}:{guest}"]) == parse_forwards([{"host_port": host, "guest_port": guest}])


@given(st.dictionaries(st.sampled_from(GUEST_KEYS), DOCUMENTS, max_size=4))
def test_any_value_is_taken_or_refused_by_name(variables: dict[str, Any]) -> None:
    try:
        guest = parse(variables, "work")
    except SpecError as error:
        assert error.path.startswith("burrow_")  # noqa: PT017 (a guest may be right as well)
    else:
        assert guest.stated == {key for key, value in variables.items() if value is not None}


@given(DOCUMENTS, DOCUMENTS)
def test_merging_keeps_all_that_is_above(below: object, above: object) -> None:
    merged = merge_deep(below, above)
    assert merge_deep(merged, above) == merged
    if not isinstance(above, dict):
        assert merged == above


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True).filter(lambda name: ".." not in name))
def test_every_guest_has_a_host_name(name: str) -> None:
    guest = parse({}, name)
    assert guest.hostname == parse_hostname(name)
    assert all(label.strip("-") == label != "" for label in guest.hostname.split("."))
