//! Declarations of `vpx_codec.h`, `vpx_encoder.h`, `vpx_decoder.h` and `vpx_image.h`, versions 1.8 to
//! 1.17.

use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};

/// `vpx_codec_iface`: opaque.
#[repr(C)]
pub(super) struct Iface {
    opaque: [u8; 0],
}

/// `vpx_codec_ctx_t`; the library fills it in.
#[repr(C)]
pub(crate) struct Ctx {
    name: *const c_char,
    iface: *const Iface,
    err: c_int,
    err_detail: *const c_char,
    init_flags: c_long,
    config: *const c_void,
    pub(crate) private: *mut c_void,
}

impl Ctx {
    pub(super) const EMPTY: Self = Self {
        name: std::ptr::null(),
        iface: std::ptr::null(),
        err: 0,
        err_detail: std::ptr::null(),
        init_flags: 0,
        config: std::ptr::null(),
        private: std::ptr::null_mut(),
    };
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Rational {
    pub(super) num: c_int,
    pub(super) den: c_int,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct FixedBuf {
    buf: *mut c_void,
    sz: usize,
}

/// `vpx_codec_enc_cfg_t` up to `layer_target_bitrate`. The fields after it differ between versions
/// and keep the library's defaults; there is room for them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[rustfmt::skip]
pub(crate) struct EncCfg {
    pub(super) g_usage: c_uint,
    pub(super) g_threads: c_uint,
    pub(super) g_profile: c_uint,
    pub(super) g_w: c_uint,
    pub(super) g_h: c_uint,
    g_bit_depth: c_int,
    g_input_bit_depth: c_uint,
    pub(crate) g_timebase: Rational,
    pub(super) g_error_resilient: u32,
    pub(super) g_pass: c_int,
    pub(super) g_lag_in_frames: c_uint,
    pub(crate) rc_dropframe_thresh: c_uint,
    pub(super) rc_resize_allowed: c_uint,
    rc_scaled_width: c_uint,
    rc_scaled_height: c_uint,
    rc_resize_up_thresh: c_uint,
    rc_resize_down_thresh: c_uint,
    pub(crate) rc_end_usage: c_int,
    rc_twopass_stats_in: FixedBuf,
    rc_firstpass_mb_stats_in: FixedBuf,
    pub(crate) rc_target_bitrate: c_uint,
    pub(super) rc_min_quantizer: c_uint,
    pub(super) rc_max_quantizer: c_uint,
    pub(super) rc_undershoot_pct: c_uint,
    pub(super) rc_overshoot_pct: c_uint,
    pub(super) rc_buf_sz: c_uint,
    pub(super) rc_buf_initial_sz: c_uint,
    pub(super) rc_buf_optimal_sz: c_uint,
    rc_2pass_vbr_bias_pct: c_uint,
    rc_2pass_vbr_minsection_pct: c_uint,
    rc_2pass_vbr_maxsection_pct: c_uint,
    rc_2pass_vbr_corpus_complexity: c_uint,
    pub(super) kf_mode: c_int,
    pub(super) kf_min_dist: c_uint,
    pub(crate) kf_max_dist: c_uint,
    ss_number_layers: c_uint,
    ss_enable_auto_alt_ref: [c_int; 5],
    ss_target_bitrate: [c_uint; 5],
    pub(crate) ts_number_layers: c_uint,
    pub(super) ts_target_bitrate: [c_uint; 5],
    pub(super) ts_rate_decimator: [c_uint; 5],
    pub(super) ts_periodicity: c_uint,
    pub(crate) ts_layer_id: [c_uint; 16],
    pub(super) layer_target_bitrate: [c_uint; 12],
    pub(crate) temporal_layering_mode: c_int,
    rest: [u32; 256],
}

impl EncCfg {
    pub(super) fn zeroed() -> Self {
        // SAFETY: integers and pointers to data; all bits zero are numbers and null.
        unsafe { std::mem::zeroed() }
    }
}

/// `vpx_image_t`.
#[repr(C)]
#[rustfmt::skip]
pub(crate) struct Image {
    pub(super) fmt: c_int,
    cs: c_int,
    range: c_int,
    pub(super) w: c_uint,
    pub(super) h: c_uint,
    pub(super) bit_depth: c_uint,
    pub(super) d_w: c_uint,
    pub(super) d_h: c_uint,
    r_w: c_uint,
    r_h: c_uint,
    pub(super) x_chroma_shift: c_uint,
    pub(super) y_chroma_shift: c_uint,
    pub(crate) planes: [*mut u8; 4],
    pub(crate) stride: [c_int; 4],
    pub(super) bps: c_int,
    user_priv: *mut c_void,
    img_data: *mut u8,
    img_data_owner: c_int,
    self_allocd: c_int,
    pub(crate) fb_priv: *mut c_void,
}

impl Image {
    pub(super) fn zeroed() -> Self {
        // SAFETY: integers and pointers to data; all bits zero are numbers and null.
        unsafe { std::mem::zeroed() }
    }
}

/// The start of `vpx_codec_cx_pkt_t` for `VPX_CODEC_CX_FRAME_PKT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct FramePkt {
    pub(super) buf: *const u8,
    pub(crate) sz: usize,
    pub(super) pts: i64,
    pub(super) duration: c_ulong,
    pub(crate) flags: u32,
}

/// The start of `vpx_codec_cx_pkt_t` for `VPX_CODEC_PSNR_PKT`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct PsnrPkt {
    samples: [c_uint; 4],
    /// Squared error: of all planes, then of Y, U and V.
    pub(crate) sse: [u64; 4],
}

