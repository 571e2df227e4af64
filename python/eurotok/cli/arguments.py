"""Arguments that several commands have."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from eurotok.literals import Scheme
from eurotok.sizes import bytes_of

if TYPE_CHECKING:
    from eurotok._core import Counts
    from eurotok.tokenizer import Tokenizer
    from eurotok.training.limits import Wish

Value = TypeVar("Value")


TOKENIZERS = (
    "a shipped tokenizer's name ('eurotok models' lists them); a tokenizer.json, .tiktoken or .eurotok file, or a "
    "folder with the first; a name of tiktoken (gpt-4o, o200k_base) or in the Hugging Face cache (org/model)"
)
"""The help of an argument that is a tokenizer."""


def add_tokenizer(parser: argparse.ArgumentParser, *, is_optional: bool = False) -> None:
    """Add the tokenizer to work with."""
    parser.add_argument("tokenizer", nargs="?" if is_optional else None, metavar="TOKENIZER", help=TOKENIZERS)
    add_scheme(parser)


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add the text or the counts to train on."""
    parser.add_argument(
        "counts",
        nargs="*",
        metavar="DIR|FILE|COUNTS",
        help="text by language (a folder, or files such as fr.txt), or counts that 'eurotok count-pieces' saved",
    )
    parser.add_argument(
        "--corpus",
        action="append",
        default=[],
        metavar="DIR|FILE",
        help="text by language, as the positional argument (repeatable)",
    )


def add_scheme(parser: argparse.ArgumentParser) -> None:
    """Add the scheme of files that state none."""
    parser.add_argument(
        "--scheme", metavar="NAME|REGEX", help="splitting rule, for a .tiktoken file without its companion .json"
    )


def load_tokenizer(args: argparse.Namespace) -> Tokenizer:
    """Load the tokenizer of the argument that `add_tokenizer` added."""
    from eurotok.loading import load

    return load(args.tokenizer, args.scheme)


def tokenizer_files(*tokenizers: str) -> list[str]:
    """List the files of tokenizers and their companion files, including files that do not exist."""
    from eurotok.published import labelled

    paths = [labelled(name)[1] for name in tokenizers]
    return [file for path in paths for file in (path, f"{path}.json", f"{path}/tokenizer.json")]


def saved_files(path: str) -> list[str]:
    """List the files that saving a tokenizer writes."""
    return [path, f"{path}.json"] if path.endswith(".tiktoken") else [path]


def load_counts(paths: Sequence[str], scheme: Scheme | None, memory: int | None = None) -> Counts:
    """Load counts files and add them up; all of them are made with `scheme`, or with that of the first."""
    from eurotok._core import Counts

    total = Counts.load(paths[0], memory=memory)
    scheme = total.scheme if scheme is None else scheme
    for number, path in enumerate(paths):
        counts = Counts.load(path, memory=memory) if number else total
        if counts.scheme != scheme:
            raise ValueError(f"{path}: the counts were made with {counts.scheme!r}, not {scheme!r}")
        total = total + counts if number else total
    return total


def add_errors(parser: argparse.ArgumentParser) -> None:
    """Add the option for bytes that are not UTF-8."""
    parser.add_argument(
        "--errors",
        choices=("strict", "replace"),
        default="strict",
        help="bytes that are not UTF-8: stop with an error that names them (default), or put U+FFFD in their place",
    )


def add_specials(parser: argparse.ArgumentParser) -> None:
    """Add the option for special tokens in text."""
    parser.add_argument(
        "--specials",
        choices=("text", "parse"),
        default="text",
        help="special tokens in the text: treat them as text like any other (default), or give their ids",
    )


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Add the limit of memory."""
    parser.add_argument(
        "--memory",
        type=size,
        metavar="SIZE",
        help="about how much memory to take, such as 4GB; the rest goes to temporary files (default: no limit)",
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the number of threads."""
    parser.add_argument("--threads", type=positive, metavar="N", help="threads to use (default: all cores)")


