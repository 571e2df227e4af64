"""Programs that make files of this repository: the shipped tokenizers, and the code they learn from."""
