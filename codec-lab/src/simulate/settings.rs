//! Settings of a simulation, with defaults, and checks for combinations that do not work.

use std::path::PathBuf;
use std::time::Duration;

use codec_container::Format;
use codec_media::failure::{Failure, Result};
use codec_media::io::input::InputSpec;
use codec_media::io::names::is_pipe;
use codec_media::io::output::OutputRules;
use codec_media::rate_trace::read_trace;
use codec_media::settings::encoder::{EncoderSettings, Preset};
use codec_rtc::link::{LinkConfig, RateTrace};
use codec_rtc::packet::VideoFormat;

use super::options::{OnLoss, Recovery, SimulateOptions};

/// Share of the link's rate that is the encoder's target with `--rate-trace link`. The remaining
/// share covers headers and overshoot.
const SHARE: f64 = 0.85;
/// Longest playout delay, and longest encoding and decoding time.
const MOST: Duration = Duration::from_secs(10);

/// The settings of `simulate`.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) input: InputSpec,
    pub(super) encoder: EncoderSettings,
    pub(super) link: LinkConfig,
    pub(super) link_text: String,
    pub(super) seed: u64,
    pub(super) recovery: Recovery,
    pub(super) on_loss: OnLoss,
    pub(super) playout: Duration,
    pub(super) reorder_timeout: Duration,
    pub(super) pli_interval: Duration,
    pub(super) mtu: usize,
    pub(super) pace: f64,
    /// The encoder's bitrate over time, and the delay of its reaction.
    pub(super) follow: Option<(RateTrace, Duration)>,
    pub(super) encode_time: Duration,
    pub(super) decode_time: Duration,
    pub(super) frames: Option<u64>,
    pub(super) duration: Option<Duration>,
    pub(super) threads: Option<usize>,
    pub(super) outputs: Vec<(PathBuf, Output)>,
    pub(super) rules: OutputRules,
}

/// The content of an output file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// All results.
    Json,
    /// A row for each frame.
    Csv,
    /// The stream that the decoder received.
    Received,
    /// The frames that the viewer saw.
    Seen,
}

impl Settings {
    pub(super) fn new(args: &SimulateOptions) -> Result<Self> {
        if args.encoder.preset == Some(Preset::File) {
            return Err(Failure::usage(
                "--preset file cannot be used with simulate: it needs look-ahead",
            ));
        }
        if args.encoder.max_frame_time.is_some() {
            let why = "results would differ between machines";
            return Err(Failure::usage(format!(
                "--max-frame-time cannot be used with simulate: {why}"
            )));
        }
        let encoder = EncoderSettings::new(&args.encoder, Preset::Rtc, Format::Raw)?;
        let codec = encoder.backend.codec;
        if VideoFormat::of(codec).is_none() {
            let message = format!("cannot simulate {codec}: only vp8, vp9 and h264 are supported");
            return Err(Failure::usage(message));
        }
        let input = args.input.clone();
        let link = args.link.config()?;
        let outputs = outputs(args)?;
        let mut protected = vec![input.path.clone()];
        protected.extend(args.link.file().cloned());
        let mut follow = None;
        if let Some(path) = &args.rate_trace {
            if !encoder.is_bitrate() {
                return Err(Failure::usage("--rate-trace cannot be used with -q or --qp"));
            }
            let trace = if path.as_os_str() == "link" {
                link.rate.scaled(SHARE)
            } else {
                protected.push(path.clone());
                read_trace(path)?
            };
            follow = Some((trace, args.rate_delay));
        }
        if args.pace != 0.0 && !(0.5..=1000.0).contains(&args.pace) {
            return Err(Failure::usage(format!(
                "invalid --pace {}: expected 0, or 0.5 to 1000",
                args.pace
            )));
        }
        let mut settings = Self {
            input,
            encoder,
            link,
            link_text: args.link.text.clone(),
            seed: args.seed,
            recovery: args.recovery,
            on_loss: args.on_loss,
            playout: Duration::ZERO,
            reorder_timeout: Duration::ZERO,
            pli_interval: args.pli_interval,
            mtu: args.mtu.into(),
            pace: args.pace,
            follow,
            encode_time: args.encode_time,
            decode_time: args.decode_time,
            frames: args.frames,
            duration: args.duration,
            threads: args.threads,
            outputs,
            rules: OutputRules { overwrite: args.yes, protected, ..OutputRules::default() },
        };
        settings.playout = args.playout.unwrap_or_else(|| settings.default_playout());
        settings.reorder_timeout =
            args.reorder_timeout.unwrap_or_else(|| settings.default_reorder_timeout());
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        for (flag, time) in [
            ("--playout", self.playout),
            ("--encode-time", self.encode_time),
            ("--decode-time", self.decode_time),
        ] {
            if time > MOST {
                return Err(Failure::usage(format!(
                    "invalid {flag}: expected at most {} s",
                    MOST.as_secs()
                )));
            }
        }
        let least = self.min_delay();
        if self.playout < least {
            let message = format!(
                "invalid --playout {} ms: no frame can arrive before {} ms",
                self.playout.as_secs_f64() * 1e3,
                least.as_secs_f64() * 1e3
            );
            return Err(Failure::usage(message));
        }
        for (index, (path, _)) in self.outputs.iter().enumerate() {
            if self.outputs[..index].iter().any(|(other, _)| other == path) {
                return Err(Failure::usage(format!("output {} was given twice", path.display())));
            }
            self.rules.check(path)?;
        }
        Ok(())
    }

