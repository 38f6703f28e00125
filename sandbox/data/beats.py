"""The single scenes a support case is made of; each one writes one conversation."""

import html
from collections.abc import Callable
from random import Random

from sandbox.data import library
from sandbox.data.facts import clock, fill
from sandbox.data.mail import ordered, paragraphs, quoted, signature, table
from sandbox.data.model import Person, Problem, ProblemText, Turn
from sandbox.data.people import SUPPORT_DOMAIN
from sandbox.data.scene import Scene
from sandbox.data.shelf import ARTICLE_BASE

#: Where customers read articles.
HELP_CENTER = "help.hanbitcloud.example"
SUPPORT_MAIL = f"help@{SUPPORT_DOMAIN}"
ENGINEERING_MAIL = "engineering@hanbitcloud.example"
REPLY, NOTE, SURVEY, FORWARD = 0, 2, 6, 8


def _text(scene: Scene) -> ProblemText:
    problem = scene.problem
    if problem is None:
        raise ValueError(f"ticket {scene.ticket.id} has no problem to talk about")
    return problem.text(scene.lang)


def _from_agent(scene: Scene, at: int, body: str) -> Turn:
    return Turn(
        id=0,
        user_id=scene.agent.id,
        created_at=at,
        body=body,
        incoming=False,
        to_emails=[scene.requester.email],
        from_email=f"{scene.vendor} <{SUPPORT_MAIL}>",
    )


def _from_requester(scene: Scene, at: int, body: str) -> Turn:
    writer, when, said = scene.last_words()
    tail = signature(scene.requester, scene.company, scene.phrases.disclaimer)
    # A phone's owner answers above the quotation like everybody; portal users quote nothing.
    history = quoted(scene.requester, writer, when, said, scene.ticket.subject)
    return Turn(
        id=0,
        user_id=scene.requester.id,
        created_at=at,
        body=body + tail + history,
        # Recorded sample data has replies of the requester that are marked as outgoing.
        incoming=scene.ticket.variant % 37 != 0,
        to_emails=[SUPPORT_MAIL],
        from_email=scene.requester.email,
        category=1,
        body_text=None,
    )


def _note(scene: Scene, at: int, body: str, writer: Person | None = None) -> Turn:
    return Turn(id=0, user_id=(writer or scene.agent).id, created_at=at, body=body, incoming=False, private=True, source=NOTE, category=2)


def diagnosis(scene: Scene, at: int) -> Turn:
    """The agent asks what is needed to find the reason."""
    body = paragraphs(
        scene.say(scene.phrases.agent_opening), fill(_text(scene).diagnosis, scene.facts), scene.say(scene.phrases.agent_closing)
    )
    return _from_agent(scene, at, body)


def answer(scene: Scene, at: int) -> Turn:
    """The customer answers, sometimes with a file or a table."""
    files = scene.evidence.with_answer(at)
    body = paragraphs(fill(_text(scene).answer, scene.facts))
    if scene.ticket.variant % 9 == 0:
        body += _occurrences(scene)
    turn = _from_requester(scene, at, body)
    turn.attachments = files
    return turn


def _occurrences(scene: Scene) -> str:
    rng = Random(scene.ticket.variant)
    head = ("주문번호", "발생 시각", "결과") if scene.lang == "ko" else ("Order", "Time", "Result")
    bad = "실패" if scene.lang == "ko" else "failed"
    start = scene.ticket.created_at
    rows = [(f"{scene.facts['order'][:-2]}{rng.randrange(10, 99)}", clock(start - rng.randrange(9_000), scene.lang), bad) for _ in range(4)]
    return table([head, *rows])


def note(scene: Scene, at: int) -> Turn:
    """What the agent found, for colleagues only."""
    problem: Problem | None = scene.problem
    lead = f"[{problem.code}] " if problem else ""
    return _note(scene, at, paragraphs(lead + fill(_text(scene).note, scene.facts)))


def forward(scene: Scene, at: int) -> Turn:
    """The agent sends the case to engineering."""
    _, when, said = scene.last_words()
    head = paragraphs(fill(scene.phrases.forward_intro, scene.facts))
    body = head + quoted(_gmail(scene.agent), scene.requester, when, said, scene.ticket.subject)
    turn = _note(scene, at, body)
    turn.source, turn.to_emails, turn.from_email = FORWARD, [ENGINEERING_MAIL], f"{scene.vendor} <{SUPPORT_MAIL}>"
    turn.category = 7
    return turn


def forward_answer(scene: Scene, at: int) -> Turn:
    """Engineering answers to the team, not to the customer."""
    return _note(scene, at, paragraphs(fill(scene.phrases.forward_answer, scene.facts)))


def _gmail(person: Person) -> Person:
    return Person(person.id, person.name, person.email, person.lang)


