//! The backend `av1/rav1d`: decodes AV1 of all bit depths and chroma subsamplings.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use re_rav1d::{Decoder, Error as Rav1dError, PixelLayout, PlanarImageComponent, Settings, pixel};

use crate::obu::{self, Sequence};
use codec_core::codec::{
    Capabilities, DecodeReport, DecoderConfig, Feature, FrameKind, Gap, ResizeLimit, VideoDecoder,
};
use codec_core::error::{Corrupt, Error, LibraryError};
use codec_core::frame::{
    AnyFrameBuf, Color, ColorPrimaries, ColorRange, Frame, FrameBuf, FramePool, MatrixCoefficients,
    PictureInfo, PixelLimit, SampleFormat, Sampling, Size, TransferCharacteristics,
};

/// Number of frames that the pool keeps for reuse.
const POOLED_FRAMES: usize = 8;
/// Planes are a multiple of this size in luma samples.
const MACROBLOCK: usize = 16;

const GAPS: &[Gap] = &[
    Gap::new(Feature::Concealment, "rav1d returns no frame for a damaged temporal unit"),
    Gap::new(Feature::ReportsQindex, "rav1d's API does not expose the quantiser"),
    Gap::new(Feature::ReportsReferences, "AV1's eight reference slots do not map to VP8's three"),
    Gap::new(Feature::Pool, "rav1d starts its own threads, as many as the pool has"),
    Gap::new(Feature::SimdLevel, "rav1d detects the CPU itself, and has no SIMD without av1-asm"),
    Gap::new(Feature::AllLayers, "rav1d outputs the highest spatial layer only"),
    Gap::new(Feature::DecoderDelay, "each frame is always output with its own packet"),
];

static CAPABILITIES: Capabilities = Capabilities {
    max_dimension: 65_536,
    reference_slots: 8,
    qindex_range: (0, 255),
    rtc_qindex_range: (0, 255),
    live_resolution: true,
    threads: true,
    gaps: GAPS,
    ..Capabilities::minimal("re_rav1d")
};

/// Returns the capabilities of the decoder.
pub(crate) const fn capabilities() -> &'static Capabilities {
    &CAPABILITIES
}

/// Opens the decoder.
///
/// # Errors
/// [`Error::Unsupported`] if concealment is enabled.
pub(crate) fn open(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    CAPABILITIES.check_decoder_config(config)?;
    Ok(Box::new(Rav1d::new(config.clone())?))
}

/// The decoder. It applies film grain and outputs the highest spatial layer.
struct Rav1d {
    config: DecoderConfig,
    decoder: Decoder,
    sequence: Option<Sequence>,
    resize_limit: ResizeLimit,
    pool: FramePool,
    output: VecDeque<Frame>,
}

