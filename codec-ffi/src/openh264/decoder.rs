//! OpenH264's decoder.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use super::{failed, is_version_26, sys};
use crate::{Error, ErrorKind, I420View};

/// A decoder of H.264.
#[derive(Debug)]
pub struct Decoder {
    /// Alive until this is dropped.
    object: NonNull<sys::Decoder>,
    /// Alive as long as the object.
    functions: NonNull<sys::DecoderFunctions>,
    /// Bits of `DECODING_STATE` that are not errors.
    tolerated: c_int,
}

// SAFETY: the library's objects are not bound to a thread, and only this value holds it.
unsafe impl Send for Decoder {}

impl Drop for Decoder {
    fn drop(&mut self) {
        let uninitialize = self.functions().uninitialize;
        // SAFETY: alive, although possibly not initialised.
        unsafe { uninitialize(self.object.as_ptr()) };
        // SAFETY: alive, and never used again.
        unsafe { sys::destroy_decoder(self.object.as_ptr()) };
    }
}

impl Decoder {
    /// Creates a decoder; `conceal` enables error concealment.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn new(conceal: bool) -> Result<Self, Error> {
        is_version_26()?;
        let call = "WelsCreateDecoder";
        let mut object = std::ptr::null_mut();
        // SAFETY: a valid destination for the library's object.
        let code = unsafe { sys::create_decoder(&raw mut object) };
        let object = NonNull::new(object).ok_or(failed(ErrorKind::Internal, call, code))?;
        // SAFETY: alive; its first field points to its functions.
        let functions = unsafe { object.as_ref() }.functions;
        let functions =
            NonNull::new(functions.cast_mut()).ok_or(failed(ErrorKind::Internal, call, 0))?;
        let tolerated = if conceal { sys::DAMAGE } else { 0 };
        let decoder = Self { object, functions, tolerated };
        let mut quiet: c_int = 0;
        let place: *mut c_void = (&raw mut quiet).cast();
        let set_option = decoder.functions().set_option;
        // SAFETY: alive; the option is an `int`, which the library copies.
        unsafe { set_option(object.as_ptr(), sys::DECODER_TRACE_LEVEL, place) };
        // SAFETY: integers and a pointer; all bits zero are numbers and null.
        let mut params: sys::DecodingParams = unsafe { std::mem::zeroed() };
        params.target_layer = u8::MAX;
        params.concealment = if conceal { sys::CONCEAL_SLICES } else { 0 };
        params.bitstream = sys::BITSTREAM_SVC;
        params.property_size = 8;
        let initialize = decoder.functions().initialize;
        // SAFETY: alive; the library copies the parameters.
        let code = unsafe { initialize(object.as_ptr(), &raw const params) };
        if code == 0 { Ok(decoder) } else { Err(failed(ErrorKind::Argument, "Initialize", code)) }
    }

    fn functions(&self) -> &sys::DecoderFunctions {
        // SAFETY: alive as long as the object, which is until this is dropped.
        unsafe { self.functions.as_ref() }
    }

    /// Decodes the NAL units of a packet (Annex B) and returns the next frame that is ready, with
    /// the time of its packet.
    ///
    /// # Errors
    /// Errors in the data, as bits of `DECODING_STATE`.
    pub fn decode(
        &mut self,
        data: &[u8],
        timestamp: i64,
    ) -> Result<Option<(I420View<'_>, i64)>, Error> {
        let length = c_int::try_from(data.len())
            .map_err(|_| failed(ErrorKind::Data, "DecodeFrameNoDelay", 0))?;
        let (mut planes, mut info) = ([std::ptr::null_mut(); 3], empty());
        info.timestamp_in = timestamp.cast_unsigned();
        let decode = self.functions().decode_frame_no_delay;
        // SAFETY: alive and initialised; `data` has `length` bytes, and there are destinations for
        // three planes and their description.
        let code = unsafe {
            decode(self.object.as_ptr(), data.as_ptr(), length, planes.as_mut_ptr(), &raw mut info)
        };
        if code & !self.tolerated != 0 {
            return Err(failed(ErrorKind::Data, "DecodeFrameNoDelay", code.into()));
        }
        // SAFETY: `info` was just filled in by the library.
        Ok(unsafe { picture(&info) })
    }

    /// Returns how many frames are held for reordering.
    #[must_use]
    pub fn held(&self) -> usize {
        let mut count: c_int = 0;
        let place: *mut c_void = (&raw mut count).cast();
        let get_option = self.functions().get_option;
        // SAFETY: alive; the option is an `int`, and the destination is one.
        unsafe { get_option(self.object.as_ptr(), sys::DECODER_FRAMES_HELD, place) };
        usize::try_from(count).unwrap_or(0)
    }

    /// Returns a frame that is still held, with the time of its packet.
    pub fn flush(&mut self) -> Option<(I420View<'_>, i64)> {
        let (mut planes, mut info) = ([std::ptr::null_mut(); 3], empty());
        let flush = self.functions().flush_frame;
        // SAFETY: alive and initialised, with destinations for three planes and their description.
        unsafe { flush(self.object.as_ptr(), planes.as_mut_ptr(), &raw mut info) };
        // SAFETY: `info` was just filled in by the library.
        unsafe { picture(&info) }
    }
}

fn empty() -> sys::BufferInfo {
    // SAFETY: integers and pointers to data; all bits zero are numbers and null.
    unsafe { std::mem::zeroed() }
}

/// Returns the frame that `info` describes.
///
/// # Safety
/// The library has filled in `info`; its planes do not change for `'a`.
unsafe fn picture<'a>(info: &sys::BufferInfo) -> Option<(I420View<'a>, i64)> {
    if info.status != 1 || info.format != sys::FORMAT_I420 {
        return None;
    }
    let width = u32::try_from(info.width).ok()?;
    let height = u32::try_from(info.height).ok()?;
    let mut planes: [(&[u8], usize); 3] = [(&[], 0); 3];
    for (index, plane) in planes.iter_mut().enumerate() {
        let stride = usize::try_from(info.stride[index.min(1)]).ok()?;
        let halve = |size: u32| if index == 0 { size } else { size.div_ceil(2) } as usize;
        let len = halve(height).checked_sub(1)?.checked_mul(stride)? + halve(width);
        if info.planes[index].is_null() {
            return None;
        }
        // SAFETY: a plane of so many rows, `stride` bytes apart, as the caller guarantees; `len`
        // ends with the last sample.
        *plane = (unsafe { std::slice::from_raw_parts(info.planes[index], len) }, stride);
    }
    Some((I420View::new(width, height, planes)?, info.timestamp_out.cast_signed()))
}
