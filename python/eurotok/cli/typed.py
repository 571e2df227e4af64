"""Errors about a parameter in the words of the command line: the option as it was typed."""

import argparse
import re
from collections.abc import Iterator, Sequence


def typed(message: str, parser: argparse.ArgumentParser, argv: Sequence[str]) -> str:
    """Put the option in place of the parameter at which a message of the library begins, if the command has it.

    Parameters
    ----------
    message
        A message such as `shares: "frr" is not a language of the counts`.
    parser
        The parser of the command.
    argv
        The arguments as they were typed. If an option is repeated, the one whose value the message quotes is named.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> _ = parser.add_argument("--share", dest="shares", action="append")
    >>> typed('shares: "frr" is not a language', parser, ["--share", "en=4", "--share=frr=2"])
    '--share=frr=2: "frr" is not a language'
    >>> typed("book.txt: not UTF-8", parser, [])
    'book.txt: not UTF-8'
    """
    parameter, colon, reason = message.partition(": ")
    action = next((it for it in parser._actions if colon and parameter in _names(it)), None)
    if action is None or not action.option_strings:
        return message
    given = list(_given(action, argv)) or [(action.option_strings[-1], "")]
    quoted = set(re.findall(r'"([^"]*)"|\'([^\']*)\'', reason))
    words = {word for pair in quoted for word in pair if word}
    option = next((it for it, value in given if value in words or value.rpartition("=")[0] in words), given[-1][0])
    return f"{option}: {reason}"


def _names(action: argparse.Action) -> set[str]:
    """Give the parameters that an option stands for: by its own name, and by that of its values."""
    return {action.dest, *(it.lstrip("-").replace("-", "_") for it in action.option_strings)}


def _given(action: argparse.Action, argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give each use of an option as it was typed, and its value."""
    for place, word in enumerate(argv):
        name, equals, value = word.partition("=")
        abbreviated = name.startswith("--") and any(it.startswith(name) for it in action.option_strings)
        if name == "--" or not (abbreviated or name in action.option_strings):
            continue
        if equals or action.nargs == 0:
            yield word, value
        elif place + 1 < len(argv):
            yield f"{word} {argv[place + 1]}", argv[place + 1]
