//! `codec metrics`.

mod audio;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::thread::available_parallelism;

use codec_core::codec::FrameFormats;
use codec_core::frame::{ColorRange, Rotation, SampleFormat};
use codec_measure::metrics::{ColorSpace, MetricId, parse_list};
use codec_measure::results::Pooled;
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::{InputSpec, Opened};
use codec_media::io::names::is_pipe;
use codec_media::io::output::print;
use codec_media::io::source::{FrameSource, StreamInfo};
use codec_media::io::stills::read::RgbStill;
use codec_media::io::upright::upright;
use codec_media::io::video;
use codec_media::json::{self, Object};
use codec_media::progress::Now;

use crate::args::metrics::MetricsArgs;
use codec_lab::measure::{self, Extent, Matching, Measured, Request, Row};

/// Compares two videos frame by frame, matched by timestamp, or two audio files.
pub(crate) fn run(args: &MetricsArgs, env: &Env) -> Result<()> {
    if is_pipe(&args.reference) && is_pipe(&args.distorted) {
        return Err(Failure::usage("only one of the inputs can be standard input"));
    }
    if args.audio || audio::is_audio_only(&args.reference, args, env) {
        reject_video_options(args)?;
        return audio::run(args, env);
    }
    if args.min_snr.or(args.max_lsd).is_some() {
        return Err(Failure::usage("--min-snr and --max-lsd require --audio"));
    }
    let request = request(args, env)?;
    let [reference, distorted] = specs(args);
    let (stills, measured) = match (reference.open(env)?, distorted.open(env)?) {
        (Opened::Still(one, format), Opened::Still(other, other_format)) => {
            let one = RgbStill::new(one, format, &reference.name(), &reference.limits, env)?;
            let other =
                RgbStill::new(other, other_format, &distorted.name(), &distorted.limits, env)?;
            let measured = measure_stills([&one, &other], &request, env)?;
            (Some(Stills::new(&one, &other)), measured)
        }
        (one, other) => {
            let sides = [(one, &reference), (other, &distorted)];
            (None, measure_video(sides, &request, args, env)?)
        }
    };
    let pooled = measured.pooled();
    let report = Report { args, stills, measured, pooled };
    print(&if args.json { report.json() } else { report.text() })?;
    report.check()
}

/// Rejects options that would have no effect on audio.
fn reject_video_options(args: &MetricsArgs) -> Result<()> {
    let given = [
        (args.skip > 0, "--skip"),
        (args.frames.is_some(), "--frames"),
        (args.relative, "--relative"),
        (args.metrics.is_some(), "--metrics"),
        (args.pool, "--pool"),
        (args.viewer, "--viewer"),
        (args.min_psnr.is_some(), "--min-psnr"),
        (args.min_ssim.is_some(), "--min-ssim"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, name)) => {
            Err(Failure::usage(format!("{name} is for video and cannot be used with audio")))
        }
        None => Ok(()),
    }
}

fn measure_stills([one, other]: [&RgbStill; 2], request: &Request, env: &Env) -> Result<Measured> {
    if one.profile != other.profile {
        let what = "colour profiles differ and are ignored";
        env.events.warn(format!("{what}: samples are compared without conversion"));
    }
    let mut metrics = ALWAYS_OF_STILLS.to_vec();
    metrics.extend(request.metrics.iter().filter(|metric| !ALWAYS_OF_STILLS.contains(metric)));
    measure::stills::measure(one, other, &metrics)
}

