"""What is learned, one file each: the roles it reads, its head, its loss, its metric, its baseline and margin."""

from homefield.tasks.contract import Fault, Output, Targets, Task
from homefield.tasks.registry import TASKS, task, task_for

__all__ = ["TASKS", "Fault", "Output", "Targets", "Task", "task", "task_for"]
