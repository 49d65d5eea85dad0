"""Files of models and trainings: `save` writes what is needed to go on, `load` puts it back, all of it or nothing.

A file holds arrays under names and a JSON text, the manifest, that says what they belong to: in a `.npz` the member
`microgradnet.json`, in a `.safetensors` its metadata. Nothing in it is ever executed. A sha256 over both notices
damage.
"""

from typing import TYPE_CHECKING

from ..demand import on_demand

__all__ = ["load", "save"]

if TYPE_CHECKING:
    from .file import load, save
else:
    __getattr__, __dir__ = on_demand(__name__, __all__, {"file": "load save"})
