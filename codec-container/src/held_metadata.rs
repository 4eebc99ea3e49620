//! The metadata that files of each format can hold.

use crate::metadata::{FileMetadata, MP4_CHAPTERS, PICTURE};
use crate::{Format, mp4};

impl FileMetadata {
    /// The metadata that files of `format` can hold, and a description of the rest, for messages.
    #[must_use]
    pub fn for_format(&self, format: Format) -> (Self, Option<String>) {
        let holds_tag = |name: &str, value: &str| match format {
            Format::Ogg | Format::Flac => true,
            _ if name.eq_ignore_ascii_case(PICTURE) => false,
            Format::WebM | Format::Matroska => true,
            Format::Mp4 => mp4::holds_tag(name, value),
            _ => false,
        };
        let chapters = match format {
            Format::WebM | Format::Matroska => self.chapters.len(),
            Format::Mp4 => self.chapters.len().min(MP4_CHAPTERS),
            _ => 0,
        };
        let (chapters, further) = self.chapters.split_at(chapters);
        let (tags, dropped): (Vec<_>, Vec<_>) =
            self.tags.iter().cloned().partition(|(name, value)| holds_tag(name, value));
        let kept = Self { tags, chapters: chapters.to_vec(), ..Self::NONE };
        let rest = Self { tags: dropped, chapters: further.to_vec(), ..Self::NONE };
        let text = match rest.text() {
            Some(text) if !further.is_empty() && !chapters.is_empty() => {
                Some(format!("{} of {} {text}", further.len(), self.chapters.len()))
            }
            text => text,
        };
        (kept, text)
    }
}
