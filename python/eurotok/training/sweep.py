"""Many tokenizers from one set of counts: the cost of equal prices, by fairness, targets and size of the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Unpack

import numpy as np

from eurotok import _core, defaults, described
from eurotok._core import Counts
from eurotok.corpus import StrPath
from eurotok.files import read_json, write_json
from eurotok.literals import Errors
from eurotok.pricing.metrics import gini
from eurotok.pricing.parallel_text import REFERENCE, Parallel, load_sentences, name_of
from eurotok.progress import Report
from eurotok.renamed import renamed
from eurotok.sequences import several
from eurotok.sources import Source
from eurotok.tokenizer import Tokenizer
from eurotok.training import Options, estimate, steering_of, train
from eurotok.training.counting import counted, stand_in

FORMAT = "eurotok sweep 1"
FAIRNESS = defaults.SWEEP

FRONT = "*"
"""The sign of a tokenizer on the front."""


@dataclass(frozen=True)
class Point:
    """A tokenizer of a sweep.

    Attributes
    ----------
    fairness
        As for `eurotok.train`; `None` for plain BPE, balanced.
    target
        As for `eurotok.train`.
    vocab_size
        Entries of the vocabulary.
    prices
        Tokens of the parallel text, by language.
    """

    fairness: float | None
    target: Mapping[str, float]
    vocab_size: int
    prices: Mapping[str, int]

    @property
    def total(self) -> int:
        """Tokens over all languages."""
        return sum(self.prices.values())

    @property
    def gini(self) -> float:
        """Inequality of prices: see `eurotok.pricing.metrics.gini`."""
        return float(gini(np.array(list(self.prices.values()), dtype=float)))

    @property
    def worst(self) -> float:
        """The highest surcharge over English, in parts; NaN without English."""
        reference = self.prices.get(REFERENCE)
        return max(self.prices.values()) / reference - 1 if reference else float("nan")

    @property
    def name(self) -> str:
        """The settings of training, without the size."""
        wanted = "".join(f", {language}={value:g}" for language, value in self.target.items())
        return ("plain" if self.fairness is None else f"f={self.fairness:g}") + wanted


@dataclass(frozen=True)
class Sweep:
    """The points of a sweep, in the order of the fairness and targets asked for, and of sizes within."""

    text: str
    points: tuple[Point, ...]

    def frontier(self) -> list[Point]:
        """Give the points that no other of their size betters in total and in Gini."""

        def is_bettered(point: Point) -> bool:
            others = [other for other in self.points if other.vocab_size == point.vocab_size]
            mine = (point.total, point.gini)
            return any(
                other.total <= mine[0] and other.gini <= mine[1] and (other.total, other.gini) != mine
                for other in others
            )

        return [point for point in self.points if not is_bettered(point)]

    @property
    def explanation(self) -> str:
        """The meaning of the sign of the front."""
        same = " of its size" if len({point.vocab_size for point in self.points}) > 1 else ""
        return f"on the front: no other tokenizer{same} betters it in tokens or Gini without being worse in the other"

    def __repr__(self) -> str:
        sizes = sorted({point.vocab_size for point in self.points})
        return f"Sweep(text={self.text!r}, points={len(self.points)}, vocab_size={sizes})"

    def _repr_html_(self) -> str:
        best = self.frontier()
        rows = [
            [
                point.name,
                f"{point.vocab_size:,}",
                f"{point.total:,}",
                f"{point.gini:.4f}",
                "" if np.isnan(point.worst) else f"{100 * point.worst:+.1f} %",
                FRONT if point in best else "",
            ]
            for point in self.points
        ]
        head = ["", "entries", "tokens", "Gini", "worst", "on the front"]
        return described.table(head, rows, f"Sweep over {self.text}")

    def save(self, path: StrPath) -> None:
        """Write the sweep as JSON, whole or not at all."""
        write_json(path, FORMAT, {"text": self.text, "points": [asdict(point) for point in self.points]}, indent=1)

    @staticmethod
    def load(path: StrPath) -> Sweep:
        """Read a sweep that `save` wrote.

        Raises
        ------
        OSError
            If the file cannot be read.
        FormatError
            If it is not a sweep.
        """
        return read_json(
            path,
            FORMAT,
            "sweep",
            lambda data: Sweep(data["text"], tuple(Point(**point) for point in data["points"])),
        )


@renamed(counts="source", vocab_sizes="vocab_size", targets="target")
def sweep(
    source: Counts | Source,
    parallel: Parallel,
    *,
    vocab_size: int | Sequence[int],
    fairness: float | Sequence[float | None] | None = FAIRNESS,
    target: Mapping[str, float] | Sequence[Mapping[str, float]] = ({},),
    threads: int | None = None,
    errors: Errors = "strict",
    progress: bool | Report = False,
    announce: Callable[[str], object] | None = None,
    **options: Unpack[Options],
) -> Sweep:
    """Train a tokenizer for each fairness, targets and size, and price it on the text that steered it.

    Each pair of fairness and targets is trained once, for the largest size. Smaller vocabularies are its first entries.

    Parameters
    ----------
    source
        The text or the counts to train on, as in `eurotok.train`.
    parallel
        The same sentences in every language, as for `eurotok.train`, but for counts, which hold no sentences to price.
    vocab_size
        Entries of the vocabulary, one number or several.
    fairness
        Values to try, one or several; `None` is plain BPE, balanced.
    target
        Targets to try with each of them above 0: one dict as for `eurotok.train`, or several.
    threads, errors, progress, options
        As for `eurotok.train`.
    announce
        Called before the first training with a sentence that says how many there are, and about how long they take; by
        default, it is printed on the terminal if `progress` is true.

    Returns
    -------
    Sweep

    Raises
    ------
    ValueError
        If there are no sizes or no values, or as for `eurotok.train`.
    OSError, CorpusError, TypeError
        As for `eurotok.train`.
    """
    sizes = [vocab_size] if isinstance(vocab_size, int) else several("vocab_size", vocab_size)
    values = [fairness] if fairness is None or isinstance(fairness, (int, float)) else several("fairness", fairness)
    targets = [target] if isinstance(target, Mapping) else several("target", target)
    several("special_tokens", options.get("special_tokens", ()))
    if not sizes or not values or not targets:
        raise ValueError("sweep: there is nothing to train")
    counts = counted(source, threads=threads, errors=errors, progress=progress)
    sentences = load_sentences(parallel, counts.languages, errors)
    steering = steering_of(sentences, counts.scheme, threads)
    # The smallest is cut from the largest in the end, and would be refused only then.
    train(stand_in(counts.scheme, counts.languages), vocab_size=min(sizes), threads=threads, **options)
    # Without fairness, targets say nothing.
    trainings = [(value, each) for value in values for each in (targets if value else ({},))]
    estimate.announce(
        counts,
        len(trainings),
        max(sizes),
        steering=steering,
        threads=threads,
        progress=progress,
        announce=announce,
        **options,
    )
    points = []
    for value, wanted in trainings:
        largest = train(
            counts,
            vocab_size=max(sizes),
            parallel=None if value is None else steering,
            fairness=value,
            target=wanted,
            threads=threads,
            progress=progress,
            **options,
        )
        for size in sorted(set(sizes)):
            tok = Tokenizer(_core.truncate(largest, min(size, largest.vocab_size)))
            prices = {
                language: int(tok.count_batch(list(lines), threads=threads).sum())
                for language, lines in sentences.items()
            }
            points.append(Point(value, dict(wanted), tok.vocab_size, prices))
    return Sweep(name_of(parallel), tuple(points))
