"""One training step of the Neural Turing Machine against the same model plainly written.

    python benchmarks/ntm.py [--steps 40]

The plain one has no modules, no checks and no loop around it: tensors, the formulas, backward,
clipping, Adam. Both start from the same weights, see the same batches and end with the same
losses; the steps are taken in turn, so that a slow moment of the machine meets both. Prints the
ratio of the medians, and writes it to results/ntm_step.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from holotype.train.methods.memory.ntm import NeuralTuringMachine
from holotype.train.methods.memory.sequences import Copy, SequenceBatch

OUT = Path(__file__).parent.parent / "results" / "ntm_step.json"
SEQUENCES, LENGTH, SLOTS, WIDTH, BAR = 16, 20, 128, 20, 1.05


def plain_loss(w: dict[str, torch.Tensor], batch: SequenceBatch) -> torch.Tensor:
    rows = batch.inputs.shape[1]
    memory = torch.full((rows, SLOTS, WIDTH), 1e-6)
    at = torch.zeros(rows, 2, SLOTS)
    at[..., 0] = 1
    found = torch.zeros(rows, WIDTH)
    h = c = torch.zeros(rows, 100)
    said = []
    for x in batch.inputs.unbind(0):
        h, c = torch.lstm_cell(
            torch.cat([x, found], 1),
            (h, c),
            w["controller.weight_ih"],
            w["controller.weight_hh"],
            w["controller.bias_ih"],
            w["controller.bias_hh"],
        )
        out = F.linear(h, w["interface.weight"], w["interface.bias"])
        own = out[:, : 2 * (WIDTH + 6)].view(rows, 2, WIDTH + 6)
        key = torch.tanh(own[..., :WIDTH])
        positive = F.softplus(own[..., WIDTH : WIDTH + 2])
        gate = torch.sigmoid(own[..., WIDTH + 2 : WIDTH + 3])
        s = F.softmax(own[..., WIDTH + 3 :], -1)
        dot = torch.bmm(key, memory.mT)
        norms = key.norm(dim=-1, keepdim=True) * memory.norm(dim=-1).unsqueeze(1)
        content = F.softmax(positive[..., :1] * (dot / (norms + 1e-8)), -1)
        at = torch.lerp(at, content, gate)
        around = torch.cat([at[..., -1:], at, at[..., :1]], -1)
        at = (
            around[..., 2:] * s[..., :1]
            + around[..., 1:-1] * s[..., 1:2]
            + around[..., :-2] * s[..., 2:]
        )
        at = at.clamp_min(1e-8).pow(1 + positive[..., 1:])
        at = at / at.sum(-1, keepdim=True)
        read, write = at[:, :1], at[:, 1:]
        found = torch.bmm(read, memory).squeeze(1)
        erase = torch.sigmoid(out[:, 2 * (WIDTH + 6) : -WIDTH]).unsqueeze(1)
        add = torch.tanh(out[:, -WIDTH:]).unsqueeze(1)
        memory = memory * (1 - torch.bmm(write.mT, erase)) + torch.bmm(write.mT, add)
        said.append(torch.cat([h, found], 1))
    logits = F.linear(torch.stack(said), w["output.weight"], w["output.bias"])[batch.scored]
    wrong = F.binary_cross_entropy_with_logits(logits, batch.targets[batch.scored], reduction="sum")
    return wrong / np.log(2) / rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ours = NeuralTuringMachine(Copy.input_width, Copy.output_width)
    theirs = {
        name: value.detach().clone().requires_grad_() for name, value in ours.named_parameters()
    }
    our_adam, their_adam = (
        torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0)
        for parameters in (list(ours.parameters()), list(theirs.values()))
    )

    def our_step(batch: SequenceBatch) -> float:
        return float(ours.training_step([batch], our_adam, contextlib.nullcontext()))

    def their_step(batch: SequenceBatch) -> float:
        loss = plain_loss(theirs, batch)
        their_adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.values(), 10.0)
        their_adam.step()
        return float(loss.detach())

    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    for step in range(steps):
        batch = Copy()(np.random.default_rng(step), SEQUENCES, LENGTH)
        losses = []
        order = (("ours", our_step), ("plain", their_step))
        for name, take in order if step % 2 else order[::-1]:
            began = time.process_time()
            losses.append(take(batch))
            if step >= 5:  # the first steps warm up
                seconds[name].append(time.process_time() - began)
        np.testing.assert_allclose(*losses, rtol=1e-3)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    # Of neighboring steps, so that what slows both cancels.
    ratio = statistics.median(a / b for a, b in zip(seconds["ours"], seconds["plain"], strict=True))
    result = {
        "command": "python benchmarks/ntm.py",
        "ours_ms": round(1000 * median["ours"], 2),
        "plain_ms": round(1000 * median["plain"], 2),
        "ratio": round(ratio, 3),
        "bar": BAR,
    }
    print(json.dumps(result))
    OUT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
