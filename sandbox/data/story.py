"""Tell the story of one ticket from its outline: description, replies, notes, forwards, surveys and files."""

from random import Random

from sandbox.data import library
from sandbox.data.beats import BEATS
from sandbox.data.evidence import Evidence
from sandbox.data.facts import fill, moment_of, ticket_facts, working
from sandbox.data.mail import inline_image, paragraphs, signature
from sandbox.data.model import Attachment, Story, Ticket
from sandbox.data.people import Directory
from sandbox.data.scene import Scene
from sandbox.data.telling import told

TURN_BASE = 67_200_000_000
#: Everything of ticket N has ids N * 1000 + k above its base, so that an id alone leads back to the ticket.
PER_TICKET = 1000
HUGE_BODY = 200_000
#: Nobody answers faster than this (seconds), unless the case is over by then.
_PAUSE = 420


def tell(ticket: Ticket, seed: int, who: Directory, vendor: str) -> Story:
    """The whole content of a ticket; the same outline and seed always give the same story."""
    lang = "en" if ticket.lang == "en" else "ko"
    requester = who.contacts[ticket.requester_id]
    agent = who.agents[ticket.responder_id or min(who.agents)]
    company = who.company_of(requester.id)
    facts = ticket_facts(Random(f"{ticket.id}:{ticket.variant}"), ticket.created_at, lang) | {
        "name": requester.name,
        "first": requester.name.split(" ")[0],
        "title": requester.job_title or "",
        "agent": agent.name,
        "company": company.name if company else requester.name,
        "shop_id": company.shop_id if company else "S00000",
        "vendor": vendor,
        "target": str(ticket.merged_into),
    }
    scene = Scene(
        ticket=ticket,
        problem=library.by_key().get(ticket.problem or ""),
        lang=lang,
        rng=Random(f"{seed}:{ticket.id}:{ticket.variant}"),
        facts=facts,
        requester=requester,
        agent=agent,
        company=facts["company"],
        vendor=vendor,
        evidence=Evidence(ticket, lang, facts),
        description="",
        turns=[],
    )
    files = scene.evidence.with_description()
    scene.description = _description(scene, files, seed)
    _play(scene)
    return Story(scene.description, files, scene.turns)


def _description(scene: Scene, files: list[Attachment], seed: int) -> str:
    ticket, phrases = scene.ticket, scene.phrases
    if ticket.flow == "spam":
        return paragraphs(*library.extras().spam[ticket.variant].body)
    if scene.problem is None:
        return paragraphs(*_noise(ticket).body)
    text = scene.problem.text(ticket.lang)
    asks = scene.problem.mixed_asks if ticket.lang == "mixed" else text.asks
    details = scene.rng.sample(phrases.details, k=scene.rng.choice((1, 2, 2, 3)))
    parts = [scene.say(phrases.greetings), scene.say(asks), fill(" ".join(details), scene.facts)]
    if scene.rng.random() < 0.5:
        parts.append(scene.say(phrases.urgency))
    body = paragraphs(*parts, told(ticket.id, scene.lang, seed), scene.say(phrases.closings))
    body += "".join(inline_image(file.id) for file in files if file.inline)
    body += signature(scene.requester, scene.company, phrases.disclaimer)
    if ticket.flow == "huge":
        line = "<div>{0:05d} 2026-01-01T00:00:00 GET /v2/orders 504 upstream timed out</div>"
        body += "".join(line.format(n) for n in range(HUGE_BODY // len(line.format(0)) + 1))
    return body


def _noise(ticket: Ticket) -> library.Extra:
    choices = [extra for extra in library.extras().noise if (extra.lang == "en") == (ticket.lang == "en")]
    return choices[ticket.variant % len(choices)]


def _play(scene: Scene) -> None:
    """Render the beats of the ticket's flow at rising times, the last one when the case was resolved (or last touched)."""
    beats = _plan(scene)
    ticket = scene.ticket
    end = ticket.resolved_at or ticket.updated_at
    begin = working(ticket.created_at)
    span = max(working(end) - begin, len(beats))
    before = ticket.created_at
    for n, beat in enumerate(beats):
        share = (n + 1) / len(beats)
        at = end if n + 1 == len(beats) else min(end, max(moment_of(begin + int(span * share**1.3)), before + _PAUSE))
        before = at
        turn = BEATS[beat](scene, at)
        turn.id = TURN_BASE + ticket.id * PER_TICKET + n + 1
        turn.updated_at = turn.created_at
        scene.turns.append(turn)


def surveyed(ticket: Ticket) -> bool:
    """Whether the customer answered the satisfaction survey of this ticket."""
    return ticket.flow in {"solved", "long_solved", "conversation"} and ticket.variant % 5 < 2 and ticket.resolved_at is not None


#: Flows that always take the same course.
_SHORT: dict[str, list[str]] = {"silent": [], "spam": [], "merged": ["merged"], "self": ["self_solved"]}


def _plan(scene: Scene) -> list[str]:
    rng, flow = scene.rng, scene.ticket.flow
    if flow in _SHORT:
        return _SHORT[flow]
    if scene.problem is None:
        return ["noise_reply"] if _noise(scene.ticket).reply else []
    if flow == "quick":
        return ["solution", *(["thanks"] if rng.random() < 0.5 else [])]
    start = ["away", "diagnosis"] if rng.random() < 0.04 else ["diagnosis"]
    end = ["solution", "thanks", *(["goodbye"] if rng.random() < 0.7 else []), *(["survey"] if surveyed(scene.ticket) else [])]
    return [*start, *_middle(rng, flow, end)]


def _middle(rng: Random, flow: str, end: list[str]) -> list[str]:
    """What follows the first answer, up to the end or to where the case got stuck."""
    work = ["answer", "note", *(["forward", "forward_answer"] if rng.random() < 0.18 else [])]
    rounds = {
        "waiting": ["waiting"],
        "escalated": [*work, "escalated", *(["reminder"] if rng.random() < 0.6 else [])],
        "long_solved": ["answer", "note", *["still", "ack"] * rng.randrange(2, 5), *end],
        "conversation": ["answer", *["still", "ack", "note"] * rng.randrange(4, 7), *end],
        "monitor": ["answer", *["monitor"] * 130, *end],
    }
    return rounds.get(flow, [*work, *end])
