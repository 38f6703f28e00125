"""Which adapters there are, and what they need."""

from importlib import metadata

import pytest

from backend.adapters.http.client import Patience
from backend.adapters.registry import ENTRY_POINTS, Calling, SourceRegistry
from backend.api import helpdesk_login
from backend.core.errors import AppError, Code
from backend.core.model.connection import SourceSettings
from backend.core.model.quota import Lane
from backend.core.model.tenant import Secret
from backend.core.ports.source import Source, SourceFactory
from backend.core.usecases.helpdesk_login import HELPDESKS
from backend.storage.inprocess.budget.budgets import InProcessBudgets


class PaperDesk:
    """An adapter another package could bring."""

    platform = "paperdesk"
    credential_fields: tuple[str, ...] = ("token", "region")

    def check_address(self, domain: str, base_url: str | None, calling: Calling) -> str:
        assert base_url is None
        assert calling.allowed_hosts == frozenset()
        return f"{domain}.paper.example"

    def open(self, settings: SourceSettings, calling: Calling, lane: Lane) -> Source:  # noqa: ARG002 - the shape is the port's
        raise AppError(Code.SOURCE_UNAVAILABLE, f"{settings.domain} is made of paper, all {calling.concurrency} sheets")


class Usurper(PaperDesk):
    """A package that would like to be Freshdesk."""

    platform = "freshdesk"


def registry() -> SourceRegistry:
    return SourceRegistry(frozenset(), 4, Patience(seconds=5, attempts=2), InProcessBudgets(4))


def settings(platform: str, **credentials: str) -> SourceSettings:
    secrets = {name: Secret(value) for name, value in credentials.items()}
    return SourceSettings(company_id="a", connection_id="c", platform=platform, domain="acme", base_url=None, credentials=secrets)


def test_the_headers_of_the_login_are_the_credentials_that_platforms_take() -> None:
    for platform in HELPDESKS:
        choices = registry().credential_choices(platform)
        assert tuple(names for of, names in helpdesk_login.KINDS if of == platform) == choices
        assert set(helpdesk_login.FIELDS[platform]) == {name for names in choices for name in names}


def test_freshdesk_is_there() -> None:
    factory: SourceFactory = registry()
    assert factory.platforms()["freshdesk"] == ("api_key",)
    assert factory.check_address("freshdesk", "https://Acme.freshdesk.com/", None) == "acme.freshdesk.com"


def test_zendesk_takes_two_kinds_of_credential() -> None:
    factory: SourceFactory = registry()
    assert factory.credential_choices("zendesk") == (("email", "api_token"), ("oauth_token",))
    assert factory.check_address("zendesk", "https://Acme.zendesk.com/", None) == "acme.zendesk.com"
    with pytest.raises(AppError) as caught:
        registry().open(settings("zendesk", email="a@b.example"), Lane.LIVE)
    assert "email, api_token or oauth_token" in caught.value.message
    for domain in ("acme.zendesk.com.evil.example", "acme.freshdesk.com", "acme.zendesk.com:8443", "127.0.0.1"):
        with pytest.raises(AppError):
            factory.check_address("zendesk", domain, None)


async def test_opening_asks_nobody() -> None:
    source = registry().open(settings("freshdesk", api_key="k"), Lane.LIVE)
    assert source.quota.calls == 0
    await source.close()


def test_unknown_platforms_and_missing_credentials_are_named() -> None:
    with pytest.raises(AppError) as caught:
        registry().check_address("otherdesk", "acme", None)
    assert caught.value.code is Code.PLATFORM_UNKNOWN
    assert "freshdesk" in caught.value.message
    with pytest.raises(AppError) as caught:
        registry().open(settings("freshdesk", key="k"), Lane.LIVE)
    assert "api_key" in caught.value.message


def test_other_packages_bring_adapters_but_replace_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = metadata.EntryPoints(
        metadata.EntryPoint(name=name, value=f"{__name__}:{name}", group=ENTRY_POINTS) for name in ("PaperDesk", "Usurper")
    )
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda entry: globals()[entry.name])
    monkeypatch.setattr("backend.adapters.registry.entry_points", lambda group: found.select(group=group))
    factory = registry()
    ours = {"freshdesk": ("api_key",), "zendesk": ("email", "api_token"), "file": ()}
    assert factory.platforms() == ours | {"paperdesk": ("token", "region")}
    assert factory.credential_choices("paperdesk") == (("token", "region"),)
    assert factory.check_address("paperdesk", "acme", None) == "acme.paper.example"
    with pytest.raises(AppError, match="made of paper"):
        factory.open(settings("paperdesk", token="t", region="kr"), Lane.LIVE)


def test_secrets_do_not_print() -> None:
    source = registry().open(settings("freshdesk", api_key="super-secret-key"), Lane.LIVE)
    assert "super-secret-key" not in repr(source) + repr(vars(source))
