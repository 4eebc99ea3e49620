#!/usr/bin/env python3
"""Studies of one encoder under two names, and `bench kernels` against its own record.

    benches/self_check.py CODEC [--studies 20] [--kernels 20] [--load 2]

Neither may find a difference, except in at most 5 % of the studies. A comparison with a record whose times
are divided by 1.2 must report a slowdown. `--load` keeps this many processes busy meanwhile, because an idle
machine is an easy case. Exits with 1 if one of these checks fails.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def spin():
    """Work, and rest, in turns of some tenths of a second."""
    while True:
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            sum(range(1000))
        time.sleep(0.3)


def run(codec, *arguments):
    return subprocess.run([codec, *map(str, arguments)], capture_output=True, text=True, check=False)


def studies(codec, folder, count):
    """How many studies call equal encoders different, by CPU time or by anything else."""
    clips = []
    for number, scene in enumerate(["talking-head", "texture-pan", "talking-head"]):
        clip = folder / f"{number}.y4m"
        size = ["320x180", "320x180", "480x270"][number]
        run(codec, "generate", scene, "-o", clip, "--size", size, "-n", 45).check_returncode()
        clips.append(clip)
    wrong, busy = 0, 0
    for number in range(count):
        report = folder / f"study-{number}"
        arms = ["--arm", "one=vp8 --preset rtc", "--arm", "other=vp8 --preset rtc"]
        found = run(codec, "compare", *clips, *arms, "-b", "150k,600k", "--repeat", 3,
                    "-o", report, "--quiet")
        found.check_returncode()
        results = json.loads((report / "results.json").read_text())
        calls = [one["bd_rate"]["differs"] for one in results["comparisons"] if one["bd_rate"]]
        ratios = [place["cpu_ratio"] for place in results["frontier"] if place["arm"] == "other"]
        calls += [ratio["differs"] for ratio in ratios]
        wrong += any(calls)
        busy += bool(results["environment"]["busy"])
        for ratio in ratios:
            ends = ratio["interval"]
            print(f"study {number}: CPU {ratio['value']:.3f} ({ends['low']:.3f} to "
                  f"{ends['high']:.3f}), called different: {any(calls)}", flush=True)
    print(f"studies: {wrong} of {count} call equal encoders different; {busy} were marked busy")
    return wrong * 20 <= count


def kernels(codec, folder, count):
    """How often the kernels look slower than their own record, and than one 20 % faster."""
    record = folder / "kernels.json"
    run(codec, "bench", "kernels", "--save", record).check_returncode()
    failed = 0
    for number in range(count):
        found = run(codec, "bench", "kernels", "--against", record)
        again = found.stderr.count("measuring again")
        print(f"kernels {number}: exit code {found.returncode}, measured again {again} times",
              flush=True)
        if found.returncode:
            failed += 1
            print(found.stderr.strip().splitlines()[-1][:400], flush=True)
    planted = json.loads(record.read_text())
    for point in planted["points"]:
        point["samples_ns"] = [sample / 1.2 for sample in point["samples_ns"]]
    fast = folder / "fast.json"
    fast.write_text(json.dumps(planted))
    code = run(codec, "bench", "kernels", "--against", fast).returncode
    print(f"kernels: {count - failed} of {count} pass; against a record 20 % faster: exit code {code}")
    return failed == 0 and code == 7


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("codec", type=pathlib.Path, help="a release build")
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--kernels", type=int, default=20)
    parser.add_argument("--load", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    codec = arguments.codec.resolve()
    load = [multiprocessing.Process(target=spin, daemon=True) for _ in range(arguments.load)]
    for process in load:
        process.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            holds = [not arguments.kernels or kernels(codec, folder, arguments.kernels),
                     not arguments.studies or studies(codec, folder, arguments.studies)]
    finally:
        for process in load:
            process.terminate()
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
