"""Tables of the places where one example is all there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tabling
from holotype.markdown import table as markdown
from tabling import percent

_SHELF_ROWS = {
    "whole": "the network's last map",
    "middle": "its middle",
    "aligned": "its middle, aligned",
    "head": "**the head**",
}


def grocery() -> str:
    cells = {
        (row["model"], row["enrolled"]): row["accuracy"]
        for row in tabling.result("grocery")["rows"]
    }
    kinds = list(dict.fromkeys(kind for _, kind in cells))
    rows = [
        (name, *(percent(cells[key, kind]) for kind in kinds)) for key, name in _SHELF_ROWS.items()
    ]
    return markdown(("right of 81, % [95 %]", *kinds), rows)


def shelf_strangers() -> str:
    rows = []
    for row in tabling.result("shelf_strangers")["rows"]:
        cells = ["refused", ""]
        if row["fpir"] is not None:
            cells = [tabling.accepted(row), percent(row["fnir"])]
        rows.append((f"{100 * row['stated']:g}", row["enrolled_as"], *cells))
    head = ("stated, %", "enrolled", "strangers let in, % [95 %]", "enrolled products missed, %")
    return markdown(head, rows)


def details() -> str:
    found = tabling.result("details")
    rows = []
    for name in ("products", "characters"):
        for row in found[name]["rows"]:
            answers = [f"{100 * value:.1f}" for value in row["answers"].values()]
            mended = "" if row["mended"] is None else f"{100 * row['mended']['value']:.0f}"
            rows.append((name, str(row["examples"]), percent(row["nearest"]), mended, *answers))
    kinds = [f"{kind}, %" for kind in found["products"]["rows"][0]["answers"]]
    head = ("", "examples", "nearest is right, % [95 %]", "of one example's errors mended, %")
    return markdown((*head, *kinds), rows)


def mistaken() -> str:
    found = tabling.result("details")
    rows = [
        (
            name,
            *(
                case[key].replace("-", " ").replace("/character", " ").replace("_", " ")
                for key in ("what", "for")
            ),
            f"{100 * case['share']:.0f}",
        )
        for name in ("products", "characters")
        for case in found[name]["mistaken"]
    ]
    return markdown(("", "what was shown", "is taken for", "how often, %"), rows)


def forgers() -> str:
    rows = [
        (str(row["examples"]), *(percent(row[kind]) for kind in ("genuine", "forged")))
        for row in tabling.result("details")["signatures"]
    ]
    head = ("examples", "genuine: match, % [95 %]", "skilled forgery: match, %")
    return markdown(head, rows)


def signatures() -> str:
    columns = [(kind, count) for kind in ("skilled", "random") for count in (1, 5, 12)]
    return _equal_errors(tabling.result("signatures")["rows"], columns)


def claims() -> str:
    rows = [
        (
            f"{100 * row['stated']:g}",
            str(row["references"]),
            *(percent(row[kind]) for kind in ("genuine", "random", "skilled")),
        )
        for row in tabling.result("signatures")["claims"]
    ]
    head = ("stated FMR, %", "references", "genuine: match, % [95 %]")
    return markdown((*head, "random forgery: match, %", "skilled forgery: match, %"), rows)


def imagined_signatures() -> str:
    columns = [(kind, count) for kind in ("practiced", "another", "random") for count in (1, 5)]
    return _equal_errors(tabling.result("imagined_signatures")["rows"], columns)


def _equal_errors(found: list[dict[str, Any]], columns: list[tuple[str, int]]) -> str:
    cells = {(r["contender"], r["forgeries"], r["references"]): r for r in found}
    rows = []
    for name in dict.fromkeys(r["contender"] for r in found):
        of_name = [cells[name, *column] for column in columns]
        rows.append(
            (
                name,
                *(
                    f"{r['equal_error']:.1f} [{r['ci95'][0]:.1f}, {r['ci95'][1]:.1f}]"
                    for r in of_name
                ),
            )
        )
    return markdown(("equal error, %", *(f"{kind}, {n}" for kind, n in columns)), rows)


def defects() -> str:
    found = tabling.result("defects")
    rows = [
        (
            row["contender"],
            str(row["shots"]),
            f"{row['accuracy']:.1f} ± {row['ci95']:.1f}",
            "{:.0f} to {:.0f}".format(*row["draws95"]),
            *(f"{value:.0f}" for value in row["recall"]),
        )
        for row in found["rows"]
    ]
    kinds = [kind.replace("_", " ") for kind in found["kinds"]]
    return markdown(("", "examples", "right of 6, %", "draws", *kinds), rows)


def anomaly() -> str:
    found = tabling.result("defects")
    rows = [
        (
            found["kinds"][row["left_out"]].replace("_", " "),
            str(row["shots"]),
            "refused" if row["fpir"] is None else f"{100 * row['fpir']:.1f}",
            "" if row["fnir"] is None else f"{100 * row['fnir']:.1f}",
            f"{100 * row['auc']:.1f}",
        )
        for row in found["anomaly"]
    ]
    head = ("the unknown kind", "examples", "let in, %", "known missed, %", "told apart, %")
    return markdown(head, rows)


def zero_shot() -> str:
    found = tabling.result("zero_shot")["rows"]
    rows = []
    for data, model, name in dict.fromkeys((r["data"], r["model"], r["name"]) for r in found):
        of_row = {
            r["examples"]: f"{r['accuracy']:.1f} ± {r['ci95']:.1f}"
            for r in found
            if (r["data"], r["model"], r["name"]) == (data, model, name)
        }
        shown = "name and examples" if name else "examples alone"
        rows.append((data, model, shown, *(of_row.get(k, "") for k in (0, 1, 2, 5))))
    return markdown(("", "", "right of 20, %", "none", "1", "2", "5"), rows)


def _right(row: dict[str, Any]) -> str:
    return f"{row['accuracy']:.1f} ± {row['ci95']:.1f}"


def described() -> str:
    found = tabling.result("described")
    groups = list(dict.fromkeys(row["names"] for row in found["caltech"]))
    rows = []
    for way, text in dict.fromkeys((row["way"], row["text"]) for row in found["caltech"]):
        cells = {
            row["names"]: _right(row)
            for row in found["caltech"]
            if (row["way"], row["text"]) == (way, text)
        }
        alone = [row for row in found["selection"] if (row["way"], row["text"]) == (way, text)]
        mark = found["chosen"]["way"] == way and found["chosen"]["text"] == text
        name = f"**{way}**" if mark else way
        rows.append((name, text, _right(alone[0]), *(cells[group] for group in groups)))
    head = ("way", "what is read", "ImageNet, left out (chosen by)")
    return markdown((*head, *(f"Caltech, {group}" for group in groups)), rows)


def named_folder() -> str:
    rows = [
        (row["known by"], row["text"] if row["known by"] == "a text" else "", _right(row))
        for row in tabling.result("named_folder")["rows"]
    ]
    return markdown(("known by", "what is read", "right of 20, %"), list(dict.fromkeys(rows)))


def described_both() -> str:
    rows = []
    for data, found in tabling.result("described")["both"].items():
        for shots in dict.fromkeys(row["examples"] for row in found):
            cells = {row["weight"]: _right(row) for row in found if row["examples"] == shots}
            rows.append((data, shots, *(cells.get(weight, "") for weight in (0, 0.5, 1, 2, 4))))
    return markdown(("right of 20, %", "examples", "without a text", "½", "1", "2", "4"), rows)


def described_promise() -> str:
    rows = [
        (
            row["shown"],
            row["evidence"],
            f"{100 * row['stated']:g}",
            f"{100 * row['refused']:.0f}",
            ", ".join(row["basis"]),
            "" if row["accepted"] is None else percent(row["accepted"]),
            "" if row["missed"] is None else percent(row["missed"]),
        )
        for row in tabling.result("described")["promise"]
    ]
    head = ("shown", "set by", "stated, %", "galleries that refuse it, %", "the rest")
    return markdown((*head, "strangers accepted, %", "enrolled missed, %"), rows)


def text_cohorts() -> str:
    found = tabling.result("intents")["cohorts"]
    columns = ("out_of_scope_accepted", "other_intents_accepted", "enrolled_missed")
    rows = [
        (
            row["data"],
            row["cohort"],
            f"{100 * row['stated']:g}",
            f"{100 * row['refused']:.0f}",
            ", ".join(row["basis"]),
            *("" if row[column] is None else percent(row[column]) for column in columns),
        )
        for row in found
    ]
    head = ("of", "cohort", "stated, %", "galleries that refuse it, %", "the rest")
    accepted = ("out of scope accepted, %", "other intents accepted, %", "enrolled missed, %")
    return markdown((*head, *accepted), rows)


def doubted_texts() -> str:
    found = tabling.result("texts")["rows"]
    rows = [
        (name, f"{row['texts']:,}", f"{100 * row['doubted'] / row['texts']:.1f}")
        for name, row in found.items()
    ]
    return markdown(("texts", "how many", "doubted, %"), rows)


_UNSTATED = {"none": "none stated", "default": "the default threshold alone"}


def door() -> str:
    found = tabling.result("faces")
    rows = []
    for row in found["open_set"]["rows"]:
        measured = [
            "" if row[rate] is None else f"{100 * row[rate]['value']:.1f} % [{low:.1f}, {high:.1f}]"
            for rate in ("fpir", "fnir")
            for low, high in [[100 * end for end in (row[rate] or {"ci95": (0, 0)})["ci95"]]]
        ]
        if row["stated"] in _UNSTATED:
            rows.append((_UNSTATED[row["stated"]], "", *measured))
        else:
            refused = f"{100 * row['refused']:.1f} %"
            rows.append((f"{100 * row['stated']:g} %", refused, *measured))
    later = found["open_set"]["afterwards"]
    chosen = f"chosen afterwards: {100 * later['fpir']:g} % let in"
    rows.append((chosen, "", "", f"{100 * later['fnir']['value']:.1f} %"))
    head = (
        "strangers accepted, stated",
        "galleries that refuse it",
        "strangers accepted, measured [95 % interval]",
        "enrolled people missed",
    )
    return markdown(head, rows)


def door_speed() -> str:
    names = ("holotype", "face_recognition", "deepface")
    rows = [
        (
            row["kind"],
            str(row["pictures"]),
            *(f"{row[name]['median_ms']:,.0f}" for name in names),
            *(f"{row[name]['ours_to_its_time']:.2f}" for name in names[1:]),
            " / ".join(f"{100 * row[name]['found']:.0f}" for name in names),
        )
        for row in tabling.result("faces_speed")["rows"]
    ]
    head = (
        *("pictures", "", "holotype, ms", "face_recognition, ms", "deepface, ms"),
        *("of the time of face_recognition", "of deepface", "faces found, %"),
    )
    return markdown(head, rows)


def pack_build() -> str:
    found = tabling.result("pack_build")
    return markdown(
        ("pictures", "bare embedding, CPU-s", "pack build, CPU-s", "ratio", "at most"),
        [
            (
                f"{found['pictures']:,}",
                f"{found['embed_s']:.0f}",
                f"{found['build_s']:.0f}",
                f"{found['ratio']:.2f}",
                f"{found['most']:g}",
            )
        ],
    )


def kinds() -> str:
    rows = []
    for row in tabling.result("kinds")["packs"]:
        shown = row["read"] + row["warned"] + row["refused"] + row["blank"]
        refused, warned = (f"{100 * row[key] / shown:.1f}" for key in ("refused", "warned"))
        kind = f"{row['kind']}, its own" if row["own"] else row["kind"]
        rows.append((f"`{row['pack']}`", kind, f"{shown:,}", refused, warned, percent(row["told"])))
    head = ("pack", "pictures", "", "plainly not, %", "rather not, %", "either, % [95 %]")
    return markdown(head, rows)


def kinds_cost() -> str:
    shares = tabling.result("kinds")["cost_of_an_embedding"]
    return markdown(("a picture", "share, %"), [(k, f"{100 * v:.0f}") for k, v in shares.items()])


def voices() -> str:
    """Ten speakers by the cohort and its tail, and many by the rule of the enrolled."""
    found = tabling.result("voices")
    rows = [
        (
            who,
            str(row["enrolled"]),
            f"{100 * row['stated_fpir']:g}",
            " or ".join(ground["basis"] for ground in row["rests_on"]),
            tabling.percent(row["fpir"]),
            tabling.percent(row["fnir"]),
        )
        for who, part in (
            ("ten speakers, 4 to 6 s", found["identification"]),
            ("251 speakers, 2 s", found["rank_rule"]["rows"]),
        )
        for row in part
    ]
    head = ("", "enrolled", "stated, %", "the rate is")
    return markdown((*head, "strangers let in, % [95 %]", "enrolled missed, %"), rows)


def voices_alone() -> str:
    """Equal errors of pairs: what is said, and how long."""
    found = tabling.result("voices")
    lengths = {None: "all", 1.0: "1.0 s", 0.7: "0.7 s", 0.4: "0.4 s"}
    rows = [("ten speakers", "a sentence, 4 to 6 s", *_pairs(found["speakers"]["equal_error"]))]
    rows += [
        ("the cohort, half a recording", f"{lengths[row['seconds']]} of its speech", *_pairs(row))
        for row in found["development"]["lengths"]
    ]
    rows += [
        (f"digits by telephone, {row['route']}", row["said"], *_pairs(row["equal_error"]))
        for row in found["digits"]
    ]
    return markdown(("who", "what is said", "speakers", "recordings", "equal error, %"), rows)


def spoken_words() -> str:
    """Words said once, and five times, by whoever asks."""
    rows = [
        (
            str(row["shots"]),
            tabling.percent(row["rank_one"]),
            f"{100 * row['stated_fpir']:g}",
            row["rests_on"][0]["basis"],
            tabling.percent(row["fpir"]),
            tabling.percent(row["fnir"]),
        )
        for row in tabling.result("words")["rows"]
    ]
    head = ("examples", "right comes first, %", "stated, %", "the rate is")
    return markdown((*head, "strangers let in, % [95 %]", "known words missed, %"), rows)


def words_by_anybody() -> str:
    """Ten words, each said once by somebody else."""
    right = tabling.percent(tabling.result("words")["by_anybody"])
    return markdown(("words", "enrolled by", "asked by", "right comes first, %"),
                    [("ten digits", "one speaker", "the two others", right)])  # fmt: skip


def several_voices() -> str:
    """What the limit on several voices catches, on the cohort that it was chosen on."""
    rows = [
        (name, str(row["recordings"]), f"{100 * row['several'] / row['recordings']:.0f}")
        for name, row in tabling.result("voices")["development"]["several"].items()
    ]
    return markdown(("", "recordings", "told, %"), rows)


def cameras() -> str:
    """Two streams for two minutes, one of them cut off."""
    row = tabling.result("cameras")
    early, late = row["memory_mb"]["early"], row["memory_mb"]["late"]
    rows = [
        ("date", row["date"]),
        ("visitors, of whom strangers", f"{sum(row['visitors'].values())}, {row['strangers']}"),
        ("events of visitors", str(sum(row["events"].values()))),
        ("strangers stated, %", f"{100 * row['stated']:g}"),
        ("strangers let in, % [95 %]", tabling.percent(row["let_in"])),
        ("known missed, % [95 %]", tabling.percent(row["missed"])),
        ("lost, and back after, s", ", ".join(map(str, (row["lost"], *row["back_after_s"])))),
        ("memory, MB", f"{early:.0f}, {late:.0f}"),
    ]
    return markdown(("", "measured"), rows)


def away() -> str:
    """Receivers that are away for a minute."""
    found = tabling.result("away")
    rows = [
        (
            name,
            f"{found['events']}",
            f"{found[key]['missing']}",
            f"{found[key]['repeated']}",
            "yes" if found[key]["in_order"] else "no",
            f"{found['caught_up_after_s'].get(key, float('nan')):.1f}",
        )
        for name, key in (("webhook", "webhook"), ("MQTT", "mqtt"))
    ]
    head = ("", "events", "missing", "came twice", "in order", "all there after the return, s")
    return markdown(head, rows)


def adapting() -> str:
    """What a head brings by the number of classes that solved it, and where the bare one stays."""
    rows = []
    for row in tabling.result("adapting")["rows"]:
        if "shipped" in row:
            of = percent(row["shipped"])
            rows.append((row["test"], "`shelf`, its own head", "41", "", "", of, "", ""))
            continue
        rows.append(
            (
                *(row[key] for key in ("test", "encoder")),
                str(row["count"]),
                f"{row['heads_taken']} of {row['draws']}",
                *(percent(row[key]) for key in ("bare", "adapted", "gain", "forced_gain")),
            )
        )
    head = ("who is asked about", "encoder", "classes behind the head", "a head is taken")
    found = ("bare, % [95 %]", "adapted, %", "gain, points [95 %]", "of a head in any case, points")
    return markdown((*head, *found), rows)


def things() -> str:
    """What is named with each reading of the network, on the half that chose and the other."""
    found = tabling.result("things")["rows"]
    rows = []
    for data, reading in dict.fromkeys((row["data"], row["reading"]) for row in found):
        halves = {
            row["part"]: row for row in found if (row["data"], row["reading"]) == (data, reading)
        }
        one = halves["reported"]
        name = f"**{reading}: `objects`**" if one["taken"] else reading
        shown = (percent(halves[part]["right"]) for part in ("chosen on", "reported"))
        rows.append((data, name, str(one["numbers"]), *shown))
    head = ("", "what is read", "numbers", "right on the half that chose, % [95 %]")
    return markdown((*head, "right on the other half, %"), rows)


def encoders() -> str:
    rows = []
    for row in tabling.result("encoders")["rows"]:
        assumed = [one for one in row["assumed"] if "license" not in one]
        rows.append(
            (
                row["encoder"],
                row["layout"],
                f"`{row['stated']}`" if row["stated"] else "nothing",
                "; ".join(one.replace("|", "/") for one in assumed) or "nothing",
                str(row["dimensions"]),
                f"{row['right']:.0f} ({row['kinds']})",
            )
        )
    head = ("encoder", "layout", "stated", "assumed, and said", "numbers")
    return markdown((*head, "right, % (kinds)"), rows)


def _pairs(row: dict[str, Any]) -> tuple[str, ...]:
    return str(row["people"]), str(row["recordings"]), tabling.percent(row)


TABLES: dict[str, Callable[[], str]] = {
    "kinds": kinds,
    "kinds_cost": kinds_cost,
    "grocery": grocery,
    "shelf_strangers": shelf_strangers,
    "details": details,
    "mistaken": mistaken,
    "forgers": forgers,
    "signatures": signatures,
    "claims": claims,
    "imagined_signatures": imagined_signatures,
    "defects": defects,
    "anomaly": anomaly,
    "zero_shot": zero_shot,
    "described": described,
    "described_both": described_both,
    "named_folder": named_folder,
    "described_promise": described_promise,
    "text_cohorts": text_cohorts,
    "doubted_texts": doubted_texts,
    "door": door,
    "door_speed": door_speed,
    "pack_build": pack_build,
    "adapting": adapting,
    "things": things,
    "encoders": encoders,
    "voices": voices,
    "voices_alone": voices_alone,
    "several_voices": several_voices,
    "spoken_words": spoken_words,
    "words_by_anybody": words_by_anybody,
    "cameras": cameras,
    "away": away,
}
