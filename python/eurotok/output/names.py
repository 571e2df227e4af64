"""The figures that there are, in the order in which they are offered; the files of texts have their names."""

from typing import Literal

PageLanguage = Literal["en", "fr", "de"]
"""The languages that there are pages in."""

Kind = Literal["signed", "number", "share", "whole"]

KINDS: dict[str, Kind] = {
    "surcharge": "signed",
    "tokens_per_sentence": "number",
    "over_reference": "number",
    "fertility": "number",
    "bytes_per_token": "number",
    "characters_per_token": "number",
    "byte_adjusted_premium": "number",
    "parity": "number",
    "continued_words": "share",
    "single_token_words": "share",
    "cut_tokens": "share",
    "renyi_efficiency": "number",
    "vocabulary_used": "share",
    "cost_per_million_words": "number",
    "context_in_words": "whole",
    "exact_sentences": "share",
}
"""The kind of number of each figure: a percentage with its sign, a number, a percentage, or a whole number."""

MORE_IS_BETTER = {
    "bytes_per_token",
    "characters_per_token",
    "single_token_words",
    "renyi_efficiency",
    "vocabulary_used",
    "context_in_words",
    "exact_sentences",
}
"""Figures of which more is better; of all others less is."""
