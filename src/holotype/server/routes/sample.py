"""The shipped drawings: what an empty gallery can be tried out with."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from functools import cache

from fastapi import Request
from PIL import Image
from starlette.responses import Response

from holotype.datasets.catalogue import load_dataset
from holotype.domains.registry import domain_of
from holotype.served import Drawing, Sample
from holotype.server.answers import answer
from holotype.server.routing import Router, house, route

router = Router("People or things")
_EACH = 5  # characters of each alphabet to enroll, and as many strangers


@route(router, "GET", "/v1/sample", "read", Sample)
async def sample(request: Request) -> Response:
    """Some of the drawings that come with holotype; nothing is enrolled by this."""
    desk = house(request).desk
    fitting = desk.card and domain_of(desk.card.preprocessing).sample(desk.card.preprocessing)
    return answer(await desk.read(lambda _: _drawings(fitting) if fitting else _NONE))


_NONE = Sample((), (), (), "", "")


@cache
def _drawings(name: str) -> Sample:
    data = load_dataset(name)
    assert data.drawer is not None

    def of(drawer: int, characters: Iterable[int]) -> tuple[Drawing, ...]:
        found = []
        for character in characters:
            (row,) = ((data.class_index == character) & (data.drawer == drawer)).nonzero()[0]
            file = io.BytesIO()
            Image.fromarray(data.images[row]).save(file, "PNG")
            name = data.class_names[character].replace("/character", " ")
            found.append(Drawing(name, base64.b64encode(file.getvalue()).decode()))
        return tuple(found)

    firsts = [data.group.index(alphabet) for alphabet in dict.fromkeys(data.group)]
    some = [first + i for first in firsts for i in range(_EACH)]
    others = [character + _EACH for character in some]
    return Sample(of(1, some), of(2, some), of(1, others), data.license, data.source)
