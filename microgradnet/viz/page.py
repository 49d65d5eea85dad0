"""stand-in"""

from typing import Any


def page(graph: dict[str, Any], title: str) -> str:
    import json

    return json.dumps(graph)
