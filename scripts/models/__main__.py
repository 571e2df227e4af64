"""Make the shipped tokenizers and everything that is said about them.

Needs EUROTOK_CORPUS (the folder with train/, train2/, index/, freq/ and parallel/) and EUROTOK_CODE (what
scripts/gather_code.py writes); EUROTOK_TOKENIZERS may name a folder of others' tokenizers to price. Counts are kept in
the folder --counts, and are not made again.

example:
  python -m scripts.models train      # the models, by the recipe
  python -m scripts.models measure    # their prices and those of others: recipes/prices.json
  python -m scripts.models cards      # cards and tables, from the records
  python -m scripts.models ablate     # other choices than the recipe's: recipes/ablations.jsonl
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.models import ablation, cards, counting, describing, pricing, recipe, training

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "python" / "eurotok" / "models"
PRICES = ROOT / "python" / "eurotok" / "data" / "prices.json"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("train", "measure", "cards", "ablate"))
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "euro.toml", metavar="FILE")
    parser.add_argument("--counts", type=Path, default=ROOT / "target" / "counts", metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, default=MODELS, metavar="DIR", help="where the models are")
    args = parser.parse_args()
    try:
        run(args.command, args.recipe, args.counts, args.output)
    except (OSError, ValueError) as error:
        sys.exit(f"models: error: {error}")


def run(command: str, source: Path, counts: Path, output: Path) -> None:
    """Run a command on a recipe."""
    chosen, folder = recipe.read(source), source.parent
    match command:
        case "train":
            describing.describe(chosen, folder / "sources.tsv", folder / "text.tsv")
            training.train_all(chosen, counting.count_all(chosen, counts), output)
        case "measure":
            pricing.measure(chosen, output, folder, PRICES)
        case "cards":
            cards.write_all(chosen, source, output, ROOT / "README.md")
        case "ablate":
            ablation.try_all(chosen, ablation.choices(chosen), counts, folder / "ablations.jsonl")


if __name__ == "__main__":
    main()
