//! Textual link specification: `rate=800k,delay=40ms,loss=2%,burst=3`, `wifi_lossy,seed=7`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

use super::{Jitter, JitterShape, Link, LinkConfig, Loss, QueueLimit, RateTrace};

/// Rate of a link without a specified rate: no bottleneck.
const FREE: Bitrate = Bitrate(1_000_000_000);

/// The settings of a specification.
pub const KEYS: [&str; 11] = [
    "rate", "delay", "jitter", "shape", "reorder", "loss", "burst", "dup", "queue", "overhead",
    "seed",
];

/// The rate in a link specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecRate {
    /// Constant rate.
    Constant(Bitrate),
    /// Name of a CSV file with a rate trace, which is not read here.
    File(String),
}

/// Named presets, with values published by others for WebRTC tests.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Preset {
    name: &'static str,
    delay_ms: u64,
    jitter_ms: u64,
    /// Mean number of packets between loss bursts, and in a burst.
    good: f64,
    bad: f64,
    mbps: u64,
    queue_kb: u64,
}

#[rustfmt::skip]
const PRESETS: [Preset; 6] = [
    Preset { name: "wifi", delay_ms: 5, jitter_ms: 2, good: 200.0, bad: 2.0, mbps: 100, queue_kb: 200 },
    Preset { name: "wifi_lossy", delay_ms: 15, jitter_ms: 10, good: 40.0, bad: 2.0, mbps: 50, queue_kb: 100 },
    Preset { name: "wifi_congested", delay_ms: 10, jitter_ms: 20, good: 20.0, bad: 2.0, mbps: 5, queue_kb: 30 },
    Preset { name: "cellular", delay_ms: 50, jitter_ms: 15, good: 100.0, bad: 2.0, mbps: 30, queue_kb: 100 },
    Preset { name: "satellite", delay_ms: 600, jitter_ms: 30, good: 100.0, bad: 3.0, mbps: 15, queue_kb: 500 },
    Preset { name: "congested", delay_ms: 80, jitter_ms: 40, good: 20.0, bad: 2.0, mbps: 10, queue_kb: 50 },
];

/// Why a link specification is invalid.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LinkSpecError {
    /// A setting is duplicate or malformed, or requires another one.
    Setting(String),
    /// A setting that is not one of [`KEYS`].
    UnknownKey {
        /// The setting as given.
        setting: String,
    },
    /// A value is out of range.
    Range(ConfigError),
}

impl fmt::Display for LinkSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(problem) => f.write_str(problem),
            Self::UnknownKey { setting } => {
                let keys = KEYS.join(", ");
                write!(f, "invalid link setting {setting}: unknown key, expected one of {keys}")
            }
            Self::Range(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LinkSpecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Setting(_) | Self::UnknownKey { .. } => None,
            Self::Range(error) => Some(error),
        }
    }
}

impl From<String> for LinkSpecError {
    fn from(problem: String) -> Self {
        Self::Setting(problem)
    }
}

/// A parsed link specification, before its rate file is read.
///
/// ```
/// use std::time::Duration;
/// use codec_rtc::link::{Link, LinkSpec};
///
/// let spec: LinkSpec = "rate=1M,delay=40ms".parse()?;
/// let mut link = Link::new(spec.constant().ok_or("the rate varies")?, 1)?;
/// link.send(Duration::ZERO, 1250, "packet"); // 10 ms at 1 Mb/s
/// assert!(link.poll(Duration::from_millis(45)).is_none());
/// let arrival = link.poll(Duration::from_millis(60)).expect("it has arrived");
/// assert_eq!(arrival.packet, "packet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSpec {
    text: String,
    rate: SpecRate,
    /// Other settings; the rate in it is a placeholder.
    config: LinkConfig,
    duplicates: f64,
    seed: Option<u64>,
}

impl LinkSpec {
    /// The specification as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The rate.
    #[must_use]
    pub fn rate(&self) -> &SpecRate {
        &self.rate
    }

