//! A link as it is written: `rate=800k,delay=40ms,jitter=10ms,loss=2%,burst=3,queue=200ms`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_rtc::link::{Jitter, JitterShape, LinkConfig, Loss, QueueLimit, RateTrace};

use super::rate_trace::read_trace;
use super::values;
use crate::failure::{Failure, Result};

/// The rate of a link that states none: no bottleneck.
const FREE: Bitrate = Bitrate(1_000_000_000);

/// Keys that a link has.
const KEYS: &str = "rate, delay, jitter, shape, reorder, loss, burst, queue and overhead";

/// A link before its trace is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LinkSpec {
    /// As typed.
    pub(crate) text: String,
    rate: Rate,
    /// The rest, with a rate that does not count.
    config: LinkConfig,
}

#[derive(Clone, Debug, PartialEq)]
enum Rate {
    Constant(Bitrate),
    File(PathBuf),
}

impl LinkSpec {
    /// The file that the rate is read from.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        match &self.rate {
            Rate::File(path) => Some(path),
            Rate::Constant(_) => None,
        }
    }

    /// The whole description.
    pub(crate) fn config(&self) -> Result<LinkConfig> {
        let rate = match &self.rate {
            Rate::File(path) => read_trace(path)?,
            Rate::Constant(rate) => RateTrace::constant(*rate).map_err(Failure::internal)?,
        };
        Ok(LinkConfig { rate, ..self.config.clone() })
    }
}

impl FromStr for LinkSpec {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let constant = RateTrace::constant(FREE).map_err(|error| error.to_string())?;
        let mut config = LinkConfig::new(constant);
        let mut rate = Rate::Constant(FREE);
        let (mut loss, mut burst) = (None, None);
        let mut seen = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("{part}: expected NAME=VALUE"))?;
            if seen.contains(&key) {
                return Err(format!("{key} is given twice"));
            }
            seen.push(key);
            let wrong = |error: String| format!("{key}={value}: {error}");
            match key {
                "rate" => {
                    rate = match values::bitrate(value) {
                        Ok(rate) => Rate::Constant(rate),
                        Err(_) if value.ends_with(".csv") => Rate::File(value.into()),
                        Err(error) => return Err(wrong(format!("{error}, or a file .csv"))),
                    };
                }
                "delay" => config.delay = time(value).map_err(wrong)?,
                "jitter" => config.jitter.time = time(value).map_err(wrong)?,
                "shape" => {
                    config.jitter.shape = match value {
                        "uniform" => JitterShape::Uniform,
                        "exponential" => JitterShape::Exponential,
                        _ => return Err(wrong("expected uniform or exponential".to_owned())),
                    };
                }
                "reorder" => {
                    config.jitter.reorders = match value {
                        "on" | "yes" => true,
                        "off" | "no" => false,
                        _ => return Err(wrong("expected on or off".to_owned())),
                    };
                }
                "loss" => loss = Some(percent(value).map_err(wrong)?),
                "burst" => {
                    let mean = value.parse::<f64>().ok();
                    burst = Some(mean.ok_or_else(|| wrong("expected packets".to_owned()))?);
                }
                "queue" => config.queue = queue(value).map_err(wrong)?,
                "overhead" => {
                    let bytes = value.parse().ok();
                    config.overhead_bytes =
                        bytes.ok_or_else(|| wrong("expected bytes".to_owned()))?;
                }
                _ => return Err(format!("{key}: a link has {KEYS}")),
            }
        }
        config.loss = match (loss, burst) {
            (None, None) => Loss::None,
            (Some(mean), None) => Loss::Random(mean),
            (Some(mean), Some(burst)) => Loss::Bursts { mean, burst },
            (None, Some(_)) => return Err("burst needs loss".to_owned()),
        };
        if config.jitter.time.is_zero() {
            if seen.contains(&"reorder") || seen.contains(&"shape") {
                return Err("reorder and shape need jitter".to_owned());
            }
            config.jitter = Jitter::NONE;
        }
        // Ranges are the link's own.
        codec_rtc::link::Link::<()>::new(config.clone(), 0).map_err(|error| error.to_string())?;
        Ok(Self { text: text.to_owned(), rate, config })
    }
}

/// `40ms`, `1.5s`, `300us`; a plain number is milliseconds.
pub(crate) fn time(text: &str) -> std::result::Result<Duration, String> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0)];
    let found = units.iter().find_map(|&(unit, s)| Some((text.strip_suffix(unit)?, s)));
    let (number, unit) = found.unwrap_or((text, 1e-3));
    let seconds = number.parse::<f64>().map_or(f64::NAN, |number| number * unit);
    if (0.0..=1e6).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err("expected a time such as 40ms or 1.5s".to_owned())
}

/// `2%` or `2`, as a share.
pub(crate) fn percent(text: &str) -> std::result::Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    let share = number.map(|number| number / 100.0);
    share.filter(|share| share.is_finite()).ok_or_else(|| "expected percent: 2%".to_owned())
}

/// `200ms`, or bytes: `64kB`, `30000B`.
fn queue(text: &str) -> std::result::Result<QueueLimit, String> {
    let Some(bytes) = text.strip_suffix('B') else {
        return time(text).map(QueueLimit::Time).map_err(|error| format!("{error}, or 64kB"));
    };
    let (number, unit) = match bytes.as_bytes().last() {
        Some(b'k' | b'K') => (&bytes[..bytes.len() - 1], 1000),
        Some(b'M') => (&bytes[..bytes.len() - 1], 1_000_000),
        _ => (bytes, 1),
    };
    let count = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    count.map(QueueLimit::Bytes).ok_or_else(|| "expected bytes such as 64kB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn every_part_of_a_link_is_read() {
        let text = "rate=800k,delay=40ms,jitter=10ms,shape=exponential,reorder=on,loss=2%,burst=3,\
                    queue=64kB,overhead=0";
        let config = text.parse::<LinkSpec>().unwrap().config().unwrap();
        assert_eq!(config.rate.rate_at(ms(0)), Bitrate::kbps(800));
        assert_eq!((config.delay, config.jitter.time), (ms(40), ms(10)));
        assert_eq!((config.jitter.shape, config.jitter.reorders), (JitterShape::Exponential, true));
        assert_eq!(config.loss, Loss::Bursts { mean: 0.02, burst: 3.0 });
        assert_eq!((config.queue, config.overhead_bytes), (QueueLimit::Bytes(64_000), 0));
    }

    #[test]
    fn what_is_not_said_is_harmless() {
        let config = "".parse::<LinkSpec>().unwrap().config().unwrap();
        assert_eq!(config.rate.rate_at(ms(0)), FREE);
        assert_eq!((config.delay, config.loss), (ms(0), Loss::None));
        assert_eq!(config.queue, QueueLimit::Time(ms(200)));
        assert_eq!(config.overhead_bytes, 28);
        let plain = "delay=1.5s,loss=5,queue=300".parse::<LinkSpec>().unwrap().config().unwrap();
        assert_eq!((plain.delay, plain.loss), (ms(1500), Loss::Random(0.05)));
        assert_eq!(plain.queue, QueueLimit::Time(ms(300)));
    }

    #[test]
    fn wrong_links_are_refused() {
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
            "queue=-5B",
            "queue=99999MB",
            "overhead=-1",
            "overhead=5000",
            "speed=1",
            "reorder=on",
            "jitter=10ms,shape=normal",
            "jitter=10ms,reorder=maybe",
            "queue=99999999999999999999999MB",
        ] {
            assert!(wrong.parse::<LinkSpec>().is_err(), "{wrong}");
        }
    }
}
