"""Faces: found, turned upright and cut out, and the pack that tells them apart.

All of it needs the extra `faces`; nothing here is imported unless a pack of the kind `face` is.
"""

from holotype.extras import Extra

EXTRA = Extra(
    "faces",
    ("dlib", "_dlib_pybind11", "face_recognition_models", "onnx"),
    "the pack 'faces' needs {}",
)
