//! libopus: Opus streams and multistreams. The interface follows `opus.h`, `opus_multistream.h`
//! and `opus_defines.h`, versions 1.3 to 1.6; all objects are opaque pointers.

mod sys;

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use crate::{Error, ErrorKind};

/// Encoder settings with a numeric value: the CTLs of `opus_defines.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[expect(missing_docs, reason = "named as in opus_defines.h")]
pub enum Request {
    Bitrate = 4002,
    MaxBandwidth = 4004,
    Vbr = 4006,
    Bandwidth = 4008,
    Complexity = 4010,
    InbandFec = 4012,
    PacketLossPerc = 4014,
    Dtx = 4016,
    VbrConstraint = 4020,
    ForceChannels = 4022,
    Signal = 4024,
    LsbDepth = 4036,
    PredictionDisabled = 4042,
    PhaseInversionDisabled = 4046,
}

/// Returns the library's version string: `libopus 1.3.1`.
#[must_use]
pub fn version() -> String {
    // SAFETY: the library's static string, which ends with 0.
    let text = unsafe { CStr::from_ptr(sys::opus_get_version_string()) };
    text.to_string_lossy().into_owned()
}

/// Converts a negative return value to an error.
fn check(call: &'static str, answer: c_int) -> Result<usize, Error> {
    if let Ok(count) = usize::try_from(answer) {
        return Ok(count);
    }
    let kind = match answer {
        sys::BAD_ARG | sys::BUFFER_TOO_SMALL => ErrorKind::Argument,
        sys::INVALID_PACKET => ErrorKind::Data,
        sys::UNIMPLEMENTED => ErrorKind::Unsupported,
        _ => ErrorKind::Internal,
    };
    // SAFETY: the library's static string for any number, which ends with 0.
    let text = unsafe { CStr::from_ptr(sys::opus_strerror(answer)) };
    Err(Error { kind, call, code: answer.into(), text: text.to_string_lossy().into_owned() })
}

/// Checks the result of a constructor.
fn created<T>(call: &'static str, object: *mut T, answer: c_int) -> Result<NonNull<T>, Error> {
    check(call, answer)?;
    let missing =
        || Error { kind: ErrorKind::Internal, call, code: 0, text: "null pointer".to_owned() };
    NonNull::new(object).ok_or_else(missing)
}

#[derive(Clone, Copy, Debug)]
enum EncoderObject {
    One(NonNull<sys::OpusEncoder>),
    Many(NonNull<sys::OpusMSEncoder>),
}

/// An encoder of one or several streams.
#[derive(Debug)]
pub struct Encoder {
    /// Alive until this is dropped.
    object: EncoderObject,
    channels: usize,
}

// SAFETY: the library's objects are not bound to a thread, and only this value holds them;
// functions that take `&self` only read.
unsafe impl Send for Encoder {}

impl Drop for Encoder {
    fn drop(&mut self) {
        match self.object {
            // SAFETY: alive, and never used again.
            EncoderObject::One(object) => unsafe { sys::opus_encoder_destroy(object.as_ptr()) },
            EncoderObject::Many(object) => {
                // SAFETY: as above.
                unsafe { sys::opus_multistream_encoder_destroy(object.as_ptr()) }
            }
        }
    }
}

