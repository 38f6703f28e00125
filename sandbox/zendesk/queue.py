"""The mail that waits in the queue of suspended tickets.

Causes and their ids: https://developer.zendesk.com/documentation/ticketing/reference-guides/suspensions-reference/
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.data.account import Account
from sandbox.data.mail import paragraphs

_BASE = 67_780_000_000
CAUSES = {
    "Detected as spam": 0,
    "Automated response mail": 3,
    "Unknown user tried to update existing ticket": 5,
    "Automated response mail, out of office": 8,
    "Email has no content": 11,
}
"""Cause -> its id."""
SPAM, _AUTOMATED, _UNKNOWN, _AWAY, _ = CAUSES
_MADE_UP = (
    ("부재중 자동 회신", "현재 휴가 중입니다. 11월 30일에 확인하고 회신드리겠습니다.", _AWAY, "jiwon.baek@nuri-mall.example"),
    ("Out of office: back on Monday", "I am away. Please write to sales@northpeak.example.", _AUTOMATED, "ben@northpeak.example"),
    ("[광고] 쇼핑몰 매출 3배 올리는 비법", "무료 상담 신청하시고 사은품 받아 가세요.", SPAM, "promo@bigsale.example"),
    ("Your parcel is waiting", "Pay the customs fee within 24 hours to receive your parcel.", SPAM, "notice@parcel-desk.example"),
    ("Re: 결제 승인 오류", "담당자가 바뀌어 제가 대신 답장드립니다. 아직 같은 오류가 납니다.", _UNKNOWN, "minho.cha@dami-store.example"),
)  # fmt: skip


@dataclass(slots=True)
class Mail:
    """One mail in the queue."""

    name: str
    email: str
    subject: str
    content: str
    cause: str
    created_at: int
    author_id: int | None = None
    ticket_id: int | None = None
    """The ticket it answers."""
    id: int = 0


class Queue:
    """What waits, by id: at first the spam that never became a ticket, and some mail of the last days."""

    def __init__(self, account: Account, spam: Iterable[int]) -> None:
        self.mails: dict[int, Mail] = {}
        self._last = _BASE
        for number in sorted(spam):
            ticket = account.tickets[number]
            content = account.story(number).description
            self.add(Mail("sender", "noreply@spam.example", ticket.subject, content, SPAM, ticket.created_at))
        answered = next((t.id for t in account.tickets.values() if t.state == "live" and t.merged_into is None), None)
        for days, (subject, body, cause, email) in enumerate(_MADE_UP, start=1):
            mail = Mail(email.partition("@")[0], email, subject, paragraphs(body), cause, account.reference - days * 86_400)
            mail.ticket_id = answered if cause == _UNKNOWN else None
            self.add(mail)

    def add(self, mail: Mail) -> Mail:
        """Let one more wait, under an id that none had before."""
        self._last += 1
        mail.id = self._last
        self.mails[mail.id] = mail
        return mail
