"""House rules that no ready-made linter knows; each has its reason beside it and a test in tests/rules."""

import ast
import io
import pkgutil
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from typing import Final

from backend.observability.metrics import METRICS, MetricKind
from tools.tree import ROOT, python_files

Finding = tuple[int, str]
Rule = Callable[[str, ast.Module], Iterator[Finding]]

_OURS: Final = frozenset({"backend", "sandbox"})
_SHIPPED: Final = ("backend/", "sandbox/")
_ENVIRONMENT_READERS: Final = frozenset({"backend/settings.py", "backend/adapters/file/extract/process.py"})
"""The settings, and the one that keeps the environment away from a child process."""
_LAST_RESORTS: Final = frozenset(
    {
        "backend/workers/runner.py",
        "backend/api/errors.py",
        "backend/api/sse.py",
        "backend/adapters/file/extract/worker.py",
        "backend/adapters/compute.py",
    }
)
"""The outermost edge of a job, a request, a stream, and of the processes that read hostile files and compute."""

_SILENCER: Final = re.compile(r"#\s*(noqa|type:\s*ignore)")
_CODES: Final = r"[A-Z]+\d+(, [A-Z]+\d+)*"
_WITH_REASON: Final = re.compile(rf"# noqa: (PLC0415|{_CODES} - \S.*)|# type: ignore\[[a-z, -]+\]  # \S.*")


def environment_in_settings(path: str, tree: ast.Module) -> Iterator[Finding]:
    """One file reads the environment, so that every setting is typed, documented and found."""
    if not path.startswith(_SHIPPED) or path in _ENVIRONMENT_READERS:
        return
    for node in ast.walk(tree):
        named = _dotted(node) if isinstance(node, ast.Attribute) else ""
        imported = isinstance(node, ast.ImportFrom) and node.module == "os" and {a.name for a in node.names} & {"environ", "getenv"}
        if named in {"os.environ", "os.getenv"} or imported:
            yield _line(node), "reads the environment: add a field to backend/settings.py"


def commit_in_unit_of_work(path: str, tree: ast.Module) -> Iterator[Finding]:
    """A transaction ends at its edge only, or half of a change is kept and its jobs leave too early."""
    if path.startswith("backend/") and path != "backend/storage/sql/unit_of_work.py":
        for node in _calls(tree):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
                yield node.lineno, "commits: only storage/sql/unit_of_work.py does"


