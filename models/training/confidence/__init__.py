"""Calibration of graded heads: what turns logits into probabilities, grades and prediction sets. See docs/confidence.md."""
