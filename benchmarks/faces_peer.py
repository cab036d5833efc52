"""One of the packages beside which faces are measured, in its own environment.

    PEER_PYTHON benchmarks/faces_peer.py face_recognition|deepface

Reads one JSON line for each picture, {"picture": path}, and answers with one: the boxes found
[left, top, right, bottom], and the seconds from the file to the nearest of 1,000 enrolled. The
first line, {"enrolled": path}, names the vectors of the enrolled.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Answer = tuple[list[list[int]], int | None]


def by_face_recognition(enrolled: np.ndarray) -> Callable[[str], Answer]:
    import face_recognition

    def answer(path: str) -> Answer:
        picture = face_recognition.load_image_file(path)
        places = face_recognition.face_locations(picture)
        nearest = None
        for vector in face_recognition.face_encodings(picture, places):
            nearest = int(face_recognition.face_distance(enrolled, vector).argmin())
        return [[left, top, right, bottom] for top, right, bottom, left in places], nearest

    return answer


def by_deepface(enrolled: np.ndarray) -> Callable[[str], Answer]:
    import face_recognition_models

    # It looks for its weights in a folder of its own; they are the same files.
    folder = Path(os.environ["DEEPFACE_HOME"]) / ".deepface" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (
        "shape_predictor_5_face_landmarks.dat",
        "dlib_face_recognition_resnet_model_v1.dat",
    ):
        if not (folder / name).exists():
            source = Path(face_recognition_models.__file__).parent / "models" / name
            (folder / name).symlink_to(source)
    from deepface import DeepFace

    def answer(path: str) -> Answer:
        found = DeepFace.represent(
            path, model_name="Dlib", detector_backend="dlib", enforce_detection=False
        )
        boxes, nearest = [], None
        for face in found:
            if not face["face_confidence"]:  # nothing found: the whole picture stands in
                continue
            area = face["facial_area"]
            boxes.append([area["x"], area["y"], area["x"] + area["w"], area["y"] + area["h"]])
            distance = np.linalg.norm(enrolled - np.array(face["embedding"]), axis=1)
            nearest = int(distance.argmin())
        return boxes, nearest

    return answer


def main() -> None:
    enrolled = np.load(json.loads(sys.stdin.readline())["enrolled"])
    kinds: dict[str, Any] = {"face_recognition": by_face_recognition, "deepface": by_deepface}
    answer = kinds[sys.argv[1]](enrolled)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        path = json.loads(line)["picture"]
        start = time.perf_counter()
        boxes, nearest = answer(path)
        seconds = time.perf_counter() - start
        print(json.dumps({"boxes": boxes, "nearest": nearest, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
