//! Opens files, pipes and standard input, and detects their content.

use std::fs::File;
use std::io::{Cursor, IsTerminal, Read, Seek, stdin};
use std::path::{Path, PathBuf};

use codec_container::{Format, Input, PacketReader, ReadOptions, Source, YuvReader};
use codec_core::codec::Limits;

use super::animation::{AnimationFormat, HEAD_BYTES};
use super::audio_track::AudioTrackChoice;
use super::interruptible::InterruptibleReader;
use super::names::is_pipe;
use super::packed::PackedReader;
use super::pattern::{ImagePattern, ImageSequence};
use super::remote::{Remote, is_url, without_query};
use super::unreadable;
use crate::Env;
use crate::cut::Cut;
use crate::failure::{Failure, Kind, Result};
use crate::io::stills::StillFormat;
use crate::stdio::STDIN;
use crate::values::RawLayout;

/// An input and how to read it.
#[derive(Clone, Debug)]
pub struct InputSpec {
    /// The file, an `http` or `https` URL, or `-` for standard input.
    pub path: PathBuf,
    /// Layout of headerless video.
    pub raw: Option<RawLayout>,
    /// Limits on sizes and memory.
    pub limits: Limits,
    /// Whether timestamps may go backwards, so that damaged input is read as far as possible.
    pub lenient: bool,
    /// The part that is read.
    pub cut: Cut,
    /// The audio track that is used.
    pub audio: AudioTrackChoice,
    /// The first number of an image sequence. `None`: 0 or 1.
    pub start_number: Option<u64>,
    /// The opened file of a URL, which clones share.
    pub remote: Remote,
}

/// An opened input.
pub enum Opened {
    /// A container that codec-container reads.
    Container(Input),
    /// Headerless video in packed samples.
    Packed(Box<PackedReader>),
    /// A still image, to be read by `crate::io::stills`.
    Still(Box<dyn Read + Send>, StillFormat),
    /// An animated image, to be read by `crate::io::animation`.
    Animation(Box<dyn Read + Send>, AnimationFormat),
    /// Numbered images, to be read by `crate::io::sequence`.
    Images(ImageSequence),
}

impl InputSpec {
    /// Describes a whole file with headers.
    pub fn new(path: impl Into<PathBuf>, limits: Limits) -> Self {
        Self {
            path: path.into(),
            raw: None,
            limits,
            lenient: false,
            cut: Cut::default(),
            audio: AudioTrackChoice::First,
            start_number: None,
            remote: Remote::default(),
        }
    }

    /// Describes a file that may be headerless: `raw` applies unless it has the extension of a
    /// format with headers.
    pub fn with_layout(path: &Path, raw: Option<RawLayout>, limits: Limits) -> Self {
        let extension = without_query(path).extension().and_then(|extension| extension.to_str());
        let format = extension.and_then(Format::from_extension);
        let raw = raw.filter(|_| format.is_none_or(|format| format == Format::Raw));
        Self { raw, ..Self::new(path, limits) }
    }

    /// The name for messages.
    pub fn name(&self) -> String {
        let is_pipe = is_pipe(&self.path);
        if is_pipe { STDIN.to_owned() } else { without_query(&self.path).display().to_string() }
    }

    /// Opens the input and detects its content.
    ///
    /// # Errors
    /// If the input cannot be opened or is not supported, or its part is empty.
    pub fn open(&self, env: &Env) -> Result<Opened> {
        self.cut.check()?;
        let name = self.name();
        if let Some(pattern) = self.images()? {
            if self.audio != AudioTrackChoice::First {
                return Err(AudioTrackChoice::missing(&name));
            }
            return Ok(Opened::Images(pattern.find(self.start_number)?));
        }
        if self.start_number.is_some() {
            let message = "--start-number requires an image sequence, such as frame-%04d.png";
            return Err(Failure::usage(format!("{message}, not {name}")));
        }
        let source = match is_url(&self.path) {
            true => self.remote.open(&self.path, env)?,
            false => bytes_of(&self.path, &name, env)?,
        };
        let mut options = ReadOptions::default();
        options.limits = self.limits;
        options.allow_backward_times = self.lenient;
        let refused = |error| Failure::reading(&name, error);
        let input = match self.raw {
            Some(layout) => match layout.spec() {
                Some(spec) => {
                    let reader = YuvReader::new(source, spec, &options).map_err(refused)?;
                    Input::RawVideo(Box::new(reader))
                }
                None => {
                    return Ok(Opened::Packed(Box::new(PackedReader::new(
                        source,
                        layout,
                        name,
                        &self.limits,
                    )?)));
                }
            },
            None => match image_or_video(source, &name)? {
                Found::Still(reader, format) => return Ok(Opened::Still(reader, format)),
                Found::Animation(reader, format) => {
                    return Ok(Opened::Animation(reader, format));
                }
                Found::Video(source) => codec_container::open(source, &options)
                    .map_err(|error| self.rejection(error))?,
            },
        };
        let warnings = match &input {
            Input::Packets(reader) => {
                reader.tracks().iter().flat_map(|track| track.warnings()).collect()
            }
            Input::RawVideo(reader) => reader.stream().warnings.iter().collect::<Vec<_>>(),
            _ => return Err(Failure::new(Kind::Input, format!("{name}: unknown content type"))),
        };
        warn(warnings.into_iter().map(ToString::to_string), &name, env);
        Ok(Opened::Container(match input {
            Input::Packets(reader) => Input::Packets(self.audio.apply(reader, &name)?),
            _ if self.audio != AudioTrackChoice::First => {
                return Err(AudioTrackChoice::missing(&name));
            }
            other => other,
        }))
    }

