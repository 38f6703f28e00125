"""A stand-in of Birchdesk with a small made-up company: `python -m desklore_birchdesk.standin` serves it until Ctrl-C."""

from desklore_birchdesk.standin.server import TOKEN, serving
from desklore_birchdesk.standin.world import World

__all__ = ["TOKEN", "World", "serving"]
