"""What ends a run: said to the person, with what to do."""


class Problem(Exception):
    """A reason in words; no bundle is written."""