impl fmt::Debug for Rav1d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rav1d").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Rav1d {
    fn new(config: DecoderConfig) -> Result<Self, Error> {
        Ok(Self {
            decoder: open_library(&config)?,
            config,
            sequence: None,
            resize_limit: ResizeLimit::default(),
            pool: FramePool::default(),
            output: VecDeque::new(),
        })
    }

    /// Checks a new sequence header before the library allocates memory for it.
    fn check_sequence(&mut self, new: &Sequence) -> Result<(), Error> {
        self.config.formats.check(new.format())?;
        PixelLimit(self.config.limits.max_pixels).check_format(new.max_size, new.format())?;
        if self.changes_size(new) {
            self.resize_limit.check(&self.config.limits, new.max_size)?;
        }
        Ok(())
    }

    fn changes_size(&self, new: &Sequence) -> bool {
        self.sequence.is_none_or(|old| (old.max_size, old.format()) != (new.max_size, new.format()))
    }

    /// Passes `data` to the library and collects its frames.
    fn run(&mut self, data: &[u8], pts: i64, duration: Option<u64>) -> Result<(), Error> {
        let mut sent = self.decoder.send_data(data.to_vec(), None, None, None);
        loop {
            match self.decoder.get_picture() {
                Ok(picture) => {
                    let frame = self.copy(&picture, pts, duration)?;
                    self.output.push_back(frame);
                }
                Err(error) => {
                    if !error.is_again() {
                        return Err(self.failed(error));
                    }
                    match sent {
                        Ok(()) => return Ok(()),
                        Err(Rav1dError::Again) => sent = self.decoder.send_pending_data(),
                        Err(error) => return Err(self.failed(error)),
                    }
                }
            }
        }
    }

    /// Converts an error; the library discards the rest of the packet.
    fn failed(&mut self, error: Rav1dError) -> Error {
        // The library accepts no new packet while part of one is pending.
        while let Err(Rav1dError::Again) = self.decoder.send_pending_data() {
            if self.decoder.get_picture().is_err() {
                break;
            }
        }
        match error {
            Rav1dError::NotEnoughMemory => LibraryError::new("rav1d", "out of memory").into(),
            Rav1dError::UnsupportedBitstream => {
                Error::unsupported("a feature of this AV1 stream in rav1d")
            }
            _ => Corrupt::Other { what: "a valid AV1 frame", offset_bytes: 0 }.into(),
        }
    }

    fn copy(
        &mut self,
        picture: &re_rav1d::Picture,
        pts: i64,
        duration: Option<u64>,
    ) -> Result<Frame, Error> {
        let size = Size::new(picture.width(), picture.height());
        let format = format(picture)?;
        self.config.formats.check(format)?;
        if format != SampleFormat::YUV420 {
            let buf = copy_format(picture, size, format);
            return Ok(Frame { buf, info: info(picture), pts, duration });
        }
        if self.pool.size() != size {
            self.pool = FramePool::new(size, 0, POOLED_FRAMES);
        }
        let mut buf = self.pool.take();
        if let Some(free) = Arc::get_mut(&mut buf) {
            let sizes = [size, size.chroma(), size.chroma()];
            for ((mut to, of), size) in free.planes_mut().into_iter().zip(PLANES).zip(sizes) {
                let (width, height) = (size.width as usize, size.height as usize);
                let from = picture.plane(of);
                let rows = from.chunks(picture.stride(of) as usize);
                for (y, row) in rows.enumerate().take(height) {
                    to.row_mut(y)[..width].copy_from_slice(&row[..width]);
                }
            }
        }
        self.pool.recycle(buf.clone());
        Ok(Frame { buf: buf.into(), info: info(picture), pts, duration })
    }
}

const PLANES: [PlanarImageComponent; 3] =
    [PlanarImageComponent::Y, PlanarImageComponent::U, PlanarImageComponent::V];

/// Returns bit depth and chroma subsampling.
fn format(picture: &re_rav1d::Picture) -> Result<SampleFormat, Error> {
    let sampling = match picture.pixel_layout() {
        PixelLayout::I400 => Sampling::Yuv400,
        PixelLayout::I420 => Sampling::Yuv420,
        PixelLayout::I422 => Sampling::Yuv422,
        PixelLayout::I444 => Sampling::Yuv444,
    };
    match picture.bit_depth() {
        8 => Ok(SampleFormat::new(8, sampling)),
        10 => Ok(SampleFormat::new(10, sampling)),
        12 => Ok(SampleFormat::new(12, sampling)),
        _ => Err(Error::unsupported("this bit depth of AV1")),
    }
}

