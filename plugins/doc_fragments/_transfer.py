# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to the collection: how an image is fetched. The options are those of TRANSFER in module_utils."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  mirrors:
    description:
      - Addresses to ask before O(url) or the publisher's own, in this order.
        What ends with a slash is a directory, in which the image has the same file name as there.
      - The checksum that counts is O(checksum) or the publisher's, so that a mirror need not be trusted.
      - After a part of the image came, the next address is asked for the rest only, where it has the same file.
    type: list
    elements: str
  url_username:
    description:
      - The name to log in with at the server of O(url), which has to be one of HTTPS.
        No other server is sent it, be it a mirror or one that the server redirects to.
    type: str
  url_password:
    description:
      - The password for O(url_username).
    type: str
  timeout:
    description:
      - Seconds that a download may take with all its mirrors and repetitions. The next run goes on with what came.
      - It ends earlier when nothing at all comes for 30 seconds, and nothing more comes in three further attempts.
    type: int
    default: 3600
"""
