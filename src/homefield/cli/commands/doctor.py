"""`homefield doctor`: what this machine has and lacks; exit code 1 when something needed is lacking."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from homefield.cli import machine
from homefield.cli.command import command
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.errors import MachineError

__all__ = ["doctor"]

GB = 1e9
TRACKERS = ("tensorboard", "wandb", "mlflow", "visdom")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `lack` makes the exit code 1; `advice` says what to do."""

    name: str
    state: Literal["ok", "note", "lack"]
    found: str
    advice: str = ""


@command("doctor")
def doctor(face: Face) -> Outcome:
    """Look, judge, print."""
    findings = [
        finding for look in (_python, _hardware, _software, _backbones, _surroundings) for finding in look(face)
    ]
    fine = all(finding.state != "lack" for finding in findings)
    marks = {"ok": "✓", "note": "·", "lack": "✗"}
    return Outcome(
        document={"fine": fine, "findings": findings},
        title=face.say("doctor.title_fine" if fine else "doctor.title_lacks"),
        tables=[
            Table(
                headings=["", face.say("doctor.check"), face.say("doctor.found")],
                rows=[
                    [marks[f.state], face.say(f"doctor.{f.name}"), "\n".join(filter(None, [f.found, f.advice]))]
                    for f in findings
                ],
            )
        ],
        next_steps=["homefield demo"] if fine else [],
        answer=0 if fine else 1,
    )


def _python(face: Face) -> Iterator[Finding]:
    old = sys.version_info < (3, 11)
    found = f"{platform.python_version()} ({sys.executable})"
    yield Finding("python", "lack" if old else "ok", found, face.say("doctor.python_old") if old else "")
    needed = machine.needed_packages()
    absent = machine.absent_packages(needed)
    found = face.say("doctor.packages_found", count=len(needed) - len(absent), total=len(needed))
    advice = face.say("doctor.packages_lack", names=", ".join(absent)) if absent else ""
    yield Finding("packages", "lack" if absent else "ok", found, advice)


def _hardware(face: Face) -> Iterator[Finding]:
    cpu = machine.processor()
    yield Finding("processor", "ok", face.say("doctor.cores", name=cpu.name, cores=cpu.cores))
    if cpu.features is None:
        yield Finding("features", "note", face.say("doctor.features_unknown"))
    elif cpu.bf16 and cpu.vnni:
        yield Finding("features", "ok", face.say("doctor.features_fast"))
    else:
        lacking = [key for key, has in (("no_bf16", cpu.bf16), ("no_vnni", cpu.vnni)) if not has]
        yield Finding("features", "note", "; ".join(face.say(f"doctor.features_{key}") for key in lacking))
    if (ram := machine.memory()) is not None:
        small = ram.free < 2 * GB
        found = face.say("doctor.memory_found", total=ram.total / GB, free=ram.free / GB)
        yield Finding("memory", "note" if small else "ok", found, face.say("doctor.memory_small") if small else "")


def _software(face: Face) -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("torch", "lack", face.say("outcome.none"), face.say("doctor.torch_lack", error=error))
        return
    found = face.say("doctor.torch_found", version=torch.__version__, threads=torch.get_num_threads())
    yield Finding("torch", "ok", found)
    if torch.cuda.is_available():
        facts = torch.cuda.get_device_properties(0)
        yield Finding("gpu", "ok", face.say("doctor.gpu_found", name=facts.name, memory=facts.total_memory / GB))
    else:
        yield Finding("gpu", "ok", face.say("doctor.gpu_none"))


def _backbones(face: Face) -> Iterator[Finding]:
    from homefield.backbones import entries, resolve

    ready = []
    for facts in entries(face.workspace):
        try:
            ready.append(resolve(facts.name, workspace=face.workspace).name)
        except MachineError:
            continue
    advice = "" if ready else face.say("doctor.backbones_lack")
    yield Finding("backbones", "ok" if ready else "lack", ", ".join(ready), advice)


def _surroundings(face: Face) -> Iterator[Finding]:
    has = [name for name in TRACKERS if machine.present(name)]
    nothing = face.say("outcome.none")
    found = face.say(
        "doctor.optional_found",
        present=", ".join(has) or nothing,
        absent=", ".join(name for name in TRACKERS if name not in has) or nothing,
    )
    yield Finding("optional", "ok", found)
    root = face.workspace.root
    can = machine.writable(root)
    advice = "" if can else face.say("doctor.workspace_lack", path=root)
    yield Finding("workspace", "ok" if can else "lack", str(root), advice)
    free = machine.free_disk(root)
    small = free < 2 * GB
    found = face.say("doctor.disk_found", free=free / GB)
    yield Finding("disk", "note" if small else "ok", found, face.say("doctor.disk_small") if small else "")
    offline = face.workspace.settings.offline
    yield Finding("offline", "ok", face.say("doctor.offline_on" if offline else "doctor.offline_off"))
