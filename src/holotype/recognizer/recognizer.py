"""What a Recognizer is asked day by day: enroll, identify, verify, forget."""

from __future__ import annotations

import builtins
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, overload

from holotype import calibration
from holotype.calibration import GalleryDraws
from holotype.decision import decide
from holotype.decoding import describe
from holotype.errors import AlikeError, ImageError, LabelError, PackError
from holotype.gallery import Erasure, check_label
from holotype.gallery.labels import shown
from holotype.images import ImageSource
from holotype.pack import shipped_packs
from holotype.recognizer.examples import disagreements, kept_bytes
from holotype.recognizer.kinds import require_kind
from holotype.recognizer.probes import Probe
from holotype.recognizer.review import Reviewing
from holotype.recognizer.strangers import Calibrating
from holotype.recognizer.view import View
from holotype.records import Decision, Enrollment, Sighting
from holotype.scoring import unit

# Inside the class, `list` is the method of that name.
_Decisions = list[Decision]
_Sightings = list[Sighting]


class Recognizer(Calibrating, Reviewing):
    """Recognizes what was enrolled, and turns strangers away at a stated rate.

    An identity with several examples answers with its prototype, their renormalized mean. A
    recognizer may be used from several threads; several processes may open one gallery.

    Args:
        embedder: of the model.
        gallery: bound to that model, or what makes one when it is first needed.
        cohort: the strangers that set the thresholds, from the model pack.
        background: float32 unit [B, D], the prototypes of what trained the model, likewise.
        default: the similarity that is accepted where the strangers are too few to promise the
            stated rate; such decisions are not `promised`. None: such rates are refused.
        cohort_data: the data set that the cohort comes from, which decisions name.
    """

    def enroll(
        self,
        label: str,
        *images: ImageSource,
        text: str | None = None,
        consent: str | None = None,
        retain_until: date | None = None,
        strict: bool = False,
        anyway: bool = False,
    ) -> Enrollment:
        """Add one or more examples of `label`; they are durable when this returns.

        A label that is already enrolled gains the examples. Either all of them are stored or,
        on any error, none. A new label that lies within the threshold of an enrolled one (at a
        stated 1 %, or the smallest rate that can be promised) is stored all the same, and comes
        back with its `lookalikes`: one person under two labels, or twins. What is odd about the
        pictures comes back as `warnings`.

        Args:
            label: 1 to 200 characters without control characters, kept verbatim.
            images: paths, bytes, PIL images or arrays, one example each.
            text: a description in place of an example, for a model that embeds text as well.
            consent: a note on the permission to enroll; None leaves an earlier one as it is.
            retain_until: the last day on which the identity may be kept (see `Gallery.expire`);
                None leaves an earlier one as it is.
            strict: whether a new label with look-alikes is refused.
            anyway: whether pictures that are plainly of another kind than the model reads, such as
                a photograph where it reads ink, are stored all the same, with a warning.

        Raises:
            AnotherKindError: a picture is plainly of another kind, and not `anyway`.
            ImageError: an image cannot be read or holds nothing, or none was given; it names all
                of these.
            LabelError: the label cannot be stored.
            AlikeError: strict, and there are look-alikes.
            GalleryError: the gallery cannot be written.
            PackError: a description is given; no format of model packs has a text side yet.
        """
        if text is not None:
            raise PackError(
                f"{shown(label)} is described by {shown(text)}, which a model with a text side "
                f"could embed; this one sees pictures alone, and so do the shipped packs "
                f"({', '.join(shipped_packs())})",
                "Enroll a picture of it instead",
            )
        if not images:
            raise ImageError(f"enroll of {shown(label)} got no image", "Give at least one example")
        label = check_label(label)  # before pictures are read for nothing
        vectors, quality = self._embedded(images)
        if not anyway and any(one.code == "another_kind" for found in quality for one in found):
            require_kind(images, self.embedder.preprocessing, "or enroll it anyway (`--anyway`)")
        doubts = self._doubts(vectors, quality)
        view = self._current()
        new = label not in view.labels
        lookalikes = view.lookalikes(unit(vectors.mean(axis=0))) if new else ()
        if strict and lookalikes:
            raise AlikeError(
                f"{shown(label)} would be taken for {shown(lookalikes[0].label)}, who is enrolled "
                f"(similarity {lookalikes[0].similarity:.2f})",
                "Add the pictures to that label, or enroll without `strict` if they are two",
                lookalikes,
            )
        examples = self.gallery.add(
            label,
            vectors,
            consent=consent,
            retain_until=retain_until,
            pictures=kept_bytes(images) if self.gallery.keep_pictures else None,
        )
        warnings = (
            *(reason for reasons in doubts for reason in reasons),
            *disagreements(view.vectors_of(label), vectors, self._matching),
        )
        return Enrollment(label, len(images), examples, warnings, lookalikes)

    # A path is a string and so a sequence too; the first form is the one that takes it.
    @overload
    def identify(  # type: ignore[overload-overlap]
        self, images: ImageSource, fpir: float | str = ..., *, stranger_prior: float = ...
    ) -> Decision: ...

    @overload
    def identify(
        self, images: Sequence[ImageSource], fpir: float | str = ..., *, stranger_prior: float = ...
    ) -> _Decisions: ...

    def identify(
        self,
        images: ImageSource | Sequence[ImageSource],
        fpir: float | str = 0.01,
        *,
        stranger_prior: float = 0.5,
    ) -> Decision | _Decisions:
        """1:N, who is it, or nobody?

        Of a list every image gets its answer: one that cannot be read or holds nothing is
        `cannot_tell`, with the reason `unreadable`, and takes nothing from the others.

        Args:
            images: one image, or a list or tuple of images, which are embedded together.
            fpir: the share of strangers that may be accepted, in (0, 1).
            stranger_prior: the share of strangers expected among the probes, in [0, 1]; only the
                probability depends on it.

        Returns:
            A `Decision` for one image; a list of them for a list.

        Raises:
            ImageError: the one image cannot be read or holds nothing.
            RateError: the rate is no fraction, or cannot be promised for this gallery.
        """
        rate = calibration.parse_rate(fpir, "fpir")
        batch: Sequence[ImageSource] = images if isinstance(images, list | tuple) else [images]  # type: ignore[list-item]
        if not batch:
            return []
        many = isinstance(images, list | tuple)
        seen = self._identified(batch, rate, stranger_prior, everybody=False, required=not many)
        decisions = [sighting.decision for (sighting,) in seen]
        return decisions if many else decisions[0]

    def identify_all(
        self, image: ImageSource, fpir: float | str = 0.01, *, stranger_prior: float = 0.5
    ) -> _Sightings:
        """1:N for everything that a picture shows: each of its faces, largest first.

        A model that does not look for faces sees one thing, the whole picture.

        Args:
            image: as for `identify`, and so the others.
            fpir: the share of strangers that may be accepted, in (0, 1), of each that is shown.
            stranger_prior: as for `identify`.

        Returns:
            At least one sighting: that there is no face is one as well.

        Raises:
            ImageError: the image cannot be read, or a drawing holds nothing.
            RateError: the rate is no fraction, or cannot be promised for this gallery.
        """
        rate = calibration.parse_rate(fpir, "fpir")
        return self._identified([image], rate, stranger_prior, everybody=True, required=True)[0]

    def verify(
        self,
        label: str,
        image: ImageSource,
        fmr: float | str = 0.01,
        *,
        stranger_prior: float = 0.5,
    ) -> Decision:
        """1:1, is it the one that it claims to be?

        Args:
            label: the claimed identity.
            image: the probe.
            fmr: the share of impostors that may be accepted under this claim, in (0, 1).
            stranger_prior: the share of impostors expected among the claims, in [0, 1].

        Raises:
            LabelError: the label is not enrolled.
            ImageError: the image cannot be read or holds nothing.
            RateError: the rate is no fraction, or cannot be promised for this claim.
        """
        rate = calibration.parse_rate(fmr, "fmr")
        label = unicodedata.normalize("NFC", label) if isinstance(label, str) else label
        view = self._current()
        if label in view.snapshot.over.labels:
            day = view.snapshot.over.days[view.snapshot.over.labels.index(label)]
            raise LabelError(
                f"{shown(label)} could be kept until {day}, and is matched no more",
                "Enroll it again with a later day, or erase it with expire",
            )
        if label not in view.labels:
            raise LabelError(
                f"label {shown(label)} is not among the {len(view.labels)} enrolled",
                "Enroll it first, or check the spelling",
            )
        at = view.labels.index(label)
        draws = view.draws.claim(view.snapshot.identities[at])
        level = view.threshold(rate, "fmr", draws)
        ((probe,),) = self._probes([image], view.prototypes[at : at + 1])
        _require_readable(image, probe)
        return self._decided(view, at, probe, draws, level, ("fmr", rate), stranger_prior)

    def forget(self, label: str) -> Erasure:
        """Erase `label` and all its examples from the file.

        Returns:
            The receipt, which is stored nowhere else; `examples` says how many there were.

        Raises:
            LabelError: the label is not enrolled.
            ErasurePendingError: forgotten, but another process still holds the bytes in the file.
            GalleryError: the gallery cannot be written.
        """
        return self.gallery.remove(label)

    def list(self) -> dict[str, int]:
        """The enrolled labels with their numbers of examples, in order of first enrollment."""
        return self.gallery.labels()

    def _identified(
        self,
        images: Sequence[ImageSource],
        rate: float,
        prior: float,
        everybody: bool,
        required: bool,
    ) -> builtins.list[_Sightings]:
        """The sightings on each of the images; `required`: each of them can be read."""
        view = self._current()
        level = view.threshold(rate)
        shown = self._probes(images, view.prototypes, everybody)
        if required:
            for image, probes in zip(images, shown, strict=True):
                _require_readable(image, probes[0])
        return [
            [
                Sighting(
                    self._decided(view, None, probe, view.draws, level, ("fpir", rate), prior),
                    probe.vector,
                )
                for probe in probes
            ]
            for probes in shown
        ]

    def _decided(
        self,
        view: View,
        claimed: int | None,
        probe: Probe,
        draws: GalleryDraws,
        level: tuple[float | None, bool],
        stated: tuple[Literal["fpir", "fmr"], float],
        stranger_prior: float,
    ) -> Decision:
        """The signed answer for one probe, compared with all, or with the one that is claimed."""
        best, similarity = claimed, probe.similarity
        if best is None and len(similarity):
            best = int(similarity.argmax())
        probability = None
        if self._matching is not None and best is not None and len(similarity):
            probability = self._matching.probability(
                float(similarity.max()), int(view.examples[best]), draws, stranger_prior
            )
        labels = view.labels if claimed is None else (view.labels[claimed],)
        over = () if claimed is not None else view.over(probe.vector, level[0])
        decision = decide(
            labels if probe.vector is not None else (),
            similarity,
            threshold=level[0],
            rate_kind=stated[0],
            rate=stated[1],
            probability=probability,
            familiarity=probe.familiarity,
            quality=probe.reasons,
            promised=level[1],
            box=probe.box,
        )
        if decision.answer != "match":
            decision = replace(decision, reasons=(*over, *decision.reasons))
        token = self.gallery.sign(
            {
                "answer": decision.answer,
                "identity": None if best is None else view.snapshot.identities[best],
                "similarity": decision.similarity,
                "threshold": decision.threshold,
                "rate_kind": decision.rate_kind,
                "rate": decision.rate,
            }
        )
        return replace(decision, id=token, basis=self._basis(view, decision.promised))


def _require_readable(image: ImageSource, probe: Probe) -> None:
    if not probe.readable:
        raise ImageError(f"{describe(image)}: {probe.problem}", probe.remedy)
