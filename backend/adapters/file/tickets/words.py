"""What people write into a cell for a status, a priority, a role, yes and no: in Korean and English."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from backend.core.model.ticket import Priority, Role, Status

_CLEAN: Final = re.compile(r"[\W_]+")
_WORD_MAX: Final = 60
"""Characters; what is longer is no word that comes again."""


def _table(words: Mapping[Any, str]) -> dict[str, Any]:
    return {word: meaning for meaning, listed in words.items() for word in listed.split()}


_STATUSES: Final[dict[str, Status]] = _table(
    {
        Status.OPEN: "open new reopened inprogress active todo unresolved assigned "
        "신규 접수 접수됨 접수완료 미처리 진행 진행중 처리중 열림 오픈 재문의 재오픈 미해결 배정 미답변 답변대기",
        Status.PENDING: "pending hold onhold waiting waitingoncustomer waitingonthirdparty awaitingcustomer "
        "보류 보류중 대기 대기중 고객대기 회신대기 고객회신대기 확인중",
        Status.RESOLVED: "resolved solved done fixed answered complete completed "
        "해결 해결됨 해결완료 답변완료 처리완료 완료 조치완료 회신완료",
        Status.CLOSED: "closed cancelled canceled archived 종료 종결 마감 닫힘 취소 종료됨",
    }
)
_PRIORITIES: Final[dict[str, Priority]] = _table(
    {
        Priority.LOW: "low minor trivial p4 p5 낮음 하 낮은",
        Priority.MEDIUM: "medium normal moderate p3 보통 중 일반 중간",
        Priority.HIGH: "high major important p2 높음 상 중요 높은",
        Priority.URGENT: "urgent critical blocker highest p1 p0 긴급 최우선 매우높음 심각 즉시",
    }
)
_ROLES: Final[dict[str, Role]] = _table(
    {
        Role.CUSTOMER: "customer requester enduser user client visitor incoming inbound 고객 문의자 요청자 사용자 회원 수신",
        Role.AGENT: "agent admin administrator staff support operator owner outgoing outbound 상담원 상담사 담당자 직원 관리자 운영자 발신",
        Role.SYSTEM: "system bot automation auto 시스템 자동 봇",
    }
)
_ANSWERS: Final[dict[str, bool]] = _table(
    {
        True: "true yes y 1 o on 예 네 참 private internal 비공개 내부 내부용 삭제 삭제됨 스팸",
        False: "false no n 0 x off 아니오 아니요 거짓 public external 공개 외부 외부용",
    }
)

# The vendors' numbers: https://developers.freshdesk.com/api/#ticket_attributes
_FRESHDESK_STATUSES: Final = {"2": Status.OPEN, "3": Status.PENDING, "4": Status.RESOLVED, "5": Status.CLOSED}
_FRESHDESK_PRIORITIES: Final = {"1": Priority.LOW, "2": Priority.MEDIUM, "3": Priority.HIGH, "4": Priority.URGENT}
_FRESHDESK_LABELS: Final = {"2": "Open", "3": "Pending", "4": "Resolved", "5": "Closed"}
_FRESHDESK_CHANNELS: Final = {
    "1": "email",
    "2": "portal",
    "3": "phone",
    "4": "forum",
    "5": "twitter",
    "6": "facebook",
    "7": "chat",
    "9": "feedback_widget",
    "10": "outbound_email",
}


def clean(text: str) -> str:
    """Case, spaces and marks left out."""
    return _cleaned(text) if len(text) <= _WORD_MAX else _CLEAN.sub("", text.casefold())


@lru_cache(maxsize=1_024)
def _cleaned(text: str) -> str:
    """A file has some ten words for its statuses, and says one of them in every row."""
    return _CLEAN.sub("", text.casefold())


def status_of(text: str, preset: str, declared: Mapping[str, str], *, solved: bool) -> tuple[Status, str]:
    """The status and how people call it; where none is told, `solved` says which it is."""
    if not text:
        return (Status.RESOLVED, "Resolved") if solved else (Status.OPEN, "Open")
    own = declared.get(text) or declared.get(text.casefold())
    if own:
        return Status(own), text
    if preset == "freshdesk" and text in _FRESHDESK_STATUSES:
        return _FRESHDESK_STATUSES[text], _FRESHDESK_LABELS[text]
    return _STATUSES.get(clean(text), Status.OTHER), text


def priority_of(text: str, preset: str) -> Priority:
    """The priority, MEDIUM where it is not told or not known."""
    if preset == "freshdesk" and text in _FRESHDESK_PRIORITIES:
        return _FRESHDESK_PRIORITIES[text]
    return _PRIORITIES.get(clean(text), Priority.MEDIUM)


def channel_of(text: str, preset: str) -> str | None:
    """How it came in."""
    if preset == "freshdesk" and text in _FRESHDESK_CHANNELS:
        return _FRESHDESK_CHANNELS[text]
    return text.lower() or None


def role_of(text: str) -> Role | None:
    """Who that is, None where it is not told."""
    return _ROLES.get(clean(text))


def is_yes(value: Any) -> bool:
    """Whether it says yes; nothing says no."""
    return value is True or (value is not None and _ANSWERS.get(clean(str(value))) is True)


def is_no(value: Any) -> bool:
    """Whether it says no; nothing does not."""
    return value is False or (value is not None and _ANSWERS.get(clean(str(value))) is False)
