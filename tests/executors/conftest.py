"""A Ray cluster of two nodes on this machine, for all tests of this folder that ask for it."""

import os
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Two nodes of two CPUs, the second with a GPU (in name only); this process is connected to it."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
    from ray.cluster_utils import Cluster

    # A lost node is noticed within a second.
    os.environ |= {f"RAY_health_check_{name}": "500" for name in ("period_ms", "timeout_ms", "initial_delay_ms")}
    os.environ |= {"RAY_health_check_failure_threshold": "3", "RAY_USAGE_STATS_ENABLED": "0"}
    small = {"num_cpus": 2, "object_store_memory": 80 * 1024 * 1024}
    found = Cluster(initialize_head=True, head_node_args=small | {"include_dashboard": False})
    found.add_node(**small, num_gpus=1)
    ray.init(found.address, log_to_driver=False, logging_level="ERROR")
    yield found
    ray.shutdown()
    found.shutdown()
