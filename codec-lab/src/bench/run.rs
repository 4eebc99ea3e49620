//! Plans the measurements, and runs the passes over the clips in turn, so that other load affects
//! all of them alike.

use std::sync::Arc;

use codec_container::Format;
use codec_core::codec::Backend;
use codec_core::codec::{Conceal, DecoderConfig, EncoderConfig, Limits, Stage, StageClock};
use codec_core::frame::{Rational, Size};
use codec_core::parallel::RowPool;
use codec_measure::stats::{
    Estimate, median, median_interval, quantile as quantile_of, quantile_of_sorted,
};
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::json::{self, Object};
use codec_media::progress::Now;
use codec_media::settings::encoder::{EncoderSettings, Preset};
use codec_simd::Level;

use super::clip::{Clip, Stream, Taken, count, digest_of};
use super::headroom::{self, Headroom};
use super::levels;
use super::options::BenchOptions;
use super::pass::{self, Pass};
use super::record::{Point, Series};
use super::stages::StageTimes;
use crate::calibration::Calibration;
use crate::machine::{self, Machine};

/// Confidence level of the reported intervals.
const CONFIDENCE: f64 = 0.95;
/// Maximum number of passes for `--until`, as a multiple of `--repeat`.
const UNTIL_TIMES: u32 = 10;
/// The machine counts as busy above this ratio of elapsed to CPU time, or of the calibration workload to its
/// best time.
const BUSY_WALL: f64 = 1.25;
const BUSY_CALIBRATION: f64 = 1.15;
/// Number of passes in which stages are timed.
const STAGE_PASSES: usize = 3;

/// The work to time.
pub(super) enum Work {
    Encode { clip: Clip, config: Box<EncoderConfig> },
    Decode { stream: Stream, backend: &'static Backend },
}

/// Everything to measure.
pub(super) struct Plan {
    pub(super) encoder: EncoderSettings,
    limits: Limits,
    pub(super) works: Vec<Work>,
    digests: Vec<u64>,
    pub(super) levels: Vec<Level>,
    threads: Vec<usize>,
}

/// One point: the work, and the share of the machine it uses.
struct Job {
    work: usize,
    level: Level,
    threads: usize,
    pool: Option<Arc<RowPool>>,
    passes: Vec<Pass>,
    peak_memory: Option<u64>,
}

/// A point with its results.
pub(super) struct Measured {
    pub(super) series: Series,
    /// Index of the work.
    pub(super) work: usize,
    pub(super) level: Level,
    pub(super) threads: usize,
    pub(super) frames: usize,
    /// CPU and wall nanoseconds per frame.
    pub(super) cpu: Estimate,
    pub(super) wall: Estimate,
    wall_samples: Vec<f64>,
    /// Percentiles over all frames of all passes: 50, 95, 99, 100 %, in nanoseconds.
    pub(super) latency: [f64; 4],
    pub(super) bytes: u64,
    pub(super) kbps: f64,
    pub(super) dropped: u64,
    pub(super) peak_memory: Option<u64>,
    pub(super) stages: Option<StageShares>,
}

/// How the time of a frame is distributed over stages.
pub(super) struct StageShares {
    /// CPU nanoseconds per frame and stage; the last entry is the remainder.
    pub(super) ns: Vec<(String, f64)>,
    /// CPU time with stage timing relative to CPU time without.
    pub(super) cost: f64,
}

/// All points.
pub(super) struct Results {
    pub(super) points: Vec<Measured>,
    pub(super) repeats: usize,
    pub(super) warm_up: u32,
    /// Headroom by clip name.
    pub(super) headrooms: Vec<(String, Headroom)>,
}

impl Work {
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Encode { .. } => "encode",
            Self::Decode { .. } => "decode",
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Encode { clip, .. } => &clip.name,
            Self::Decode { stream, .. } => &stream.name,
        }
    }

    pub(super) fn size(&self) -> Size {
        match self {
            Self::Encode { clip, .. } => clip.size,
            Self::Decode { stream, .. } => stream.size,
        }
    }

    pub(super) fn frame_rate(&self) -> Rational {
        match self {
            Self::Encode { clip, .. } => clip.frame_rate,
            Self::Decode { stream, .. } => stream.frame_rate,
        }
    }

    pub(super) fn frames(&self) -> usize {
        match self {
            Self::Encode { clip, .. } => clip.frames.len(),
            Self::Decode { stream, .. } => stream.packets.len(),
        }
    }

    /// Bytes held in memory.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Encode { clip, .. } => clip.bytes(),
            Self::Decode { stream, .. } => {
                stream.packets.iter().map(|packet| packet.data.len() as u64).sum()
            }
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        match self {
            Self::Encode { clip, .. } => clip.is_cut,
            Self::Decode { stream, .. } => stream.is_cut,
        }
    }

    fn backend(&self, encoder: &EncoderSettings) -> &'static Backend {
        match self {
            Self::Encode { .. } => encoder.backend,
            Self::Decode { backend, .. } => backend,
        }
    }
}

