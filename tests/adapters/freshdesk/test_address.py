"""Which addresses a connection may name."""

import pytest

from backend.adapters.freshdesk.address import check_address, origin_of
from backend.adapters.http.origin import Origin
from backend.core.errors import AppError, Code

NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "given",
    ["acme", "ACME", " acme.freshdesk.com ", "https://acme.freshdesk.com/", "http://Acme.Freshdesk.com/a/tickets/1", "acme.freshdesk.com."],
)
def test_all_ways_to_say_a_domain(given: str) -> None:
    assert check_address(given, None, NOBODY) == "acme.freshdesk.com"
    assert origin_of(given, None, NOBODY) == (Origin("https", "acme.freshdesk.com", 443), "")


@pytest.mark.parametrize(
    "given",
    [
        "", "freshdesk.com", ".freshdesk.com", "evil.com", "acme.freshdesk.com.evil.com", "evil.com/.freshdesk.com",
        "evilfreshdesk.com",
        "a.b.freshdesk.com", "acme.freshdesk.com:8080", "user:pw@acme.freshdesk.com", "https://evil.com#.freshdesk.com", "127.0.0.1",
        "[::1]",
        "acme.freshdesk.com\r\nX: y", "file:///etc/passwd", "-acme.freshdesk.com", "가나다.freshdesk.com", "169.254.169.254",
    ],
)  # fmt: skip
def test_other_domains_are_refused(given: str) -> None:
    with pytest.raises(AppError) as caught:
        check_address(given, None, NOBODY)
    assert caught.value.code is Code.HOST_NOT_ALLOWED
    assert "DESKLORE_CONNECTOR_HOST_ALLOWLIST" in caught.value.message


def test_a_bare_word_is_a_subdomain() -> None:
    assert check_address("localhost", None, NOBODY) == "localhost.freshdesk.com"


def test_a_base_url_needs_the_operator() -> None:
    url = "http://127.0.0.1:9001/"
    with pytest.raises(AppError) as caught:
        check_address("acme", url, NOBODY)
    assert "127.0.0.1:9001" in caught.value.message
    with pytest.raises(AppError):
        check_address("acme", url, frozenset({"127.0.0.1:9002"}))
    for allowed in ("127.0.0.1", "127.0.0.1:9001"):
        assert check_address("acme", url, frozenset({allowed})) == "acme.freshdesk.com"
        assert origin_of("acme", url, frozenset({allowed})) == (Origin("http", "127.0.0.1", 9001), "")
    with pytest.raises(AppError):
        check_address("acme", "ftp://127.0.0.1", frozenset({"127.0.0.1"}))


def test_a_base_url_may_have_a_path() -> None:
    allowed = frozenset({"proxy.example"})
    assert origin_of("acme", "https://proxy.example/fd/api/v2", allowed) == (Origin("https", "proxy.example", 443), "/fd")


def test_an_allowed_host_may_be_the_domain() -> None:
    assert check_address("desk.example:8443", None, frozenset({"desk.example"})) == "desk.example:8443"
