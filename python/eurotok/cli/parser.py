"""The parser of the command line: the commands, help as wide as the terminal, and suggestions for typos."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from eurotok.cli.reports import report
from eurotok.suggestions import did_you_mean

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS = {
    "demo": "Show in seconds what languages pay under several tokenizers",
    "models": "List the tokenizers that come with eurotok",
    "tokens": "Show the tokens of a text",
    "compare": "Price languages under tokenizers",
    "playground": "Open a page to paste text into, and see its tokens",
    "train": "Train a tokenizer on a folder of text, or on saved counts",
    "sweep": "Train many tokenizers from one set of counts, to see the cost of equal prices",
    "split-parallel": "Split parallel text into two halves: one to steer training, one to compare on",
    "count-pieces": "Count the pieces of a corpus, to train on later",
    "encode": "Encode text files to ids",
    "decode": "Decode ids to text",
    "count-tokens": "Count the tokens of text files",
    "shards": "Tokenize data sets into shards for training, and work on shards",
    "check": "Tell whether a tokenizer is fit to be published",
    "chat": "Show a chat as the model reads it: control tokens in colour, and the words of the assistant underlined",
    "publish": "Write a folder that transformers, tokenizers and other libraries load",
    "convert": "Write a tokenizer in another format, or cut to a smaller vocabulary",
    "info": "Describe a tokenizer, or list the schemes",
    "completion": "Print the script that completes commands and options in a shell",
    "help": "Show the help of a command",
}
"""Each command, a module of this package, and the first sentence of its docstring: `--help` imports none of them."""

OLD_NAMES = {"count": "count-tokens"}
"""Commands that had another name, which still works."""


class Help(argparse.HelpFormatter):
    """Help in paragraphs that fill the terminal's width; example commands keep their lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = []
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            lines = paragraph.splitlines()
            if any(line.startswith(" ") for line in lines):
                filled.append("\n".join(_folded(line, width) for line in lines))
            else:
                words = " ".join(map(str.strip, lines))
                filled.append(textwrap.fill(words, width, break_long_words=False, break_on_hyphens=False))
        return textwrap.indent("\n\n".join(filled), indent)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_long_words=False, break_on_hyphens=False)


def _folded(line: str, width: int) -> str:
    r"""Break a long command as a shell takes it: with `\` before the end of a line, before an option or an argument."""
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    lines, now = [], indent
    for word in re.findall(r"(?:-\S+ (?!-))?(?:'[^']*'|[^\s'])+", line):
        if now.strip() and len(f"{now} {word} \\") > width:
            lines.append(f"{now} \\")
            now = f"{indent}    {word}"
        else:
            now = f"{now} {word}" if now.strip() else f"{now}{word}"
    return "\n".join([*lines, now])


class Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line, with a suggestion for a typo."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - those of argparse
        super().__init__(*args, **{"formatter_class": Help, **options})

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse an option that there is not before a missing one is asked for."""
        words = list(sys.argv[1:] if args is None else args)
        self._check_options(words)
        parsed, unknown = super().parse_known_args(words, namespace)
        if unknown:
            self.error(f"unexpected {'option' if unknown[0].startswith('-') else 'argument'} {unknown[0]}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Report a wrong command line."""
        report(f"{message} (see {self.prog} --help)")
        sys.exit(2)

    def options(self) -> list[str]:
        """List the options."""
        return [name for action in self._actions for name in action.option_strings]

    def _check_options(self, words: Sequence[str]) -> None:
        known = [name for name in self.options() if name.startswith("--")]
        for word in words:
            if word == "--" or (self._subparsers is not None and not word.startswith("-")):
                return  # what follows belongs to the command
            name = word.partition("=")[0]
            if name.startswith("--") and " " not in name and not any(it.startswith(name) for it in known):
                self.error(f"there is no option {name}{did_you_mean(name, known)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        if action.choices is None or value in action.choices:
            return
        known = [str(choice) for choice in action.choices if choice not in OLD_NAMES]
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"there is no command {value!r}{did_you_mean(str(value), known)}")
        raise argparse.ArgumentError(
            action, f"{value!r} is none of {', '.join(known)}{did_you_mean(str(value), known)}"
        )

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Print help or the version. Unlike argparse, fail if that cannot be written."""
        if message:
            (file or sys.stderr).write(message)


class Version(argparse.Action):
    """Prints the version, which the binding knows."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it."""
        import eurotok

        parser._print_message(f"eurotok {eurotok.__version__}\n", sys.stdout)
        parser.exit()


def build_parser(command: str | None = None) -> Parser:
    """Build the parser of the whole command line.

    Parameters
    ----------
    command
        The command whose arguments are to be there; by default all commands.
    """
    parser = Parser(
        prog="eurotok",
        description="Train, price and run European tokenizers.",
        epilog="Begin with: eurotok demo",
    )
    parser.add_argument("--version", action=Version)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = verbs.add_parser(name, help=summary[0].lower() + summary[1:])
        if command is None or OLD_NAMES.get(command, command) == name:
            fill(subparser, name)
    if command is None or command in OLD_NAMES:
        verbs._name_parser_map |= {old: verbs._name_parser_map[new] for old, new in OLD_NAMES.items()}
    return parser


def fill(subparser: argparse.ArgumentParser, name: str) -> None:
    """Give the parser of a command its arguments."""
    verb = import_module(f"eurotok.cli.{name.replace('-', '_')}")
    subparser.description = (verb.__doc__ or "").strip()
    verb.add_arguments(subparser)
    subparser.set_defaults(run=verb.run, parser=subparser)
