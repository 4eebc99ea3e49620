//! Declarations of `dav1d.h`, `picture.h`, `data.h` and `common.h`, versions 1.0 to 1.5.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// `Dav1dContext`: opaque.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Context {
    opaque: [u8; 0],
}

/// `Dav1dSettings` up to the logger, with room for the fields after it, which keep the values of
/// `dav1d_default_settings`.
#[repr(C)]
pub(crate) struct Settings {
    pub(super) n_threads: c_int,
    pub(super) max_frame_delay: c_int,
    apply_grain: c_int,
    pub(super) operating_point: c_int,
    pub(super) all_layers: c_int,
    pub(super) frame_size_limit: c_uint,
    pub(crate) allocator: [*mut c_void; 3],
    pub(crate) logger: Logger,
    pub(crate) rest: [usize; 64],
}

/// `Dav1dLogger`; without a callback it is silent.
#[repr(C)]
pub(crate) struct Logger {
    cookie: *mut c_void,
    pub(super) callback: *const c_void,
}

/// `Dav1dDataProps`.
#[repr(C)]
pub(crate) struct DataProps {
    pub(super) timestamp: i64,
    pub(super) duration: i64,
    offset: i64,
    size: usize,
    user_data: *const u8,
    user_ref: *mut c_void,
}

/// `Dav1dData`.
#[repr(C)]
pub(crate) struct Data {
    pub(super) data: *const u8,
    pub(super) size: usize,
    reference: *mut c_void,
    pub(crate) props: DataProps,
}

/// `Dav1dPicture` up to its properties, with room for the fields after them.
#[repr(C)]
pub(crate) struct Picture {
    sequence: *const c_void,
    frame: *const c_void,
    pub(super) data: [*const u8; 3],
    pub(crate) stride: [isize; 2],
    pub(crate) width: c_int,
    pub(super) height: c_int,
    pub(super) layout: c_int,
    pub(super) bits: c_int,
    pub(crate) props: DataProps,
    pub(crate) rest: [usize; 64],
}

pub(super) const LAYOUT_I420: c_int = 1;

pub(super) const EINVAL: c_int = -22;
pub(super) const ENOMEM: c_int = -12;
pub(super) const EAGAIN: c_int = -11;
pub(super) const ERANGE: c_int = -34;
/// `ENOPROTOOPT`.
pub(super) const UNSUPPORTED: c_int = -92;

unsafe extern "C" {
    pub(super) safe fn dav1d_version() -> *const c_char;
    pub(super) fn dav1d_default_settings(settings: *mut Settings);
    pub(super) fn dav1d_open(context: *mut *mut Context, settings: *const Settings) -> c_int;
    pub(super) fn dav1d_send_data(context: *mut Context, data: *mut Data) -> c_int;
    pub(super) fn dav1d_get_picture(context: *mut Context, picture: *mut Picture) -> c_int;
    pub(super) fn dav1d_close(context: *mut *mut Context);
    pub(super) fn dav1d_flush(context: *mut Context);
    pub(super) fn dav1d_picture_unref(picture: *mut Picture);
    pub(super) fn dav1d_data_create(data: *mut Data, size: usize) -> *mut u8;
    pub(super) fn dav1d_data_unref(data: *mut Data);
}

/// Sizes and offsets from a C compiler with the headers of versions 1.0.0 and 1.5.4.
#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn struct_layouts_match_the_headers() {
        let pairs = [
            (offset_of!(Settings, allocator), 24),
            (offset_of!(Settings, logger), 48),
            (offset_of!(Settings, rest), 64),
            (offset_of!(Picture, stride), 40),
            (offset_of!(Picture, width), 56),
            (offset_of!(Picture, props), 72),
            (offset_of!(Picture, rest), 120),
            (size_of::<Data>(), 72),
            (offset_of!(Data, props), 24),
            (size_of::<DataProps>(), 48),
        ];
        for (ours, theirs) in pairs {
            assert_eq!(ours, theirs);
        }
        assert!(size_of::<Settings>() > 96 && size_of::<Picture>() > 272);
    }
}
