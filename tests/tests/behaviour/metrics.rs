//! Metrics agree with reference tools: ffmpeg's `psnr`, `ssim` and `xpsnr`, libvmaf, libjxl.
//!
//! `CODEC_VMAF_FFMPEG` names an ffmpeg with libvmaf (pip's imageio-ffmpeg includes one),
//! `CODEC_SSIMULACRA2` and `CODEC_BUTTERAUGLI` name libjxl's `ssimulacra2` and `butteraugli_main`;
//! otherwise programs of these names in PATH are used.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use codec_core::frame::{Color, Picture, SampleFormat, Sampling, Size};
use codec_measure::metrics::{MetricId, Scorer, Vmaf, parse_list, to_rgb, vmaf_scores};
use codec_tests::scene::{self, Motion};
use codec_tests::{depth, external};

const FRAMES: usize = 4;
const FPS: [u32; 2] = [25, 50];

/// A program, if it is installed; if test data was requested, a missing program is a failure.
fn tool(variable: &str, name: &str) -> Option<String> {
    let program = std::env::var(variable).unwrap_or_else(|_| name.to_owned());
    let quiet = Command::new(&program)
        .arg("-version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if quiet.is_ok() {
        return Some(program);
    }
    // Debian has this one from version 13 on.
    let is_required = external::all_are_required() && variable != "CODEC_SSIMULACRA2";
    assert!(!is_required, "{program} cannot be run, and {variable} does not name another");
    eprintln!("skipped, no {program}: {variable} can name it");
    None
}

/// An ffmpeg that has a filter.
fn ffmpeg_with(filter: &str) -> Option<String> {
    let program = tool("CODEC_VMAF_FFMPEG", "ffmpeg")?;
    let said = run(Command::new(&program).args(["-hide_banner", "-filters"]));
    let has = said.lines().any(|line| line.split_whitespace().nth(1) == Some(filter));
    if !has {
        assert!(
            !external::all_are_required(),
            "{program} has no {filter}: CODEC_VMAF_FFMPEG can name another"
        );
        eprintln!("skipped, {program} has no {filter}");
    }
    has.then_some(program)
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Frames and a coarsely coded version: blocks lose detail, more at low quality.
fn pair(size: Size, frame: usize, loss: u8) -> [Vec<u8>; 2] {
    let motion = if frame.is_multiple_of(2) { Motion::Pan } else { Motion::Patch };
    let reference = scene::picture(size, frame as u64, motion, 3);
    let mut distorted = reference.clone();
    let half = size.chroma();
    let planes = [(0, size), (1, half), (1, half)];
    let mut from = 0;
    for (shift, plane) in planes {
        let (width, height) = (plane.width as usize, plane.height as usize);
        for y in 0..height {
            for x in 0..width {
                let at = from + y * width + x;
                // Steps whose size varies over the frame, at block corners.
                let step =
                    u16::from((loss >> shift).max(1)) + u16::try_from((x / 8 + y / 8) % 3).unwrap();
                let value = (u16::from(reference[at]) + step / 2) / step * step;
                distorted[at] = u8::try_from(value.min(255)).unwrap();
            }
        }
        from += width * height;
    }
    [reference, distorted]
}

/// A folder with both sides as y4m, and our scores: by metric, then by frame.
struct Case {
    folder: tempfile::TempDir,
    ours: BTreeMap<&'static str, Vec<f64>>,
    name: String,
}

fn case(size: Size, loss: u8, fps: u32, list: &str) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let metrics = parse_list(list).unwrap();
    let mut scorer = Scorer::new(&metrics, size, f64::from(fps)).unwrap();
    let frames: Vec<_> = (0..FRAMES).map(|frame| pair(size, frame, loss)).collect();
    let mut ours = BTreeMap::<_, Vec<f64>>::new();
    for side in 0..2 {
        let mut file = format!("YUV4MPEG2 W{} H{} F{fps}:1 Ip C420jpeg\n", size.width, size.height)
            .into_bytes();
        for frame in &frames {
            file.extend_from_slice(b"FRAME\n");
            file.extend_from_slice(&frame[side]);
        }
        fs::write(folder.path().join(["reference.y4m", "distorted.y4m"][side]), file).unwrap();
    }
    for (index, [reference, distorted]) in frames.iter().enumerate() {
        let picture = |bytes| Picture::i420_packed(size, bytes).unwrap();
        let earlier: Vec<_> =
            frames[..index].iter().rev().take(2).map(|frame| picture(&frame[0])).collect();
        let values = scorer.score(&picture(reference), &picture(distorted), &earlier).unwrap();
        for (metric, value) in metrics.iter().zip(values) {
            ours.entry(metric.id()).or_default().push(*value);
        }
    }
    Case { folder, ours, name: format!("{size}, loss {loss}, {fps} Hz") }
}

