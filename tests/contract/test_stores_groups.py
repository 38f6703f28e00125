"""Lists for somebody who is restricted to groups of tickets."""

from typing import Any

from backend.core.model.document import DocState, DocType
from tests.contract.records import START, Records, doc, ids
from tests.contract.test_stores_documents import put


async def test_tickets_of_other_groups_are_not_listed(records: Records) -> None:
    await put(
        records,
        doc(1, groups=("freshdesk:42", "=결제팀")),
        doc(2, groups=("=결제팀",)),
        doc(3, groups=("freshdesk:43", "=배송팀")),
        doc(4),
        doc(5, doc_type=DocType.ARTICLE),
    )
    async with records.database.open("acme") as work:

        async def listed(*marks: str, **narrow: Any) -> list[str]:
            return ids((await work.documents.list(ticket_groups=frozenset(marks), **narrow))[0])

        assert await listed("=결제팀") == ["5", "2", "1"]
        assert await listed("freshdesk:42") == ["5", "1"]
        assert await listed("freshdesk:43", "=결제팀") == ["5", "3", "2", "1"]
        assert await listed() == await listed("=nobody") == ["5"]
        assert await listed("=결제팀", doc_types=[DocType.TICKET]) == ["2", "1"]
        page, after = await work.documents.list(ticket_groups=frozenset({"freshdesk:42"}), limit=1)
        assert ids(page) == ["5"]
        assert ids((await work.documents.list(ticket_groups=frozenset({"freshdesk:42"}), limit=1, after=after))[0]) == ["1"]
        found = await work.documents.get_many([doc(1).document_id, doc(2).document_id, doc(4).document_id])
        assert {document.original_id: document.groups for document in found.values()} == {
            "1": ("freshdesk:42", "=결제팀"),
            "2": ("=결제팀",),
            "4": (),
        }
        await work.documents.mark_deleted(doc(1).connection_id, DocType.TICKET, {"1": "deleted"}, START)
        assert await listed("freshdesk:42", states=[DocState.DELETED]) == []


async def test_groups_are_those_that_tickets_are_in(records: Records) -> None:
    await put(
        records,
        doc(1, groups=("freshdesk:42", "=결제팀")),
        doc(2, groups=("freshdesk:42", "=결제팀")),
        doc(3, groups=("=billing & settlement",)),
        doc(4, groups=("freshdesk:43",)),
        doc(5),
    )
    async with records.database.open("other") as work:
        await work.documents.put([doc(1, company="other", groups=("freshdesk:44", "=배송팀"))])
    async with records.database.open("acme") as work:
        assert await work.groups.list() == [("=billing & settlement",), ("freshdesk:42", "=결제팀"), ("freshdesk:43",)]
        await work.documents.mark_deleted(doc(1).connection_id, DocType.TICKET, {"3": "deleted", "1": "spam"}, START)
        assert await work.groups.list() == [("freshdesk:42", "=결제팀"), ("freshdesk:43",)], "one that has a ticket left"
