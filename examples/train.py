"""Train towards equal prices on one half of a parallel text, and compare on the other half."""

import eurotok
from eurotok.pricing.parallel_text import load_parallel

sample = load_parallel()
steer, report = sample.part(slice(0, 36)), sample.part(slice(36, None))

plain = eurotok.train(dict(steer.sentences), vocab_size=2_000)
fair = eurotok.train(dict(steer.sentences), vocab_size=2_000, parallel=steer, fairness=10)
comparison = eurotok.compare({"plain": plain, "fair": fair}, report)
for name, worst, gini in zip(comparison.tokenizers, comparison.worst, comparison.gini, strict=True):
    print(f"{name:5}  worst surcharge {worst:+.0%}, Gini {gini:.3f}")
