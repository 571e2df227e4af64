"""What figures are called."""

FIGURE_NAMES = {
    "surcharge": ("Surcharge", "signed", "Tokens for the same sentences over those in English, minus one."),
    "tokens_per_sentence": ("Tokens per sentence", "number", "Mean over the sentences; the price of the language."),
    "over_reference": (
        "Tokens over reference",
        "number",
        "Tokens for the same sentences over those under the reference tokenizer; 1 is as many.",
    ),
    "fertility": ("Fertility", "number", "Tokens per word. A word: between white space, with a letter or digit."),
    "bytes_per_token": ("Bytes per token", "number", "Bytes of UTF-8; letters outside ASCII have two or three."),
    "characters_per_token": ("Characters per token", "number", "Code points per token."),
    "byte_adjusted_premium": (
        "Byte-adjusted premium",
        "number",
        "Tokens over those in English, over bytes over those in English: 1 is as many bytes per token as in English.",
    ),
    "parity": ("Parity", "number", "Mean over sentences of tokens over those of the English sentence; 1 is parity."),
    "continued_words": ("Continued words", "share", "Words that several tokens make up."),
    "single_token_words": ("Single-token words", "share", "Distinct words that are one token at least once."),
    "cut_tokens": ("Tokens that cut a character", "share", "Tokens that begin or end inside a character."),
    "renyi_efficiency": (
        "Rényi efficiency",
        "number",
        "Entropy of order 2.5 over its maximum; 1 is an even use of all tokens.",
    ),
    "vocabulary_used": ("Vocabulary used", "share", "Share of the vocabulary that occurs in the text."),
    "cost_per_million_words": ("Cost of a million words", "number", "Money, at the price per million tokens given."),
    "context_in_words": ("Context in words", "whole", "Words that fit into the context given."),
    "exact_sentences": ("Sentences that come back", "share", "Sentences that decode to what they were."),
}
"""Name, kind of number, and meaning of each figure."""

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
