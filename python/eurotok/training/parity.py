"""Parity-aware BPE, to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Variant = Literal["base", "window"]


@dataclass(frozen=True)
class Parity:
    """Parity-aware BPE (Foroutan et al. 2025, arXiv:2508.04796): each merge is that of the language that pays most.

    The merges equal the merges of `tokenizers.trainers.ParityBpeTrainer`. It evens out prices at any cost; `fairness`
    goes as far as asked.

    Attributes
    ----------
    variant
        `"base"`, or `"window"`, under which a language has at most `alpha` times its part of the last `window_size`
        merges.
    window_size, alpha
        Of the window, in merges and in parts.
    ratio
        Instead of parallel text: the wanted compression of each language, in bytes per token, in proportion to the
        other languages.
    global_merges
        The number of first merges that plain BPE makes on all text: the paper's hybrid.
    """

    variant: Variant = "base"
    window_size: int = 100
    alpha: float = 2.0
    ratio: Mapping[str, float] = field(default_factory=dict)
    global_merges: int = 0

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of the core."""
        if self.variant not in ("base", "window"):
            raise ValueError(f"parity: {self.variant!r} is neither 'base' nor 'window'")
        window = (self.window_size, self.alpha) if self.variant == "window" else None
        return {"window": window, "ratio": dict(self.ratio), "global_merges": self.global_merges}
