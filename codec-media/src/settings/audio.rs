//! Audio settings, with defaults and checks for combinations that do not work.

use codec_audio::{
    Application, AudioBackend, AudioCapabilities, AudioCodec, AudioEncoderConfig, AudioFormat,
    AudioRate, Bandwidth, ChannelLayout, FrameDuration, PcmEncoding,
};
use codec_backends::registry;
use codec_container::Format;
use codec_core::codec::Bitrate;

use crate::failure::{Failure, Kind, Result};

/// Default packet loss that in-band FEC is configured for.
pub const DEFAULT_LOSS_PCT: u8 = 10;

/// The default bitrate: 64 kb/s for one channel, 48 kb/s for each of several.
pub fn default_bitrate(layout: ChannelLayout) -> Bitrate {
    match layout.count() as u64 {
        1 => Bitrate::kbps(64),
        channels => Bitrate::kbps(48 * channels),
    }
}

/// Settings of an audio encoder as a user gives them. `None` means the default.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct AudioOptions {
    /// Codec or codec/backend, an encoding of samples (`s16le`), or `copy`.
    pub audio_codec: Option<String>,
    /// With `copy`: encode audio that the output cannot hold, instead of rejecting it.
    pub encode_others: bool,
    /// Bits per second.
    pub audio_bitrate: Option<Bitrate>,
    /// Intended use of the audio.
    pub application: Option<Application>,
    /// Duration of a packet.
    pub frame: Option<FrameDuration>,
    /// In-band FEC.
    pub fec: bool,
    /// Expected packet loss for FEC, in percent.
    pub loss: Option<u8>,
    /// Discontinuous transmission.
    pub dtx: bool,
    /// Effort, 0 (fastest) to 10 (best).
    pub complexity: Option<u8>,
    /// Constant bitrate: all packets have the same size.
    pub cbr: bool,
    /// Highest frequency that is coded.
    pub bandwidth: Option<Bandwidth>,
    /// Samples per second.
    pub audio_rate: Option<u32>,
    /// Channels.
    pub channels: Option<u8>,
    /// Gain in dB.
    pub gain: Option<f32>,
    /// Suppress background noise in speech.
    pub denoise: bool,
    /// Automatic gain control.
    pub agc: bool,
}

impl AudioOptions {
    /// Whether any setting requires the audio to be re-encoded.
    pub fn requires_encoder(&self) -> bool {
        self.audio_bitrate.is_some()
            || self.application.is_some()
            || self.frame.is_some()
            || self.fec
            || self.dtx
            || self.complexity.is_some()
            || self.cbr
            || self.bandwidth.is_some()
            || self.audio_rate.is_some()
            || self.channels.is_some()
            || self.gain.is_some()
            || self.denoise
            || self.agc
    }
}

/// Source of the audio packets of the output.
#[derive(Clone, Copy, Debug)]
pub enum AudioChoice {
    /// The input's packets if the output can hold them, otherwise the format's usual codec.
    Usual,
    /// The input's packets.
    Copy,
    /// The input's packets if the output can hold them, also uncompressed ones; otherwise the
    /// format's usual codec.
    CopyOrEncode,
    /// This encoder.
    Encode(&'static AudioBackend, AudioCodec),
}

/// All audio settings.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct AudioSettings {
    /// Source of the output's packets.
    pub codec: AudioChoice,
    /// Container of the output, which decides whether the speakers of a layout can be kept.
    format: Format,
    /// Bits per second. Default: by channels.
    pub bitrate: Option<Bitrate>,
    cbr: bool,
    application: Application,
    frame: Option<FrameDuration>,
    fec: bool,
    loss_pct: Option<u8>,
    dtx: bool,
    complexity: Option<u8>,
    bandwidth: Option<Bandwidth>,
    rate: Option<u32>,
    channels: Option<u8>,
    pub(crate) gain_db: f32,
    pub(crate) denoise: bool,
    pub(crate) agc: bool,
    /// Whether an option requires an encoder, so that packets cannot be copied.
    requires_encoder: bool,
}

