"""Tell whether a tokenizer is fit to be published.

Checks that all 256 bytes are tokens, that every text decodes to itself (all of Unicode, 24 languages), that no token is
duplicate or unreachable, and that special tokens are sane. Compares ids with the libraries 'tokenizers' and 'tiktoken'
(if installed), and lists tokens that look like junk. The exit code is 0 if nothing failed, else 1.

A folder, such as 'eurotok publish' writes, is also opened with transformers (if installed): ids, decoding, special
tokens, chats and padded rows must be the same.

example:
  eurotok check tokenizer.json
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eurotok.cli.arguments import add_tokenizer, load_tokenizer
from eurotok.escape import terminal
from eurotok.output.tables import shorten

if TYPE_CHECKING:
    from eurotok.checks import Finding

SHOWN = 5
"""Examples of a finding listed before the rest is only counted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("--all", action="store_true", help=f"list every example, not only {SHOWN} of each kind")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.checks import check

    tokenizer = load_tokenizer(args)
    findings = check(tokenizer)
    if Path(args.tokenizer).is_dir():
        from eurotok.folder_checks import check_folder

        findings += check_folder(tokenizer, Path(args.tokenizer))
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    for finding in findings:
        _show(finding, args.all, width)
    failed = sum(finding.status == "failed" for finding in findings)
    if failed:
        raise ValueError(f"{args.tokenizer}: {failed} of {len(findings)} checks failed")


def _show(finding: Finding, every: bool, width: int) -> None:
    print(f"{finding.status:11}  {finding.check}: {terminal(finding.detail)}")
    most = len(finding.examples) if every else SHOWN
    for example in finding.examples[:most]:
        print(f"{'':13}{terminal(example if every else shorten(example, width - 13))}")
    if len(finding.examples) > most:
        print(f"{'':13}and {len(finding.examples) - most:,} more (--all)")
