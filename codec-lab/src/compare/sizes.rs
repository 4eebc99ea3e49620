//! The frame sizes at which a study encodes each clip, and the clip scaled to each of them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use codec_container::Format;
use codec_core::frame::{Picture, SampleFormat, Size};
use codec_media::failure::{Failure, Result};
use codec_media::frame::transform::Transform;
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::io::sink::{FrameSink, Header};
use codec_media::io::source::StreamInfo;
use codec_media::values::{Samples, Scale, hex};
use md5::{Digest, Md5};

/// The smallest width and height that are encoded.
const MIN_SIDE: u32 = 16;
/// The largest width and height.
const MAX_SIDE: u32 = 16383;

/// The scaler, for the report.
pub(super) const SCALER: &str = "Lanczos with three lobes";

/// A size as given: in pixels, or as a scale factor relative to the clip's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SizeChoice {
    Exact(Size),
    Share(f64),
}

impl FromStr for SizeChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let refused = || {
            format!(
                "invalid size {text}: expected WIDTHxHEIGHT of {MIN_SIDE} to {MAX_SIDE}, or a scale factor such as 1, \
                     1/2 or 0.75"
            )
        };
        if let Some((width, height)) = text.split_once('x') {
            let side = |text: &str| {
                text.parse::<u32>().ok().filter(|side| (MIN_SIDE..=MAX_SIDE).contains(side))
            };
            let (width, height) = side(width).zip(side(height)).ok_or_else(refused)?;
            return Ok(Self::Exact(Size::new(width, height)));
        }
        let number = |text: &str| text.parse::<f64>().ok();
        let share = match text.split_once('/') {
            Some((above, below)) => {
                number(above).zip(number(below)).map(|(above, below)| above / below)
            }
            None => number(text),
        };
        share.filter(|share| (0.01..=1.0).contains(share)).map(Self::Share).ok_or_else(refused)
    }
}

impl SizeChoice {
    /// The size for a clip of `whole`. Scaled sizes are even.
    fn of(self, whole: Size) -> Size {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most the size of the clip"
        )]
        let even = |side: u32, share: f64| 2 * (f64::from(side) * share / 2.0).round() as u32;
        match self {
            Self::Exact(size) => size,
            Self::Share(share) if share < 1.0 => {
                Size::new(even(whole.width, share), even(whole.height, share))
            }
            Self::Share(_) => whole,
        }
    }
}

/// The sizes for a clip, which all differ.
///
/// # Errors
/// If a size is larger than the clip, too small, or given twice.
pub(super) fn sizes_of(choices: &[SizeChoice], whole: Size, name: &str) -> Result<Vec<Size>> {
    let mut sizes = Vec::new();
    for choice in choices {
        let size = choice.of(whole);
        if size.width > whole.width || size.height > whole.height {
            let message = format!("--sizes: {size} is larger than {name} ({whole})");
            let help = "help: give scale factors, such as 1,1/2";
            return Err(Failure::usage(format!("{message}\n{help}")));
        }
        if size.width < MIN_SIDE || size.height < MIN_SIDE {
            let least = format!("at least {MIN_SIDE}x{MIN_SIDE}");
            return Err(Failure::usage(format!("--sizes: {size} of {name} is too small: {least}")));
        }
        if sizes.contains(&size) {
            return Err(Failure::usage(format!("--sizes: {size} is given twice for {name}")));
        }
        sizes.push(size);
    }
    Ok(sizes)
}

/// A clip in one of the sizes.
#[derive(Clone, Debug)]
pub(super) struct Rendition {
    pub(super) size: Size,
    /// A y4m file.
    pub(super) path: PathBuf,
    /// MD5 of the frames.
    pub(super) digest: String,
}

/// Writes a clip in another size.
pub(super) struct RenditionWriter {
    size: Size,
    path: PathBuf,
    transform: Transform,
    sink: FrameSink,
    output: OutputFile,
    digest: Md5,
    bytes: Vec<u8>,
}

impl RenditionWriter {
    /// Begins a file in `folder`, whose name begins with `stem`.
    pub(super) fn new(size: Size, stream: &StreamInfo, folder: &Path, stem: &str) -> Result<Self> {
        let mut transform = Transform::new(None, None, Some(Scale::Exact(size)));
        let (_, info) = transform.begin(stream.size, stream.info)?;
        let path = folder.join(format!("{stem}-{size}.y4m"));
        let rules = OutputRules { overwrite: true, ..OutputRules::default() };
        let output = OutputFile::create(&path, &rules)?;
        let frame_rate = stream.frame_rate;
        let header = Header { samples: SampleFormat::YUV420, size, frame_rate, info };
        let sink = FrameSink::new(&output, Format::Y4m, Some(Samples::I420), header)?;
        let mut digest = Md5::new();
        digest.update(format!("{size} {frame_rate}"));
        Ok(Self { size, path, transform, sink, output, digest, bytes: Vec::new() })
    }

    /// Scales and writes a frame.
    pub(super) fn write(&mut self, picture: &Picture<'_>) -> Result<()> {
        let scaled = self.transform.apply(*picture)?;
        self.bytes.clear();
        scaled.append_bytes(&mut self.bytes);
        self.digest.update(&self.bytes);
        self.sink.write(&scaled)
    }

    /// Completes the file.
    pub(super) fn finish(self) -> Result<Rendition> {
        self.sink.finish()?;
        self.output.commit()?;
        let digest = hex(&self.digest.finalize());
        Ok(Rendition { size: self.size, path: self.path, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_pixels_or_shares() {
        let whole = Size::new(1280, 720);
        let of = |text: &str| text.parse::<SizeChoice>().unwrap().of(whole).to_string();
        assert_eq!(
            ["1", "1/2", "0.75", "640x360"].map(of),
            ["1280x720", "640x360", "960x540", "640x360"]
        );
        assert_eq!(
            "1/3".parse::<SizeChoice>().unwrap().of(Size::new(353, 287)).to_string(),
            "118x96"
        );
        for wrong in ["", "2", "0", "1/0", "-1", "640x", "8x8", "640x-1", "x", "nan", "99999x99999"]
        {
            assert!(wrong.parse::<SizeChoice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_of_a_clip_are_distinct_and_not_larger() {
        let sizes = |texts: &[&str], whole: Size| {
            let choices: Vec<SizeChoice> = texts.iter().map(|text| text.parse().unwrap()).collect();
            sizes_of(&choices, whole, "a").map_err(|failure| failure.message)
        };
        let whole = Size::new(640, 360);
        assert_eq!(sizes(&["1", "1/2"], whole).unwrap(), [whole, Size::new(320, 180)]);
        let message = sizes(&["640x360", "1"], whole).unwrap_err();
        assert!(message.contains("640x360 is given twice for a"), "{message}");
        assert!(sizes(&["1280x720"], whole).unwrap_err().contains("is larger than a"));
        assert!(sizes(&["1/20"], Size::new(100, 100)).unwrap_err().contains("too small"));
    }
}
