"""Arguments that several commands have."""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from eurotok._core import Counts
from eurotok.pricing.parallel_text import REFERENCE
from eurotok.published import labelled
from eurotok.sizes import bytes_of
from eurotok.tokenizer import Tokenizer, load
from eurotok.training.limits import Wish

Value = TypeVar("Value")


def add_tokenizer(parser: argparse.ArgumentParser) -> None:
    """Add the tokenizer to work with."""
    parser.add_argument(
        "tokenizer",
        metavar="TOKENIZER",
        help="a shipped tokenizer's name; a tokenizer.json, .tiktoken or .eurotok file, or a folder with the first; a "
        "name of tiktoken (gpt-4o, o200k_base) or in the Hugging Face cache (org/model)",
    )
    add_scheme(parser)


def add_scheme(parser: argparse.ArgumentParser) -> None:
    """Add the scheme of files that state none."""
    parser.add_argument(
        "--scheme", metavar="NAME|REGEX", help="splitting rule, for a .tiktoken file without its companion .json"
    )


def load_tokenizer(args: argparse.Namespace) -> Tokenizer:
    """Load what `add_tokenizer` added."""
    return load(args.tokenizer, args.scheme)


def tokenizer_files(*tokenizers: str) -> list[str]:
    """List the files of tokenizers and of what stands beside them, whether or not they are there."""
    paths = [labelled(name)[1] for name in tokenizers]
    return [file for path in paths for file in (path, f"{path}.json", f"{path}/tokenizer.json")]


def saved_files(path: str) -> list[str]:
    """List the files that saving a tokenizer writes."""
    return [path, f"{path}.json"] if path.endswith(".tiktoken") else [path]


def load_counts(paths: Sequence[str], scheme: str | None, memory: int | None = None) -> Counts:
    """Load counts files and add them up; all of them are made with `scheme`, or with that of the first."""
    total = Counts.load(paths[0], memory=memory)
    scheme = total.scheme if scheme is None else scheme
    for number, path in enumerate(paths):
        counts = Counts.load(path, memory=memory) if number else total
        if counts.scheme != scheme:
            raise ValueError(f"{path}: the counts were made with {counts.scheme!r}, not {scheme!r}")
        total = total + counts if number else total
    return total


def add_errors(parser: argparse.ArgumentParser) -> None:
    """Add what to do with bytes that are not UTF-8."""
    parser.add_argument(
        "--errors",
        choices=("strict", "replace"),
        default="strict",
        help="what to do with bytes that are not UTF-8: stop and name them (default), or put U+FFFD in their place",
    )


def add_specials(parser: argparse.ArgumentParser) -> None:
    """Add what to do with special tokens in text."""
    parser.add_argument(
        "--specials",
        choices=("text", "parse"),
        default="text",
        help="what special tokens in the text are: text like any other (default), or their ids",
    )


def add_memory(parser: argparse.ArgumentParser) -> None:
    """Add the limit of memory."""
    parser.add_argument(
        "--memory",
        type=size,
        metavar="SIZE",
        help="about how much memory to take, such as 4GB; the rest goes to temporary files (default: what it takes)",
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
    """Gathers what `pair` reads into a dict; a name that is given twice is refused."""

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


def numbers(kind: Callable[[str], Value]) -> Callable[[str], list[Value]]:
    """Make a reader of numbers with commas between them."""

    def read(argument: str) -> list[Value]:
        try:
            return [kind(part) for part in argument.split(",")]
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected numbers with commas between, not {argument!r}") from None

    return read


def wish(argument: str) -> Wish:
    """Read a wish: `surcharge<=20%`, `fr<=15%`, `fr>=-5%`, `en<=3% than TOKENIZER`, or `*<=0% than TOKENIZER`."""
    parsed = re.fullmatch(r"(\*|[\w-]+) *([<>]=) *([+-]?\d+(?:\.\d+)?) *%(?:(?:@| +than +)(.+))?", argument)
    if not parsed:
        forms = "LANG<=N%, LANG>=N%, surcharge<=N% or '*<=N% than TOKENIZER'"
        raise argparse.ArgumentTypeError(f"expected {forms}, not {argument!r}")
    language, sign, limit, tokenizer = parsed.groups()
    than = REFERENCE if tokenizer is None else load(tokenizer)
    return Wish(None if language in ("surcharge", "*") else language, float(limit) / 100, than, least=sign == ">=")