impl Encoder {
    /// Creates a single stream of 1 or 2 channels. `application` is one of `opus_defines.h`.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn single_stream(rate: i32, channels: i32, application: i32) -> Result<Self, Error> {
        let mut answer = 0;
        // SAFETY: numbers, which the library checks, and a place for its answer.
        let object =
            unsafe { sys::opus_encoder_create(rate, channels, application, &raw mut answer) };
        let object = created("opus_encoder_create", object, answer)?;
        let channels = usize::try_from(channels).unwrap_or(0);
        Ok(Self { object: EncoderObject::One(object), channels })
    }

    /// Creates streams for 1 to 8 channels in Vorbis order (RFC 7845, section 5.1.1.2); returns the
    /// number of streams, the number of coupled streams, and the mapping of channels.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn surround(
        rate: i32,
        channels: i32,
        application: i32,
    ) -> Result<(Self, u8, u8, Vec<u8>), Error> {
        let (mut streams, mut coupled, mut answer) = (0, 0, 0);
        // The library writes one entry per channel, at most 8.
        let mut mapping = [0; 255];
        // SAFETY: numbers, which the library checks, and destinations for its answers; `mapping`
        // has room for any number of channels.
        let object = unsafe {
            sys::opus_multistream_surround_encoder_create(
                rate,
                channels,
                1,
                &raw mut streams,
                &raw mut coupled,
                mapping.as_mut_ptr(),
                application,
                &raw mut answer,
            )
        };
        let object = created("opus_multistream_surround_encoder_create", object, answer)?;
        let channels = usize::try_from(channels).unwrap_or(0);
        let encoder = Self { object: EncoderObject::Many(object), channels };
        let byte = |number: c_int| u8::try_from(number).unwrap_or(0);
        Ok((encoder, byte(streams), byte(coupled), mapping[..channels].to_vec()))
    }

    /// Sets a numeric setting.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn set(&mut self, request: Request, value: i32) -> Result<(), Error> {
        let id = request as c_int;
        let answer = match self.object {
            EncoderObject::One(object) => {
                // SAFETY: alive; each of these requests takes one `opus_int32`.
                unsafe { sys::opus_encoder_ctl(object.as_ptr(), id, value) }
            }
            EncoderObject::Many(object) => {
                // SAFETY: as above.
                unsafe { sys::opus_multistream_encoder_ctl(object.as_ptr(), id, value) }
            }
        };
        check("opus_encoder_ctl", answer).map(|_| ())
    }

    fn get(&self, id: c_int) -> u32 {
        let mut value: u32 = 0;
        let place = &raw mut value;
        match self.object {
            // SAFETY: alive; the requests used here write one 32-bit number.
            EncoderObject::One(object) => unsafe {
                sys::opus_encoder_ctl(object.as_ptr(), id, place)
            },
            // SAFETY: as above.
            EncoderObject::Many(object) => unsafe {
                sys::opus_multistream_encoder_ctl(object.as_ptr(), id, place)
            },
        };
        value
    }

    /// State of the range coder after the last packet.
    #[must_use]
    pub fn final_range(&self) -> u32 {
        self.get(sys::GET_FINAL_RANGE)
    }

    /// Encoder delay in samples.
    #[must_use]
    pub fn lookahead(&self) -> i32 {
        self.get(sys::GET_LOOKAHEAD).cast_signed()
    }

    /// Encodes the interleaved samples of one frame into `out`; returns the length of the packet.
    ///
    /// # Errors
    /// Errors of the library, including a number of samples that is not a frame duration.
    pub fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, Error> {
        let frames = c_int::try_from(pcm.len() / self.channels.max(1)).unwrap_or(0);
        let room = i32::try_from(out.len()).unwrap_or(i32::MAX);
        let (pcm, out) = (pcm.as_ptr(), out.as_mut_ptr());
        let answer = match self.object {
            // SAFETY: alive; `pcm` holds `frames` samples of each channel, `out` `room` bytes.
            EncoderObject::One(object) => unsafe {
                sys::opus_encode(object.as_ptr(), pcm, frames, out, room)
            },
            // SAFETY: as above.
            EncoderObject::Many(object) => unsafe {
                sys::opus_multistream_encode(object.as_ptr(), pcm, frames, out, room)
            },
        };
        check("opus_encode", answer)
    }
}

#[derive(Clone, Copy, Debug)]
enum DecoderObject {
    One(NonNull<sys::OpusDecoder>),
    Many(NonNull<sys::OpusMSDecoder>),
}

/// A decoder of one or several streams.
#[derive(Debug)]
pub struct Decoder {
    /// Alive until this is dropped.
    object: DecoderObject,
    channels: usize,
}

// SAFETY: the library's objects are not bound to a thread, and only this value holds them;
// functions that take `&self` only read.
unsafe impl Send for Decoder {}

impl Drop for Decoder {
    fn drop(&mut self) {
        match self.object {
            // SAFETY: alive, and never used again.
            DecoderObject::One(object) => unsafe { sys::opus_decoder_destroy(object.as_ptr()) },
            DecoderObject::Many(object) => {
                // SAFETY: as above.
                unsafe { sys::opus_multistream_decoder_destroy(object.as_ptr()) }
            }
        }
    }
}

