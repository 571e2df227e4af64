"""Folders for `transformers`: written by `folder`, with regexes that `javascript` spells for transformers.js."""
