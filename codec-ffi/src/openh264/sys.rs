//! Declarations of `codec_api.h`, `codec_app_def.h` and `codec_def.h`, versions 2.3 to 2.6. In
//! structs, C's `bool` is declared as `u8` with the values 0 and 1.

use std::ffi::{c_int, c_long, c_uint, c_void};

/// `OpenH264Version`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Version {
    pub(super) major: c_uint,
    pub(super) minor: c_uint,
    pub(super) revision: c_uint,
    reserved: c_uint,
}

/// `SSliceArgument`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Slices {
    pub(super) mode: c_int,
    pub(super) count: c_uint,
    macroblocks: [c_uint; 35],
    size: c_uint,
}

/// `SSpatialLayerConfig`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SpatialLayer {
    pub(super) width: c_int,
    pub(super) height: c_int,
    pub(super) frame_rate: f32,
    pub(super) bitrate: c_int,
    pub(super) max_bitrate: c_int,
    profile: c_int,
    level: c_int,
    pub(super) qp: c_int,
    pub(crate) slices: Slices,
    /// Colour description; not used.
    colour: [u8; 8],
    pub(crate) aspect: c_int,
    aspect_size: [u16; 2],
}

/// `SEncParamExt`, with room for what newer versions add.
#[derive(Clone, Copy)]
#[repr(C)]
#[rustfmt::skip]
pub(crate) struct Params {
    pub(super) usage: c_int,
    pub(super) width: c_int,
    pub(super) height: c_int,
    pub(super) bitrate: c_int,
    pub(super) rate_mode: c_int,
    pub(super) max_frame_rate: f32,
    pub(super) temporal_layers: c_int,
    pub(super) spatial_layers: c_int,
    pub(crate) layers: [SpatialLayer; 4],
    pub(crate) complexity: c_int,
    pub(super) intra_period: c_uint,
    ref_frames: c_int,
    pub(super) parameter_set_ids: c_int,
    prefix_nal: u8,
    ssei: u8,
    simulcast: u8,
    pub(crate) padding: c_int,
    pub(super) cabac: c_int,
    pub(crate) frame_skip: u8,
    pub(super) max_bitrate: c_int,
    pub(crate) max_qp: c_int,
    pub(super) min_qp: c_int,
    max_nal_size: c_uint,
    pub(crate) long_term: u8,
    long_term_count: c_int,
    long_term_period: c_uint,
    pub(crate) threads: u16,
    pub(super) load_balancing: u8,
    loop_filter_off: c_int,
    loop_filter_alpha: c_int,
    loop_filter_beta: c_int,
    pub(crate) denoise: u8,
    pub(super) background_detection: u8,
    pub(super) adaptive_quant: u8,
    cropping: u8,
    pub(super) scene_change: u8,
    lossless_link: u8,
    fix_overshoot: u8,
    pub(crate) idr_bitrate_ratio: c_int,
    rest: [u32; 64],
}

/// `SSourcePicture`, with room for what newer versions add.
#[repr(C)]
pub(crate) struct Source {
    pub(super) format: c_int,
    pub(super) stride: [c_int; 4],
    pub(super) data: [*const u8; 4],
    pub(super) width: c_int,
    pub(super) height: c_int,
    /// Milliseconds.
    pub(crate) timestamp: i64,
    rest: [u64; 16],
}

/// `SLayerBSInfo` up to version 2.5.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct LayerInfo {
    pub(super) temporal_id: u8,
    spatial_id: u8,
    quality_id: u8,
    frame_type: c_int,
    layer_type: u8,
    sub_sequence: c_int,
    pub(super) nal_count: c_int,
    pub(super) nal_lengths: *const c_int,
    pub(crate) bytes: *const u8,
}

/// `SLayerBSInfo` of version 2.6.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct LayerInfo26 {
    pub(super) info: LayerInfo,
    psnr: [f32; 3],
}

/// `SFrameBSInfo` with either kind of layers.
#[repr(C)]
pub(crate) struct FrameInfo<L> {
    pub(super) layer_count: c_int,
    pub(super) layers: [L; 128],
    pub(crate) frame_type: c_int,
    pub(super) size: c_int,
    pub(crate) timestamp: i64,
}

/// `SBitrateInfo`.
#[repr(C)]
pub(super) struct BitrateInfo {
    pub(super) layer: c_int,
    pub(super) bitrate: c_int,
}

/// `SDecodingParam`.
#[repr(C)]
pub(crate) struct DecodingParams {
    file: *const c_void,
    cpu_load: c_uint,
    pub(super) target_layer: u8,
    pub(super) concealment: c_int,
    parse_only: u8,
    pub(crate) property_size: c_uint,
    pub(super) bitstream: c_int,
}

/// `SBufferInfo`.
#[repr(C)]
pub(crate) struct BufferInfo {
    /// 1: a frame is ready.
    pub(super) status: c_int,
    pub(super) timestamp_in: u64,
    pub(super) timestamp_out: u64,
    pub(crate) width: c_int,
    pub(super) height: c_int,
    pub(super) format: c_int,
    pub(super) stride: [c_int; 2],
    pub(crate) planes: [*const u8; 3],
}

pub(super) const FORMAT_I420: c_int = 23;
pub(super) const RATE_BITRATE: c_int = 1;
pub(super) const RATE_QUALITY: c_int = 0;
pub(super) const RATE_OFF: c_int = -1;
pub(super) const SLICES_FIXED: c_int = 1;
pub(super) const FRAME_IDR: c_int = 1;
pub(super) const FRAME_SKIP: c_int = 4;
pub(super) const ALL_LAYERS: c_int = 4;
pub(super) const BITSTREAM_SVC: c_int = 1;
pub(super) const CONCEAL_SLICES: c_int = 2;
/// Lost references, damage, damage concealed.
pub(super) const DAMAGE: c_int = 0x02 | 0x04 | 0x20;

