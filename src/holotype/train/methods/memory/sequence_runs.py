"""Finished runs of sequence learners, read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from holotype.errors import TrainingError
from holotype.train import runs
from holotype.train.checkpoints import WEIGHTS, read_tensors
from holotype.train.methods.memory import lstm, ntm
from holotype.train.methods.memory.sequence_learner import SequenceLearner

RECIPES = {**ntm.RECIPES, **lstm.RECIPES}


@dataclass(frozen=True, slots=True)
class SequenceRun:
    """A learner as its run left it, in evaluation mode."""

    learner: SequenceLearner
    method: str
    recipe: str
    task: str
    seed: int


def is_sequence_run(run: Path) -> bool:
    """Whether a run is of a sequence learner.

    Raises:
        TrainingError: the folder holds no run.
    """
    return runs.read(run)["config"].get("method") in RECIPES


def read_run(run: Path) -> SequenceRun:
    """Read the learner of a finished run.

    Raises:
        TrainingError: the run is missing, unfinished, damaged, or of no sequence learner.
    """
    facts = runs.read(run)
    config, seed = facts["config"], facts["settings"]["seed"]
    recipe = RECIPES.get(config.get("method"), {}).get(config.get("recipe"))
    if recipe is None:
        raise TrainingError(
            f"{run} is of {config.get('method')}, which learns no sequence task",
            f"Name a run of {' or '.join(RECIPES)}",
        )
    learner = recipe.learner(config["data"], seed)
    try:
        learner.load_state_dict(read_tensors(run / WEIGHTS))
    except RuntimeError as error:
        raise TrainingError(
            f"{run / WEIGHTS} does not fit its recipe ({str(error).splitlines()[0]})",
            "Use the version of holotype that trained it, or train again",
        ) from error
    learner.eval()
    return SequenceRun(learner, config["method"], config["recipe"], config["data"], seed)
