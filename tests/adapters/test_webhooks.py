"""Who sent a webhook, and what it tells of: signatures, secrets, times, and bodies of every shape."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from backend.adapters.freshdesk.webhook import HEADER, FreshdeskWebhook
from backend.adapters.webhooks import WEBHOOKS
from backend.adapters.zendesk.webhook import SIGNATURE, TIMESTAMP, ZendeskWebhook, sign
from backend.core.errors import AppError, Code
from backend.core.model.document import DocType
from backend.core.model.tenant import Secret
from backend.core.model.webhook import Delivery

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECRET = Secret("c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Q=")
BODY = '{"ticket_id": "12", "제목": "환불"}'.encode()


def delivery(at: datetime, body: bytes = BODY, *, signed: bytes | None = None, secret: Secret = SECRET) -> Delivery:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Delivery(headers={SIGNATURE.lower(): sign(secret, stamp, signed or body), TIMESTAMP.lower(): stamp}, body=body)


def test_a_signature_is_what_zendesk_documents() -> None:
    stamp, body = "2021-03-25T05:09:27Z", b"{}"
    # base64(HMAC-SHA256(secret, timestamp + body)), worked out with `openssl dgst -sha256 -hmac`.
    assert sign(Secret("dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="), stamp, body) == "OhyuASlMysBOYZdC/6lrc3gA+Lv49zMKyTnxzdRguy4="


def test_each_delivery_of_zendesk_has_a_digest_of_its_own() -> None:
    one = ZendeskWebhook().check(delivery(NOW), SECRET, NOW)
    assert one == ZendeskWebhook().check(delivery(NOW), SECRET, NOW + timedelta(minutes=2))
    assert one != ZendeskWebhook().check(delivery(NOW + timedelta(seconds=1)), SECRET, NOW)
    assert one != ZendeskWebhook().check(delivery(NOW, b"{}"), SECRET, NOW)


@pytest.mark.parametrize(
    "forged",
    [
        delivery(NOW - timedelta(minutes=6)),
        delivery(NOW + timedelta(minutes=6)),
        delivery(NOW, signed=b"{}"),
        delivery(NOW, secret=Secret("another")),
        Delivery(headers={}, body=BODY),
        Delivery(headers={SIGNATURE.lower(): "서명", TIMESTAMP.lower(): "어제"}, body=BODY),
        Delivery(headers={SIGNATURE.lower(): sign(SECRET, "soon", BODY), TIMESTAMP.lower(): "soon"}, body=BODY),
    ],
)
def test_what_zendesk_did_not_send_lately_is_rejected(forged: Delivery) -> None:
    with pytest.raises(AppError) as refused:
        ZendeskWebhook().check(forged, SECRET, NOW)
    assert refused.value.code is Code.WEBHOOK_REJECTED


def test_a_secret_of_freshdesk_is_compared_whole() -> None:
    assert FreshdeskWebhook().check(Delivery(headers={HEADER.lower(): SECRET.reveal()}, body=BODY), SECRET, NOW) == ""
    for given in ("", SECRET.reveal()[:-1], SECRET.reveal() + " ", "비밀"):
        with pytest.raises(AppError) as refused:
            FreshdeskWebhook().check(Delivery(headers={HEADER.lower(): given}, body=BODY), SECRET, NOW)
        assert refused.value.code is Code.WEBHOOK_REJECTED


@pytest.mark.parametrize("told", [{"ticket_id": 12}, {"ticket_id": "12"}, {"ticket_id": " 12 ", "subject": None}])
def test_a_ticket_is_named(told: object) -> None:
    for known in WEBHOOKS.values():
        assert known.items(json.dumps(told).encode()) == ((DocType.TICKET, "12"),)
    assert FreshdeskWebhook().items(json.dumps({"freshdesk_webhook": told}).encode()) == ((DocType.TICKET, "12"),)
    assert FreshdeskWebhook().items(b'{"ticket_id": "#12"}') == ((DocType.TICKET, "12"),)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.UNREADABLE_BODY),
        (b"\xff\xfe", Code.UNREADABLE_BODY),
        (b"[" * 50_000, Code.UNREADABLE_BODY),
        (b"[]", Code.INVALID_REQUEST),
        (b"{}", Code.INVALID_REQUEST),
        (b'{"ticket_id": true}', Code.INVALID_REQUEST),
        (b'{"ticket_id": "../12"}', Code.INVALID_REQUEST),
        (b'{"ticket_id": 0}', Code.INVALID_REQUEST),
        (b'{"ticket_id": -5}', Code.INVALID_REQUEST),
        ('{"ticket_id": "１２"}'.encode(), Code.INVALID_REQUEST),
        (b'{"ticket_id": "' + b"9" * 300 + b'"}', Code.INVALID_REQUEST),
        (b'{"ticket_id": "{{ticket.id}}"}', Code.INVALID_REQUEST),
    ],
)
def test_a_body_that_names_nothing_is_refused(body: bytes, code: Code) -> None:
    for known in WEBHOOKS.values():
        with pytest.raises(AppError) as refused:
            known.items(body)
        assert refused.value.code is code


@pytest.mark.parametrize(
    ("told", "items"),
    [
        ({"type": "zen:event-type:ticket.soft_deleted", "subject": "zen:ticket:7", "detail": {"id": "7"}}, ((DocType.TICKET, "7"),)),
        ({"type": "zen:event-type:ticket.a_new_kind", "subject": "zen:ticket:7", "detail": None}, ((DocType.TICKET, "7"),)),
        ({"type": "zen:event-type:article.published", "subject": "zen:article:8", "detail": {"id": 8}}, ((DocType.ARTICLE, "8"),)),
        ({"type": "zen:event-type:user.created", "subject": "zen:user:9", "detail": {"id": "9"}}, ()),
    ],
)
def test_events_of_zendesk(told: dict[str, object], items: tuple[tuple[DocType, str], ...]) -> None:
    assert ZendeskWebhook().items(json.dumps(told).encode()) == items


def test_guides_name_the_address_in_both_languages() -> None:
    for known in WEBHOOKS.values():
        guide = known.guide("https://desklore.example/api/v1/webhooks/x/conn_1")
        for steps in (guide.steps_en, guide.steps_ko):
            assert any("https://desklore.example/api/v1/webhooks/x/conn_1" in step for step in steps)
            assert any(guide.body in step for step in steps)
