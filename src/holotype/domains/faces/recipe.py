"""The pack `faces`, made from the weights that the extra `faces` installs.

The weights are dlib's (Davis King, CC0): over 20 MB that the base does not ship. They are converted
once on each machine; the same weights always give the same bytes, and so the same model id.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import face_recognition_models
import numpy as np

from holotype.domains.faces.network import DIMENSIONS, MEAN, SIZE_PX, STD, face_network
from holotype.errors import PackError
from holotype.extras import install_command
from holotype.preprocessing import Preprocessing

_WEIGHTS_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
# No faces may be shipped to set a threshold with. dlib's author takes two pictures for one person
# up to a distance of 0.6 of vectors that are about 1.4 long, a similarity of 0.91; this is a
# distance of 0.44. Nobody has measured how many strangers it accepts at any place.
DEFAULT_SIMILARITY = 0.95

PREPROCESSING = Preprocessing(
    "face", size_px=SIZE_PX, margin_px=0, channels=3, fit="stretch", mean=MEAN, std=STD
)


def parts() -> dict[str, Any]:
    """The arguments of `write_pack`.

    Raises:
        PackError: the installed weights are others than those that this was written for.
    """
    weights = Path(face_recognition_models.face_recognition_model_location())
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != _WEIGHTS_SHA256:
        raise PackError(
            f"{weights.name} of face-recognition-models has another SHA-256 digest than the weights"
            " that were tested",
            f"Install the tested version with {install_command('faces')}",
        )
    nobody = np.empty((0, DIMENSIONS), dtype=np.float32)
    return {
        "name": "faces",
        "model": face_network(content),
        "preprocessing": PREPROCESSING,
        "embeddings": nobody,
        "class_index": np.empty(0, dtype=np.int64),
        "prototypes": nobody,
        "cohort": {
            "data": "none that may ship: strangers of your own set the thresholds",
            "class_names": [],
            "default_similarity": DEFAULT_SIMILARITY,
        },
        "background": {
            "data": "about 3 million pictures of 7,485 people, from FaceScrub, VGG and the web, as "
            "dlib's author tells; their names are not published",
            "class_names": [],
        },
        "training": {
            "command": "none: dlib_face_recognition_resnet_model_v1.dat by Davis King, 2017",
            "weights_sha256": _WEIGHTS_SHA256,
        },
        "license": "CC0-1.0",
    }