#[repr(C)]
pub(crate) union PktData {
    pub(super) frame: FramePkt,
    pub(super) psnr: PsnrPkt,
}

#[repr(C)]
pub(crate) struct Pkt {
    pub(super) kind: c_int,
    pub(crate) data: PktData,
}

/// `vpx_codec_dec_cfg_t`.
#[repr(C)]
pub(super) struct DecCfg {
    pub(super) threads: c_uint,
    pub(super) w: c_uint,
    pub(super) h: c_uint,
}

pub(super) const IMG_FMT_I420: c_int = 0x102;
pub(super) const PKT_FRAME: c_int = 0;
pub(super) const PKT_PSNR: c_int = 3;
pub(super) const FRAME_IS_KEY: u32 = 1;
pub(super) const FRAME_IS_INVISIBLE: u32 = 4;
pub(super) const USE_PSNR: c_long = 0x1_0000;
pub(super) const USE_ERROR_CONCEALMENT: c_long = 0x2_0000;

pub(super) const ABI_MISMATCH: c_int = 3;
pub(super) const INCAPABLE: c_int = 4;
pub(super) const UNSUP_BITSTREAM: c_int = 5;
pub(super) const UNSUP_FEATURE: c_int = 6;
pub(super) const CORRUPT_FRAME: c_int = 7;
pub(super) const INVALID_PARAM: c_int = 8;

pub(super) const GET_LAST_QUANTIZER: c_int = 19;
pub(super) const SET_TEMPORAL_LAYER_ID: c_int = 30;
pub(super) const GET_LAST_REF_USED: c_int = 258;

/// `VPX_DECODER_ABI_VERSION`.
pub(super) const DECODER_ABI: c_int = 12;
/// `VPX_ENCODER_ABI_VERSION` of the known versions; parts of the interface that are not used here
/// change it, but the declarations above have not changed.
pub(super) const ENCODER_ABIS: std::ops::RangeInclusive<c_int> = 20..=40;
/// Range of major and minor versions that this file was compared with.
pub(super) const VERSIONS: std::ops::RangeInclusive<c_int> = 0x1_0800..=0x1_11ff;

