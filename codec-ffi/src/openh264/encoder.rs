//! OpenH264's encoder.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use super::sys::{self, FrameInfo, LayerInfo, LayerInfo26};
use super::{failed, is_version_26};
use crate::{Error, ErrorKind, I420View};

/// `iRCMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateMode {
    /// Bitrate, controlled frame by frame.
    Bitrate,
    /// Average bitrate, with priority for quality.
    Quality,
    /// Fixed quantiser.
    Off,
}

/// Fields of `SEncParamExt`. There is always one spatial layer, with constant parameter set ids, no
/// maximum bitrate and no load balancing; all other fields keep the library's defaults.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in SEncParamExt")]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent setting")]
pub struct Settings {
    pub width: u16,
    pub height: u16,
    pub frame_rate: f32,
    pub mode: RateMode,
    /// Bits per second.
    pub bitrate: i32,
    /// 0..=51, with [`RateMode::Off`].
    pub qp: u8,
    pub min_qp: u8,
    pub max_qp: u8,
    pub frame_skip: bool,
    pub screen: bool,
    /// 1..=4, dyadic.
    pub temporal_layers: u8,
    /// Frames from one IDR to the next; 0: only the first.
    pub intra_period: u32,
    pub scene_change_detect: bool,
    /// 0 (fastest) to 2.
    pub complexity: u8,
    /// Slices that are encoded in parallel, 1..=4.
    pub threads: u16,
    pub cabac: bool,
    pub denoise: bool,
    pub background_detection: bool,
    pub adaptive_quant: bool,
}

impl Settings {
    fn write(&self, params: &mut sys::Params) {
        params.usage = c_int::from(self.screen);
        (params.width, params.height) = (self.width.into(), self.height.into());
        params.bitrate = self.bitrate;
        params.max_bitrate = 0;
        params.rate_mode = match self.mode {
            RateMode::Bitrate => sys::RATE_BITRATE,
            RateMode::Quality => sys::RATE_QUALITY,
            RateMode::Off => sys::RATE_OFF,
        };
        params.max_frame_rate = self.frame_rate;
        params.temporal_layers = self.temporal_layers.into();
        params.spatial_layers = 1;
        params.complexity = self.complexity.into();
        params.intra_period = self.intra_period;
        params.parameter_set_ids = 0;
        params.cabac = self.cabac.into();
        params.frame_skip = self.frame_skip.into();
        (params.min_qp, params.max_qp) = (self.min_qp.into(), self.max_qp.into());
        params.threads = self.threads;
        params.load_balancing = 0;
        params.denoise = self.denoise.into();
        params.background_detection = self.background_detection.into();
        params.adaptive_quant = self.adaptive_quant.into();
        params.scene_change = self.scene_change_detect.into();
        let layer = &mut params.layers[0];
        (layer.width, layer.height) = (self.width.into(), self.height.into());
        layer.frame_rate = self.frame_rate;
        (layer.bitrate, layer.max_bitrate) = (self.bitrate, 0);
        layer.qp = self.qp.into();
        if self.threads > 1 {
            layer.slices.mode = sys::SLICES_FIXED;
            layer.slices.count = self.threads.into();
        }
    }
}

/// Result for a frame.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are sufficient")]
pub enum Frame {
    /// No bytes.
    Skipped,
    Coded {
        is_idr: bool,
        temporal_id: u8,
    },
}

/// An encoder of H.264.
#[derive(Debug)]
pub struct Encoder {
    /// Initialised; valid until `self` is dropped.
    object: NonNull<sys::Encoder>,
    /// Valid as long as `object`.
    functions: NonNull<sys::EncoderFunctions>,
    is_26: bool,
    size: (u32, u32),
}

// SAFETY: the library's objects are not bound to a thread, and only this value holds it.
unsafe impl Send for Encoder {}

impl Drop for Encoder {
    fn drop(&mut self) {
        let uninitialize = self.functions().uninitialize;
        // SAFETY: alive and initialised.
        unsafe { uninitialize(self.object.as_ptr()) };
        // SAFETY: alive, and never used again.
        unsafe { sys::destroy_encoder(self.object.as_ptr()) };
    }
}

