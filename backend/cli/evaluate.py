"""`desklore eval`: how good a tenant's search is on judged questions, asked of the same API that everybody uses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from backend.cli.errors import CliError, Exit
from backend.cli.measured import CONFIGURATIONS, Measured, Refusal, asked, keep, refusals, thumbs
from backend.cli.output import Output
from backend.cli.session import JsonOption, KeyOption, Session, UrlOption, as_tenant
from backend.cli.weighing import in_force_with, tell_weighed, weighed
from backend.core.retrieve.judged import JudgedQuery, Qrels, read_qrels, read_queries, run_lines
from backend.core.retrieve.measure import MEASURES, Comparison, Interval, compare

SANDBOX_FOLDER: Final = Path(__file__).resolve().parent.parent.parent / "sandbox" / "eval"
_BASE: Final = "sparse"


def evaluate(
    *,
    folder: Annotated[
        Path, typer.Option("--set", metavar="FOLDER", help="With queries.jsonl and qrels.tsv; else the sandbox's.")
    ] = SANDBOX_FOLDER,
    split: Annotated[str | None, typer.Option("--split", help="Only questions of this split: `dev` or `test`.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="Only questions of this language, such as `ko`.")] = None,
    doc_type: Annotated[str | None, typer.Option("--type", help="Only `ticket`s or `article`s, among the found and the judged.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help=f"Only these of: {', '.join(CONFIGURATIONS)}.")] = None,
    give_thumbs: Annotated[
        str | None,
        typer.Option(
            "--give-thumbs",
            metavar="SPLIT",
            help="First give thumbs as the judgements of this split say, for `hybrid+feedback`; they are taken back.",
        ),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Keep for the tenant the thresholds that keep 95 % (for saying that nothing answers), and of each language the weights "
            "of meaning and words that are best on the split `dev` and proven on the rest.",
        ),
    ] = False,
    runs: Annotated[Path | None, typer.Option("--runs", metavar="FOLDER", help="Write a TREC run file of each configuration.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstrap; the same seed gives the same intervals.")] = 7,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Measure search on judged questions (BEIR's queries.jsonl and qrels.tsv): each configuration with its 95 % interval."""
    if unknown := sorted(set(only or ()) - set(CONFIGURATIONS)):
        raise CliError(
            Exit.USAGE, f"There is no configuration {', '.join(unknown)}; there are: {', '.join(CONFIGURATIONS)}", code="wrong_usage"
        )
    queries, qrels = _judged(folder)
    chosen = [query for query in queries if _wanted(query, split, language)]
    graded = _of_type(qrels, doc_type)
    with as_tenant(url, key, Output(as_json=as_json)) as session, thumbs(session, _split(queries, give_thumbs), qrels):
        measured = [
            asked(session, name, chosen, graded, doc_type=doc_type, seed=seed) for name in CONFIGURATIONS if not only or name in only
        ]
        refused = refusals(measured, chosen, qrels)
        if runs is not None:
            _write_runs(runs, measured)
        weights = weighed(session, [query for query in queries if _wanted(query, None, language)], graded, seed=seed) if calibrate else []
        if calibrate:
            keep(session, refused, in_force_with(session, weights))
        comparisons = _comparisons(measured, seed)
        session.output.document(_document(measured, comparisons, refused, give_thumbs) | {"weights": weights})
        _tell(session, measured, comparisons, refused)
        tell_weighed(session, weights)


def _judged(folder: Path) -> tuple[list[JudgedQuery], Qrels]:
    try:
        return read_queries((folder / "queries.jsonl").read_text(encoding="utf-8")), read_qrels(
            (folder / "qrels.tsv").read_text(encoding="utf-8")
        )
    except OSError as error:
        raise CliError(
            Exit.USAGE, f"{error.filename}: {error.strerror}. A set is a folder with queries.jsonl and qrels.tsv.", code="wrong_usage"
        ) from None


def _wanted(query: JudgedQuery, split: str | None, language: str | None) -> bool:
    told = query.metadata
    return (split is None or told.get("split") == split) and (language is None or told.get("language") in (language, ""))


def _split(queries: Sequence[JudgedQuery], split: str | None) -> list[JudgedQuery]:
    return [query for query in queries if split is not None and query.metadata.get("split") == split]


def _of_type(qrels: Qrels, doc_type: str | None) -> Qrels:
    if doc_type is None:
        return qrels
    kept = {query: {name: grade for name, grade in grades.items() if name.startswith(f"{doc_type}:")} for query, grades in qrels.items()}
    return {query: grades for query, grades in kept.items() if grades}


def _comparisons(measured: Sequence[Measured], seed: int) -> dict[str, Comparison]:
    """nDCG@10 of each configuration against terms alone, and of feedback against the same without it."""
    known = {one.name: one for one in measured if one.values}
    pairs = [(name, _BASE) for name in known if name != _BASE] + [("hybrid+feedback", "hybrid")]
    return {
        f"{name} - {base}": compare(known[name].values["nDCG@10"], known[base].values["nDCG@10"], seed=seed)
        for name, base in pairs
        if name in known and base in known
    }


def _write_runs(folder: Path, measured: Sequence[Measured]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in measured:
        if one.ranked:
            lines = (line for query_id, ranked in one.ranked.items() for line in run_lines(query_id, ranked, one.name))
            (folder / f"{one.name}.run").write_text("".join(lines), encoding="utf-8")


def _document(
    measured: Sequence[Measured], comparisons: dict[str, Comparison], refused: Sequence[Refusal], given: str | None
) -> dict[str, Any]:
    return {
        "configurations": [
            {"name": one.name, "unavailable": one.unavailable, "queries": one.count, "measures": one.intervals} for one in measured
        ],
        "comparisons": comparisons,
        "out_of_scope": refused,
        "thumbs_from": given,
    }


def _tell(session: Session, measured: Sequence[Measured], comparisons: dict[str, Comparison], refused: Sequence[Refusal]) -> None:
    output = session.output
    count = max((one.count for one in measured), default=0)
    output.text(f"{count} judged questions; percent, with the 95 % interval of a percentile bootstrap over questions")
    rows = [[one.name, *(_cell(one.intervals.get(name)) for name in MEASURES)] for one in measured if one.values]
    output.table(["", *MEASURES], rows, empty="No judged question is left: look at --split, --language and --type.")
    for one in measured:
        if one.unavailable:
            output.remark(f"{one.name}: {one.unavailable}")
    if comparisons:
        output.text("\nnDCG@10, question by question")
    for name, told in comparisons.items():
        output.text(
            f"  {name:28} {_points(told.difference)}  p {told.p_value:.3f}   better {told.better}, worse {told.worse}, same {told.same}"
        )
    for row in refused:
        output.text(
            f"\nDo the sources answer? ({row.name}) as it is set: {row.kept:.0%} of {row.inside} kept, "
            f"{row.refused:.0%} of {row.outside} out-of-scope questions refused; "
            f"at 95 % kept: {row.at_95.refused:.0%} (from {row.at_95.min_support:.2f} on; AUC {row.auc:.2f})"
        )


def _cell(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.mean * 100:.1f} [{interval.low * 100:.0f}-{interval.high * 100:.0f}]"


def _points(interval: Interval) -> str:
    return f"{interval.mean * 100:+.1f} [{interval.low * 100:+.1f} to {interval.high * 100:+.1f}]"
