"""`desklore index`: move the search index from one place to another."""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.figures import counting
from backend.cli.output import Output
from backend.cli.serve import load_settings
from backend.cli.session import JsonOption
from backend.observability.logging import configure_logging
from backend.settings_index import VectorLayout, VectorType
from backend.settings_logs import LogFormat

if TYPE_CHECKING:
    from backend.cli.moving_indexes import MovedIndexes

app = typer.Typer(help="Where the search index lies.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Where the search index lies."""


class Place(StrEnum):
    """Where an index can be."""

    EMBEDDED = "embedded"
    SERVER = "server"
    SHARED = "shared"


_MEANS: Final[dict[Place, dict[str, Any]]] = {
    Place.EMBEDDED: {"vector_type": VectorType.EMBEDDED, "run_jobs": True},
    Place.SERVER: {"vector_type": VectorType.SERVER},
    Place.SHARED: {"vector_type": VectorType.SERVER, "vector_layout": VectorLayout.SHARED},
}
_START: Final = {
    Place.EMBEDDED: "DESKLORE_VECTOR_TYPE=embedded",
    Place.SERVER: "DESKLORE_VECTOR_TYPE=server",
    Place.SHARED: "DESKLORE_VECTOR_TYPE=server and DESKLORE_VECTOR_LAYOUT=shared",
}


@app.command()
def move(
    source: Annotated[Place, typer.Option("--from", help="Where the index is: `embedded` in the data folder, or on the `server`.")],
    target: Annotated[
        Place,
        typer.Option("--to", help="Where it is to go: on the `server` as DESKLORE_VECTOR_LAYOUT says, or into its `shared` collection."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Copy every company's index with its vectors: nothing is embedded or paid for again, and nothing is deleted where it was.

    Desklore is stopped meanwhile. It may be interrupted: given again, it copies only what differs, and counts both in the end.
    """
    from backend.cli.moving_indexes import move_indexes  # noqa: PLC0415 - it loads all of the product, which other commands need not wait for

    output, settings = Output(as_json=as_json), load_settings()
    if source is target:
        raise CliError(Exit.USAGE, "--from and --to name the same place.", code="wrong_usage")
    if Place.EMBEDDED not in (source, target):
        raise CliError(
            Exit.USAGE,
            "On a server companies move by themselves, one after the other and while they are searched: set DESKLORE_VECTOR_LAYOUT "
            "and restart every process (docs/qdrant.md).",
            code="wrong_usage",
        )
    if settings.qdrant_url is None:
        raise CliError(Exit.USAGE, "Set DESKLORE_QDRANT_URL to the Qdrant server (docs/qdrant.md).", code="wrong_usage")
    configure_logging(level="WARNING", console=settings.log_format is LogFormat.CONSOLE)
    here, there = (settings.model_copy(update=_MEANS[place]) for place in (source, target))
    with counting(output) as tell:
        moved = asyncio.run(move_indexes(here, there, tell=tell))
    output.document(moved)
    _tell(output, moved, target)


def _tell(output: Output, moved: "MovedIndexes", target: Place) -> None:
    for one in moved.companies:
        output.text(
            f"  {one.company_id}: {one.points} points of {one.documents} documents in both places; {one.written} documents written, "
            f"{one.deleted} deleted."
        )
    if moved.empty:
        output.text(f"  Without an index yet: {', '.join(moved.empty)}.")
    output.text(f"Done. Start Desklore with {_START[target]}; what was there before stays until you delete it.")
