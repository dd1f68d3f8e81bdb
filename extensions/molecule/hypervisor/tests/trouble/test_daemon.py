# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's daemon ends while nothing is to be done. (That it ends while a VM is made, see converge.yml.)"""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import play, unchanged


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_libvirtd_ends_while_nothing_is_to_be_done(hypervisor: Any, signal: str) -> None:
    hypervisor.check_output(f"systemctl kill --kill-whom=main --signal={signal} libvirtd")
    unchanged(play("up"))
