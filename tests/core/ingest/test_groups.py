"""A ticket's group on its way into the Document, and what it means for changes."""

import msgspec

from backend.core.ingest.changes import content_hash_of
from tests.core.ingest.test_merge import DESCRIPTION, merged, ticket


def test_a_ticket_has_the_marks_of_its_group_and_of_no_field_that_is_called_so() -> None:
    assert merged(ticket(DESCRIPTION, group="결제팀", group_id="43")).groups == ("freshdesk:43", "=결제팀")
    assert merged(ticket(DESCRIPTION, group=None, custom_fields={"Group": "결제팀"})).groups == ()


def test_a_ticket_without_a_group_has_the_hash_it_had_before_groups_counted() -> None:
    bare = ticket(DESCRIPTION, group=None)
    assert content_hash_of(bare) != content_hash_of(msgspec.structs.replace(bare, group_id="42"))
    assert content_hash_of(bare) == "b45e288fed938d302e1ae57784f632dfc979ec165410d4c0addf22d8031f9dad"
