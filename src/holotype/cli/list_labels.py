"""Showing who is enrolled."""

from __future__ import annotations

from holotype.cli.default_pack import GalleryPlace
from holotype.cli.display import AsJson, print_json, print_table, say
from holotype.gallery import existing, gallery_model


def list_labels(gallery: GalleryPlace, as_json: AsJson = False) -> None:
    """Show who is enrolled: how many examples, which consent, kept until when; and the model.

    Example: `holotype list desk.gallery`
    """
    with existing(gallery) as kept:
        model_id, model = gallery_model(gallery)
        identities = kept.records()
    if as_json:
        print_json(
            {
                "model": model,
                "model_id": model_id,
                "identities": [
                    {
                        "label": one.label,
                        "examples": one.examples,
                        "pictures": one.pictures,
                        "consent": one.consent,
                        "retain_until": one.retain_until,
                        "tags": one.tags,
                        "quiet": one.quiet,
                    }
                    for one in identities
                ],
            }
        )
        return
    if identities:
        print_table(
            ("label", "examples", "consent", "kept until"),
            [
                (
                    one.label,
                    str(one.examples),
                    one.consent or "none noted",
                    "no end" if one.retain_until is None else one.retain_until.isoformat(),
                )
                for one in identities
            ],
            numbers=("examples",),
        )
    else:
        say("Nobody is enrolled.")
    say(f"Model {model}, id {model_id}.", style="dim")
