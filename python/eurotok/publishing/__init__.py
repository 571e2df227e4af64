"""Folders for `transformers`: written by `folder`, opened and compared by `opened`.

Enters: a tokenizer. Leaves: the files by which other libraries load it with the same ids, special tokens and chats.
"""
