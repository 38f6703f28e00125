"""Documented payloads made odd at any depth: nulls, missing and unheard-of fields, unknown values, huge numbers, other shapes."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from backend.core.errors import AppError, Code

T = TypeVar("T")

SCALARS: Final = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        2**31,
        2**63,
        -(10**30),
        10**400,
        1.5,
        1e308,
        "",
        " ",
        "0",
        "-7",
        "한글",
        "brand_new_value",
        "2026-13-45",
        "9" * 4301,
    ]
)
ODD: Final = st.recursive(
    SCALARS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)


def odd(payload: Any, *, depth: int = 0) -> st.SearchStrategy[Any]:
    """The payload with some of its parts missing or of another kind; at its top it stays what it is, as the client makes sure."""
    if isinstance(payload, dict) and payload:
        made: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {}, optional={key: odd(value, depth=depth + 1) for key, value in payload.items()}
        )
        made = st.tuples(made, st.sampled_from([{}, {"unheard_of": {"new": [1, None]}}])).map(
            lambda both: {**payload, **both[0], **both[1]}
        )
        made = st.tuples(made, st.sets(st.sampled_from(sorted(payload)), max_size=2)).map(
            lambda both: {key: value for key, value in both[0].items() if key not in both[1]}
        )
    elif isinstance(payload, list):
        made = st.lists(odd(payload[0], depth=depth + 1), max_size=3) if payload else st.just([])
    else:
        made = st.just(payload)
    # Most parts are well: otherwise the first odd one hides all others.
    return made if depth == 0 else st.one_of(made, made, made, made, ODD)


def made_or_malformed(make: Callable[[], T]) -> T | None:
    """What was made; None where SOURCE_MALFORMED names the field that made it impossible. Nothing else is raised."""
    try:
        return make()
    except AppError as error:
        if error.code is not Code.SOURCE_MALFORMED or not error.details.get("field") or str(error.details["field"]) not in error.message:
            raise
        return None
