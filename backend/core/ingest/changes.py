"""Tell whether anything that matters in a ticket or an article has changed.

What makes a change: subject, status, people's names, words, files, tags, fields. What does not: `updated_at` and other times
(a view moves them), the assignee, signed URLs (new at every fetch), the order of tags.
A satisfaction rating counts, since it is shown with the ticket. It costs no summary: summaries are cached by their input.
"""

from collections.abc import Sequence
from typing import Any, Final

from backend.core.ids import content_hash
from backend.core.model.article import Article
from backend.core.model.ticket import Attachment, Conversation, Ticket
from backend.core.text.links import without_addresses

_FORMAT: Final = 1
"""Part of every hash: raise it when items that did not change must be merged anew."""


def content_hash_of(item: Ticket | Article) -> str:
    """SHA-256 (hex) of what matters in an item; the module says what does."""
    return content_hash(_ticket_matter(item) if isinstance(item, Ticket) else _article_matter(item))


def _ticket_matter(ticket: Ticket) -> list[Any]:
    requester = ticket.requester
    return [
        _FORMAT,
        (ticket.original_id, ticket.subject, ticket.status, ticket.status_label, ticket.priority, ticket.presence),
        (requester.original_id, requester.name, requester.email) if requester else None,
        ticket.organization.name if ticket.organization else None,
        (ticket.group, ticket.product, ticket.ticket_type, ticket.channel, ticket.satisfaction),
        sorted(ticket.tags),
        ticket.custom_fields,
        _attachment_matter(ticket.attachments),
        [_turn_matter(turn) for turn in ticket.conversations],
        # Only where there is a group, so that tickets in none have the hash they had before groups mattered by themselves.
        *([("group", ticket.group_id)] if ticket.group or ticket.group_id else ()),
    ]


def _turn_matter(turn: Conversation) -> list[Any]:
    return [
        (turn.original_id, turn.kind, turn.role, turn.private, turn.at),
        (turn.author.original_id, turn.author.name) if turn.author else None,
        without_addresses(turn.html) if turn.html else "",
        turn.text,
        _attachment_matter(turn.attachments),
    ]


def _article_matter(article: Article) -> list[Any]:
    return [
        _FORMAT,
        article.original_id,
        [(each.language, each.title, without_addresses(each.html), each.draft) for each in article.translations],
        (article.category, article.folder, article.visibility, article.canned, article.presence),
        sorted(article.tags),
        _attachment_matter(article.attachments),
        # Only where there is a product, so that articles of none have the hash they had before.
        *([("product", article.product)] if article.product else ()),
    ]


def _attachment_matter(attachments: Sequence[Attachment]) -> list[Any]:
    if not attachments:
        return []
    return sorted((each.original_id, each.name, each.size, each.internal, each.parent_id or "") for each in attachments)
