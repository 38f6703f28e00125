"""The shapes of the generated history, before they become a vendor's JSON."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

Json = dict[str, Any]


class ProblemText(msgspec.Struct, frozen=True):
    """One recurring problem in one language, as people write about it; `{name}` marks a fact of the single ticket."""

    subjects: list[str]
    asks: list[str]
    diagnosis: str
    answer: str
    cause: str
    steps: list[str]
    note: str
    thanks: str
    #: How someone asks later; deliberately in words that differ from the tickets, for judging a search.
    question: str
    title: str


class Problem(msgspec.Struct, frozen=True):
    """A problem that comes back again and again, with its one solution."""

    key: str
    area: str
    type: str
    priority: int
    group: str
    code: str
    tags: list[str]
    ko: ProblemText
    en: ProblemText
    mixed_subjects: list[str] = []
    mixed_asks: list[str] = []

    def text(self, lang: str) -> ProblemText:
        """The texts agents use for a requester of this language (mixed writers are answered in Korean)."""
        return self.en if lang == "en" else self.ko


@dataclass(slots=True)
class Person:
    """A contact or an agent."""

    id: int
    name: str
    email: str
    lang: str
    company_id: int | None = None
    mobile: str | None = None
    phone: str | None = None
    job_title: str | None = None
    #: The program this person answers with; decides what quoted history looks like.
    mailer: str = "gmail"


@dataclass(slots=True)
class Company:
    """A seller that uses the vendor's product."""

    id: int
    name: str
    domain: str
    lang: str
    shop_id: str
    industry: str


@dataclass(slots=True)
class Attachment:
    """A file on a ticket, a conversation or an article; its bytes are made when somebody asks."""

    id: int
    name: str
    content_type: str
    kind: str
    created_at: int
    #: What the file says, line by line; the facts in it occur nowhere else in the account.
    lines: tuple[str, ...] = ()
    inline: bool = False


@dataclass(slots=True)
class Turn:
    """One conversation of a ticket."""

    id: int
    user_id: int
    created_at: int
    body: str
    incoming: bool
    private: bool = False
    source: int = 0
    category: int = 3
    to_emails: list[str] = field(default_factory=list)
    from_email: str | None = None
    cc_emails: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    auto_response: bool = False
    updated_at: int = 0
    body_text: str | None = None


@dataclass(slots=True)
class Story:
    """All that is written in a ticket."""

    description: str
    attachments: list[Attachment]
    turns: list[Turn]


@dataclass(slots=True)
class Ticket:
    """The outline of a ticket; its story is told from this and the seed, whenever it is needed."""

    id: int
    lang: str
    subject: str
    #: Which course the case takes: solved, quick, waiting, escalated, silent, long, monitor, spam, noise, merged, ...
    flow: str
    problem: str | None
    requester_id: int
    company_id: int | None
    responder_id: int | None
    group_id: int | None
    product_id: int | None
    status: int
    priority: int
    source: int
    type: str | None
    created_at: int
    updated_at: int
    resolved_at: int | None
    closed_at: int | None
    tags: tuple[str, ...]
    variant: int = 0
    #: live, deleted, spam or archived.
    state: str = "live"
    #: Fields that were changed through the API or the control API, over what the outline says.
    changes: Json = field(default_factory=dict)
    merged_into: int | None = None
