//! File metadata other than tracks: titles and other tags, chapters.

use crate::Warning;

/// Maximum number of names in a message.
const MAX_NAMES: usize = 6;
/// Limits for untrusted input.
const MAX_TAGS: usize = 256;
pub(crate) const MAX_CHAPTERS: usize = 10_000;

/// The tag with the time of creation, in UTC.
pub(crate) const CREATION_TIME: &str = "creation_time";
/// The tag with a picture in Vorbis comments.
pub(crate) const PICTURE: &str = "METADATA_BLOCK_PICTURE";

/// Maximum number of chapters of an MP4 file.
pub(crate) const MP4_CHAPTERS: usize = 255;

/// Tags and chapters of a whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMetadata {
    /// Names and values, such as `title`. Names are the same in any case of letters.
    pub tags: Vec<(String, String)>,
    /// Chapters in the order of their start times.
    pub chapters: Vec<Chapter>,
    /// Whether there are attachments, such as cover art, which readers do not deliver.
    pub(crate) has_attachments: bool,
    /// Names of tags of single tracks, chapters and attachments, which readers do not deliver.
    pub(crate) skipped_tags: Vec<String>,
    /// Names of tags of the file whose values cannot be read.
    pub(crate) missed_tags: Vec<String>,
}

/// A named part of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chapter {
    /// Start in nanoseconds.
    pub start_ns: u64,
    /// End in nanoseconds; `None` if the chapter ends where the next one begins.
    pub end_ns: Option<u64>,
    /// Name; may be empty.
    pub title: String,
}

impl FileMetadata {
    /// No metadata.
    pub const NONE: Self = Self {
        tags: Vec::new(),
        chapters: Vec::new(),
        has_attachments: false,
        skipped_tags: Vec::new(),
        missed_tags: Vec::new(),
    };

    /// Whether there are neither tags nor chapters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.chapters.is_empty()
    }

    /// The tag `title`.
    pub(crate) fn title(&self) -> Option<&str> {
        self.tag("title")
    }

    /// The value of a tag.
    pub(crate) fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Adds a tag, unless it describes the program that wrote the file, or there is one of this name.
    pub(crate) fn add_tag(&mut self, name: &str, value: &str) {
        let is_known = self.tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let is_useful = !is_technical(name) && !value.is_empty() && !is_known;
        if is_useful && self.tags.len() < MAX_TAGS {
            self.tags.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Names a tag of a part of the file, unless it is technical.
    pub(crate) fn skip_tag(&mut self, name: &str) {
        add_name(&mut self.skipped_tags, name);
    }

    /// Names a tag whose value cannot be read, unless it is technical.
    pub(crate) fn miss_tag(&mut self, name: &str) {
        add_name(&mut self.missed_tags, name);
    }

    /// Adds a chapter at its place in time.
    pub(crate) fn add_chapter(&mut self, chapter: Chapter) {
        if self.chapters.len() < MAX_CHAPTERS {
            let at = self.chapters.partition_point(|other| other.start_ns <= chapter.start_ns);
            self.chapters.insert(at, chapter);
        }
    }

    /// The metadata of the part from `from_ns` to `to_ns`, in nanoseconds, whose start becomes time 0. A chapter
    /// that begins earlier begins at 0.
    #[must_use]
    pub fn part(&self, from_ns: u64, to_ns: Option<u64>) -> Self {
        let ends = self.chapters.iter().skip(1).map(|next| Some(next.start_ns)).chain([None]);
        let mut part = Self { chapters: Vec::new(), ..self.clone() };
        for (chapter, next_ns) in self.chapters.iter().zip(ends) {
            let end_ns = chapter.end_ns.or(next_ns);
            let begins = to_ns.is_none_or(|to_ns| chapter.start_ns < to_ns);
            if begins && end_ns.is_none_or(|end_ns| end_ns > from_ns) {
                let inside = |ns: u64| ns.min(to_ns.unwrap_or(u64::MAX)).saturating_sub(from_ns);
                part.chapters.push(Chapter {
                    start_ns: inside(chapter.start_ns),
                    end_ns: chapter.end_ns.map(inside),
                    title: chapter.title.clone(),
                });
            }
        }
        part
    }

    /// Names the tags and chapters, for messages; `None` if there are none.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let chapters = (!self.chapters.is_empty()).then(|| "chapters".to_owned());
        let is_picture = |name: &str| name.eq_ignore_ascii_case(PICTURE);
        let pictures = self.tags.iter().any(|(name, _)| is_picture(name));
        let attachments = pictures.then(|| "attachments".to_owned());
        let tags = self.tags.iter().map(|(name, _)| name.as_str());
        let mut tags = tags.filter(|name| !is_picture(name)).peekable();
        let tags = tags.peek().is_some().then(|| names(tags));
        let parts: Vec<_> = [attachments, chapters, tags].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" and "))
    }

    /// The metadata that readers do not deliver.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let attachments = self.has_attachments.then(|| "attachments".to_owned());
        let named = |found: &[String], what: &str| {
            let all = names(found.iter().map(String::as_str));
            (!found.is_empty()).then(|| format!("{all} {what}"))
        };
        let tags = named(&self.skipped_tags, "of individual tracks");
        let missed = named(&self.missed_tags, "whose values cannot be read");
        let all = [attachments, tags, missed].into_iter().flatten();
        all.map(Warning::MetadataSkipped).collect()
    }
}

