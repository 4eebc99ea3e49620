//! Number of samples in an audio packet, by codec, and sample-exact times from rounded timestamps.

use codec_audio::AudioCodec;

use crate::{AudioTrack, flac, opus, pcm, vorbis};

/// Computes how many samples each packet decodes to, at the rate of its track.
#[derive(Clone, Debug)]
pub(crate) enum SampleCounter {
    Opus,
    Vorbis(vorbis::Timer),
    Flac,
    Mp3,
    /// Number of samples in each packet that does not state its own number.
    Alac(u32),
    /// Number of samples in every packet.
    Each(u32),
    /// Fixed sample size in bytes.
    Bytes(usize),
    Unknown,
}

impl SampleCounter {
    pub(crate) fn new(track: &AudioTrack) -> Self {
        match track.codec {
            AudioCodec::Opus => Self::Opus,
            AudioCodec::Vorbis => {
                vorbis::Timer::of_track(track).map_or(Self::Unknown, Self::Vorbis)
            }
            AudioCodec::Flac => Self::Flac,
            AudioCodec::Mp3 => Self::Mp3,
            AudioCodec::Aac => {
                let samples = aac_frame_samples(&track.codec_private, track.audio.rate);
                samples.map_or(Self::Unknown, Self::Each)
            }
            AudioCodec::Alac => {
                let samples = track.codec_private.first_chunk().map(|&len| u32::from_be_bytes(len));
                samples.filter(|len| (1..=1 << 16).contains(len)).map_or(Self::Unknown, Self::Alac)
            }
            _ => pcm::frame_bytes(track).map_or(Self::Unknown, Self::Bytes),
        }
    }

    /// Prepares for a packet that does not follow the last one.
    pub(crate) fn restart(&mut self) {
        if let Self::Vorbis(timer) = self {
            timer.forget();
        }
    }

    /// Samples of each channel; `None` if unknown.
    pub(crate) fn count(&mut self, packet: &[u8]) -> Option<u32> {
        match self {
            Self::Opus => opus::packet_samples(packet),
            Self::Vorbis(timer) => Some(timer.samples(packet)),
            Self::Flac => flac::frame_samples(packet),
            Self::Mp3 => mp3_frame_samples(packet),
            Self::Alac(usual) => Some(alac_frame_samples(packet, *usual)),
            Self::Each(samples) => Some(*samples),
            Self::Bytes(bytes) => u32::try_from(packet.len() / *bytes).ok(),
            Self::Unknown => None,
        }
    }
}

/// Computes sample-exact times of audio packets from the rounded ones in the file.
#[derive(Clone, Debug)]
pub(crate) struct SampleClock {
    next: Option<i64>,
    /// How far a time may be off because of rounding.
    tolerance: i64,
    /// Samples of the codec's delay that are still to come.
    delay: u32,
    /// Time and samples of the first packet of the track, after a seek.
    grid: Option<(i64, u32)>,
}

impl SampleClock {
    /// Creates a clock for audio that begins with `delay` samples to discard, and whose stated
    /// times are off by at most `tolerance` samples.
    pub(crate) fn new(delay: u32, tolerance: i64) -> Self {
        Self { next: None, tolerance, delay, grid: None }
    }

    /// Prepares for a packet that does not follow the last one, and begins with `delay` samples to
    /// discard. `grid` has the time and the number
    /// of samples of the first packet of the track: if all packets have this length, the rounded
    /// time of the next one becomes exact.
    pub(crate) fn restart(&mut self, delay: u32, grid: Option<(i64, u32)>) {
        (self.next, self.delay, self.grid) = (None, delay, grid);
    }

    /// End of the previous packet.
    pub(crate) fn next(&self) -> Option<i64> {
        self.next
    }

    /// Whether samples of the codec's delay are still to come.
    pub(crate) fn has_delay(&self) -> bool {
        self.delay > 0
    }

    /// Notes that the last `samples` of the previous packet are discarded: the next one follows the
    /// samples before them.
    pub(crate) fn end_early(&mut self, samples: u32) {
        self.next = self.next.map(|next| next.saturating_sub(samples.into()));
    }

