"""Give packs that have none their self-test: `python build_packs/self_tests.py [PACK ...]`.

Without an argument, those that ship. Model, cohort and model id stay what they are; the digest of
the card changes with that of `cohort.npz`.
"""

from __future__ import annotations

import sys

from holotype.embedder import Embedder
from holotype.model import self_test
from holotype.pack import add_self_test, load_pack, shipped_packs


def main() -> None:
    for name in sys.argv[1:] or shipped_packs():
        pack = load_pack(name)
        if pack.self_test() is None:
            vectors = Embedder(pack, threads=1, providers="cpu").embed_made_up(self_test.COUNT)
            add_self_test(pack.path, vectors)
            print(f"{name}: {vectors.shape}")


if __name__ == "__main__":
    main()
