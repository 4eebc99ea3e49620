//! File metadata other than tracks: titles and other tags, chapters, attachments.

use crate::Warning;

/// Maximum number of names in a warning.
const MAX_NAMES: usize = 6;

/// The metadata that was found; only its presence matters, except for tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// Names and values that describe the whole file.
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) has_chapters: bool,
    pub(crate) has_attachments: bool,
}

impl Metadata {
    /// Adds a tag, unless it describes the program that wrote the file.
    pub(crate) fn add_tag(&mut self, name: &str, value: &str) {
        if !is_technical(name) && !value.is_empty() && self.tags.len() < 256 {
            self.tags.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The metadata that readers do not deliver.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut skipped = Vec::new();
        if self.has_chapters {
            skipped.push("chapters".to_owned());
        }
        if self.has_attachments {
            skipped.push("attachments".to_owned());
        }
        if !self.tags.is_empty() {
            skipped.push(names(&self.tags));
        }
        skipped.into_iter().map(Warning::MetadataSkipped).collect()
    }
}

/// Whether a tag describes programs and streams; writers add their own.
pub(crate) fn is_technical(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let known =
        ["ENCODER", "ENCODED_BY", "ENCODING_TOOL", "DURATION", "HANDLER_NAME", "MAJOR_BRAND"];
    known.contains(&name.as_str()) || name.starts_with('_') || name.starts_with("NUMBER_OF_")
}

/// The names of `tags`, for a warning.
pub(crate) fn names(tags: &[(String, String)]) -> String {
    let mut names: Vec<_> = tags.iter().map(|(name, _)| name.escape_debug().to_string()).collect();
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

    #[test]
    fn warnings_name_what_is_there() {
        let mut metadata = Metadata::default();
        metadata.add_tag("encoder", "a program");
        assert!(metadata.warnings().is_empty());
        metadata.add_tag("title", "a song");
        metadata.has_chapters = true;
        let texts: Vec<_> = metadata.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["skipped chapters", "skipped tags (title)"]);
    }
}
