//! The decoder of libopus, a C library installed on the system.

use codec_ffi::opus::Decoder;

use super::DECODER_CAPABILITIES;
use super::library::{LibraryDecoder, Task};
use codec_audio::opus_head::{OpusHead, wave_channel_order};
use codec_audio::{AudioBuf, AudioCapabilities, AudioDecoderConfig, AudioFormat, SampleKind};
use codec_core::error::{Corrupt, Error};

/// The library's decoder of all streams of a packet.
pub(crate) struct Libopus {
    config: AudioDecoderConfig,
    head: OpusHead,
    inner: Decoder,
    /// Output channel of each library channel; empty if the order is the same.
    places: &'static [usize],
}

impl LibraryDecoder for Libopus {
    type Sample = i16;

    const CAPABILITIES: &'static AudioCapabilities =
        &AudioCapabilities { implementation: "libopus", ..DECODER_CAPABILITIES };
    const KIND: SampleKind = SampleKind::S16;

    fn new(config: &AudioDecoderConfig, head: OpusHead) -> Result<Self, Error> {
        let channels = config.format.channels();
        let places = if head.family == 1 { wave_channel_order(channels) } else { &[] };
        let inner = build(config, &head)?;
        Ok(Self { config: config.clone(), head, inner, places })
    }

    fn begin(audio: &mut AudioBuf, format: AudioFormat, pts: i64) -> &mut Vec<i16> {
        audio.begin_s16(format, pts)
    }

    fn decode(&mut self, task: Task<'_>, frames: usize, out: &mut [i16]) -> Result<(), Error> {
        let (data, fec) = match task {
            Task::Decode(data) => (Some(data), false),
            Task::Fec(data) => (Some(data), true),
            Task::Conceal => (None, false),
        };
        match self.inner.decode(data, out, fec) {
            Ok(decoded) if decoded == frames => {}
            _ => {
                let what = "decodable Opus frames";
                return Err(Corrupt::Other { what, offset_bytes: 1 }.into());
            }
        }
        if self.places.len() > 2 {
            let mut ordered = [0; 8];
            for frame in out.chunks_exact_mut(self.places.len()) {
                for (&value, &place) in frame.iter().zip(self.places) {
                    ordered[place] = value;
                }
                frame.copy_from_slice(&ordered[..frame.len()]);
            }
        }
        Ok(())
    }

    fn final_range(&self) -> Option<u32> {
        Some(self.inner.final_range())
    }

    fn reset(&mut self) {
        if let Ok(fresh) = build(&self.config, &self.head) {
            self.inner = fresh;
        }
    }
}

/// Creates a fresh library decoder.
fn build(config: &AudioDecoderConfig, head: &OpusHead) -> Result<Decoder, Error> {
    let rate = i32::try_from(config.format.rate).unwrap_or(0);
    let inner = if head.family == 0 {
        Decoder::single_stream(rate, i32::try_from(config.format.channels()).unwrap_or(0))
    } else {
        let (streams, coupled) = (head.streams, head.coupled);
        Decoder::multistream(rate, head.channels, streams, coupled, &head.mapping)
    };
    let refused = |_| Error::unsupported("this sample rate or channel layout in libopus");
    let mut inner = inner.map_err(refused)?;
    let gain = head.gain_q8_db.saturating_add(config.gain_q8_db);
    inner.set_gain(gain.into()).map_err(refused)?;
    Ok(inner)
}