    /// Share of packets to send twice, 0..=1. Duplication is left to the caller of [`super::Link`].
    #[must_use]
    pub fn duplicates(&self) -> f64 {
        self.duplicates
    }

    /// Random seed, if specified.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// The link configuration if the rate is constant; `None` if it is in a file.
    #[must_use]
    pub fn constant(&self) -> Option<LinkConfig> {
        match self.rate {
            SpecRate::Constant(rate) => Some(self.with_rate(RateTrace::constant(rate).ok()?)),
            SpecRate::File(_) => None,
        }
    }

    /// The link configuration with the given rate trace.
    #[must_use]
    pub fn with_rate(&self, rate: RateTrace) -> LinkConfig {
        LinkConfig { rate, ..self.config.clone() }
    }
}

impl fmt::Display for LinkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Loss settings in the specification.
#[derive(Default)]
struct Losses {
    mean: Option<f64>,
    burst: Option<f64>,
}

impl LinkSpec {
    fn harmless(text: &str) -> Result<Self, String> {
        let constant = RateTrace::constant(FREE).map_err(|error| error.to_string())?;
        let config = LinkConfig::new(constant);
        let rate = SpecRate::Constant(FREE);
        Ok(Self { text: text.to_owned(), rate, config, duplicates: 0.0, seed: None })
    }

    fn take(&mut self, preset: &Preset) {
        self.rate = SpecRate::Constant(Bitrate(preset.mbps * 1_000_000));
        self.config.delay = Duration::from_millis(preset.delay_ms);
        self.config.jitter.time = Duration::from_millis(preset.jitter_ms);
        self.config.queue = QueueLimit::Bytes(preset.queue_kb * 1000);
        let (to_bad, to_good) = (1.0 / preset.good, 1.0 / preset.bad);
        self.config.loss = Loss::GilbertElliott { to_bad, to_good, good: 0.0, bad: 1.0 };
    }

    fn set(&mut self, key: &str, value: &str, losses: &mut Losses) -> Result<(), String> {
        let config = &mut self.config;
        match key {
            "rate" => {
                self.rate = match bitrate(value) {
                    Ok(rate) => SpecRate::Constant(rate),
                    Err(_) if value.ends_with(".csv") => SpecRate::File(value.to_owned()),
                    Err(error) => return Err(format!("{error}, or the name of a .csv file")),
                };
            }
            "delay" => config.delay = time(value)?,
            "jitter" => config.jitter.time = time(value)?,
            "shape" => {
                config.jitter.shape = match value {
                    "uniform" => JitterShape::Uniform,
                    "exponential" => JitterShape::Exponential,
                    _ => return Err("expected uniform or exponential".to_owned()),
                };
            }
            "reorder" => {
                config.jitter.reorders = match value {
                    "on" | "yes" => true,
                    "off" | "no" => false,
                    _ => return Err("expected on or off".to_owned()),
                };
            }
            "loss" => losses.mean = Some(share(value)?),
            "burst" => {
                losses.burst = Some(value.parse().map_err(|_| "expected a number of packets")?)
            }
            "dup" => self.duplicates = share(value)?,
            "queue" => config.queue = queue(value)?,
            "overhead" => {
                config.overhead_bytes = value.parse().map_err(|_| "expected a number of bytes")?
            }
            "seed" => self.seed = Some(value.parse().map_err(|_| "expected an integer")?),
            _ => return Err("unknown key".to_owned()),
        }
        Ok(())
    }
}

/// Parses a percentage of packets as a fraction.
fn share(text: &str) -> Result<f64, String> {
    let share = percent(text)?;
    let is_share = (0.0..=1.0).contains(&share);
    if is_share { Ok(share) } else { Err("expected 0% to 100%".to_owned()) }
}

impl FromStr for LinkSpec {
    type Err = LinkSpecError;

