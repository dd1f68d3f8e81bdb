# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the publishers of the catalog's images whether all is where it is said to be: `python -m tools.catalog`.

Each list of checksums is fetched and its signature verified, as module image does it; of the image only the headers
are asked for. Ends with "N passed, N failed", or with exit code 77 where nobody answers at all.
"""

from __future__ import annotations

import sys
import urllib.request
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from .results import NOT_RUN

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT / ".venv/collections"))

from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError  # noqa: E402
from ansible_collections.burrow.vm.plugins.module_utils._gateway.http import UNREACHABLE  # noqa: E402
from ansible_collections.burrow.vm.plugins.module_utils._gateway.image_proof import prove  # noqa: E402
from ansible_collections.burrow.vm.plugins.module_utils._model.address import file_name  # noqa: E402
from ansible_collections.burrow.vm.plugins.module_utils._model.catalog import CATALOG, Entry  # noqa: E402
from ansible_collections.burrow.vm.plugins.module_utils._model.release import (  # noqa: E402
    ARCHITECTURES,
    Architecture,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.verification import of_entry  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = 30.0


def problem(entry: Entry, architecture: Architecture) -> tuple[str, bool]:
    """Tell what is wrong with an entry, and whether anybody answered."""
    url = entry.address(entry.url, architecture)
    try:
        prove(of_entry(entry, architecture), file_name(url), entry.name)
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310
            return "", True
    except BurrowError as error:
        # An answer with a status is one.
        return str(error), error.code != UNREACHABLE or "404" in str(error)
    except OSError as error:
        return f"{url}: {error}", True


def main(catalog: Mapping[str, Entry] = CATALOG) -> int:
    """Look at all of it."""
    failed, answered = 0, False
    rows = list(product(catalog.values(), ARCHITECTURES.values()))
    for entry, architecture in rows:
        text, reached = problem(entry, architecture)
        answered |= reached
        failed += bool(text)
        print(f"{entry.name} {architecture.machine}: {text or 'ok'}", flush=True)
    if not answered:
        print("none of the publishers can be reached from here")
        return NOT_RUN
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