/// Whether a tag describes programs and streams; writers add their own.
pub(crate) fn is_technical(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let known = [
        "BPS",
        "COMPATIBLE_BRANDS",
        "DURATION",
        "ENCODED_BY",
        "ENCODER",
        "ENCODING_TOOL",
        "HANDLER_NAME",
        "MAJOR_BRAND",
        "MINOR_VERSION",
        "VENDOR_ID",
    ];
    known.contains(&name.as_str()) || name.starts_with('_') || name.starts_with("NUMBER_OF_")
}

/// Adds the name of a tag, unless it is technical or known.
fn add_name(names: &mut Vec<String>, name: &str) {
    let is_known = names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if !is_technical(name) && !is_known && names.len() < MAX_TAGS {
        names.push(name.to_owned());
    }
}

/// The names of tags, for a message.
fn names<'a>(tags: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = tags.map(|name| name.escape_debug().to_string()).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    format!("tags ({})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    fn chapter(start_ns: u64, end_ns: Option<u64>, title: &str) -> Chapter {
        Chapter { start_ns, end_ns, title: title.to_owned() }
    }

    #[test]
    fn tags_of_programs_and_repeated_tags_are_left_out() {
        let mut metadata = FileMetadata::default();
        metadata.add_tag("encoder", "a program");
        assert!(metadata.is_empty() && metadata.text().is_none());
        metadata.add_tag("title", "a song");
        metadata.add_tag("TITLE", "another song");
        assert_eq!(metadata.tags, [("title".to_owned(), "a song".to_owned())]);
        metadata.add_chapter(chapter(5, None, "two"));
        metadata.add_chapter(chapter(0, None, "one"));
        assert_eq!(metadata.chapters[0].title, "one");
        assert_eq!(metadata.text().as_deref(), Some("chapters and tags (title)"));
    }

    #[test]
    fn chapters_of_a_part_are_those_that_overlap_it() {
        let chapters =
            vec![chapter(0, None, "a"), chapter(10, Some(20), "b"), chapter(30, None, "c")];
        let whole = FileMetadata { chapters, ..FileMetadata::default() };
        assert_eq!(whole.part(0, None), whole);
        let part = whole.part(5, Some(15)).chapters;
        assert_eq!(part, [chapter(0, None, "a"), chapter(5, Some(10), "b")]);
        assert_eq!(whole.part(20, Some(30)).chapters, []);
        assert_eq!(whole.part(40, None).chapters, [chapter(0, None, "c")]);
    }

    #[test]
    fn formats_hold_what_they_can() {
        let mut metadata = FileMetadata::default();
        metadata.add_tag("title", "a");
        metadata.add_tag("mood", "b");
        metadata.add_chapter(chapter(0, None, "c"));
        let dropped = |format| metadata.for_format(format).1;
        assert_eq!(dropped(Format::Matroska), None);
        assert_eq!(dropped(Format::Mp4).as_deref(), Some("tags (mood)"));
        assert_eq!(dropped(Format::Ogg).as_deref(), Some("chapters"));
        assert_eq!(dropped(Format::Flac).as_deref(), Some("chapters"));
        assert_eq!(dropped(Format::Ivf).as_deref(), Some("chapters and tags (title, mood)"));
        metadata.add_tag("METADATA_BLOCK_PICTURE", "AAAA");
        metadata.add_tag("track", "3/10");
        let dropped = |format| metadata.for_format(format).1;
        assert_eq!(dropped(Format::Ogg).as_deref(), Some("chapters"));
        assert_eq!(dropped(Format::Matroska).as_deref(), Some("attachments"));
        assert_eq!(dropped(Format::Mp4).as_deref(), Some("attachments and tags (mood)"));
        metadata.tags.clear();
        metadata.chapters = vec![chapter(0, None, "c"); 300];
        let (kept, dropped) = metadata.for_format(Format::Mp4);
        assert_eq!((kept.chapters.len(), dropped.as_deref()), (255, Some("45 of 300 chapters")));
    }
}
