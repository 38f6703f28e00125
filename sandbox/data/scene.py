"""What the scenes of one support case share."""

from dataclasses import dataclass
from random import Random

from sandbox.data import library
from sandbox.data.evidence import Evidence
from sandbox.data.facts import fill
from sandbox.data.model import Person, Problem, Ticket, Turn


@dataclass(slots=True)
class Scene:
    """What the beats of one ticket share."""

    ticket: Ticket
    problem: Problem | None
    lang: str
    rng: Random
    facts: dict[str, str]
    requester: Person
    agent: Person
    company: str
    vendor: str
    evidence: Evidence
    description: str
    turns: list[Turn]

    @property
    def phrases(self) -> library.Phrases:
        """The phrases of the ticket's language."""
        return library.phrases()[self.lang]

    def say(self, choices: list[str]) -> str:
        """One of several phrases, with the ticket's facts in it."""
        return fill(self.rng.choice(choices), self.facts)

    def last_words(self) -> tuple[Person, int, str]:
        """Who wrote the newest public message, when, and what: that is what a mail program quotes."""
        for turn in reversed(self.turns):
            if not turn.private and turn.source == 0:
                writer = self.agent if turn.user_id == self.agent.id else self.requester
                return writer, turn.created_at, turn.body
        return self.requester, self.ticket.created_at, self.description
