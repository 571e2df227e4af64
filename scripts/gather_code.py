"""Gather the source code, markup and formulas that the shipped tokenizers are trained and judged on.

Fetches the packages that a list names (recipes/code.toml) with cargo and pip, and writes a folder `train` and a folder
`heldout` of `<language>.jsonl`, a file of code a record. What was fetched stands in a table beside the list: registry,
name, version, licence and SHA-256 of each package. A package that differs from the table is refused, unless
`--update` writes it anew.

example:
  python scripts/gather_code.py recipes/code.toml -o code/
"""

from __future__ import annotations

import argparse
import email
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

USES = ("train", "heldout")

LATEX = "latex"
"""The language of formulas, which stand in the docstrings of Python and in reStructuredText."""

FORMULA = re.compile(
    r":math:`(?P<inline>[^`]+)`|"
    r"^(?P<indent>[ \t]*)\.\. math::[^\n]*\n(?P<display>(?:[ \t]*\n|(?P=indent)[ \t]+\S[^\n]*\n)+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Package:
    """A package as it was fetched. `sha256` is that of its archive, `bytes` what it adds to the corpus."""

    use: str
    registry: str
    name: str
    version: str
    licence: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class File:
    """A file of code, and the number of the package that it is from."""

    language: str
    text: str
    digest: str
    package: int


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, help="the list of packages, a TOML file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="where to write the code")
    parser.add_argument("--update", action="store_true", help="write the table of hashes anew")
    args = parser.parse_args()
    wanted = tomllib.loads(args.list.read_text())
    table = args.list.with_suffix(".tsv")
    known = {} if args.update else read_table(table)
    packages = []
    for use in USES:
        chosen = gather(wanted, use, known, args.output / use)
        packages += chosen
    lines = ["\t".join(field.name for field in fields(Package)), *("\t".join(map(str, astuple(p))) for p in packages)]
    text = "\n".join(lines) + "\n"
    if args.update:
        table.write_text(text)
    elif text != table.read_text():
        sys.exit(f"gather_code: error: {table}: the corpus is not the one described; --update describes it anew")


def gather(wanted: Mapping[str, Any], use: str, known: Mapping[tuple[str, str], str], folder: Path) -> list[Package]:
    """Write the code of one use and return its packages."""
    chosen = [("crates.io", crates(wanted[use]["crates"]), None), ("PyPI", wheels(wanted[use]["pypi"]), None)]
    chosen += [("PyPI", wheels(packages), language) for language, packages in wanted[use].get("only", {}).items()]
    files: list[File] = []
    described: list[tuple[str, str, str, str, str, str]] = []
    for registry, found, only in chosen:
        for (name, version), (path, data) in found.items():
            digest = hashlib.sha256(data).hexdigest()
            if known.get((name, version), digest) != digest:
                sys.exit(f"gather_code: error: {name} {version}: its SHA-256 is {digest}, not {known[name, version]}")
            members = dict(unpacked(path, data))
            files += code(members, wanted, len(described), only)
            described.append((use, registry, name, version, licence(members), digest))
    sizes = write(files, wanted["limits"]["bytes"], folder, len(described))
    return [Package(*fields, size) for fields, size in zip(described, sizes, strict=True)]


def crates(wanted: Mapping[str, str]) -> dict[tuple[str, str], tuple[str, bytes]]:
    """Fetch crates by name and version: the name of each archive, and its bytes."""
    needed = "".join(
        f'{name} = {{ version = "={version}", default-features = false }}\n' for name, version in wanted.items()
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Cargo.toml").write_text(
            f'[package]\nname = "code"\nedition = "2021"\n[lib]\npath = "/dev/null"\n[dependencies]\n{needed}'
        )
        subprocess.run(["cargo", "fetch", "--quiet", "--manifest-path", f"{folder}/Cargo.toml"], check=True)
    cache = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"), "registry", "cache")
    found = {}
    for name, version in wanted.items():
        path = next(cache.glob(f"*/{name}-{version}.crate"))
        found[name, version] = (path.name, path.read_bytes())
    return found


def wheels(wanted: Mapping[str, str]) -> dict[tuple[str, str], tuple[str, bytes]]:
    """Fetch wheels by name and version: the name of each archive, and its bytes."""
    found = {}
    for name, version in wanted.items():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            platform = ["--platform", "manylinux_2_28_x86_64", "--platform", "any"]
            subprocess.run([*command, *platform, "--dest", folder, f"{name}=={version}"], check=True)
            path = next(Path(folder).iterdir())
            found[name, version] = (path.name, path.read_bytes())
    return found


def unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of an archive's files."""
    if name.endswith(".crate"):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if file := tar.extractfile(member) if member.isfile() else None:
                    yield member.name.partition("/")[2], file.read()
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                yield entry, archive.read(entry)


def licence(members: Mapping[str, bytes]) -> str:
    """Tell the licence that the metadata of a package state."""
    if manifest := members.get("Cargo.toml"):
        package = tomllib.loads(manifest.decode())["package"]
        return str(package.get("license") or package["license-file"])
    metadata = email.message_from_bytes(
        next(data for name, data in members.items() if name.endswith(".dist-info/METADATA"))
    )
    classified = (
        value.rpartition(" :: ")[2] for value in metadata.get_all("Classifier", []) if value.startswith("License")
    )
    stated = metadata["License-Expression"] or (metadata["License"] or "").partition("\n")[0]
    return stated or ", ".join(classified) or "not stated"


def code(
    members: Mapping[str, bytes], wanted: Mapping[str, Any], package: int, only: str | None = None
) -> Iterator[File]:
    """Yield the files of an archive that are code, as a person wrote it; of one language alone, if `only` names it."""
    languages = {suffix: language for language, suffixes in wanted["suffixes"].items() for suffix in suffixes}
    limits = wanted["limits"]
    for name, data in members.items():
        suffix = Path(name).suffix.lower()
        language = languages.get(suffix) if only != LATEX else LATEX if suffix in (".py", ".rst") else None
        if language is None or only not in (None, language) or ".min." in name or not 0 < len(data) <= limits["file"]:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            continue
        if language == LATEX:
            text = formulas(text)
        if text and len(text) <= limits["line"] * (text.count("\n") + 1) and not re.search(r"[^\n]{2000}", text):
            yield File(language, text, hashlib.sha256(text.encode()).hexdigest(), package)


def formulas(text: str) -> str:
    r"""Give the formulas of a reStructuredText, or of the docstrings of a Python module, as LaTeX has them.

    Examples
    --------
    >>> formulas("The ratio :math:`\\frac{a}{b}`:\n\n.. math::\n\n    a = b^2\n\nwhere")
    '$\\frac{a}{b}$\n\\[\na = b^2\n\\]\n'
    """
    found = []
    for match in FORMULA.finditer(text):
        if match["inline"]:
            found.append(f"${match['inline']}$")
        elif body := textwrap.dedent(match["display"]).strip():
            found.append(f"\\[\n{body}\n\\]")
    # A docstring that is not raw doubles its backslashes.
    return re.sub(r"\\{2}(?=[A-Za-z])", r"\\", "".join(f"{formula}\n" for formula in found))


def write(files: list[File], most: int, folder: Path, packages: int) -> list[int]:
    """Write each file once, up to so many bytes a language, and return the bytes that each package gave."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [0] * packages
    for language in sorted({file.language for file in files}):
        left, seen = most, set()
        with (folder / f"{language}.jsonl").open("w", encoding="utf-8", newline="\n") as out:
            for file in sorted(files, key=lambda file: file.digest):
                size = len(file.text.encode())
                if file.language == language and file.digest not in seen and size <= left:
                    seen.add(file.digest)
                    left -= size
                    sizes[file.package] += size
                    out.write(json.dumps({"text": file.text}, ensure_ascii=False) + "\n")
    return sizes


def read_table(path: Path) -> dict[tuple[str, str], str]:
    """Read the hash of each package, by name and version."""
    header, *lines = path.read_text().splitlines()
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    return {(row["name"], row["version"]): row["sha256"] for row in rows}


if __name__ == "__main__":
    main()
