//! libvpx: VP8 and VP9.

mod decoder;
mod encoder;
mod sys;

pub use decoder::Decoder;
pub use encoder::{Control, Encoder, Packet, RateMode, Settings, TemporalLayers, flags};

use std::ffi::{CStr, c_char, c_int};

use crate::{Error, ErrorKind, I420View};

/// Codecs of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the formats")]
pub enum Format {
    Vp8,
    Vp9,
}

/// Returns the library's version string: `v1.12.0`.
#[must_use]
pub fn version() -> String {
    words(sys::vpx_codec_version_str())
}

/// Copies a C string; empty for null.
fn words(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the library's strings end with 0; it is copied at once.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

/// Checks that `sys` declares this version's structs.
fn check_version() -> Result<(), Error> {
    let version = sys::vpx_codec_version();
    if sys::VERSIONS.contains(&version) {
        return Ok(());
    }
    Err(Error {
        kind: ErrorKind::Unsupported,
        call: "vpx_codec_version",
        code: version.into(),
        text: "unsupported version: expected libvpx 1.8 to 1.17".to_owned(),
    })
}

/// A context of the library, which is destroyed with it.
struct Context(Box<sys::Ctx>);

// SAFETY: the library keeps no thread-local state, and only one value holds the context.
unsafe impl Send for Context {}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("vpx_codec_ctx_t")
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if !self.0.private.is_null() {
            // SAFETY: the context was initialised, by the invariant of its private pointer.
            unsafe { sys::vpx_codec_destroy(&raw mut *self.0) };
        }
    }
}

impl Context {
    fn new() -> Self {
        Self(Box::new(sys::Ctx::EMPTY))
    }

    fn check(&self, call: &'static str, code: c_int) -> Result<(), Error> {
        if code == 0 {
            return Ok(());
        }
        let kind = match code {
            sys::CORRUPT_FRAME | sys::UNSUP_BITSTREAM => ErrorKind::Data,
            sys::INVALID_PARAM => ErrorKind::Argument,
            sys::UNSUP_FEATURE | sys::INCAPABLE | sys::ABI_MISMATCH => ErrorKind::Unsupported,
            _ => ErrorKind::Internal,
        };
        let name = sys::vpx_codec_err_to_string(code);
        // SAFETY: the context is a valid one, initialised or all zero, which is allowed.
        let detail = unsafe { sys::vpx_codec_error_detail(&raw const *self.0) };
        let text = [words(name), words(detail)].join("; ");
        Err(Error { kind, call, code: code.into(), text: text.trim_end_matches("; ").to_owned() })
    }
}

/// The frame that the library returned; `None` if it is not 8-bit 4:2:0.
///
/// # Safety
/// `image` is null, or points to an image of the library whose planes hold its display size and do
/// not change for `'a`.
unsafe fn picture<'a>(image: *const sys::Image) -> Option<I420View<'a>> {
    // SAFETY: null or valid, as the caller guarantees.
    let image = unsafe { image.as_ref() }?;
    if image.fmt != sys::IMG_FMT_I420 {
        return None;
    }
    let size = |index: usize| {
        let (width, height) = (image.d_w as usize, image.d_h as usize);
        if index == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) }
    };
    let mut planes: [(&[u8], usize); 3] = [(&[], 0); 3];
    for (index, plane) in planes.iter_mut().enumerate() {
        let stride = usize::try_from(image.stride[index]).ok()?;
        let (width, height) = size(index);
        let len = height.checked_sub(1)?.checked_mul(stride)?.checked_add(width)?;
        if image.planes[index].is_null() {
            return None;
        }
        // SAFETY: the plane holds `height` rows of `width` samples, `stride` bytes apart, as the
        // caller guarantees; `len` ends with the last sample.
        *plane = (unsafe { std::slice::from_raw_parts(image.planes[index], len) }, stride);
    }
    I420View::new(image.d_w, image.d_h, planes)
}