impl Case {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filter(&self, ffmpeg: &str, graph: &str) {
        let mut command = Command::new(ffmpeg);
        command.current_dir(self.path()).args(["-v", "error", "-i", "distorted.y4m"]);
        run(command.args(["-i", "reference.y4m", "-lavfi", graph, "-f", "null", "-"]));
    }

    /// The value behind each `key` of a log.
    fn column(&self, key: &str) -> Vec<f64> {
        let log = fs::read_to_string(self.path().join("log")).unwrap();
        let value = |line: &str| {
            let (_, behind) = line.split_once(key)?;
            behind.trim_start().split([' ', ',', '\n']).next()?.trim().parse().ok()
        };
        log.lines().filter_map(value).collect()
    }

    fn agree(&self, metric: &str, theirs: &[f64], within: impl Fn(f64) -> f64) {
        let ours = &self.ours[metric];
        assert_eq!(ours.len(), theirs.len(), "{metric} of {}", self.name);
        for (frame, (our, their)) in ours.iter().zip(theirs).enumerate() {
            let reach = within(*their);
            assert!(
                (our - their).abs() <= reach,
                "{metric} of {}, frame {frame}: {our}, not {their}",
                self.name
            );
        }
    }
}

fn cases(list: &str) -> impl Iterator<Item = Case> {
    // The sizes: with and without smoothed weights of XPSNR, odd, and above its size limit.
    let sizes = [(352, 288), (641, 483), (1280, 720)];
    sizes
        .into_iter()
        .zip([(5, FPS[0]), (20, FPS[1]), (40, FPS[0])])
        .map(move |((width, height), (loss, fps))| case(Size::new(width, height), loss, fps, list))
}

#[test]
fn psnr_ssim_and_xpsnr_are_those_of_ffmpeg() {
    let Some(ffmpeg) = ffmpeg_with("xpsnr") else { return };
    for case in cases("psnr,ssim,xpsnr") {
        case.filter(&ffmpeg, "[0:v][1:v]psnr=stats_file=log");
        let pairs = [
            ("psnr_y", "psnr_y:"),
            ("psnr_u", "psnr_u:"),
            ("psnr_v", "psnr_v:"),
            ("psnr_all", "psnr_avg:"),
        ];
        for (metric, key) in pairs {
            case.agree(metric, &case.column(key), |_| 0.01);
        }
        case.filter(&ffmpeg, "[0:v][1:v]ssim=stats_file=log");
        case.agree("ssim", &case.column(" Y:"), |_| 1e-4);
        case.filter(&ffmpeg, "[1:v][0:v]xpsnr=stats_file=log");
        for (metric, key) in
            [("xpsnr_y", "XPSNR y:"), ("xpsnr_u", "XPSNR u:"), ("xpsnr_v", "XPSNR v:")]
        {
            case.agree(metric, &case.column(key), |theirs| 0.001 * theirs);
        }
    }
}

#[test]
fn ms_ssim_psnr_hvs_and_ciede2000_are_those_of_libvmaf() {
    if depth::skips_long() {
        return;
    }
    let Some(ffmpeg) = ffmpeg_with("libvmaf") else { return };
    let metrics = "ms_ssim,psnr_hvs,psnr_hvs_y,psnr_hvs_cb,psnr_hvs_cr,ciede2000";
    for case in depth::sample(cases(metrics), 6, 0) {
        let features = "feature=name=psnr_hvs|name=float_ms_ssim|name=ciede";
        case.filter(&ffmpeg, &format!("[0:v][1:v]libvmaf={features}:log_fmt=json:log_path=log"));
        let column = |key: &str| {
            // The means follow from the frames.
            let mut values = case.column(&format!("\"{key}\":"));
            values.truncate(FRAMES);
            values
        };
        case.agree("ms_ssim", &column("float_ms_ssim"), |theirs| 0.001 * theirs);
        case.agree("ciede2000", &column("ciede2000"), |theirs| 0.005 * theirs);
        for metric in ["psnr_hvs", "psnr_hvs_y", "psnr_hvs_cb", "psnr_hvs_cr"] {
            case.agree(metric, &column(metric), |_| HVS_REACH);
        }
    }
}

