"""Which processor computes a model: the one that was asked for, or an error says why not.

ONNX Runtime itself goes on with the CPU where another processor is missing or does not start, and
says so on a stream that nobody reads. Here that is an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import onnxruntime

from holotype.errors import ProviderError

CPU = "cpu"
VARIABLE = "HOLOTYPE_PROVIDERS"
_NAMES = {
    CPU: "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
# What brings a provider; each stands in place of `onnxruntime`, whose module it shares.
_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "openvino": "onnxruntime-openvino",
    "coreml": "onnxruntime for macOS",
    "directml": "onnxruntime-directml",
}
# Nvidia's processors round float32 to ten bits unless they are told not to.
_OPTIONS: dict[str, dict[str, str]] = {"cuda": {"use_tf32": "0"}}
_PARTLY = "assigned to the default CPU EP"

Providers = tuple[str, ...]


def chosen(asked: str | Sequence[str] | None = None) -> Providers:
    """The providers that were asked for, checked to be there.

    Args:
        asked: `cpu`, `cuda`, `openvino`, `coreml` or `directml`; several, in a list or with commas,
            where the later ones compute what the earlier ones cannot. None: what the environment
            variable HOLOTYPE_PROVIDERS says, or `cpu`.

    Raises:
        ProviderError: there is no such provider, or this ONNX Runtime does not have it.
    """
    where = ""
    if asked is None and os.environ.get(VARIABLE):
        asked, where = os.environ[VARIABLE], f" by {VARIABLE}"
    names = asked.split(",") if isinstance(asked, str) else [CPU] if asked is None else asked
    result = tuple(dict.fromkeys(name.strip().lower() for name in names))
    there = available()
    for name in result:
        if name not in _NAMES:
            raise ProviderError(
                f"{name!r} is asked for{where}; providers are {', '.join(_NAMES)}",
                "Name some of these, with commas",
            )
        if name not in there:
            raise ProviderError(
                f"provider {name!r} is asked for{where}; this ONNX Runtime "
                f"({onnxruntime.__version__}) has {', '.join(there)}",
                f"Install {_PACKAGES[name]} in place of onnxruntime, or ask for one of these",
            )
    return result


def available() -> list[str]:
    """The providers that this ONNX Runtime was built with."""
    built = onnxruntime.get_available_providers()
    return [name for name, full in _NAMES.items() if full in built]


def started(
    model: bytes,
    options: onnxruntime.SessionOptions,
    providers: Providers,
    disabled: Sequence[str] = (),
) -> onnxruntime.InferenceSession:
    """A session on these providers and no others.

    Args:
        model: the ONNX file.
        options: of the session; changed.
        providers: from `chosen`. Where `cpu` is not among them, nothing is computed by it.
        disabled: optimizers to leave out.

    Raises:
        ProviderError: one of them does not start, or computes only a part of the model and nobody
            allowed the CPU for the rest.
        Exception: of ONNX Runtime, where the CPU alone cannot run the model.
    """
    if CPU not in providers:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    listed = [(_NAMES[name], _OPTIONS.get(name, {})) for name in providers]
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=listed, disabled_optimizers=disabled, enable_fallback=0
        )
    except Exception as error:  # the kinds of ONNX Runtime have no common public base
        if providers == (CPU,):
            raise
        if _PARTLY in str(error):
            raise ProviderError(
                f"provider {providers[0]!r} computes only a part of this model",
                f"Allow the CPU for the rest: `{','.join((*providers, CPU))}`",
            ) from error
        raise _not_started(providers[0], error) from error
    session.disable_fallback()
    session._model_bytes = None  # kept for falling back alone
    running = session.get_providers()
    missing = [name for name in providers if _NAMES[name] not in running]
    if missing:
        raise _not_started(missing[0], "ONNX Runtime left it out")
    return session


def _not_started(name: str, why: object) -> ProviderError:
    line = (str(why).splitlines() or [type(why).__name__])[0][:200]
    return ProviderError(
        f"provider {name!r} does not start ({line})",
        "Check its driver and libraries, or ask for `cpu`",
    )
