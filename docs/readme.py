"""The README as packages carry it: its links are relative, as in the repository, unless $MICROGRADNET_REPOSITORY says
where the files are to be looked at, such as https://…/blob/main. Hatchling calls this whenever it builds."""

import os
import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Readme(MetadataHookInterface):
    def update(self, metadata):
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = os.environ.get("MICROGRADNET_REPOSITORY", "")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, repository)}


def absolute(text, repository):
    """The text with its links to files made links to that place, those of pictures to the files themselves."""
    if not repository:
        return text

    def link(found):
        bang, label, target = found.groups()
        place = repository.replace("/blob/", "/raw/") if bang else repository
        return f"{bang}[{label}]({place.rstrip('/')}/{target})"

    return re.sub(r"(!?)\[([^\]\n]+)\]\((?![a-z]+:|#)([^)\s]+)\)", link, text)
