"""Prices of languages under any tokenizer: from parallel text to counts, from counts to statistics."""
