"""What a customer service of a million questions bears: messages over HTTP, beside who waits how long for what.

    python benchmarks/support_scale.py                                  10,000 answers, 1,000,000 questions
    python benchmarks/support_scale.py --answers 100 --questions 5000   a quick look

Made in minutes and kept in --work: questions of a grammar (250 products that each have 40 matters, with names, numbers
and towns), vectors that a trained network gave some of them and that are moved a little for the others, counted n-grams
of all. Then `homefield serve` is started and gets messages that are not among them, by the clock, whether replies
come or not; each is a conversation of its own. Wanted: 99 of 100 answered within 60 ms at 20 messages a second on two
cores. Exit code 1 when that is not reached.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.answers import Answer
from homefield.apps.support.conversation import Desk, Incoming
from homefield.apps.support.replies import Asked
from homefield.apps.support.understanding.build import build
from homefield.apps.support.understanding.fit import WARM
from homefield.apps.support.understanding.lexicon import Lexicon
from homefield.apps.support.understanding.material import Matter
from homefield.apps.support.understanding.opened import open_answerer
from homefield.apps.support.understanding.recall import ANSWERS, QUESTIONS, Head, Recall
from homefield.apps.support.understanding.release import Contents, write_release
from homefield.apps.support.understanding.releases import find_release, register_release, releases_folder
from homefield.bundle.registry import open_registry
from homefield.data.clean import clean_text
from homefield.data.language import language_of
from homefield.index import index_for
from homefield.store import open_store
from homefield.workspace import Workspace
from serve_load import Tally, free_port, opened, running

WANTED = 60.0  # milliseconds, p99
NAME, SMALL = "scale", "small"
PIECE = 20_000  # vectors made at once
MOVED = 0.35  # length of what is added to a vector of length 1
ENCODED = 4  # questions of an answer that are really encoded
MAKES = [
    "aurora", "brio", "cedar", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "juno", "kestrel", "lumen",
    "maple", "nimbus", "opal", "pine",
]  # fmt: skip
THINGS = [
    "lamp", "sofa", "chair", "table", "mirror", "shelf", "heater", "fan", "printer", "router", "kettle", "scale",
    "drill", "mower", "camera", "radio",
]  # fmt: skip
TOWNS = [
    "vienna", "lyon", "porto", "gdansk", "malmo", "bruges", "turin", "seville", "galway", "aarhus", "basel",
    "leiden",
]  # fmt: skip
OPENERS = ("", "hello, ", "hi there, ", "please tell me ", "quick question: ", "i would like to know ", "sorry, ")
TAILS = ("", " thanks", " please", " it is urgent", " i ordered it last week", " order {order}", " i live in {town}")
MATTERS = """return the X|exchange the X|cancel my order of the X|track the parcel with the X|repair the X
pay for the X by card|get an invoice for the X|find the manual of the X|clean the X|connect the X to the internet
reset the X|update the software of the X|order a spare part for the X|extend the warranty of the X|rent the X
see the X in a shop|get a discount on the X|change the colour of the X|measure the X|assemble the X
dispose of my old X|ship the X abroad|pick up the X myself|change the address for the X|pay the X in instalments
use a voucher for the X|report the X as damaged|report that the X never came|get the X delivered on a saturday
get a bigger X|know whether the X is in stock|know how loud the X is|know how much power the X takes
know where the X is made|know how heavy the X is|know what the X is made of|know whether the X is safe for children
write a review of the X|give the X as a present|compare the X with others""".replace("\n", "|").split("|")
ASKING = ("how can i {}", "can i {}", "what must i do to {}", "is it possible to {}", "i want to {}", "help me {}")


def main() -> int:
    """Make what is lacking, serve it, ask; print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sample", type=int, default=200, help="messages whose parts and neighbours are looked at")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/support_scale"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    given = parser.parse_args()
    place = given.work / f"{given.answers}-{given.questions}"
    made = make(place, given.answers, given.questions)
    workspace = Workspace(place / "workspace")
    asked = [question(10**9 + number, number % given.answers) for number in range(max(1_000, given.sample))]
    found: dict[str, Any] = {"answers": given.answers, "questions": given.questions, **made}
    found |= served(workspace, asked, given.rate, given.seconds)
    found |= looked_at(workspace, place, asked[: given.sample], given.answers, given.questions)
    show(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if found["p99_ms"] < WANTED and found["status"] == {200: found["messages"]} else 1


def show(found: dict[str, Any]) -> None:
    """Print what was found."""
    print(f"{found['questions']:,} questions, {found['answers']:,} answers; {found['bytes'] / 2**30:.2f} GiB on disk")
    print(f"made in {found['made_seconds']:.0f} s (of these vectors {found['index_seconds']:.0f} s, ", end="")
    print(f"n-grams {found['words_seconds']:.0f} s); opened in {found['opened_seconds']:.1f} s")
    print(f"server: {found['resident_mib']:,} MiB resident, {found['peak_mib']:,} at most")
    print(f"{found['messages']} messages at {found['rate']:g}/s: {found['status']}")
    print("  ".join(f"{name} {found[f'{name}_ms']:.1f} ms" for name in ("p50", "p90", "p99", "most")))
    print(f"processor time of the server: {found['processor_ms']:.1f} ms a message")
    whole = sum(found["parts_ms"].values())
    print("one message alone, mean ms of its parts:")
    for part, spent in found["parts_ms"].items():
        print(f"  {part:28} {spent:7.2f}  {spent / whole:5.0%}")
    print(f"nearest 10 found by the graph: {found['recall_10']:.2%}; right answer likeliest: {found['right']:.1%}")
    print(f"{'reached' if found['p99_ms'] < WANTED else 'NOT REACHED'}: p99 {found['p99_ms']:.1f}, wanted {WANTED:g}")


# --- what is served ----------------------------------------------------------------------------------------------


def question(number: int, answer: int) -> str:
    """The question of that number that leads to an answer: the same whenever it is asked for."""
    random = np.random.default_rng([number, answer])
    product, matter = divmod(answer, len(MATTERS))
    name = f"{MAKES[product % len(MAKES)]} {THINGS[product // len(MAKES) % len(THINGS)]} {product * 37 % 1_000:03}"
    asking = ASKING[random.integers(len(ASKING))].format(MATTERS[matter].replace("X", name))
    tail = TAILS[random.integers(len(TAILS))]
    tail = tail.format(order=random.integers(10**7), town=TOWNS[random.integers(len(TOWNS))])
    return OPENERS[random.integers(len(OPENERS))] + asking + tail


def make(place: Path, answers: int, questions: int) -> dict[str, float]:
    """Make the workspace in `place`, or take the one that is there; how long that took."""
    kept = place / "made.json"
    if not kept.is_file():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        began = time.perf_counter()
        spent = made_release(Workspace(place / "workspace"), place, answers, questions)
        kept.write_text(json.dumps({**spent, "made_seconds": time.perf_counter() - began}))
    found: dict[str, float] = json.loads(kept.read_text())
    return found


def made_release(workspace: Workspace, place: Path, answers: int, questions: int) -> dict[str, float]:
    """A network and its weights from a small build, a release of the wanted size with them."""
    pairs = place / "pairs.csv"
    with pairs.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["question", "answer"])
        step = max(1, answers // 150)
        out.writerows([question(n, a), f"a{a}"] for a in range(0, answers, step) for n in range(5))
    build(SMALL, workspace=workspace, intents=pairs, columns={"intent": "answer"}, settings={"epochs": "2"})
    spent: dict[str, float] = {}
    with open_registry(workspace) as registry:
        small = open_answerer(registry, SMALL)
        manifest = find_release(registry, SMALL).manifest
        told = [f"To {MATTERS[a % len(MATTERS)].replace('X', 'product')}: see page {a}." for a in range(answers)]
        texts = [question(n, n % answers) for n in range(questions)]
        known = small.encoder.encode(texts[: min(questions, ENCODED * answers)])
        np.save(place / "known.npy", known)
        began = time.perf_counter()
        asked = index_for(known.shape[1], questions)
        sums = np.zeros((answers, known.shape[1]), dtype=np.float64)
        for start, vectors in vectors_of(known, answers, questions):
            asked.add(np.arange(start, start + len(vectors)), vectors)
            np.add.at(sums, np.arange(start, start + len(vectors)) % answers, vectors)
        said = index_for(known.shape[1], answers)
        said.add(np.arange(answers), small.encoder.encode(told))
        spent["index_seconds"] = time.perf_counter() - began
        began = time.perf_counter()
        words = Lexicon.of(texts, told)
        spent["words_seconds"] = time.perf_counter() - began
        means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        head = Head(np.ascontiguousarray(WARM * means.T, dtype=np.float32), np.zeros(answers, np.float32))
        matters = np.arange(answers)
        recall = Recall(asked, said, np.arange(questions) % answers, matters, words, head)
        ids = tuple(f"a{answer}" for answer in range(answers))
        known_answers = {name: Answer(name, text, "en") for name, text in zip(ids, told, strict=True)}
        contents = Contents(
            known_answers, tuple(Matter(name, (name,)) for name in ids), texts, ids, recall, small.contents.unknown
        )
        facts = {key: value for key, value in manifest.items() if key not in ("files", "index", "folder")}
        written = write_release(releases_folder(registry, NAME), contents, facts)
        register_release(registry, NAME, written, by="benchmark")
    spent["bytes"] = sum(each["bytes"] for each in written["files"].values())
    return spent


def vectors_of(known: NDArray[np.float32], answers: int, questions: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Vectors of the questions piece by piece: those that were encoded, then others moved a little."""
    for start in range(0, questions, PIECE):
        places = np.arange(start, min(start + PIECE, questions))
        random = np.random.default_rng([7, start])
        rounds = max(1, len(known) // answers)
        of = places % answers + answers * random.integers(0, rounds, len(places))
        moves = random.standard_normal((len(places), known.shape[1]), dtype=np.float32)
        moves *= MOVED / np.linalg.norm(moves, axis=1, keepdims=True)
        vectors = known[np.minimum(of, len(known) - 1)] + moves
        own = places < len(known)
        vectors[own] = known[places[own]]
        yield start, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# --- asking it ---------------------------------------------------------------------------------------------------


def served(workspace: Workspace, asked: Sequence[str], rate: float, seconds: float) -> dict[str, Any]:
    """What a server of its own says to messages by the clock."""
    port = free_port()
    command = [sys.executable, "-m", "homefield", "serve", "--workspace", str(workspace.root), "--port", str(port)]
    requests = [request(port, text) for text in asked]
    began = time.perf_counter()
    with running(command, port, "/readyz"):
        first = Tally()
        asyncio.run(opened(port, {"rate": 1.0, "seconds": 1.0}, requests, first))
        ready = time.perf_counter() - began
        asyncio.run(opened(port, {"rate": rate, "seconds": 3.0}, requests[::-1], Tally()))
        tally, before = Tally(), processes_of(port)
        asyncio.run(opened(port, {"rate": rate, "seconds": seconds}, requests, tally))
        after = processes_of(port)
    spent = 1_000 * np.array(tally.seconds or [float("inf")])
    p50, p90, p99 = np.percentile(spent, [50, 90, 99], method="higher").tolist()
    return {
        "opened_seconds": ready, "rate": rate, "messages": int(rate * seconds), "status": dict(tally.status),
        "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "most_ms": float(spent.max()),
        "processor_ms": 1_000 * (after["processor_seconds"] - before["processor_seconds"]) / int(rate * seconds),
        "resident_mib": round(after["resident_mib"]), "peak_mib": round(after["peak_mib"]),
    }  # fmt: skip


def request(port: int, text: str) -> bytes:
    """A message as it stands on the wire."""
    body = json.dumps({"text": text}).encode()
    head = f"POST /v1/support/{NAME}/messages HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def processes_of(port: int) -> dict[str, float]:
    """Memory and processor time so far of the processes whose command line names the port (Linux)."""
    found = {"resident_mib": 0.0, "peak_mib": 0.0, "processor_seconds": 0.0}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            told = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            spent = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:
            continue
        if b"serve" in command and str(port).encode() in command:
            found["resident_mib"] += int(told["VmRSS"].split()[0]) / 1024
            found["peak_mib"] += int(told["VmHWM"].split()[0]) / 1024
            found["processor_seconds"] += sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")
    return found


def looked_at(workspace: Workspace, place: Path, asked: Sequence[str], answers: int, questions: int) -> dict[str, Any]:
    """Where the time of one message goes, and what the graph misses."""
    with open_registry(workspace) as registry:
        answerer = open_answerer(registry, NAME, threads=workspace.settings.threads)
    parts = dict.fromkeys(
        ("language", "vector (network)", "nearest questions", "nearest answers", "n-grams", "shared words", "head",
         "weighing and deciding", "hearing (store)", "saying (store)"), 0.0,
    )  # fmt: skip
    recall, right = answerer.lessons.contents.recall, 0
    vectors = answerer.encoder.encode(asked)
    with open_store(workspace) as store:
        desk = Desk(store, NAME, answerer)
        for number, text in enumerate(asked):
            said = clean_text(text)
            with timed(parts, "language"):
                language_of(said)
            with timed(parts, "vector (network)"):
                vector = answerer.encoder.encode([said])
            with timed(parts, "nearest questions"):
                near = recall.questions.search(vector, QUESTIONS).ids[0]
            with timed(parts, "nearest answers"):
                told = recall.answers.search(vector, ANSWERS).ids[0]
            with timed(parts, "n-grams"):
                words = recall.lexicon.rows([said])
            with timed(parts, "shared words"):
                recall.lexicon.questions.sharing(words, near)
                recall.lexicon.answers.sharing(words, told)
            with timed(parts, "head"):
                recall.head(vector[0], np.unique(recall.matters_of_questions[near]))
            with timed(parts, "weighing and deciding"):
                reply = answerer.reply(Asked(text))
            likeliest = reply.answer or next((each.answer for each in reply.runners_up), "")
            right += likeliest == f"a{number % answers}"
            with timed(parts, "hearing (store)"):
                heard = desk.hear(Incoming(text))
            thought = desk.think(heard)
            with timed(parts, "saying (store)"):
                desk.say(thought)
    spent = {part: 1_000 * seconds / len(asked) for part, seconds in parts.items()}
    spent["weighing and deciding"] -= sum(list(spent.values())[:7])
    found = recall.questions.search(vectors, 10).ids
    exact = nearest(vectors, np.load(place / "known.npy"), answers, questions)
    share = np.mean(
        [len(set(one) & set(other)) / 10 for one, other in zip(exact.tolist(), found.tolist(), strict=True)]
    )
    return {"parts_ms": spent, "recall_10": float(share), "right": right / len(asked)}


def nearest(
    queries: NDArray[np.float32], known: NDArray[np.float32], answers: int, questions: int
) -> NDArray[np.int64]:
    """The 10 nearest of all questions, each compared."""
    ids, best = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
    for start, vectors in vectors_of(known, answers, questions):
        scores = queries @ vectors.T
        ids = np.concatenate([ids, np.broadcast_to(start + np.arange(len(vectors)), scores.shape)], axis=1)
        best = np.concatenate([best, scores], axis=1)
        top = np.argpartition(-best, 9, axis=1)[:, :10]
        ids, best = np.take_along_axis(ids, top, axis=1), np.take_along_axis(best, top, axis=1)
    return ids


@contextmanager
def timed(parts: dict[str, float], part: str) -> Iterator[None]:
    """Add the time of a block to a part."""
    began = time.perf_counter()
    yield
    parts[part] += time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
