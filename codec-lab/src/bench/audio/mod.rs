//! `codec bench audio`: speed, bitrate and quality of audio codecs.

mod signal;
mod tables;

use std::sync::Arc;
use std::time::Instant;

use codec_audio::metrics::{CompareOptions, Comparison, compare};
use codec_audio::{
    AudioBackend, AudioBuf, AudioDecoderConfig, AudioEncoderConfig, AudioPacket, AudioView,
    SampleKind, Samples,
};
use codec_backends::registry;
use codec_core::codec::Bitrate;
use codec_measure::stats::{Estimate, median_interval};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::json::{self, Object};
use codec_media::settings::audio::{AudioSettings, find};

use self::signal::{Signal, read};
use super::against;
use super::options::AudioBenchOptions;
use super::record::{self, Point, Record, Series};
use crate::calibration::Calibration;
use crate::cpu_clock::ProcessTime;

/// Confidence level of the reported intervals.
const CONFIDENCE: f64 = 0.95;
/// Bitrates of codecs that have a choice.
const BITRATES: [u64; 3] = [24_000, 48_000, 96_000];

/// One codec at one bitrate with one input.
struct Job {
    /// Names the codec, the bitrate and the input.
    name: String,
    input: String,
    codec: String,
    target: Option<Bitrate>,
    signal: Arc<Signal>,
    encoder: &'static AudioBackend,
    decoder: &'static AudioBackend,
    config: AudioEncoderConfig,
    coded: Option<Coded>,
    encode: Times,
    decode: Times,
}

/// CPU nanoseconds for each second of audio, with the calibration workload's time.
#[derive(Debug, Default)]
struct Times {
    cpu_ns: Vec<f64>,
    calibration: Vec<f64>,
}

/// Result of the first pass.
struct Coded {
    kbps: f64,
    bytes: u64,
    packets: u64,
    comparison: Comparison,
}

/// Measures, reports and compares.
///
/// # Errors
/// If an input or a codec is rejected, or something is slower than the baseline allows.
pub fn run_audio(args: &AudioBenchOptions, env: &Env) -> Result<()> {
    super::warn_of_debug_build(env);
    env.stop.handle_requests();
    record::check_outputs(&args.record)?;
    let mut jobs = jobs(args, env)?;
    let config = config(args, &jobs);
    let baseline = against::baseline(&args.record, "audio", &config, env)?;
    measure(&mut jobs, args, |_| true, env)?;
    let points: Vec<Point> = jobs.iter().flat_map(points_of).collect();
    let series: Vec<Series> = points.iter().map(|point| point.series.clone()).collect();
    let facts = Object::new()
        .raw("repeats", args.repeat)
        .raw("warm_up", args.warm_up)
        .raw("confidence", CONFIDENCE);
    let record = Record { kind: "audio", config, points, facts };
    let is_printed = record.write(&args.record)?;
    if let Some(path) = &args.csv {
        tables::write_csv(path, &jobs, args)?;
    }
    if !is_printed {
        env.events.text(&tables::text(&jobs, args))?;
    }
    let Some(baseline) = &baseline else { return Ok(()) };
    let again = |names: &[&str]| {
        let wanted = |job: &Job| {
            ["encode", "decode"].iter().any(|verb| {
                let name = format!("{verb} {}", job.name);
                names.contains(&name.as_str())
            })
        };
        for job in &mut jobs {
            (job.encode, job.decode) = Default::default();
        }
        measure(&mut jobs, args, wanted, env)?;
        let points = jobs.iter().filter(|job| wanted(job)).flat_map(points_of);
        let series = points.map(|point| point.series);
        Ok(series.filter(|one| names.contains(&one.name.as_str())).collect())
    };
    against::check(baseline, series, 0.0, &args.record, again, env)
}

