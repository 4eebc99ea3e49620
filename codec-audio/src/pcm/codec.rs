//! PCM encoder and decoder behind the audio traits.

use super::convert;
use crate::sample_codec::SampleCode;
use crate::{AudioBuf, AudioCapabilities, AudioCodec, AudioFormat, PcmEncoding};
use codec_core::error::ConfigError;

pub(crate) static CAPABILITIES: AudioCapabilities = AudioCapabilities {
    max_channels: 255,
    lossless: true,
    gap_reason: "PCM has no settings",
    ..AudioCapabilities::minimal("native")
};

impl SampleCode for PcmEncoding {
    type Sample = f32;

    const CAPABILITIES: &'static AudioCapabilities = &CAPABILITIES;
    const EXPECTED: &'static str = "one value per channel in each sample frame";
    const NO_CONCEALMENT: &'static str = "concealment in PCM";

    fn of(codec: AudioCodec) -> Result<Self, ConfigError> {
        match codec {
            AudioCodec::Pcm(encoding) => Ok(encoding),
            other => Err(ConfigError::new("codec", other, "pcm")),
        }
    }

    fn bytes(self) -> usize {
        self.bytes()
    }

    fn write(self, samples: &[f32], out: &mut Vec<u8>) {
        convert::write(self, samples, out);
    }

    fn read(self, data: &[u8], format: AudioFormat, pts: i64, audio: &mut AudioBuf) {
        convert::read(self, data, format, pts, audio);
    }
}