impl Encoder {
    /// Opens an encoder.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let is_26 = is_version_26()?;
        let call = "WelsCreateSVCEncoder";
        let mut object = std::ptr::null_mut();
        // SAFETY: a valid destination for the library's object.
        let code = unsafe { sys::create_encoder(&raw mut object) };
        let object = NonNull::new(object).ok_or(failed(ErrorKind::Internal, call, code.into()))?;
        // SAFETY: alive; its first field points to its functions.
        let functions = unsafe { object.as_ref() }.functions;
        let functions =
            NonNull::new(functions.cast_mut()).ok_or(failed(ErrorKind::Internal, call, 0))?;
        let size = (settings.width.into(), settings.height.into());
        // From here on the object is destroyed with this value, although it may not be initialised.
        let mut encoder = Self { object, functions, is_26, size };
        encoder.set(sys::ENCODER_TRACE_LEVEL, 0_i32)?;
        // SAFETY: integers and floats; all bits zero are numbers.
        let mut params: sys::Params = unsafe { std::mem::zeroed() };
        let get_default_params = encoder.functions().get_default_params;
        // SAFETY: alive; there is room for the parameters of every version.
        let code = unsafe { get_default_params(object.as_ptr(), &raw mut params) };
        check("GetDefaultParams", code)?;
        settings.write(&mut params);
        let initialize_ext = encoder.functions().initialize_ext;
        // SAFETY: alive; the library copies the parameters.
        let code = unsafe { initialize_ext(object.as_ptr(), &raw const params) };
        check("InitializeExt", code)?;
        Ok(encoder)
    }

    fn functions(&self) -> &sys::EncoderFunctions {
        // SAFETY: alive as long as the object, which is until this is dropped.
        unsafe { self.functions.as_ref() }
    }

    fn set<T>(&mut self, option: c_int, mut value: T) -> Result<(), Error> {
        let set_option = self.functions().set_option;
        let value: *mut c_void = (&raw mut value).cast();
        // SAFETY: alive; each caller passes the type of the option, which the library copies.
        let code = unsafe { set_option(self.object.as_ptr(), option, value) };
        check("SetOption", code)
    }

    /// Sets the bitrate in bits per second.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn set_bitrate(&mut self, bitrate: i32) -> Result<(), Error> {
        let info = sys::BitrateInfo { layer: sys::ALL_LAYERS, bitrate };
        self.set(sys::ENCODER_BITRATE, info)
    }

    /// Sets the frame rate in frames per second.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn set_frame_rate(&mut self, rate: f32) -> Result<(), Error> {
        self.set(sys::ENCODER_FRAME_RATE, rate)
    }

    /// Sets whether the encoder may skip frames.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn set_frame_skip(&mut self, on: bool) -> Result<(), Error> {
        self.set(sys::ENCODER_FRAME_SKIP, on)
    }

    /// Sets the complexity; see [`Settings::complexity`].
    ///
    /// # Errors
    /// Errors of the library.
    pub fn set_complexity(&mut self, complexity: u8) -> Result<(), Error> {
        self.set(sys::ENCODER_COMPLEXITY, c_int::from(complexity))
    }

    /// Makes the next frame an IDR frame.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn force_idr(&mut self) -> Result<(), Error> {
        let force_intra_frame = self.functions().force_intra_frame;
        // SAFETY: alive and initialised.
        let code = unsafe { force_intra_frame(self.object.as_ptr(), true) };
        check("ForceIntraFrame", code)
    }

    /// Returns the parameter sets (Annex B).
    ///
    /// # Errors
    /// Errors of the library.
    pub fn parameter_sets(&mut self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        let encode = self.functions().encode_parameter_sets;
        let object = self.object.as_ptr();
        if self.is_26 {
            let mut info = empty::<LayerInfo26>();
            // SAFETY: alive and initialised; `info` is the struct of this version.
            let code = unsafe { encode(object, (&raw mut *info).cast()) };
            check("EncodeParameterSets", code)?;
            take_layers(&info, |layer| &layer.info, &mut out);
        } else {
            let mut info = empty::<LayerInfo>();
            // SAFETY: as above.
            let code = unsafe { encode(object, (&raw mut *info).cast()) };
            check("EncodeParameterSets", code)?;
            take_layers(&info, |layer| layer, &mut out);
        }
        Ok(out)
    }

    /// Encodes a frame and appends its bytes (Annex B) to `out`.
    ///
    /// # Errors
    /// If the frame does not have the configured size, and errors of the library.
    pub fn encode(
        &mut self,
        picture: &I420View<'_>,
        timestamp_ms: i64,
        out: &mut Vec<u8>,
    ) -> Result<Frame, Error> {
        if picture.size() != self.size {
            return Err(failed(ErrorKind::Argument, "EncodeFrame", 0));
        }
        let source = source(picture, timestamp_ms);
        if self.is_26 {
            self.code::<LayerInfo26>(&source, |layer| &layer.info, out)
        } else {
            self.code::<LayerInfo>(&source, |layer| layer, out)
        }
    }

    /// Encodes a frame; `L` is the version's description of a layer.
    fn code<L>(
        &mut self,
        source: &sys::Source,
        describe: impl Fn(&L) -> &LayerInfo,
        out: &mut Vec<u8>,
    ) -> Result<Frame, Error> {
        let mut info = empty::<L>();
        let encode_frame = self.functions().encode_frame;
        let place: *mut c_void = (&raw mut *info).cast();
        // SAFETY: alive and initialised; the caller borrows the frame's planes for this call;
        // `info` is the struct of this version.
        let code = unsafe { encode_frame(self.object.as_ptr(), source, place) };
        check("EncodeFrame", code)?;
        if info.frame_type == sys::FRAME_SKIP || info.size == 0 {
            return Ok(Frame::Skipped);
        }
        let temporal_id = take_layers(&info, describe, out);
        Ok(Frame::Coded { is_idr: info.frame_type == sys::FRAME_IDR, temporal_id })
    }
}

