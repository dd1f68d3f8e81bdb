#!/usr/bin/python
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Make, change and remove libvirt networks
description:
  - Makes a libvirt network exist and be active, with a bridge of its own or on one of the host; or removes it.
  - What is not stated is not managed. A network is compared option by option with what libvirt has; settings made by
    others survive.
  - Reservations and names change while guests run. What restarts the network cuts them off, and needs consent, see
    O(restart_policy).
  - Any network can be managed. Only one that this module made has its stamp (RV(network.owned)), and is removed.
author:
  - burrow.vm contributors (@burrow-vm)
requirements:
  - libvirt 8.0 or later
  - dnsmasq on the host (package C(dnsmasq-base) on Debian and Ubuntu), unless O(mode=bridge)
extends_documentation_fragment:
  - burrow.vm._attributes
  - burrow.vm._attributes.full
  - burrow.vm._libvirt
  - burrow.vm._libvirt.python
  - burrow.vm._store
options:
  name:
    description:
      - The network's name. 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit.
    type: str
    required: true
  state:
    description:
      - With V(present) the network exists and is active.
      - With V(absent) it does not exist. Only a network that this module made (RV(network.owned)) is removed.
    type: str
    choices: [present, absent]
    default: present
  mode:
    description:
      - With V(nat) guests reach what the host reaches, by its address. With V(routed) they do so by their own, to which
        others need a route. With V(isolated) they reach the host and each other.
      - With V(open) they are forwarded as with V(routed), and libvirt adds no rules to the host's firewall.
      - With V(bridge) they are in the network of O(bridge). libvirt then has no address there, gives none, and answers
        no queries, so that the options for these are refused.
      - A new network gets V(nat) when nothing is stated.
    type: str
    choices: [nat, routed, isolated, open, bridge]
  bridge:
    description:
      - With O(mode=bridge) the bridge, which the host must have. It is not changed.
      - With other modes the name of the bridge that libvirt makes. It finds a free one (C(virbr1)) when nothing is
        stated. Up to 15 characters.
    type: str
  subnet:
    description:
      - The IPv4 subnet, as in V(10.77.0.0/24), with a prefix from 16 to 29. Its first address is the host's. It is a
        private one, unless O(mode) is stated as V(routed) or V(open).
      - A new network gets the first C(/24) that neither a route of the host nor another network overlaps, and keeps it.
      - With V(none) it has no IPv4.
    type: str
  subnet6:
    description:
      - The IPv6 subnet, as in V(fd77:0:0:1::/64), with prefix 64. Its first address is the host's, and guests make
        theirs themselves (SLAAC).
      - With O(mode=nat) IPv6 is translated as well, where this option or O(mode) was set by this module.
      - Where the host gets its own IPv6 routes from router advertisements, libvirt starts the network only when
        C(accept_ra) of that interface is 2.
      - With V(none) it has no IPv6.
    type: str
  dhcp:
    description:
      - Whether guests get their IPv4 addresses by DHCP. A new network with O(subnet) does when nothing is stated.
      - Without DHCP there are no reservations; V(false) takes those that are there away.
    type: bool
  dhcp6:
    description:
      - Whether guests get IPv6 addresses by DHCP, too. A new network doesn't when nothing is stated.
    type: bool
  domain:
    description:
      - The domain of the guests' names, as in V(lab.example). With V(none) there is none.
    type: str
  dns:
    description:
      - Whether the host answers the guests' DNS queries. A new network does when nothing is stated. V(false) takes
        the names and forwarders that are there away.
    type: bool
  dns_forwarders:
    description:
      - The name servers that queries go on to, instead of those that the host itself asks. Each is told from the others
        by all that it says.
    type: list
    elements: dict
    suboptions:
      address:
        description: [The name server.]
        type: str
        required: true
      domain:
        description: [The domain that it is asked for. When nothing is stated, it is asked for all.]
        type: str
  dns_hosts:
    description:
      - Names that the host answers with an address. Each is told from the others by its O(dns_hosts[].address).
      - A change reaches an active network at once.
    type: list
    elements: dict
    suboptions:
      address:
        description: [The address, of either kind. It need not be in the network.]
        type: str
        required: true
      names:
        description: [All names of this address.]
        type: list
        elements: str
        required: true
  reservations:
    description:
      - Addresses that DHCP keeps for guests. Each IPv4 one is told from the others by its O(reservations[].mac), each
        IPv6 one by its O(reservations[].duid), or without that by its O(reservations[].name).
      - A change reaches an active network at once. A guest has its former address until it asks again.
    type: list
    elements: dict
    suboptions:
      address:
        description: [The address, which lies in the network and is not the host's own.]
        type: str
        required: true
      mac:
        description: [The MAC address of the guest's interface. IPv4 only, and required there.]
        type: str
      duid:
        description: [The DHCP unique identifier of the guest. IPv6 only.]
        type: str
      name:
        description: [The guest's name, which DNS then knows, too. An IPv6 address can be kept for the name alone.]
        type: str
  autostart:
    description:
      - Whether the network starts with the host.
    type: bool
    default: true
  purge:
    description:
      - The lists from which goes what is not stated. Each must be stated, if only as C([]).
    type: list
    elements: str
    choices: [reservations, dns_hosts, dns_forwarders]
  restart_policy:
    description:
      - Changing any other option than O(reservations), O(dns_hosts) and O(autostart) restarts an active network, and
        running guests lose their connection to it until they are restarted.
      - With V(refuse) that fails while guests run in the network, before anything is changed. With V(now) it is done.
    type: str
    choices: [refuse, now]
    default: refuse
  data:
    description:
      - The collection's data directory. Its locks keep two runs from choosing the same subnet.
seealso:
  - module: burrow.vm.domain
"""

EXAMPLES = r"""
- name: Have a network with NAT on a free subnet
  burrow.vm.network:
    name: burrow

- name: Have an isolated one, in which guests get their addresses and names from here
  burrow.vm.network:
    name: lab
    mode: isolated
    subnet: 10.99.5.0/24
    domain: lab.example
    reservations:
      - {mac: "52:54:00:00:05:0a", address: 10.99.5.10, name: web}
      - {mac: "52:54:00:00:05:0b", address: 10.99.5.11, name: db}
    dns_hosts:
      - {address: 10.99.5.1, names: [gateway, time]}

- name: Move the one, and forget what isn't stated, while the guests run
  burrow.vm.network:
    name: lab
    reservations:
      - {mac: "52:54:00:00:05:0a", address: 10.99.5.20}
    purge: [reservations]

- name: Have one with IPv6, and guests of another host that have a route to it
  burrow.vm.network:
    name: office
    mode: routed
    subnet: 10.99.6.0/24
    subnet6: fd99:0:0:6::/64
    dhcp6: true
    reservations:
      - {address: "fd99:0:0:6::10", name: web}

- name: Let guests into the network of a bridge that the host has
  burrow.vm.network:
    name: lan
    mode: bridge
    bridge: br0

- name: Remove it
  burrow.vm.network:
    name: lab
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode what would be, in sentences.
  returned: success
  type: list
  elements: str
  sample: [create NAT network burrow (10.77.0.0/24), start network burrow]
network:
  description: The network after the run, or in check mode as it would be. Of an absent one only name and state.
  returned: success
  type: dict
  contains:
    name: {description: Its name., returned: always, type: str}
    state: {description: V(present) or V(absent)., returned: always, type: str}
    uuid: {description: 'Its UUID; V((known after apply\)) before it is made.', returned: success, type: str}
    mode: {description: 'As O(mode), or another of libvirt.', returned: success, type: str}
    bridge:
      description: The bridge on the host; V((known after apply\)) before libvirt finds a name.
      returned: success
      type: str
      sample: virbr1
    subnet: {description: Its IPv4 subnet or null., returned: success, type: str, sample: 10.77.0.0/24}
    address: {description: The host's address in it., returned: success, type: str, sample: 10.77.0.1}
    subnet6: {description: Its IPv6 subnet or null., returned: success, type: str, sample: 'fd77:0:0:1::/64'}
    address6: {description: The host's address in it., returned: success, type: str, sample: 'fd77:0:0:1::1'}
    dhcp: {description: Whether it has DHCP for IPv4., returned: success, type: bool}
    dhcp6: {description: Whether it has DHCP for IPv6., returned: success, type: bool}
    domain: {description: The domain of its guests or null., returned: success, type: str}
    dns: {description: Whether the host answers DNS queries., returned: success, type: bool}
    dns_forwarders:
      {description: 'All of them, as in O(dns_forwarders).', returned: success, type: list, elements: dict}
    dns_hosts: {description: 'All of them, as in O(dns_hosts).', returned: success, type: list, elements: dict}
    reservations: {description: 'All of them, as in O(reservations).', returned: success, type: list, elements: dict}
    autostart: {description: Whether it starts with the host., returned: success, type: bool}
    active: {description: Whether it is active., returned: success, type: bool}
    owned: {description: Whether this module made it., returned: success, type: bool}
guests:
  description: The running guests that would be cut off.
  returned: when O(restart_policy=refuse) stopped the run
  type: list
  elements: str
timings:
  description: Seconds per phase.
  returned: always
  type: dict
  sample: {observe: 0.01, apply: 0.6, verify: 0.01}
error:
  description: What was wrong, for programs.
  returned: on failure
  type: dict
  contains:
    code: {description: 'V(invalid), V(not_owned), V(restart_required), V(libvirt) ...', returned: always, type: str}
    path: {description: The option or object that it is about., returned: always, type: str}
    hint: {description: What to do., returned: always, type: str}
"""

from ansible_collections.burrow.vm.plugins.module_utils import _run
from ansible_collections.burrow.vm.plugins.module_utils._model.network import ARGUMENTS
from ansible_collections.burrow.vm.plugins.module_utils._resource.network import build


def main() -> None:
    _run.main(ARGUMENTS, build, "network", libvirt=True)


if __name__ == "__main__":
    main()
