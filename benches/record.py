#!/usr/bin/env python3
"""Turns records of `codec bench --json` into rows of benches/records/MACHINE.csv.

    codec bench --levels all --threads 1,2 --json codec.json
    codec bench kernels --json kernels.json
    benches/record.py codec.json kernels.json      # appends rows, prints the file's name

Each row is one point: the median in nanoseconds (of a frame's CPU time, or of a call) and the
confidence interval. The file is named after the CPU and the number of cores.
"""

import csv
import datetime
import json
import pathlib
import re
import subprocess
import sys

FIELDS = ["date", "commit", "codec_version", "cpu", "cores", "kind", "point", "unit", "median",
          "low", "high", "samples", "fps", "kbps", "gb_per_s", "by_scalar", "bound_ns", "config"]
HERE = pathlib.Path(__file__).resolve().parent


def commit():
    found = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, text=True,
                           capture_output=True, check=False)
    return found.stdout.strip() or "unknown"


def rows(record):
    """One dictionary for each point of a record."""
    if record.get("schema") != "codec-bench" or record.get("version") != 1:
        sys.exit("unknown schema or version: expected codec-bench, version 1")
    machine = record["machine"]
    for point in record["points"]:
        facts = point["facts"]
        kernels = record["kind"] == "kernels"
        known = facts if kernels else facts["cpu_ns"]
        yield {
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "commit": commit(),
            "codec_version": record["codec_version"],
            "cpu": machine["cpu"],
            "cores": machine["cores"],
            "kind": record["kind"],
            "point": point["name"],
            "unit": "ns/call" if kernels else "CPU ns/frame",
            "median": known["ns"] if kernels else known["median"],
            "low": known["low"],
            "high": known["high"],
            "samples": len(point["samples_ns"]),
            "fps": facts.get("fps"),
            "kbps": facts.get("kbps"),
            "gb_per_s": facts.get("gb_per_s"),
            "by_scalar": facts.get("by_scalar"),
            "bound_ns": facts.get("bound_ns"),
            "config": "" if kernels else "; ".join(f"{k}={v}" for k, v in record["config"].items()),
        }


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    found = [row for name in sys.argv[1:] for row in rows(json.loads(pathlib.Path(name).read_text()))]
    machine = f"{found[0]['cpu']}-{found[0]['cores']}"
    path = HERE / "records" / (re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-") + ".csv")
    path.parent.mkdir(exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(found)
    print(path)


if __name__ == "__main__":
    main()
