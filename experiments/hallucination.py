"""Do imagined embeddings help an enrolled class to be found? And how long do eight take?

    HOLOTYPE_DATA=... python experiments/hallucination.py

The network learns from the cohort of the pack, whose classes never trained it, and is measured on
evaluation characters: galleries of 100 from one drawing each, the others are strangers; how many
of the enrolled are missed where the same share of strangers is let in. Writes
results/hallucination.json. About five minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.embedder import Embedder
from holotype.pack import load_pack
from holotype.stats.half_width import half_width
from holotype.stats.scoring import unit
from holotype.train.methods.generative.hallucination import Hallucinator
from tabling import keep, today

STEPS, BATCH, FURTHER, LEARNING_RATE = 2000, 64, 6, 1e-3
COUNT, SIZE, GALLERIES, PROBES = 8, 100, 200, 5
RATES = (0.1, 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="characters", help="name or folder of a pack")
    pack = load_pack(parser.parse_args().model)
    embeddings, class_index = pack.cohort()
    hallucinator = learned(torch.from_numpy(np.array(embeddings)), class_index)
    vectors = evaluation(Embedder(pack))  # [C, 1 + PROBES, D]
    with torch.inference_mode():
        generator = torch.Generator().manual_seed(0)
        imagined = hallucinator.imagine(torch.from_numpy(vectors[:, 0]), COUNT, generator).numpy()
    together = np.concatenate([vectors[:, :1], imagined], axis=1)
    ways = {
        "1 real": vectors[:, :1],
        f"1 + {COUNT}, their mean": unit(together.mean(1))[:, None],
        f"1 + {COUNT}, the nearest": together,
    }
    missed = {name: misses(examples, vectors) for name, examples in ways.items()}
    rows = [
        {
            "examples": name,
            "fpir": rate,
            "fnir": round(100 * float(found[at].mean()), 3),
            "more": interval(100 * (found[at] - missed["1 real"][at])),
        }
        for at, rate in enumerate(RATES)
        for name, found in missed.items()
    ]
    for row in rows:
        print(json.dumps(row))
    milliseconds = timed(hallucinator, vectors[0, 0])
    print(f"{COUNT} imagined in {milliseconds} ms")
    result = {
        "command": "python experiments/hallucination.py",
        "date": today(),
        "model_id": pack.card.model_id,
        "learned_from_classes": int(class_index.max()) + 1,
        "milliseconds": milliseconds,
        "rows": rows,
    }
    keep("hallucination", result)


def learned(embeddings: torch.Tensor, class_index: NDArray[np.int64]) -> Hallucinator:
    torch.manual_seed(0)
    members = [np.flatnonzero(class_index == c) for c in range(class_index.max() + 1)]
    rng = np.random.default_rng(0)
    method = Hallucinator(embeddings.shape[1])
    optimizer = torch.optim.AdamW(method.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 - step / STEPS)
        classes = rng.integers(len(members), size=BATCH)
        rows = np.stack([rng.choice(members[c], 1 + FURTHER, replace=False) for c in classes])
        loss = method.loss(embeddings[torch.from_numpy(rows)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return method.eval()


def evaluation(embedder: Embedder) -> NDArray[np.float32]:
    """Embeddings of evaluation characters, the reference first: [C, 1 + PROBES, D]."""
    data = split(load_dataset("omniglot"), "evaluation")
    order = np.argsort(data.class_index, kind="stable").reshape(len(data.class_names), -1)
    order = np.random.default_rng(0).permuted(order, axis=1)[:, : 1 + PROBES]
    flat = order.ravel()
    return embedder.embed(list(data.images[flat])).reshape(*order.shape, -1)


def misses(examples: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of each class's probes that are missed, at each rate: [rates, classes]."""
    rng = np.random.default_rng(1)
    classes = len(vectors)
    missed, asked = np.zeros((len(RATES), classes)), np.zeros(classes)
    for _ in range(GALLERIES):
        drawn = rng.permutation(classes)
        enrolled, strangers = drawn[:SIZE], drawn[SIZE:]
        gallery = examples[enrolled]

        def best(
            probes: NDArray[np.float32], gallery: NDArray[np.float32] = gallery
        ) -> NDArray[np.float32]:
            flat = gallery.reshape(-1, gallery.shape[-1])
            scores = (probes @ flat.T).reshape(len(probes), *gallery.shape[:2])
            return scores.max(2)

        own = best(vectors[enrolled, 1:].reshape(-1, vectors.shape[-1]))
        right = own.argmax(1) == np.repeat(np.arange(SIZE), PROBES)
        reached = best(vectors[strangers, 1:3].reshape(-1, vectors.shape[-1])).max(1)
        for at, rate in enumerate(RATES):
            miss = ~right | (own.max(1) < np.quantile(reached, 1 - rate))
            missed[at, enrolled] += miss.reshape(SIZE, PROBES).sum(1)
        asked[enrolled] += PROBES
    return missed / np.maximum(asked, 1)


def interval(differences: NDArray[np.float64]) -> list[float]:
    """Mean and half-width of its 95 % interval, over classes."""
    return [round(float(differences.mean()), 3), round(float(half_width(differences)), 3)]


def timed(method: Hallucinator, seed: NDArray[np.float32]) -> float:
    """Milliseconds for COUNT in ONNX Runtime on one thread: the median of 200."""
    example = (torch.zeros(COUNT, len(seed)), torch.zeros(COUNT, method.noise_dim))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(method, example, dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), options)
    names = [value.name for value in session.get_inputs()]
    noise = np.random.default_rng(0).standard_normal((COUNT, method.noise_dim)).astype(np.float32)
    inputs = dict(zip(names, (np.repeat(seed[None], COUNT, 0), noise), strict=True))
    spent = []
    for _ in range(200):
        began = time.perf_counter()
        session.run(None, inputs)
        spent.append(time.perf_counter() - began)
    return round(1000 * float(np.median(spent)), 3)


if __name__ == "__main__":
    main()
