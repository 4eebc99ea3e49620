//! Declarations of `opus.h`, `opus_multistream.h` and `opus_defines.h`.

use std::ffi::{c_char, c_int};

macro_rules! opaque {
    ($($name:ident)*) => {
        $(
            #[derive(Debug)]
            #[repr(C)]
            pub(super) struct $name {
                opaque: [u8; 0],
            }
        )*
    };
}

opaque!(OpusEncoder OpusMSEncoder OpusDecoder OpusMSDecoder);

pub(super) const BAD_ARG: c_int = -1;
pub(super) const BUFFER_TOO_SMALL: c_int = -2;
pub(super) const INVALID_PACKET: c_int = -4;
pub(super) const UNIMPLEMENTED: c_int = -5;

pub(super) const GET_LOOKAHEAD: c_int = 4027;
pub(super) const GET_FINAL_RANGE: c_int = 4031;
pub(super) const SET_GAIN: c_int = 4034;

unsafe extern "C" {
    pub(super) safe fn opus_get_version_string() -> *const c_char;
    pub(super) safe fn opus_strerror(code: c_int) -> *const c_char;

    pub(super) fn opus_encoder_create(
        rate: i32,
        channels: c_int,
        application: c_int,
        error: *mut c_int,
    ) -> *mut OpusEncoder;
    pub(super) fn opus_encode(
        encoder: *mut OpusEncoder,
        pcm: *const i16,
        frames: c_int,
        data: *mut u8,
        room: i32,
    ) -> i32;
    pub(super) fn opus_encoder_ctl(encoder: *mut OpusEncoder, request: c_int, ...) -> c_int;
    pub(super) fn opus_encoder_destroy(encoder: *mut OpusEncoder);

    pub(super) fn opus_multistream_surround_encoder_create(
        rate: i32,
        channels: c_int,
        family: c_int,
        streams: *mut c_int,
        coupled: *mut c_int,
        mapping: *mut u8,
        application: c_int,
        error: *mut c_int,
    ) -> *mut OpusMSEncoder;
    pub(super) fn opus_multistream_encode(
        encoder: *mut OpusMSEncoder,
        pcm: *const i16,
        frames: c_int,
        data: *mut u8,
        room: i32,
    ) -> c_int;
    pub(super) fn opus_multistream_encoder_ctl(
        encoder: *mut OpusMSEncoder,
        request: c_int,
        ...
    ) -> c_int;
    pub(super) fn opus_multistream_encoder_destroy(encoder: *mut OpusMSEncoder);

    pub(super) fn opus_decoder_create(
        rate: i32,
        channels: c_int,
        error: *mut c_int,
    ) -> *mut OpusDecoder;
    pub(super) fn opus_decode(
        decoder: *mut OpusDecoder,
        data: *const u8,
        length: i32,
        pcm: *mut i16,
        frames: c_int,
        fec: c_int,
    ) -> c_int;
    pub(super) fn opus_decoder_ctl(decoder: *mut OpusDecoder, request: c_int, ...) -> c_int;
    pub(super) fn opus_decoder_destroy(decoder: *mut OpusDecoder);

    pub(super) fn opus_multistream_decoder_create(
        rate: i32,
        channels: c_int,
        streams: c_int,
        coupled: c_int,
        mapping: *const u8,
        error: *mut c_int,
    ) -> *mut OpusMSDecoder;
    pub(super) fn opus_multistream_decode(
        decoder: *mut OpusMSDecoder,
        data: *const u8,
        length: i32,
        pcm: *mut i16,
        frames: c_int,
        fec: c_int,
    ) -> c_int;
    pub(super) fn opus_multistream_decoder_ctl(
        decoder: *mut OpusMSDecoder,
        request: c_int,
        ...
    ) -> c_int;
    pub(super) fn opus_multistream_decoder_destroy(decoder: *mut OpusMSDecoder);
}