def queries_in_storage(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Queries lie behind the stores, which know the tenant; a query elsewhere could forget it."""
    if path.startswith("backend/") and not path.startswith("backend/storage/sql/"):
        for node in _calls(tree):
            if _dotted(node.func) in {"select", "sa.select", "sqlalchemy.select"}:
                yield node.lineno, "builds a query: only storage/sql does"


def no_patching_of_ours(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Tests use the real parts or the shipped offline ones; a patched part proves nothing of the whole.

    A clock or another function of Python's own may be replaced, also where one of our modules imported it.
    """
    if not path.startswith("tests/"):
        return
    for node in _calls(tree):
        name = _dotted(node.func)
        if name.endswith("patch.object") or (name.split(".")[-1] in {"patch", "setattr"} and _names_ours(node)):
            yield node.lineno, "patches a module of ours: build it with other parts instead"


def no_broad_except(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Retry or not is decided by the error's code; who catches everything decides nothing. Cleaning up and raising on is fine.

    Only the outermost edges answer what nobody expected.
    """
    if not path.startswith(_SHIPPED) or path in _LAST_RESORTS:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(kind is None or _dotted(kind) in {"Exception", "BaseException"} for kind in kinds)
        goes_on = isinstance(node.body[-1], ast.Raise)
        if broad and not goes_on:
            yield node.lineno, "catches everything: name the errors it means"


def stable_ids(path: str, tree: ast.Module) -> Iterator[Finding]:
    """A random or salted id makes a second run store everything twice; ids come from core/ids.py."""
    if not path.startswith("backend/"):
        return
    allowed = {id(inner) for node in ast.walk(tree) if _is_hash_method(node) for inner in ast.walk(node)}
    for node in _calls(tree):
        if _dotted(node.func) in {"uuid4", "uuid.uuid4", "uuid1", "uuid.uuid1"}:
            yield node.lineno, "makes a random id: use core/ids.py"
        elif _dotted(node.func) == "hash" and id(node) not in allowed:
            yield node.lineno, "uses hash(), which differs in every process: use core/ids.py"


def module_docstring(_: str, tree: ast.Module) -> Iterator[Finding]:
    """Its first sentence is what docs/architecture.md says of the file."""
    if not ast.get_docstring(tree):
        yield 1, "has no docstring: say in one sentence what it is for"


def retries_in_adapters(path: str, tree: ast.Module) -> Iterator[Finding]:
    """Retrying in two layers multiplies the calls; only the way out to others retries, by its table."""
    if path.startswith("backend/adapters/") or not path.startswith(_SHIPPED):
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        if any(name.split(".")[0] == "tenacity" for name in names):
            yield _line(node), "retries: only adapters/ do"


def known_metrics(path: str, tree: ast.Module) -> Iterator[Finding]:
    """A metric's name and labels are checked here, because a wrong one would raise only on the path that uses it."""
    if not path.startswith("backend/"):
        return
    kinds = {"count": MetricKind.COUNTER, "level": MetricKind.GAUGE, "observe": MetricKind.HISTOGRAM}
    for node in _calls(tree):
        name = _dotted(node.func).split(".")
        if len(name) < 2 or name[-2].lstrip("_") != "meter" or name[-1] not in kinds:
            continue
        first = node.args[0] if node.args else None
        if not isinstance(first, ast.Constant):
            continue
        metric = METRICS.get(str(first.value))
        labels = {keyword.arg for keyword in node.keywords}
        if metric is None or metric.kind is not kinds[name[-1]]:
            yield node.lineno, f"{first.value!r} is not a {kinds[name[-1]]} of METRICS"
        elif None not in labels and labels != set(metric.labels):
            yield node.lineno, f"{first.value!r} needs the labels {', '.join(metric.labels) or '(none)'}"


def silencer_reason(source: str) -> Iterator[Finding]:
    """A linter that is told to be silent is told why; the reason of a lazy import may stand above it, for several at once."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and _SILENCER.search(token.string) and not _WITH_REASON.fullmatch(token.string):
            yield token.start[0], "silences without a reason: write `noqa: CODE - reason`, or `type: ignore[code]  # reason`"


RULES: Final[tuple[Rule, ...]] = (
    environment_in_settings,
    commit_in_unit_of_work,
    queries_in_storage,
    no_patching_of_ours,
    no_broad_except,
    stable_ids,
    module_docstring,
    retries_in_adapters,
    known_metrics,
)


def check(path: str, source: str) -> Iterator[str]:
    """What one file breaks, as lines for people."""
    tree = ast.parse(source)
    for rule in RULES:
        for line, message in rule(path, tree):
            yield f"{path}:{line}: {message} ({rule.__name__})"
    for line, message in silencer_reason(source):
        yield f"{path}:{line}: {message} ({silencer_reason.__name__})"


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; the parts that are neither are left out."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}".lstrip(".")
    return ""


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))


def _names_ours(call: ast.Call) -> bool:
    """Whether the first argument is, or names, something that one of our modules defines."""
    first = call.args[0] if call.args else None
    text = str(first.value) if isinstance(first, ast.Constant) else _dotted(first) if first is not None else ""
    if text.split(".")[0] not in _OURS:
        return False
    try:
        home = getattr(pkgutil.resolve_name(text), "__module__", "backend")
    except (ImportError, AttributeError, ValueError):
        return True
    return str(home).split(".")[0] in _OURS


def _is_hash_method(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__hash__"


def main() -> int:
    """Check every Python file; 1 if one breaks a rule."""
    found = [finding for path in python_files() for finding in check(path, (ROOT / path).read_text(encoding="utf-8"))]
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
