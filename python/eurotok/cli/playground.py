"""Open a page to paste text into, and see its tokens.

Shows in a browser the tokens of a text under several tokenizers, their number and the price of a month, and the same
sentence in 24 languages. The page is served on this computer alone, and nothing leaves it. Ctrl-C ends it.

example:
  eurotok playground euro-64k ours=tokenizer.json gpt-4o
"""

from __future__ import annotations

import argparse
import os
import sys
from threading import Timer
from typing import TYPE_CHECKING, get_args

from eurotok.cli.arguments import add_scheme
from eurotok.output.names import PageLanguage

if TYPE_CHECKING:
    from eurotok.pricing.adapters import Encoder

PORT = 8421


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "tokenizers",
        nargs="*",
        metavar="[NAME=]TOKENIZER",
        help="names and files as for 'eurotok compare' (default: the shipped ones)",
    )
    add_scheme(parser)
    parser.add_argument(
        "--port",
        type=port,
        default=PORT,
        metavar="N",
        help=f"port to serve on; 0 for any that is free (default: {PORT})",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address of the page")
    parser.add_argument(
        "--language",
        choices=get_args(PageLanguage),
        help="language of the page (default: the language that the browser asks for, or en)",
    )


def port(argument: str) -> int:
    """Read the number of a port."""
    if not argument.isascii() or not argument.isdigit() or int(argument) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port, a number from 0 to 65535, not {argument!r}")
    return int(argument)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    # Imported here, because only this command needs them and the other commands start faster without them.
    import webbrowser

    from eurotok.loading import models
    from eurotok.playground import Playground
    from eurotok.playground.server import Server
    from eurotok.pricing import stored
    from eurotok.pricing.adapters import encoder_of

    named = [encoder_of(tokenizer, args.scheme) for tokenizer in args.tokenizers or models()]
    encoders: dict[str, Encoder] = {}
    for encoder in named:
        same = sum(name.partition(" (")[0] == encoder.name for name in encoders)
        encoders[f"{encoder.name} ({same + 1})" if same else encoder.name] = encoder
    counted = stored.encoder()
    others = {} if counted.name in encoders else {counted.name: counted}
    with Server(Playground(encoders, others, args.language), args.port) as server:
        print(f"{server.address} shows the playground. Ctrl-C ends it.", flush=True)
        if not args.no_browser and has_browser():
            # Once the server answers; it does so already while its queue waits.
            Timer(0.1, webbrowser.open, [server.address]).start()
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)


def has_browser() -> bool:
    """Tell whether there is a screen for a browser: without one, a browser in the terminal would take its place."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