impl AudioSettings {
    /// Resolves the options. `bitrate` is the value of `-b` if the output is audio only.
    ///
    /// # Errors
    /// If settings conflict or the backend is missing.
    pub fn new(
        args: &AudioOptions,
        format: Format,
        bitrate: Option<Bitrate>,
        real_time: bool,
    ) -> Result<Self> {
        let codec = match args.audio_codec.as_deref() {
            None => AudioChoice::Usual,
            Some("copy") if args.encode_others => AudioChoice::CopyOrEncode,
            Some("copy") => AudioChoice::Copy,
            Some(name) => {
                let (backend, codec) = find(name)?;
                AudioChoice::Encode(backend, codec)
            }
        };
        let application = match args.application {
            Some(application) => application,
            None if real_time => Application::Voip,
            None => Application::Audio,
        };
        let requires_encoder = args.requires_encoder() || bitrate.is_some();
        if requires_encoder && matches!(codec, AudioChoice::Copy | AudioChoice::CopyOrEncode) {
            let message = "--audio-codec copy cannot be combined with audio options that need an \
            encoder";
            return Err(Failure::usage(message));
        }
        if args.loss.is_some() && !args.fec {
            return Err(Failure::usage("--loss requires --fec"));
        }
        let settings = Self {
            codec,
            format,
            bitrate: args.audio_bitrate.or(bitrate),
            cbr: args.cbr,
            application,
            frame: args.frame,
            fec: args.fec,
            loss_pct: args.loss,
            dtx: args.dtx,
            complexity: args.complexity,
            bandwidth: args.bandwidth,
            rate: args.audio_rate,
            channels: args.channels,
            gain_db: args.gain.unwrap_or(0.0),
            denoise: args.denoise,
            agc: args.agc,
            requires_encoder,
        };
        if let AudioChoice::Encode(_, codec) = codec {
            check_fits(codec, format)?;
        }
        Ok(settings)
    }

    /// Settings for `decode`: samples in the given encoding, or the usual one of `format`.
    ///
    /// # Errors
    /// If settings conflict or the backend is missing.
    pub fn decoded(samples: Option<&str>, format: Format) -> Result<Self> {
        let mut settings = Self::generated(format);
        let codec = match samples {
            Some(name) => {
                let all = PcmEncoding::ALL;
                let found = all.into_iter().find(|encoding| encoding.name() == name);
                let encoding = found.ok_or_else(|| {
                    let names = all.map(PcmEncoding::name).join(", ");
                    Failure::usage(format!("invalid --samples {name}: expected one of {names}"))
                })?;
                AudioCodec::Pcm(encoding)
            }
            None => AudioCodec::Pcm(PcmEncoding::S16Le),
        };
        check_fits(codec, format)?;
        let backend = registry::find_audio("pcm").map_err(Failure::encoding)?;
        settings.codec = AudioChoice::Encode(backend, codec);
        Ok(settings)
    }

    /// Settings for generated audio: uncompressed if the output can hold samples.
    pub fn generated(format: Format) -> Self {
        let samples = AudioCodec::Pcm(PcmEncoding::S16Le);
        let codec =
            if format.holds_audio(samples) { AudioChoice::Copy } else { AudioChoice::Usual };
        Self {
            codec,
            format,
            bitrate: None,
            cbr: false,
            application: Application::Audio,
            frame: None,
            fec: false,
            loss_pct: None,
            dtx: false,
            complexity: None,
            bandwidth: None,
            rate: None,
            channels: None,
            gain_db: 0.0,
            denoise: false,
            agc: false,
            requires_encoder: false,
        }
    }

    /// Settings of a benchmark of an encoder.
    pub fn measured(bitrate: Option<Bitrate>) -> Self {
        Self { bitrate, requires_encoder: true, ..Self::generated(Format::WebM) }
    }

    /// Settings for streams published by `serve`: Opus with at most two channels, or the input's
    /// packets.
    pub fn published(bitrate: Bitrate, copies: bool, channels: usize) -> Self {
        Self {
            bitrate: Some(bitrate),
            channels: Some(if channels == 1 { 1 } else { 2 }),
            requires_encoder: !copies,
            ..Self::generated(Format::WebM)
        }
    }

