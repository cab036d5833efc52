"""What the files beside a published model say, in the words of a pack.

Read are `preprocessor_config.json` and `config.json` of transformers, the `pretrained_cfg` of timm,
`open_clip_config.json`, and `modules.json` with its pooling of sentence-transformers. Nothing of
them is executed. What they say and a pack cannot do as said is noted as an assumption.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from holotype.domains.declared import Notes
from holotype.domains.texts.reading import Reading

Facts = Mapping[str, Any]
# Pillow's numbers of its filters. The fifth, of Hamming, is the one that no pack has.
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}
_KNOWN_STEPS = {
    "do_resize",
    "do_center_crop",
    "do_rescale",
    "do_normalize",
    "do_convert_rgb",
    "do_flip_channel_order",
    "do_pad",
    "do_reduce_labels",
    "do_thumbnail",
}
# Where it stands how long a text may be: the first that says so is right.
LENGTHS = ("sentence_bert_config.json", "tokenizer_config.json", "config.json")
_USUAL_PIECES, _MOST_PIECES = 512, 8192
_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
}


def of_processor(config: Facts, notes: Notes) -> dict[str, Any]:
    """What `preprocessor_config.json` says of pictures, for `preprocessing_for`; and `bgr`."""
    stated: dict[str, Any] = {}
    for step, wanted in config.items():
        if step.startswith("do_") and wanted is True and step not in _KNOWN_STEPS:
            notes.assumed.append(f"the step {step} of its processor may be left out")
    height, width, resized = _shape_of(config, stated, notes)
    stated |= {key: value for key, value in (("size_px", height), ("width_px", width)) if value}
    if resized and height and resized > height and stated.get("fit") == "crop":
        stated["share"] = height / resized
    if (number := config.get("resample")) is not None:
        stated["resample"] = _FILTERS.get(number, "bilinear")
        if number not in _FILTERS:
            notes.assumed.append(f"resampling number {number} is taken for bilinear")
    stated |= _tones(config)
    if config.get("do_flip_channel_order") is True:
        stated["bgr"] = True
    notes.understood.append("preprocessor_config.json: " + _listed(stated))
    return stated


def of_timm(config: Facts, notes: Notes) -> dict[str, Any]:
    """What the `pretrained_cfg` of a timm model says."""
    stated: dict[str, Any] = {"fit": "crop"}
    size = config.get("input_size")
    if isinstance(size, list) and len(size) == 3:
        stated |= {"size_px": size[1], "width_px": size[2]}
    for ours, theirs in (("mean", "mean"), ("std", "std"), ("share", "crop_pct")):
        if config.get(theirs):
            stated[ours] = config[theirs]
    if config.get("interpolation") in _FILTERS.values():
        stated["resample"] = config["interpolation"]
    if config.get("crop_mode", "center") == "squash":
        stated["fit"] = "stretch"
        stated.pop("share", None)
    notes.understood.append("pretrained_cfg: " + _listed(stated))
    return stated


def of_open_clip(config: Facts, notes: Notes) -> dict[str, Any]:
    """What `open_clip_config.json` says."""
    own = config.get("preprocess_cfg") or {}
    size = ((config.get("model_cfg") or {}).get("vision_cfg") or {}).get("image_size")
    stated: dict[str, Any] = {"fit": "crop", "resample": own.get("interpolation") or "bicubic"}
    if own.get("resize_mode") == "squash":
        stated["fit"] = "stretch"
    if isinstance(size, int):
        stated["size_px"] = size
    stated |= {key: own[key] for key in ("mean", "std") if own.get(key)}
    notes.understood.append("open_clip_config.json: " + _listed(stated))
    return stated


def of_pooling(config: Facts, notes: Notes) -> str | None:
    """What the pooling of sentence-transformers is called here; None for one that is not."""
    named = config.get("pooling_mode")  # from version 5 on one string, before a flag for each
    chosen = [named] if isinstance(named, str) else [
        _POOLINGS.get(key, key) for key, value in config.items()
        if key.startswith("pooling_mode_") and value is True
    ]  # fmt: skip
    if len(chosen) == 1 and chosen[0] in _POOLINGS.values():
        notes.understood.append(f"sentence-transformers: pooled by {chosen[0]}")
        return str(chosen[0])
    notes.assumed.append(
        f"its pooling, {' and '.join(map(str, chosen)) or 'none'}, is taken for mean"
    )
    return "mean"


def of_tokenizer(content: bytes, facts: Sequence[Facts], language: str | None) -> Reading:
    """How a network reads texts, by its `tokenizer.json`.

    Args:
        content: of that file.
        facts: what the files `LENGTHS` say, in their order, as far as they are there.
        language: of its training in words; None: several, or not known.
    """
    named = ("max_seq_length", "model_max_length", "max_position_embeddings")
    stated = [one[name] for one in facts for name in named if _is_length(one.get(name))]
    return Reading(hashlib.sha256(content).hexdigest(), [*stated, _USUAL_PIECES][0], language)


def _is_length(value: object) -> bool:
    # Where nobody stated it, exporters write 10 to the 30th.
    return isinstance(value, int) and 4 <= value <= _MOST_PIECES


def _shape_of(
    config: Facts, stated: dict[str, Any], notes: Notes
) -> tuple[int | None, int | None, int | None]:
    """Height and width of the input, and the shorter side that a picture gets before; and `fit`."""
    size, crop = config.get("size"), config.get("crop_size")
    shortest = size.get("shortest_edge") if isinstance(size, Mapping) else None
    sides = _sides(size)
    if crop is not None and config.get("do_center_crop", True):
        stated["fit"] = "crop"
        height, width = _sides(crop) or (None, None)
        if sides is not None and isinstance(size, Mapping):
            notes.assumed.append("pictures are cut to their middle and not squeezed before")
        return height, width, shortest or (sides[0] if sides else None)
    if isinstance(config.get("crop_pct"), int | float) and (shortest or sides):
        side = shortest or (sides[0] if sides else None)
        stated["fit"] = "crop"
        if side is not None and side < 384:  # ConvNeXt's processor squeezes from there on
            stated["share"] = config["crop_pct"]
        else:
            stated["fit"] = "stretch"
        return side, side, None
    if shortest is not None:
        stated["fit"] = "crop"
        notes.assumed.append("of a picture that is not square, the middle is what counts")
        return shortest, shortest, None
    if isinstance(size, Mapping) and size.get("longest_edge"):
        stated["fit"] = "pad"
        return size["longest_edge"], size["longest_edge"], None
    if sides is not None:
        stated["fit"] = "stretch"
        return (*sides, None)
    return None, None, None


def _sides(size: object) -> tuple[int, int] | None:
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and {"height", "width"} <= size.keys():
        return size["height"], size["width"]
    return None


def _tones(config: Facts) -> dict[str, list[float]]:
    """Mean and standard deviation of values from 0 to 1, of what a processor does to 0 .. 255.

    It rescales by a factor, perhaps takes 1 off, and normalizes.
    """
    factor = config.get("rescale_factor") or 1 / 255
    scale = 255 * factor if config.get("do_rescale", True) else 255.0
    offset = 1.0 if config.get("rescale_offset") else 0.0
    mean, std = config.get("image_mean"), config.get("image_std")
    if not config.get("do_normalize", mean is not None) or mean is None or std is None:
        mean, std = [0.0], [1.0]
    means, stds = ([one] if isinstance(one, int | float) else list(one) for one in (mean, std))
    return {
        "mean": [(one + offset) / scale for one in means],
        "std": [one / scale for one in stds],
    }


def _listed(stated: Facts) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in stated.items())


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return "/".join(map(_short, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
