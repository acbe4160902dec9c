"""Which addresses a request may go to: public ones, and what the workspace's `net_allow` names.

A name proves nothing: what counts is the address it leads to, in whatever form it is written (an IPv4 address may
hide in an IPv6 one). The registries are IANA's "Special-Purpose Address Registry" for IPv4 and IPv6.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

__all__ = ["Address", "Allowed", "Resolver", "Why", "resolve", "why_refused"]

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""(host, port) -> its addresses; blocks."""

Why = Literal["loopback", "private", "link_local", "metadata", "special"]

_METADATA = frozenset(
    ip_address(each)
    for each in (
        "169.254.169.254",  # AWS, Google, Azure, Huawei
        "169.254.170.2",  # AWS containers
        "169.254.0.23",  # Tencent
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host, a public address by its number
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
    )
)
_PRIVATE = tuple(
    ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_SPECIAL = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)
_UNICAST = IPv6Network("2000::/3")  # the only part of IPv6 that is handed out
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True)
class Allowed:
    """Hosts and networks that may be reached although they are not public.

    A name opens private and loopback addresses it leads to; link-local, metadata and other special ones open only to an
    address or network that is named itself.
    """

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Allowed:
        """From `["intranet.example", "10.1.2.3", "10.1.0.0/16"]`."""
        names: list[str] = []
        networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            try:
                networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                names.append(_plain_name(entry))
        return cls(frozenset(names), tuple(networks))

    def opens(self, host: str, address: Address, why: Why) -> bool:
        """Whether `address`, refused for `why`, may be reached under the name `host` all the same."""
        if any(address in network for network in self.networks):
            return True
        return why in ("loopback", "private") and _plain_name(host) in self.names


def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, as the operating system has them.

    Raises:
        OSError: the name is not known.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def why_refused(address: Address) -> Why | None:
    """What kind of address this is when it is not a public one, else None."""
    if address in _METADATA:
        return "metadata"
    if isinstance(address, IPv6Address):
        return _why_refused_v6(address)
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link_local"
    return _listed(address)


def _why_refused_v6(address: IPv6Address) -> Why | None:
    if address.is_loopback:
        return "loopback"
    if address.is_link_local or address.is_site_local:
        return "link_local"
    if inner := _inside(address):
        return why_refused(inner)
    if (listed := _listed(address)) is not None:
        return listed
    return None if address in _UNICAST else "special"


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end at: mapped, translated (NAT64), compatible or tunnelled (6to4)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour


def _listed(address: Address) -> Why | None:
    if any(address in network for network in _PRIVATE):
        return "private"
    return "special" if any(address in network for network in _SPECIAL) else None


def _plain_name(name: str) -> str:
    return name.strip().rstrip(".").lower()
