#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Have a verified base image in the store
description:
  - Makes sure that a base image of virtual machines is in the store below O(data), under a name.
  - An image is downloaded, copied from a file, or built from the package mirror that the host itself uses.
    It is verified before it gets its name, is the same for all guests, and is never changed by one.
  - What is downloaded has to be what its publisher says it is, with the publisher's signature where there is one.
  - An image that the store has is not asked for again; neither network nor file is touched.
  - An image is there as a whole or not at all. What an interrupted run left is removed by the next one, but a download
    goes on where it stopped, as long as the server still has the same file.
  - An image from elsewhere is not trusted. Its format is found by rules of this module, and never by QEMU's probing.
    One that names other files (a backing or data file, extents), is encrypted, has snapshots or bitmaps of its own,
    needs unknown features, was not closed, is marked as corrupt, or has sizes and tables that can't be meant, is
    refused, and RV(error.code) says which of these it is. C(qemu-img) sees only what passed this, as user C(nobody)
    with bounds on memory, time and output.
  - Images are kept by their digest, so one that goes by several names is there once.
author:
  - burrow.vm contributors (@burrow-vm)
requirements:
  - C(qemu-img) on the host (package C(qemu-utils) on Debian and Ubuntu)
  - to verify signatures C(gpgv) (package C(gpgv) on Debian and Ubuntu, C(gnupg2) on Fedora and its kin)
  - to build an image C(mmdebstrap), C(mke2fs), C(sfdisk), C(mkfs.vfat), C(mcopy) and root (packages C(mmdebstrap),
    C(e2fsprogs), C(fdisk), C(dosfstools) and C(mtools)); in a container the right to make namespaces and mounts
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._store
  - burrow.vm._transfer
  - burrow.vm._trust
options:
  name:
    description:
      - The image's name in the store.
      - The names of the catalog need nothing else. They are V(debian-12), V(debian-12-generic), V(debian-13),
        V(debian-13-generic), V(ubuntu-22.04), V(ubuntu-24.04), V(fedora-43), V(fedora-44), V(almalinux-9),
        V(almalinux-10), V(rocky-9) and V(rocky-10). M(burrow.vm.image_info) tells what is known of each.
      - Images of any other name need O(release), O(url) or O(path), unless the store has them.
    type: str
    required: true
  state:
    description:
      - With V(present) the image is in the store.
      - With V(absent) the name is not. The files go, too, unless another name or the disk of a guest needs them.
      - With V(verified) the image's files are read again, from the disk. An image that is no longer as it was stored is
        moved to C(images/quarantine) below O(data), where nothing finds it. RV(affected) names who needs it;
        O(state=present) has it again, also for their disks. Only O(name) and O(data) count here.
    type: str
    choices: [present, absent, verified]
    default: present
  source:
    description:
      - Where the image comes from, when the store lacks it.
      - With V(auto) it comes from O(url) or O(path), where one is stated. Else it is the cloud image that
        the distribution publishes; where that can't be reached, Debian and Ubuntu are built.
      - With V(build) the release that O(release), else O(name), says is built from the packages of the host's own
        distribution mirror. The host must run that distribution, of any release. Proxies and logins of the host's apt
        are used and never get into the image.
    type: str
    choices: [auto, url, file, build]
    default: auto
  release:
    description:
      - The name in the catalog that says what the image is, as in V(debian-13), where O(name) is a name of your own.
      - When the image in the store is another release, it is replaced under this name.
    type: str
  packages:
    description:
      - Packages to install besides those that every built image has. Recommended packages don't come with them.
      - The image is built then, and not downloaded.
      - When the image in the store was built with other packages, it is replaced under this name.
        Guests' disks keep the one that they were made of.
    type: list
    elements: str
  kernel:
    description:
      - Which kernel of the distribution the image is built with, and not downloaded.
      - V(cloud) is small and has no drivers for AHCI, USB, graphics and sound. V(generic) is the one for any machine.
      - An image is built with V(cloud) when nothing is stated. When the one in the store has the other, it is replaced
        under this name.
    type: str
    choices: [cloud, generic]
  url:
    description:
      - The image's address (HTTP or HTTPS, without a login).
      - Proxies are taken from the environment, as in C(https_proxy), and the certificates that count from the host's
        trust store. Up to ten redirects are followed, and none from HTTPS to HTTP.
      - An image that is packed by xz or gzip is unpacked while it comes. The file's content tells, and not its name.
    type: str
  checksum:
    description:
      - The checksum of the image as it is downloaded (packed, where it is) or copied, with its algorithm, as in
        V(sha256:...) or V(sha512:...).
      - When nothing is stated, an image of the catalog is checked by the list published with it. With O(url) this is
        required, or O(checksum_url).
      - A download that has another checksum is moved to C(images/quarantine) below O(data), which takes the last one of
        each name, and the next run downloads it anew. RV(quarantine) is its place.
      - When an image in the store has another checksum, it is replaced under this name.
        Guests' disks keep the one that they were made of.
    type: str
  path:
    description:
      - The image, as a file of the host.
      - A copy of an image's directory in another host's store, C(images/<digest>) below O(data), brings kernel, release
        and all else that is known of the image along.
      - Such a directory is taken by what is noted in it, so it has to be from a store that you trust.
    type: path
  format:
    description:
      - What O(url) or O(path) has to be. It is found from the content and only compared when stated.
      - V(raw) is a disk that begins with a boot sector, V(vmdk) one in one file (monolithicSparse or streamOptimized,
        as in an OVA). What is another format, an archive or a web page is refused by its name.
      - The store holds qcow2. An image that is V(raw), V(vmdk) or compressed is converted, without what is only zeros.
    type: str
    choices: [qcow2, raw, vmdk]
  architecture:
    description:
      - The image's architecture, as in V(x86_64) or V(arm64). The host's own when it isn't stated.
    type: str