/// Copies a frame of any format except 8-bit 4:2:0.
fn copy_format(picture: &re_rav1d::Picture, size: Size, format: SampleFormat) -> AnyFrameBuf {
    let sizes = [0, 1, 2].map(|plane| format.sampling.plane_size(size, plane));
    let planes = PLANES.into_iter().zip(sizes).filter(|(_, size)| size.height > 0);
    if format.depth == 8 {
        let mut buf = FrameBuf::<u8>::with_format(size, format, MACROBLOCK);
        for ((of, size), mut to) in planes.zip(buf.planes_mut()) {
            let from = picture.plane(of);
            let rows = from.chunks(picture.stride(of) as usize).take(size.height as usize);
            for (y, row) in rows.enumerate() {
                let width = size.width as usize;
                to.row_mut(y)[..width].copy_from_slice(&row[..width]);
            }
        }
        return Arc::new(buf).into();
    }
    let mut buf = FrameBuf::<u16>::with_format(size, format, MACROBLOCK);
    for ((of, size), mut to) in planes.zip(buf.planes_mut()) {
        let from = picture.plane(of);
        let rows = from.chunks(picture.stride(of) as usize).take(size.height as usize);
        for (y, row) in rows.enumerate() {
            // The library's samples have the byte order of the machine.
            let samples = row.as_chunks::<2>().0.iter().map(|pair| u16::from_ne_bytes(*pair));
            let to = &mut to.row_mut(y)[..size.width as usize];
            to.iter_mut().zip(samples).for_each(|(to, sample)| *to = sample);
        }
    }
    Arc::new(buf).into()
}

/// Returns the colour description of the sequence header.
fn info(picture: &re_rav1d::Picture) -> PictureInfo {
    let range = match picture.color_range() {
        pixel::YUVRange::Full => ColorRange::Full,
        pixel::YUVRange::Limited => ColorRange::Limited,
    };
    let code = |value: i32| u8::try_from(value).unwrap_or(2);
    let color = Color {
        primaries: ColorPrimaries(code(picture.color_primaries() as i32)),
        transfer: TransferCharacteristics(code(picture.transfer_characteristic() as i32)),
        matrix: MatrixCoefficients(code(picture.matrix_coefficients() as i32)),
        range,
    };
    PictureInfo { color, ..PictureInfo::default() }
}

fn open_library(config: &DecoderConfig) -> Result<Decoder, Error> {
    let threads = config.pool.as_ref().map_or(1, |pool| pool.threads().clamp(1, 64));
    let mut settings = Settings::new();
    settings.set_n_threads(u32::try_from(threads).unwrap_or(1));
    settings.set_max_frame_delay(1);
    settings.set_apply_grain(true);
    settings.set_operating_point(0);
    settings.set_all_layers(false);
    let pixels = u32::try_from(config.limits.max_pixels).unwrap_or(u32::MAX);
    settings.set_frame_size_limit(pixels.max(1));
    Decoder::with_settings(&settings).map_err(|error| LibraryError::new("rav1d", error).into())
}

impl VideoDecoder for Rav1d {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        self.output.clear();
        self.config.limits.check_packet(data)?;
        if data.is_empty() {
            return Err(Corrupt::HeaderTruncated { needed_bytes: 1, had_bytes: 0 }.into());
        }
        let summary = obu::summarise(data, self.sequence)?;
        let checked = summary.sequence.as_ref().map_or(Ok(()), |new| self.check_sequence(new));
        // Rejected packets also advance the window.
        let changed_to = summary.sequence.filter(|new| checked.is_ok() && self.changes_size(new));
        self.resize_limit.count_frame(changed_to.map(|new| new.max_size));
        checked?;
        let Some(sequence) = summary.sequence.or(self.sequence) else {
            return Err(Corrupt::NoReference.into());
        };
        self.sequence = Some(sequence);
        let outcome = self.run(data, pts, duration);
        if let Err(error) = outcome {
            self.output.clear();
            return Err(error);
        }
        let shown = self.output.back();
        let size = shown.map_or(sequence.max_size, Frame::size);
        let mut report = DecodeReport::new(summary.kind.unwrap_or(FrameKind::Inter), size);
        report.shown = shown.is_some();
        report.profile = sequence.profile;
        Ok(report)
    }

    fn receive(&mut self) -> Option<Frame> {
        self.output.pop_front()
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.output.clear();
        self.decoder.flush();
        self.sequence = None;
        self.resize_limit = ResizeLimit::default();
    }
}