/// Planes of two slopes that cross, with a coarse copy of them.
fn slopes(size: Size, format: SampleFormat, frame: u16) -> [[Vec<u16>; 3]; 2] {
    let unit = 1 << (format.depth - 8);
    let value = |plane: u16, x: u16, y: u16| {
        let across = (3 * x + 5 * frame + 40 * plane) % 80;
        let down = (y * (plane + 1)) % 30;
        // Colours that R'G'B' can represent.
        let (first, step) = if plane == 0 { (70, 1) } else { (108, 3) };
        (first + (across + down) / step) * unit + (x ^ y) % unit
    };
    let drawn = [0, 1, 2].map(|plane| {
        let of_plane = format.sampling.plane_size(size, plane);
        let plane = u16::try_from(plane).unwrap();
        let [width, height] = [of_plane.width, of_plane.height].map(|side| side as u16);
        (0..height).flat_map(|y| (0..width).map(move |x| value(plane, x, y))).collect::<Vec<_>>()
    });
    let coarse = |value: &u16| value / (7 * unit) * (7 * unit);
    let copy = [0, 1, 2].map(|plane: usize| drawn[plane].iter().map(coarse).collect());
    [drawn, copy]
}

/// Each chroma sample at all the positions of luma that it belongs to.
fn with_full_chroma(planes: &[Vec<u16>; 3], size: Size, sampling: Sampling) -> [Vec<u16>; 3] {
    let [halves_x, halves_y] = sampling.halved().map(usize::from);
    let stride = sampling.plane_size(size, 1).width as usize;
    let enlarged = |plane: &Vec<u16>| {
        let rows = 0..size.height as usize;
        let sample = |y: usize, x: usize| plane[(y >> halves_y) * stride + (x >> halves_x)];
        rows.flat_map(|y| (0..size.width as usize).map(move |x| sample(y, x))).collect()
    };
    [planes[0].clone(), enlarged(&planes[1]), enlarged(&planes[2])]
}

fn deep(size: Size, format: SampleFormat, [y, u, v]: &[Vec<u16>; 3]) -> Picture<'_> {
    let stride = |plane| format.sampling.plane_size(size, plane).width as usize;
    let data = [(&y[..], stride(0)), (u, stride(1)), (v, stride(2))];
    Picture::planar16(size, format, data).unwrap()
}

/// CIEDE2000 of a pair of frames of 10 or 12 bits.
fn ciede2000(size: Size, format: SampleFormat, pair: &[[Vec<u16>; 3]; 2]) -> f64 {
    let mut scorer = Scorer::new(&[MetricId::Ciede2000], size, 25.0).unwrap();
    let [reference, distorted] = pair.each_ref().map(|planes| deep(size, format, planes));
    scorer.score(&reference, &distorted, &[]).unwrap()[0]
}

/// libvmaf itself differs from its own 4:4:4 in 4:2:2, and with more than 8 bits in odd sizes.
#[test]
fn ciede2000_of_more_bits_is_that_of_libvmaf() {
    let Some(ffmpeg) = ffmpeg_with("libvmaf") else { return };
    let size = Size::new(68, 52);
    for (depth, sampling, name) in [
        (10, Sampling::Yuv420, "420p10"),
        (12, Sampling::Yuv420, "420p12"),
        (10, Sampling::Yuv444, "444p10"),
    ] {
        let format = SampleFormat::new(depth, sampling);
        let header = format!("YUV4MPEG2 W{} H{} F25:1 Ip C{name}\n", size.width, size.height);
        let mut files = [header.clone().into_bytes(), header.into_bytes()];
        let mut ours = Vec::new();
        for frame in 0..2 {
            let pair = slopes(size, format, frame);
            for (file, planes) in files.iter_mut().zip(&pair) {
                file.extend_from_slice(b"FRAME\n");
                file.extend(planes.iter().flatten().flat_map(|value| value.to_le_bytes()));
            }
            ours.push(ciede2000(size, format, &pair));
        }
        let folder = tempfile::tempdir().unwrap();
        for (side, file) in ["reference.y4m", "distorted.y4m"].iter().zip(files) {
            fs::write(folder.path().join(side), file).unwrap();
        }
        let ours = BTreeMap::from([("ciede2000", ours)]);
        let case = Case { folder, ours, name: format.to_string() };
        case.filter(&ffmpeg, "[0:v][1:v]libvmaf=feature=name=ciede:log_fmt=json:log_path=log");
        let mut theirs = case.column("\"ciede2000\":");
        theirs.truncate(2);
        case.agree("ciede2000", &theirs, |theirs| 0.005 * theirs);
    }
}