    /// Returns the time and the number of samples to discard for a packet that the file places at
    /// `stated` and that decodes to `samples`.
    pub(crate) fn place(&mut self, stated: i64, samples: u32) -> (i64, u32) {
        let near = |next: &i64| {
            stated.saturating_sub(*next).unsigned_abs() <= self.tolerance.unsigned_abs()
        };
        let on_grid = self.grid.take().map(|(first, length)| {
            let length = i64::from(length.max(1));
            let count = stated.saturating_sub(first).saturating_add(length / 2).div_euclid(length);
            first.saturating_add(count.saturating_mul(length))
        });
        let pts = self.next.or(on_grid).filter(near).unwrap_or(stated);
        if samples > 0 || self.next.is_some() {
            self.next = Some(pts.saturating_add(samples.into()));
        }
        let trim_start = self.delay.min(samples);
        self.delay -= trim_start;
        (pts, trim_start)
    }
}

/// `value * num / den`, rounded to the nearest; saturates.
pub(crate) fn scaled(value: i64, num: u64, den: u64) -> i64 {
    let den = i128::from(den.max(1));
    let twice = i128::from(value).saturating_mul(i128::from(num)).saturating_mul(2);
    let rounded = twice.saturating_add(den).div_euclid(2 * den);
    i64::try_from(rounded).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Returns the number of samples in an AAC frame at `rate`: 1024 or 960 at the rate of the core
/// coder, which may be half of `rate`. ISO/IEC 14496-3, sections 1.6.2 and 4.4.1.
fn aac_frame_samples(config: &[u8], rate: u32) -> Option<u32> {
    const RATES: [u32; 13] =
        [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
    let &[a, b] = config.first_chunk()?;
    if a >> 3 == 31 {
        return None;
    }
    let index = usize::from((a & 7) << 1 | b >> 7);
    let core = *RATES.get(index)?;
    let samples = if b >> 2 & 1 == 1 { 960 } else { 1024 };
    Some(if rate == core * 2 { samples * 2 } else { samples })
}

/// Returns the number of samples in an ALAC frame: `usual`, unless the frame states a smaller
/// number, as the last frame of a file may do. A frame begins with 3 bits of element type, 4 bits
/// of instance tag, 12 unused bits, a flag for the sample count, two bits of shift, a flag for
/// uncompressed samples, and the 32-bit count.
fn alac_frame_samples(frame: &[u8], usual: u32) -> u32 {
    let Some(&[kind, _, flags, a, b, c, d]) = frame.first_chunk() else { return usual };
    // One channel, two channels, low frequencies.
    if !matches!(kind >> 5, 0 | 1 | 3) || flags & 0x10 == 0 {
        return usual;
    }
    let stated = u32::from(flags & 1) << 31 | u32::from_be_bytes([a, b, c, d]) >> 1;
    stated.min(usual)
}

/// Samples of a frame of MPEG-1 or MPEG-2 layer III.
fn mp3_frame_samples(frame: &[u8]) -> Option<u32> {
    let &[sync, second] = frame.first_chunk()?;
    if sync != 0xFF || second & 0xE0 != 0xE0 {
        return None;
    }
    Some(if second & 0x18 == 0x18 { 1152 } else { 576 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_aac_and_mp3_have_fixed_lengths() {
        // LC at 44.1 kHz; at a core of 24 kHz that is doubled; 960 samples.
        assert_eq!(aac_frame_samples(&[0x12, 0x10], 44_100), Some(1024));
        assert_eq!(aac_frame_samples(&[0x13, 0x10], 48_000), Some(2048));
        assert_eq!(aac_frame_samples(&[0x12, 0x14], 44_100), Some(960));
        assert_eq!(mp3_frame_samples(&[0xFF, 0xFB]), Some(1152));
        assert_eq!(mp3_frame_samples(&[0xFF, 0xF3]), Some(576));
        assert_eq!(mp3_frame_samples(&[0, 0]), None);
    }

    #[test]
    fn short_frames_of_alac_state_their_length() {
        assert_eq!(alac_frame_samples(&[0x20, 0, 0, 9, 9, 9, 9], 4096), 4096);
        assert_eq!(alac_frame_samples(&[0x20, 0, 0x10, 0, 0, 0x0D, 0x28], 4096), 1684);
        assert_eq!(alac_frame_samples(&[0x20, 0, 0x11, 0, 0, 0, 0], 4096), 4096);
        assert_eq!(alac_frame_samples(&[0x20, 0, 0x10], 4096), 4096);
    }
}