fn measure_video(
    sides: [(Opened, &InputSpec); 2],
    request: &Request,
    args: &MetricsArgs,
    env: &Env,
) -> Result<Measured> {
    let open = |(opened, spec): (Opened, &InputSpec)| {
        let why = match opened {
            Opened::Still(..) => Some("because the other is video"),
            Opened::Images(..) | Opened::Animation(..) => Some("because it is treated as video"),
            _ => None,
        };
        if let Some(why) = why {
            let name = spec.name();
            env.events.warn(format!("{name}: compared as YCbCr 4:2:0, {why}"));
        }
        let (limits, formats) = (spec.limits, FrameFormats::All);
        let options = DecodeOptions { limits, formats, ..DecodeOptions::default() };
        video::of(opened, spec, &options, env)
    };
    let specs = [sides[0].1, sides[1].1];
    let [reference, distorted] = sides.map(open);
    let mut request = request.clone();
    let [reference, distorted] = [reference?, distorted?];
    if !args.relative && args.skip == 0 && specs.iter().all(|spec| spec.cut.is_whole()) {
        request.offset_s = offset_s(specs, [&*reference, &*distorted], env);
    }
    let [mut reference, mut distorted] = comparable([reference, distorted], env)?;
    let stream_info = reference.stream_info();
    let count = stream_info.count.map(|count| count.saturating_sub(args.skip));
    let total =
        count.map(|count| args.frames.map_or(count, |most| most.min(count))).or(args.frames);
    let mut progress = env.events.progress(total, stream_info.frame_rate);
    let on_progress = |frames| progress.update(&Now { frames, ..Now::default() });
    measure::measure(&mut *reference, &mut *distorted, &request, on_progress)
}

/// Returns by how many seconds DIST is later than REF, and says so.
fn offset_s(specs: [&InputSpec; 2], sources: [&dyn FrameSource; 2], env: &Env) -> f64 {
    let [reference, distorted] = [0, 1].map(|n| extent(specs[n], sources[n], env));
    let (Some(reference), Some(distorted)) = (reference, distorted) else { return 0.0 };
    let frame_s = sources.map(|source| source.stream_info().frame_rate.as_f64().recip());
    let offset_s = measure::offset_s(reference, distorted, frame_s[0].min(frame_s[1]));
    if offset_s != 0.0 {
        let (ms, side) =
            (1000.0 * offset_s.abs(), if offset_s > 0.0 { "later" } else { "earlier" });
        let names = specs.map(InputSpec::name);
        env.events.note(format!(
            "{}: all frames are {ms:.1} ms {side} than in {}; they are compared without this offset",
            names[1], names[0]
        ));
    }
    offset_s
}

/// Returns the times of the first and the last frame of a file, if they can be read without decoding.
#[expect(clippy::cast_precision_loss, reason = "times of a report")]
fn extent(spec: &InputSpec, source: &dyn FrameSource, env: &Env) -> Option<Extent> {
    if let Some(mut packets) = spec.reopen(env) {
        return Extent::of_packets(&mut *packets);
    }
    // Uncompressed video has no times and begins at 0.
    let info = source.stream_info();
    let count = info.count.filter(|&count| count > 0 && info.kind.starts_with("y4m"))?;
    Some(Extent { first_s: 0.0, last_s: (count - 1) as f64 / info.frame_rate.as_f64() })
}

/// Rotates frames that have equal sizes only as they are shown, because an output could not hold the rotation, and warns
/// of other differences of how they are shown.
fn comparable(sides: [Box<dyn FrameSource>; 2], env: &Env) -> Result<[Box<dyn FrameSource>; 2]> {
    let [one, other] = [&sides[0], &sides[1]].map(|side| side.stream_info().clone());
    if (one.info.color.range == ColorRange::Full) != (other.info.color.range == ColorRange::Full) {
        env.events.warn(
            "one input has full colour range and the other has not: samples are compared without conversion",
        );
    }
    if one.info.rotation == other.info.rotation {
        return Ok(sides);
    }
    if one.size == other.size {
        let message = "the rotations in the metadata differ and are ignored";
        env.events.warn(format!("{message}: frames are compared as they are coded"));
        return Ok(sides);
    }
    let is_fixed =
        |it: &&StreamInfo| it.info.rotation != Rotation::None && it.samples != SampleFormat::YUV420;
    if let Some(fixed) = [&one, &other].into_iter().find(is_fixed) {
        let message = format!("frames of {} are not rotated", fixed.samples);
        env.events.warn(format!("{message}: frames are compared as they are coded"));
        return Ok(sides);
    }
    env.events.note("frames are rotated as their metadata describes");
    let [reference, distorted] = sides;
    Ok([upright(reference)?, upright(distorted)?])
}

