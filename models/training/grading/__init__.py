"""The networks that grade: what they are trained on, how, and how right they are."""
