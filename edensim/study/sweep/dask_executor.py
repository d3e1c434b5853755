"""Dask distributed as executor: `--dask tcp://host:8786`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edensim.errors import MissingExtraError, OutputError
from edensim.study.sweep.executors import UNKNOWN_WORKERS, Futures
from edensim.study.sweep.point import MEASURE

CONNECT_S = 30


@contextmanager
def dask_backend(
    address: str, measure: str = MEASURE, timeout_s: float | None = None, memory_limit: int | None = None
) -> Iterator[Futures]:
    """Connect to a scheduler; its workers run the points, within the limits of `pool.Pool`.

    The scheduler runs the points of a worker it lost again on another one; a point that was lost with several workers
    is given up and recorded as failed.

    Raises
    ------
    MissingExtraError
        Without `distributed`.
    OutputError
        If no scheduler answers, or it has no worker.
    """
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("distributed", "cluster", "--dask") from None
    try:
        client: Any = Client(address, timeout=CONNECT_S)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise OutputError(f"no Dask scheduler answers at {address} ({error}); expected tcp://HOST:8786.") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise OutputError(f"the Dask scheduler at {address} has no worker: start one, `dask worker {address}`.")
        with client.get_executor(pure=False) as executor:
            yield Futures(executor, measure, max(threads, UNKNOWN_WORKERS), timeout_s, memory_limit)
