"""Every endpoint that a sync calls, what it is to a run, and what each fault there has to do to the run; and small helpdesks to call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from backend.core.model.sync import Stream
from sandbox.faults import Kind
from sandbox.freshdesk import change as freshdesk_change
from sandbox.serve import SandboxOptions, SandboxServer, ZendeskServer, running_sandbox, running_zendesk
from sandbox.zendesk import change as zendesk_change

TICKETS, ARTICLES, DELETIONS = Stream.TICKETS, Stream.ARTICLES, Stream.DELETIONS

LIST, ITEM, NAMES, SHELF, BRANCH, TRASH, FILE, SPARE = "list", "item", "names", "shelf", "branch", "trash", "file", "spare"
"""What a run can't do without, one item, names that items are taken without, what articles need, what those of a further brand
need, what tells of deletions, files, and what there is another way for."""


@dataclass(frozen=True)
class Endpoint:
    """One place that is called."""

    match: str
    """A pattern of path and query."""
    role: str
    stream: Stream = TICKETS
    after: int = 0
    """Calls that go well first: the trouble begins in the middle."""


FRESHDESK: Final = (
    Endpoint(r"/v2/tickets\?(?!.*filter)", LIST),
    Endpoint(r"/v2/tickets/\d+\?", ITEM, after=3),
    Endpoint(r"/v2/tickets/\d+/conversations", ITEM),
    Endpoint(r"/v2/agents\?", NAMES),
    Endpoint(r"/v2/groups", NAMES),
    Endpoint(r"/v2/products", NAMES),
    Endpoint(r"/v2/ticket_fields", NAMES),
    Endpoint(r"/v2/companies", NAMES),
    Endpoint(r"/v2/surveys/satisfaction_ratings", NAMES),
    Endpoint(r"/attachments/production/\d+/|/inline/attachment", FILE),
    Endpoint(r"/v2/solutions/categories\?", SHELF, ARTICLES),
    Endpoint(r"/v2/solutions/categories/\d+/folders", SHELF, ARTICLES, after=2),
    Endpoint(r"/v2/solutions/folders/\d+/subfolders", NAMES, ARTICLES),
    Endpoint(r"/v2/solutions/folders/\d+/articles\?", SHELF, ARTICLES, after=2),
    Endpoint(r"/v2/solutions/folders/\d+/articles/en", NAMES, ARTICLES, after=2),
    Endpoint(r"/v2/settings/helpdesk", NAMES, ARTICLES),
    Endpoint(r"/v2/canned_response_folders\?", NAMES, ARTICLES),
    Endpoint(r"/v2/canned_response_folders/\d+/responses", NAMES, ARTICLES, after=1),
    Endpoint(r"/v2/tickets\?.*filter=deleted", LIST, DELETIONS),
    Endpoint(r"/v2/tickets\?.*filter=spam", LIST, DELETIONS),
)
ZENDESK: Final = (
    Endpoint(r"/v2/incremental/tickets/cursor", LIST),
    Endpoint(r"/v2/tickets/\d+/comments", ITEM, after=1),
    Endpoint(r"/v2/ticket_fields", NAMES),
    Endpoint(r"/v2/custom_statuses", NAMES),
    Endpoint(r"/v2/groups", NAMES),
    Endpoint(r"/v2/brands", NAMES),
    Endpoint(r"/attachments/token/|/attachment/\d+", FILE),
    Endpoint(r"/v2/help_center/articles\?", SHELF, ARTICLES),
    Endpoint(r"^//hanbitcloud-pay/.*/help_center/articles\?", BRANCH, ARTICLES),
    Endpoint(r"/v2/help_center/sections", NAMES, ARTICLES),
    Endpoint(r"/v2/help_center/categories", NAMES, ARTICLES),
    Endpoint(r"/v2/help_center/user_segments", NAMES, ARTICLES),
    Endpoint(r"/v2/help_center/articles/\d+/attachments", ITEM, ARTICLES, after=2),
    Endpoint(r"/v2/macros", NAMES, ARTICLES),
    Endpoint(r"/v2/deleted_tickets", TRASH, DELETIONS),
)

ZENDESK_IN_BULK: Final = (
    Endpoint(r"/v2/incremental/tickets/cursor", LIST),
    Endpoint(r"/v2/incremental/ticket_events", SPARE),
)
"""What is called where more than a handful of tickets changed at once."""

CLASSES: Final[dict[Kind, str]] = {
    "429": "limited",
    "429_no_retry_after": "limited",
    "500": "down",
    "502_html": "down",
    "timeout": "down",
    "reset": "down",
    "truncated_json": "malformed",
    "malformed": "malformed",
    "html_200": "malformed",
    "401": "rejected",
    "403": "refused",
}
"""What a fault means."""
PASSING: Final[tuple[Kind, ...]] = ("429", "429_no_retry_after", "500", "502_html", "reset", "truncated_json", "malformed", "html_200")
"""What a second attempt cures; a silent vendor too, which would take its time here."""
ONE_OF_EACH: Final[tuple[Kind, ...]] = ("429", "500", "truncated_json", "401", "403")


def kinds_at(endpoint: Endpoint) -> tuple[Kind, ...]:
    """Every kind at lists and items; elsewhere one of each class, for what a kind means is told before anybody knows who asked."""
    if endpoint.role == FILE:
        # The file store's answers are no JSON that could be cut.
        return ("429", "500", "502_html", "reset", "html_200", "401", "403")
    return tuple(kind for kind in CLASSES if kind != "timeout") if endpoint.role in (LIST, ITEM, BRANCH, SPARE) else ONE_OF_EACH


@asynccontextmanager
async def running_helpdesk(platform: str) -> AsyncIterator[SandboxServer | ZendeskServer]:
    """A small helpdesk in which every endpoint is called."""
    options = SandboxOptions(tickets=14, export_quota=100_000)
    async with running_zendesk(options) if platform != "freshdesk" else running_sandbox(options) as sandbox:
        prepare(sandbox)
        yield sandbox


def prepare(sandbox: SandboxServer | ZendeskServer) -> None:
    """A ticket so long that its turns have a list of their own; and few articles, for they are alike."""
    if isinstance(sandbox, ZendeskServer):
        for number in sorted(sandbox.account.shelf.articles)[:-10]:
            zendesk_change.remove_article(sandbox.site, number)
        return
    for number in sorted(sandbox.account.shelf.articles)[:-10]:
        freshdesk_change.remove_article(sandbox.site, number)
    for number in range(12):
        freshdesk_change.add_turn(sandbox.site, 5, {"body": f"<div>{number}번째 답변</div>"})