impl Plan {
    pub(super) fn new(args: &BenchOptions, taken: Vec<Taken>, env: &Env) -> Result<Self> {
        let spec = args.encoder.codec.as_deref();
        let only_decodes = taken.iter().all(|taken| matches!(taken, Taken::Packets(_)));
        // -c selects the decoder of coded streams, which may lack an encoder.
        let mut options = args.encoder.clone();
        if only_decodes {
            options.codec = None;
        }
        let encoder = EncoderSettings::new(&options, Preset::Rtc, Format::Matroska)?;
        let digests = taken.iter().map(|taken| match taken {
            Taken::Pictures(clip) => clip.digest(),
            Taken::Packets(stream) => stream.digest(),
        });
        let digests = digests.collect();
        let mut works = Vec::new();
        for taken in taken {
            works.push(match taken {
                Taken::Packets(stream) => {
                    let backend = pass::decoder_for(spec, stream.codec)?;
                    Work::Decode { stream, backend }
                }
                Taken::Pictures(mut clip) => {
                    clip.importance = encoder.regions.maps(clip.size)?.map(clip.size)?;
                    let mut config = encoder.config(clip.size, clip.frame_rate, clip.time_base);
                    config.info = clip.info;
                    let config = Box::new(config);
                    if args.decode {
                        let backend = pass::decoder_for(spec, encoder.backend.codec)?;
                        let stream = coded(&encoder, &config, clip, env.level)?;
                        Work::Decode { stream, backend }
                    } else {
                        Work::Encode { clip, config }
                    }
                }
            });
        }
        let levels = levels::chosen(&args.levels, &[env.level])?;
        let is_native = |work: &Work| work.backend(&encoder).name == "native";
        if !args.levels.is_empty() && !works.iter().all(is_native) {
            let message = "--levels is supported by native codecs only";
            return Err(Failure::usage(message));
        }
        if args.headroom && !works.iter().any(|work| matches!(work, Work::Encode { .. })) {
            return Err(Failure::usage("--headroom requires encoding"));
        }
        let mut threads = args.threads.clone();
        threads.sort_unstable();
        threads.dedup();
        let limits = args.limits;
        Ok(Self { encoder, limits, works, digests, levels, threads })
    }

    /// All settings that affect the results, except the machine and the points' own names.
    pub(super) fn config(&self) -> Vec<(String, String)> {
        let mut config = Vec::new();
        let encode = self.works.iter().find_map(|work| match work {
            Work::Encode { config, .. } => Some(config),
            Work::Decode { .. } => None,
        });
        if let Some(encode) = encode {
            let settings = self.encoder.describe(encode).into_iter();
            config.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        }
        for (work, digest) in self.works.iter().zip(&self.digests) {
            let (verb, name) = (work.verb(), work.name());
            let backend = work.backend(&self.encoder);
            let value = format!(
                "{}/{}, {} frames, {}, {} fps, {digest:016x}",
                backend.codec,
                backend.name,
                work.frames(),
                work.size(),
                work.frame_rate()
            );
            config.push((format!("{verb} {name}"), value));
        }
        config
    }

