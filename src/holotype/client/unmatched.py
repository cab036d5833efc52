"""Who came by and got no match, where a server keeps that."""

from __future__ import annotations

from urllib.parse import quote

from holotype.client.calling import Calling
from holotype.client.said import record
from holotype.records import Enrollment, Reviewed, Visitor


class Unmatched(Calling):
    """The visitors."""

    def inbox(self) -> tuple[Visitor, ...]:
        """Who came by and got no match, the last one first; nobody where the inbox is off."""
        return tuple(record(Visitor, one) for one in self._pages("/v1/inbox", "visitors"))

    def inbox_picture(self, picture: str) -> bytes:
        """One picture of a visitor, by its id."""
        return bytes(self._call("GET", f"{_seen(picture)}/picture"))

    def name_visitor(self, visitor: Visitor | str, label: str) -> Reviewed:
        """Say which of the enrolled a visitor is; or a picture, by its id, as with the others."""
        said = self._json("POST", f"{_seen(visitor)}/name", {"label": label})
        return record(Reviewed, said)

    def enroll_visitor(
        self, visitor: Visitor | str, label: str, *, consent: str | None = None
    ) -> Enrollment:
        """Enroll a visitor under a label that nobody has."""
        asked = {"label": label, "consent": consent}
        return record(Enrollment, self._json("POST", f"{_seen(visitor)}/enroll", asked))

    def turn_away_visitor(self, visitor: Visitor | str) -> Reviewed:
        """Say that a visitor is none of the enrolled: whoever looks like it is turned away."""
        return record(Reviewed, self._call("POST", f"{_seen(visitor)}/stranger", changes=True))

    def dismiss_visitor(self, visitor: Visitor | str) -> int:
        """Erase the pictures of a visitor, who is not kept again for as long; how many."""
        return int(self._call("POST", f"{_seen(visitor)}/dismiss")["erased"])

    def erase_visitor(self, visitor: Visitor | str) -> int:
        """Erase all of a visitor, who is a new one next time; how many pictures."""
        return int(self._call("DELETE", _seen(visitor))["erased"])


def _seen(visitor: Visitor | str) -> str:
    name = visitor.id if isinstance(visitor, Visitor) else visitor
    return f"/v1/inbox/{quote(name, safe='')}"
