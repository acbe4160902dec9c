"""Long operations as processes of their own, recorded in the store: followed, stopped, resumed, run again.

`submit` queues one; a `Worker` starts a process for it (`homefield.operate.jobs.process`), which claims it and goes on
whatever becomes of the worker. A job is its claim's alone: each attempt has a number, and what a process says under an
old one is not heard.
"""

from homefield.operate.jobs.afar import from_afar
from homefield.operate.jobs.kind import Kind
from homefield.operate.jobs.kinds import kind_of, kinds
from homefield.operate.jobs.queue import TOPIC, as_json, cancel, find, job_folder, resume, submit
from homefield.operate.jobs.worker import Worker

__all__ = [
    "TOPIC",
    "Kind",
    "Worker",
    "as_json",
    "cancel",
    "find",
    "from_afar",
    "job_folder",
    "kind_of",
    "kinds",
    "resume",
    "submit",
]
