"""The command that measures a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import holotype
from holotype.cli.display import AsJson, print_json, print_table
from holotype.cli.failures import training_extra
from holotype.cli.progress import bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from holotype.embedder import Embedder
    from holotype.records import Episode, Preprocessing


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
            metavar="lake|vinyals|evaluation|within-alphabet",
            help="Which episodes: Lake's 20 runs; the Vinyals test classes with their rotations; "
            "evaluation classes at random; the same within one alphabet.",
        ),
    ] = "evaluation",
    n_way: Annotated[
        int | None, typer.Option(help="Classes per episode.", show_default="5")
    ] = None,
    k_shot: Annotated[
        int | None, typer.Option(help="Examples per class.", show_default="1")
    ] = None,
    n_query: Annotated[
        int | None, typer.Option(help="Queries per class.", show_default="15")
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(help="How many episodes.", show_default="1000")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which episodes are drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure the accuracy on episodes of new classes.

    Example: `holotype evaluate characters --data omniglot --protocol evaluation --n-way 20`
    """
    from holotype.images import prepare_batch
    from holotype.tasks import evaluate as measuring
    from holotype.tasks import protocols

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
                lambda done, total: progress("pictures", done, total, ""),
            )
            report = measuring.evaluate(
                measured.scores, drawn, protocol=plan.protocol, n_query=plan.n_query
            )
    if as_json:
        print_json(report.to_json())
        return
    print_table(
        ("protocol", "episodes", "accuracy", "95 % interval", "error"),
        [
            (
                f"{report.protocol}, {report.n_way}-way {report.k_shot}-shot",
                f"{report.episodes:,}",
                f"{report.accuracy:.2f} %",
                f"+- {report.ci95:.2f}",
                f"{report.error_percent:.2f} %",
            )
        ],
        numbers=("episodes", "accuracy", "95 % interval", "error"),
        title=f"{model} on {plan.data}",
    )


def _model(model: str) -> _Model:
    path = Path(model)
    if (path / "run.json").is_file():
        from holotype.learn import recipes

        run = recipes.run_scorer(path)
        return _Model(run.preprocessing, None, run.scores)
    if path.is_file():
        with holotype.open(path, create=False) as recognizer:
            return _embedding(recognizer.embedder)
    from holotype.embedder import Embedder
    from holotype.pack import load_pack

    return _embedding(Embedder(load_pack(model)))


def _embedding(embedder: Embedder) -> _Model:
    from holotype.scoring import prototype_scores

    return _Model(embedder.preprocessing, embedder.embed_prepared, prototype_scores)
