"""Say how much more a text costs in a language than in English, under two tokenizers."""

import eurotok

comparison = eurotok.compare(["euro-64k", "euro-200k"], languages=["el", "fi", "fr"])
for name, prices, surcharges in zip(comparison.tokenizers, comparison.prices, comparison.surcharges, strict=True):
    for language, price, surcharge in zip(comparison.languages, prices, surcharges, strict=True):
        print(f"{name:10}  {language}  {price:5.1f} tokens per sentence, {surcharge:+.0%} beside English")
