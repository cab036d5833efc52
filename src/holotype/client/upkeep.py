"""What an owner looks after: the state of all, the trail, backups and keys."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from holotype.client.calling import Calling
from holotype.client.said import record
from holotype.gallery import AuditEntry, AuditReport
from holotype.served import Backup, GalleryFacts, Key, NewKey, Scope, Settings, UsablePack


class Upkeep(Calling):
    """A server, and the gallery as a whole."""

    def gallery(self) -> GalleryFacts:
        """What the gallery is, and which rates are guaranteed or estimated in it."""
        return record(GalleryFacts, self._call("GET", "/v1/gallery"))

    def ready(self) -> None:
        """Return where the gallery can be read now, and raise why it cannot elsewhere."""
        self._call("GET", "/v1/ready")

    def packs(self) -> tuple[UsablePack, ...]:
        """Which models the server knows by name."""
        return tuple(record(UsablePack, one) for one in self._call("GET", "/v1/packs")["packs"])

    def settings(self) -> Settings:
        """How the server was started, and what it keeps for how long."""
        return record(Settings, self._call("GET", "/v1/settings"))

    def audit(self) -> tuple[AuditEntry, ...]:
        """As `Gallery.audit`, but the newest line first."""
        return tuple(record(AuditEntry, one) for one in self._pages("/v1/audit", "entries"))

    def verify_audit(self, noted: str | None = None) -> AuditReport:
        """As `Gallery.verify_audit`."""
        asked = "" if noted is None else f"?{urlencode({'noted': noted})}"
        return record(AuditReport, self._call("GET", f"/v1/audit/report{asked}"))

    def backup(self, name: str) -> Backup:
        """Copy the gallery into a folder of the server, under a name that no copy has."""
        return record(Backup, self._json("POST", "/v1/backup", {"name": name}))

    def keys(self) -> tuple[Key, ...]:
        """The keys, oldest first, without their secrets."""
        return tuple(record(Key, one) for one in self._call("GET", "/v1/keys")["keys"])

    def add_key(self, name: str, scope: Scope) -> NewKey:
        """Make a key; its secret is shown this once."""
        return record(NewKey, self._json("POST", "/v1/keys", {"name": name, "scope": scope}))

    def revoke_key(self, name: str) -> Key:
        """Let a key be none from now on."""
        return record(Key, self._call("DELETE", f"/v1/keys/{quote(name, safe='')}"))
