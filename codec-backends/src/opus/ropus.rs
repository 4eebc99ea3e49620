//! The encoder of the crate `ropus`, a port of libopus' fixed-point build.

use ropus::{OpusEncoder, OpusMSEncoder};

use super::ENCODER_CAPABILITIES;
use super::library::{LibraryEncoder, Setting, Streams};
use codec_audio::AudioCapabilities;

/// A library encoder for one or several streams.
#[expect(clippy::large_enum_variant, reason = "one per encoder")]
pub(crate) enum Encoders {
    One(OpusEncoder),
    Many(OpusMSEncoder),
}

/// Calls the same function of either variant.
macro_rules! both {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self {
            Self::One($inner) => $call,
            Self::Many($inner) => $call,
        }
    };
}

impl LibraryEncoder for Encoders {
    const CAPABILITIES: &'static AudioCapabilities =
        &AudioCapabilities { implementation: "ropus 0.12", ..ENCODER_CAPABILITIES };

    fn single_stream(rate: i32, channels: i32, application: i32) -> Option<Self> {
        OpusEncoder::new(rate, channels, application).ok().map(Self::One)
    }

    fn surround(rate: i32, channels: i32, application: i32) -> Option<(Self, Streams)> {
        let (encoder, streams, coupled, mapping) =
            OpusMSEncoder::new_surround(rate, channels, 1, application).ok()?;
        let streams = Streams {
            streams: u8::try_from(streams).ok()?,
            coupled: u8::try_from(coupled).ok()?,
            mapping,
        };
        Some((Self::Many(encoder), streams))
    }

    fn set(&mut self, setting: Setting, value: i32) -> i32 {
        match setting {
            Setting::Bitrate => both!(self, e => e.set_bitrate(value)),
            Setting::Vbr => both!(self, e => e.set_vbr(value)),
            Setting::VbrConstraint => both!(self, e => e.set_vbr_constraint(value)),
            Setting::Complexity => both!(self, e => e.set_complexity(value)),
            Setting::Signal => both!(self, e => e.set_signal(value)),
            Setting::Bandwidth => both!(self, e => e.set_bandwidth(value)),
            Setting::MaxBandwidth => both!(self, e => e.set_max_bandwidth(value)),
            Setting::ForceChannels => both!(self, e => e.set_force_channels(value)),
            Setting::Fec => both!(self, e => e.set_inband_fec(value)),
            Setting::Loss => both!(self, e => e.set_packet_loss_perc(value)),
            Setting::Dtx => both!(self, e => e.set_dtx(value)),
            Setting::LsbDepth => both!(self, e => e.set_lsb_depth(value)),
            Setting::PredictionDisabled => both!(self, e => e.set_prediction_disabled(value)),
            Setting::PhaseInversionDisabled => {
                both!(self, e => e.set_phase_inversion_disabled(value))
            }
        }
    }

    fn encode(&mut self, pcm: &[i16], frames: i32, out: &mut [u8]) -> Result<usize, i32> {
        let room = i32::try_from(out.len()).unwrap_or(i32::MAX);
        let written = both!(self, e => e.encode(pcm, frames, out, room))?;
        usize::try_from(written).map_err(|_| written)
    }

    fn final_range(&self) -> u32 {
        both!(self, e => e.get_final_range())
    }

    /// For several streams, returns the look-ahead of each of them: the library's own value lacks
    /// the 2.5 ms of the transform's overlap.
    fn lookahead(&self) -> i32 {
        match self {
            Self::One(encoder) => encoder.get_lookahead(),
            Self::Many(encoder) => encoder.get_encoder(0).map_or(0, OpusEncoder::get_lookahead),
        }
    }
}
