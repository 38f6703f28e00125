"""Freshdesk's automation webhooks: an HTTP call of a rule, with headers and a body that an admin writes.

https://support.freshdesk.com/support/solutions/articles/132589-using-webhooks-in-automation-rules-that-run-on-ticket-updates
Freshdesk signs nothing, so the rule carries a secret of the connection in a header.
"""

import hmac
from datetime import datetime
from typing import Any, Final

import msgspec

from backend.core.errors import AppError, Code
from backend.core.model.document import DocType
from backend.core.model.tenant import Secret
from backend.core.model.webhook import Delivery, Guide

HEADER: Final = "X-Desklore-Secret"
BODY: Final = '{"ticket_id": "{{ticket.id}}"}'
_MAX_DIGITS: Final = 20


class FreshdeskWebhook:
    """WebhookFormat of Freshdesk."""

    makes_secret = False

    def check(self, delivery: Delivery, secret: Secret, now: datetime) -> str:  # noqa: ARG002 - nothing in it tells the time
        """Compare the header with the secret, in constant time. Nothing tells two deliveries apart: a replay reads a ticket once more."""
        given = delivery.headers.get(HEADER.lower(), "")
        if not hmac.compare_digest(given.encode(), secret.reveal().encode()):
            raise AppError(Code.WEBHOOK_REJECTED)
        return ""

    def items(self, body: bytes) -> tuple[tuple[DocType, str], ...]:
        """The ticket: of a body as the guide has it, or of Freshdesk's own, which lies in `freshdesk_webhook`."""
        try:
            told = msgspec.json.decode(body)
        except (msgspec.MsgspecError, RecursionError):
            raise AppError(Code.UNREADABLE_BODY) from None
        if isinstance(told, dict) and isinstance(told.get("freshdesk_webhook"), dict):
            told = told["freshdesk_webhook"]
        ticket_id = _number(told.get("ticket_id")) if isinstance(told, dict) else ""
        if not ticket_id:
            raise AppError(Code.INVALID_REQUEST, f"The body needs the ticket's number: {BODY}")
        return ((DocType.TICKET, ticket_id),)

    def guide(self, url: str) -> Guide:
        """A rule on new tickets and one on updates."""
        return Guide(
            header=HEADER,
            body=BODY,
            steps_en=(
                "In Freshdesk as an administrator: Admin > Workflows > Automations.",
                "Make two rules, one under 'Ticket Creation' and one under 'Ticket Updates'. "
                "In 'Ticket Updates' choose 'Agent or requester' as who performs it, and add the events 'Ticket is updated', "
                "'Reply is sent', 'Note is added', 'Ticket is deleted' and 'Ticket is marked as spam', as far as your plan shows them.",
                f"As the action choose 'Trigger webhook', request type POST, URL {url}",
                f"Tick 'Add custom headers' and enter: {HEADER}: the secret above",
                f"Encoding JSON, content 'Advanced': {BODY}",
                "Preview and save both rules, then change a ticket: it is found here within seconds.",
            ),
            steps_ko=(
                "Freshdesk에 관리자로 로그인해 관리자 > 워크플로 > 자동화로 갑니다.",
                "'티켓 생성'과 '티켓 업데이트'에 규칙을 하나씩 만듭니다. "
                "'티켓 업데이트'에서는 수행자로 '상담원 또는 요청자'를 고르고, 요금제에서 보이는 범위에서 "
                " '티켓 업데이트됨', '답변 전송됨', '메모 추가됨', '티켓 삭제됨', '스팸으로 표시됨' 이벤트를 추가합니다.",
                f"작업으로 '웹훅 트리거'를 고르고 요청 유형 POST, URL에 {url} 을 넣습니다.",
                f"'사용자 지정 헤더 추가'를 켜고 {HEADER}: 위의 비밀 값 을 넣습니다.",
                f"인코딩은 JSON, 콘텐츠는 '고급'으로 하고 다음을 넣습니다: {BODY}",
                "두 규칙을 저장한 뒤 티켓을 하나 바꿔 보세요. 몇 초 안에 여기서 검색됩니다.",
            ),
        )


def _number(value: Any) -> str:
    """A ticket's number, also as text or as `#12`; empty for anything else."""
    text = str(value).strip().removeprefix("#") if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return str(int(text)) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS and int(text) else ""