/// Describes how to open the inputs; `--raw` applies to headerless files.
fn specs(args: &MetricsArgs) -> [InputSpec; 2] {
    let limits = args.limits.map(|list| list.0).unwrap_or_default();
    let [of_reference, of_distorted] = args.cuts();
    [(&args.reference, of_reference), (&args.distorted, of_distorted)]
        .map(|(path, cut)| InputSpec { cut, ..InputSpec::with_layout(path, args.raw, limits) })
}

/// Remarks on a pair of still images in the report.
#[derive(Debug)]
struct Stills {
    /// How each one is stored.
    kinds: [String; 2],
    is_opaque: bool,
}

impl Stills {
    fn new(one: &RgbStill, other: &RgbStill) -> Self {
        let kinds = [one.kind.clone(), other.kind.clone()];
        Self { kinds, is_opaque: measure::stills::is_opaque(one, other) }
    }

    fn text(&self) -> String {
        let [one, other] = &self.kinds;
        let transparency = if self.is_opaque {
            ""
        } else {
            "transparency: compared over black and over white, the worse value counts\n"
        };
        format!("still images compared as 8-bit RGB: {one}; {other}\n{transparency}")
    }
}

/// Metrics that are always measured.
const ALWAYS: [MetricId; 9] = [
    MetricId::PsnrY,
    MetricId::PsnrU,
    MetricId::PsnrV,
    MetricId::PsnrAll,
    MetricId::Ssim,
    MetricId::PsnrYGlobal,
    MetricId::PsnrUGlobal,
    MetricId::PsnrVGlobal,
    MetricId::PsnrAllGlobal,
];

fn request(args: &MetricsArgs, env: &Env) -> Result<Request> {
    let mut metrics = ALWAYS.to_vec();
    let asked = parse_list(args.metrics.as_deref().unwrap_or_default());
    let asked = asked.map_err(|error| Failure::usage(format!("invalid --metrics: {error}")))?;
    metrics.extend(asked.into_iter().filter(|metric| !ALWAYS.contains(metric)));
    Ok(Request {
        metrics,
        matching: if args.viewer { Matching::Viewer } else { Matching::SameTime },
        relative: args.relative,
        offset_s: 0.0,
        skip: args.skip,
        frames: args.frames,
        stop: env.stop.clone(),
        threads: args
            .threads
            .map_or_else(|| available_parallelism().map_or(1, usize::from).min(64), usize::from),
    })
}

/// Metrics that are always measured for still images, and only for them.
const ALWAYS_OF_STILLS: [MetricId; 4] =
    [MetricId::PsnrR, MetricId::PsnrG, MetricId::PsnrB, MetricId::PsnrRgb];

/// The report.
struct Report<'a> {
    args: &'a MetricsArgs,
    /// For still images.
    stills: Option<Stills>,
    measured: Measured,
    pooled: BTreeMap<MetricId, Pooled>,
}

