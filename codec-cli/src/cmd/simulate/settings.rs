//! Settings with their defaults, and whether they go together.

use std::path::PathBuf;
use std::time::Duration;

use codec_container::Format;
use codec_core::codec::Codec;
use codec_rtc::link::{LinkConfig, RateTrace};

use crate::args::encoder::PresetArg;
use crate::args::rate_trace::read_trace;
use crate::args::resolved_encoder::EncoderSettings;
use crate::args::simulate::{OnLossArg, RecoveryArg, SimulateArgs};
use crate::failure::{Failure, Result};
use crate::io::input::InputSpec;
use crate::io::names::is_pipe;
use crate::io::output::Rules;

/// Share of the link's rate that the encoder is given with `--rate-trace link`: the rest is for
/// headers, and for frames that come out larger than planned.
const SHARE: f64 = 0.85;
/// Longest playout, and time of coding and decoding.
const MOST: Duration = Duration::from_secs(10);

/// Everything that `simulate` is told.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) input: InputSpec,
    pub(super) encoder: EncoderSettings,
    pub(super) link: LinkConfig,
    pub(super) link_text: String,
    pub(super) seed: u64,
    pub(super) recovery: RecoveryArg,
    pub(super) on_loss: OnLossArg,
    pub(super) playout: Duration,
    pub(super) patience: Duration,
    pub(super) pli_interval: Duration,
    pub(super) mtu: usize,
    pub(super) pace: f64,
    /// Rates of the encoder over time, and how late it follows them.
    pub(super) follow: Option<(RateTrace, Duration)>,
    pub(super) encode_time: Duration,
    pub(super) decode_time: Duration,
    pub(super) frames: Option<u64>,
    pub(super) duration: Option<Duration>,
    pub(super) threads: Option<usize>,
    pub(super) outputs: Vec<(PathBuf, Output)>,
    pub(super) rules: Rules,
}

/// What a file is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// All figures.
    Json,
    /// A row for each frame.
    Csv,
    /// What the decoder was given.
    Received,
    /// What was seen.
    Seen,
}

impl Settings {
    pub(super) fn new(args: &SimulateArgs) -> Result<Self> {
        if args.encoder.preset == Some(PresetArg::File) {
            return Err(Failure::usage("--preset file looks ahead, which a live link cannot"));
        }
        if args.encoder.max_frame_time.is_some() {
            let why = "the same seed would not give the same figures on another machine";
            return Err(Failure::usage(format!("--max-frame-time follows the clock: {why}")));
        }
        let encoder = EncoderSettings::new(&args.encoder, PresetArg::Rtc, Format::Raw)?;
        let codec = encoder.backend.codec;
        if codec != Codec::Vp8 {
            let message = format!("{codec} has no RTP payload format here: vp8 has");
            return Err(Failure::usage(message));
        }
        let input = InputSpec::from(&args.input);
        let link = args.link.config()?;
        let outputs = outputs(args)?;
        let mut not = vec![input.path.clone()];
        not.extend(args.link.file().cloned());
        let mut follow = None;
        if let Some(path) = &args.rate_trace {
            if !encoder.is_bitrate() {
                return Err(Failure::usage("--rate-trace needs a bitrate, not -q or --qp"));
            }
            let trace = if path.as_os_str() == "link" {
                link.rate.scaled(SHARE)
            } else {
                not.push(path.clone());
                read_trace(path)?
            };
            follow = Some((trace, args.rate_delay));
        }
        if args.pace != 0.0 && !(0.5..=1000.0).contains(&args.pace) {
            return Err(Failure::usage(format!(
                "--pace {}: expected 0, or 0.5 to 1000",
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
            patience: Duration::ZERO,
            pli_interval: args.pli_interval,
            mtu: args.mtu.into(),
            pace: args.pace,
            follow,
            encode_time: args.encode_time,
            decode_time: args.decode_time,
            frames: args.frames,
            duration: args.duration,
            threads: args.threads.map(usize::from),
            outputs,
            rules: Rules { overwrite: args.yes, not, terminal: false },
        };
        settings.playout = args.playout.unwrap_or_else(|| settings.usual_playout());
        settings.patience = args.patience.unwrap_or_else(|| settings.usual_patience());
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
                return Err(Failure::usage(format!("{flag}: at most {} s", MOST.as_secs())));
            }
        }
        let least = self.least_delay();
        if self.playout < least {
            let message = format!(
                "--playout {} ms: no frame can be there before {} ms",
                self.playout.as_secs_f64() * 1e3,
                least.as_secs_f64() * 1e3
            );
            return Err(Failure::usage(message));
        }
        for (index, (path, _)) in self.outputs.iter().enumerate() {
            if self.outputs[..index].iter().any(|(other, _)| other == path) {
                return Err(Failure::usage(format!("{} is given twice", path.display())));
            }
            self.rules.check(path)?;
        }
        Ok(())
    }

    /// What every frame takes at least.
    fn least_delay(&self) -> Duration {
        self.encode_time + self.link.delay + self.decode_time
    }

    fn usual_playout(&self) -> Duration {
        let needed = self.least_delay() + self.link.jitter.most() + Duration::from_millis(50);
        needed.clamp(Duration::from_millis(100), MOST)
    }

    /// The way there and back: what is asked for goes back without loss, jitter and queue.
    pub(super) fn round_trip(&self) -> Duration {
        2 * self.link.delay
    }

    /// When a packet that was asked for should be there: a round trip, the jitter, and its turn at
    /// the pacer and at the link.
    pub(super) fn retry(&self) -> Duration {
        self.round_trip() + self.link.jitter.most() + Duration::from_millis(30)
    }

    /// How long a packet that is missing may just be overtaken.
    pub(super) fn reordering(&self) -> Duration {
        let jitter = self.link.jitter;
        if jitter.reorders { jitter.most() } else { Duration::ZERO }
    }

    fn usual_patience(&self) -> Duration {
        match self.recovery {
            // Two tries: the packet that is sent again may be lost as well.
            RecoveryArg::Nack => self.reordering() + 2 * self.retry(),
            RecoveryArg::Pli | RecoveryArg::None => {
                self.reordering().max(Duration::from_millis(10))
            }
        }
    }
}

fn outputs(args: &SimulateArgs) -> Result<Vec<(PathBuf, Output)>> {
    let mut outputs = Vec::new();
    for path in &args.output {
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Output::Json,
            Some("ivf") => Output::Received,
            Some("y4m") => Output::Seen,
            _ if is_pipe(path) => {
                return Err(Failure::usage(
                    "standard output is for the figures: name a file by -o",
                ));
            }
            _ => {
                let name = path.display();
                return Err(Failure::usage(format!("-o {name}: expected .json, .ivf or .y4m")));
            }
        };
        outputs.push((path.clone(), kind));
    }
    if let Some(path) = &args.report {
        if path.extension().is_none_or(|extension| extension != "csv") {
            let name = path.display();
            return Err(Failure::usage(format!("--report {name}: the name must end in .csv")));
        }
        outputs.push((path.clone(), Output::Csv));
    }
    Ok(outputs)
}