def size(argument: str) -> int:
    """Read a size in bytes."""
    try:
        return bytes_of(argument)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def pair(kind: Callable[[str], Value]) -> Callable[[str], tuple[str, Value]]:
    """Make a reader of `NAME=VALUE`."""

    def read(argument: str) -> tuple[str, Value]:
        name, equals, value = argument.rpartition("=")
        if not equals or not name:
            raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {argument!r}")
        try:
            return name, kind(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{argument!r}: {value!r} is not a number") from None

    return read


class Pairs(argparse.Action):
    """Gathers the pairs that `pair` reads into a dict, and refuses a name that is given twice."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Add a pair."""
        assert isinstance(values, tuple), "`pair` gives tuples"
        name, value = values
        pairs = dict(getattr(namespace, self.dest) or {})
        if name in pairs:
            parser.error(f"argument {option_string}: {name} is given twice, as {pairs[name]:g} and {value:g}")
        setattr(namespace, self.dest, {**pairs, name: value})


def positive(argument: str) -> int:
    """Read a whole number above 0."""
    try:
        number = int(argument)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, not {argument!r}")
    return number


def entries(argument: str) -> int:
    """Read a number of entries of a vocabulary: 65536, or 64k, which is the same.

    Examples
    --------
    >>> entries("65536"), entries("64k"), entries("1M")
    (65536, 65536, 1048576)
    """
    parsed = re.fullmatch(r"(\d+)([kKmM]?)", argument.replace("_", ""), re.ASCII)
    if not parsed or not int(parsed[1]):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, not {argument!r}; 64k is 65536")
    return int(parsed[1]) << {"": 0, "k": 10, "m": 20}[parsed[2].lower()]


def language(argument: str) -> str:
    """Read a language: by its code of two or three letters, in upper or lower case, or by its English name.

    Examples
    --------
    >>> language("FR"), language("fra"), language("code")
    ('fr', 'fr', 'code')
    """
    from eurotok.languages import LANGUAGE_NAMES, resolve

    return resolve(argument, LANGUAGE_NAMES)


def split_sources(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Tell folders and files of text among positional arguments from saved counts, and put them with `--corpus`."""
    from eurotok.corpus import is_text

    texts = [path for path in args.counts if Path(path).is_dir() or is_text(path)]
    args.counts = [path for path in args.counts if path not in texts]
    args.corpus = [*args.corpus, *texts]
    if bool(args.counts) == bool(args.corpus):
        parser.error("give text to train on (a folder, files, or --corpus), or saved counts: one of the two")


def corpus_of(paths: Sequence[str]) -> dict[str, list[Path]]:
    """List the files of each language in folders and files of text."""
    from eurotok.sources import list_files

    return list_files(paths[0] if len(paths) == 1 else [Path(path) for path in paths])


def numbers(kind: Callable[[str], Value]) -> Callable[[str], list[Value]]:
    """Make a reader of numbers with commas between them."""

    def read(argument: str) -> list[Value]:
        try:
            return [kind(part) for part in argument.split(",")]
        except (ValueError, argparse.ArgumentTypeError):
            raise argparse.ArgumentTypeError(f"expected numbers with commas between, not {argument!r}") from None

    return read


def wish(argument: str) -> Wish:
    """Read a wish: `surcharge<=20%`, `fr<=15%`, `fr>=-5%`, `en<=3% than TOKENIZER`, or `*<=0% than TOKENIZER`."""
    from eurotok.loading import load
    from eurotok.pricing.parallel_text import REFERENCE
    from eurotok.training.limits import HIGHEST, Wish

    parsed = re.fullmatch(r"(\*|[\w-]+) *([<>]=) *([+-]?\d+(?:\.\d+)?) *%(?:(?:@| +than +)(.+))?", argument)
    if not parsed:
        forms = "LANG<=N%, LANG>=N%, surcharge<=N% or '*<=N% than TOKENIZER'"
        raise argparse.ArgumentTypeError(f"expected {forms}, not {argument!r}")
    whose, sign, limit, tokenizer = parsed.groups()
    than = REFERENCE if tokenizer is None else load(tokenizer)
    try:
        return Wish(None if whose in ("surcharge", "*") else whose, float(limit) / 100, than, least=sign == ">=")
    except ValueError:
        outside = f"a limit of {float(limit):,.0f} % is not between -100 and {100 * HIGHEST:,.0f} %: {argument!r}"
        raise argparse.ArgumentTypeError(outside) from None
