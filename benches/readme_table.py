#!/usr/bin/env python3
"""Measures the README's table: our VP8, VP9 and H.264 encoders next to libvpx, x264 and OpenH264.

    benches/readme_table.py CODEC CLIP... [-o DIR]

CODEC is a release build of the command. CLIPs are near-pristine clips. DIR (readme-table) gets the
report of `codec compare`; the same command resumes where it was stopped.

Every encoder has one thread, constant bitrate, no look-ahead and no B frames, at 0.03 to 0.24 bits
per pixel, three interleaved runs. x264 is tuned for PSNR, because the table is by PSNR; it is left
out if there is no `x264` in PATH, OpenH264 if CODEC is built without `--features openh264`.
"""

import argparse
import json
import os
import shutil
import subprocess

VPX = (
    "vpxenc --codec=vp8 --rt --cpu-used=-6 --ivf --passes=1 --end-usage=cbr --lag-in-frames=0 --min-q=2 "
    "--max-q=56 --undershoot-pct=100 --overshoot-pct=15 --buf-sz=1000 --buf-initial-sz=500 "
    "--buf-optimal-sz=600 --max-intra-rate=900 --kf-max-dist=3000 --static-thresh=1 "
    "--noise-sensitivity=0 --token-parts=0 --drop-frame=0 --threads=1 --target-bitrate={kbps} -q "
    "-o {out} {in}"
)
VPX9 = (
    "vpxenc --codec=vp9 --rt --cpu-used=SPEED --ivf --passes=1 --end-usage=cbr --lag-in-frames=0 --min-q=2 "
    "--max-q=56 --undershoot-pct=100 --overshoot-pct=15 --buf-sz=1000 --buf-initial-sz=500 "
    "--buf-optimal-sz=600 --max-intra-rate=900 --kf-max-dist=3000 --aq-mode=3 --row-mt=0 --tile-columns=0 "
    "--frame-parallel=0 --static-thresh=1 --noise-sensitivity=0 --drop-frame=0 --threads=1 "
    "--target-bitrate={kbps} -q -o {out} {in}"
)
X264 = (
    "x264 --preset PRESET --tune psnr,zerolatency --threads 1 --bitrate {kbps} --vbv-maxrate {kbps} "
    "--vbv-bufsize {kbps} --keyint infinite --no-scenecut --quiet --no-progress -o {out} {in}"
)
SPEEDS = (10, 7, 5, 3)
VP9_SPEEDS = (9, 7, 5, 3)
H264_SPEEDS = (9, 7, 5, 3)


def arms(codec):
    """Names of the rows, names of the arms, and their commands."""
    rows = [("libvpx 1.12 VP8, `--rt --cpu-used=-6`", "libvpx", f"cmd:{VPX}")]

    def ours(name, flags, speeds, arm, backend):
        for speed in speeds:
            default = " (default)" if speed == 7 else ""
            rows.append((f"{name}, `{flags}--preset rtc --speed {speed}`{default}", f"{arm}speed{speed}",
                         f"{backend} --preset rtc --speed {speed}"))

    ours("VP8", "", SPEEDS, "", "vp8")
    ours("VP9", "--codec vp9 ", VP9_SPEEDS, "vp9-", "vp9/native")
    for speed in (9, 7):
        command = VPX9.replace("SPEED", str(speed))
        rows.append((f"libvpx 1.12 VP9, `--rt --cpu-used={speed}`", f"libvpx-vp9-{speed}", f"cmd:{command}"))
    ours("H.264", "--codec h264 ", H264_SPEEDS, "h264-", "h264/native")
    if shutil.which("x264"):
        for preset in ("superfast", "veryfast"):
            command = X264.replace("PRESET", preset)
            rows.append((f"x264 H.264, `{preset}`, `zerolatency`", preset, f"cmd:{command}"))
    backends = subprocess.run([codec, "codecs"], check=True, capture_output=True, text=True).stdout
    if "h264/openh264" in backends:
        rows.append(("OpenH264 H.264", "openh264", "h264/openh264 --preset rtc"))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("codec")
    parser.add_argument("clips", nargs="+")
    parser.add_argument("-o", "--output", default="readme-table")
    parser.add_argument("-n", "--frames", help="use at most this many frames of each clip")
    parser.add_argument("--repeat", default="3")
    parser.add_argument("-j", "--jobs", help="encode in parallel: there are no times then")
    options = parser.parse_args()
    rows = arms(options.codec)
    command = [options.codec, "compare", *options.clips, "--bpp", "0.03,0.06,0.12,0.24", "--repeat",
               options.repeat, "--metrics", "psnr_y_global,ssim", "-o", options.output]
    if options.frames:
        command += ["-n", options.frames]
    if options.jobs:
        command += ["-j", options.jobs]
    for _, arm, spec in rows:
        command += ["--arm", f"{arm}={spec}"]
    # 7: a point failed; the report names it.
    if subprocess.run(command).returncode not in (0, 7):
        raise SystemExit(1)

    with open(os.path.join(options.output, "results.json")) as file:
        results = json.load(file)
    rates = {(entry["arm"], entry["metric"]): entry["bd_rate"] for entry in results["comparisons"]}
    times = {entry["arm"]: entry["cpu_ratio"] for entry in results["frontier"]}

    def figure(entry, form, unit=""):
        return "–" if not entry or entry["value"] is None else f"{entry['value']:{form}}{unit}"

    print("\n| encoder | BD-rate by PSNR | by SSIM | CPU time, ratio to libvpx's |\n|---|---|---|---|")
    for name, arm, _ in rows:
        anchor = arm == results["anchor"]
        psnr, ssim = (
            "0" if anchor else figure(rates.get((arm, metric)), "+.1f", " %")
            for metric in ("psnr_y_global", "ssim")
        )
        print(f"| {name} | {psnr} | {ssim} | {figure(times.get(arm), '.2f')} |")


if __name__ == "__main__":
    main()
