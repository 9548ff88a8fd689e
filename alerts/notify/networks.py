"""Addresses that a receiver made through the API may not have: who may add one must not reach what only the host can.

The address is looked at after the name was resolved and the connection was made, so that a name which answers
differently the second time does not get around it; nothing is sent before. Pure but for what the caller asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from config.schema import AlertSettings
from config.values import shown
from model.errors import Fault, InvalidInput

PRIVATE = "private"
Network = IPv4Network | IPv6Network
Networks = Sequence[Network | str]


def denied_networks(settings: AlertSettings) -> Networks:
    """``alerts.denied_networks``, parsed. Raises InvalidInput with all faults."""
    networks: list[Network | str] = []
    faults = []
    for i, text in enumerate(settings.denied_networks):
        if text == PRIVATE:
            networks.append(PRIVATE)
            continue
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            fault = f"{shown(text)} is no network: write 10.0.0.0/8, fd00::/8 or {PRIVATE}"
            faults.append(Fault(f"alerts.denied_networks[{i}]", fault))
    if faults:
        raise InvalidInput(tuple(faults))
    return networks


def is_denied(address: str, networks: Networks) -> bool:
    """Whether an address lies in one of the networks; ``private`` is every address that is not public."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(
        not found.is_global if isinstance(network, str) else found.version == network.version and found in network
        for network in networks
    )
