"""The outlines of all tickets: who, about what, when and how it ended; cheap enough for 50,000 of them."""

from dataclasses import dataclass
from random import Random

from sandbox.data import library
from sandbox.data.facts import WORKDAY, fill, in_working_day, moment_of, ticket_facts, working
from sandbox.data.model import Problem, Ticket
from sandbox.data.people import Directory
from sandbox.data.special import assign_specials

HISTORY_SECONDS = 548 * 86_400
OPEN, PENDING, RESOLVED, CLOSED, WAIT_CUSTOMER, WAIT_THIRD, WAIT_ENGINEERING, RELEASE = 2, 3, 4, 5, 6, 7, 8, 9

_FLOWS = ("solved", "quick", "long_solved", "self", "waiting", "escalated", "silent", "noise")
_FLOW_WEIGHTS = (54, 13, 5, 4, 9, 9, 3, 3)
#: Korean, English and mixed writers, by whether a problem has mixed phrasings.
_LANG_WEIGHTS = {False: (62, 38, 0), True: (44, 34, 22)}
_OPEN_STATUS = {"waiting": (PENDING, WAIT_CUSTOMER), "escalated": (WAIT_ENGINEERING, WAIT_THIRD, RELEASE), "silent": (OPEN,)}
#: Each problem occurs at least this often while the account is big enough.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Staff:
    """Whom a ticket can be given to, prepared once for all tickets."""

    who: Directory
    contacts: dict[str, list[int]]
    agents: dict[tuple[int, str], list[int]]


@dataclass(frozen=True, slots=True)
class Course:
    """What is settled about a ticket before it is drawn."""

    ticket_id: int
    problem: Problem
    flow: str
    lang: str
    created: int
    reference: int


def outlines(seed: int, count: int, reference: int, who: Directory) -> list[Ticket]:
    """`count` tickets in order of creation, ids from 1."""
    rng = Random(f"{seed}:outlines")
    problems = _problem_order(rng, count)
    staff = Staff(
        who=who,
        contacts={lang: [p.id for p in who.contacts.values() if p.lang == lang] for lang in ("ko", "en")},
        agents={(g, lang): _agents(who, g, lang) for g in who.groups.values() for lang in ("ko", "en")},
    )
    start = reference - HISTORY_SECONDS
    tickets: list[Ticket] = []
    for n in range(count):
        # The exponent below one makes the company grow: more tickets in the last months than in the first.
        created = in_working_day(start + int(HISTORY_SECONDS * ((n + rng.random()) / (count + 1)) ** 0.8))
        problem = problems[n]
        flow = rng.choices(_FLOWS, _FLOW_WEIGHTS)[0]
        if reference - created > 60 * 86_400 and flow in {"waiting", "escalated", "silent"} and rng.random() < 0.5:
            flow = "solved"
        lang = rng.choices(("ko", "en", "mixed"), _LANG_WEIGHTS[bool(problem.mixed_asks)])[0]
        tickets.append(_outline(rng, staff, Course(n + 1, problem, flow, lang, created, reference)))
    assign_specials(tickets, reference)
    return tickets


def _problem_order(rng: Random, count: int) -> list[Problem]:
    known = library.problems()
    weights = [1 / (1 + n) ** 0.4 for n in range(len(known))]
    rng.shuffle(weights)
    rounds = min(_ROUNDS, count // max(1, len(known)))
    order = [problem for problem in known for _ in range(rounds)]
    order += rng.choices(known, weights, k=count - len(order))
    rng.shuffle(order)
    return order


def _agents(who: Directory, group: int, lang: str) -> list[int]:
    speaking = [a.id for a in who.agents.values() if a.lang == lang]
    return [a for a in speaking if who.agent_groups[a] == group] or speaking


def _outline(rng: Random, staff: Staff, course: Course) -> Ticket:
    problem, flow, lang, created = course.problem, course.flow, course.lang, course.created
    voice = "en" if lang == "en" else "ko"
    requester = staff.who.contacts[rng.choice(staff.contacts[voice])]
    group = staff.who.groups[problem.group]
    text = problem.text(lang)
    subjects = problem.mixed_subjects if lang == "mixed" else text.subjects
    variant = rng.randrange(1 << 16)
    status, resolved, closed, updated = _ending(rng, flow, created, course.reference)
    area = library.knowledge().areas[problem.area]
    return Ticket(
        id=course.ticket_id,
        lang=lang,
        subject=_subject(rng.choice(subjects), course, variant),
        flow=flow,
        problem=None if flow == "noise" else problem.key,
        requester_id=requester.id,
        company_id=requester.company_id,
        responder_id=None if flow in {"silent", "noise"} else rng.choice(staff.agents[group, voice]),
        group_id=group,
        product_id=staff.who.products[area.product],
        status=status,
        priority=min(4, max(1, problem.priority + rng.choice((-1, 0, 0, 0, 1)))),
        source=rng.choices((1, 2, 3, 7, 9), (55, 28, 6, 7, 4))[0],
        type=problem.type,
        created_at=created,
        updated_at=updated,
        resolved_at=resolved,
        closed_at=closed,
        tags=tuple(problem.tags),
        variant=variant,
    )


def _subject(text: str, course: Course, variant: int) -> str:
    """The subject with the same facts that the story tells; most subjects have none, and drawing facts is dear."""
    if "{" not in text:
        return text
    lang = "en" if course.lang == "en" else "ko"
    return fill(text, ticket_facts(Random(f"{course.ticket_id}:{variant}"), course.created, lang))


def _ending(rng: Random, flow: str, created: int, reference: int) -> tuple[int, int | None, int | None, int]:
    """Status, time of resolution, time of closing, last update."""
    if flow in _OPEN_STATUS:
        updated = min(reference, moment_of(working(created) + rng.randrange(3_600, 12 * WORKDAY)))
        return rng.choice(_OPEN_STATUS[flow]), None, None, updated
    resolved = moment_of(working(created) + rng.randrange(5_400, 6 * WORKDAY))
    if resolved > reference:
        return OPEN, None, None, min(reference, created + 7_200)
    closed = resolved + 3 * 86_400
    if closed > reference or rng.random() < 0.25:
        return RESOLVED, resolved, None, min(reference, resolved + rng.randrange(60, 86_400))
    return CLOSED, resolved, closed, closed