impl Decoder {
    /// Creates a decoder for one stream of 1 or 2 channels.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn single_stream(rate: i32, channels: i32) -> Result<Self, Error> {
        let mut answer = 0;
        // SAFETY: numbers, which the library checks, and a place for its answer.
        let object = unsafe { sys::opus_decoder_create(rate, channels, &raw mut answer) };
        let object = created("opus_decoder_create", object, answer)?;
        let channels = usize::try_from(channels).unwrap_or(0);
        Ok(Self { object: DecoderObject::One(object), channels })
    }

    /// Creates a decoder for several streams; `mapping` gives the position of each channel.
    ///
    /// # Errors
    /// Errors of the library, and a `mapping` with fewer entries than `channels`.
    pub fn multistream(
        rate: i32,
        channels: u8,
        streams: u8,
        coupled: u8,
        mapping: &[u8],
    ) -> Result<Self, Error> {
        let call = "opus_multistream_decoder_create";
        if mapping.len() < usize::from(channels) {
            let text = "the channel mapping has fewer entries than channels".to_owned();
            return Err(Error { kind: ErrorKind::Argument, call, code: 0, text });
        }
        let mut answer = 0;
        // SAFETY: numbers, which the library checks, a mapping of so many channels, and a place for
        // its answer.
        let object = unsafe {
            sys::opus_multistream_decoder_create(
                rate,
                channels.into(),
                streams.into(),
                coupled.into(),
                mapping.as_ptr(),
                &raw mut answer,
            )
        };
        let object = created(call, object, answer)?;
        Ok(Self { object: DecoderObject::Many(object), channels: channels.into() })
    }

    /// Decodes `data` into `out`; returns the number of decoded samples per channel. `None`
    /// conceals a lost packet; with `fec`, the in-band FEC copy of the previous packet is decoded.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn decode(
        &mut self,
        data: Option<&[u8]>,
        out: &mut [i16],
        fec: bool,
    ) -> Result<usize, Error> {
        let frames = c_int::try_from(out.len() / self.channels.max(1)).unwrap_or(0);
        let length = i32::try_from(data.map_or(0, <[u8]>::len)).unwrap_or(0);
        let data = data.map_or(std::ptr::null(), <[u8]>::as_ptr);
        let (out, fec) = (out.as_mut_ptr(), c_int::from(fec));
        let answer = match self.object {
            // SAFETY: alive; `data` is null or holds `length` bytes, `out` holds `frames` samples of
            // each channel.
            DecoderObject::One(object) => unsafe {
                sys::opus_decode(object.as_ptr(), data, length, out, frames, fec)
            },
            // SAFETY: as above.
            DecoderObject::Many(object) => unsafe {
                sys::opus_multistream_decode(object.as_ptr(), data, length, out, frames, fec)
            },
        };
        check("opus_decode", answer)
    }

    /// State of the range decoder after the last packet.
    #[must_use]
    pub fn final_range(&self) -> u32 {
        let mut value: u32 = 0;
        let place = &raw mut value;
        match self.object {
            // SAFETY: alive; this request writes one 32-bit number.
            DecoderObject::One(object) => unsafe {
                sys::opus_decoder_ctl(object.as_ptr(), sys::GET_FINAL_RANGE, place)
            },
            // SAFETY: as above.
            DecoderObject::Many(object) => unsafe {
                sys::opus_multistream_decoder_ctl(object.as_ptr(), sys::GET_FINAL_RANGE, place)
            },
        };
        value
    }

    /// Gain of the output in 1/256 dB.
    ///
    /// # Errors
    /// Errors of the library.
    pub fn set_gain(&mut self, gain_q8_db: i32) -> Result<(), Error> {
        let answer = match self.object {
            // SAFETY: alive; this request takes one `opus_int32`.
            DecoderObject::One(object) => unsafe {
                sys::opus_decoder_ctl(object.as_ptr(), sys::SET_GAIN, gain_q8_db)
            },
            // SAFETY: as above.
            DecoderObject::Many(object) => unsafe {
                sys::opus_multistream_decoder_ctl(object.as_ptr(), sys::SET_GAIN, gain_q8_db)
            },
        };
        check("opus_decoder_ctl", answer).map(|_| ())
    }
}
