"""What may be reached and what not, in whatever form the address comes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.net import Allowed, why_refused


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("10.0.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fc00::1", "private"),
        ("fd12:3456::1", "private"),
        ("169.254.1.1", "link_local"),
        ("fe80::1", "link_local"),
        ("fe80::1%1", "link_local"),
        ("fec0::1", "link_local"),
        ("169.254.169.254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("0.0.0.0", "special"),
        ("::", "special"),
        ("224.0.0.1", "special"),
        ("255.255.255.255", "special"),
        ("198.18.0.1", "special"),
        ("ff02::1", "special"),
        ("2001:db8::1", "special"),
        ("64:ff9b:1::1", "special"),
        ("2001:0:7f00:1::", "special"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a00:1::", "private"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str, why: str) -> None:
    assert why_refused(ip_address(address)) == why


@pytest.mark.parametrize("address", ["1.1.1.1", "114.114.114.114", "2606:4700::1111", "64:ff9b::101:101"])
def test_a_public_address_is_not(address: str) -> None:
    assert why_refused(ip_address(address)) is None


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_in_ipv6_changes_nothing(address: IPv4Address) -> None:
    plain = why_refused(address)
    for prefix in ("::ffff:", "64:ff9b::"):
        assert why_refused(ip_address(f"{prefix}{address}")) == plain
    assert why_refused(IPv6Address((0x2002 << 112) | (int(address) << 80))) == plain


@given(st.ip_addresses(v=6))
def test_what_ipv6_has_not_handed_out_is_never_public(address: IPv6Address) -> None:
    if why_refused(address) is None:
        assert address.is_global or address.sixtofour or str(address).startswith("64:ff9b::")


def test_a_name_opens_private_and_loopback_addresses_and_no_others() -> None:
    allowed = Allowed.parse(["Intranet.example."])
    assert allowed.opens("intranet.EXAMPLE", ip_address("10.0.0.1"), "private")
    assert allowed.opens("intranet.example.", ip_address("127.0.0.1"), "loopback")
    assert not allowed.opens("intranet.example", ip_address("169.254.169.254"), "metadata")
    assert not allowed.opens("other.example", ip_address("10.0.0.1"), "private")
    assert not allowed.opens("evil-intranet.example", ip_address("10.0.0.1"), "private")


def test_a_network_opens_what_is_in_it() -> None:
    allowed = Allowed.parse(["10.1.0.0/16", "[::1]", "169.254.169.254"])
    assert allowed.opens("any", ip_address("10.1.2.3"), "private")
    assert allowed.opens("any", ip_address("::1"), "loopback")
    assert allowed.opens("any", ip_address("169.254.169.254"), "metadata")
    assert not allowed.opens("any", ip_address("10.2.0.1"), "private")
