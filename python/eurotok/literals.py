"""Values of arguments that are one of a few words, for type checkers and editors."""

from typing import Literal

Specials = Literal["text", "parse"]
"""What special tokens in a text are: text like any other, or their ids."""

Errors = Literal["strict", "replace"]
"""What to do with text or bytes that are not Unicode: refuse them, or put U+FFFD in their place."""

Scheme = Literal["cl100k", "europe", "gpt2", "llama3", "o200k", "qwen2", "tekken"] | str
"""A splitting rule: a name of `eurotok.schemes()`, or a regex."""
