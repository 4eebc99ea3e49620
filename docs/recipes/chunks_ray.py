"""Encodes the chunks of a plan on a Ray cluster, and joins them.

    codec chunks plan film.mkv -o plan.json -q 60
    python chunks_ray.py plan.json -o film.webm

All nodes need the command `codec`, the input, and the folder of the results at the same paths. Ray
runs the chunks of a node that dies on other nodes. A chunk that cannot be encoded is reported at the
end, and the results of the others stay: run the script again to continue.
"""

import argparse
import json
import subprocess
import sys

import ray


def encode(codec, plan, index, more):
    """Encodes a chunk on the node where this runs; returns the error message, or None."""
    command = [codec, "chunks", "run", plan, "--index", str(index), "-j", "1", *more]
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stderr or f"exit code {done.returncode}") if done.returncode else None


def encode_all(codec, plan, more, retries=5):
    """Encodes all chunks, one per core of the cluster; returns the error messages by chunk."""
    with open(plan, encoding="utf-8") as file:
        count = len(json.load(file)["chunks"])
    task = ray.remote(num_cpus=1, max_retries=retries)(encode)
    running = {task.remote(codec, plan, index, more): index for index in range(count)}
    errors = {}
    while running:
        (done, *_), _ = ray.wait(list(running))
        index = running.pop(done)
        try:
            error = ray.get(done)
        except ray.exceptions.RayError as failure:
            error = str(failure)
        if error:
            errors[index] = error
        print(f"chunk {index}: {'failed' if error else 'done'}, {len(running)} left", file=sys.stderr)
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plan", help="plan of `codec chunks plan`")
    parser.add_argument("-o", "--output", required=True, help="output of `codec chunks join`")
    parser.add_argument("--folder", help="folder of the results, shared by all nodes")
    parser.add_argument("--input", help="path of the input, if the plan has another one")
    parser.add_argument("--codec", default="codec", help="path of the command")
    parser.add_argument("--address", default="local", help="address of the cluster, or auto; default: this machine")
    args = parser.parse_args()
    more = []
    for flag, value in (("--folder", args.folder), ("--input", args.input)):
        more += [flag, value] if value else []
    ray.init(address=args.address, log_to_driver=False)
    errors = encode_all(args.codec, args.plan, more)
    for index, error in sorted(errors.items()):
        print(f"chunk {index}: {error.strip()}", file=sys.stderr)
    if errors:
        return 1
    join = [args.codec, "chunks", "join", args.plan, "-o", args.output, *more]
    return subprocess.run(join).returncode


if __name__ == "__main__":
    sys.exit(main())
