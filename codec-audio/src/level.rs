//! Audio levels as carried in RTP, and active speaker detection. RFC 6464 (client to mixer) and RFC
//! 6465 (mixer to client).

use super::buffer::Samples;

/// Level of silence in -dBov.
pub const SILENCE_DBOV: u8 = 127;

/// Computes the level in -dBov, from 0 (loudest, a full-scale square wave) to [`SILENCE_DBOV`]: the
/// RMS level rounded to whole decibels (RFC 6465, appendix A).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=127")]
pub fn level_of(samples: Samples<'_>) -> u8 {
    if samples.is_empty() {
        return SILENCE_DBOV;
    }
    let energy: f64 = match samples {
        Samples::S16(values) => values.iter().map(|&v| (f64::from(v) / 32768.0).powi(2)).sum(),
        Samples::F32(values) => {
            values.iter().filter(|v| v.is_finite()).map(|&v| f64::from(v).powi(2)).sum()
        }
    };
    let power = energy / samples.len() as f64;
    (-10.0 * power.log10()).round().clamp(0.0, f64::from(SILENCE_DBOV)) as u8
}

/// Computes [`level_of`] for 16-bit samples.
#[must_use]
pub fn level_dbov(samples: &[i16]) -> u8 {
    level_of(Samples::S16(samples))
}

/// Audio level and voice flag: the content of the header extensions of RFC 6464 and RFC 6465.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Level in -dBov, 0 (loudest) to 127 (silence).
    pub dbov: u8,
    /// Whether the audio contains speech.
    pub voice: bool,
}

impl AudioLevel {
    /// Silence.
    pub const SILENCE: Self = Self { dbov: SILENCE_DBOV, voice: false };

    /// Encodes the byte of RFC 6464, section 3: the voice flag above seven bits of level.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        let level = if self.dbov > SILENCE_DBOV { SILENCE_DBOV } else { self.dbov };
        level | if self.voice { 0x80 } else { 0 }
    }

    /// Decodes the byte of RFC 6464. The byte of RFC 6465 is the same without the voice flag.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self { dbov: byte & SILENCE_DBOV, voice: byte & 0x80 != 0 }
    }
}

/// Writes the levels of contributing sources in the order of the CSRC list, one byte each (RFC
/// 6465, section 3).
///
/// A packet has room for at most 15; further levels are ignored.
pub fn write_csrc_levels(levels: &[AudioLevel], out: &mut Vec<u8>) {
    let no_flag = |level: &AudioLevel| AudioLevel { voice: false, ..*level }.to_byte();
    out.extend(levels.iter().take(15).map(no_flag));
}

/// Detects the active speaker with hysteresis: another source takes over after it was louder by a
/// margin for long enough.
///
/// ```
/// use codec_audio::level::{ActiveSpeaker, AudioLevel};
///
/// let mut speaker = ActiveSpeaker::new(48_000);
/// let frames = 960; // 20 ms
/// for _ in 0..50 {
///     speaker.push(1, AudioLevel { dbov: 60, voice: true }, frames);
///     speaker.push(2, AudioLevel { dbov: 25, voice: true }, frames);
///     speaker.decide(frames);
/// }
/// assert_eq!(speaker.active(), Some(2));
/// ```
#[derive(Clone, Debug)]
pub struct ActiveSpeaker {
    /// Margin in decibels by which another source must be louder.
    margin_db: f32,
    /// Duration for which another source must be louder, in sample frames.
    hold_frames: u64,
    rate: u32,
    speakers: Vec<Speaker>,
    active: Option<u32>,
    challenger: Option<(u32, u64)>,
}

#[derive(Clone, Debug)]
struct Speaker {
    id: u32,
    /// Smoothed level in dB above silence, 0..=127.
    loudness: f32,
}

