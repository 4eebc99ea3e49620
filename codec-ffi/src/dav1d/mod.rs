//! dav1d: AV1 decoding.

mod sys;

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use crate::{Error, ErrorKind, I420View};

/// Returns the library's version string.
#[must_use]
pub fn version() -> String {
    // SAFETY: the library's static string, which ends with 0.
    let text = unsafe { CStr::from_ptr(sys::dav1d_version()) };
    text.to_string_lossy().into_owned()
}

fn check(call: &'static str, code: c_int) -> Result<(), Error> {
    let (kind, text) = match code {
        0.. => return Ok(()),
        sys::EINVAL => (ErrorKind::Data, "invalid data"),
        sys::ENOMEM => (ErrorKind::Internal, "not enough memory"),
        sys::ERANGE => (ErrorKind::Data, "the frame exceeds the size limit"),
        sys::UNSUPPORTED => {
            (ErrorKind::Unsupported, "the library does not support a feature of the stream")
        }
        _ => (ErrorKind::Internal, ""),
    };
    Err(Error { kind, call, code: code.into(), text: text.to_owned() })
}

/// A decoded frame of any format; [`Self::view`] gives access to 8-bit 4:2:0.
pub struct Picture {
    raw: Box<sys::Picture>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture").finish_non_exhaustive()
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: a frame of the library, all zero or with a reference that is released once.
        unsafe { sys::dav1d_picture_unref(&raw mut *self.raw) };
    }
}

impl Picture {
    fn empty() -> Self {
        // SAFETY: integers and pointers to data; all bits zero are numbers and null.
        Self { raw: Box::new(unsafe { std::mem::zeroed() }) }
    }

    /// The samples; `None` if they are not 8-bit 4:2:0.
    #[must_use]
    pub fn view(&self) -> Option<I420View<'_>> {
        let raw = &self.raw;
        if raw.layout != sys::LAYOUT_I420 || raw.bits != 8 {
            return None;
        }
        let width = u32::try_from(raw.width).ok()?;
        let height = u32::try_from(raw.height).ok()?;
        let mut planes: [(&[u8], usize); 3] = [(&[], 0); 3];
        for (index, plane) in planes.iter_mut().enumerate() {
            let stride = usize::try_from(raw.stride[index.min(1)]).ok()?;
            let halve = |size: u32| if index == 0 { size } else { size.div_ceil(2) } as usize;
            let len = halve(height).checked_sub(1)?.checked_mul(stride)? + halve(width);
            if raw.data[index].is_null() {
                return None;
            }
            // SAFETY: the library's plane of so many rows, `stride` bytes apart; it does not change
            // while this frame holds its reference. `len` ends with the last sample.
            *plane = (unsafe { std::slice::from_raw_parts(raw.data[index], len) }, stride);
        }
        I420View::new(width, height, planes)
    }

    /// The time of its packet.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.raw.props.timestamp
    }

    /// The duration of its packet.
    #[must_use]
    pub fn duration(&self) -> i64 {
        self.raw.props.duration
    }
}

/// A decoder of AV1.
#[derive(Debug)]
pub struct Decoder {
    /// Open until this is dropped.
    context: NonNull<sys::Context>,
}

// SAFETY: the library's context may be used by any one thread at a time.
unsafe impl Send for Decoder {}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: open, and never used again.
        unsafe { sys::dav1d_close(&raw mut context) };
    }
}

impl Decoder {
    /// Creates a decoder with `threads` threads of its own (1..=64) that outputs each frame
    /// immediately and rejects frames of more than `max_pixels` (0: no limit).
    ///
    /// # Errors
    /// Errors of the library.
    pub fn new(threads: u16, max_pixels: u32) -> Result<Self, Error> {
        // SAFETY: integers and pointers to data; all bits zero are numbers and null.
        let mut settings: sys::Settings = unsafe { std::mem::zeroed() };
        // SAFETY: there is room for the settings of every version that `build.rs` takes.
        unsafe { sys::dav1d_default_settings(&raw mut settings) };
        settings.n_threads = threads.into();
        settings.max_frame_delay = 1;
        settings.operating_point = 0;
        settings.all_layers = 0;
        settings.frame_size_limit = max_pixels;
        settings.logger.callback = std::ptr::null();
        let mut context = std::ptr::null_mut();
        // SAFETY: valid settings, which the library copies, and a place for its context.
        let code = unsafe { sys::dav1d_open(&raw mut context, &raw const settings) };
        check("dav1d_open", code)?;
        let missing = || Error {
            kind: ErrorKind::Internal,
            call: "dav1d_open",
            code: 0,
            text: "null pointer".to_owned(),
        };
        Ok(Self { context: NonNull::new(context).ok_or_else(missing)? })
    }

    /// Decodes a temporal unit and passes its frames to `take`. After an error the decoder waits
    /// for a key frame.
    ///
    /// # Errors
    /// Errors in the data.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        timestamp: i64,
        duration: i64,
        mut take: impl FnMut(Picture),
    ) -> Result<(), Error> {
        // SAFETY: integers and pointers to data; all bits zero are numbers and null.
        let mut data: sys::Data = unsafe { std::mem::zeroed() };
        // SAFETY: an empty description and a length; the library allocates.
        let place = unsafe { sys::dav1d_data_create(&raw mut data, bytes.len()) };
        if place.is_null() {
            return check("dav1d_data_create", sys::ENOMEM);
        }
        // SAFETY: the library has just allocated so many bytes there.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        (data.props.timestamp, data.props.duration) = (timestamp, duration);
        let mut outcome = Ok(());
        loop {
            if data.size > 0 {
                // SAFETY: an open context; the library consumes as much of the data as it can.
                let code = unsafe { sys::dav1d_send_data(self.context.as_ptr(), &raw mut data) };
                if code != sys::EAGAIN {
                    outcome = check("dav1d_send_data", code);
                }
            }
            if outcome.is_err() {
                break;
            }
            let mut picture = Picture::empty();
            // SAFETY: an open context, and room for the frame of every version.
            let code =
                unsafe { sys::dav1d_get_picture(self.context.as_ptr(), &raw mut *picture.raw) };
            match code {
                0 => take(picture),
                sys::EAGAIN if data.size == 0 => break,
                sys::EAGAIN => {}
                code => {
                    outcome = check("dav1d_get_picture", code);
                    break;
                }
            }
        }
        if outcome.is_err() {
            // SAFETY: the remaining data is released; there is none if the library consumed it all.
            unsafe { sys::dav1d_data_unref(&raw mut data) };
            self.flush();
        }
        outcome
    }

    /// Resets all references.
    pub fn flush(&mut self) {
        // SAFETY: an open context.
        unsafe { sys::dav1d_flush(self.context.as_ptr()) };
    }
}
