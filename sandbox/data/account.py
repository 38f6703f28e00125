"""The truth behind a sandbox: one account's people, tickets, stories, files and help center."""

from dataclasses import dataclass
from hashlib import sha256

import msgspec

from sandbox.data import library
from sandbox.data.branch import branch_shelf
from sandbox.data.evidence import ATTACHMENT_BASE
from sandbox.data.files import content
from sandbox.data.model import Attachment, Story, Ticket, Turn
from sandbox.data.outline import outlines
from sandbox.data.people import Directory, directory
from sandbox.data.shelf import Shelf, shelf
from sandbox.data.story import PER_TICKET, tell

#: Stories kept in memory; they are told again when somebody asks for an older one.
_KEPT_STORIES = 3_000
_KEPT_FILES = 2_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What belongs to one recurring problem, for measuring a search."""

    problem_key: str
    code: str
    ticket_ids: tuple[int, ...]
    article_ids: tuple[int, ...]
    #: Questions by language, in words that occur in none of the tickets.
    questions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Proof:
    """A fact that stands in one attachment and nowhere else."""

    fact: str
    attachment_id: int
    ticket_id: int
    file_name: str


class Account:
    """One generated helpdesk account. Everything in it follows from the seed, the size and the reference time."""

    def __init__(self, *, seed: int, tickets: int, reference: int, name: str) -> None:
        self.seed = seed
        self.name = name
        self.reference = reference
        self.people: Directory = directory(seed)
        self.shelf: Shelf = shelf(seed, reference, self.people)
        self.branch_shelf: Shelf = branch_shelf(seed, reference, self.people)
        """The help center of the second brand, where the vendor has brands."""
        self.tickets: dict[int, Ticket] = {t.id: t for t in outlines(seed, tickets, reference, self.people)}
        self._stories: dict[int, Story] = {}
        #: Stories that were changed after the start; these can't be told again from the seed.
        self._changed: dict[int, Story] = {}
        self._files: dict[int, bytes] = {}
        articles = [*self.shelf.articles.values(), *self.branch_shelf.articles.values()]
        self._article_files = {a.id: a for article in articles for a in article.attachments}

    def story(self, ticket_id: int) -> Story:
        """Description, conversations and files of a ticket."""
        known = self._changed.get(ticket_id) or self._stories.get(ticket_id)
        if known is None:
            known = tell(self.tickets[ticket_id], self.seed, self.people, self.name)
            if len(self._stories) >= _KEPT_STORIES:
                del self._stories[next(iter(self._stories))]
            self._stories[ticket_id] = known
        return known

    def change_story(self, ticket_id: int, story: Story) -> None:
        """Keep a changed story."""
        self._stories.pop(ticket_id, None)
        self._changed[ticket_id] = story

    def attachment(self, attachment_id: int) -> Attachment | None:
        """A file of a ticket, a conversation or an article."""
        if attachment_id in self._article_files:
            return self._article_files[attachment_id]
        ticket_id = (attachment_id - ATTACHMENT_BASE) // PER_TICKET
        if ticket_id not in self.tickets:
            return None
        return next((a for a in self.attachments(ticket_id) if a.id == attachment_id), None)

    def attachments(self, ticket_id: int) -> list[Attachment]:
        """All files of a ticket and its conversations."""
        story = self.story(ticket_id)
        return [*story.attachments, *(a for turn in story.turns for a in turn.attachments)]

    def file(self, attachment: Attachment) -> bytes:
        """The bytes of a file."""
        known = self._files.get(attachment.id)
        if known is None:
            known = content(attachment)
            if len(self._files) >= _KEPT_FILES:
                del self._files[next(iter(self._files))]
            self._files[attachment.id] = known
        return known

    def turns(self, ticket_id: int) -> list[Turn]:
        """The conversations of a ticket, oldest first."""
        return self.story(ticket_id).turns

    def judgements(self) -> list[Judgement]:
        """For every recurring problem: the tickets that are about it and the articles that solve it."""
        tickets: dict[str, list[int]] = {}
        for ticket in self.tickets.values():
            if ticket.problem and ticket.state in {"live", "archived"} and ticket.merged_into is None:
                tickets.setdefault(ticket.problem, []).append(ticket.id)
        articles: dict[str, list[int]] = {}
        for article in self.shelf.articles.values():
            if article.problem:
                articles.setdefault(article.problem, []).append(article.id)
        return [
            Judgement(
                problem_key=problem.key,
                code=problem.code,
                ticket_ids=tuple(tickets.get(problem.key, ())),
                article_ids=tuple(articles.get(problem.key, ())),
                questions={"ko": problem.ko.question, "en": problem.en.question},
            )
            for problem in library.problems()
        ]

    def proofs(self, ticket_ids: list[int] | None = None) -> list[Proof]:
        """The facts that only attachments tell; finding one proves that the file's text was indexed."""
        found: list[Proof] = []
        for ticket_id in ticket_ids or self.tickets:
            readable = (file for file in self.attachments(ticket_id) if file.lines and file.kind not in {"locked", "misnamed"})
            found += [Proof(file.lines[0].split(": ")[1], file.id, ticket_id, file.name) for file in readable]
        return found

    def fingerprint(self) -> str:
        """SHA-256 over everything; equal for equal seeds, sizes and reference times."""
        digest = sha256(msgspec.json.encode([self.people, self.shelf, self.branch_shelf, self.name], enc_hook=str))
        for ticket in self.tickets.values():
            digest.update(msgspec.json.encode([ticket, self.story(ticket.id)]))
            for file in self.attachments(ticket.id):
                if file.kind != "big":
                    digest.update(content(file))
        return digest.hexdigest()