    /// Whether an option requires the audio to be encoded.
    pub(crate) fn encodes(&self) -> bool {
        self.requires_encoder || matches!(self.codec, AudioChoice::Encode(..))
    }

    /// Whether packets of `codec` with the speakers of `layout` can be copied into `format`.
    pub(crate) fn copies(
        &self,
        codec: AudioCodec,
        layout: ChannelLayout,
        format: Format,
    ) -> Result<bool> {
        let unfit = unfit(codec, layout, format);
        match self.codec {
            AudioChoice::Encode(..) => Ok(false),
            AudioChoice::Copy => match unfit {
                Some(unfit) => {
                    let message = format!("cannot copy {unfit} audio into {format}");
                    Err(Failure::usage(format!(
                        "{message}\nhelp: encode it: omit --copy and --audio-codec copy"
                    )))
                }
                None => Ok(true),
            },
            AudioChoice::CopyOrEncode => Ok(unfit.is_none()),
            AudioChoice::Usual => {
                let compressed =
                    !matches!(codec, AudioCodec::Pcm(_) | AudioCodec::Pcma | AudioCodec::Pcmu);
                Ok(!self.requires_encoder && compressed && unfit.is_none())
            }
        }
    }

    /// Describes packets that are to be copied, but that `format` cannot hold; `None` for others.
    pub(crate) fn must_encode(
        &self,
        codec: AudioCodec,
        layout: ChannelLayout,
        format: Format,
    ) -> Option<String> {
        unfit(codec, layout, format).filter(|_| matches!(self.codec, AudioChoice::CopyOrEncode))
    }

    /// The layout in which audio with the layout `input` is encoded: its own if codec and container have it,
    /// otherwise the one that loses the least.
    fn layout(
        &self,
        codec: AudioCodec,
        capabilities: &AudioCapabilities,
        input: ChannelLayout,
    ) -> Result<ChannelLayout> {
        let most = usize::from(capabilities.max_channels);
        let is_kept = self.format.holds_layout(codec, input) && input.count() <= most;
        Ok(match self.channels {
            Some(count) if is_kept && usize::from(count) == input.count() => input,
            Some(count) => {
                let layout = ChannelLayout::of(count.into());
                layout.ok_or_else(|| Failure::usage("invalid --channels 0: expected 1 to 8"))?
            }
            None if input.count() <= most && is_telephony(codec) => ChannelLayout::Mono,
            None if is_kept => input,
            None => input.nearest_named(most),
        })
    }

    /// Returns the encoder for `format`.
    ///
    /// # Errors
    /// If settings conflict or the backend is missing.
    pub fn encoder(&self, format: Format) -> Result<(&'static AudioBackend, AudioCodec)> {
        match self.codec {
            AudioChoice::Encode(backend, codec) => Ok((backend, codec)),
            AudioChoice::Usual | AudioChoice::Copy | AudioChoice::CopyOrEncode => {
                let codec = default_codec(format).ok_or_else(|| no_audio(format))?;
                let found = registry::find_audio_encoder(codec.name());
                let (backend, ..) = found.map_err(Failure::encoding)?;
                Ok((backend, codec))
            }
        }
    }