    /// The names of the images if the input is an image sequence. A file with exactly the given name has
    /// precedence.
    ///
    /// # Errors
    /// If the name is not a valid pattern.
    pub fn images(&self) -> Result<Option<ImagePattern>> {
        let is_file = || is_pipe(&self.path) || is_url(&self.path) || self.path.exists();
        if self.raw.is_some() || is_file() { Ok(None) } else { ImagePattern::parse(&self.path) }
    }

    /// Whether the input can be opened several times.
    pub(crate) fn is_file(&self) -> bool {
        let is_file = || {
            is_url(&self.path) || std::fs::metadata(&self.path).is_ok_and(|found| found.is_file())
        };
        !is_pipe(&self.path) && (is_file() || self.images().is_ok_and(|images| images.is_some()))
    }

    /// Opens the packets of the input once more, if it is a file.
    #[must_use]
    pub fn reopen(&self, env: &Env) -> Option<Box<dyn PacketReader>> {
        if !self.is_file() {
            return None;
        }
        // Warnings were given the first time.
        match self.open(&env.quiet()) {
            Ok(Opened::Container(Input::Packets(reader))) => Some(reader),
            _ => None,
        }
    }

    /// The error of a reader that rejects the input, with remedies.
    fn rejection(&self, error: codec_container::Error) -> Failure {
        use codec_container::Error;
        let extension =
            without_query(&self.path).extension().and_then(|extension| extension.to_str());
        let looks_raw = extension.and_then(Format::from_extension) == Some(Format::Raw);
        let mut help = String::new();
        if looks_raw && matches!(error, Error::Unrecognised { .. }) {
            help.push_str("\nhelp: give the layout of headerless video with --raw");
        }
        let is_codec = match &error {
            Error::NoReadableTrack { what, .. } | Error::Unsupported { what, .. } => {
                what.starts_with("codec ")
            }
            _ => false,
        };
        if is_codec {
            let name = unreadable::quoted(&self.name());
            help.push_str(&format!(
                "\nhelp: decode it with ffmpeg: ffmpeg -i {name} OUT.y4m for video, ffmpeg -i {name} -vn OUT.wav \
                 for audio"
            ));
        }
        let mut failure = Failure::reading(&self.name(), error);
        failure.message.push_str(&help);
        failure
    }
}

/// Sends warnings about an input; equal ones, of several tracks of a kind, once.
fn warn(warnings: impl Iterator<Item = String>, name: &str, env: &Env) {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for text in warnings {
        match counted.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => counted.push((text, 1)),
        }
    }
    for (text, count) in counted {
        let times = if count > 1 { format!(", {count} times") } else { String::new() };
        env.events.warn(format!("{name}: {text}{times}"));
    }
}

/// The content type of the first bytes.
enum Found {
    Still(Box<dyn Read + Send>, StillFormat),
    Animation(Box<dyn Read + Send>, AnimationFormat),
    Video(Source),
}

/// Reads the first bytes and pushes them back.
fn image_or_video(source: Source, name: &str) -> Result<Found> {
    let unreadable = |error| Failure::new(Kind::Input, format!("cannot read {name}: {error}"));
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let bytes = HEAD_BYTES as u64;
    match source {
        Source::Seekable(mut reader) => {
            reader.by_ref().take(bytes).read_to_end(&mut head).map_err(unreadable)?;
            reader.rewind().map_err(unreadable)?;
            Ok(match Image::recognise(&head) {
                Some(image) => image.found(reader),
                None => Found::Video(Source::Seekable(reader)),
            })
        }
        Source::Stream(mut reader) => {
            reader.by_ref().take(bytes).read_to_end(&mut head).map_err(unreadable)?;
            let image = Image::recognise(&head);
            let whole = Cursor::new(head).chain(reader);
            Ok(match image {
                Some(image) => image.found(whole),
                None => Found::Video(Source::stream(whole)),
            })
        }
    }
}

/// The formats of images.
enum Image {
    Still(StillFormat),
    Animation(AnimationFormat),
}

impl Image {
    fn recognise(head: &[u8]) -> Option<Self> {
        let animation = AnimationFormat::recognise(head).map(Self::Animation);
        animation.or_else(|| StillFormat::recognise(head).map(Self::Still))
    }

    fn found(self, reader: impl Read + Send + 'static) -> Found {
        match self {
            Self::Still(format) => Found::Still(Box::new(reader), format),
            Self::Animation(format) => Found::Animation(Box::new(reader), format),
        }
    }
}

fn bytes_of(path: &Path, name: &str, env: &Env) -> Result<Source> {
    let unreadable = |error| Failure::new(Kind::Input, format!("cannot open {name}: {error}"));
    if is_pipe(path) {
        if stdin().is_terminal() {
            return Err(Failure::usage(
                "standard input is a terminal\nhelp: name a file or use a pipe",
            ));
        }
        #[cfg(unix)]
        return Ok(Source::stream(
            InterruptibleReader::stdin(env.stop.clone()).map_err(unreadable)?,
        ));
        #[cfg(not(unix))]
        return Ok(Source::stream(stdin()));
    }
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if found.is_dir() {
        return Err(Failure::new(Kind::Input, format!("cannot read {name}: is a folder")));
    }
    Ok(if found.is_file() {
        Source::seekable(file)
    } else {
        Source::stream(InterruptibleReader::new(file, env.stop.clone()))
    })
}
