"""Runs a plan on a Ray cluster of two nodes, one of which dies while it encodes a chunk.

two_nodes.py RECIPE CODEC PLAN: RECIPE is docs/recipes/chunks_ray.py. Prints a JSON object.
"""

import importlib.util
import json
import os
import shutil
import stat
import sys
import tempfile
import threading
import time

import ray
from ray.cluster_utils import Cluster


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def main():
    recipe, codec, plan = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("chunks_ray", recipe)
    chunks_ray = importlib.util.module_from_spec(spec)
    sys.modules["chunks_ray"] = chunks_ray
    spec.loader.exec_module(chunks_ray)
    # Workers get the functions by value: they cannot import the module.
    ray.cloudpickle.register_pickle_by_value(chunks_ray)

    folder = tempfile.mkdtemp(prefix="codec-ray-")
    # The cluster notes its address in a folder of Ray's own, which it does not make.
    os.environ["RAY_TMPDIR"] = folder
    os.mkdir(os.path.join(folder, "ray"))
    starts, slow = os.path.join(folder, "starts"), os.path.join(folder, "codec")
    with open(slow, "w", encoding="utf-8") as file:
        # Notes which process of which node starts a chunk, waits for the other node to start one, and gives
        # time to end that node.
        file.write(f'''#!/bin/sh
echo "$PPID" >> "{starts}"
tries=0
while [ "$(wc -l < "{starts}")" -lt 2 ] && [ "$tries" -lt 600 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
sleep 1
exec "{codec}" "$@"
''')
    os.chmod(slow, stat.S_IRWXU)

    node = {"num_cpus": 1, "object_store_memory": 80_000_000}
    head = {**node, "include_dashboard": False, "temp_dir": folder}
    cluster = Cluster()
    cluster.add_node(wait=False, **head)
    second = cluster.add_node(wait=False, **node)
    cluster.wait_for_nodes(timeout=180)
    ray.init(address=cluster.address, log_to_driver=False)
    raylet = second.all_processes["raylet"][0].process.pid
    killed = []

    def kill():
        while not killed:
            lines = open(starts, encoding="utf-8").read().split() if os.path.exists(starts) else []
            for pid in lines:
                try:
                    is_of_second = parent(pid) == raylet
                except OSError:
                    continue
                if is_of_second:
                    cluster.remove_node(second, allow_graceful=False)
                    killed.append(pid)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    errors = chunks_ray.encode_all(slow, plan, [])
    with open(starts, encoding="utf-8") as file:
        count = len(file.read().split())
    print(json.dumps({"errors": errors, "killed": len(killed), "starts": count}))
    ray.shutdown()
    cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


main()
