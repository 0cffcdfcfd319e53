# SPDX-License-Identifier: Apache-2.0
"""The table of DESIGN.md 6, as far as this release has what it measures, and its verdicts."""
from dataclasses import dataclass, field
from typing import Optional

MISSED, MUST, AIM, OPEN = "MISSED", "must", "AIM", "-"


@dataclass
class Row:
    """`must` and `aim` bound `value` from above, or from below where `at_least`."""

    what: str
    unit: str
    must: Optional[float] = None
    aim: Optional[float] = None
    value: Optional[float] = None
    at_least: bool = False
    peers: dict = field(default_factory=dict)

    @property
    def verdict(self):
        if self.value is None or self.must is None:
            return OPEN
        within = (lambda bound: self.value >= bound) if self.at_least else (lambda bound: self.value <= bound)
        if self.aim is not None and within(self.aim):
            return AIM
        return MUST if within(self.must) else MISSED

    def cells(self):
        def number(value, sign=""):
            return "-" if value is None else sign + shown(value)
        sign = ">= " if self.at_least else "<= "
        peers = ", ".join("%s %s" % (name, shown(value))
                          for name, value in self.peers.items() if value is not None)
        return [self.what + (" [%s]" % self.unit if self.unit else ""), number(self.must, sign),
                number(self.aim, sign), number(self.value), peers or "-", self.verdict]

    def as_json(self):
        return {"what": self.what.strip(), "unit": self.unit, "must": self.must, "aim": self.aim,
                "atLeast": self.at_least, "measured": self.value, "peers": self.peers,
                "verdict": self.verdict}


def shown(value):
    if abs(value) >= 100:
        return "%.0f" % value
    return "%.1f" % value if abs(value) >= 10 else "%.2f" % value


def table(rows):
    head = ["what", "must", "aim", "measured", "peers in the same run", "verdict"]
    lines = [head] + [row.cells() for row in rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]

    def text(cells):
        return " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
    return "\n".join([text(head), "-|-".join("-" * width for width in widths)]
                     + [text(line) for line in lines[1:]])
