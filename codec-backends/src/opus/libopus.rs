//! The encoder of libopus, a C library installed on the system.

use codec_ffi::opus::{Encoder, Request};

use super::ENCODER_CAPABILITIES;
use super::library::{LibraryEncoder, OK, Setting, Streams};
use codec_audio::AudioCapabilities;

impl LibraryEncoder for Encoder {
    const CAPABILITIES: &'static AudioCapabilities =
        &AudioCapabilities { implementation: "libopus", ..ENCODER_CAPABILITIES };

    fn single_stream(rate: i32, channels: i32, application: i32) -> Option<Self> {
        Self::single_stream(rate, channels, application).ok()
    }

    fn surround(rate: i32, channels: i32, application: i32) -> Option<(Self, Streams)> {
        let (encoder, streams, coupled, mapping) =
            Self::surround(rate, channels, application).ok()?;
        Some((encoder, Streams { streams, coupled, mapping }))
    }

    fn set(&mut self, setting: Setting, value: i32) -> i32 {
        let request = match setting {
            Setting::Bitrate => Request::Bitrate,
            Setting::Vbr => Request::Vbr,
            Setting::VbrConstraint => Request::VbrConstraint,
            Setting::Complexity => Request::Complexity,
            Setting::Signal => Request::Signal,
            Setting::Bandwidth => Request::Bandwidth,
            Setting::MaxBandwidth => Request::MaxBandwidth,
            Setting::ForceChannels => Request::ForceChannels,
            Setting::Fec => Request::InbandFec,
            Setting::Loss => Request::PacketLossPerc,
            Setting::Dtx => Request::Dtx,
            Setting::LsbDepth => Request::LsbDepth,
            Setting::PredictionDisabled => Request::PredictionDisabled,
            Setting::PhaseInversionDisabled => Request::PhaseInversionDisabled,
        };
        self.set(request, value).map_or_else(code, |()| OK)
    }

    fn encode(&mut self, pcm: &[i16], _frames: i32, out: &mut [u8]) -> Result<usize, i32> {
        self.encode(pcm, out).map_err(code)
    }

    fn final_range(&self) -> u32 {
        Self::final_range(self)
    }

    fn lookahead(&self) -> i32 {
        Self::lookahead(self)
    }
}

/// Returns the library's own error number.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn code(error: codec_ffi::Error) -> i32 {
    i32::try_from(error.code).unwrap_or(-1)
}