    /// Runs all passes. With `only`, times only these points, without stages and headroom.
    pub(super) fn measure(
        &self,
        args: &BenchOptions,
        only: Option<&[&str]>,
        env: &Env,
    ) -> Result<Results> {
        let mut jobs = self.jobs()?;
        if let Some(names) = only {
            jobs.retain(|job| names.contains(&self.name_of(job).as_str()));
        }
        let mut calibration = Calibration::new();
        let frames: usize = jobs.iter().map(|job| self.works[job.work].frames()).sum();
        let rounds = u64::from(args.warm_up + args.repeat);
        let total = args.until.is_none().then_some(rounds * frames as u64);
        let mut progress = env.events.progress(total, Rational::new(30, 1));
        let mut now = Now::default();
        let mut round = |jobs: &mut [Job], counts: bool, first: bool| -> Result<()> {
            for job in jobs {
                if env.stop.is_requested() {
                    break;
                }
                if first {
                    machine::reset_peak_memory();
                }
                let pass = self.pass(job, None, &mut calibration)?;
                if first {
                    job.peak_memory = machine::peak_memory();
                }
                now.frames += self.works[job.work].frames() as u64;
                progress.update(&now);
                if counts {
                    job.check(&pass, env);
                    job.passes.push(pass);
                }
            }
            Ok(())
        };
        for warm_up in 0..args.warm_up {
            round(&mut jobs, false, warm_up == 0)?;
        }
        let mut repeats = 0;
        while !env.stop.is_requested() {
            round(&mut jobs, true, args.warm_up + repeats == 0)?;
            repeats += 1;
            let is_enough = match args.until {
                Some(share) if repeats < args.repeat * UNTIL_TIMES => {
                    jobs.iter().all(|job| job.is_known_within(share))
                }
                _ => true,
            };
            if repeats >= args.repeat && is_enough {
                break;
            }
        }
        let mut points = Vec::new();
        for job in &jobs {
            let stages = if self.reports_stages(job) && only.is_none() && !env.stop.is_requested() {
                self.stages(job, &mut calibration)?
            } else {
                None
            };
            if let Some(point) = self.measured(job, stages) {
                points.push(point);
            }
        }
        let repeats = jobs.iter().map(|job| job.passes.len()).min().unwrap_or(0);
        let headrooms = if args.headroom && only.is_none() {
            self.headrooms(&points, env)?
        } else {
            Vec::new()
        };
        Ok(Results { points, repeats, warm_up: args.warm_up, headrooms })
    }

