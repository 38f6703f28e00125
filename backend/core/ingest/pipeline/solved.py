"""Articles are found by the words of customers they helped: a resolved ticket whose agent linked one lends it its wording.

ticket resolved, an agent's public reply has the article's address -> remembered, the article is indexed anew
article indexed -> a chunk for each such ticket: its title and first message as search terms, the article's text to show
"""

from collections.abc import Sequence
from typing import Final

from backend.core.ids import document_id
from backend.core.model.article import Visibility
from backend.core.model.document import TURN_KINDS, DocState, DocType, Document
from backend.core.model.ticket import Role
from backend.core.ports.database import UnitOfWork
from backend.core.ports.services import Services
from backend.core.text.links import article_ids
from backend.core.text.size import clip_tokens
from backend.core.text.tokens import BigramTokenizer

_RESOLVED: Final = frozenset({"resolved", "closed"})
_WORDING_TOKENS: Final = 300
_MOST: Final = 8
# Two wordings that share this much of their terms (Jaccard) are one.
_ALIKE: Final = 0.8
_TOKENIZER: Final = BigramTokenizer()


async def questions_of(services: Services, company_id: str, documents: Sequence[Document]) -> dict[str, list[str]]:
    """For each article among the Documents what customers wrote whom it helped; at most 8 wordings, no two alike."""
    articles = [document.document_id for document in documents if document.doc_type is DocType.ARTICLE]
    if not articles:
        return {}
    async with services.database.open(company_id) as uow:
        links = await uow.solved.of_articles(articles)
        tickets = await uow.documents.get_many({ticket for of_one in links.values() for ticket in of_one}) if links else {}
    return {article: _distinct([_wording(tickets[ticket]) for ticket in of_one if ticket in tickets]) for article, of_one in links.items()}


async def remember(uow: UnitOfWork, documents: Sequence[Document]) -> None:
    """Keep which articles these tickets were solved with, and have the articles that gain or lose a wording indexed anew."""
    tickets = [document for document in documents if document.doc_type is DocType.TICKET]
    company_id = uow.company_id
    links = {
        ticket.document_id: [document_id(company_id, ticket.platform, DocType.ARTICLE, article) for article in linked_articles(ticket)]
        for ticket in tickets
    }
    await uow.documents.reindex(await uow.solved.replace(links))


def linked_articles(ticket: Document) -> list[str]:
    """Platform ids of the articles an agent sent the customer, where the ticket is resolved; none for others."""
    if ticket.status not in _RESOLVED or ticket.state is DocState.DELETED:
        return []
    replies = (part.text for part in ticket.parts if part.role is Role.AGENT and _public_turn(part.kind, part.visibility))
    return article_ids("\n".join(replies), ticket.platform)


def _wording(ticket: Document) -> str:
    """What the customer was after, in their own words: the title and their first message."""
    first = next((part.text for part in ticket.parts if part.role is Role.CUSTOMER and _public_turn(part.kind, part.visibility)), "")
    if ticket.state is DocState.DELETED or not first:
        return ""
    return clip_tokens(f"{ticket.title}\n{first}", _WORDING_TOKENS)


def _public_turn(kind: str, visibility: Visibility) -> bool:
    return kind in TURN_KINDS and visibility is not Visibility.INTERNAL


def _distinct(wordings: Sequence[str]) -> list[str]:
    kept: list[tuple[str, frozenset[str]]] = []
    for wording in wordings:
        terms = frozenset(_TOKENIZER.terms(wording))
        if terms and all(len(terms & other) < _ALIKE * len(terms | other) for _, other in kept):
            kept.append((wording, terms))
    return [wording for wording, _ in kept[:_MOST]]
