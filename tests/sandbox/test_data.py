"""The history is the same every time, and rich enough to be believed."""

import re
from collections import Counter

import pytest

from backend.core.model.personal import Kind
from backend.core.text.personal import find
from sandbox.data import library
from sandbox.data.account import Account
from sandbox.data.mail import plain
from sandbox.options import DEFAULT_REFERENCE


def _account(seed: int = 7, tickets: int = 400) -> Account:
    return Account(seed=seed, tickets=tickets, reference=DEFAULT_REFERENCE, name="Hanbit Cloud")


@pytest.fixture(scope="module")
def account() -> Account:
    """The default account."""
    return _account()


def test_same_seed_same_data_other_seed_other_data() -> None:
    assert _account(tickets=80).fingerprint() == _account(tickets=80).fingerprint()
    assert _account(seed=8, tickets=80).fingerprint() != _account(tickets=80).fingerprint()


def test_two_accounts_share_ids_but_no_stories() -> None:
    one, two = _account(tickets=60), _account(seed=8, tickets=60)
    assert set(one.tickets) == set(two.tickets)
    told = [number for number in one.tickets if one.tickets[number].problem and two.tickets[number].problem]
    assert len(told) > 40
    assert all(one.story(number).description != two.story(number).description for number in told)


def test_every_problem_has_tickets_and_an_article(account: Account) -> None:
    judgements = account.judgements()
    assert len(judgements) >= 36
    assert all(len(judgement.ticket_ids) >= 3 and judgement.article_ids for judgement in judgements)
    assert len({problem.code for problem in library.problems()}) == len(judgements)


def test_questions_are_held_out(account: Account) -> None:
    told = "".join(plain(account.story(number).description) for number in account.tickets)
    shelved = "".join(plain(text.body) for article in account.shelf.articles.values() for text in article.texts.values())
    for judgement in account.judgements():
        for question in judgement.questions.values():
            assert question not in told
            assert question not in shelved


def test_no_slot_stays_open(account: Account) -> None:
    for ticket in account.tickets.values():
        story = account.story(ticket.id)
        for text in (ticket.subject, story.description, *(turn.body for turn in story.turns)):
            assert not re.search(r"(?<!\{)\{[a-z_]+\}", text), text
    for article in account.shelf.articles.values():
        assert not any("{" in text.body for text in article.texts.values())


def test_times_are_in_order_and_end_at_the_reference(account: Account) -> None:
    for ticket in account.tickets.values():
        times = [turn.created_at for turn in account.turns(ticket.id)]
        assert times == sorted(times)
        assert all(ticket.created_at <= at <= ticket.updated_at for at in times)
        assert ticket.updated_at <= account.reference


def test_the_mix_is_believable(account: Account) -> None:
    tickets = account.tickets.values()
    languages = Counter(ticket.lang for ticket in tickets)
    lengths = [len(account.turns(ticket.id)) for ticket in tickets]
    states = Counter(ticket.state for ticket in tickets)
    assert min(languages.values()) >= 20
    assert 0 in lengths
    assert sum(length > 10 for length in lengths) >= 5
    assert max(lengths) > 100
    assert (states["deleted"], states["spam"], states["archived"]) == (5, 5, 8)
    assert len({ticket.status for ticket in tickets}) >= 7
    assert len(account.people.agents) >= 12
    assert len(account.people.contacts) >= 150
    assert len(account.people.companies) >= 30


def test_history_is_quoted_in_both_languages_and_programs(account: Account) -> None:
    bodies = "".join(turn.body for number in account.tickets for turn in account.turns(number))
    for mark in (
        "님이 작성:",
        " wrote:",
        "-----원본 메시지-----",
        "보낸 사람:",
        "-----Original Message-----",
        "나의 iPhone에서 보냄",
        "<table",
        "<ol>",
    ):
        assert mark in bodies


def test_tiny_accounts_work() -> None:
    for size in (0, 1, 9, 10, 49):
        assert len(_account(tickets=size).tickets) == size


def test_a_large_account_keeps_its_specials() -> None:
    states = Counter(ticket.state for ticket in _account(tickets=5_000).tickets.values())
    assert (states["deleted"], states["spam"], states["archived"]) == (5, 5, 8)


def test_some_customers_tell_too_much_of_every_kind(account: Account) -> None:
    stories = {number: plain(account.story(number).description) for number in account.tickets}
    found = {number: {span.kind for span in find(text)} for number, text in stories.items()}
    assert set().union(*found.values()) == set(Kind) - {Kind.PERSON}
    rare = {number for number, kinds in found.items() if kinds & {Kind.CARD, Kind.RESIDENT, Kind.PASSPORT, Kind.ACCOUNT, Kind.IBAN}}
    assert 0.02 < len(rare) / len(stories) < 0.08
    assert {account.tickets[number].lang for number in rare} >= {"ko", "en"}
