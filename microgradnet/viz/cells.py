"""What layers.py places, and what it makes of it: boxes, frames and edges in; places and paths out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ROW = 18.0  # between boxes of a layer
LINE = 14.0  # between edges that pass side by side
GAP = 40.0  # between layers
TO_LABEL, FROM_LABEL = 26.0, 22.0  # between layers, where one is of labels
PAD, HEAD = 18.0, 46.0  # inside a frame; above, where its title stands
TRACK, SHOULDER = 9.0, 12.0  # between edges that return to the next row, and before the first of them
TIP = 5.0  # of an arrow, which its line does not reach
TURNS = 3  # edges that turn into the next row, at most: more are no chain
SCREEN = 1.6  # width to height of what is looked at
LONG = {"LR": 1_300.0, "TB": 900.0}  # what is longer is broken, if it then fits better
PASSING = 100_000  # times that an edge passes a layer; beyond it edges run straight: nobody can follow so many


class Box(NamedTuple):
    """Something to place."""

    key: str
    w: float
    h: float
    frame: str | None = None  # the key of the innermost frame around it
    light: bool = False  # a parameter or constant, which stands beside the flow and does not bend it


class Frame(NamedTuple):
    """A frame around boxes and other frames. Below its upper edge are HEAD units for a title."""

    key: str
    w: float = 0.0  # that it has at least, for its title
    parent: str | None = None


class Edge(NamedTuple):
    """An edge between two boxes, with the size of its label. Two edges between the same boxes run beside each other."""

    source: str
    target: str
    w: float = 0.0
    h: float = 0.0


class Rect(NamedTuple):
    """A middle and a size."""

    x: float
    y: float
    w: float
    h: float


class Path(NamedTuple):
    """An edge as it is drawn: `d` of an SVG path, the points it runs through, the place of its label.

    The last point is TIP before the box, which the arrow's head covers.
    """

    d: str
    points: list[tuple[float, float]]
    label: Rect | None


class Layout(NamedTuple):
    """The size of the picture, whose upper left corner is (0, 0), and where everything is, by key."""

    w: float
    h: float
    boxes: dict[str, Rect]
    frames: dict[str, Rect]
    edges: list[Path]  # in the order of the edges given


class Cell:
    """What takes place in a layer: a box, a frame, a label or, without a size, an edge that passes."""

    def __init__(self, key: str, main: float, cross: float, passes: bool = False) -> None:
        self.key: str = key
        self.main: float = main
        self.cross: float = cross
        self.passes: bool = passes
        self.light: bool = False
        self.port: float = 0.0  # where its line runs, from its middle
        self.parent: Cell | None = None
        self.depth: int = 0
        self.rank: int = 0
        self.prior: list[Cell] = []
        self.next: list[Cell] = []
        self.before: list[Bond] = []
        self.after: list[Bond] = []
        self.at: float = 0.0  # the middle across, while it is looked for
        self.along: float = 0.0
        self.across: float = 0.0
        # Of a frame:
        self.boxes: list[Cell] = []
        self.streams: dict[str, Stream] = {}
        self.ins: dict[str, float] = {}  # where streams enter it and leave it, from its middle
        self.outs: dict[str, float] = {}
        self.spans: list[tuple[float, float]] = []  # where each layer begins and ends
        self.turns: dict[int, Turn] = {}  # by the first layer of a row
        self.inset: tuple[float, float] = (0.0, 0.0)  # along and across

    def rect(self, lr: bool) -> Rect:
        """Its place in the picture."""
        return Rect(*((self.along, self.across, self.main, self.cross) if lr
                      else (self.across, self.along, self.cross, self.main)))  # fmt: skip


class Bond(NamedTuple):
    """Two cells in layers that follow each other, which would like to be level."""

    a: Cell
    b: Cell
    pull: float
    shift: float  # of b's middle from a's, where the line between them is straight


class Stream:
    """All edges of one box that pass a level: from where, to where, and by which cells."""

    def __init__(self, start: Cell | None, light: bool) -> None:
        self.start: Cell | None = start  # None: from outside
        self.light: bool = light
        self.ends: dict[Cell | None, None] = {}  # None: to the outside
        self.marked: list[Way] = []  # edges to an end that have a cell of their own
        self.via: dict[int, Cell] = {}

    def targets(self) -> Iterable[Cell | None]:
        """Every end, once."""
        return dict.fromkeys([*self.ends, *[way.target for way in self.marked]])


class Turn(NamedTuple):
    """A break between two rows: the end of one, the beginning of the next, where between them, and whose turn when."""

    end: float
    begin: float
    across: float
    order: dict[str, int]


class Way:
    """An edge on its way."""

    def __init__(self, edge: Edge, cells: dict[str, Cell], lr: bool, twin: bool) -> None:
        self.edge: Edge = edge
        self.source: Cell = cells[edge.source]
        self.target: Cell = cells[edge.target]
        self.mark: Cell | None = None
        if edge.w or twin:  # the line runs below its label, or to the left of it
            beside = edge.h + 6 if lr else edge.w + 8
            self.mark = Cell("", edge.w if lr else edge.h, beside if edge.w else 0.0, passes=True)
            self.mark.port = (beside / 2 if lr else -beside / 2) if edge.w else 0.0
