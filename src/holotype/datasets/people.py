"""What people are told by: faces (ORL) and signatures (CEDAR).

Both may be used for research only: what is trained on them is measured, never shipped.
"""

from __future__ import annotations

import numpy as np

from holotype.datasets.archives import read_arrays
from holotype.datasets.dataset import Dataset, data_folder

ORL_FILE = "orl_faces_112x92.npz"
CEDAR_FILE = "cedar_clean_155x220.npz"


def load_orl() -> Dataset:
    """Faces of 40 people, ten photographs each (AT&T Laboratories Cambridge, 1994).

    Returns:
        Images uint8 [400, 112, 92], grey; the classes are "person01".."person40".

    Raises:
        DataError: the file is missing or damaged.
    """
    stored = read_arrays(data_folder() / ORL_FILE, ("images", "person", "shot"))
    order = np.lexsort((stored["shot"], stored["person"]))
    people, class_index = np.unique(stored["person"][order], return_inverse=True)
    return Dataset(
        name="orl",
        images=stored["images"][order],
        class_index=class_index.astype(np.int64),
        class_names=tuple(f"person{person:02d}" for person in people),
        group=("",) * len(people),
        drawer=None,
        license="research use; credit AT&T Laboratories Cambridge",
        source="https://cam-orl.co.uk/facedatabase.html",
    )


def load_cedar() -> Dataset:
    """Signatures of 55 people, 24 of their own and 24 skilled forgeries (Kalera et al. 2004).

    The scans are cleaned: in the raw ones the grey of the paper alone tells the forgeries.

    Returns:
        Images uint8 [2640, 155, 220], ink on paper 255. Each signer has two classes,
        "signer01/genuine" and "signer01/forged", which share the group "signer01", as the
        characters of an alphabet do.

    Raises:
        DataError: the file is missing or damaged.
    """
    stored = read_arrays(data_folder() / CEDAR_FILE, ("images", "signer", "genuine", "index"))
    order = np.lexsort((stored["index"], ~stored["genuine"], stored["signer"]))
    signer, genuine = stored["signer"][order].astype(np.int64), stored["genuine"][order]
    signers, number = np.unique(signer, return_inverse=True)
    names = [f"signer{signer:02d}" for signer in signers]
    return Dataset(
        name="cedar",
        images=stored["images"][order],
        class_index=2 * number + ~genuine,
        class_names=tuple(f"{name}/{kind}" for name in names for kind in ("genuine", "forged")),
        group=tuple(name for name in names for _ in range(2)),
        drawer=None,
        license="research use",
        source="https://cedar.buffalo.edu/NIJ/data/signatures.rar",
    )
