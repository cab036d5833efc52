"""A network in a repository of the Hugging Face Hub, with what the files beside it say of it.

Fetched are one ONNX file, the weights that it names, and a few small JSON and text files, all of
one commit. Code of a repository is neither fetched nor run.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from holotype.domains.declared import Notes
from holotype.errors import PackError
from holotype.model.wiring import outside_files
from holotype.pack import LIMIT_BYTES, TOKENIZER
from holotype.packing import conventions
from holotype.packing.encoder import Encoder
from holotype.packing.hub import connected, parsed_place

_SMALL_BYTES = 2**20
# How exporters end the names of files in other precisions than float32.
_PRECISIONS = (
    "fp16", "int8", "uint8", "quantized", "q4", "q4f16", "q8", "bnb4", "O1", "O2", "O3", "O4",
    "qint8_avx512", "qint8_avx512_vnni", "qint8_arm64", "quint8_avx2", "qint8_avx2",
)  # fmt: skip
# Where one graph sees pictures and another reads text, the first makes a pack of pictures.
_BEST = ("vision_model", "model")
_TASKS = {
    "clip": "zero-shot-image-classification",
    "siglip": "zero-shot-image-classification",
}
_LANGUAGES = {"en": "English"}  # those whose words are known to be doubted rightly
_LISTED, _LONGEST = 8, 200
# Licenses that ask for no more than credit, as the Hub writes them; any other may forbid a use.
_OPEN = {
    "afl-3.0", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0",
    "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc0-1.0", "cdla-permissive-1.0",
    "cdla-permissive-2.0", "ecl-2.0", "isc", "mit", "mit-0", "ms-pl", "odc-by", "pddl",
    "postgresql", "unlicense", "wtfpl", "zlib",
}  # fmt: skip


@contextmanager
def fetched(
    place: str,
    file: str | None = None,
    precision: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> Iterator[Encoder]:
    """Fetch the network of a repository, for as long as the context lasts.

    Args:
        place: `hf:owner/name`, and `@revision` for another than the newest.
        file: which of its ONNX files; None: the one that is likeliest.
        precision: which of several precisions, by the end of the file's name; None: `fp32`, which
            has none.
        given: what somebody states of the preprocessing, which need not be read then.

    Raises:
        PackError: there is no such repository, it has no ONNX file or several that could be meant,
            a file is missing or too large, only its own code could prepare pictures, or the hub
            refuses it or cannot be reached.
        MissingExtraError: the extra `hub` is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        with connected(place) as (hub, api):
            repository, wanted = parsed_place(place)
            info = api.model_info(repository, revision=wanted, files_metadata=True)
            remote = _Remote(
                place,
                str(info.sha),
                {one.rfilename: one.size or 0 for one in info.siblings or ()},
                partial(
                    hub.hf_hub_download,
                    repository,
                    revision=str(info.sha),
                    local_dir=folder,
                    endpoint=api.endpoint,
                ),
            )
            found = _encoder(remote, repository, file, precision, given or {})
        # The connection is closed; what goes wrong from here on is not the hub's.
        yield found


