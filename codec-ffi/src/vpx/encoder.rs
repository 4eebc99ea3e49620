//! libvpx's encoders.

use std::ffi::{c_int, c_long, c_uint, c_ulong};

use super::{Context, Format, check_version, picture, sys};
use crate::{Error, ErrorKind, I420View};

/// `rc_end_usage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateMode {
    /// Variable bitrate.
    Vbr,
    /// Constant bitrate.
    Cbr,
    /// Variable bitrate with a maximum quality.
    ConstrainedQuality,
    /// Constant quality.
    Quality,
}

/// Temporal layers. If [`Settings::layers`] is `None`, there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporalLayers {
    /// The layer of each frame of the pattern (1 to 16 frames); all are below the number of layers.
    pub pattern: Vec<u8>,
    /// For each of 1 to 5 layers: the frame rate up to and including it is the total divided by
    /// this.
    pub decimators: Vec<u32>,
    /// For each layer: kilobits per second up to and including it.
    pub kbps: Vec<u32>,
}

/// Fields of `vpx_codec_enc_cfg_t`; all others keep the library's defaults.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in vpx_codec_enc_cfg_t")]
pub struct Settings {
    pub width: u32,
    pub height: u32,
    /// Seconds per tick, numerator and denominator.
    pub timebase: (u32, u32),
    pub threads: u32,
    pub profile: u32,
    pub error_resilient: u32,
    pub lag_in_frames: u32,
    pub mode: RateMode,
    pub kbps: u32,
    /// 0..=63.
    pub min_quantizer: u32,
    pub max_quantizer: u32,
    pub undershoot_pct: u32,
    pub overshoot_pct: u32,
    pub buffer_ms: u32,
    pub buffer_initial_ms: u32,
    pub buffer_optimal_ms: u32,
    pub dropframe_thresh: u32,
    /// The library places key frames, at most `kf_max_dist` frames apart; otherwise it places no
    /// key frames.
    pub kf_auto: bool,
    pub kf_max_dist: u32,
    pub layers: Option<TemporalLayers>,
    /// Report squared errors.
    pub psnr: bool,
}

impl Settings {
    fn write(&self, cfg: &mut sys::EncCfg) -> Result<(), Error> {
        let refuse = |text: &str| Error {
            kind: ErrorKind::Argument,
            call: "settings",
            code: 0,
            text: text.to_owned(),
        };
        let int = |value: u32| {
            c_int::try_from(value).map_err(|_| refuse("the time base exceeds 31 bits"))
        };
        (cfg.g_w, cfg.g_h) = (self.width, self.height);
        cfg.g_timebase = sys::Rational { num: int(self.timebase.0)?, den: int(self.timebase.1)? };
        cfg.g_threads = self.threads;
        cfg.g_profile = self.profile;
        cfg.g_error_resilient = self.error_resilient;
        cfg.g_pass = 0;
        cfg.g_lag_in_frames = self.lag_in_frames;
        cfg.rc_resize_allowed = 0;
        cfg.rc_dropframe_thresh = self.dropframe_thresh;
        cfg.rc_end_usage = match self.mode {
            RateMode::Vbr => 0,
            RateMode::Cbr => 1,
            RateMode::ConstrainedQuality => 2,
            RateMode::Quality => 3,
        };
        cfg.rc_target_bitrate = self.kbps;
        (cfg.rc_min_quantizer, cfg.rc_max_quantizer) = (self.min_quantizer, self.max_quantizer);
        cfg.rc_undershoot_pct = self.undershoot_pct;
        cfg.rc_overshoot_pct = self.overshoot_pct;
        cfg.rc_buf_sz = self.buffer_ms;
        cfg.rc_buf_initial_sz = self.buffer_initial_ms;
        cfg.rc_buf_optimal_sz = self.buffer_optimal_ms;
        cfg.kf_mode = c_int::from(self.kf_auto);
        cfg.kf_min_dist = 0;
        cfg.kf_max_dist = self.kf_max_dist;
        cfg.ts_number_layers = 1;
        cfg.ts_periodicity = 1;
        cfg.ts_target_bitrate = [0; 5];
        cfg.ts_rate_decimator = [0; 5];
        cfg.ts_layer_id = [0; 16];
        let Some(layers) = &self.layers else {
            return Ok(());
        };
        let (count, frames) = (layers.decimators.len(), layers.pattern.len());
        let ids_fit = layers.pattern.iter().all(|&id| usize::from(id) < count);
        let fits = (1..=5).contains(&count) && (1..=16).contains(&frames);
        if !fits || !ids_fit || layers.kbps.len() != count {
            let text = "expected 1 to 5 temporal layers, each with a rate and a decimator, and a \
                        pattern of 1 to 16 frames of these layers";
            return Err(refuse(text));
        }
        cfg.ts_number_layers = c_uint::try_from(count).unwrap_or(1);
        cfg.ts_periodicity = c_uint::try_from(frames).unwrap_or(1);
        cfg.ts_target_bitrate[..count].copy_from_slice(&layers.kbps);
        cfg.layer_target_bitrate[..count].copy_from_slice(&layers.kbps);
        cfg.ts_rate_decimator[..count].copy_from_slice(&layers.decimators);
        for (id, &layer) in cfg.ts_layer_id.iter_mut().zip(&layers.pattern) {
            *id = layer.into();
        }
        Ok(())
    }
}

