//! Terms in reports and plots that differ between video and audio.

use crate::results::Results;

/// Names and units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// The unit of the speed.
    pub(crate) speed: &'static str,
    /// The unit of the speed, short.
    pub(crate) speed_head: &'static str,
    /// The unit that CPU times refer to.
    pub(crate) per: &'static str,
    /// Frames; for audio, segments.
    pub(crate) frames: &'static str,
    /// Frames without new content.
    pub(crate) frozen: &'static str,
    /// The values of the chart over time.
    pub(crate) over_time: &'static str,
}

const VIDEO: Words = Words {
    speed: "frames per s",
    speed_head: "fps",
    per: "frame",
    frames: "frames",
    frozen: "frozen",
    over_time: "The frame that a viewer sees at the time of each frame of the clip.",
};

const AUDIO: Words = Words {
    speed: "× real time",
    speed_head: "× real time",
    per: "s of audio",
    frames: "segments",
    frozen: "missing",
    over_time: "Each segment of 20 ms, whose number is its frame number; a silent segment has no value of segmental SNR \
                and of log-spectral distance.",
};

impl Words {
    pub(crate) fn of(results: &Results) -> &'static Self {
        if results.is_audio() { &AUDIO } else { &VIDEO }
    }

    /// A word with an upper-case first letter, for heads of columns.
    pub(crate) fn head(word: &str) -> String {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}