@dataclass(frozen=True, slots=True)
class _Remote:
    """The files of one commit."""

    place: str
    revision: str
    sizes: Mapping[str, int]  # bytes, by name
    download: Callable[[str], str]

    def fetch(self, name: str, limit_bytes: int) -> Path:
        if self.sizes[name] > limit_bytes:
            raise PackError(
                f"{name} of {self.place} has {self.sizes[name]:,} bytes; at most {limit_bytes:,} "
                "are fetched",
                "Name a smaller file of it, such as one of half precision (--precision)",
            )
        return Path(self.download(name))

    def read(self, name: str) -> Any:
        """A JSON file; {} where there is none."""
        if name not in self.sizes:
            return {}
        try:
            return json.loads(self.fetch(name, _SMALL_BYTES).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise PackError(
                f"{name} of {self.place} is not readable as JSON ({error})",
                "Fetch the model's file yourself, and state how it is fed (--onnx, --mean ...)",
            ) from None

    def facts(self, name: str) -> dict[str, Any]:
        """A JSON object; {} where there is none."""
        found = self.read(name)
        return found if isinstance(found, dict) else {}


def _encoder(
    remote: _Remote,
    repository: str,
    file: str | None,
    precision: str | None,
    given: Mapping[str, Any],
) -> Encoder:
    notes = Notes()
    name = file or _likeliest(remote, repository, precision, notes)
    if name not in remote.sizes:
        raise PackError(
            f"{remote.place} has no {name}; its ONNX files are {', '.join(_onnx_files(remote))}",
            "Name one of these (--onnx)",
        )
    notes.understood.append(f"{name} of {remote.place}, commit {remote.revision}")
    stated = _stated(remote, given, notes)
    text = _text_side(remote, name, notes) if stated else None
    pool = _pooling(remote, notes)
    license, language = _licence(remote, notes)
    tokenizer = _tokenizer(remote, language, stated, notes)
    model = remote.fetch(name, LIMIT_BYTES["model.onnx"])
    for beside in _beside(remote, model, name):
        remote.fetch(beside, LIMIT_BYTES["model.onnx"])
    bgr = bool(stated.pop("bgr", False))
    return Encoder(
        model=model,
        source=f"hf:{repository}@{remote.revision}, {name}",
        license=license,
        stated=stated,
        pool=pool,
        bgr=bgr,
        tokenizer=tokenizer,
        text=text,
        notes=notes,
    )


def _text_side(remote: _Remote, name: str, notes: Notes) -> Encoder | None:
    """What puts texts among the pictures, where the repository holds it in the same precision."""
    if _parts(name)[0] != "vision_model" or TOKENIZER not in remote.sizes:
        return None
    path = PurePosixPath(name)
    beside = str(path.with_name(path.name.replace("vision_model", "text_model", 1)))
    if beside not in remote.sizes:
        return None
    if "siglip" in str(remote.facts("config.json").get("model_type")):
        notes.assumed.append("its text side is left out: it reads texts that are filled up")
        return None
    notes.understood.append(f"{beside}: its text side (`--text`), with {TOKENIZER}")
    of_text = Notes()
    license, language = _licence(remote, of_text)
    stated: dict[str, Any] = {}
    tokenizer = _tokenizer(remote, language, stated, of_text)
    model = remote.fetch(beside, LIMIT_BYTES["model.onnx"])
    for outside in _beside(remote, model, beside):
        remote.fetch(outside, LIMIT_BYTES["model.onnx"])
    return Encoder(
        model=model,
        source=f"{remote.place}@{remote.revision}, {beside}",
        license=license,
        stated=stated,
        tokenizer=tokenizer,
        notes=of_text,
    )


def _onnx_files(remote: _Remote) -> list[str]:
    return sorted(name for name in remote.sizes if name.endswith(".onnx"))


def _likeliest(remote: _Remote, repository: str, precision: str | None, notes: Notes) -> str:
    files = _onnx_files(remote)
    if not files:
        raise PackError(
            f"{remote.place} holds no ONNX file",
            f"Export it, `{_export(remote, repository)}`, and then `holotype pack build --onnx "
            "exported/model.onnx ...`",
        )
    parts = {name: _parts(name) for name in files}
    wanted = "fp32" if precision is None else precision
    offered = sorted({part[1] for part in parts.values()})
    fitting = [name for name in files if parts[name][1] == wanted]
    if not fitting and precision is None and len(files) == 1:
        fitting = files  # all that there is
        notes.assumed.append(f"precision {offered[0]}, which is all that there is")
    if not fitting:
        raise PackError(
            f"{remote.place} has no ONNX file of precision {wanted}, but {', '.join(offered)}",
            "Name one of these (--precision)",
        )
    for stem in _BEST:
        best = [name for name in fitting if parts[name][0] == stem]
        if len(best) > 1:  # one in a folder of its own and one beside the weights
            best = [name for name in best if name.startswith("onnx/")]
        if len(best) == 1:
            if len(fitting) > 1:
                notes.assumed.append(f"{best[0]} is meant, of {', '.join(fitting)} (--onnx)")
            return best[0]
    if len(fitting) > 1:
        raise PackError(
            f"{remote.place} has {len(fitting)} ONNX files that could be meant: "
            f"{', '.join(fitting[:_LISTED])}",
            "Name the one that gives embeddings (--onnx)",
        )
    return fitting[0]


def _parts(name: str) -> tuple[str, str]:
    """The stem of an ONNX file's name and its precision."""
    stem = PurePosixPath(name).stem
    for precision in sorted(_PRECISIONS, key=len, reverse=True):
        if stem.endswith(f"_{precision}"):
            return stem.removesuffix(f"_{precision}"), precision
    return stem, "fp32"


def _export(remote: _Remote, repository: str) -> str:
    config = remote.facts("config.json")
    task = _TASKS.get(str(config.get("model_type")), "feature-extraction")
    if "modules.json" in remote.sizes:
        task = "sentence-similarity"
    return f"optimum-cli export onnx --model {repository} --task {task} exported"


def _stated(remote: _Remote, given: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    config = remote.facts("config.json")
    processor = remote.facts("preprocessor_config.json")
    code = processor.get("auto_map") if isinstance(processor.get("auto_map"), dict) else {}
    if code and not {"mean", "std", "fit"} <= given.keys():
        raise PackError(
            f"pictures for {remote.place} are prepared by code of its own "
            f"({', '.join(map(str, code.values()))[:_LONGEST]}), which is never run",
            "State what it does: --size, --fit, --mean and --std",
        )
    if config.get("auto_map"):
        notes.understood.append("its own code is neither fetched nor run: the ONNX file is enough")
    stated: dict[str, Any] = {}
    if processor and not code and _of_pictures(processor):
        stated = conventions.of_processor(processor, notes)
    elif isinstance(config.get("pretrained_cfg"), dict):
        stated = conventions.of_timm(config["pretrained_cfg"], notes)
    elif open_clip := remote.facts("open_clip_config.json"):
        stated = conventions.of_open_clip(open_clip, notes)
    sizes = [config.get("image_size"), (config.get("vision_config") or {}).get("image_size")]
    for size in sizes:
        if isinstance(size, int) and "size_px" not in stated:
            stated["size_px"] = size
    return stated


def _of_pictures(processor: Mapping[str, Any]) -> bool:
    """Sound has such a file too."""
    return "sampling_rate" not in processor


def _pooling(remote: _Remote, notes: Notes) -> str | None:
    modules = remote.read("modules.json")
    pool = None
    for module in modules if isinstance(modules, list) else ():
        kind = str(module.get("type", "")).rpartition(".")[2] if isinstance(module, dict) else ""
        if kind == "Pooling":
            pool = conventions.of_pooling(remote.facts(f"{module.get('path')}/config.json"), notes)
        elif kind == "Dense":
            notes.assumed.append(
                "the layer after its pooling (Dense) is not in the ONNX file and is left out, "
                "unless that gives sentence_embedding"
            )
    return pool


def _tokenizer(
    remote: _Remote, language: str | None, stated: dict[str, Any], notes: Notes
) -> bytes | None:
    """Its tokenizer, which is noted as how it reads; None of one that looks at pictures too."""
    if TOKENIZER not in remote.sizes or stated:
        return None
    content = remote.fetch(TOKENIZER, LIMIT_BYTES[TOKENIZER]).read_bytes()
    facts = [remote.facts(name) for name in conventions.LENGTHS]
    reading = stated["reading"] = conventions.of_tokenizer(content, facts, language)
    notes.understood.append(
        f"{TOKENIZER}: texts up to {reading.pieces} pieces of words"
        + (f", in {reading.language}" if reading.language else "")
    )
    return content


def _licence(remote: _Remote, notes: Notes) -> tuple[str, str | None]:
    """The license of a repository as its page states it, and the one language where it is known."""
    license, tags, language = _stated_licence(remote)
    if license is None:
        notes.assumed.append("you may use its weights: no license is stated")
        return "not stated", language
    notes.understood.append(
        f"README.md: license {license}" + (f"; tags {', '.join(map(str, tags))}" if tags else "")
    )
    if license not in _OPEN:
        notes.assumed.append(
            f"your use is one that its license, {license}, allows; it may forbid some, so read it"
        )
    return license, language


def _stated_licence(remote: _Remote) -> tuple[str | None, list[Any], str | None]:
    """The license, the tags and the one known language at the head of README.md."""
    if remote.sizes.get("README.md", _SMALL_BYTES + 1) > _SMALL_BYTES:
        return None, [], None
    from huggingface_hub import metadata_load

    try:
        told = metadata_load(remote.fetch("README.md", _SMALL_BYTES)) or {}
    except Exception:  # a page for people: what its head says is welcome, and not needed
        told = {}
    license = told.get("license")
    if license == "other":
        license = told.get("license_name") or told.get("license_link") or license
    tags = told.get("tags")
    spoken = told.get("language")
    spoken = spoken[0] if isinstance(spoken, list) and len(spoken) == 1 else spoken
    language = _LANGUAGES.get(str(spoken))
    return (str(license) if license else None), tags if isinstance(tags, list) else [], language


def _beside(remote: _Remote, model: Path, name: str) -> Sequence[str]:
    """The files with the weights of a model, by their names in the repository."""
    try:
        outside = outside_files(model.read_bytes())
    except ValueError:
        return ()  # no ONNX: `read_model` says so
    found = []
    for beside in outside:
        path = (PurePosixPath(name).parent / beside).as_posix()
        if path not in remote.sizes:
            raise PackError(
                f"the weights of {name} lie in {beside!r}, which {remote.place} does not hold",
                "Ask its owner, or export the model anew",
            )
        found.append(path)
    return found