    fn from_str(text: &str) -> Result<Self, LinkSpecError> {
        let mut spec = Self::harmless(text)?;
        let mut losses = Losses::default();
        let mut seen = Vec::new();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        for (at, part) in parts.enumerate() {
            let Some((key, value)) = part.split_once('=') else {
                let preset = PRESETS.iter().find(|preset| at == 0 && preset.name == part);
                spec.take(preset.ok_or_else(|| {
                    let names = PRESETS.map(|preset| preset.name).join(", ");
                    format!(
                        "invalid link setting {part}: expected KEY=VALUE or, as the first setting, one of {names}"
                    )
                })?);
                continue;
            };
            if seen.contains(&key) {
                return Err(format!("duplicate link setting {key}").into());
            }
            seen.push(key);
            if !KEYS.contains(&key) {
                return Err(LinkSpecError::UnknownKey { setting: part.to_owned() });
            }
            let set = spec.set(key, value, &mut losses);
            set.map_err(|error| format!("invalid link setting {key}={value}: {error}"))?;
        }
        match (losses.mean, losses.burst) {
            (None, None) => {}
            (Some(mean), None) => spec.config.loss = Loss::Random(mean),
            (Some(mean), Some(burst)) => spec.config.loss = Loss::Bursts { mean, burst },
            (None, Some(_)) => return Err("link setting burst requires loss".to_owned().into()),
        }
        if spec.config.jitter.time.is_zero() {
            if seen.contains(&"reorder") || seen.contains(&"shape") {
                return Err("link settings reorder and shape require jitter".to_owned().into());
            }
            spec.config.jitter = Jitter::NONE;
        }
        // The link itself checks the ranges.
        Link::<()>::new(spec.config.clone(), 0).map_err(LinkSpecError::Range)?;
        Ok(spec)
    }
}

/// Parses `600`, `600k` or `1.5M`; a number without unit is in kb/s.
fn bitrate(text: &str) -> Result<Bitrate, String> {
    let units = [("k", 1e3), ("K", 1e3), ("m", 1e6), ("M", 1e6)];
    let found = units.iter().find_map(|&(unit, bits)| Some((text.strip_suffix(unit)?, bits)));
    let (number, unit) = found.unwrap_or((text, 1e3));
    let bits = number
        .parse::<f64>()
        .map_err(|_| "expected a bitrate such as 600k or 1.5M (a plain number is kb/s)")?
        * unit;
    if !(1e3..=1e9).contains(&bits) {
        return Err("expected 1k to 1000M".to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(Bitrate(bits.round() as u64))
}

/// Parses a time: `40ms`, `1.5s` or `300us`; a number without unit is in milliseconds.
///
/// # Errors
/// Returns [`LinkSpecError::Setting`] with the expected format.
pub fn parse_time(text: &str) -> Result<Duration, LinkSpecError> {
    Ok(time(text)?)
}

fn time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0)];
    let found = units.iter().find_map(|&(unit, s)| Some((text.strip_suffix(unit)?, s)));
    let (number, unit) = found.unwrap_or((text, 1e-3));
    let seconds = number.parse::<f64>().map_or(f64::NAN, |number| number * unit);
    if (0.0..=1e6).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err("expected a time such as 40ms or 1.5s".to_owned())
}

/// Parses a percentage, `2%` or `2`, as a ratio (0.02).
///
/// # Errors
/// Returns [`LinkSpecError::Setting`] with the expected format.
pub fn parse_percent(text: &str) -> Result<f64, LinkSpecError> {
    Ok(percent(text)?)
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    let share = number.map(|number| number / 100.0);
    share
        .filter(|share| share.is_finite())
        .ok_or_else(|| "expected a percentage such as 2%".to_owned())
}