impl Report<'_> {
    fn pooled(&self, metric: MetricId) -> Pooled {
        self.pooled.get(&metric).copied().unwrap_or_default()
    }

    fn mean(&self, metric: MetricId) -> f64 {
        self.pooled(metric).mean
    }

    /// Frames of the reference and of the other input that have no counterpart.
    fn unmatched(&self) -> (u64, u64) {
        let delivery = self.measured.delivery;
        if self.args.viewer {
            return (0, delivery.unmatched);
        }
        let pairs = self.measured.rows.len() as u64;
        (delivery.frames.saturating_sub(pairs), delivery.shown.saturating_sub(pairs))
    }

    /// The samples that a metric was computed from.
    fn space(&self, metric: MetricId) -> ColorSpace {
        if self.stills.is_some() { metric.image_color_space() } else { metric.video_color_space() }
    }

    fn text(&self) -> String {
        let mut text = match &self.stills {
            Some(stills) => stills.text() + &self.text_of_stills(),
            None => self.text_of_video(),
        };
        if self.args.pool || self.args.metrics.is_some() {
            text.push_str(&self.table());
        }
        text
    }

    fn text_of_stills(&self) -> String {
        let psnr = |[a, b, c, all]: [(&str, MetricId); 4]| {
            let part = |(name, metric)| format!("{name} {:.3}", self.mean(metric));
            let space = self.space(all.1).name();
            format!("PSNR  {} {} {} dB, {} dB ({space})\n", part(a), part(b), part(c), part(all))
        };
        let [red, green, blue, rgb] = ALWAYS_OF_STILLS;
        let colours = psnr([("R", red), ("G", green), ("B", blue), ("all", rgb)]);
        let luma = psnr([
            ("Y", MetricId::PsnrY),
            ("Cb", MetricId::PsnrU),
            ("Cr", MetricId::PsnrV),
            ("all", MetricId::PsnrAll),
        ]);
        let space = self.space(MetricId::Ssim).name();
        format!("{colours}{luma}SSIM  Y {:.5} ({space})\n", self.mean(MetricId::Ssim))
    }

    fn text_of_video(&self) -> String {
        let (of_reference, of_distorted) = self.unmatched();
        let psnr = |[y, u, v, all]: [MetricId; 4]| {
            format!(
                "Y {:.3} U {:.3} V {:.3} dB, all {:.3} dB",
                self.mean(y),
                self.mean(u),
                self.mean(v),
                self.mean(all)
            )
        };
        let mut text = format!(
            "frames compared {}, unmatched: {of_reference} in REF, {of_distorted} in DIST\n\
             PSNR mean   {}; lowest Y {:.3} dB\n\
             PSNR global {}\n\
             SSIM mean   Y {:.5}; lowest {:.5}\n",
            self.measured.rows.len(),
            psnr([MetricId::PsnrY, MetricId::PsnrU, MetricId::PsnrV, MetricId::PsnrAll]),
            self.pooled(MetricId::PsnrY).worst,
            psnr([
                MetricId::PsnrYGlobal,
                MetricId::PsnrUGlobal,
                MetricId::PsnrVGlobal,
                MetricId::PsnrAllGlobal
            ]),
            self.mean(MetricId::Ssim),
            self.pooled(MetricId::Ssim).worst,
        );
        if self.args.viewer {
            let delivery = self.measured.delivery;
            let _ = writeln!(
                text,
                "frozen {} of {} in {}, longest {:.0} ms; repeated {}",
                delivery.frozen,
                counted(delivery.frames, "instant"),
                counted(delivery.freezes, "freeze"),
                delivery.longest_freeze_ms,
                delivery.repeated,
            );
        }
        text
    }

    /// A line for each requested metric, or for all.
    fn table(&self) -> String {
        let mut text = format!(
            "{:<32}{:>10}{:>10}{:>10}{:>10}{:>10}{:>14}  {}\n",
            "metric", "mean", "harmonic", "median", "5 %", "worst", "worst second", "space"
        );
        let asked = self.args.metrics.as_deref().and_then(|list| parse_list(list).ok());
        for metric in asked.as_deref().unwrap_or(&self.measured.metrics) {
            let Some(pooled) = self.pooled.get(metric) else { continue };
            let number = |value: f64| format!("{value:.4}");
            let unit = if metric.unit().is_empty() { "" } else { ", " };
            let _ = writeln!(
                text,
                "{:<32}{:>10}{:>10}{:>10}{:>10}{:>10}{:>14}  {}",
                format!("{}{unit}{}", metric.name(), metric.unit()),
                number(pooled.mean),
                pooled.harmonic.map_or_else(|| "-".to_owned(), number),
                number(pooled.p50),
                number(pooled.p5),
                number(pooled.worst),
                number(pooled.worst_second),
                self.space(*metric).name(),
            );
        }
        text
    }

    /// Keys of earlier versions that scripts rely on, then all requested metrics.
    fn frame(&self, row: &Row) -> String {
        let mut object = Object::new().raw("frame", row.frame).float("time_s", row.time_s);
        if self.args.viewer {
            object = object.raw("frozen", row.frozen);
        }
        for (metric, value) in self.measured.metrics.iter().zip(&row.values) {
            object = match metric {
                // The same as the metric without the suffix.
                metric if metric.id().ends_with("_global") => object,
                metric if metric.unit() == "dB" => object.float(metric.id(), *value),
                metric => object.raw(metric.id(), json_number(*value)),
            };
        }
        object.finish()
    }

    fn json(&self) -> String {
        let (of_reference, of_distorted) = self.unmatched();
        let total = Object::new()
            .float("psnr_y", self.mean(MetricId::PsnrYGlobal))
            .float("psnr_u", self.mean(MetricId::PsnrUGlobal))
            .float("psnr_v", self.mean(MetricId::PsnrVGlobal))
            .float("psnr_all", self.mean(MetricId::PsnrAllGlobal))
            .finish();
        let mut pooled = Object::new();
        for (metric, found) in &self.pooled {
            let entry = Object::new()
                .text("name", metric.name())
                .text("unit", metric.unit())
                .raw("higher_is_better", metric.higher_is_better())
                .text("space", self.space(*metric).name())
                .raw("mean", json_number(found.mean))
                .maybe("harmonic", found.harmonic.map(json_number))
                .raw("worst", json_number(found.worst))
                .raw("p1", json_number(found.p1))
                .raw("p5", json_number(found.p5))
                .raw("p50", json_number(found.p50))
                .raw("worst_second", json_number(found.worst_second))
                .finish();
            pooled = pooled.raw(metric.id(), entry);
        }
        let mut object = Object::new();
        if let Some(stills) = &self.stills {
            object =
                object.text("space", ColorSpace::Rgb.name()).raw("transparency", !stills.is_opaque);
        }
        object = object
            .raw("frames_compared", self.measured.rows.len())
            .raw("unmatched_reference", of_reference)
            .raw("unmatched_distorted", of_distorted)
            .float("psnr_y", self.mean(MetricId::PsnrY))
            .float("psnr_u", self.mean(MetricId::PsnrU))
            .float("psnr_v", self.mean(MetricId::PsnrV))
            .float("psnr_all", self.mean(MetricId::PsnrAll))
            .float("psnr_y_min", self.pooled(MetricId::PsnrY).worst)
            .raw("ssim", json_number(self.mean(MetricId::Ssim)))
            .raw("ssim_min", json_number(self.pooled(MetricId::Ssim).worst))
            .raw("total", total)
            .raw("metrics", pooled.finish());
        if self.args.viewer {
            let found = self.measured.delivery;
            let delivery = Object::new()
                .raw("frames", found.frames)
                .raw("shown", found.shown)
                .raw("frozen", found.frozen)
                .raw("freezes", found.freezes)
                .float("longest_freeze_ms", found.longest_freeze_ms)
                .raw("repeated", found.repeated)
                .raw("unmatched", found.unmatched)
                .finish();
            object = object.raw("delivery", delivery);
        }
        let frames = self.measured.rows.iter().map(|row| self.frame(row));
        format!("{}\n", object.raw("frames", json::array(frames)).finish())
    }

    fn check(&self) -> Result<()> {
        let (psnr, ssim) = (self.mean(MetricId::PsnrY), self.mean(MetricId::Ssim));
        let failed = |what: &str| Err(Failure::new(Kind::Check, what));
        match (self.args.min_psnr, self.args.min_ssim) {
            (Some(least), _) if psnr < least => {
                failed(&format!("PSNR {psnr:.3} dB is below {least} dB"))
            }
            (_, Some(least)) if ssim < least => failed(&format!("SSIM {ssim:.5} is below {least}")),
            _ => Ok(()),
        }
    }
}

/// A number with six decimals, for scales that need more than four.
fn json_number(value: f64) -> String {
    if value.is_finite() { format!("{value:.6}") } else { "null".to_owned() }
}
