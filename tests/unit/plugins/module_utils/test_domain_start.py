# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new domain that can't be started: what is left of it, and what is said of that."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import LOST, LibvirtError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain import DomainResource


class Stuck:
    """A libvirt that starts nothing."""

    def __init__(self, code: str, *, stays: bool) -> None:
        self.code = code
        self.stays = stays
        self.undefined: list[str] = []

    def start(self, name: str, *, paused: bool) -> None:
        raise LibvirtError("start the domain", name, "no", 1, code=self.code)

    def undefine(self, name: str, **options: Any) -> None:
        self.undefined.append(name)
        if self.stays:
            raise LibvirtError("undefine the domain", name, "no", 1)


@pytest.mark.parametrize(
    ("code", "stays", "undefined", "removed"),
    [("libvirt", False, ["work"], True), ("libvirt", True, ["work"], False), (LOST, False, [], False)],
    ids=["it is removed", "it can't be removed", "libvirtd ended, and it may run"],
)
def test_a_new_domain_that_does_not_start(code: str, stays: bool, undefined: list[str], removed: bool) -> None:
    stuck = Stuck(code, stays=stays)
    resource = DomainResource(parse_request({"name": "work", "state": "running"}), cast(Domains, stuck))
    with pytest.raises(HostError) as caught:
        resource._do_start(undo=True, paused=False)
    assert stuck.undefined == undefined
    assert ("was removed again" in str(caught.value)) == removed
