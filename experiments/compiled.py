"""Does torch.compile pay for a training step on this processor?

    python experiments/compiled.py [--rounds 5]

One thread, CPU seconds, medians of rounds that take turns within one run, from the same weights and
the same batch, in float32; how long the first step waits for the compiler stands beside, by the
clock, with whatever else the machine does. Needs a C++ compiler. Writes
results/compiled.json. Some minutes on one core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext

import torch

from holotype.train.backbones import Conv4, Residual
from holotype.train.batches import EpisodeBatch
from holotype.train.method import Method
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax
from tabling import keep


def conv4() -> Method:
    return PrototypicalNetworks(Conv4())


def characters() -> Method:
    backbone = Residual()
    return PrototypicalNetworks(backbone, CosineSoftmax(1000, backbone.embedding_dim))


# Recipe -> (method, n_way, queries a class, side).
CASES: dict[str, tuple[Callable[[], Method], int, int, int]] = {
    "conv4": (conv4, 60, 5, 28),
    "characters": (characters, 64, 1, 48),
}


def episode(n_way: int, n_query: int, size_px: int) -> EpisodeBatch:
    return EpisodeBatch(
        torch.rand(1, n_way, 1, 1, size_px, size_px),
        torch.rand(1, n_way * n_query, 1, size_px, size_px),
        torch.arange(n_way).repeat_interleave(n_query)[None],
        torch.arange(n_way)[None],
    )


def stepper(method: Method, batch: EpisodeBatch) -> Callable[[], float]:
    """CPU seconds of one step."""
    method.to(memory_format=torch.channels_last)
    method.train()
    optimizer = torch.optim.AdamW(method.parameters(), lr=1e-4)

    def step() -> float:
        began = time.process_time()
        method.training_step([batch], optimizer, nullcontext())
        return time.process_time() - began

    return step


def measured(name: str, rounds: int) -> dict[str, object]:
    build, *shape = CASES[name]
    torch.manual_seed(0)
    batch, plain, compiled = episode(*shape), build(), build()
    compiled.load_state_dict(plain.state_dict())
    compiled.backbone.compile()
    steps = {"eager": stepper(plain, batch), "compiled": stepper(compiled, batch)}
    began = time.perf_counter()
    steps["compiled"]()
    compiling = time.perf_counter() - began
    steps["eager"]()
    seconds: dict[str, list[float]] = {way: [] for way in steps}
    for _ in range(rounds):
        for way, step in steps.items():
            seconds[way].append(step())
    median = {way: statistics.median(each) for way, each in seconds.items()}
    row = {
        "recipe": name,
        "compiled_to_eager": round(median["compiled"] / median["eager"], 3),
        "step_ms": round(1000 * median["eager"], 1),
        "compiling_s": round(compiling, 1),
    }
    print(row, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    result = {
        "command": "python experiments/compiled.py",
        "torch": torch.__version__,
        "rows": [measured(name, rounds) for name in CASES],
    }
    keep("compiled", result)


if __name__ == "__main__":
    main()
