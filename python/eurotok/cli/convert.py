"""Write a tokenizer in another format, or cut to a smaller vocabulary.

The end of the name says which: .json (a tokenizer.json), .tiktoken, .eurotok or .gguf (the vocabulary, for llama.cpp).
The ids stay the same, or the file is not written. Beside a .tiktoken file, which holds tokens only, <file>.json takes
the pattern and the special tokens.

example:
  eurotok convert large.json small.json --vocab-size 32768
  eurotok convert o200k_base.tiktoken tokenizer.json --special-token '<|endoftext|>=199999'
  eurotok convert euro-64k euro-64k.gguf --pre gpt-4o
"""

import argparse

from eurotok.cli.arguments import TOKENIZERS, add_scheme, entries, pair, saved_files, tokenizer_files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("input", metavar="IN", help=TOKENIZERS)
    parser.add_argument("output", metavar="OUT", help="the file to write")
    add_scheme(parser)
    parser.add_argument(
        "--vocab-size",
        type=entries,
        metavar="N",
        help="keep the first entries, as if training had stopped there; 64k is 65536",
    )
    parser.add_argument(
        "--special-token",
        dest="special_tokens",
        action="append",
        type=pair(int),
        metavar="TOKEN=ID",
        help="a special token of a .tiktoken file (repeatable)",
    )
    parser.add_argument(
        "--pre", metavar="NAME", help="in a .gguf, a rule of llama.cpp by which to split, although ids may then differ"
    )
    parser.add_argument(
        "--vectors",
        action="store_true",
        help="beside a .gguf, write test vectors of llama.cpp, <file>.inp and <file>.out",
    )


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    from eurotok.files import check_outputs
    from eurotok.loading import load
    from eurotok.training import truncate

    gguf = args.output.endswith(".gguf")
    if not gguf and (args.pre is not None or args.vectors):
        args.parser.error("--pre and --vectors are for .gguf files")
    written = (
        [f"{args.output}{ending}" for ending in ("", ".inp", ".out")] if args.vectors else saved_files(args.output)
    )
    check_outputs(written, tokenizer_files(args.input))
    specials = None if args.special_tokens is None else dict(args.special_tokens)
    tokenizer = load(args.input, args.scheme, specials)
    if args.vocab_size is not None:
        tokenizer = truncate(tokenizer, args.vocab_size)
    if not gguf:
        tokenizer.save(args.output)
        return
    tokenizer.save_gguf(args.output, pre=args.pre)
    if args.vectors:
        from eurotok.checks import ADVERSARIAL
        from eurotok.files import replacing
        from eurotok.pricing.parallel_text import load_parallel
        from eurotok.publishing.gguf import vectors

        lines = [line for lines in load_parallel().sentences.values() for line in (lines[0], lines[0].upper())]
        contents = vectors(tokenizer, [text for text in [*ADVERSARIAL, *lines] if text])
        for path, content in zip(written[1:], contents, strict=True):
            with replacing(path) as file:
                file.write(content.encode())
