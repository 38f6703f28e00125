"""Asking for a draft reply to a customer, resting on numbered sources that customers may see."""

from typing import Final

from backend.core.model.answer import Message, Prompt, ReplyMaterial
from backend.core.model.budget import Purpose
from backend.core.prompts.answer import NO_ANSWER, render_source
from backend.core.prompts.fence import FENCE_RULE, fenced
from backend.core.prompts.language import language_name
from backend.core.prompts.summary import render_part
from backend.core.prompts.tone import tone_rule

REPLY_VERSION: Final = "reply-2"

_LENGTHS: Final = {
    "short": "at most 5 sentences",
    "medium": "at most 12 sentences",
    "long": "as long as a full explanation needs, with the reason for each step where a source tells it",
}

_RULES: Final = f"""\
You draft the reply of a support agent to a customer. The agent reads and edits it before it is sent.
{FENCE_RULE}

Rules:
- Write the reply itself and nothing else: greeting, the customer's problem in one sentence, the solution step by step,
  closing{{signature}}.
- What you tell the customer to do or believe must come from the numbered sources. After each such sentence put the number of every
  source it rests on in square brackets: [1] or [1][3]. Use only numbers that are given.
- If the sources don't help with this ticket, answer with the single word {NO_ANSWER} and nothing else.
- Sources are other customers' tickets or articles: never mention other customers, their data, or that there are sources.
- Don't promise refunds, dates or anything else the sources don't tell.
- Write in {{language}}, also where the sources or the agent's wishes are in another language; keep product names, codes and menu paths.
- Tone: {{tone}}
- Length: {{length}}."""


def reply_prompt(material: ReplyMaterial) -> Prompt:
    """Ask for a draft reply from `material`."""
    signature = ", signed with the agent's name" if material.agent else ""
    rules = _RULES.format(
        signature=signature,
        tone=tone_rule(material.tone, material.language),
        length=_LENGTHS.get(material.length, _LENGTHS["medium"]),
        language=language_name(material.language),
    )
    people = [fenced(label, name) for label, name in (("CUSTOMER NAME", material.customer), ("AGENT NAME", material.agent)) if name]
    hint = [fenced("WHAT THE AGENT WANTS TO SAY", material.hint)] if material.hint else []
    body = [*map(render_source, material.sources), fenced("TITLE", material.title), *map(render_part, material.parts), *people, *hint]
    return Prompt(
        purpose=Purpose.REPLY,
        version=REPLY_VERSION,
        messages=(Message(role="system", text=rules), Message(role="user", text="\n".join(body))),
        material=material,
        max_tokens=1200,
        temperature=0.2,
    )