/// All inputs with all codecs and bitrates.
fn jobs(args: &AudioBenchOptions, env: &Env) -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for path in &args.inputs {
        let source = Arc::new(read(path, None, args, env)?);
        let (input, found) = (source.name.clone(), source.format);
        let mut signals = vec![source];
        for name in &args.codecs {
            let (encoder, codec) = find(name)?;
            let Some((_, capabilities)) = encoder.encoder else {
                return Err(Failure::new(Kind::Backend, format!("{name} has no encoder")));
            };
            let decoder = decoder_of(encoder)?;
            let targets = match (capabilities.bitrate_range, &args.bitrates[..]) {
                (None, _) => vec![None],
                (Some(_), []) => BITRATES.map(|rate| Some(Bitrate(rate))).to_vec(),
                (Some(_), rates) => rates.iter().copied().map(Some).collect(),
            };
            for target in targets {
                let settings = AudioSettings::measured(target);
                let config = settings.config(codec, capabilities, found)?;
                let format = config.format;
                let signal = match signals.iter().find(|signal| signal.format == format) {
                    Some(signal) => Arc::clone(signal),
                    None => {
                        signals.push(Arc::new(read(path, Some(format), args, env)?));
                        signals
                            .last()
                            .map(Arc::clone)
                            .ok_or_else(|| Failure::internal("no audio"))?
                    }
                };
                let codec = format!("{}/{}", codec.name(), encoder.name);
                let rate = target.map_or_else(String::new, |target| format!(" {target}"));
                jobs.push(Job {
                    name: format!("{codec}{rate} {input}"),
                    input: input.clone(),
                    codec,
                    target,
                    signal,
                    encoder,
                    decoder,
                    config,
                    coded: None,
                    encode: Times::default(),
                    decode: Times::default(),
                });
            }
        }
    }
    Ok(jobs)
}

