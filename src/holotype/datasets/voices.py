"""Recordings of people: LibriSpeech and the Free Spoken Digit Dataset, by speaker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.archives import read_members
from holotype.datasets.dataset import data_folder
from holotype.datasets.speech import FSDD_FILE, SPEAKERS

LIBRISPEECH_FILE = "librispeech_speakers.zip"
COHORT, TEST = "cohort", "test"  # the parts that the file packs
_LARGEST_BYTES = 200_000  # six seconds as FLAC take up to 130,000


@dataclass(frozen=True, slots=True, eq=False)
class Recordings:
    """Recordings of people. M recordings, C speakers."""

    recordings: tuple[bytes, ...]  # [M] each the content of a file
    class_index: NDArray[np.int64]  # [M] in 0..C-1, the speaker
    class_names: tuple[str, ...]  # [C] sorted


def load_librispeech(part: str) -> Recordings:
    """Read English by people who each read their own books (Panayotov et al. 2015; CC BY 4.0).

    Args:
        part: `COHORT`, one recording of 4 s of each of 251 speakers of train-clean-100; or
            `TEST`, ten of up to 6 s of each of ten speakers of test-other.

    Returns:
        FLAC, 16 kHz, 16 bits, one channel.

    Raises:
        DataError: the file is missing or damaged.
    """
    files = read_members(
        data_folder() / LIBRISPEECH_FILE,
        lambda name: name.startswith(f"{part}/") and name.endswith(".flac"),
        _LARGEST_BYTES,
    )
    return _by_speaker({name: name.split("/")[1] for name in files}, files)


def load_fsdd_recordings() -> Recordings:
    """Ten spoken digits, 50 times by each of six speakers (Jackson et al. 2018; CC BY-SA 4.0).

    Returns:
        WAV, 8 kHz, 16 bits, one channel, in the order of the takes: digit by digit, take by take.

    Raises:
        DataError: the file is missing or damaged.
    """
    files = read_members(data_folder() / FSDD_FILE, lambda name: name.endswith(".wav"))
    told = {name: name.removesuffix(".wav").split("_") for name in files}
    order = sorted(
        files, key=lambda name: (SPEAKERS.index(told[name][1]), int(told[name][2]), told[name][0])
    )
    return _by_speaker({name: told[name][1] for name in order}, {n: files[n] for n in order})


def _by_speaker(speaker: dict[str, str], files: dict[str, bytes]) -> Recordings:
    names = sorted(set(speaker.values()))
    index = np.array([names.index(speaker[name]) for name in files], dtype=np.int64)
    return Recordings(tuple(files.values()), index, tuple(names))
