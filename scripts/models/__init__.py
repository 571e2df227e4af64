"""How the shipped tokenizers are made: a recipe, the counts it asks for, training, prices, and the cards.

In data-flow order: `recipe` reads `recipes/euro.toml`; `counting` makes counts of the corpora; `training` makes
tokenizers of them; `pricing` measures these and those of others; `ablation` tries other choices than the recipe's;
`cards` writes what was found. `python -m scripts.models --help` has the commands.
"""
