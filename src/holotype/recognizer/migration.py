"""Moving a gallery to another model, from the pictures that its owner chose to keep."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from holotype.embedder import Embedder
from holotype.errors import GalleryError, ImageError
from holotype.gallery import Gallery, existing
from holotype.gallery.labels import shown
from holotype.pack import Pack, load_pack
from holotype.recognizer.describing import described
from holotype.recognizer.opening import stored_name

_BATCH = 64
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Move:
    """What moving a gallery to another model changes, or would change."""

    from_model: str  # id
    to_model: str  # id
    examples: int
    ready: int  # examples that an earlier, interrupted run has embedded already
    without_pictures: dict[str, int]  # labels that cannot move, with their examples
    strangers: int  # own strangers that are dropped: no pictures of them are kept
    done: bool
    pending: bool = False  # the old vectors' bytes are still in the file


def reembed(
    gallery: str | os.PathLike[str],
    model: str | os.PathLike[str],
    *,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
    actor: str | None = None,
) -> Move:
    """Embed the kept pictures with another model, and bind the gallery to it, all at once.

    Until the last step the gallery is used as before. A run that is interrupted is gone on with
    by the next. Own strangers are dropped, since their pictures are not kept: calibrate anew.

    Args:
        gallery: its file or URL.
        model: name of a shipped pack or path of a pack folder.
        dry_run: whether only to say what would change.
        progress: called with the number of examples embedded, and of all.
        actor: who, for the audit trail; None: the user of the operating system.

    Raises:
        GalleryError: it belongs to that model already, or holds examples without a picture.
        ImageError: a kept picture cannot be read or holds nothing for the new model.
        PackError: the model pack is missing, altered or broken.
    """
    pack = load_pack(model)
    with existing(gallery) as kept:
        if kept.model_id == pack.card.model_id:
            raise GalleryError(
                f"the gallery {kept.place!r} belongs to the model {pack.card.name!r} "
                f"(id {kept.model_id}) already",
                "Name another model",
            )
        plan = Move(
            from_model=kept.model_id,
            to_model=pack.card.model_id,
            examples=sum(kept.labels().values()),
            ready=len(kept.staged(pack.card.model_id)),
            without_pictures=kept.without_pictures(),
            strangers=sum(batch.vectors for batch in kept.stranger_batches()),
            done=False,
        )
        if dry_run:
            return plan
        _require_pictures(plan.without_pictures)
        _stage(kept, pack, plan.examples, progress)
        card = pack.card
        moved = kept.reembed(
            card.model_id, stored_name(pack, model), card.embedding_dim, actor=actor
        )
    return replace(
        plan,
        examples=moved.examples,
        strangers=moved.strangers,
        done=True,
        pending=moved.pending,
    )


def _require_pictures(without: dict[str, int]) -> None:
    if without:
        names = ", ".join(shown(label) for label in islice(without, _NAMED))
        more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
        raise GalleryError(
            f"{sum(without.values())} examples of {names}{more} were enrolled without keeping "
            "their pictures, and a vector of one model says nothing to another",
            "Forget them and enroll them anew with `--keep-pictures`, or start a new gallery",
        )


def _stage(
    kept: Gallery, pack: Pack, examples: int, progress: Callable[[int, int], None] | None
) -> None:
    embedder = Embedder(pack)
    model_id = pack.card.model_id
    told = [one for one in kept.examples() if one.description is not None]
    vectors, _ = described(embedder, [str(one.description) for one in told])
    kept.stage(
        model_id, pack.card.embedding_dim, dict(zip([one.id for one in told], vectors, strict=True))
    )
    while waiting := sorted(set(kept.picture_ids()) - kept.staged(model_id)):
        batch = waiting[:_BATCH]
        try:
            vectors = embedder.embed([kept.picture(example) for example in batch])
        except ImageError as error:
            raise ImageError(
                f"a kept picture of examples {batch[0]} to {batch[-1]}: {error.problem}",
                "Forget the identity and enroll it anew with another picture",
            ) from error
        kept.stage(model_id, pack.card.embedding_dim, dict(zip(batch, vectors, strict=True)))
        if progress is not None:
            progress(max(examples - len(waiting) + len(batch), 0), examples)
