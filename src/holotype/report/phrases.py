"""Numbers as people say them."""

from __future__ import annotations

from holotype.stats.bootstrap import Share

_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 10: "ten"}
_LEFT_OF_SHARED = 6  # characters of a shared beginning that stay


def pictures(count: int) -> str:
    """A number of pictures: "one picture", "five pictures"."""
    return f"{spelled(count)} picture{'' if count == 1 else 's'}"


def spelled(count: int) -> str:
    """A small number in letters."""
    return _COUNTS.get(count, f"{count:,}")


def stated(rate: float) -> str:
    """A stated rate: "1 %"."""
    return f"{100 * rate:.6g} %"


def percent(share: float) -> str:
    """A share in percent, with the digits that matter: "61.3 %", "0.08 %"."""
    value = 100 * share
    if value == 0 or value >= 0.95:
        return f"{value:.1f} %"
    return f"{value:.2f} %" if value >= 0.01 else "under 0.01 %"


def interval(share: Share) -> str:
    """Both ends in percent: "55.1 to 68.0 %"."""
    return f"{percent(share.low).removesuffix(' %')} to {percent(share.high)}"


def short(name: str, beside: str = "", most: int = 40) -> str:
    """A name that fits under a picture, and still differs from the one that stands beside it.

    A long name loses the beginning that both share, then its middle.
    """
    if len(name) <= most:
        return name
    alike = [a == b for a, b in zip(name, beside, strict=False)]
    # A name and more of it share all of it; of one name twice, nothing is lost.
    shared = 0 if name == beside else [*alike, False].index(False)
    head = (most - 1) // 2
    left = min(_LEFT_OF_SHARED, head - 2)  # or the first difference would go with the middle
    if shared > left:
        name = f"\N{HORIZONTAL ELLIPSIS}{name[shared - left :]}"
    if len(name) <= most:
        return name
    return f"{name[:head]}\N{HORIZONTAL ELLIPSIS}{name[head + 1 - most :]}"


def times(ratio: float) -> str:
    """A multiple: "twice", "5 times", "1.4 times"."""
    if 1.95 <= ratio < 2.05:
        return "twice"
    return f"{ratio:.0f} times" if ratio >= 9.95 else f"{ratio:.2g} times"
