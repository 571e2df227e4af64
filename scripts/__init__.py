"""What makes files of this repository: the shipped tokenizers, and the code they learn from."""
