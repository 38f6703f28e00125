"""What the agent copilot is asked and what it gives: a ticket's brief, answers with results by type, reply drafts."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from backend.core.errors import Code
from backend.core.model.answer import Answer, Citation
from backend.core.model.budget import Usage
from backend.core.model.document import Summary
from backend.core.model.search import Filters, Hit


class BriefSource(StrEnum):
    """Where a ticket's brief came from."""

    STORE = "store"
    """The ticket was stored and summarized before."""
    HELPDESK = "helpdesk"
    """It was fetched and summarized on the spot."""


class Intent(StrEnum):
    """What a question wants."""

    LOOKUP = "lookup"
    """Tickets that it names by their numbers, and that are there: they are listed first, and the answer rests on them."""
    QUESTION = "question"
    """An answer from whatever speaks about it."""


class Tone(StrEnum):
    """How a reply sounds."""

    FRIENDLY = "friendly"
    FORMAL = "formal"
    CONCISE = "concise"


class ReplyLength(StrEnum):
    """How long a reply is."""

    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


class RewriteAction(StrEnum):
    """What is to be done with a draft."""

    REPHRASE = "rephrase"
    SHORTEN = "shorten"
    EXPAND = "expand"
    TRANSLATE = "translate"
    TONE = "tone"
    """Say the same in another tone."""


class TicketBrief(Struct, frozen=True, kw_only=True):
    """What an agent sees on opening a ticket: what it is about, what solved others like it, what explains it."""

    document_id: str
    connection_id: str
    platform: str
    ticket_id: str
    """The ticket's id on its platform."""
    title: str
    status: str | None = None
    status_label: str | None = None
    priority: str | None = None
    product: str | None = None
    requester: str | None = None
    language: str = ""
    tags: tuple[str, ...] = ()
    url: str | None = None
    created_at: datetime
    updated_at: datetime
    summary: Summary | None = None
    """From all parts for callers with `internal:read`, from the public ones for others; None where there is none."""
    similar: tuple[Hit, ...] = ()
    """Tickets like this one, best first, without itself."""
    articles: tuple[Hit, ...] = ()
    """Articles that may answer it, best first."""
    degraded: Code | None = None
    """Why meaning took no part in finding them though it weighs: the embedder's error."""
    took_ms: float
    source: BriefSource


class OpenedBrief(Struct, frozen=True, kw_only=True):
    """A brief and the HTTP entity tag of its content."""

    brief: TicketBrief
    etag: str


class BriefEvent(Struct, frozen=True, kw_only=True):
    """One part of a brief that was found: `ticket`, `summary`, `similar`, `articles`; at last `done`."""

    name: str
    brief: TicketBrief
    """With all that was found until now."""


class AskInput(Struct, frozen=True, kw_only=True):
    """A question and how to search for its answer."""

    question: str
    filters: Filters = Filters()
    top_k: int = 10
    """Results of each type."""
    offset: int = 0
    """How many results of each type to leave out: for further pages."""
    language: str | None = None
    """ISO 639-1 of the answer; None: the question's own."""


class FoundByType(Struct, frozen=True, kw_only=True):
    """A page of what was found of each type, best first."""

    tickets: tuple[Hit, ...] = ()
    articles: tuple[Hit, ...] = ()
    """Of a helpdesk."""
    documents: tuple[Hit, ...] = ()
    """Of a connection of files."""
    attachments: tuple[Hit, ...] = ()
    """Whatever its type: Documents whose best chunk lies in an attachment."""


class QueryResult(FoundByType, frozen=True, kw_only=True):
    """A grounded answer and what was found, by type."""

    answer: Answer
    intent: Intent = Intent.QUESTION
    degraded: Code | None = None
    """Why meaning took no part in finding them though it weighs: the embedder's error."""
    took_ms: float


class FoundHits(FoundByType, frozen=True, kw_only=True):
    """What a streamed answer rests on, and what was found, by type."""

    hits: tuple[Hit, ...]
    answerable: bool
    intent: Intent = Intent.QUESTION
    degraded: Code | None = None
    """Why meaning took no part in finding them though it weighs: the embedder's error."""
    took_ms: float


class ReplyInput(Struct, frozen=True, kw_only=True):
    """Which ticket to draft a reply for, and how it shall sound."""

    ticket_id: str
    """The ticket's id on its platform."""
    platform: str | None = None
    """None: whichever platform has a ticket of this id."""
    tone: Tone = Tone.FRIENDLY
    language: str | None = None
    """ISO 639-1; None: the ticket's own."""
    hint: str = ""
    """What the agent wants the reply to say."""
    length: ReplyLength = ReplyLength.MEDIUM


class ReplyDraft(Struct, frozen=True, kw_only=True):
    """A draft of a reply to the customer; nothing INTERNAL is in it or cited by it."""

    draft_id: str
    document_id: str
    ticket_id: str
    text: str
    language: str
    tone: Tone
    length: ReplyLength = ReplyLength.MEDIUM
    citations: tuple[Citation, ...] = ()
    grounded: bool
    """False: no source says how to solve it; the draft only acknowledges and asks."""
    warnings: tuple[str, ...] = ()
    """What the agent should check before sending."""
    model: str
    provider: str
    usage: Usage
    created_at: datetime


class RewriteInput(Struct, frozen=True, kw_only=True):
    """A draft and what is to be done with it."""

    text: str
    action: RewriteAction
    language: str | None = None
    """ISO 639-1 of the new text; None: the text's own. A translation needs it."""
    tone: Tone | None = None
    """None: as it is. A change of tone needs it."""


class Rewritten(Struct, frozen=True, kw_only=True):
    """A draft written anew; its `[n]` citations are those it had."""

    text: str
    action: RewriteAction
    language: str
    tone: Tone | None = None
    warnings: tuple[str, ...] = ()
    """What the agent should check: numbers, codes and addresses that were lost or have come from nowhere."""
    model: str
    provider: str
    usage: Usage
    created_at: datetime