def solution(scene: Scene, at: int) -> Turn:
    """The cause and the steps that help."""
    text, phrases = _text(scene), scene.phrases
    body = paragraphs(scene.say(phrases.solution_intro), fill(text.cause, scene.facts), scene.say(phrases.steps_intro))
    body += ordered([fill(step, scene.facts) for step in text.steps])
    body += _guide(scene)
    body += paragraphs(scene.say(phrases.agent_closing), f"{scene.agent.name} | {scene.vendor}")
    turn = _from_agent(scene, at, body)
    turn.attachments = scene.evidence.with_solution(at)
    return turn


def _guide(scene: Scene) -> str:
    """Two agents of five send the address of the article along, as people do who know their help center."""
    problem = scene.problem
    number = library.problem_number(problem) if problem else 0
    # Every seventeenth article is a draft in the account's own language: nobody sends its address.
    if problem is None or scene.ticket.variant % 5 > 1 or number % 17 == 0:
        return ""
    lead, title = ("자세한 안내", problem.ko.title) if scene.lang == "ko" else ("The whole guide", problem.en.title)
    address = f"https://{HELP_CENTER}/{scene.lang}/support/solutions/articles/{ARTICLE_BASE + number}"
    return f'<div>{lead}: <a href="{address}">{html.escape(title)}</a></div>'


def thanks(scene: Scene, at: int) -> Turn:
    """The customer says that it works."""
    return _from_requester(scene, at, paragraphs(f"{scene.say(scene.phrases.confirm_intro)} {fill(_text(scene).thanks, scene.facts)}"))


def goodbye(scene: Scene, at: int) -> Turn:
    """The agent closes."""
    return _from_agent(scene, at, paragraphs(scene.say(scene.phrases.goodbye)))


def survey(scene: Scene, at: int) -> Turn:
    """The row a satisfaction survey leaves: its body is empty."""
    return Turn(id=0, user_id=scene.requester.id, created_at=at, body="<div></div>", incoming=True, source=SURVEY, category=3, body_text="")


def away(scene: Scene, at: int) -> Turn:
    """The customer's mailbox answers by itself."""
    turn = _from_requester(scene, at, paragraphs(fill(scene.phrases.out_of_office, scene.facts)))
    turn.auto_response = True
    return turn


def waiting(scene: Scene, at: int) -> Turn:
    """The agent waits for the customer, who never answers."""
    return _from_agent(scene, at, paragraphs(scene.say(scene.phrases.waiting)))


def escalated(scene: Scene, at: int) -> Turn:
    """The case lies with engineering."""
    return _from_agent(scene, at, paragraphs(scene.say(scene.phrases.escalated)))


def reminder(scene: Scene, at: int) -> Turn:
    """The customer asks what is going on."""
    return _from_requester(scene, at, paragraphs(scene.say(scene.phrases.reminder)))


def still(scene: Scene, at: int) -> Turn:
    """It happened once more."""
    facts = scene.facts | {"time": clock(at - 1_800, scene.lang), "n": str(scene.rng.randrange(2, 9))}
    return _from_requester(scene, at, paragraphs(fill(scene.rng.choice(scene.phrases.still), facts)))


def ack(scene: Scene, at: int) -> Turn:
    """The agent keeps the customer posted."""
    facts = scene.facts | {"time": clock(at - 5_400, scene.lang)}
    return _from_agent(scene, at, paragraphs(fill(scene.rng.choice(scene.phrases.progress), facts)))


def monitor(scene: Scene, at: int) -> Turn:
    """An automation reports on the case; there are more than a hundred of these."""
    depth, rate = scene.rng.randrange(0, 900), scene.rng.randrange(0, 100)
    number = len(scene.turns)
    if scene.lang == "ko":
        line = f"[자동 점검 {number}] {clock(at, 'ko')} 대기열 {depth}건, 실패율 {rate}%."
    else:
        line = f"[Automatic check {number}] {clock(at, 'en')}: {depth} jobs queued, {rate}% failed."
    return _note(scene, at, paragraphs(line))


def merged(scene: Scene, at: int) -> Turn:
    """The note that a merge leaves in the ticket that went away."""
    return _note(scene, at, paragraphs(fill(scene.phrases.merged, scene.facts)))


def self_solved(scene: Scene, at: int) -> Turn:
    """The customer found the answer alone."""
    found = {"ko": "방금 직접 해결했습니다. 문의는 닫아 주셔도 됩니다. ", "en": "Never mind, I solved it myself, you can close this. "}
    return _from_requester(scene, at, paragraphs(found[scene.lang] + fill(_text(scene).thanks, scene.facts)))


def noise_reply(scene: Scene, at: int) -> Turn:
    """A short answer to something that is no problem."""
    choices = [extra for extra in library.extras().noise if (extra.lang == "en") == (scene.lang == "en")]
    reply = choices[scene.ticket.variant % len(choices)].reply or ""
    return _from_agent(scene, at, paragraphs(scene.say(scene.phrases.agent_opening), reply))


BEATS: dict[str, Callable[[Scene, int], Turn]] = {
    beat.__name__: beat
    for beat in (
        diagnosis, answer, note, forward, forward_answer, solution, thanks, goodbye, survey, away, waiting,
        escalated, reminder, still, ack, monitor, merged, self_solved, noise_reply,
    )
}  # fmt: skip
