"""Our encoders beside `tiktoken` and `tokenizers`, on texts of all languages, on code, and on hostile ones.

In data-flow order: `texts` makes texts, `subjects` pairs a tokenizer of ours with a peer's of the same vocabulary,
`compare` looks for the first difference and reduces the text that shows it. `python -m scripts.differential` runs them
in a process for each instruction set, reports how much was compared, and exits with 1 at a difference.
"""