notes:
  - A signature is refused when it is another key's or another list's, expired, revoked, or made with MD5 or SHA-1;
    nothing of the image is downloaded then.
  - The images of AlmaLinux 10 and Rocky Linux 10 need a CPU of level x86-64-v3.
  - While a download runs, a task can't show how far it is. What came so far is the size of
    C(images/.incoming-<name>/download) below O(data). Such a file that nobody goes on with is removed after a week.
  - A built image is a cloud image that starts fast. It boots by UEFI, and directly by RV(image.kernel). It reads seeds
    of type NoCloud only, and makes only an ed25519 host key.
  - Two builds from one state of the mirror have the same digest, as long as O(packages) holds none whose installation
    makes keys or identifiers of its own.
  - cloud-init leaves apt's sources in the image alone unless the seed says C(apt.preserve_sources_list=false).
seealso:
  - module: burrow.vm.disk
  - module: burrow.vm.image_info
"""

EXAMPLES = r"""
- name: Have Debian 13
  burrow.vm.image:
    name: debian-13

- name: Build Debian 12 from the host's package mirror
  burrow.vm.image:
    name: debian-12
    source: build

- name: Build an image with more in it, under a name of its own
  burrow.vm.image:
    name: web
    release: debian-13
    packages: [nginx-light, rsync]
    kernel: generic

- name: Have an image from a web server
  burrow.vm.image:
    name: golden
    url: https://images.example.com/golden.qcow2
    checksum: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

- name: Have an image whose publisher signs a list of checksums
  burrow.vm.image:
    name: appliance-signed
    url: https://images.example.com/2.1/appliance.qcow2
    checksum_url: https://images.example.com/2.1/SHA256SUMS
    signature_url: https://images.example.com/2.1/SHA256SUMS.asc
    key: /etc/burrow/example-images.asc

- name: Have an image from the mirror nearby, else from the server that asks for a login
  burrow.vm.image:
    name: golden
    url: https://images.example.com/golden.raw.xz
    url_username: reader
    url_password: "{{ images_password }}"
    mirrors:
      - http://mirror.example.net/images/
    checksum: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    timeout: 600

- name: Have a copy of a file as image
  burrow.vm.image:
    name: appliance
    path: /srv/images/appliance.raw

- name: Have the disk of an unpacked OVA as image
  burrow.vm.image:
    name: imported
    path: /srv/images/imported-disk1.vmdk
    format: vmdk

- name: Know of a stored image that it is still as it was stored
  burrow.vm.image:
    name: golden
    state: verified
  register: verified

- name: Say which guests are to be reset, or get their image again
  ansible.builtin.debug:
    var: verified.affected.guests
  when: verified is changed

- name: Remove an image
  burrow.vm.image:
    name: golden
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be done in check mode, as sentences.
  returned: success
  type: list
  elements: str
  sample: ["build image debian-12 from this host's package mirror"]