unsafe extern "C" {
    pub(super) safe fn vpx_codec_version() -> c_int;
    pub(super) safe fn vpx_codec_version_str() -> *const c_char;
    pub(super) safe fn vpx_codec_vp8_cx() -> *const Iface;
    pub(super) safe fn vpx_codec_vp8_dx() -> *const Iface;
    pub(super) safe fn vpx_codec_vp9_cx() -> *const Iface;
    pub(super) safe fn vpx_codec_vp9_dx() -> *const Iface;
    pub(super) fn vpx_codec_error_detail(ctx: *const Ctx) -> *const c_char;
    pub(super) safe fn vpx_codec_err_to_string(code: c_int) -> *const c_char;
    pub(super) fn vpx_codec_enc_config_default(
        iface: *const Iface,
        cfg: *mut EncCfg,
        usage: c_uint,
    ) -> c_int;
    pub(super) fn vpx_codec_enc_init_ver(
        ctx: *mut Ctx,
        iface: *const Iface,
        cfg: *const EncCfg,
        flags: c_long,
        abi: c_int,
    ) -> c_int;
    pub(super) fn vpx_codec_enc_config_set(ctx: *mut Ctx, cfg: *const EncCfg) -> c_int;
    pub(super) fn vpx_codec_encode(
        ctx: *mut Ctx,
        image: *const Image,
        pts: i64,
        duration: c_ulong,
        flags: c_long,
        deadline: c_ulong,
    ) -> c_int;
    pub(super) fn vpx_codec_get_cx_data(ctx: *mut Ctx, iter: *mut *const c_void) -> *const Pkt;
    pub(super) fn vpx_codec_get_preview_frame(ctx: *mut Ctx) -> *const Image;
    pub(super) fn vpx_codec_control_(ctx: *mut Ctx, id: c_int, ...) -> c_int;
    pub(super) fn vpx_codec_destroy(ctx: *mut Ctx) -> c_int;
    pub(super) fn vpx_codec_dec_init_ver(
        ctx: *mut Ctx,
        iface: *const Iface,
        cfg: *const DecCfg,
        flags: c_long,
        abi: c_int,
    ) -> c_int;
    pub(super) fn vpx_codec_decode(
        ctx: *mut Ctx,
        data: *const u8,
        size: c_uint,
        user: *mut c_void,
        deadline: c_long,
    ) -> c_int;
    pub(super) fn vpx_codec_get_frame(ctx: *mut Ctx, iter: *mut *const c_void) -> *const Image;
}

/// Sizes and offsets from a C compiler with the headers of versions 1.12.0 and 1.17.0.
#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn struct_layouts_match_the_headers() {
        let config = [
            (offset_of!(EncCfg, g_timebase), 28),
            (offset_of!(EncCfg, rc_dropframe_thresh), 48),
            (offset_of!(EncCfg, rc_end_usage), 72),
            (offset_of!(EncCfg, rc_target_bitrate), 112),
            (offset_of!(EncCfg, kf_max_dist), 168),
            (offset_of!(EncCfg, ts_number_layers), 216),
            (offset_of!(EncCfg, ts_layer_id), 264),
            (offset_of!(EncCfg, temporal_layering_mode), 376),
        ];
        let others = [
            (size_of::<Image>(), 136),
            (offset_of!(Image, planes), 48),
            (offset_of!(Image, stride), 80),
            (offset_of!(Image, fb_priv), 128),
            (size_of::<Ctx>(), 56),
            (offset_of!(Ctx, private), 48),
            (offset_of!(Pkt, data) + offset_of!(FramePkt, sz), 16),
            (offset_of!(Pkt, data) + offset_of!(FramePkt, flags), 40),
            (offset_of!(Pkt, data) + offset_of!(PsnrPkt, sse), 24),
            (size_of::<DecCfg>(), 12),
        ];
        for (ours, theirs) in config.into_iter().chain(others) {
            assert_eq!(ours, theirs);
        }
        assert!(size_of::<EncCfg>() > 504);
    }
}
