"""Write the notices in the wheel: THIRD-PARTY.md of its crates, DATA.md of the data that the models learnt from.

The crates are those that `cargo metadata` finds in the extension module for any platform, with the licence that each is
used under and its text; the data are those of recipes/*.tsv.

  python -m scripts.notices          # write both
  python -m scripts.notices --check  # exit code 1 if they are not up to date
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eurotok.output.tables import markdown

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
THIRD_PARTY, DATA = ROOT / "THIRD-PARTY.md", ROOT / "DATA.md"

BINDING = "eurotok-python"
PREFERRED = ("MIT", "Zlib", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "Unicode-3.0")
"""Licences to choose where a crate offers several, the shortest first."""

WITHOUT_TEXT = {"MIT": "LICENSE-MIT", "Apache-2.0": "LICENSE-APACHE"}
"""Our own copies, for crates that name a licence and have no file of it."""

THIRD_PARTY_HEAD = """# Third-party code in eurotok's wheels

Written by `python -m scripts.notices`. The extension module is linked from these crates, each used under the licence
beside it; the texts follow. It also holds parts of Rust's standard library (MIT OR Apache-2.0, copyright The Rust
Project Contributors) and tables made from the Unicode Character Database (Unicode-3.0; its text is below, with
unicode-normalization).

"""

DATA_HEAD = """# Data that eurotok's models learnt from

Written by `python -m scripts.notices`, from recipes/*.tsv. The models hold tokens and merges, which are statistics of
these texts, and no text. Each card (`eurotok/models/*.md`) says how its model was made. The embedded sample of parallel
sentences was written for this package.

Parallel text: NTREX-128, CC-BY-SA-4.0, one half of which steered training by its prices.

"""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    try:
        files = {THIRD_PARTY: third_party(metadata()), DATA: data()}
    except (OSError, ValueError) as error:
        sys.exit(f"notices: error: {error}")
    old = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if args.check and old:
        sys.exit(f"not up to date: {', '.join(path.name for path in old)}; write them by python -m scripts.notices")
    for path in old:
        path.write_text(files[path], encoding="utf-8")


def metadata() -> dict[str, Any]:
    """Ask cargo for the packages of the workspace and how they depend on each other, on all platforms.

    Raises
    ------
    ValueError
        What cargo said, if it failed: a package is not there and cannot be fetched.
    """
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace").strip())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def linked(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Choose the crates that are linked into the extension module: not those that only build or test it."""
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    waiting = [key for key, package in packages.items() if package["name"] == BINDING]
    seen: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key in seen or any("proc-macro" in target["kind"] for target in packages[key]["targets"]):
            continue
        seen.add(key)
        used = (it for it in nodes[key]["deps"] if any(kind["kind"] is None for kind in it["dep_kinds"]))
        waiting += [it["pkg"] for it in used]
    crates = [packages[key] for key in seen if packages[key]["source"] is not None]
    return sorted(crates, key=lambda package: (package["name"], package["version"]))


def licences(expression: str) -> list[str]:
    """Choose the licences to use a crate under: of alternatives the preferred one, of conjunctions all.

    Raises
    ------
    ValueError
        If none of the alternatives is known to be permitted.

    Examples
    --------
    >>> licences("MIT/Apache-2.0"), licences("(MIT OR Apache-2.0) AND Unicode-3.0")
    (['MIT'], ['MIT', 'Unicode-3.0'])
    """
    chosen = []
    for part in expression.replace("/", " OR ").split(" AND "):
        offered = [it.strip(" ()") for it in part.split(" OR ")]
        offered += [it.removesuffix(" WITH LLVM-exception") for it in offered]
        known = [it for it in PREFERRED if it in offered]
        if not known:
            raise ValueError(f"licence {part!r} is none of {', '.join(PREFERRED)}")
        chosen.append(known[0])
    return chosen


def third_party(found: Mapping[str, Any]) -> str:
    """Write the notices of the crates: a table, and each text of a licence once, with the crates that have it."""
    rows, owners = [], dict[str, list[str]]()
    for package in linked(found):
        named = f"{package['name']} {package['version']}"
        if package["license"] is None:
            raise ValueError(f"{named} names no licence")
        chosen = licences(package["license"])
        rows.append([package["name"], package["version"], " AND ".join(chosen), package["repository"] or ""])
        for text in dict.fromkeys(texts(Path(package["manifest_path"]).parent, chosen)):
            owners.setdefault(text, []).append(named)
    table = markdown(("crate", "version", "licence", "source"), [[(cell, "") for cell in row] for row in rows])
    sections = [f"## {', '.join(crates)}\n\n```text\n{text}\n```\n" for text, crates in owners.items()]
    return f"{THIRD_PARTY_HEAD}{table}\n" + "\n".join(sections)


def texts(folder: Path, chosen: Sequence[str]) -> Iterator[str]:
    """Read the texts of a crate's licences, its notices, and the licences of sources that it bundles."""
    for licence in chosen:
        word = licence.partition("-")[0].lower()
        files = [path for path in files_of(folder) if word in path.name.lower()]
        files = files or [
            path for path in files_of(folder) if re.fullmatch(r"(licen[sc]e|copying)(\.\w+)?", path.name.lower())
        ]
        yield from map(read, files or [ROOT / WITHOUT_TEXT[licence]])
    yield from map(read, folder.glob("NOTICE*"))
    for bundled in sorted(path for path in folder.iterdir() if path.is_dir()):
        # zstd's COPYING is the GPL, the other one of its two licences.
        yield from map(read, (path for path in files_of(bundled) if path.name != "COPYING"))


def files_of(folder: Path) -> list[Path]:
    """List the files of a folder that hold licences."""
    return sorted(
        path for path in folder.iterdir() if path.is_file() and re.match("licen[sc]e|copying", path.name.lower())
    )


def read(path: Path) -> str:
    """Read a text, without what differs between copies of the same: ends of lines."""
    return "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").strip().splitlines())


def data() -> str:
    """Write the notices of the data."""
    parts = [
        _tsv("sources.tsv", ("source", "licence", "repositories")),
        "Source code, from packages (`heldout` was only measured on):\n",
        _tsv("code.tsv", ("use", "registry", "name", "version", "licence")),
    ]
    return DATA_HEAD + "\n".join(parts)


def _tsv(name: str, columns: Sequence[str]) -> str:
    with (RECIPES / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return markdown(columns, [[(row[column], "") for column in columns] for row in rows])


if __name__ == "__main__":
    main()