/// Settings with a numeric value: `vp8e_enc_control_id` of `vp8cx.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[expect(missing_docs, reason = "named as in vp8cx.h")]
pub enum Control {
    CpuUsed = 13,
    EnableAutoAltRef = 14,
    NoiseSensitivity = 15,
    Sharpness = 16,
    StaticThreshold = 17,
    TokenPartitions = 18,
    ArnrMaxFrames = 21,
    ArnrStrength = 22,
    ArnrType = 23,
    Tuning = 24,
    CqLevel = 25,
    MaxIntraBitratePct = 26,
    ScreenContentMode = 31,
    Vp9TileColumns = 33,
    Vp9FrameParallelDecoding = 35,
    Vp9AqMode = 36,
    Vp9NoiseSensitivity = 38,
    Vp9TuneContent = 43,
    Vp9RowMt = 55,
}

/// `vpx_enc_frame_flags_t`: the references that one frame may use and update.
#[expect(missing_docs, reason = "named as in vpx_encoder.h and vp8cx.h")]
pub mod flags {
    pub const FORCE_KEY: u32 = 1;
    pub const NO_REF_LAST: u32 = 1 << 16;
    pub const NO_REF_GOLDEN: u32 = 1 << 17;
    pub const NO_REF_ALTREF: u32 = 1 << 21;
    pub const NO_UPDATE_LAST: u32 = 1 << 18;
    pub const NO_UPDATE_GOLDEN: u32 = 1 << 22;
    pub const NO_UPDATE_ALTREF: u32 = 1 << 23;
    pub const FORCE_GOLDEN: u32 = 1 << 19;
    pub const FORCE_ALTREF: u32 = 1 << 24;
    pub const NO_UPDATE_ENTROPY: u32 = 1 << 20;
}

/// Output of the encoder.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are sufficient")]
pub enum Packet<'a> {
    Frame {
        data: &'a [u8],
        pts: i64,
        duration: u64,
        key: bool,
        /// Not shown.
        invisible: bool,
    },
    /// Squared errors of Y, U and V of the next frame.
    SquaredErrors([u64; 3]),
}

/// An encoder of VP8 or VP9.
#[derive(Debug)]
pub struct Encoder {
    context: Context,
    cfg: sys::EncCfg,
    size: (u32, u32),
}

// SAFETY: the pointers in the configuration are null.
unsafe impl Send for Encoder {}

