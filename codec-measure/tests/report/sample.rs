//! A synthetic study: three arms (encoders with their settings), four clips, four bitrates, with
//! one case of each kind of failure. Its figures are the same on every machine.

use std::collections::BTreeMap;

use codec_measure::bd::Interpolation;
use codec_measure::report::{FrameValues, ReportExtras};
use codec_measure::results::{
    Arm, Clip, ClipAudio, Delivery, Environment, GlassToGlass, Latency, Load, Memory, Metric,
    Point, Pooled, Quantiles, RateControl, Results, SCHEMA, Speed, Target, VERSION,
};
use codec_measure::stats::{self, Random};

/// Name of an arm that contains markup.
pub(crate) const HOSTILE_ARM: &str = "<script>alert(\"arm\")</script>, 'x' & y";
/// Name of a clip that tries to end a script and a line.
pub(crate) const HOSTILE_CLIP: &str = "</script>\u{2028}\"clip\",\u{202e}\u{1}.y4m";

const RATES: [f64; 4] = [200.0, 400.0, 800.0, 1600.0];

/// The study with ordinary names.
pub(crate) fn results() -> Results {
    with_names(["vp8 --speed 8", "vp8/libvpx --cpu-used -6", "x264 veryfast"], "screen-share.y4m")
}

/// Files and values of frames for a study: each value is the mean of its point, but the fifth frame is worse.
pub(crate) fn extras(results: &Results) -> ReportExtras {
    let frames = results.points.iter().map(|point| {
        let clip = results.clips.iter().find(|clip| clip.name == point.clip)?;
        let count = usize::try_from(clip.frames).ok()?;
        let values = |metric: &Metric| {
            let mean = point.quality.get(&metric.id)?.mean;
            Some((0..count).map(|frame| if frame == 5 { mean * 0.8 } else { mean }).collect())
        };
        let metrics: Option<Vec<Vec<f64>>> = results.metrics.iter().map(values).collect();
        Some(FrameValues {
            metrics: metrics?,
            frozen: (0..count).map(|frame| frame == 5).collect(),
        })
    });
    let files = ["results.csv", "results.json", "plots/rd-psnr-y.svg"].map(String::from).into();
    ReportExtras { files, frames: frames.collect(), pictures: Vec::new() }
}

/// The same with clips of audio.
pub(crate) fn audio() -> Results {
    let mut results = results();
    for clip in &mut results.clips {
        (clip.width, clip.height, clip.fps) = (0, 0, 50.0);
        clip.audio = Some(ClipAudio { sample_rate: 44_100, channels: 2 });
    }
    results
}

/// The same with names that must be escaped.
pub(crate) fn hostile() -> Results {
    with_names(["vp8 --speed 8", HOSTILE_ARM, "x264, \"veryfast\""], HOSTILE_CLIP)
}

fn with_names(arms: [&str; 3], last_clip: &str) -> Results {
    let clips = [
        ("talking-head.y4m", 640, 360, 30.0, 240),
        ("street-crowd.y4m", 1280, 720, 30.0, 300),
        ("animation.y4m", 854, 480, 24.0, 192),
        (last_clip, 1280, 720, 15.0, 150),
    ];
    let clips = clips.map(|(name, width, height, fps, frames)| Clip {
        name: name.into(),
        digest: "9e107d9d372bb6826bd81d3542a419d6".into(),
        width,
        height,
        frames,
        fps,
        seconds: count(frames) / fps,
        audio: None,
    });
    let mut results = Results {
        schema: SCHEMA.into(),
        version: VERSION,
        title: "Real-time encoders at four rates".into(),
        environment: Environment {
            cpu: "Example CPU with 8 cores".into(),
            cores: 8,
            simd: "avx2".into(),
            os: "Linux 6.1".into(),
            codec: "0.1.0".into(),
            date: "2026-11-20T18:00:00Z".into(),
            finished: "2026-11-20T19:30:00Z".into(),
            timing: true,
            busy: Vec::new(),
        },
        command: "codec compare *.y4m --study study.toml -o report".into(),
        anchor: arms[1].into(),
        arms: arms.iter().map(|name| arm(name)).collect(),
        clips: clips.to_vec(),
        metrics: vec![
            metric("psnr_y", "PSNR Y", "dB", true),
            metric("ssim", "SSIM", "", true),
            metric("butteraugli", "Butteraugli", "", false),
        ],
        ..Results::default()
    };
    for (place, clip) in clips.iter().enumerate() {
        for (index, arm) in arms.iter().enumerate() {
            for rate in RATES {
                results.points.push(point(arm, index, clip, place, rate));
            }
        }
    }
    let failed = &mut results.points[9];
    failed.failure = Some("exit status 1: x264 [error]: \"no memory\", line 2".into());
    failed.quality.clear();
    results.mark_busy();
    results.compare(Interpolation::Pchip);
    results.notes = vec![
        format!("{} on {} at 400 kb/s failed and is omitted", arms[2], clips[0].name),
        "times of external encoders hold the start of their process".into(),
    ];
    results
}

fn arm(name: &str) -> Arm {
    Arm {
        name: name.into(),
        given: name.into(),
        command: format!("codec encode in.y4m -o out.ivf {name}"),
        version: "1.2.3".into(),
        threads: Some(1),
    }
}

fn metric(id: &str, name: &str, unit: &str, higher_is_better: bool) -> Metric {
    Metric { id: id.into(), name: name.into(), unit: unit.into(), higher_is_better }
}

