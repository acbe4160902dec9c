"""A conversation with a customer: who may speak, what is asked back, when a human takes over; kept in the store."""

from homefield.apps.support.conversation.alone import options_of, reply_alone
from homefield.apps.support.conversation.desk import Desk, Heard, Incoming, Said
from homefield.apps.support.conversation.options import SupportOptions, load_options
from homefield.apps.support.conversation.states import STATES, Standing, State
from homefield.apps.support.conversation.think import Thought

__all__ = [
    "STATES",
    "Desk",
    "Heard",
    "Incoming",
    "Said",
    "Standing",
    "State",
    "SupportOptions",
    "Thought",
    "load_options",
    "options_of",
    "reply_alone",
]