    /// Minimum delay of every frame.
    fn min_delay(&self) -> Duration {
        self.encode_time + self.link.delay + self.decode_time
    }

    fn default_playout(&self) -> Duration {
        let needed = self.min_delay() + self.link.jitter.max() + Duration::from_millis(50);
        needed.clamp(Duration::from_millis(100), MOST)
    }

    /// The round trip time: feedback returns without loss, jitter and queueing.
    pub(super) fn round_trip(&self) -> Duration {
        2 * self.link.delay
    }

    /// Time until a requested packet should arrive: a round trip, the jitter, and its time at the
    /// pacer and at the link.
    pub(super) fn retry(&self) -> Duration {
        self.round_trip() + self.link.jitter.max() + Duration::from_millis(30)
    }

    /// Time for which a missing packet counts as reordered rather than lost.
    pub(super) fn reordering(&self) -> Duration {
        let jitter = self.link.jitter;
        if jitter.reorders { jitter.max() } else { Duration::ZERO }
    }

    fn default_reorder_timeout(&self) -> Duration {
        match self.recovery {
            // Two attempts, because the retransmission may be lost as well.
            Recovery::Nack => self.reordering() + 2 * self.retry(),
            Recovery::Pli | Recovery::None => self.reordering().max(Duration::from_millis(10)),
        }
    }
}

fn outputs(args: &SimulateOptions) -> Result<Vec<(PathBuf, Output)>> {
    let mut outputs = Vec::new();
    for path in &args.output {
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Output::Json,
            Some("ivf") => Output::Received,
            Some("y4m") => Output::Seen,
            _ if is_pipe(path) => {
                return Err(Failure::usage(
                    "cannot write frames to standard output, which carries the results\nhelp: name a file with -o",
                ));
            }
            _ => {
                let name = path.display();
                return Err(Failure::usage(format!(
                    "invalid -o {name}: expected a name ending in .json, .ivf or .y4m"
                )));
            }
        };
        outputs.push((path.clone(), kind));
    }
    if let Some(path) = &args.report {
        if path.extension().is_none_or(|extension| extension != "csv") {
            let name = path.display();
            return Err(Failure::usage(format!(
                "invalid --report {name}: expected a name ending in .csv"
            )));
        }
        outputs.push((path.clone(), Output::Csv));
    }
    Ok(outputs)
}
