"""Zendesk's webhooks: signed with a secret that Zendesk makes, sent by a trigger or by an event subscription.

The signature is base64(HMAC-SHA256(secret, timestamp + body)): https://developer.zendesk.com/documentation/webhooks/verifying/
Events: https://developer.zendesk.com/api-reference/webhooks/event-types/webhook-event-types/
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from backend.core.errors import AppError, Code
from backend.core.model.document import DocType
from backend.core.model.signing import digest, is_recent
from backend.core.model.tenant import Secret
from backend.core.model.webhook import Delivery, Guide

SIGNATURE: Final = "X-Zendesk-Webhook-Signature"
TIMESTAMP: Final = "X-Zendesk-Webhook-Signature-Timestamp"
BODY: Final = '{"ticket_id": "{{ticket.id}}", "at": "{{ticket.updated_at_with_timestamp}}"}'
_EVENT: Final = "zen:event-type:"
_MAX_DIGITS: Final = 20


class ZendeskWebhook:
    """WebhookFormat of Zendesk."""

    makes_secret = True

    def check(self, delivery: Delivery, secret: Secret, now: datetime) -> str:
        """Check the signature first, in constant time, then the time that it covers."""
        signature, timestamp = (delivery.headers.get(name.lower(), "") for name in (SIGNATURE, TIMESTAMP))
        expected = sign(secret, timestamp, delivery.body)
        if not hmac.compare_digest(signature.encode(), expected.encode()) or not _lately(timestamp, now):
            raise AppError(Code.WEBHOOK_REJECTED)
        return hashlib.sha256(expected.encode()).hexdigest()

    def items(self, body: bytes) -> tuple[tuple[DocType, str], ...]:
        """The ticket of a trigger's body as the guide has it, or the ticket or article of an event; none for other events."""
        try:
            told = msgspec.json.decode(body)
        except (msgspec.MsgspecError, RecursionError):
            raise AppError(Code.UNREADABLE_BODY) from None
        told = told if isinstance(told, dict) else {}
        kind = told.get("type")
        if isinstance(kind, str) and kind.startswith(_EVENT):
            return _of_event(kind.removeprefix(_EVENT), told)
        ticket_id = _number(told.get("ticket_id"))
        if not ticket_id:
            raise AppError(Code.INVALID_REQUEST, f"The body needs the ticket's number: {BODY}")
        return ((DocType.TICKET, ticket_id),)

    def guide(self, url: str) -> Guide:
        """One webhook for Zendesk's events; or, where the plan has none, a webhook and a trigger that calls it."""
        return Guide(
            header="",
            body=BODY,
            steps_en=(
                "In Zendesk's Admin Center as an administrator: Apps and integrations > Webhooks > Create webhook.",
                "Choose 'Zendesk events' and all ticket and article events: they also tell of deletion, spam and merging.",
                f"Endpoint URL {url}, request method POST, request format JSON, authentication none: the signature is what counts.",
                "After it is created choose 'Reveal secret' under 'Signing secret', and enter it here: "
                "desklore connections webhook CONNECTION --signing-secret SECRET",
                "Where your plan has no events, choose 'Trigger or automation' instead, and make a trigger under Objects and rules > "
                "Business rules > Triggers: meet any of 'Ticket is Created' and 'Ticket is Updated', action 'Notify by > Active webhook' "
                f"with the JSON body: {BODY}",
                "Triggers don't fire on deletion: with them, what is deleted goes at the next sync by the schedule.",
            ),
            steps_ko=(
                "Zendesk 관리 센터에 관리자로 로그인해 앱 및 통합 > 웹훅 > 웹훅 만들기로 갑니다.",
                "'Zendesk 이벤트'를 고르고 티켓과 문서의 모든 이벤트를 선택합니다. 삭제, 스팸, 병합도 바로 알려 줍니다.",
                f"엔드포인트 URL {url}, 요청 방법 POST, 요청 형식 JSON, 인증 없음으로 합니다. 서명으로 확인하기 때문입니다.",
                "만든 뒤 '서명 비밀'의 '비밀 표시'를 눌러 나온 값을 다음 명령으로 넣습니다: "
                "desklore connections webhook CONNECTION --signing-secret SECRET",
                "요금제에 이벤트가 없으면 '트리거 또는 자동화'를 고르고, 개체 및 규칙 > 업무 규칙 > 트리거에서 트리거를 만듭니다. "
                "조건은 '티켓이 생성됨', '티켓이 업데이트됨' 중 하나라도 충족, "
                f"작업은 '알림 수단 > 활성 웹훅'이고 JSON 본문은 다음과 같습니다: {BODY}",
                "트리거는 삭제할 때 실행되지 않습니다. 이 경우 삭제된 티켓은 예약된 다음 동기화에서 사라집니다.",
            ),
        )


def sign(secret: Secret, timestamp: str, body: bytes) -> str:
    """The signature Zendesk sends."""
    return base64.b64encode(digest(secret, timestamp.encode() + body)).decode()


def _lately(timestamp: str, now: datetime) -> bool:
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    return is_recent(at if at.tzinfo else at.replace(tzinfo=UTC), now)


def _of_event(name: str, told: dict[str, Any]) -> tuple[tuple[DocType, str], ...]:
    """The item an event is about: `subject` is `zen:ticket:123`, and `detail.id` the same number."""
    kinds = {"ticket": DocType.TICKET, "article": DocType.ARTICLE}
    doc_type = kinds.get(name.partition(".")[0])
    if doc_type is None:
        return ()
    detail = told.get("detail")
    found = _number(detail.get("id")) if isinstance(detail, dict) else ""
    found = found or _number(str(told.get("subject", "")).rpartition(":")[2])
    if not found:
        raise AppError(Code.INVALID_REQUEST, "The event names no item.")
    return ((doc_type, found),)


def _number(value: Any) -> str:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return str(int(text)) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS and int(text) else ""