fn point(arm: &str, index: usize, clip: &Clip, place: usize, target: f64) -> Point {
    let seed = u64::try_from(index * 100 + place).unwrap() * 7919 + target.to_bits() % 9973;
    let mut random = Random::new(seed);
    let mut noise =
        |size: f64| size * (count(random.below(2001).try_into().unwrap()) / 1000.0 - 1.0);
    let gain = [0.6, 0.0, 1.9][index];
    let mut psnr = [36.0, 27.5, 33.0, 39.0][place] + 2.6 * (target / 200.0).log2() + gain;
    // The third arm is so much better on the last clip that the curves share no range.
    if index == 2 && place == 3 {
        psnr += 12.0;
    }
    let kbps = target * (1.0 + [0.01, -0.03, 0.05][index] + noise(0.02));
    let pooled = |mean: f64, fall: f64| Pooled {
        mean,
        harmonic: Some(mean - 0.1 * fall),
        worst: mean - 3.0 * fall,
        p1: mean - 2.5 * fall,
        p5: mean - 2.0 * fall,
        p50: mean,
        worst_second: mean - 1.5 * fall,
    };
    let quality = BTreeMap::from([
        ("psnr_y".to_owned(), pooled(psnr, 1.0)),
        ("ssim".to_owned(), pooled(1.0 - 0.5 * (-psnr / 12.0).exp(), 0.01)),
        ("butteraugli".to_owned(), pooled(60.0 / psnr, -0.4)),
    ]);
    let frames = clip.frames;
    let base = [2.2, 3.1, 9.5][index] * f64::from(clip.width * clip.height) / 400_000.0;
    let latency = latency(clip, base, index == 0, &mut noise);
    let seconds = (count(frames) / clip.fps).ceil();
    let seconds_kbit: Vec<f64> = (0..100)
        .take_while(|second| f64::from(*second) < seconds)
        .map(|second| kbps * (1.0 + if second == 0 { 0.25 } else { 0.0 } + noise(0.12)))
        .collect();
    let buffer_ms = (0..frames)
        .map(|frame| 60.0 + 300.0 * (-count(frame % 120) / 30.0).exp() + noise(30.0))
        .collect();
    let cpu_ms = base * 0.98;
    let time = |ms: f64| vec![ms * count(frames) / 1000.0, ms * 1.03 * count(frames) / 1000.0];
    Point {
        arm: arm.into(),
        clip: clip.name.clone(),
        target: Target::Kbps(target),
        size: None,
        hull: Vec::new(),
        failure: None,
        bytes: 125 * 8 * frames,
        kbps,
        quality,
        delivery: Delivery {
            frames,
            shown: frames - if index == 1 { 3 } else { 0 },
            frozen: if index == 1 { 3 } else { 0 },
            freezes: if index == 1 { 2 } else { 0 },
            longest_freeze_ms: if index == 1 { 2000.0 / clip.fps } else { 0.0 },
            unmatched: 0,
            repeated: 0,
        },
        speed: Speed {
            cpu_s: time(cpu_ms),
            wall_s: time(base),
            cpu_ms_per_frame: cpu_ms,
            wall_ms_per_frame: base,
            cpu_ms_per_second: 0.0,
            decode_ms_per_frame: (index < 2).then_some(1.5),
            sessions: vec![1, 1],
            calibration_ns: vec![3e5, 3.1e5],
            load: Load::default(),
        },
        memory: Memory {
            peak_rss: Some([18_500_000, 31_200_000, 96_000_000][index]),
            allocations_per_frame: (index == 0).then_some(0.0),
        },
        // The external arm reports no frame times.
        latency: (index < 2).then_some(latency),
        rate: RateControl {
            target_kbps: Some(target),
            error_percent: Some((kbps / target - 1.0) * 100.0),
            seconds_target: vec![target; seconds_kbit.len()],
            seconds_kbit,
            worst_window_percent: Some(28.0),
            largest_frame: 24_000,
            key_frames: 3,
            key_frame_share: [0.11, 0.16, 0.08][index] + noise(0.02),
            buffer_ms,
            buffer_violations: 0,
            step_reactions_ms: Vec::new(),
        },
        missed_target: false,
        streams_differ: false,
        frames_csv: Some("frames/1.csv".into()),
    }
}

fn latency(clip: &Clip, base: f64, has_model: bool, noise: &mut impl FnMut(f64) -> f64) -> Latency {
    let frames = clip.frames;
    let encode_ms: Vec<f64> = (0..frames)
        .map(|frame| {
            let key = if frame % 120 == 0 { 3.0 } else { 1.0 };
            base * key * (1.0 + noise(0.3)).powi(2)
        })
        .collect();
    let at = |share| stats::quantile(&encode_ms, share).unwrap();
    let encode = Quantiles { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) };
    let deadline_ms = 1000.0 / clip.fps;
    let misses = encode_ms.iter().filter(|time| **time > deadline_ms).count();
    let glass = GlassToGlass {
        capture: deadline_ms / 2.0,
        encode: encode.p50,
        serialise: 40.0,
        decode: 1.5,
        total: Quantiles { p50: 70.0, p95: 110.0, p99: 180.0, max: 320.0 },
    };
    Latency {
        encode,
        deadline_ms,
        deadline_misses: u64::try_from(misses).unwrap(),
        encode_ms,
        glass_to_glass: has_model.then_some(glass),
        disturbed: false,
    }
}

fn count(things: u64) -> f64 {
    f64::from(u32::try_from(things).unwrap())
}
