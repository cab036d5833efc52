"""The command that measures a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holotype.cli.display import AsJson, percent, print_json, print_table, say
from holotype.cli.failures import training_extra
from holotype.cli.inputs import say_passed_over_in
from holotype.cli.progress import bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holotype.embedder import Embedder
    from holotype.evaluation.groups import GroupRates
    from holotype.pack import Pack
    from holotype.preprocessing import Preprocessing
    from holotype.records import Episode
    from holotype.stats.bootstrap import Share


@dataclass(frozen=True, slots=True)
class _Model:
    """What an evaluation needs of a pack, a run or a gallery's model."""

    preprocessing: Preprocessing
    encode: Callable[[NDArray[Any]], NDArray[Any]] | None
    scores: Callable[[Episode], NDArray[Any]]


def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model pack (name or folder), the folder of a run, or a gallery (its model).",
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="omniglot|digits|FOLDER",
            help="A data set, or a folder that holds one folder per class.",
        ),
    ] = "omniglot",
    protocol: Annotated[
        str,
        typer.Option(
            metavar="lake|vinyals|evaluation|within-alphabet|open-set",
            help="Which episodes: Lake's 20 runs; the Vinyals test classes with their rotations; "
            "evaluation classes at random; the same within one alphabet. Or the open-set test: "
            "some classes enrolled, the others strangers.",
        ),
    ] = "evaluation",
    n_way: Annotated[
        int | None,
        typer.Option(
            help="Classes per episode; in the open-set test, identities in a gallery (half of "
            "the classes).",
            show_default="5",
        ),
    ] = None,
    k_shot: Annotated[
        int | None,
        typer.Option(help="Examples per class (open-set: 1, 2 and 5).", show_default="1"),
    ] = None,
    n_query: Annotated[
        int | None, typer.Option(help="Queries per class.", show_default="15")
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(help="How many episodes (open-set: galleries, 200).", show_default="1000"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which episodes are drawn.")] = 0,
    report: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="Write the open-set test as a page, JSON beside it."),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Rates for each group too: lines of label,group."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the accuracy on episodes of new classes, or the stated rate on strangers.

    Example: `holotype evaluate characters --data omniglot --protocol evaluation --n-way 20`

    Example: `holotype evaluate characters --data FOLDER --protocol open-set --report report.html`
    """
    if protocol == "open-set":
        _open_set(model, data, n_way, k_shot, episodes, seed, report, groups, as_json)
        return
    if groups is not None:
        raise typer.BadParameter("only --protocol open-set has groups", param_hint="--groups")
    if report is not None:
        raise typer.BadParameter("only --protocol open-set makes a report", param_hint="--report")
    say_passed_over_in(data, as_json)
    from holotype.evaluation import accuracy as measuring
    from holotype.evaluation import protocols
    from holotype.image.prepare import prepare_batch

    with training_extra("evaluate"):
        measured = _model(model)
        plan = protocols.plan(
            protocol,
            data,
            n_way=n_way,
            k_shot=k_shot,
            n_query=n_query,
            episodes=episodes,
            seed=seed,
        )
        with bars() as progress:
            drawn = plan.episodes(
                partial(prepare_batch, preprocessing=measured.preprocessing),
                measured.encode,
                partial(progress, "pictures"),
            )
            result = measuring.evaluate(
                measured.scores, drawn, protocol=plan.protocol, n_query=plan.n_query
            )
    if as_json:
        print_json(result.to_json())
        return
    print_table(
        ("protocol", "episodes", "accuracy", "95 % interval", "error"),
        [
            (
                f"{result.protocol}, {result.n_way}-way {result.k_shot}-shot",
                f"{result.episodes:,}",
                f"{result.accuracy:.2f} %",
                f"+- {result.ci95:.2f}",
                f"{result.error_percent:.2f} %",
            )
        ],
        numbers=("episodes", "accuracy", "95 % interval", "error"),
        title=f"{model} on {plan.data}",
    )


def _open_set(
    model: str,
    data: str,
    enrolled: int | None,
    k_shot: int | None,
    galleries: int | None,
    seed: int,
    page: Path | None,
    groups: Path | None,
    as_json: bool,
) -> None:
    from holotype import report
    from holotype.evaluation.groups import read_groups

    say_passed_over_in(data, as_json)
    group: tuple[str, ...] = ()
    if groups is not None:
        group = read_groups(groups, report.data_for(data).class_names)
    with bars() as progress:
        proof = report.measure(
            _pack(model),
            data,
            enrolled=enrolled,
            k_shots=None if k_shot is None else (k_shot,),
            galleries=200 if galleries is None else galleries,
            seed=seed,
            progress=progress,
        )
    proof = replace(proof, group=group)
    written = report.write_report(proof, page) if page else ()
    if as_json:
        print_json({**proof.to_json(), "written": [str(path) for path in written]})
        return
    rows = report.table(proof)
    if rows:  # of a refused rate there is nothing to show
        title = f"{model} on {data}, open set"
        print_table(report.HEADINGS, rows, numbers=report.HEADINGS[:-1], title=title)
    if proof.groups:
        _show_groups(proof.groups)
    for remark in report.summary(proof):
        say(remark.text)
        say("")
    for path in written:
        say(f"Written: {path}")


def _show_groups(by: tuple[tuple[int, GroupRates], ...]) -> None:
    def told(found: Share | None) -> str:
        if found is None:
            return "too thin"
        return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"

    head = ("group", "people or things", "examples", "stated", "strangers let in", "missed")
    print_table(
        head,
        [
            (
                *(one.group, str(one.classes), str(shots), percent(one.rate)),
                *(told(one.fpir), told(one.fnir)),
            )
            for shots, one in by
        ],
        numbers=head[1:4],
        title="Each group by itself, with 95 % intervals",
    )


def _model(model: str) -> _Model:
    path = Path(model)
    if (path / "run.json").is_file():
        from holotype.train import pipeline

        run = pipeline.run_scorer(path)
        return _Model(run.preprocessing, run.encode, run.scores)
    from holotype.embedder import Embedder

    return _embedding(Embedder(_pack(model)))


def _pack(model: str) -> Pack:
    """The pack of that name or folder, or the one that a gallery is bound to."""
    from holotype.gallery import gallery_model, is_url
    from holotype.pack import load_pack

    bound = is_url(model) or Path(model).is_file()
    return load_pack(gallery_model(model)[1] if bound else model)


def _embedding(embedder: Embedder) -> _Model:
    from holotype.evaluation.accuracy import prototype_scores

    return _Model(embedder.preprocessing, embedder.embed_prepared, prototype_scores)
