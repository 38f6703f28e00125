"""`desklore source new`: a package with a source of its own, whose tests pass at once."""

import keyword
import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import backend
from backend.cli.errors import CliError, Exit
from backend.cli.output import Output
from backend.cli.session import JsonOption

app = typer.Typer(help="Sources in packages of their own.", no_args_is_help=True)

_HOME: Final = Path(str(backend.__file__)).parent.parent
TEMPLATES: Final = (_HOME / "examples" / "birchdesk", _HOME / "desklore_conformance" / "example")
"""The example source, in a checkout and in an installed Desklore: a scaffold is a copy of it under another name."""
_EXAMPLE: Final = "birchdesk"
_NAME: Final = re.compile(r"[a-z][a-z0-9]{1,19}")
_OURS: Final = frozenset({"freshdesk", "zendesk", "file", "desklore"})
_WRITTEN: Final = frozenset({".py", ".toml", ".md", ".typed"})
"""What is part of a package; caches and builds beside it are not."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The platform's name, such as `acmedesk`: small letters and digits.")],
    into: Annotated[Path, typer.Option("--into", help="The folder in which `desklore-NAME` is made.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Make a package for a platform of your own: adapter, stand-in, tests over the conformance suites, entry point. Needs no server."""
    output = Output(as_json=as_json)
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise CliError(Exit.USAGE, f"A name is 2 to 20 small letters and digits, a letter first; this is none: {name}", code="wrong_usage")
    if name in _OURS:
        raise CliError(Exit.USAGE, f"{name} is a platform of Desklore itself; choose another name.", code="wrong_usage")
    target = into / f"desklore-{name}"
    if target.exists():
        raise CliError(Exit.USAGE, f"{target} is there already; choose another name or another folder with --into.", code="wrong_usage")
    made = _copied(_template(), target, name)
    document: dict[str, Any] = {"path": str(target), "files": made}
    output.document(document)
    output.text(f"Made {target} with {len(made)} files. Its tests pass as they are:")
    output.text(f"  cd {target} && pip install -e '.[dev]' && pytest")
    output.text("Next: README.md there says which file to change first.")


def _template() -> Path:
    for folder in TEMPLATES:
        if folder.is_dir():
            return folder
    raise CliError(Exit.FAILED, "The example source is not installed with this Desklore; run it in a checkout.", code="cli_error")


def _copied(template: Path, target: Path, name: str) -> list[str]:
    """Copy the package with every name changed; returns the paths made, relative to `target`."""
    made = []
    for path in sorted(template.rglob("*")):
        inside = path.relative_to(template)
        if path.suffix not in _WRITTEN or any(part.startswith((".", "__pycache__")) for part in inside.parts):
            continue
        renamed = _renamed(inside.as_posix(), name)
        (target / renamed).parent.mkdir(parents=True, exist_ok=True)
        (target / renamed).write_text(_renamed(path.read_text(encoding="utf-8"), name), encoding="utf-8")
        made.append(renamed)
    return made


def _renamed(text: str, name: str) -> str:
    for old, fresh in ((_EXAMPLE, name), (_EXAMPLE.capitalize(), name.capitalize()), (_EXAMPLE.upper(), name.upper())):
        text = text.replace(old, fresh)
    return text
