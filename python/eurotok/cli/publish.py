"""Write a folder that transformers, tokenizers and other libraries load.

It has files, special tokens in their roles, the chat template and a card. The ids are the tokenizer's own.
'eurotok check FOLDER' opens the folder with the libraries that are installed.

example:
  eurotok publish euro-64k my-tokenizer
  eurotok publish my-tokenizer.json for-mistral --format tekken
"""

import argparse
from pathlib import Path

from eurotok.cli.arguments import add_tokenizer, load_tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_tokenizer(parser)
    parser.add_argument("folder", metavar="FOLDER", help="the folder to write; files of these names in it are replaced")
    parser.add_argument("--generation-config", action="store_true", help="write generation_config.json, too")
    parser.add_argument(
        "--chat-template", metavar="FILE", help="a Jinja template of chats, in place of the tokenizer's"
    )
    parser.add_argument(
        "--format",
        choices=("transformers", "tekken"),
        default="transformers",
        help="tekken writes tekken.json alone, for mistral-common (default: %(default)s)",
    )
    parser.add_argument("--renumber", action="store_true", help="let tokens get other ids in tekken.json")
    parser.add_argument("--no-card", dest="card", action="store_false", help="write no README.md")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    tokenizer = load_tokenizer(args)
    if args.chat_template is not None:
        tokenizer.chat_template = Path(args.chat_template).read_text(encoding="utf-8")
    options = {"generation_config": args.generation_config, "card": args.card, "renumber": args.renumber}
    for path in tokenizer.publish(args.folder, format=args.format, **options):
        print(path)