/// Parses a queue limit: a time such as `200ms`, or bytes such as `64kB` or `30000B`.
fn queue(text: &str) -> Result<QueueLimit, String> {
    let Some(bytes) = text.strip_suffix('B') else {
        return time(text)
            .map(QueueLimit::Time)
            .map_err(|error| format!("{error}, or a size such as 64kB"));
    };
    let units = [("k", 1000), ("K", 1000), ("M", 1_000_000)];
    let found =
        units.iter().find_map(|&(unit, bytes_of)| Some((bytes.strip_suffix(unit)?, bytes_of)));
    let (number, unit) = found.unwrap_or((bytes, 1));
    let count = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    count.map(QueueLimit::Bytes).ok_or_else(|| "expected a size such as 64kB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn config(text: &str) -> LinkConfig {
        text.parse::<LinkSpec>().unwrap().constant().unwrap()
    }

    #[test]
    fn all_link_settings_are_parsed() {
        let text = "rate=800k,delay=40ms,jitter=10ms,shape=exponential,reorder=on,loss=2%,burst=3,\
                    queue=64kB,overhead=0,dup=1%,seed=9";
        let spec = text.parse::<LinkSpec>().unwrap();
        assert_eq!((spec.duplicates(), spec.seed()), (0.01, Some(9)));
        let config = spec.constant().unwrap();
        assert_eq!(config.rate.rate_at(ms(0)), Bitrate::kbps(800));
        assert_eq!((config.delay, config.jitter.time), (ms(40), ms(10)));
        assert_eq!((config.jitter.shape, config.jitter.reorders), (JitterShape::Exponential, true));
        assert_eq!(config.loss, Loss::Bursts { mean: 0.02, burst: 3.0 });
        assert_eq!((config.queue, config.overhead_bytes), (QueueLimit::Bytes(64_000), 0));
        let file = "rate=trace.csv".parse::<LinkSpec>().unwrap();
        assert_eq!((file.rate(), file.constant()), (&SpecRate::File("trace.csv".to_owned()), None));
    }

    #[test]
    fn default_link_has_no_impairment() {
        let config_of_nothing = config("");
        assert_eq!(config_of_nothing.rate.rate_at(ms(0)), FREE);
        assert_eq!((config_of_nothing.delay, config_of_nothing.loss), (ms(0), Loss::None));
        assert_eq!(config_of_nothing.queue, QueueLimit::Time(ms(200)));
        assert_eq!(config_of_nothing.overhead_bytes, 28);
        let plain = config("delay=1.5s,loss=5,queue=300");
        assert_eq!((plain.delay, plain.loss), (ms(1500), Loss::Random(0.05)));
        assert_eq!(plain.queue, QueueLimit::Time(ms(300)));
    }

    #[test]
    fn presets_can_be_overridden() {
        for preset in PRESETS {
            config(preset.name);
        }
        let lossy = config("wifi_lossy,delay=100ms");
        assert_eq!((lossy.delay, lossy.jitter.time), (ms(100), ms(10)));
        assert_eq!(lossy.rate.rate_at(ms(0)), Bitrate::kbps(50_000));
        assert!((lossy.loss.mean() - 2.0 / 42.0).abs() < 1e-9);
        assert_eq!(config("wifi_lossy,loss=1%").loss, Loss::Random(0.01));
    }

    #[test]
    fn invalid_links_are_rejected() {
        for wrong in [
            "rate",
            "rate=",
            "rate=0",
            "rate=x.txt",
            "delay=-1ms",
            "delay=nan",
            "delay=1e9s",
            "delay=61s",
            "jitter=10ms,jitter=20ms",
            "loss=101%",
            "loss=-1%",
            "loss=nan",
            "burst=2",
            "loss=60%,burst=1",
            "loss=2%,burst=0",
            "loss=2%,burst=inf",
            "dup=101%",
            "dup=-1%",
            "seed=-1",
            "seed=x",
            "queue=-5B",
            "queue=99999MB",
            "overhead=-1",
            "overhead=5000",
            "speed=1",
            "reorder=on",
            "jitter=10ms,shape=normal",
            "jitter=10ms,reorder=maybe",
            "queue=99999999999999999999999MB",
            "5G",
            "delay=5ms,wifi",
        ] {
            assert!(wrong.parse::<LinkSpec>().is_err(), "{wrong}");
        }
    }
}