    fn jobs(&self) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        for &threads in &self.threads {
            let pool = match threads {
                1 => None,
                _ => Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?)),
            };
            for work in 0..self.works.len() {
                for &level in &self.levels {
                    let (pool, passes) = (pool.clone(), Vec::new());
                    jobs.push(Job { work, level, threads, pool, passes, peak_memory: None });
                }
            }
        }
        jobs.sort_by_key(|job| (job.work, job.threads));
        Ok(jobs)
    }

    fn encoder_config(&self, job: &Job, config: &EncoderConfig) -> EncoderConfig {
        let mut config = config.clone();
        config.simd = Some(job.level);
        config.pool = job.pool.clone().map(|pool| pool as _);
        config
    }

    /// Runs one pass. With `stages`, an encoder runs on one thread and its stages are timed.
    fn pass(
        &self,
        job: &Job,
        stages: Option<Arc<StageTimes>>,
        calibration: &mut Calibration,
    ) -> Result<Pass> {
        match &self.works[job.work] {
            Work::Encode { clip, config } => {
                let mut config = self.encoder_config(job, config);
                if let Some(stages) = stages {
                    config.pool = None;
                    config.stages = Some(stages as Arc<dyn StageClock>);
                }
                pass::encode(self.encoder.backend, &config, clip, calibration)
            }
            Work::Decode { stream, backend } => {
                let mut config = DecoderConfig::default();
                config.limits = self.limits;
                config.conceal = Conceal::Off;
                config.simd = Some(job.level);
                config.pool = job.pool.clone().map(|pool| pool as _);
                if job.pool.is_some() {
                    // As in `codec decode`: a file reader can wait for a frame.
                    config.delay_frames = 1;
                }
                pass::decode(backend, &config, stream, calibration)
            }
        }
    }

    /// Whether the stages of a point are timed. They are timed on one thread, once for all numbers
    /// of threads.
    fn reports_stages(&self, job: &Job) -> bool {
        matches!(self.works[job.work], Work::Encode { .. })
            && Some(&job.threads) == self.threads.first()
    }

    fn stages(&self, job: &Job, calibration: &mut Calibration) -> Result<Option<StageShares>> {
        let frames = count(self.works[job.work].frames());
        let (mut shares, mut cpu_ns) = (Vec::new(), Vec::new());
        for _ in 0..STAGE_PASSES {
            let times = StageTimes::shared();
            let pass = self.pass(job, Some(Arc::clone(&times)), calibration)?;
            let Some(ns) = times.ns() else { return Ok(None) };
            if job.passes.first().is_some_and(|plain| is_other(plain, &pass)) {
                return Err(Failure::internal("stage timing changed the packets"));
            }
            shares.push(ns.map(|ns| ns / pass.wall_ns));
            cpu_ns.push(pass.cpu_ns);
        }
        let plain_ns: Vec<_> = job.passes.iter().map(|pass| pass.cpu_ns).collect();
        let plain_ns = median(&plain_ns).unwrap_or(f64::NAN);
        // Stage clocks keep running while other processes use the core. This affects all stages
        // alike, so the ratios between stages are valid.
        let frame_ns = plain_ns / frames;
        let mut left = 1.0;
        let mut ns = Vec::new();
        for (n, stage) in Stage::ALL.into_iter().enumerate() {
            let of_stage: Vec<_> = shares.iter().map(|shares| shares[n]).collect();
            let share = median(&of_stage).unwrap_or(0.0);
            ns.push((stage.name().to_owned(), share * frame_ns));
            left -= share;
        }
        ns.push(("the rest".to_owned(), left.max(0.0) * frame_ns));
        let cost = median(&cpu_ns).unwrap_or(f64::NAN) / plain_ns;
        Ok(Some(StageShares { ns, cost: if job.threads == 1 { cost } else { f64::NAN } }))
    }

    fn measured(&self, job: &Job, stages: Option<StageShares>) -> Option<Measured> {
        let work = &self.works[job.work];
        let frames = count(work.frames());
        let samples: Vec<_> = job.passes.iter().map(|pass| pass.cpu_ns / frames).collect();
        let wall_samples: Vec<_> = job.passes.iter().map(|pass| pass.wall_ns / frames).collect();
        let mut all: Vec<f64> =
            job.passes.iter().flat_map(|pass| pass.frame_ns.iter().copied()).collect();
        all.sort_by(f64::total_cmp);
        let last = job.passes.last()?;
        let bytes = match work {
            Work::Encode { .. } => last.packets.iter().map(|packet| packet.data.len() as u64).sum(),
            Work::Decode { .. } => work.bytes(),
        };
        #[expect(clippy::cast_precision_loss, reason = "a report")]
        let kbps = bytes as f64 * 8.0 / 1000.0 * work.frame_rate().as_f64() / frames;
        Some(Measured {
            cpu: median_interval(&samples, CONFIDENCE)?,
            wall: median_interval(&wall_samples, CONFIDENCE)?,
            series: Series {
                name: self.name_of(job),
                samples,
                calibration: job.passes.iter().map(|pass| pass.calibration_ns).collect(),
                parts: stages.as_ref().map_or_else(Vec::new, |stages| stages.ns.clone()),
            },
            work: job.work,
            level: job.level,
            threads: job.threads,
            frames: work.frames(),
            wall_samples,
            latency: [0.5, 0.95, 0.99, 1.0].map(|p| quantile_of_sorted(&all, p).unwrap_or(0.0)),
            bytes,
            kbps,
            dropped: last.dropped,
            peak_memory: job.peak_memory,
            stages,
        })
    }

    /// The name of a point, also used in result files.
    fn name_of(&self, job: &Job) -> String {
        let work = &self.works[job.work];
        let threads = match job.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        format!("{} {} {} {threads}", work.verb(), work.name(), job.level.name())
    }

    fn headrooms(&self, points: &[Measured], env: &Env) -> Result<Vec<(String, Headroom)>> {
        let mut found = Vec::new();
        for (index, work) in self.works.iter().enumerate() {
            let Work::Encode { clip, config } = work else { continue };
            let of_work = points.iter().filter(|point| point.work == index);
            let Some(best) = of_work.min_by(|a, b| a.cpu.value.total_cmp(&b.cpu.value)) else {
                continue;
            };
            let mut config = config.clone();
            config.simd = Some(best.level);
            let per_core = 1e9 / best.cpu.value / clip.frame_rate.as_f64();
            let by_division = per_core * count(Machine::this().cores);
            let headroom = headroom::find(self.encoder.backend, &config, clip, by_division, env)?;
            found.push((clip.name.clone(), headroom));
        }
        Ok(found)
    }
}