impl ActiveSpeaker {
    /// Creates a detector with a margin of 6 dB and a duration of 300 ms. `rate` is in sample
    /// frames per second.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self::with_hysteresis(rate, 6.0, 300)
    }

    /// Creates a detector with the given margin and duration.
    #[must_use]
    pub fn with_hysteresis(rate: u32, margin_db: f32, hold_ms: u32) -> Self {
        let hold_frames = u64::from(rate) * u64::from(hold_ms) / 1000;
        let (speakers, active, challenger) = (Vec::new(), None, None);
        Self { margin_db, hold_frames, rate: rate.max(1), speakers, active, challenger }
    }

    /// Returns the active speaker, if there was one so far.
    #[must_use]
    pub fn active(&self) -> Option<u32> {
        self.active
    }

    /// Updates the level of a source over `frames` sample frames. A level without voice counts as
    /// silence.
    pub fn push(&mut self, id: u32, level: AudioLevel, frames: usize) {
        let now =
            if level.voice { f32::from(SILENCE_DBOV - level.dbov.min(SILENCE_DBOV)) } else { 0.0 };
        let index = self.speakers.iter().position(|s| s.id == id).unwrap_or_else(|| {
            self.speakers.push(Speaker { id, loudness: 0.0 });
            self.speakers.len() - 1
        });
        let speaker = &mut self.speakers[index];
        // Attack of 50 ms, release of 500 ms.
        let seconds = frames as f32 / self.rate as f32;
        let constant = if now > speaker.loudness { 0.05 } else { 0.5 };
        speaker.loudness += (now - speaker.loudness) * (1.0 - (-seconds / constant).exp());
    }

    /// Updates the decision after all levels of the last `frames` sample frames have been pushed.
    pub fn decide(&mut self, frames: usize) -> Option<u32> {
        // The first of equal levels, so that the result does not depend on the order of arrival.
        let loudest = self.speakers.iter().fold(None::<&Speaker>, |best, speaker| match best {
            Some(best) if best.loudness >= speaker.loudness => Some(best),
            _ => Some(speaker),
        });
        let Some(loudest) = loudest.filter(|speaker| speaker.loudness > 1.0) else {
            self.challenger = None;
            return self.active;
        };
        let of_active = self
            .active
            .and_then(|id| self.speakers.iter().find(|s| s.id == id))
            .map(|speaker| speaker.loudness);
        let Some(of_active) = of_active else {
            self.active = Some(loudest.id);
            return self.active;
        };
        if self.active == Some(loudest.id) || loudest.loudness < of_active + self.margin_db {
            self.challenger = None;
            return self.active;
        }
        let before = self.challenger.filter(|&(id, _)| id == loudest.id).map_or(0, |(_, f)| f);
        let since = before + frames as u64;
        self.challenger = Some((loudest.id, since));
        if since >= self.hold_frames {
            (self.active, self.challenger) = (Some(loudest.id), None);
        }
        self.active
    }

    /// Removes a source that has left.
    pub fn remove(&mut self, id: u32) {
        self.speakers.retain(|speaker| speaker.id != id);
        self.active = self.active.filter(|&active| active != id);
        self.challenger = self.challenger.filter(|&(other, _)| other != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_the_rfc() {
        assert_eq!(level_of(Samples::S16(&[i16::MIN; 160])), 0);
        assert_eq!(level_of(Samples::S16(&[3277; 160])), 20);
        assert_eq!(level_of(Samples::S16(&[0; 160])), 127);
        assert_eq!(level_of(Samples::S16(&[])), 127);
        assert_eq!(level_of(Samples::F32(&[0.1; 160])), 20);
        assert_eq!(level_of(Samples::F32(&[f32::NAN, f32::INFINITY])), 127);
        assert_eq!(level_of(Samples::F32(&[30.0; 4])), 0);
    }

    #[test]
    fn the_byte_holds_flag_and_level() {
        for byte in 0..=255 {
            assert_eq!(AudioLevel::from_byte(byte).to_byte(), byte);
        }
        let mut csrcs = Vec::new();
        write_csrc_levels(&[AudioLevel { dbov: 5, voice: true }; 20], &mut csrcs);
        assert_eq!(csrcs, [5; 15]);
    }

    fn run(chooser: &mut ActiveSpeaker, ms: usize, levels: &[(u32, u8)]) -> Option<u32> {
        for _ in 0..ms / 20 {
            for &(id, dbov) in levels {
                chooser.push(id, AudioLevel { dbov, voice: dbov < SILENCE_DBOV }, 960);
            }
            chooser.decide(960);
        }
        chooser.active()
    }

    #[test]
    fn a_short_noise_does_not_change_the_active_speaker_but_speech_does() {
        let mut chooser = ActiveSpeaker::new(48_000);
        assert_eq!(run(&mut chooser, 100, &[(7, 127), (8, 127)]), None);
        assert_eq!(run(&mut chooser, 1000, &[(7, 25), (8, 127)]), Some(7));
        assert_eq!(run(&mut chooser, 200, &[(7, 25), (8, 10)]), Some(7));
        assert_eq!(run(&mut chooser, 500, &[(7, 25), (8, 127)]), Some(7));
        assert_eq!(run(&mut chooser, 2000, &[(7, 25), (8, 23)]), Some(7));
        assert_eq!(run(&mut chooser, 2000, &[(7, 127), (8, 23)]), Some(8));
        assert_eq!(run(&mut chooser, 2000, &[(7, 127), (8, 127)]), Some(8));
        chooser.remove(8);
        assert_eq!(chooser.active(), None);
    }
}
