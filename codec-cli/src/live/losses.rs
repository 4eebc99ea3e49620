//! What of an input that happens now is lost before the encoder, and how it is told.

use crate::json::Object;

/// Pictures and sound of an input that happens now and that did not get to the encoder.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Losses {
    /// Pictures that the driver left out.
    pub(crate) by_driver: u64,
    /// Pictures that were old before the encoder had time for them.
    pub(crate) late: u64,
    /// Pictures that were not whole.
    pub(crate) damaged: u64,
    /// Gaps of the sound, and the silence in their places.
    pub(crate) sound_gaps: u64,
    pub(crate) silence_s: f64,
    /// Sound that was not fetched in time.
    pub(crate) sound_late_s: f64,
}

impl Losses {
    /// For the user: nothing where nothing was lost.
    pub(crate) fn told(&self) -> Vec<String> {
        let Self { by_driver, late, damaged, sound_gaps, silence_s, sound_late_s } = *self;
        let frames = [
            (by_driver, "lost by the driver"),
            (late, "too old for the encoder"),
            (damaged, "damaged"),
        ];
        let lost = frames.into_iter().filter(|(count, _)| *count > 0);
        let mut parts: Vec<String> =
            lost.map(|(count, what)| format!("{count} frames {what}")).collect();
        if sound_gaps > 0 {
            parts.push(format!("{sound_gaps} gaps of the sound ({silence_s:.2} s)"));
        }
        if sound_late_s > 0.0 {
            parts.push(format!("{sound_late_s:.2} s of sound left out"));
        }
        parts
    }

    /// For programs.
    pub(crate) fn to_json(self) -> Object {
        Object::new()
            .raw("frames_lost_by_driver", self.by_driver)
            .raw("frames_late", self.late)
            .raw("frames_damaged", self.damaged)
            .raw("sound_gaps", self.sound_gaps)
            .float("silence_s", self.silence_s)
            .float("sound_late_s", self.sound_late_s)
    }
}
