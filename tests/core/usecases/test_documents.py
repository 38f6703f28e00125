"""What a caller may see of Documents, attachments and feedback on them."""

import msgspec
import pytest

from backend.core.errors import AppError, Code
from backend.core.model.document import DocState
from backend.core.model.tenant import Role
from backend.core.usecases import attachments, documents
from tests.api.house import House, ticket_id
from tests.core.usecases.conftest import CallerOf


async def test_the_internal_summary_never_leaves_as_such(house: House, caller: CallerOf) -> None:
    for role, seen in ((Role.AGENT, "비밀메모: 박과장"), (Role.MEMBER, "")):
        document, _ = await documents.get_document(house.services, "acme", ticket_id("acme"), caller=caller(role))
        assert document.internal_summary is None
        assert document.summary is not None
        assert document.summary.cause == seen


async def test_a_deleted_document_is_gone_with_its_files(house: House, caller: CallerOf) -> None:
    async with house.services.database.open("acme") as uow:
        document = await uow.documents.get(ticket_id("acme"))
        assert document is not None
        await uow.documents.put([msgspec.structs.replace(document, state=DocState.DELETED)])
    admin = caller(Role.ADMIN)
    with pytest.raises(AppError) as missing:
        await documents.get_document(house.services, "acme", ticket_id("acme"), caller=admin)
    assert missing.value.code is Code.DOCUMENT_NOT_FOUND
    with pytest.raises(AppError) as no_file:
        await attachments.open_attachment(house.services, "acme", "paper-f1", caller=admin)
    assert no_file.value.code is Code.ATTACHMENT_NOT_FOUND


async def test_a_file_that_was_lost_is_told(house: House, caller: CallerOf) -> None:
    await house.services.blobs.open("acme").delete("attachments/paper/f1")
    with pytest.raises(AppError) as no_file:
        await attachments.open_attachment(house.services, "acme", "paper-f1", caller=caller(Role.ADMIN))
    assert no_file.value.code is Code.ATTACHMENT_NOT_FOUND
