"""Where the time of one call goes: the functions it is made of, timed while somebody calls it.

A part may run beside another one, in a thread of its own, so parts can add up to more than the whole.
"""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

Parts = Mapping[str, tuple[Any, str]]
"""What a part is called, and the module and name that its callers use."""


@contextmanager
def timed(parts: Parts) -> Iterator[dict[str, float]]:
    """Seconds each part took meanwhile, by name."""
    spent = dict.fromkeys(parts, 0.0)
    with ExitStack() as undone:
        for name, (owner, attribute) in parts.items():
            plain = getattr(owner, attribute)
            setattr(owner, attribute, _clocked(plain, name, spent))
            undone.callback(setattr, owner, attribute, plain)
        yield spent


def _clocked(plain: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    @wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return plain(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - began

    @wraps(plain)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return await plain(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - began

    return awaited if inspect.iscoroutinefunction(plain) else call