/// The decoder of the same backend, or else the usual one of the codec.
fn decoder_of(encoder: &'static AudioBackend) -> Result<&'static AudioBackend> {
    if encoder.decoder.is_some() {
        return Ok(encoder);
    }
    let found = registry::find_audio_decoder(encoder.codec.name());
    found.map(|(backend, ..)| backend).map_err(Failure::encoding)
}

/// Settings and inputs, which must be equal to compare results.
fn config(args: &AudioBenchOptions, jobs: &[Job]) -> Vec<(String, String)> {
    let mut config = vec![("codecs".to_owned(), args.codecs.join(","))];
    let rates: Vec<String> = args.bitrates.iter().map(ToString::to_string).collect();
    config.push(("bitrates".to_owned(), rates.join(",")));
    for job in jobs {
        let field = (format!("input {} at {}", job.input, job.config.format), job.signal.digest());
        if !config.contains(&field) {
            config.push(field);
        }
    }
    config
}

/// Runs the passes of the wanted jobs, interleaved.
fn measure(
    jobs: &mut [Job],
    args: &AudioBenchOptions,
    wanted: impl Fn(&Job) -> bool,
    env: &Env,
) -> Result<()> {
    let mut calibration = Calibration::new();
    for number in 0..args.warm_up + args.repeat {
        for job in jobs.iter_mut().filter(|job| wanted(job)) {
            if env.stop.is_requested() {
                let message = "interrupted: results were not saved or compared";
                return Err(Failure::new(Kind::Interrupted, message));
            }
            job.pass(number >= args.warm_up, &mut calibration)?;
        }
    }
    Ok(())
}

impl Job {
    /// Encodes and decodes the whole input.
    fn pass(&mut self, counts: bool, calibration: &mut Calibration) -> Result<()> {
        let seconds = self.signal.seconds();
        let (packets, private, cpu_ns, slice_ns) = timed(calibration, || self.encode_all())?;
        if counts {
            self.encode.cpu_ns.push(cpu_ns / seconds);
            self.encode.calibration.push(slice_ns);
        }
        let (output, (), cpu_ns, slice_ns) =
            timed(calibration, || Ok((self.decode_all(&packets, &private)?, ())))?;
        if counts {
            self.decode.cpu_ns.push(cpu_ns / seconds);
            self.decode.calibration.push(slice_ns);
        }
        if self.coded.is_none() {
            let options = CompareOptions::default();
            let format = self.config.format;
            let comparison = compare(&self.signal.values, &output, format, &options);
            let comparison = comparison
                .map_err(|error| Failure::new(Kind::Input, format!("{}: {error}", self.name)))?;
            let bytes = packets.iter().map(|packet| packet.data.len() as u64).sum();
            let kbps = 8.0 * float(bytes) / 1000.0 / seconds;
            self.coded = Some(Coded { kbps, bytes, packets: packets.len() as u64, comparison });
        }
        Ok(())
    }

    /// The packets, and the codec configuration.
    fn encode_all(&self) -> Result<(Vec<AudioPacket>, Vec<u8>)> {
        let Some((open, _)) = self.encoder.encoder else {
            return Err(Failure::internal("a backend without an encoder"));
        };
        let mut encoder = open(&self.config).map_err(Failure::encoding)?;
        let format = self.config.format;
        let each = self.config.frame.samples(format.rate).max(1);
        let mut packets = Vec::new();
        let mut pts = 0_i64;
        let mut drain = |encoder: &mut dyn codec_audio::AudioEncoder| {
            let mut packet = AudioPacket::default();
            while encoder.receive(&mut packet) {
                packets.push(std::mem::take(&mut packet));
            }
        };
        for samples in self.signal.values.chunks(each * format.channels()) {
            let view = AudioView::new(format, Samples::F32(samples)).map_err(Failure::internal)?;
            encoder.encode(&view, pts).map_err(Failure::encoding)?;
            pts = pts.saturating_add(i64::try_from(view.frames()).unwrap_or(i64::MAX));
            drain(&mut *encoder);
        }
        encoder.finish().map_err(Failure::encoding)?;
        drain(&mut *encoder);
        Ok((packets, encoder.codec_private()))
    }

    /// The decoded samples.
    fn decode_all(&self, packets: &[AudioPacket], private: &[u8]) -> Result<Vec<f32>> {
        let Some((open, _)) = self.decoder.decoder else {
            return Err(Failure::internal("a backend without a decoder"));
        };
        let failed = |error| Failure::decoding(&self.name, error);
        let mut config = AudioDecoderConfig::new(self.config.codec, self.config.format);
        config.codec_private = private.to_vec();
        let mut decoder = open(&config).map_err(failed)?;
        let mut audio = AudioBuf::new(self.config.format, SampleKind::F32);
        let mut values = Vec::with_capacity(self.signal.values.len());
        for packet in packets {
            decoder.decode(&packet.data, packet.pts).map_err(failed)?;
            while decoder.receive(&mut audio) {
                audio.view().map_err(Failure::internal)?.append_f32(&mut values);
            }
        }
        decoder.finish();
        while decoder.receive(&mut audio) {
            audio.view().map_err(Failure::internal)?.append_f32(&mut values);
        }
        Ok(values)
    }
}

/// Runs `work`; returns its results, its CPU time and the calibration workload's time, in nanoseconds.
fn timed<A, B>(
    calibration: &mut Calibration,
    work: impl FnOnce() -> Result<(A, B)>,
) -> Result<(A, B, f64, f64)> {
    calibration.take();
    calibration.slice();
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    let (a, b) = work()?;
    let cpu_ns = cpu.elapsed().as_secs_f64() * 1e9;
    // A clock with a low resolution may show no CPU time for short work.
    let cpu_ns = if cpu_ns > 0.0 { cpu_ns } else { wall.elapsed().as_secs_f64() * 1e9 };
    calibration.slice();
    let (_, slice_ns) = calibration.take();
    Ok((a, b, cpu_ns, slice_ns))
}

/// Speed as a multiple of real time, from CPU nanoseconds for each second.
fn speed(samples: &Times) -> Option<Estimate> {
    let times: Vec<f64> = samples.cpu_ns.iter().map(|&ns| 1e9 / ns.max(1.0)).collect();
    median_interval(&times, CONFIDENCE)
}

/// Encoding and decoding, each as a point.
fn points_of(job: &Job) -> Vec<Point> {
    let point = |verb: &str, samples: &Times| {
        let series = Series {
            name: format!("{verb} {}", job.name),
            samples: samples.cpu_ns.clone(),
            calibration: samples.calibration.clone(),
            parts: Vec::new(),
        };
        let estimate = speed(samples).map(|one| {
            let object = Object::new().float("median", one.value);
            object.float("low", one.low).float("high", one.high).finish()
        });
        let facts = Object::new()
            .text("codec", &job.codec)
            .text("input", &job.input)
            .maybe("target_kbps", job.target.map(|rate| json::float(float(rate.0) / 1000.0)))
            .raw("sample_rate", job.config.format.rate)
            .raw("channels", job.config.format.channels())
            .float("seconds", job.signal.seconds())
            .maybe("x_realtime", estimate);
        let facts = match &job.coded {
            Some(coded) => facts
                .raw("bytes", coded.bytes)
                .raw("packets", coded.packets)
                .float("kbps", coded.kbps)
                .raw("delay_samples", coded.comparison.alignment.delay)
                .float("snr_db", coded.comparison.snr_db)
                .maybe("segmental_snr_db", coded.comparison.segmental_snr_db.map(json::float))
                .maybe("lsd_db", coded.comparison.log_spectral_distance_db.map(json::float)),
            None => facts,
        };
        Point { series, facts }
    };
    vec![point("encode", &job.encode), point("decode", &job.decode)]
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn float(count: u64) -> f64 {
    count as f64
}
