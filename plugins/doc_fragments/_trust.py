# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to the collection: what proves an image. The options are those of TRUST in module_utils."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  checksum_url:
    description:
      - The address of a list of checksums that has the image of O(url) or O(path), by the name of its file. Lists of
        C(sha256sum) and C(sha512sum) are read, and those like V(SHA256 (file\) = ...).
      - A list proves who made it as far as HTTPS does. O(key), with O(signature_url), proves more.
    type: str
  signature_url:
    description:
      - The address of the signature of the list in O(checksum_url), where it is beside the list.
      - Leave it out for a list that is clear-signed. Then only what is inside its signature counts.
    type: str
  key:
    description:
      - The public key that the list is signed with, as a file of the host (a keyring, or in ASCII armour) or as its
        text in ASCII armour. Only this key counts; the keyrings of the host's users don't.
      - The collection brings the keys of its catalog. State one when a publisher has told you of another.
    type: str
  fingerprint:
    description:
      - The whole fingerprint of the key that counts, where O(key) holds several. Without O(key) one of the catalog's.
    type: str
  verify:
    description:
      - What has to prove the image before it is one.
      - With V(signature) the list of checksums is signed by the publisher's key, and has the image. With V(checksum)
        O(checksum), or the list without a signature, has it. With V(none) nothing proves it, and its record says so.
      - When nothing is stated it is the strongest that there is. That is V(signature) for Ubuntu, Fedora, AlmaLinux and
        Rocky Linux, V(checksum) for Debian, which signs no list of its cloud images, and V(none) for O(path) alone.
      - When it is stated, and the image in the store was proven by less, it is fetched again under this name.
    type: str
    choices: [signature, checksum, none]
"""
