# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a file holds, it is an image or it is refused; and little of it is read to know."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.image_candidate import LARGEST, Candidate
from ansible_collections.burrow.vm.plugins.module_utils._model.image_format import FORMATS, examine
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.image_samples import Qcow2, Vmdk, raw

# QEMU's largest cluster, in which a qcow2's header and its extensions are, and some sectors.
MOST_READ = (2 << 20) + (1 << 16)
GOOD = [
    Qcow2().content(),
    Qcow2(version=2, extensions=()).content(),
    Vmdk().content(),
    Vmdk(kind="streamOptimized", version=3, compression=1, footer="whole").content(),
    raw(),
]
EDITS = st.lists(st.tuples(st.integers(0, 1500), st.binary(min_size=1, max_size=8)), max_size=6)


def check(content: bytes, size: int) -> None:
    """size may be larger than what is there, as in a sparse file."""
    total = 0

    def read(offset: int, length: int) -> bytes:
        nonlocal total
        assert offset >= 0
        assert length >= 0
        total += length
        return content[offset : min(size, offset + length)]

    problem: Optional[SpecError] = None
    try:
        layout = examine(Candidate("path", "/x", size, read))
    except SpecError as error:
        problem = error
    assert total <= MOST_READ
    if problem is None:
        assert layout.format in FORMATS
        assert 0 < layout.virtual_size <= LARGEST
    else:
        assert problem.code
        assert problem.hint
        assert str(problem).isprintable()
        assert len(str(problem)) < 600


@given(st.sampled_from([b"", b"QFI\xfb", b"QFI\xfb\0\0\0\3", b"KDMV", b"KDMV\1\0\0\0"]), st.binary(max_size=4096))
def test_random_bytes(start: bytes, rest: bytes) -> None:
    check(start + rest, len(start + rest))


@settings(max_examples=400)
@given(st.sampled_from(GOOD), EDITS, st.none() | st.integers(0, 1 << 62))
@example(GOOD[0], [(20, b"\0\0\0\x15")], 1 << 40)
def test_good_images_with_other_bytes(good: bytes, edits: list[tuple[int, bytes]], size: Optional[int]) -> None:
    content = bytearray(good)
    for offset, data in edits:
        content[offset : offset + len(data)] = data
    check(bytes(content), len(content) if size is None else size)


@pytest.mark.parametrize("good", GOOD, ids=["qcow2", "qcow2 v2", "vmdk", "stream", "raw"])
def test_each_way_to_cut_it(good: bytes) -> None:
    for length in [*range(1200), *range(1200, len(good), 997)]:
        check(good[:length], length)