/// Encodes `clip` for a decoding measurement.
fn coded(
    encoder: &EncoderSettings,
    config: &EncoderConfig,
    clip: Clip,
    level: Level,
) -> Result<Stream> {
    let mut config = config.clone();
    config.simd = Some(level);
    let packets = pass::encode(encoder.backend, &config, &clip, &mut Calibration::new())?.packets;
    Ok(Stream {
        codec: encoder.backend.codec,
        size: clip.size,
        frame_rate: clip.frame_rate,
        packets,
        is_cut: clip.is_cut,
        name: clip.name,
    })
}

/// Whether two passes produced different packets.
fn is_other(a: &Pass, b: &Pass) -> bool {
    digest_of(&a.packets) != digest_of(&b.packets)
}

impl Job {
    /// Warns if passes produced different packets, which is possible with a deadline.
    fn check(&self, pass: &Pass, env: &Env) {
        if self.passes.len() == 1 && is_other(&self.passes[0], pass) {
            env.events.warn("passes produced different packets: encoder speed depends on timing");
        }
    }

    /// Whether the interval of the CPU time is narrow enough.
    fn is_known_within(&self, share: f64) -> bool {
        let samples: Vec<_> = self.passes.iter().map(|pass| pass.cpu_ns).collect();
        median_interval(&samples, CONFIDENCE)
            .is_some_and(|cpu| (cpu.high - cpu.low) / 2.0 <= share * cpu.value)
    }
}

impl Measured {
    /// Whether other load is visible: elapsed time without computation, or calibration times that
    /// are mostly longer than the best. The p99 and the maximum are then meaningless.
    pub(super) fn is_busy(&self) -> bool {
        let waited = self.threads == 1 && self.wall.value > BUSY_WALL * self.cpu.value;
        let calibration = &self.series.calibration;
        let ends =
            median(calibration).zip(quantile_of(calibration, 0.0)).filter(|(_, best)| *best > 0.0);
        waited || ends.is_some_and(|(middle, best)| middle > BUSY_CALIBRATION * best)
    }

    /// Converts the measurement for the result file.
    pub(super) fn point(&self) -> Point {
        let [p50, p95, p99, max] = self.latency;
        let estimate = |estimate: &Estimate| {
            Object::new()
                .float("median", estimate.value)
                .float("low", estimate.low)
                .float("high", estimate.high)
                .finish()
        };
        let mut facts = Object::new()
            .text("level", self.level.name())
            .raw("threads", self.threads)
            .raw("frames", self.frames)
            .raw("cpu_ns", estimate(&self.cpu))
            .raw("wall_ns", estimate(&self.wall))
            .raw(
                "wall_samples_ns",
                json::array(self.wall_samples.iter().map(|ns| json::float(*ns))),
            )
            .float("fps", 1e9 / self.wall.value)
            .raw(
                "frame_ns",
                Object::new()
                    .float("p50", p50)
                    .float("p95", p95)
                    .float("p99", p99)
                    .float("max", max)
                    .finish(),
            )
            .raw("bytes", self.bytes)
            .float("kbps", self.kbps)
            .raw("dropped", self.dropped)
            .raw("busy", self.is_busy())
            .maybe("peak_rss_bytes", self.peak_memory);
        if let Some(stages) = &self.stages {
            facts = facts.float("stage_clock_cost", stages.cost);
        }
        Point { series: self.series.clone(), facts }
    }
}

impl Results {
    /// Facts that belong to no single point.
    pub(super) fn facts(&self) -> Object {
        let headrooms = self.headrooms.iter().map(|(name, headroom)| {
            let tried = headroom.tried.iter().map(|(streams, late)| {
                Object::new().raw("streams", streams).float("late_share", *late).finish()
            });
            Object::new()
                .text("name", name)
                .float("by_division", headroom.by_division)
                .raw("measured", headroom.streams)
                .raw("tried", json::array(tried))
                .finish()
        });
        Object::new()
            .raw("repeats", self.repeats)
            .raw("warm_up", self.warm_up)
            .float("confidence", CONFIDENCE)
            .raw("headroom", json::array(headrooms))
    }
}
