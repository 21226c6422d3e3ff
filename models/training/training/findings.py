"""What a network can be taught to grade, as a manifest and a report name it (`src/spine/grade.rs`)."""

from dataclasses import dataclass

STENOSIS = ["normal", "mild", "moderate", "severe"]
SCALES = {"stenosis": STENOSIS, "pfirrmann": ["I", "II", "III", "IV", "V"], "presence": ["absent", "present"]}
SIDES = ["left", "right"]


@dataclass(frozen=True)
class Finding:
    name: str
    scale: str
    sided: bool = False
    # Views without which it can't be graded at all.
    given: tuple = ()
    # Share of the loss.
    weight: float = 1.0

    @property
    def grades(self):
        return SCALES[self.scale]

    @property
    def sides(self):
        return SIDES if self.sided else [None]


NETWORKS = {
    "degeneration": [
        Finding("disc-degeneration", "pfirrmann", given=("t2",), weight=6.0), Finding("disc-narrowing", "presence"), Finding("disc-bulge", "presence"),
        Finding("disc-herniation", "presence", weight=0.5), Finding("spondylolisthesis", "presence", weight=0.5), Finding("modic-change", "presence"),
        Finding("upper-endplate-change", "presence"), Finding("lower-endplate-change", "presence"), Finding("sac-compression", "presence"),
        Finding("root-compression", "presence"),
    ],
    "stenosis": [
        Finding("central-canal-stenosis", "stenosis"), Finding("subarticular-stenosis", "stenosis", sided=True),
        Finding("foraminal-stenosis", "stenosis", sided=True),
    ],
}
OF_NAME = {finding.name: finding for network in NETWORKS.values() for finding in network}


@dataclass(frozen=True)
class Truth:
    """What somebody said of a finding at a level: grades `low` to `high` of its scale, the same where one grade was said.

    The level is known by its name, or by where its disc lies, or by its place from below, and then only if that is given; `beside` are places that were
    marked at it, by which the name is checked.
    """

    finding: str
    low: int
    high: int
    side: str | None = None
    level: str | None = None
    ordinal: int | None = None
    centre_lps_mm: tuple | None = None
    beside_lps_mm: tuple | None = None


def thresholds(low, high, grades):
    """For each "worse than grade k": 1 it is, 0 it is not, -1 the range does not tell."""
    return [1 if low > k else 0 if high <= k else -1 for k in range(grades - 1)]
