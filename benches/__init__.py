"""The speed and memory of `eurotok` beside those of its peers; BENCHMARKS.md says how to read the results.

In order of the data: `texts` and `vocabulary` prepare what all engines are given, `encoders` and `trainers` say how
each engine is called, `definitions` what is measured, `worker` is the process in which one engine runs, `schedule`
starts workers by turns and checks their answers, `records` keeps what they report, `tables` makes ratios of it.
"""
