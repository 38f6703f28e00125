"""What a caller may know of: the one place that says so of a Document; filters of the index and of lists say the same."""

import hashlib

import msgspec
from msgspec import Struct

from backend.core.model.article import Visibility
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.tenant import Caller, Role, Scope


class Sight(Struct, frozen=True):
    """All of a caller and a request that a ticket's brief hangs on: whoever has the same sight sees the same."""

    internal: bool
    """Whether private notes and agents-only articles are seen."""
    groups: tuple[str, ...] | None
    """Marks of the groups whose tickets are seen, sorted; None: all tickets."""
    top_k: int
    """How many similar tickets and articles, each."""

    @property
    def id(self) -> str:
        """A short name that no other sight has."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]

    def caller(self, company_id: str) -> Caller:
        """Somebody of the company who sees this, and may do nothing else."""
        scopes = frozenset({Scope.QUERY, Scope.INTERNAL_READ} if self.internal else {Scope.QUERY})
        groups = None if self.groups is None else frozenset(self.groups)
        return Caller(role=Role.AGENT, scopes=scopes, company_id=company_id, groups=groups)


def may_see(caller: Caller, document: Document) -> bool:
    """Whether this Document exists for the caller: not agents-only for others, and no ticket of a group that is not theirs."""
    if document.visibility is Visibility.INTERNAL and not caller.sees_internal:
        return False
    return document.doc_type is not DocType.TICKET or caller.groups is None or not caller.groups.isdisjoint(document.groups)


def is_there(caller: Caller, document: Document | None) -> bool:
    """Whether there is such a Document, and for this caller. One that is hidden is told like one that isn't there."""
    return document is not None and document.state is not DocState.DELETED and may_see(caller, document)
