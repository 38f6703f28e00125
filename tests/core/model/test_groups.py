"""Groups by id and by name, as helpdesks and people write them."""

import unicodedata

import pytest

from backend.core.model.groups import both, covers, is_id, mark_of, marks, marks_of, named, told, unknown


def test_a_group_is_known_by_id_and_by_name() -> None:
    assert marks_of("freshdesk", "42", "결제팀") == ("freshdesk:42", "=결제팀")
    assert marks_of("freshdesk", "42", None) == ("freshdesk:42",)
    assert marks_of("file", None, "Billing  Team") == ("=billing team",)
    assert marks_of("file", None, "  ") == marks_of("zendesk", None, None) == ()
    assert [is_id(mark) for mark in marks_of("zendesk", "7", "x")] == [True, False]


@pytest.mark.parametrize(
    ("written", "mark"),
    [
        ("freshdesk:42", "freshdesk:42"),
        (" freshdesk:42 ", "freshdesk:42"),
        ("Billing TEAM", "=billing team"),
        (unicodedata.normalize("NFD", "결제팀"), "=결제팀"),
        ("42", "=42"),
        ("=x", "==x"),
        ("a:b", "=a:b"),
    ],
)
def test_people_name_it_either_way(written: str, mark: str) -> None:
    assert mark_of(written) == mark


def test_a_name_never_is_an_id() -> None:
    # Whoever may name groups on the helpdesk can't make one look like another's id.
    assert marks_of("file", None, "freshdesk:42") == ("=freshdesk:42",)
    seen = marks(["freshdesk:42"])
    assert seen is not None
    assert seen.isdisjoint(marks_of("file", None, "freshdesk:42"))


def test_two_restrictions_hold_together() -> None:
    one, other = frozenset({"=a", "=b"}), frozenset({"=b", "=c"})
    assert both(None, None) is None
    assert both(one, None) == both(None, one) == one
    assert both(one, other) == frozenset({"=b"})
    assert both(one, frozenset()) == frozenset()
    assert covers(None, one)
    assert covers(one, frozenset({"=a"}))
    assert not covers(one, None)
    assert not covers(one, other)
    assert marks(None) is None
    assert named(frozenset({"freshdesk:42", "=결제팀"})) == ["freshdesk:42", "결제팀"]


def test_groups_that_no_ticket_is_in_are_told_as_they_were_written() -> None:
    there = [("freshdesk:42", "=결제팀"), ("=billing & settlement",), ("freshdesk:43",)]
    assert unknown(["Billing", "결제팀", "freshdesk:43", "freshdesk:44", "BILLING & Settlement"], there) == ("Billing", "freshdesk:44")
    assert unknown(["Billing"], []) == ("Billing",)
    assert told(there) == ("billing & settlement", "freshdesk:43", "결제팀")
