"""Print the script that completes commands and options in a shell.

Completes commands, options, their choices, shipped tokenizers, languages and files.

example:
  eurotok completion bash >> ~/.bash_completion
  eurotok completion zsh > "${fpath[1]}/_eurotok"
  eurotok completion fish > ~/.config/fish/completions/eurotok.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LANGUAGE_OPTIONS = {"--language", "--languages"}
TOKENIZER_ARGUMENTS = {"tokenizer", "tokenizers", "input", "reference", "extend"}


@dataclass(frozen=True)
class Option:
    """An option, or the positional arguments of a command, which have no names."""

    names: Sequence[str]
    help: str
    takes_value: bool
    choices: Sequence[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to complete in")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    print({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](), end="")


def options(command: str) -> list[Option]:
    """List the options of a command, each with its known values."""
    from eurotok.cli.parser import COMMANDS, Parser, fill
    from eurotok.languages import OFFICIAL
    from eurotok.loading import models

    parser = Parser(prog=command)
    fill(parser, command)
    found = []
    for action in parser._actions:
        choices = [str(choice) for choice in action.choices or ()]
        if choices:
            pass
        elif action.dest in TOKENIZER_ARGUMENTS:
            choices = models()
        elif LANGUAGE_OPTIONS & set(action.option_strings):
            choices = list(OFFICIAL)
        elif action.dest == "command":
            choices = list(COMMANDS)
        text = "" if action.help in (None, argparse.SUPPRESS) else str(action.help) % {"default": action.default}
        first = text.partition(";")[0].partition(" (")[0]
        found.append(Option(action.option_strings, first, action.nargs != 0, choices))
    return found


def bash() -> str:
    """Write the completion for bash."""
    from eurotok.cli.parser import COMMANDS

    values, words = [], []
    for command in COMMANDS:
        known = options(command)
        names = [name for option in known for name in option.names]
        words.append(f"    {command}) options={_quoted(' '.join(names))} words={_quoted(_positional(known))} ;;")
        for option in known:
            if option.names and option.takes_value:
                pattern = "|".join(f'"{command} {name}"' for name in option.names)
                kinds = f"-W {_quoted(' '.join(option.choices))}" if option.choices else "-f"
                values.append(f'    {pattern}) COMPREPLY=($(compgen {kinds} -- "$word")); return ;;')
    return f"""# Completion of eurotok for bash, written by: eurotok completion bash
_eurotok() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="" options words i
  local IFS=$' \\t\\n'
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{COMP_WORDS[i]}}" in -*) ;; *) command="${{COMP_WORDS[i]}}"; break ;; esac
  done
  case "$command $before" in
{chr(10).join(values)}
  esac
  case "$command" in
    "") COMPREPLY=($(compgen -W {_quoted(" ".join([*COMMANDS, "--help", "--version"]))} -- "$word")); return ;;
{chr(10).join(words)}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _eurotok eurotok
"""


def zsh() -> str:
    """Write the completion for zsh."""
    from eurotok.cli.parser import COMMANDS

    cases = []
    for command in COMMANDS:
        known = options(command)
        specs = []
        for option in known:
            for name in option.names:
                action = f"({' '.join(option.choices)})" if option.choices else "_files"
                value = f":value:{action}" if option.takes_value else ""
                specs.append(_quoted(f"*{name}[{_in_brackets(option.help)}]{value}"))
        words = _positional(known)
        rest = f"_alternative 'words:word:({words})' 'files:file:_files'" if words else "_files"
        specs.append(_quoted(f"*:argument:{{{rest}}}" if words else f"*:argument:{rest}"))
        cases.append(f"    {command}) _arguments {' '.join(specs)} ;;")
    described = " ".join(_quoted(f"{name}:{summary}") for name, summary in COMMANDS.items())
    return f"""#compdef eurotok
# Completion of eurotok for zsh, written by: eurotok completion zsh
_eurotok() {{
  local -a commands
  commands=({described})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
{chr(10).join(cases)}
  esac
}}
if [ "$funcstack[1]" = "_eurotok" ]; then _eurotok "$@"; else compdef _eurotok eurotok; fi
"""


def fish() -> str:
    """Write the completion for fish."""
    from eurotok.cli.parser import COMMANDS

    lines = ["# Completion of eurotok for fish, written by: eurotok completion fish", "complete -c eurotok -f"]
    for command, summary in COMMANDS.items():
        lines.append(f"complete -c eurotok -n __fish_use_subcommand -a {command} -d {_fish(summary)}")
    for command in COMMANDS:
        known, when = options(command), f"'__fish_seen_subcommand_from {command}'"
        lines.append(f"complete -c eurotok -n {when} -F -a {_fish(_positional(known))}")
        for option in known:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            if names:
                value = f" -r -a {_fish(' '.join(option.choices))}" if option.takes_value else ""
                lines.append(f"complete -c eurotok -n {when} {names}{value} -d {_fish(option.help)}")
    return "\n".join([*lines, ""])


def _positional(known: Iterable[Option]) -> str:
    return " ".join(choice for option in known if not option.names for choice in option.choices)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _in_brackets(text: str) -> str:
    """Escape a text for the brackets of zsh's `_arguments`."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
