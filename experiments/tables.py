"""Write the tables of README and docs from the result files, between their markers.

python experiments/tables.py            # write
python experiments/tables.py --check    # exit 1 where a page differs from its result file
"""

from __future__ import annotations

import argparse
import re

import family_tables
import meta_tables
import place_tables
import promise_tables
import server_tables
import store_tables
from tabling import ROOT

MARKED = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PAGES = (promise_tables, store_tables, server_tables, family_tables, meta_tables, place_tables)
TABLES = {name: table for page in _PAGES for name, table in page.TABLES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    differing = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        written = MARKED.sub(lambda m: m[1] + TABLES[m[2]]() + m[3], text)
        if written != text:
            differing.append(page.name)
            if not check:
                page.write_text(written)
    if differing:
        print(f"{'differ' if check else 'written'}: {', '.join(differing)}")
    raise SystemExit(bool(check and differing))


if __name__ == "__main__":
    main()