#[test]
fn ciede2000_takes_each_chroma_sample_for_all_of_its_pixels() {
    for size in [Size::new(68, 52), Size::new(67, 51)] {
        for sampling in [Sampling::Yuv420, Sampling::Yuv422, Sampling::Yuv440] {
            let format = SampleFormat::new(10, sampling);
            let pair = slopes(size, format, 0);
            let enlarged = pair.each_ref().map(|planes| with_full_chroma(planes, size, sampling));
            let full = SampleFormat::new(10, Sampling::Yuv444);
            let [found, expected] =
                [ciede2000(size, format, &pair), ciede2000(size, full, &enlarged)];
            assert!((found - expected).abs() < 1e-9, "{format}, {size}: {found}, not {expected}");
        }
    }
    let (size, grey) = (Size::new(32, 32), SampleFormat::new(10, Sampling::Yuv400));
    let luma = vec![512; 32 * 32];
    let picture = Picture::planar16(size, grey, [(&luma, 32), (&[], 0), (&[], 0)]).unwrap();
    let mut scorer = Scorer::new(&[MetricId::Ciede2000], size, 25.0).unwrap();
    let error = scorer.score(&picture, &picture, &[]).unwrap_err().to_string();
    assert!(error.contains("frames with chroma, got gray10"), "{error}");
}

/// libvmaf's integer transform and its sums in single precision are reproduced: decibels.
const HVS_REACH: f64 = 1e-4;

#[test]
fn psnr_hvs_is_that_of_libvmaf_at_high_quality() {
    let Some(ffmpeg) = ffmpeg_with("libvmaf") else { return };
    let metrics = ["psnr_hvs", "psnr_hvs_y", "psnr_hvs_cb", "psnr_hvs_cr"];
    let mut best = 0.0_f64;
    for (width, height, loss) in [(352, 288, 1), (641, 483, 1), (1280, 720, 2)] {
        let case = case(Size::new(width, height), loss, FPS[0], &metrics.join(","));
        case.filter(&ffmpeg, "[0:v][1:v]libvmaf=feature=name=psnr_hvs:log_fmt=json:log_path=log");
        for metric in metrics {
            let mut theirs = case.column(&format!("\"{metric}\":"));
            theirs.truncate(FRAMES);
            best = theirs.iter().copied().fold(best, f64::max);
            case.agree(metric, &theirs, |_| HVS_REACH);
        }
    }
    assert!(best > 50.0, "the best of all planes has {best} dB");
}

#[test]
fn ssimulacra2_and_butteraugli_are_those_of_libjxl() {
    let tools = [
        ("CODEC_SSIMULACRA2", "ssimulacra2", MetricId::Ssimulacra2),
        ("CODEC_BUTTERAUGLI", "butteraugli_main", MetricId::Butteraugli),
    ];
    for (variable, name, metric) in tools {
        let Some(program) = tool(variable, name) else { continue };
        for (size, loss) in [(Size::new(176, 144), 6), (Size::new(321, 201), 24)] {
            let case = case(size, loss, 25, metric.id());
            let [reference, distorted] = pair(size, 0, loss);
            for (bytes, file) in [(&reference, "reference.ppm"), (&distorted, "distorted.ppm")] {
                let picture = Picture::i420_packed(size, bytes).unwrap();
                let mut rgb = Vec::new();
                to_rgb(&picture, Color::default(), &mut rgb);
                let mut ppm = format!("P6\n{} {}\n255\n", size.width, size.height).into_bytes();
                ppm.extend_from_slice(&rgb);
                fs::write(case.path().join(file), ppm).unwrap();
            }
            let mut command = Command::new(&program);
            command.current_dir(case.path()).args(["reference.ppm", "distorted.ppm"]);
            let said = run(&mut command);
            let theirs: f64 = said.split_whitespace().next().unwrap().parse().unwrap();
            let ours = case.ours[metric.id()][0];
            // SSIMULACRA2 is a scale that ends at 100 and crosses 0. For Butteraugli, libjxl 0.7
            // (Debian 12) gives up to 0.9 % less than 0.11, and the crate equals 0.11.
            let reach = if metric == MetricId::Ssimulacra2 { 0.5 } else { 0.01 * theirs };
            assert!(
                (ours - theirs).abs() <= reach,
                "{metric} of {}: {ours}, not {theirs}",
                case.name
            );
        }
    }
}

