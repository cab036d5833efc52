"""What is enrolled and asked: never the same drawing, and strangers are strangers."""

from __future__ import annotations

import numpy as np
import pytest

from holotype.demo.trials import MOST_EXAMPLES, STRANGER, Plan, plans

CHARACTERS, DIGITS = plans()


@pytest.mark.parametrize("plan", [CHARACTERS, DIGITS], ids=lambda plan: plan.key)
def test_no_probe_is_an_example_and_no_stranger_is_enrolled(plan: Plan) -> None:
    for trial in plan.trials:
        examples = {e.tobytes() for e in trial.examples.reshape(-1, *trial.probes.shape[1:])}
        assert not examples & {probe.tobytes() for probe in trial.probes}
        assert len(examples) == len(trial.labels) * MOST_EXAMPLES
        for name, truth in zip(trial.probe_names, trial.truth, strict=True):
            assert (name in trial.labels) == (truth != STRANGER)
            assert truth == STRANGER or trial.labels[truth] == name


def test_twenty_characters_against_twenty_of_the_same_alphabets() -> None:
    assert len({trial.labels for trial in CHARACTERS.trials}) > 6
    for trial in CHARACTERS.trials:
        stranger = trial.truth == STRANGER
        assert len(trial.labels) == len(np.unique(trial.kind[stranger])) == 20
        others = [n for n, s in zip(trial.probe_names, stranger, strict=True) if s]
        for names in (trial.labels, others):
            assert {name.split()[0] for name in names} == {"Angelic", "ULOG"}


def test_seven_digits_against_three_and_other_ones_each_time() -> None:
    assert len({trial.labels for trial in DIGITS.trials}) > 8
    for trial in DIGITS.trials:
        assert len(trial.labels) == 7
        assert len(np.unique(trial.kind[trial.truth == STRANGER])) == 3


def test_the_same_drawings_in_every_run() -> None:
    for before, now in zip((CHARACTERS, DIGITS), plans(), strict=True):
        for one, other in zip(before.trials, now.trials, strict=True):
            assert one.labels == other.labels
            np.testing.assert_array_equal(one.probes, other.probes)
