"""Write the parts of docs/ that repeat what the code says, or (with --check) say which page is no longer true.

A page holds its own words and, between `<!-- begin NAME -->` and `<!-- end NAME -->`, what is generated here.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from backend.api.errors import status_of
from backend.cli.config import ClientSettings
from backend.core.errors import SPECS
from backend.core.model.job import DEADLINES, JobName
from backend.observability.metrics import METRICS, exposed_name
from backend.settings import Settings
from backend.workers.runner import JOBS
from tools.tree import ROOT, files

ENV_EXAMPLE: Final = "config/.env.example"
_BLOCK: Final = re.compile(r"(<!-- begin (?P<name>[a-z-]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)
_TREES: Final = ("backend", "sandbox", "desklore_conformance", "examples", "migrations", "bench", "tools")


def settings_table() -> str:
    """Every setting of the server, in the order of backend/settings.py."""
    return _settings_rows(Settings)


def client_settings_table() -> str:
    """What the commands that talk to a server read."""
    return _settings_rows(ClientSettings)


def errors_table() -> str:
    """Every error code with its HTTP status and what trying again does."""
    rows = [
        f"| `{code.value}` | {status_of(code)} | {spec.kind.value} | {spec.retry.value} | {spec.meaning} |" for code, spec in SPECS.items()
    ]
    return _table("code | status | kind | retry | meaning", rows)


def jobs_table() -> str:
    """Every job with its deadline, and the first sentence of the function that runs it."""
    rows = [f"| `{name.value}` | {DEADLINES[name] / 3600:g} h | {_first_line(JOBS[name].__doc__)} |" for name in JobName]
    return _table("job | deadline | what it does", rows)


def metrics_table() -> str:
    """Every metric as Prometheus sees it."""
    rows = [
        f"| `{exposed_name(name)}` | {metric.kind.value} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.meaning} |"
        for name, metric in METRICS.items()
    ]
    return _table("metric | kind | labels | what it tells", rows)


def file_tree() -> str:
    """Every folder and module with the first sentence of its docstring."""
    lines = ["```"]
    listed = [name for name in files(ROOT) if name.endswith(".py") and name.split("/")[0] in _TREES and "/versions/" not in name]
    shown: set[str] = set()
    for name in sorted(listed, key=_in_tree_order):
        *folders, module = name.split("/")
        for depth in range(len(folders)):
            folder = "/".join(folders[: depth + 1])
            if folder not in shown:
                shown.add(folder)
                package = ROOT / folder / "__init__.py"
                lines.append(_entry(depth, f"{folders[depth]}/", _module_line(package) if package.is_file() else ""))
        if module != "__init__.py":
            lines.append(_entry(len(folders), module, _module_line(ROOT / name)))
    return "\n".join([*lines, "```"])


def env_example() -> str:
    """The file to copy to .env: every setting with its meaning and its default, commented out."""
    lines = ["# Copy to .env and take away the # of what you change. Every line shows its default."]
    seen: set[str] = set()
    for model in (Settings, ClientSettings):
        for name, field in model.model_fields.items():
            variable = variables_of(model, name, field)[0]
            if variable not in seen:
                seen.add(variable)
                lines += ["", f"# {_plain(field.description or '')}", f"#{variable}={_default(field)}"]
    return "\n".join(lines) + "\n"


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "settings": settings_table,
    "client-settings": client_settings_table,
    "errors": errors_table,
    "jobs": jobs_table,
    "metrics": metrics_table,
    "tree": file_tree,
}


def pages(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Each page that has generated parts: its path, its text, and the text it should have."""
    for path in sorted((root / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        wanted = _BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match['name']]()}\n{match[3]}", text)
        if _BLOCK.search(text):
            yield path, text, wanted
    example = root / ENV_EXAMPLE
    yield example, example.read_text(encoding="utf-8") if example.is_file() else "", env_example()


def _settings_rows(model: type[BaseSettings]) -> str:
    rows = []
    for name, field in model.model_fields.items():
        variables = " or ".join(f"`{variable}`" for variable in variables_of(model, name, field))
        default = f"`{_default(field)}`" if _default(field) else "empty"
        rows.append(f"| {variables} | {default} | {field.description} |")
    return _table("variable | default | meaning", rows)


def variables_of(model: type[BaseSettings], name: str, field: FieldInfo) -> list[str]:
    """The environment variables that set a field, the one to recommend first."""
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices]
    return [f"{model.model_config.get('env_prefix', '')}{name}".upper()]


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or isinstance(value, SecretStr):
        return ""
    return str(getattr(value, "value", value))


def _table(head: str, rows: list[str]) -> str:
    columns = head.split(" | ")
    return "\n".join([f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}", *rows])


def _plain(text: str) -> str:
    return text.replace("`", "")


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0].strip()


def _module_line(path: Path) -> str:
    return _first_line(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))


def _entry(depth: int, name: str, text: str) -> str:
    return f"{'  ' * depth}{name}".ljust(30) + f" {text}".rstrip()


def _in_tree_order(name: str) -> list[tuple[int, str]]:
    """A folder's own modules before its folders, each by name."""
    *folders, module = name.split("/")
    top = [(_TREES.index(folders[0]), folders[0])]
    return [*top, *((1, folder) for folder in folders[1:]), (0, module)]


def main() -> int:
    """Write what is not as it should be; with --check only tell, 1 if a page is not true."""
    checking = "--check" in sys.argv[1:]
    stale = [(path, wanted) for path, text, wanted in pages(ROOT) if text != wanted]
    for path, wanted in stale:
        if checking:
            print(f"{path.relative_to(ROOT)}: no longer what the code says; run make docs")
        else:
            path.write_text(wanted, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: written")
    return 1 if checking and stale else 0


if __name__ == "__main__":
    sys.exit(main())