pub(super) const ENCODER_FRAME_RATE: c_int = 4;
pub(super) const ENCODER_BITRATE: c_int = 5;
pub(super) const ENCODER_FRAME_SKIP: c_int = 9;
pub(super) const ENCODER_COMPLEXITY: c_int = 19;
pub(super) const ENCODER_TRACE_LEVEL: c_int = 25;
pub(super) const DECODER_TRACE_LEVEL: c_int = 9;
pub(super) const DECODER_FRAMES_HELD: c_int = 18;

/// `ISVCEncoder`: a pointer to its functions comes first.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Encoder {
    pub(super) functions: *const EncoderFunctions,
}

/// `ISVCEncoderVtbl`.
#[derive(Debug)]
#[repr(C)]
pub(super) struct EncoderFunctions {
    initialize: *const c_void,
    pub(super) initialize_ext: unsafe extern "C" fn(*mut Encoder, *const Params) -> c_int,
    pub(super) get_default_params: unsafe extern "C" fn(*mut Encoder, *mut Params) -> c_int,
    pub(super) uninitialize: unsafe extern "C" fn(*mut Encoder) -> c_int,
    pub(super) encode_frame:
        unsafe extern "C" fn(*mut Encoder, *const Source, *mut c_void) -> c_int,
    pub(super) encode_parameter_sets: unsafe extern "C" fn(*mut Encoder, *mut c_void) -> c_int,
    pub(super) force_intra_frame: unsafe extern "C" fn(*mut Encoder, bool) -> c_int,
    pub(super) set_option: unsafe extern "C" fn(*mut Encoder, c_int, *mut c_void) -> c_int,
    get_option: *const c_void,
}

/// `ISVCDecoder`: a pointer to its functions comes first.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Decoder {
    pub(super) functions: *const DecoderFunctions,
}

/// `ISVCDecoderVtbl`.
#[derive(Debug)]
#[repr(C)]
pub(super) struct DecoderFunctions {
    pub(super) initialize: unsafe extern "C" fn(*mut Decoder, *const DecodingParams) -> c_long,
    pub(super) uninitialize: unsafe extern "C" fn(*mut Decoder) -> c_long,
    decode_frame: *const c_void,
    pub(super) decode_frame_no_delay: unsafe extern "C" fn(
        *mut Decoder,
        *const u8,
        c_int,
        *mut *mut u8,
        *mut BufferInfo,
    ) -> c_int,
    decode_frame2: *const c_void,
    pub(super) flush_frame:
        unsafe extern "C" fn(*mut Decoder, *mut *mut u8, *mut BufferInfo) -> c_int,
    decode_parser: *const c_void,
    decode_frame_ex: *const c_void,
    pub(super) set_option: unsafe extern "C" fn(*mut Decoder, c_int, *mut c_void) -> c_long,
    pub(super) get_option: unsafe extern "C" fn(*mut Decoder, c_int, *mut c_void) -> c_long,
}

unsafe extern "C" {
    #[link_name = "WelsGetCodecVersionEx"]
    pub(super) fn get_version(version: *mut Version);
    #[link_name = "WelsCreateSVCEncoder"]
    pub(super) fn create_encoder(encoder: *mut *mut Encoder) -> c_int;
    #[link_name = "WelsDestroySVCEncoder"]
    pub(super) fn destroy_encoder(encoder: *mut Encoder);
    #[link_name = "WelsCreateDecoder"]
    pub(super) fn create_decoder(decoder: *mut *mut Decoder) -> c_long;
    #[link_name = "WelsDestroyDecoder"]
    pub(super) fn destroy_decoder(decoder: *mut Decoder);
}

/// Sizes and offsets from a C compiler with the headers of versions 2.3.1 and 2.6.0.
#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn struct_layouts_match_the_headers() {
        let parameters = [
            (offset_of!(Params, layers), 32),
            (size_of::<SpatialLayer>(), 200),
            (offset_of!(SpatialLayer, slices), 32),
            (offset_of!(SpatialLayer, aspect), 192),
            (offset_of!(Params, complexity), 832),
            (offset_of!(Params, padding), 852),
            (offset_of!(Params, frame_skip), 860),
            (offset_of!(Params, max_qp), 868),
            (offset_of!(Params, long_term), 880),
            (offset_of!(Params, threads), 892),
            (offset_of!(Params, denoise), 908),
            (offset_of!(Params, idr_bitrate_ratio), 916),
        ];
        let others = [
            (size_of::<LayerInfo>(), 40),
            (size_of::<LayerInfo26>(), 56),
            (offset_of!(LayerInfo, bytes), 32),
            (offset_of!(FrameInfo<LayerInfo>, frame_type), 5128),
            (offset_of!(FrameInfo<LayerInfo26>, frame_type), 7176),
            (size_of::<FrameInfo<LayerInfo26>>(), 7192),
            (offset_of!(Source, timestamp), 64),
            (size_of::<DecodingParams>(), 32),
            (offset_of!(DecodingParams, property_size), 24),
            (size_of::<BufferInfo>(), 72),
            (offset_of!(BufferInfo, width), 24),
            (offset_of!(BufferInfo, planes), 48),
            (size_of::<EncoderFunctions>(), 72),
            (size_of::<DecoderFunctions>(), 80),
        ];
        for (ours, theirs) in parameters.into_iter().chain(others) {
            assert_eq!(ours, theirs);
        }
        assert!(size_of::<Params>() > 924 && size_of::<Source>() > 80);
    }
}
