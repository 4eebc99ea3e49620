//! Adapts Symphonia's decoders to the audio decoder trait.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::audio::{Channels, GenericAudioBufferRef, Position};
use symphonia::core::codecs::audio::{
    self as lib, AudioCodecParameters, AudioDecoderOptions, well_known,
};
use symphonia::core::errors::Error as LibError;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::{CAPABILITIES, LOSSLESS_CAPABILITIES, setup};
use codec_audio::check::{check_format, reject_knobs};
use codec_audio::framer::AudioQueue;
use codec_audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecodeReport, AudioDecoder, AudioDecoderConfig,
    AudioFormat, ChannelLayout, Recovery, SampleKind,
};
use codec_core::error::{ConfigError, Corrupt, Error};

/// Opens a decoder.
pub(crate) fn open(config: &AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error> {
    check_format(config.format, &CAPABILITIES)?;
    reject_knobs(&config.knobs)?;
    if config.gain_q8_db != 0 {
        return Err(ConfigError::conflict("gain", "only decoders of Opus apply a gain").into());
    }
    let inner = build(config)?;
    let format = config.format;
    Ok(Box::new(Decoder { config: config.clone(), inner, format, queue: AudioQueue::default() }))
}

struct Decoder {
    config: AudioDecoderConfig,
    inner: Box<dyn lib::AudioDecoder>,
    /// Format of the last decoded audio.
    format: AudioFormat,
    queue: AudioQueue,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl AudioDecoder for Decoder {
    fn capabilities(&self) -> &AudioCapabilities {
        match self.config.codec {
            AudioCodec::Flac | AudioCodec::Alac => &LOSSLESS_CAPABILITIES,
            _ => &CAPABILITIES,
        }
    }

    fn format(&self) -> AudioFormat {
        self.format
    }

    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioDecodeReport, Error> {
        self.config.limits.check_packet(data)?;
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, data);
        let mut audio = self.queue.begin(self.format, SampleKind::F32);
        let (inner, layout) = (&mut self.inner, self.config.format.layout);
        // After a panic in the library, which is a bug there, the packet is lost and the decoder is
        // reset.
        let ran = catch_unwind(AssertUnwindSafe(|| match inner.decode_ref(&packet) {
            Ok(decoded) => copy(&decoded, pts, layout, &mut audio),
            Err(error) => Err(translated(&error)),
        }));
        let answer = ran.unwrap_or_else(|_| {
            self.inner = build(&self.config)?;
            Err(Corrupt::Backend { says: "the decoder failed on the packet" }.into())
        });
        match answer {
            Ok(()) => {
                let frames = audio.frames() as u64;
                if frames > 0 {
                    self.format = audio.format;
                    self.queue.push(audio);
                } else {
                    self.queue.recycle(audio);
                }
                Ok(AudioDecodeReport { frames, ..AudioDecodeReport::default() })
            }
            Err(error) => {
                self.queue.recycle(audio);
                Err(error)
            }
        }
    }

    fn recover(&mut self, _: usize, _: Recovery<'_>, _: i64) -> Result<AudioDecodeReport, Error> {
        Err(Error::unsupported("packet loss concealment by this decoder"))
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        self.queue.receive(audio)
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.queue.clear();
        self.inner.reset();
    }
}

/// Creates a fresh library decoder.
fn build(config: &AudioDecoderConfig) -> Result<Box<dyn lib::AudioDecoder>, Error> {
    let id = match config.codec {
        AudioCodec::Aac => well_known::CODEC_ID_AAC,
        AudioCodec::Mp3 => well_known::CODEC_ID_MP3,
        AudioCodec::Vorbis => well_known::CODEC_ID_VORBIS,
        AudioCodec::Flac => well_known::CODEC_ID_FLAC,
        AudioCodec::Alac => well_known::CODEC_ID_ALAC,
        other => {
            return Err(ConfigError::new("codec", other, "aac, mp3, vorbis, flac, alac").into());
        }
    };
    if config.codec == AudioCodec::Vorbis && config.format.channels() > 2 {
        // The library undoes channel coupling in forward order, but Vorbis I, section 4.3.5,
        // requires reverse order: channels that are coupled twice decode to noise.
        return Err(Error::unsupported(
            "Vorbis with more than 2 channels (Symphonia decodes it incorrectly)",
        ));
    }
    if config.codec == AudioCodec::Aac && config.format.channels() > 2 {
        return Err(Error::unsupported("AAC with more than 2 channels"));
    }
    let private = setup::unwrap(config.codec, &config.codec_private)?;
    let mut params = AudioCodecParameters::new();
    params.for_codec(id).with_sample_rate(config.format.rate);
    if let Some(channels) = library_channels(config.format.channels()) {
        params.with_channels(channels);
    }
    if !private.is_empty() {
        params.with_extra_data(private.into());
    }
    // Timestamps and trimming are handled by the container. The first Vorbis packet yields no
    // samples (Vorbis I, section 4.3.8), which the library respects only in gapless mode.
    let gapless = config.codec == AudioCodec::Vorbis;
    let options = AudioDecoderOptions::default().gapless(gapless);
    catch_unwind(|| symphonia::default::get_codecs().make_audio_decoder(&params, &options))
        .unwrap_or(Err(LibError::DecodeError("the decoder failed on the codec configuration")))
        .map_err(|error| translated(&error))
}

fn library_channels(count: usize) -> Option<Channels> {
    let count = u32::try_from(count).ok()?;
    Position::from_wave_channel_count(count).map(Channels::Positioned)
}

/// Moves the decoded samples into `audio`, interleaved. They have the layout `stated` if the number of channels is that of
/// the container.
fn copy(
    decoded: &GenericAudioBufferRef<'_>,
    pts: i64,
    stated: ChannelLayout,
    audio: &mut AudioBuf,
) -> Result<(), Error> {
    let spec = decoded.spec();
    let layout = match spec.channels().count() {
        count if count > 0 && count == stated.count() => stated,
        count => ChannelLayout::of(count)
            .ok_or(Error::unsupported("a channel count of 0 or above 255"))?,
    };
    if spec.rate() == 0 {
        return Err(Corrupt::Backend { says: "the sample rate is 0" }.into());
    }
    let samples = audio.begin_f32(AudioFormat::new(spec.rate(), layout), pts);
    decoded.copy_to_vec_interleaved(samples);
    Ok(())
}

/// Converts a library error to the kind that the caller can act on.
fn translated(error: &LibError) -> Error {
    match error {
        LibError::Unsupported("aac: aac too complex") => {
            Error::unsupported("AAC of another profile than AAC-LC, such as HE-AAC")
        }
        LibError::Unsupported(what) => Error::unsupported(what),
        LibError::DecodeError(says) | LibError::LimitError(says) => {
            Corrupt::Backend { says }.into()
        }
        LibError::IoError(_) => Corrupt::Backend { says: "the packet is truncated" }.into(),
        _ => Corrupt::Backend { says: "the packet does not belong to this stream" }.into(),
    }
}
