"""What a notice is looked at for before anybody is asked to approve it: by rules, in every language it has.

`texts` looks at the words, `domain` at what the world's DNS says of the domain they come from. What stops keeps
approval from being asked for; what warns is for people to weigh.
"""

from notifications.self_check.check import Check, Level
from notifications.self_check.domain import look_up, looked_up
from notifications.self_check.texts import look, stops

__all__ = ["Check", "Level", "look", "look_up", "looked_up", "stops"]
