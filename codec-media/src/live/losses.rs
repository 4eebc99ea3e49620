//! Video and audio of a live input that are lost before they reach the encoder, and reports of
//! these losses.

use crate::count::counted;
use crate::json::Object;

/// Video and audio of a live input that did not reach the encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// Frames dropped by the driver.
    pub by_driver: u64,
    /// Frames that were too old when the encoder was ready.
    pub late: u64,
    /// Frames with damage.
    pub damaged: u64,
    /// Audio gaps, and the silence that fills them.
    pub audio_gaps: u64,
    /// Seconds of silence in the place of lost audio.
    pub silence_s: f64,
    /// Audio that was not read in time.
    pub audio_late_s: f64,
}

impl Losses {
    /// Describes the losses; empty without losses.
    pub fn descriptions(&self) -> Vec<String> {
        let Self { by_driver, late, damaged, audio_gaps, silence_s, audio_late_s } = *self;
        let frames = [
            (by_driver, "lost by the driver"),
            (late, "dropped because the encoder was busy"),
            (damaged, "damaged"),
        ];
        let lost = frames.into_iter().filter(|(count, _)| *count > 0);
        let mut parts: Vec<String> =
            lost.map(|(count, what)| format!("{} {what}", counted(count, "frame"))).collect();
        if audio_gaps > 0 {
            parts.push(format!("{} ({silence_s:.2} s)", counted(audio_gaps, "audio gap")));
        }
        if audio_late_s > 0.0 {
            parts.push(format!("{audio_late_s:.2} s of audio dropped"));
        }
        parts
    }

    /// The losses as JSON.
    pub(crate) fn to_json(self) -> Object {
        Object::new()
            .raw("frames_lost_by_driver", self.by_driver)
            .raw("frames_late", self.late)
            .raw("frames_damaged", self.damaged)
            .raw("audio_gaps", self.audio_gaps)
            .float("silence_s", self.silence_s)
            .float("audio_late_s", self.audio_late_s)
    }
}