/// Space for the library's description of a frame.
fn empty<L>() -> Box<FrameInfo<L>> {
    // SAFETY: `L` is one of the two descriptions of a layer: integers, floats and pointers to data,
    // for which all bits zero are numbers and null.
    Box::new(unsafe { std::mem::zeroed() })
}

/// Appends the NAL units of all layers; returns the temporal layer of the last.
fn take_layers<L>(
    info: &FrameInfo<L>,
    describe: impl Fn(&L) -> &LayerInfo,
    out: &mut Vec<u8>,
) -> u8 {
    let mut temporal_id = 0;
    let layers = usize::try_from(info.layer_count).unwrap_or(0);
    for layer in info.layers.iter().take(layers).map(describe) {
        let nals = usize::try_from(layer.nal_count).unwrap_or(0);
        if nals == 0 || layer.bytes.is_null() || layer.nal_lengths.is_null() {
            continue;
        }
        // SAFETY: the library has just written this many lengths; they are valid until its next
        // call.
        let lengths = unsafe { std::slice::from_raw_parts(layer.nal_lengths, nals) };
        let length = lengths.iter().map(|&length| usize::try_from(length).unwrap_or(0)).sum();
        // SAFETY: the NAL units are contiguous and valid until the library's next call.
        let bytes = unsafe { std::slice::from_raw_parts(layer.bytes, length) };
        out.extend_from_slice(bytes);
        temporal_id = layer.temporal_id;
    }
    temporal_id
}

fn check(call: &'static str, code: c_int) -> Result<(), Error> {
    match code {
        0 => Ok(()),
        1 | 5 => Err(failed(ErrorKind::Argument, call, code.into())),
        _ => Err(failed(ErrorKind::Internal, call, code.into())),
    }
}

/// The library's description of a frame.
fn source(picture: &I420View<'_>, timestamp: i64) -> sys::Source {
    // SAFETY: integers and pointers to data; all bits zero are numbers and null.
    let mut source: sys::Source = unsafe { std::mem::zeroed() };
    source.format = sys::FORMAT_I420;
    let (width, height) = picture.size();
    source.width = c_int::try_from(width).unwrap_or(0);
    source.height = c_int::try_from(height).unwrap_or(0);
    source.timestamp = timestamp;
    for index in 0..3 {
        let (samples, stride) = picture.plane(index);
        source.data[index] = samples.as_ptr();
        source.stride[index] = c_int::try_from(stride).unwrap_or(0);
    }
    source
}
