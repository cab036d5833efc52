"""Numbers as people say them."""

from __future__ import annotations

from holotype.tasks.bootstrap import Share

_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 10: "ten"}


def pictures(count: int) -> str:
    """A number of pictures: "one picture", "five pictures"."""
    return f"{spelled(count)} picture{'' if count == 1 else 's'}"


def spelled(count: int) -> str:
    """A small number in letters."""
    return _COUNTS.get(count, f"{count:,}")


def one_in(rate: float, what: str = "stranger") -> str:
    """A stated rate: "1 stranger in 100", or "3 in 100 strangers" where it is no such part."""
    parts = 1 / rate
    if abs(parts - round(parts)) < 1e-6 * parts:
        return f"1 {what} in {round(parts):,}"
    return f"{100 * rate:.4g} in 100 {what}s"


def out_of(share: float) -> tuple[str, str]:
    """A share as a count and of how many: 0.62 -> ("6", "10"), 0.974 -> ("97", "100")."""
    if share <= 0:
        return "none", ""
    if share >= 1:
        return "all", ""
    if 0.095 <= share < 0.905:
        return f"{10 * share:.0f}", "10"
    if share < 0.005:
        return "fewer than 1", "100"
    if share >= 0.995:
        return "more than 99", "100"
    return f"{100 * share:.0f}", "100"


def of(share: float) -> str:
    """A share as people count: "6 of 10", "97 of 100", "none"."""
    count, total = out_of(share)
    return f"{count} of {total}" if total else count


def percent(share: float) -> str:
    """A share in percent, with the digits that matter: "61.3 %", "0.08 %"."""
    value = 100 * share
    if value == 0 or value >= 0.95:
        return f"{value:.1f} %"
    return f"{value:.2f} %" if value >= 0.01 else "under 0.01 %"


def interval(share: Share) -> str:
    """Both ends in percent: "55.1 to 68.0 %"."""
    return f"{percent(share.low).removesuffix(' %')} to {percent(share.high)}"


def short(name: str, most: int = 18) -> str:
    """A name that fits under a picture: both ends stay, since names often differ in the last."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}\N{HORIZONTAL ELLIPSIS}{name[head + 1 - most :]}"


def times(ratio: float) -> str:
    """A multiple: "twice", "5 times", "1.4 times"."""
    if 1.95 <= ratio < 2.05:
        return "twice"
    return f"{ratio:.0f} times" if ratio >= 9.95 else f"{ratio:.2g} times"
