//! Writes image sequences.

use codec_core::frame::Picture;

use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Result};
use crate::frame::convert;
use crate::frame::planes::Planes;
use crate::io::output::OutputRules;
use crate::io::pattern::ImagePattern;
use crate::io::stills::write::{Style, store};

/// The first number of a sequence unless another one is given.
pub const DEFAULT_START: u64 = 1;

/// Where and how the images of a sequence are written.
#[derive(Clone, Debug)]
pub struct ImageOutput {
    /// The names of the files.
    pub pattern: ImagePattern,
    /// The number of the first file.
    pub start: u64,
    /// Format and quality.
    pub style: Style,
    /// Files that may be overwritten.
    pub rules: OutputRules,
}

impl ImageOutput {
    /// Rejects a sequence that must not be written, before any work is done: all existing files with numbers from
    /// the first one on count.
    ///
    /// # Errors
    /// If the folder does not exist, or a file exists and must not be replaced.
    pub fn check(&self) -> Result<()> {
        self.rules.check(&self.pattern.path(self.start))?;
        let existing = self.pattern.existing(self.start)?;
        existing.into_iter().try_for_each(|number| self.rules.check(&self.pattern.path(number)))
    }
}

/// Writes each frame to a file of its own.
#[derive(Debug)]
pub struct ImageWriter {
    output: ImageOutput,
    env: Env,
    planes: Planes,
    /// Number of images and their bytes.
    images: u64,
    bytes: u64,
    /// Names of the first and the last image.
    ends: Option<(String, String)>,
    /// Size and colours of the first image.
    text: String,
}

impl ImageWriter {
    /// Begins a sequence.
    ///
    /// # Errors
    /// If it must not be written, as [`ImageOutput::check`] determines.
    pub fn new(output: ImageOutput, env: &Env) -> Result<Self> {
        output.check()?;
        let (planes, env) = (Planes::default(), env.clone());
        Ok(Self { output, env, planes, images: 0, bytes: 0, ends: None, text: String::new() })
    }

    /// The name of the sequence, for messages.
    pub(crate) fn name(&self) -> String {
        self.output.pattern.name()
    }

    /// Writes a frame of 8-bit 4:2:0. The file has its name when it is complete.
    pub(crate) fn write(&mut self, picture: &Picture<'_>) -> Result<()> {
        if !picture.is_yuv420() {
            return Err(Failure::internal("images are written from 8-bit 4:2:0 frames"));
        }
        let ImageOutput { pattern, start, style, rules } = &self.output;
        let number = start.checked_add(self.images).ok_or_else(|| {
            Failure::usage(format!("{}: no number is left after {}", pattern.name(), u64::MAX))
        })?;
        self.planes.copy_from(picture);
        let path = pattern.path(number);
        let (name, bytes) = store(&self.planes, &path, *style, rules, &self.env)?;
        if self.ends.is_none() {
            let size = self.planes.size;
            self.text = format!("{size}, {}", convert::describe(self.planes.info.color, size));
        }
        let first = self.ends.take().map_or_else(|| name.clone(), |(first, _)| first);
        self.ends = Some((first, name));
        (self.images, self.bytes) = (self.images + 1, self.bytes + bytes);
        Ok(())
    }

    /// Reports the images, and warns of older ones that follow them.
    pub(crate) fn finish(&self) -> Result<()> {
        let Some((first, last)) = &self.ends else { return Ok(()) };
        let (kind, images) = (self.output.style.kind(), counted(self.images, "image"));
        let names = if first == last { first.clone() } else { format!("{first} to {last}") };
        self.env.events.note(format!(
            "{names}: {images}, {kind}, {}, {}",
            self.text,
            counted(self.bytes, "byte")
        ));
        let Some(next) = self.output.start.checked_add(self.images) else { return Ok(()) };
        let older = self.output.pattern.existing(next)?;
        if let Some(number) = older.first() {
            let name = self.output.pattern.path(*number);
            let older = counted(older.len() as u64, "image");
            self.env.events.warn(format!(
                "{older} from {} on existed before and may extend the sequence",
                name.display()
            ));
        }
        Ok(())
    }
}
