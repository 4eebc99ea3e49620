//! The plan of a job that measures the rate-distortion points of a study (an encoder comparison).

use codec_core::frame::Rational;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::session::chunks::VERSION;
use serde::{Deserialize, Serialize};

/// Version of the JSON form.
const FORM: u64 = 1;
/// Limit of the number of units, and of the points of one.
const MAX_UNITS: usize = 1 << 16;
/// Limit of the frames of a unit.
const MAX_FRAMES: u64 = 1 << 40;
/// Number of hexadecimal digits of a key.
const KEY_DIGITS: usize = 32;

/// A study that is divided into units of work, each of which one worker measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointPlan {
    codec_points: u64,
    version: String,
    /// The study as text, which [`Handlers::measure`](crate::Handlers::measure) parses.
    pub study: String,
    /// The machine that measures, if times are measured; units of such jobs run alone on it.
    pub machine: Option<String>,
    /// Frames per second, for the progress.
    frame_rate: [u32; 2],
    units: Vec<PlannedUnit>,
}

/// One unit of work of a study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedUnit {
    /// Identifies its results: 32 hexadecimal digits.
    pub key: String,
    /// Number of its clip in the study.
    pub clip: usize,
    /// The points, identified by 32 hexadecimal digits each.
    pub points: Vec<String>,
    /// Number of frames that are encoded.
    pub frames: u64,
}

impl PointPlan {
    /// A plan with units of a study.
    ///
    /// # Errors
    /// If a unit is not valid, or there is none.
    pub fn new(
        study: String,
        machine: Option<String>,
        frame_rate: Rational,
        units: Vec<PlannedUnit>,
    ) -> Result<Self> {
        let frame_rate = [frame_rate.num, frame_rate.den];
        let (codec_points, version) = (FORM, VERSION.to_owned());
        let plan = Self { codec_points, version, study, machine, frame_rate, units };
        plan.check().map_err(Failure::internal)?;
        Ok(plan)
    }

    /// The units, in order; at least one.
    #[must_use]
    pub fn units(&self) -> &[PlannedUnit] {
        &self.units
    }

    /// Whether text could be the JSON form of such a plan.
    pub(crate) fn is_form(text: &str) -> bool {
        text.starts_with("{\"codec_points\":")
    }

    /// The plan as JSON.
    pub(crate) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(Failure::internal)
    }

    /// Reads the JSON form of a plan; `name` is for messages.
    ///
    /// # Errors
    /// If the text is not a plan, or is a plan of another version of this library.
    pub(crate) fn from_json(text: &str, name: &str) -> Result<Self> {
        let wrong = |what: &str| Failure::new(Kind::Input, format!("{name}: {what}"));
        let plan: Self = serde_json::from_str(text)
            .map_err(|error| wrong(&format!("not a plan of `codec cluster compare`: {error}")))?;
        if plan.version != VERSION {
            let version = &plan.version;
            let what =
                format!("the plan was made by version {version}, but this is version {VERSION}");
            return Err(wrong(&what));
        }
        plan.check()
            .map_err(|what| wrong(&format!("invalid plan of `codec cluster compare`: {what}")))?;
        Ok(plan)
    }

    fn check(&self) -> std::result::Result<(), String> {
        if self.codec_points != FORM {
            return Err(format!("codec_points is {}, expected {FORM}", self.codec_points));
        }
        if self.units.is_empty() || self.units.len() > MAX_UNITS {
            let count = self.units.len();
            return Err(format!("{count} units of work, expected 1 to {MAX_UNITS}"));
        }
        if self.frame_rate.contains(&0) {
            return Err("frame_rate contains a 0".to_owned());
        }
        for (index, unit) in self.units.iter().enumerate() {
            let keys = || unit.points.iter().chain([&unit.key]);
            let is_valid = (1..=MAX_UNITS).contains(&unit.points.len())
                && (1..MAX_FRAMES).contains(&unit.frames)
                && keys().all(|key| is_key(key));
            if !is_valid {
                return Err(format!(
                    "unit {index}: expected keys of {KEY_DIGITS} hexadecimal digits, 1 to {MAX_UNITS} points, \
                     and at least one frame"
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn frame_rate(&self) -> Rational {
        Rational::new(self.frame_rate[0], self.frame_rate[1])
    }
}

/// Whether text is a key, which is also the name of a folder.
fn is_key(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == KEY_DIGITS && text.bytes().all(is_digit)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn plan(machine: Option<&str>) -> PointPlan {
        let key = "0123456789abcdef".repeat(2);
        let unit = PlannedUnit { key: key.clone(), clip: 0, points: vec![key], frames: 9 };
        let machine = machine.map(str::to_owned);
        PointPlan::new("study".to_owned(), machine, Rational::new(30, 1), vec![unit]).unwrap()
    }

    #[test]
    fn plans_are_read_as_they_are_written() {
        for machine in [None, Some("a CPU")] {
            let plan = plan(machine);
            let json = plan.to_json().unwrap();
            assert!(PointPlan::is_form(&json), "{json}");
            assert_eq!(PointPlan::from_json(&json, "p").unwrap(), plan);
        }
    }

    #[test]
    fn invalid_plans_are_rejected_with_a_reason() {
        let json = plan(None).to_json().unwrap();
        let key = "0123456789abcdef".repeat(2);
        let changes = [
            (VERSION, "9.9.9", "made by version 9.9.9"),
            (key.as_str(), "../../../../../../etc/passwd0000", "unit 0"),
            ("\"frames\":9", "\"frames\":0", "unit 0"),
            ("[30,1]", "[30,0]", "frame_rate"),
            ("\"study\"", "\"stud\"", "unknown field"),
            (":1,", ":2,", "codec_points is 2, expected 1"),
        ];
        for (old, new, expected) in changes {
            let failure = PointPlan::from_json(&json.replacen(old, new, 1), "p").unwrap_err();
            assert!(failure.message.contains(expected), "{expected}: {failure}");
            assert_eq!(failure.kind, Kind::Input);
        }
        let none = json.replacen(&json[json.find("[{").unwrap()..], "[]}", 1);
        assert!(PointPlan::from_json(&none, "p").unwrap_err().message.contains("0 units"));
    }
}