image:
  description:
    - The image. With O(state=absent) only its name; with O(state=verified), when it has rotted, its name and digest.
    - In check mode, what can't be known before reads V((known after apply\)).
  returned: success
  type: dict
  contains:
    name:
      description: The image's name.
      type: str
    digest:
      description:
        - The SHA-256 of the image as it was downloaded (packed, where it was) or copied, before any conversion. Of a
          built image, that of all that is in it.
      type: str
    path:
      description: The image's file.
      type: str
    format:
      description: The format of RV(image.path).
      type: str
    virtual_size:
      description: The size in bytes that a guest sees.
      type: int
    kernel:
      description: What is needed to boot the image without its boot loader, or null where there is no kernel beside it.
      type: dict
      contains:
        path:
          description: The kernel's file.
          type: str
        initrd:
          description: The initial RAM disk's file.
          type: str
        cmdline:
          description: The command line to give to the kernel.
          type: str
    release:
      description: The release that it is, as in V(debian-13), or null where that isn't known.
      type: str
    architecture:
      description: The architecture, as in V(x86_64).
      type: str
    source:
      description: How it was made, V(url), V(file) or V(build).
      type: str
    origin:
      description: The address or file that it is from, be it a mirror's; of a built image, the package mirror.
      type: str
    user:
      description: The user that cloud-init makes when the seed names none, or null where that isn't known.
      type: str
    packages:
      description: The packages that it was built with besides those that every built image has.
      type: list
      elements: str
    verification:
      description: What proved the image, from the key to the bytes. Where there is none, a part is null.
      type: dict
      contains:
        level:
          description: V(signature), V(checksum) or V(none), as in O(verify). A built image is V(signature), apt's own.
          type: str
        checksum:
          description: What the downloaded or copied bytes were compared with.
          type: str
        checksum_url:
          description: The list that has it.
          type: str
        signature_url:
          description: What signs the list; the list itself when it is clear-signed.
          type: str
        key:
          description: The fingerprint of the key that signed it.
          type: str
        key_source:
          description:
            - Where the key is from, V(collection), V(stated) or a file. Of a built image the keyring that apt used.
          type: str
        signed:
          description: When it was signed, in UTC.
          type: str
damaged:
  description: The files that are no longer as they were stored.
  returned: when O(state=verified)
  type: list
  elements: dict
  contains:
    file:
      description: The file's name in the image's directory.
      type: str
    expected:
      description: The SHA-256 that was stored. Empty for the record itself, when it can't be read.
      type: str
    found:
      description: The SHA-256 that was read, empty when there is none.
      type: str
affected:
  description: Who needs an image that has rotted.
  returned: when O(state=verified)
  type: dict
  contains:
    images:
      description: Other names that the image goes by.
      type: list
      elements: str
    guests:
      description: The guests whose disks are made of it.
      type: list
      elements: str
quarantine:
  description: The directory that a download with a wrong checksum was moved to.
  returned: when a checksum is wrong
  type: str
timings:
  description: Seconds per phase.
  returned: always
  type: dict
error:
  description: What went wrong, for programs.
  returned: failure
  type: dict
  contains:
    code:
      description:
        - The kind of error, as V(invalid), V(unreachable), V(checksum), V(no_checksum), V(signature),
          V(missing_program), V(damaged_image), V(no_mirror), V(no_space) or V(host).
        - Of a download, V(truncated), V(timeout), V(encoding), V(web_page), V(too_large), V(too_long) or
          V(no_unpacker), too.
        - Of an image that is refused, V(unsupported_format), V(archive), V(web_page), V(no_image), V(empty_image),
          V(backing_file), V(data_file), V(extents), V(encrypted), V(snapshots), V(bitmaps), V(unknown_feature),
          V(unknown_compression), V(dirty), V(corrupt), V(absurd_size), V(cluster_size), V(l1_table), V(grain_table),
          V(refcount_table), or V(limits) where reading it took more than it may.
      type: str
    path:
      description: The option or the object that it is about.
      type: str
    hint:
      description: What to do.
      type: str
"""

from ansible_collections.burrow.vm.plugins.module_utils._model.arguments import STORE, TRANSFER, TRUST
from ansible_collections.burrow.vm.plugins.module_utils._model.image_format import FORMATS
from ansible_collections.burrow.vm.plugins.module_utils._model.release import KERNELS
from ansible_collections.burrow.vm.plugins.module_utils._resource.image import build
from ansible_collections.burrow.vm.plugins.module_utils._run import main as run

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "verified"], "default": "present"},
    "source": {"type": "str", "choices": ["auto", "url", "file", "build"], "default": "auto"},
    "release": {"type": "str"},
    "packages": {"type": "list", "elements": "str"},
    "kernel": {"type": "str", "choices": list(KERNELS)},
    "url": {"type": "str"},
    "checksum": {"type": "str"},
    "path": {"type": "path"},
    "format": {"type": "str", "choices": list(FORMATS)},
    "architecture": {"type": "str"},
    **STORE,
    **TRANSFER,
    **TRUST,
}


def main() -> None:
    required_if = [("source", "url", ("url",)), ("source", "file", ("path",))]
    run(ARGUMENTS, build, "image", required_if=required_if, required_together=[("url_username", "url_password")])


if __name__ == "__main__":
    main()
