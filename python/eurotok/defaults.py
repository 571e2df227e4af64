"""Values that training takes where none are given."""

SCHEME = "europe"
FAIRNESS = 10.0
CALIBRATION = 0.85
"""The strength of `Counts.calibrate` between 0.7, which is careful, and 0.9, which is the best on other text."""

SWEEP = (0.0, 3.0, 10.0, 30.0, 100.0)
"""Values of fairness that a sweep tries."""