    /// Returns the encoder configuration for audio in format `input`. The caller converts the
    /// samples.
    ///
    /// # Errors
    /// If settings conflict or the backend is missing.
    pub fn config(
        &self,
        codec: AudioCodec,
        capabilities: &AudioCapabilities,
        input: AudioFormat,
    ) -> Result<AudioEncoderConfig> {
        let layout = self.layout(codec, capabilities, input.layout)?;
        let rate = match self.rate {
            Some(rate) => rate,
            // The denoiser supports 48 kHz only.
            None if self.denoise => 48_000,
            None if is_telephony(codec) => 8_000,
            None if capabilities.rates.is_empty() || capabilities.rates.contains(&input.rate) => {
                input.rate
            }
            None => capabilities.rates.iter().copied().max().unwrap_or(48_000),
        };
        let mut config = AudioEncoderConfig::new(codec, AudioFormat::new(rate, layout));
        if codec == AudioCodec::Opus {
            config.application = self.application;
        }
        if capabilities.bitrate_range.is_some() {
            let bitrate = self.bitrate.unwrap_or_else(|| default_bitrate(layout));
            config.rate =
                Some(if self.cbr { AudioRate::Cbr(bitrate) } else { AudioRate::Vbr(bitrate) });
        } else if let Some(bitrate) = self.bitrate {
            let why = match codec {
                AudioCodec::Flac => "it is lossless, so its bitrate depends on the audio",
                _ => "its bitrate follows from sample rate, sample format and channels",
            };
            return Err(Failure::usage(format!("cannot encode {codec} at {bitrate}: {why}")));
        }
        if let Some(frame) = self.frame {
            config.frame = frame;
        }
        if capabilities.complexity {
            config.complexity = self.complexity.unwrap_or(10);
        } else if self.complexity.is_some() {
            return Err(Failure::usage(format!("--complexity is not supported by {codec}")));
        }
        let wants = [
            (self.fec, capabilities.fec, "--fec"),
            (self.dtx, capabilities.dtx, "--dtx"),
            (self.bandwidth.is_some(), capabilities.bandwidth, "--bandwidth"),
            (self.cbr, capabilities.cbr, "--cbr"),
        ];
        if let Some((.., flag)) = wants.iter().find(|(wanted, can, _)| *wanted && !can) {
            return Err(Failure::usage(format!("{flag} is not supported by {codec}")));
        }
        config.fec = self.fec;
        if self.fec {
            config.expected_loss_pct = self.loss_pct.unwrap_or(DEFAULT_LOSS_PCT);
        }
        config.dtx = self.dtx;
        config.bandwidth = self.bandwidth;
        Ok(config)
    }
}

/// Describes audio that `format` cannot hold; `None` for other audio.
fn unfit(codec: AudioCodec, layout: ChannelLayout, format: Format) -> Option<String> {
    match format.holds_audio(codec) {
        false => Some(codec.to_string()),
        true if format.holds_layout(codec, layout) => None,
        true => Some(format!("{codec} {layout}")),
    }
}

/// G.711 is 8 kHz mono unless requested otherwise (RFC 3551, section 4.5.14).
fn is_telephony(codec: AudioCodec) -> bool {
    matches!(codec, AudioCodec::Pcma | AudioCodec::Pcmu)
}

/// Finds the backend and the codec of a name: `opus`, `opus/libopus`, `pcm`, `s16le`.
///
/// # Errors
/// If settings do not match or the backend is missing.
pub fn find(name: &str) -> Result<(&'static AudioBackend, AudioCodec)> {
    let encoding = PcmEncoding::ALL.into_iter().find(|encoding| encoding.name() == name);
    let spec = if encoding.is_some() { "pcm" } else { name };
    let found = registry::find_audio_encoder(spec);
    let (backend, ..) = found.map_err(|error| match registry::find_audio(spec) {
        Ok(_) => Failure::new(Kind::Backend, format!("{spec} has no encoder")),
        Err(_) if registry::find(spec).is_ok() => {
            Failure::usage(format!("{spec} is a video codec, but there is only audio to encode"))
        }
        Err(_) => Failure::encoding(error),
    })?;
    Ok((backend, encoding.map_or(backend.codec, AudioCodec::Pcm)))
}

/// The default audio codec of a format.
pub(crate) fn default_codec(format: Format) -> Option<AudioCodec> {
    let usual = [
        AudioCodec::Opus,
        AudioCodec::Pcm(PcmEncoding::S16Le),
        AudioCodec::Flac,
        AudioCodec::Pcma,
        AudioCodec::Pcmu,
    ];
    usual.into_iter().find(|codec| format.holds_audio(*codec))
}

fn check_fits(codec: AudioCodec, format: Format) -> Result<()> {
    if format.holds_audio(codec) {
        return Ok(());
    }
    let hint = match codec {
        AudioCodec::Pcm(_) if default_codec(format).is_some() => "\nhelp: use `codec transcode`",
        _ => "",
    };
    Err(Failure::usage(format!("cannot write {codec} audio to {format}: not supported{hint}")))
}

fn no_audio(format: Format) -> Failure {
    Failure::usage(format!("cannot write audio to {format}: not supported"))
}
