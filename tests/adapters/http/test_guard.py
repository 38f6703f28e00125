"""Addresses: what a URL names, and which may be connected to."""

import socket

import pytest

from backend.adapters.http.guard import Guard, UnknownHostError, is_public
from backend.adapters.http.origin import Origin, is_listed, split_url
from backend.core.errors import AppError, Code

OWN = Origin("https", "acme.freshdesk.com", 443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "::1", "fe80::1",
        "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:0a00:0001::", "240.0.0.1",
    ],
)  # fmt: skip
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


async def test_another_host_in_the_private_network_is_refused() -> None:
    for host in ("127.0.0.1", "169.254.169.254", "localhost"):
        with pytest.raises(AppError) as caught:
            await Guard(OWN, frozenset()).addresses(Origin("http", host, 80))
        assert caught.value.code is Code.SOURCE_REQUEST_REFUSED
        assert "DESKLORE_CONNECTOR_HOST_ALLOWLIST" in caught.value.message


async def test_allowed_hosts_and_the_own_one_are_not() -> None:
    here = Origin("http", "127.0.0.1", 8123)
    assert await Guard(here, frozenset()).addresses(here) == ["127.0.0.1"]
    assert await Guard(OWN, frozenset({"127.0.0.1"})).addresses(here) == ["127.0.0.1"]
    assert await Guard(OWN, frozenset({"127.0.0.1:8123"})).addresses(here) == ["127.0.0.1"]
    with pytest.raises(AppError):
        await Guard(OWN, frozenset({"127.0.0.1:9"})).addresses(here)
    # Another port of the own host is another server.
    with pytest.raises(AppError):
        await Guard(here, frozenset()).addresses(Origin("http", "127.0.0.1", 22))


async def test_a_host_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(UnknownHostError):
        await Guard(OWN, frozenset()).addresses(OWN)


def test_splits_urls() -> None:
    assert split_url("HTTPS://Acme.Freshdesk.com/a?b=1#c") == (OWN, "/a?b=1")
    assert split_url("http://[::1]:80/")[0].authority == "[::1]"
    assert split_url("http://127.0.0.1:8080")[0].authority == "127.0.0.1:8080"
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
    ],
)
def test_refuses_other_urls(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urllib and we say it differently
        split_url(url)


def test_the_allow_list_names_hosts_or_ports() -> None:
    assert is_listed(Origin("http", "::1", 80), frozenset({"[::1]:80"}))
    assert is_listed(OWN, frozenset({"acme.freshdesk.com"}))
    assert not is_listed(OWN, frozenset({"acme.freshdesk.com:80", "freshdesk.com"}))
