"""Addresses: what a URL names, and which may be connected to."""

import socket

import pytest

from backend.adapters.http.failures import ForbiddenAddressError
from backend.adapters.http.guard import Guard, is_public, public_socket
from backend.adapters.http.origin import Origin, is_listed, split_url

OWN = Origin("https", "acme.freshdesk.com", 443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "::1", "fe80::1",
        "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:0a00:0001::", "240.0.0.1",
        "fec0::1", "::7f00:1", "::ffff:0:7f00:1", "64:ff9b:1::a00:1", "5f00::1",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


def test_a_socket_is_made_for_public_addresses_only() -> None:
    with public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443))) as made:
        assert made.family is socket.AF_INET
    for family, address in ((socket.AF_INET, ("10.0.0.1", 443)), (socket.AF_INET6, ("fe80::1%lo", 443, 0, 1))):
        with pytest.raises(ForbiddenAddressError):
            public_socket((family, socket.SOCK_STREAM, 0, "", address))


def test_trusts_the_own_origin_and_the_allow_list() -> None:
    here = Origin("http", "127.0.0.1", 8123)
    assert Guard(here, frozenset()).trusts(here)
    assert Guard(OWN, frozenset({"127.0.0.1"})).trusts(here)
    assert Guard(OWN, frozenset({"127.0.0.1:8123"})).trusts(here)
    assert not Guard(OWN, frozenset({"127.0.0.1:9"})).trusts(here)
    # Another port of the own host is another server.
    assert not Guard(here, frozenset()).trusts(Origin("http", "127.0.0.1", 22))


def test_splits_urls() -> None:
    assert split_url("HTTPS://Acme.Freshdesk.com/a?b=1#c") == (OWN, "/a?b=1")
    assert split_url("http://[::1]:80/")[0].authority == "[::1]"
    assert split_url("http://127.0.0.1:8080")[0].authority == "127.0.0.1:8080"
    assert split_url(f"https://{'a' * 63}.com/")[0].host == f"{'a' * 63}.com"
    assert split_url("https://x.y/첨부.pdf")[1] == "/%EC%B2%A8%EB%B6%80.pdf"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "https://",
        "https://u:p@x/",
        "https://x:99999/",
        "https://x/ y",
        "https://x/\r\nHost: y",
        "file:///etc/passwd",
        "x.y",
        "https://a_b/",
        f"https://{'a' * 64}.com/",
        f"https://{'a.' * 126}com/",
    ],
)
def test_refuses_other_urls(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urllib and we say it differently
        split_url(url)


def test_the_allow_list_names_hosts_or_ports() -> None:
    assert is_listed(Origin("http", "::1", 80), frozenset({"[::1]:80"}))
    assert is_listed(OWN, frozenset({"acme.freshdesk.com"}))
    assert not is_listed(OWN, frozenset({"acme.freshdesk.com:80", "freshdesk.com"}))


def test_another_host_of_the_account_is_owned_once_it_is_admitted() -> None:
    guard, brand = Guard(OWN, frozenset({"10.0.0.7"})), Origin("https", "acme-pay.freshdesk.com", 443)
    assert guard.owns(OWN)
    assert not guard.owns(brand)
    guard.admit(brand)
    assert guard.owns(brand)
    assert guard.trusts(brand)
    assert not guard.owns(Origin("http", "acme-pay.freshdesk.com", 80))
    # What the operator allows may be anywhere, and is sent no key for that.
    assert not guard.owns(Origin("http", "10.0.0.7", 80))
    assert guard.trusts(Origin("http", "10.0.0.7", 80))
