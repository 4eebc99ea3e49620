//! libvpx's decoders.

use super::{Context, Format, check_version, picture, sys};
use crate::{Error, I420View};

/// A decoder of VP8 or VP9.
#[derive(Debug)]
pub struct Decoder {
    context: Context,
    iter: *const std::ffi::c_void,
}

// SAFETY: the iterator is a position in the library's list and is not bound to a thread.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Creates a decoder with up to `threads` threads of its own; `conceal` enables error
    /// concealment, if the library was built with it.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn new(format: Format, threads: u32, conceal: bool) -> Result<Self, Error> {
        check_version()?;
        let iface = match format {
            Format::Vp8 => sys::vpx_codec_vp8_dx(),
            Format::Vp9 => sys::vpx_codec_vp9_dx(),
        };
        let mut context = Context::new();
        let config = sys::DecCfg { threads, w: 0, h: 0 };
        let flags = if conceal { sys::USE_ERROR_CONCEALMENT } else { 0 };
        // SAFETY: context, interface and configuration are valid; the library copies the latter.
        let code = unsafe {
            sys::vpx_codec_dec_init_ver(
                &raw mut *context.0,
                iface,
                &raw const config,
                flags,
                sys::DECODER_ABI,
            )
        };
        context.check("vpx_codec_dec_init", code)?;
        Ok(Self { context, iter: std::ptr::null() })
    }

    /// Decodes one packet. [`Self::frame`] returns its frames.
    ///
    /// # Errors
    /// Errors in the packet.
    pub fn decode(&mut self, data: &[u8]) -> Result<(), Error> {
        self.iter = std::ptr::null();
        let size = std::ffi::c_uint::try_from(data.len()).unwrap_or(0);
        // SAFETY: the context is an initialised decoder and `data` holds `size` bytes, which the
        // library reads during the call only.
        let code = unsafe {
            sys::vpx_codec_decode(
                &raw mut *self.context.0,
                data.as_ptr(),
                size,
                std::ptr::null_mut(),
                0,
            )
        };
        self.context.check("vpx_codec_decode", code)
    }

    /// Returns the next frame of the last packet; `None` if there are no more, or the frame is not
    /// 8-bit 4:2:0.
    pub fn frame(&mut self) -> Option<I420View<'_>> {
        // SAFETY: the context is an initialised decoder; the iterator is null or the library's own
        // since the last packet.
        let image =
            unsafe { sys::vpx_codec_get_frame(&raw mut *self.context.0, &raw mut self.iter) };
        // SAFETY: null or the library's image, which is valid until its next call: for as long as
        // this decoder is borrowed.
        unsafe { picture(image) }
    }

    /// Returns which reference frames the macroblocks of the last packet use (VP8 only): 1 the last
    /// frame, 2 golden, 4 altref.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn references_used(&mut self) -> Result<u8, Error> {
        let mut used: std::ffi::c_int = 0;
        // SAFETY: the context is an initialised decoder; this control writes one `int`.
        let code = unsafe {
            sys::vpx_codec_control_(&raw mut *self.context.0, sys::GET_LAST_REF_USED, &raw mut used)
        };
        self.context.check("vpx_codec_control", code)?;
        Ok(u8::try_from(used & 7).unwrap_or(0))
    }
}