/// Frames of `depth` bits: the 8-bit ones, with more bits below them that differ from frame to frame.
fn deeper(frames: &[[Vec<u8>; 2]], depth: u8) -> Vec<[Vec<u16>; 2]> {
    let shift = depth - 8;
    let widened = |frame: &Vec<u8>, number: usize| {
        let low = |at: usize| u16::try_from((at * 7 + number * 3) % (1 << shift)).unwrap();
        frame.iter().enumerate().map(|(at, &x)| (u16::from(x) << shift) | low(at)).collect()
    };
    let both = |(number, [a, b]): (usize, &[Vec<u8>; 2])| [widened(a, number), widened(b, number)];
    frames.iter().enumerate().map(both).collect()
}

/// A frame of packed 4:2:0 planes.
fn high(size: Size, format: SampleFormat, samples: &[u16]) -> Picture<'_> {
    let half = size.chroma();
    let [luma, chroma] = [size, half].map(|plane| (plane.width * plane.height) as usize);
    let (y, rest) = samples.split_at(luma);
    let (u, v) = rest.split_at(chroma);
    let (width, half) = (size.width as usize, half.width as usize);
    Picture::planar16(size, format, [(y, width), (u, half), (v, half)]).unwrap()
}

/// Twenty clips of several sizes, losses and depths: at most 0.05 apart, frames at most 0.1.
#[test]
fn vmaf_is_that_of_libvmaf() {
    let Some(ffmpeg) = ffmpeg_with("libvmaf") else { return };
    let sizes =
        [Size::new(352, 288), Size::new(641, 361), Size::new(320, 180), Size::new(480, 272)];
    let eight = sizes.into_iter().flat_map(|size| [2, 9, 30].map(|loss| (size, loss, 8)));
    let more = [10, 12].into_iter().flat_map(|depth| {
        sizes[..2].iter().flat_map(move |&size| [5, 20].map(|loss| (size, loss, depth)))
    });
    for (size, loss, depth) in depth::sample(eight.chain(more), 4, 0) {
        let folder = tempfile::tempdir().unwrap();
        let frames: Vec<_> = (0..FRAMES).map(|frame| pair(size, frame, loss)).collect();
        let deep = deeper(&frames, depth);
        let name = if depth == 8 { "420jpeg".to_owned() } else { format!("420p{depth}") };
        for side in 0..2 {
            let (width, height) = (size.width, size.height);
            let mut file = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip C{name}\n").into_bytes();
            for (frame, deep) in frames.iter().zip(&deep) {
                file.extend_from_slice(b"FRAME\n");
                match depth {
                    8 => file.extend_from_slice(&frame[side]),
                    _ => file.extend(deep[side].iter().flat_map(|sample| sample.to_le_bytes())),
                }
            }
            fs::write(folder.path().join(["reference.y4m", "distorted.y4m"][side]), file).unwrap();
        }
        let format = SampleFormat::new(depth, Sampling::Yuv420);
        let picture = |frame: usize, side: usize| match depth {
            8 => Picture::i420_packed(size, &frames[frame][side]).unwrap(),
            _ => high(size, format, &deep[frame][side]),
        };
        let mut vmaf = Vmaf::new(size).unwrap();
        let features: Vec<_> = (0..FRAMES)
            .map(|frame| {
                let previous = frame.checked_sub(1).map(|before| picture(before, 0));
                vmaf.features(&picture(frame, 0), &picture(frame, 1), previous.as_ref()).unwrap()
            })
            .collect();
        let ours = vmaf_scores(&features);
        let case = Case { folder, ours: BTreeMap::new(), name };
        case.filter(&ffmpeg, "[0:v][1:v]libvmaf=log_fmt=json:log_path=log");
        let mut theirs = case.column("\"vmaf\":");
        theirs.truncate(FRAMES);
        let case = format!("{size}, loss {loss}, {depth} bits: {ours:?}, libvmaf {theirs:?}");
        assert_eq!(ours.len(), theirs.len(), "{case}");
        let differences: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        assert!(mean.abs() < 0.05 && differences.iter().all(|d| d.abs() < 0.1), "{case}");
    }
}
