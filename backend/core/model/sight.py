"""What a caller may know of: the one place that says so of a Document; filters of the index and of lists say the same."""

from backend.core.model.article import Visibility
from backend.core.model.document import DocState, DocType, Document
from backend.core.model.tenant import Caller


def may_see(caller: Caller, document: Document) -> bool:
    """Whether this Document exists for the caller: not agents-only for others, and no ticket of a group that is not theirs."""
    if document.visibility is Visibility.INTERNAL and not caller.sees_internal:
        return False
    return document.doc_type is not DocType.TICKET or caller.groups is None or not caller.groups.isdisjoint(document.groups)


def is_there(caller: Caller, document: Document | None) -> bool:
    """Whether there is such a Document, and for this caller. One that is hidden is told like one that isn't there."""
    return document is not None and document.state is not DocState.DELETED and may_see(caller, document)
