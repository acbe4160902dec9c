"""From how many vectors on is a graph of neighbours quicker than comparing all of them, and what does it cost?

    python benchmarks/index.py                              1,000 to 50,000 vectors of 384 numbers
    python benchmarks/index.py --sizes 1000000              the size that an application is promised for

Vectors lie in clusters, as those of questions do; a query is a stored vector moved a little. One query a search.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray

from homefield.index import ExactIndex, GraphIndex, VectorIndex

CLUSTER = 100  # vectors around one centre


def main() -> None:
    """Fill both kinds at each size, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 2_000, 5_000, 20_000, 50_000])
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--count", type=int, default=10, help="nearest asked for")
    arguments = parser.parse_args()
    print(f"{'vectors':>10} {'kind':>6} {'build s':>8} {'median ms':>10} {'p99 ms':>8} {'found':>7} {'peak MiB':>9}")
    for size in arguments.sizes:
        vectors, queries = clustered(size, arguments.width, arguments.queries)
        right: NDArray[np.int64] | None = None
        for kind in (ExactIndex, GraphIndex):
            index: VectorIndex = kind(arguments.width)
            began = time.perf_counter()
            index.add(np.arange(size), vectors)
            built = time.perf_counter() - began
            found, milliseconds = asked(index, queries, arguments.count)
            right = found if right is None else right
            share = np.mean([len(set(one) & set(other)) / len(one) for one, other in zip(right, found, strict=True)])
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            median, slow = np.percentile(milliseconds, [50, 99])
            name = kind.__name__.removesuffix("Index").lower()
            print(f"{size:>10,} {name:>6} {built:>8.2f} {median:>10.3f} {slow:>8.3f} {share:>7.1%} {peak:>9.0f}")


def clustered(size: int, width: int, queries: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors `[size, width]` around random centres, and queries near some of them."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((-(-size // CLUSTER), width), dtype=np.float32)
    vectors = random.standard_normal((size, width), dtype=np.float32)
    vectors += centres[np.arange(size) // CLUSTER]
    chosen = vectors[random.integers(0, size, queries)]
    return vectors, chosen + 0.3 * random.standard_normal(chosen.shape, dtype=np.float32)


def asked(
    index: VectorIndex, queries: NDArray[np.float32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What is found for each query, and the milliseconds each took."""
    found, spent = [], []
    for query in queries:
        began = time.perf_counter()
        found.append(index.search(query[None], count).ids[0])
        spent.append(1_000 * (time.perf_counter() - began))
    return np.stack(found), np.array(spent)


if __name__ == "__main__":
    main()
