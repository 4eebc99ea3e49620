//! G.711 encoder and decoder behind the audio traits.

use super::Law;
use crate::sample_codec::SampleCode;
use crate::{AudioBuf, AudioCapabilities, AudioCodec, AudioFormat};
use codec_core::error::ConfigError;

pub(crate) static CAPABILITIES: AudioCapabilities = AudioCapabilities {
    max_channels: 255,
    gap_reason: "G.711 is a fixed table of 256 values without settings",
    ..AudioCapabilities::minimal("native")
};

impl SampleCode for Law {
    type Sample = i16;

    const CAPABILITIES: &'static AudioCapabilities = &CAPABILITIES;
    const EXPECTED: &'static str = "one code per channel in each sample frame";
    const NO_CONCEALMENT: &'static str = "concealment in G.711";

    fn of(codec: AudioCodec) -> Result<Self, ConfigError> {
        match codec {
            AudioCodec::Pcma => Ok(Self::A),
            AudioCodec::Pcmu => Ok(Self::Mu),
            other => Err(ConfigError::new("codec", other, "pcma or pcmu")),
        }
    }

    fn bytes(self) -> usize {
        1
    }

    fn write(self, samples: &[i16], out: &mut Vec<u8>) {
        self.encode_all(samples, out);
    }

    fn read(self, data: &[u8], format: AudioFormat, pts: i64, audio: &mut AudioBuf) {
        self.decode_all(data, audio.begin_s16(format, pts));
    }
}
