"""Asking for an answer that rests on numbered sources, or for the word that says they don't answer."""

from collections.abc import Sequence
from typing import Final

from backend.core.model.answer import AnswerMaterial, Message, Prompt, SourceText
from backend.core.model.budget import Purpose
from backend.core.prompts.fence import FENCE_RULE, fenced
from backend.core.prompts.language import language_name

ANSWER_VERSION: Final = "answer-2"

NO_ANSWER: Final = "NO_ANSWER"
"""What a model must answer, and nothing else, when the sources don't answer."""

_NOBODY: Final = "Never give names of people, e-mail addresses or phone numbers from the sources."
_IF_ASKED: Final = "Give names of people, e-mail addresses or phone numbers from the sources only where the question asks for them."
_RULES: Final = f"""\
You answer questions of a support team from its own solved tickets, articles and files.
{FENCE_RULE}

Rules:
- Use only the numbered sources. No outside knowledge, no guesses.
- After each sentence put the number of every source it rests on in square brackets: [1] or [1][3]. Use only numbers that are given.
- If the sources don't answer the question, answer with the single word {NO_ANSWER} and nothing else. If they answer a part of it, answer
  that part and say what is missing.
- Be short and practical: what to do first, steps as a list. Keep menu paths, settings, codes and product names as written.
- {{people}}
- Answer in {{language}}, whatever language the sources are in."""


def render_source(source: SourceText) -> str:
    """A numbered source inside its fence."""
    return fenced(f"SOURCE {source.number}", source.text, source.title)


def answer_prompt(question: str, language: str, sources: Sequence[SourceText], *, for_customer: bool = True) -> Prompt:
    """Ask `question` over `sources`; the answer is to be written in `language` (ISO 639-1).

    Unless it is `for_customer`, it may name people and how to reach them, where that is what was asked.
    """
    rules = _RULES.format(language=language_name(language), people=_NOBODY if for_customer else _IF_ASKED)
    body = "\n".join([*map(render_source, sources), fenced("QUESTION", question)])
    return Prompt(
        purpose=Purpose.ANSWER,
        version=ANSWER_VERSION,
        messages=(Message(role="system", text=rules), Message(role="user", text=body)),
        material=AnswerMaterial(question=question, language=language, sources=tuple(sources)),
        max_tokens=1024,
    )
