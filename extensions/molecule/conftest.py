# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of all scenarios share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each step a report of its own: all of them get the same --junit-xml."""
    report = config.getoption("xmlpath", None)
    if report:
        step = Path(config.args[0]).parent.name
        config.option.xmlpath = str(Path(report).with_name(f"{Path(report).stem}-{step}.xml"))
