"""Tables of the stores, of what survives in them, and of what large galleries cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import tabling
from holotype.markdown import table as markdown


def kills() -> str:
    rows = [
        (
            run["driven"],
            str(run["kills"]),
            ", ".join(f"{kind} {count}" for kind, count in run["interrupted"].items()),
            f"{run['acknowledged']:,}",
            str(run["lost"]),
            f"{run['audit_lines']:,}",
        )
        for run in tabling.result("kill")["runs"]
    ]
    head = ("driven", "kills", "in the middle of", "acknowledged changes", "lost or half done")
    return markdown((*head, "audit lines, one chain"), rows)


def stores(name: str = "stores") -> str:
    """The same gallery in PostgreSQL and in a file, or in a file with an index and without."""
    rows = [
        (
            f"`{row['pack']}`",
            f"{row['enrolled']:,}",
            f"{row['dim']}",
            f"{row['asked']:,}",
            f"{row['different']}",
            f"{row['threshold_difference']:g}",
        )
        for row in tabling.result(name)["decisions"]
    ]
    head = ("vectors of", "enrolled", "numbers", "asked", "other answers", "thresholds differ by")
    return markdown(head, rows)


def store_costs() -> str:
    """What a call costs in PostgreSQL, beside a file."""
    rows = [
        (what, f"{times:.1f}")
        for what, times in tabling.result("stores")["times_of_a_file"].items()
    ]
    return markdown(("", "times of a file"), rows)


def store_kills(name: str = "stores_kill") -> str:
    """Clients and servers killed, and networks cut, in the middle of changes."""
    rows = [
        (
            end,
            f"{row['rounds']}",
            f"{row['acknowledged']:,}",
            f"{row.get('failed', 0) + row['cut off']:,}",
            f"{tabling.result(name)['lost']}",
        )
        for end, row in tabling.result(name)["ends"].items()
    ]
    head = ("", "rounds", "changes acknowledged", "failed or cut off", "lost, or half done")
    return markdown(head, rows)


def cluster() -> str:
    found = tabling.result("cluster")
    rows = [
        ("at most, by the processor's time", f"{found['times_that_two_cores_allow']:.2f}"),
        ("by the clock", f"{found['times_by_the_clock']:.2f}"),
        ("load of the machine before (2 is full)", f"{found['load_before']:.0f}"),
        ("seconds to start Ray", f"{found['start_s']:.0f}"),
    ]
    return markdown(("", "two workers, times one process"), rows)


def scale_costs() -> str:
    """What galleries of some sizes take, computed from the measured speed of memory."""
    found, dim, machine = tabling.result("scale"), 256, 256
    prices = found["prices"]
    probes = prices["probes_a_second"] * 86_400 * 365 / 12  # in a month
    rows = []
    for enrolled in (10**6, 10**8, 10**9):
        cells = []
        for size in (4, 1):  # bytes of a number
            gigabytes = size * dim * enrolled / 1e9
            machines = max(1, math.ceil(gigabytes / machine))
            sent = machines * 4 * dim / 1e9 if machines > 1 else 0.0
            money = gigabytes * prices["gb_month"] + probes * sent * prices["gb_sent"]
            cells.append(
                (
                    f"{gigabytes:,.0f}" if gigabytes >= 10 else f"{gigabytes:.2g}",
                    f"{machines}",
                    f"{gigabytes / machines / found['gb_per_s']:.2g}",
                    f"{1e6 * sent:.0f}" if sent else "none",
                    f"{money:,.0f}",
                )
            )
        rows += [
            (f"{enrolled:,}" if number == 0 else "", name, *cell)
            for number, (name, cell) in enumerate(zip(("float32", "int8"), cells, strict=True))
        ]
    head = ("enrolled", "as", "GB", "machines", "s a probe", "KB sent for a probe")
    return markdown((*head, "dollars a month"), rows)


def scale_search() -> str:
    """Identifying in a large gallery by int8 codes, beside a plain read and a float32 product."""
    rows = [
        (
            row["date"],
            f"{row['enrolled']:,}",
            "in a file" if row["mapped"] else "in memory",
            f"{row['build_processor_s']:.0f}",
            f"{row['codes_gb']:.2f}",
            f"{row['process_gb']:.2f}",
            f"{row['most_gb']:.2f}" if "most_gb" in row else "",
            f"{row['identify_processor_ms']:.0f}, {row['identify_processor_p99_ms']:.0f}",
            f"{row['read_ratio_processor']:.2f}" if "read_ratio_processor" in row else "",
            f"{row['float32_ratio']:.1f}" if "float32_ratio" in row else "",
            "yes" if row["equal_answers"] else "no",
        )
        for row in tabling.result("exact_search")
    ]
    head = ("measured", "enrolled", "float32 vectors", "codes made, s", "codes, GB", "process, GB")
    more = (
        "at most, GB",
        "a probe, ms: median, p99",
        "of a plain read",
        "float32 takes, of this",
        "equal answers",
    )
    return markdown((*head, *more), rows)


def scale_memory() -> str:
    """What a process holds of a large gallery, with its vectors in a file and in memory."""
    found = tabling.result("gallery_memory")
    rows = [
        (
            f"{found['enrolled']:,}",
            "in memory" if row["in_memory"] else "in a file",
            *(f"{row[name]:.2f}" for name in ("asked_gb", "enrolled_gb", "forgotten_gb")),
            f"{row['most_gb']:.2f}",
            f"{row['forgotten_mapped_gb']:.2f}",
            "yes" if found["equal_answers"] else "no",
        )
        for row in found["kinds"]
    ]
    head = ("enrolled", "float32 vectors", "asked", "one more enrolled", "one forgotten")
    return markdown((*head, "at most", "read of files", "equal answers"), rows)


def scale_approximate() -> str:
    """What a stated rate is worth where an index misses some of the nearest."""
    rows = [
        (
            f"{found['enrolled']:,}" if at == 0 else "",
            row["engine"],
            f"{row['probe_ms']:.2g}",
            f"{100 * row['best_missed']:.0f}" if "looked_for" in row else "",
            f"{100 * row['own_best_missed']:.0f}" if "looked_for" in row else "",
            f"{100 * row['not_found'] / row['looked_for']:.0f}, at most {100 * row['at_most']:.0f}"
            if "looked_for" in row
            else "",
            *(f"{100 * one['let_in']:.1f} / {100 * one['missed']:.1f}" for one in row["rates"]),
        )
        for found in tabling.result("approximate_search")
        for at, row in enumerate(found["engines"])
    ]
    head = (
        "enrolled",
        "searched",
        "a probe, ms",
        "strangers' nearest missed, %",
        "pictures' nearest missed, %",
        "at the edge, % (as `status` says)",
    )
    stated = (f"stated {rate:.0%}: let in / missed, %" for rate in (0.1, 0.01))
    return markdown((*head, *stated), rows)


def scale_copy() -> str:
    """A large gallery copied, and the copy killed on its way."""
    found = tabling.result("copy_kill")
    rows = [
        (
            f"{found['enrolled']:,}",
            "killed" if run["killed"] else "ended",
            f"{run['processor_s']:.0f}",
            f"{run['rows_there'] if run['killed'] else found['rows']:,}",
            "" if run["killed"] else f"{found['differing_rows']}",
        )
        for run in found["runs"]
    ]
    head = ("enrolled", "", "s of the processor", "rows there", "rows that differ")
    return markdown(head, rows)


def scale_evidence() -> str:
    """What the threshold of a large gallery costs."""
    found = tabling.result("evidence")
    head = ("measured", "enrolled", "set anew, s", "after an enrollment, ms", "at worst, ms")
    row = (
        found["date"],
        f"{found['enrolled']:,}",
        f"{found['anew_s']:.0f}",
        f"{found['follow_ms']:.0f}",
        f"{found['follow_worst_ms']:.0f}",
    )
    return markdown((*head, "equal to anew"), [(*row, "yes" if found["equal_to_anew"] else "no")])


def scale_tail() -> str:
    """Thresholds and misses of galleries up to a billion, simulated."""
    rows = tabling.result("scale")["rows"]
    rates = sorted({row["fpir"] for row in rows}, reverse=True)
    by_size: dict[int, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row["enrolled"], -row["fpir"])):
        found = by_size.setdefault(row["enrolled"], [])
        found += [f"{row['threshold']:.3f}", f"{100 * row['missed']:.0f}"]
    head = ["enrolled"]
    for rate in rates:
        head += [f"accepted from, at {100 * rate:g} %", "missed, %"]
    return markdown(head, [(f"{size:,}", *found) for size, found in by_size.items()])


def scale_checks() -> str:
    """The forecast beside real galleries."""
    found = tabling.result("scale")
    rows = [
        tuple(f"{100 * row[share]:.1f}" for share in ("stated", "same", "beyond"))
        for row in found["checks"]
    ]
    head = ("stated, %", f"let in by {found['real']} of the same classes, %")
    return markdown(
        (*head, f"by {found['real']} others, from a tail of {found['fitted']} classes, %"), rows
    )


TABLES: dict[str, Callable[[], str]] = {
    "cluster": cluster,
    "scale_costs": scale_costs,
    "scale_search": scale_search,
    "scale_memory": scale_memory,
    "scale_approximate": scale_approximate,
    "scale_copy": scale_copy,
    "scale_evidence": scale_evidence,
    "scale_tail": scale_tail,
    "scale_checks": scale_checks,
    "stores": stores,
    "store_costs": store_costs,
    "store_kills": store_kills,
    "index": partial(stores, "stores_milvus"),
    "index_kills": partial(store_kills, "stores_kill_milvus"),
    "kills": kills,
}