impl Encoder {
    /// Opens an encoder.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn new(format: Format, settings: &Settings) -> Result<Self, Error> {
        check_version()?;
        let iface = match format {
            Format::Vp8 => sys::vpx_codec_vp8_cx(),
            Format::Vp9 => sys::vpx_codec_vp9_cx(),
        };
        let mut context = Context::new();
        let mut cfg = sys::EncCfg::zeroed();
        // SAFETY: the interface is the library's and `cfg` has room for its defaults.
        let code = unsafe { sys::vpx_codec_enc_config_default(iface, &raw mut cfg, 0) };
        context.check("vpx_codec_enc_config_default", code)?;
        settings.write(&mut cfg)?;
        let flags = if settings.psnr { sys::USE_PSNR } else { 0 };
        let mut code = sys::ABI_MISMATCH;
        for abi in sys::ENCODER_ABIS.rev() {
            // SAFETY: context, interface and configuration are valid, the latter as large as in any
            // version that `check_version` accepts; the library copies it. With another interface
            // number it returns an error without accessing anything else.
            code = unsafe {
                sys::vpx_codec_enc_init_ver(&raw mut *context.0, iface, &raw const cfg, flags, abi)
            };
            if code != sys::ABI_MISMATCH {
                break;
            }
        }
        context.check("vpx_codec_enc_init", code)?;
        Ok(Self { context, cfg, size: (settings.width, settings.height) })
    }

    /// Changes the settings of a running encoder, except [`Settings::psnr`].
    ///
    /// # Errors
    /// Errors of the library; the settings are then unchanged.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), Error> {
        let mut cfg = self.cfg;
        settings.write(&mut cfg)?;
        // SAFETY: the context is an initialised encoder; the library copies the configuration.
        let code =
            unsafe { sys::vpx_codec_enc_config_set(&raw mut *self.context.0, &raw const cfg) };
        self.context.check("vpx_codec_enc_config_set", code)?;
        self.cfg = cfg;
        self.size = (settings.width, settings.height);
        Ok(())
    }

    /// Sets a numeric setting.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn control(&mut self, control: Control, value: i32) -> Result<(), Error> {
        self.set(control as c_int, value)
    }

    /// Sets the temporal layer of the next frame.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn set_temporal_layer(&mut self, layer: u8) -> Result<(), Error> {
        self.set(sys::SET_TEMPORAL_LAYER_ID, layer.into())
    }

    fn set(&mut self, id: c_int, value: c_int) -> Result<(), Error> {
        // SAFETY: the context is an initialised encoder, and each of these controls takes one `int`.
        let code = unsafe { sys::vpx_codec_control_(&raw mut *self.context.0, id, value) };
        self.context.check("vpx_codec_control", code)
    }

    /// Returns the quantiser index of the last coded frame, in the codec's scale.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn last_quantizer(&mut self) -> Result<i32, Error> {
        let mut value: c_int = 0;
        // SAFETY: the context is an initialised encoder; this control writes one `int`.
        let code = unsafe {
            sys::vpx_codec_control_(
                &raw mut *self.context.0,
                sys::GET_LAST_QUANTIZER,
                &raw mut value,
            )
        };
        self.context.check("vpx_codec_control", code)?;
        Ok(value)
    }

    /// Encodes a frame, or flushes held frames with `None`. `frame_flags` are of [`flags`];
    /// `deadline` is 1 for real time, 1000000 for good quality, 0 for the best.
    ///
    /// # Errors
    /// If the frame does not have the configured size, and errors of the library.
    pub fn encode(
        &mut self,
        picture: Option<&I420View<'_>>,
        pts: i64,
        duration: u64,
        frame_flags: u32,
        deadline: u32,
    ) -> Result<(), Error> {
        if picture.is_some_and(|picture| picture.size() != self.size) {
            let text = "the frame size differs from the configured size".to_owned();
            return Err(Error {
                kind: ErrorKind::Argument,
                call: "vpx_codec_encode",
                code: 0,
                text,
            });
        }
        let image = picture.map(wrap);
        let image = image.as_ref().map_or(std::ptr::null(), |image| &raw const *image);
        // SAFETY: the context is an initialised encoder. The image is null or describes planes that
        // hold its size, which equals the size in the settings, and are borrowed for this call; the library
        // copies them and writes to none.
        let code = unsafe {
            sys::vpx_codec_encode(
                &raw mut *self.context.0,
                image,
                pts,
                c_ulong::try_from(duration).unwrap_or(c_ulong::MAX),
                c_long::from(frame_flags.cast_signed()),
                deadline.into(),
            )
        };
        self.context.check("vpx_codec_encode", code)
    }

    /// Passes each packet of the last call of [`Self::encode`] to `take`, in decoding order.
    pub fn packets(&mut self, mut take: impl FnMut(Packet<'_>)) {
        let mut iter = std::ptr::null();
        loop {
            // SAFETY: the context is an initialised encoder; the iterator is null at first and then
            // the library's own.
            let packet =
                unsafe { sys::vpx_codec_get_cx_data(&raw mut *self.context.0, &raw mut iter) };
            // SAFETY: null or the library's packet, which is valid until its next call of encode.
            let Some(packet) = (unsafe { packet.as_ref() }) else {
                return;
            };
            match packet.kind {
                sys::PKT_FRAME => {
                    // SAFETY: the kind says that this is the field in use.
                    let frame = unsafe { packet.data.frame };
                    // SAFETY: the library reports this many bytes there; not null if there are any.
                    let data = unsafe { std::slice::from_raw_parts(frame.buf, frame.sz) };
                    take(Packet::Frame {
                        data,
                        pts: frame.pts,
                        duration: frame.duration,
                        key: frame.flags & sys::FRAME_IS_KEY != 0,
                        invisible: frame.flags & sys::FRAME_IS_INVISIBLE != 0,
                    });
                }
                sys::PKT_PSNR => {
                    // SAFETY: the kind says that this is the field in use.
                    let psnr = unsafe { packet.data.psnr };
                    let [_, y, u, v] = psnr.sse;
                    take(Packet::SquaredErrors([y, u, v]));
                }
                _ => {}
            }
        }
    }

    /// Returns the reconstruction of the last shown frame.
    pub fn preview(&mut self) -> Option<I420View<'_>> {
        // SAFETY: the context is an initialised encoder.
        let image = unsafe { sys::vpx_codec_get_preview_frame(&raw mut *self.context.0) };
        // SAFETY: null or the library's image, which is valid until its next call: for as long as
        // this encoder is borrowed.
        unsafe { picture(image) }
    }
}

/// The library's description of a frame.
fn wrap(picture: &I420View<'_>) -> sys::Image {
    let mut image = sys::Image::zeroed();
    image.fmt = sys::IMG_FMT_I420;
    (image.w, image.h) = picture.size();
    (image.d_w, image.d_h) = picture.size();
    (image.x_chroma_shift, image.y_chroma_shift) = (1, 1);
    (image.bit_depth, image.bps) = (8, 12);
    for index in 0..3 {
        let (samples, stride) = picture.plane(index);
        image.planes[index] = samples.as_ptr().cast_mut();
        image.stride[index] = c_int::try_from(stride).unwrap_or(0);
    }
    image
}
