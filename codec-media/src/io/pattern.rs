//! Names of image sequences: `frame-%04d.png` is one file for each number.

use std::fs;
use std::path::{Path, PathBuf};

use super::image_format::StillFormat;
use super::names::folder_of;
use crate::failure::{Failure, Kind, Result};

/// Maximum number of digits of a padded number.
const MAX_DIGITS: usize = 18;

/// The files of a sequence that is read: consecutive numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSequence {
    /// The names of the files.
    pub pattern: ImagePattern,
    /// The first number.
    pub(crate) first: u64,
    /// Number of files, at least 1.
    pub(crate) count: u64,
    /// Number of files after the first missing one, which are not part of the sequence.
    pub(crate) later: u64,
}

impl ImageSequence {
    /// The file at a position, counted from 0.
    pub(crate) fn path(&self, index: u64) -> PathBuf {
        self.pattern.path(self.first.saturating_add(index))
    }
}

/// The name of an image with a number in it. Only the file name can have a number; `%` in the names of folders
/// has no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePattern {
    /// The name as it was given.
    text: PathBuf,
    /// The file name before and after the number.
    prefix: String,
    suffix: String,
    /// Minimum number of digits; shorter numbers are padded with zeros.
    digits: usize,
}

/// A piece of a file name.
enum Piece<'a> {
    Text(&'a str),
    /// A number with this many digits at least.
    Number(usize),
    /// A number padded with spaces, as in `%4d`.
    Unpadded,
    /// A percent sign that begins neither a number nor `%%`.
    Stray,
}

impl ImagePattern {
    /// Parses the name of an image (`.png`, `.jpg`, `.webp`) with a number: `%d`, or `%04d` for four digits at
    /// least; `%%` is a percent sign. Other names, and names without a number, give `None`.
    ///
    /// # Errors
    /// If there are several numbers, or another use of `%` next to a number.
    pub fn parse(path: &Path) -> Result<Option<Self>> {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| StillFormat::of(path).is_some()) else { return Ok(None) };
        let refused = |why: &str| {
            let message = format!("invalid image sequence {}: {why}", path.display());
            Failure::usage(format!("{message}\nhelp: a literal percent sign is written as %%"))
        };
        let pieces = pieces(name);
        let mut numbers = pieces.iter().filter_map(|piece| match piece {
            Piece::Number(digits) => Some(*digits),
            _ => None,
        });
        let number = numbers.next();
        if pieces.iter().any(|piece| matches!(piece, Piece::Unpadded)) {
            return Err(refused("expected %d, or %04d for four digits"));
        }
        let Some(digits) = number else { return Ok(None) };
        if numbers.next().is_some() {
            return Err(refused("the name has two numbers, expected one"));
        }
        if digits > MAX_DIGITS {
            return Err(refused("a number has at most 18 digits"));
        }
        let (mut prefix, mut suffix, mut is_after) = (String::new(), String::new(), false);
        for piece in pieces {
            match piece {
                Piece::Text(text) if is_after => suffix.push_str(text),
                Piece::Text(text) => prefix.push_str(text),
                Piece::Number(_) => is_after = true,
                Piece::Unpadded | Piece::Stray => {
                    return Err(refused("the name has another percent sign"));
                }
            }
        }
        Ok(Some(Self { text: path.to_owned(), prefix, suffix, digits }))
    }

    /// The name for messages, as it was given.
    pub fn name(&self) -> String {
        self.text.display().to_string()
    }

    /// The file with this number.
    pub fn path(&self, number: u64) -> PathBuf {
        let Self { prefix, suffix, digits, .. } = self;
        self.text.with_file_name(format!("{prefix}{number:0digits$}{suffix}"))
    }

    /// The number in a file name of the sequence.
    fn number_in(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_number)?;
        // 7 and 07 are two names.
        (format!("{number:0width$}", width = self.digits) == digits).then_some(number)
    }

    /// Whether `path` is the name of a file of the sequence, which need not exist.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| self.number_in(name).is_some())
            && folder_of(path) == folder_of(&self.text)
    }

    /// The numbers of existing files, from `first` on, in ascending order.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(crate) fn existing(&self, first: u64) -> Result<Vec<u64>> {
        let folder = match self.text.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let unreadable = |error| {
            let (name, folder) = (self.name(), folder.display());
            Failure::new(Kind::Input, format!("cannot open {name}: folder {folder}: {error}"))
        };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            numbers.extend(name.to_str().and_then(|name| self.number_in(name)));
        }
        numbers.retain(|&number| number >= first);
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Finds the files to read: from number `start`, or from the first existing one of 0 and 1, up to the first
    /// missing number.
    ///
    /// # Errors
    /// If there is no file with the first number, or the folder cannot be read.
    pub(crate) fn find(self, start: Option<u64>) -> Result<ImageSequence> {
        let numbers = self.existing(start.unwrap_or(0))?;
        let most = start.unwrap_or(1);
        let Some(&first) = numbers.first().filter(|&&first| first <= most) else {
            let name = self.name();
            let wanted = start.map_or("0 or 1".to_owned(), |start| start.to_string());
            let help = numbers.first().map_or(String::new(), |lowest| {
                format!("\nhelp: the next number is {lowest}; --start-number sets the first one")
            });
            let message = format!("cannot open {name}: no image has the number {wanted}{help}");
            return Err(Failure::new(Kind::Input, message));
        };
        let consecutive = |&(at, &number): &(u64, &u64)| number == first.saturating_add(at);
        let count = (0_u64..).zip(&numbers).take_while(consecutive).count() as u64;
        let later = numbers.len() as u64 - count;
        Ok(ImageSequence { pattern: self, first, count, later })
    }
}

/// Whether `path` is a file of the sequence with the name `other`, or a link to one.
pub(crate) fn is_in_sequence(path: &Path, other: &Path) -> bool {
    let pattern = ImagePattern::parse(other).ok().flatten();
    let linked = || fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    pattern.is_some_and(|pattern| {
        !other.exists() && (pattern.contains(path) || pattern.contains(&linked()))
    })
}

/// Splits a file name at percent signs.
fn pieces(name: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some((text, after)) = rest.split_once('%') {
        pieces.push(Piece::Text(text));
        if let Some(after) = after.strip_prefix('%') {
            pieces.push(Piece::Text("%"));
            rest = after;
            continue;
        }
        let width = after.bytes().take_while(u8::is_ascii_digit).count();
        let (width, tail) = after.split_at(width);
        let (piece, tail) = match tail.strip_prefix('d') {
            Some(tail) if width.is_empty() => (Piece::Number(0), tail),
            Some(tail) if width.starts_with('0') => {
                (Piece::Number(width.parse().unwrap_or(usize::MAX)), tail)
            }
            Some(tail) => (Piece::Unpadded, tail),
            None => (Piece::Stray, after),
        };
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> Result<Option<ImagePattern>> {
        ImagePattern::parse(Path::new(name))
    }

    #[test]
    fn numbers_are_padded_and_percent_signs_are_written_twice() {
        for (text, number, wanted) in [
            ("f-%04d.png", 7, "f-0007.png"),
            ("f-%04d.png", 12345, "f-12345.png"),
            ("%d.JPG", 0, "0.JPG"),
            ("%0d.webp", 3, "3.webp"),
            ("100%%-%02d.png", 3, "100%-03.png"),
            ("50%/a%d.png", 1, "50%/a1.png"),
        ] {
            let pattern = parsed(text).unwrap().unwrap();
            let path = pattern.path(number);
            assert_eq!(path, Path::new(wanted));
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(pattern.number_in(name), Some(number), "{text}");
        }
    }

    #[test]
    fn other_names_have_no_number() {
        for name in ["f.png", "100%.png", "a%%.png", "a%%d.png", "f-%d.webm", "%d", "a%d.png/b.png"]
        {
            assert_eq!(parsed(name).unwrap(), None, "{name}");
        }
        let pattern = parsed("f-%02d.png").unwrap().unwrap();
        for name in ["f-7.png", "f-007.png", "f-.png", "f-+7.png", "g-07.png", "f-07.jpg"] {
            assert_eq!(pattern.number_in(name), None, "{name}");
        }
    }

    #[test]
    fn invalid_patterns_are_rejected_with_the_remedy() {
        for (name, why) in [
            ("a%d-%d.png", "two numbers"),
            ("a%4d.png", "%04d for four digits"),
            ("a%d-50%.png", "another percent sign"),
            ("a%099d.png", "at most 18 digits"),
            ("a%099999999999999999999d.png", "at most 18 digits"),
        ] {
            let message = parsed(name).unwrap_err().message;
            assert!(message.contains(why) && message.contains("%%"), "{name}: {message}");
        }
    }

    #[test]
    fn sequences_begin_at_zero_or_one_and_end_at_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["1.png", "2.png", "3.png", "5.png", "9.png", "03.png", "x.png"] {
            fs::write(folder.path().join(name), []).unwrap();
        }
        let find = |start| {
            let pattern = ImagePattern::parse(&folder.path().join("%d.png")).unwrap().unwrap();
            let found = pattern.find(start)?;
            Ok((found.first, found.count, found.later))
        };
        let refused = |start| find(start).map_err(|failure: Failure| failure.message).unwrap_err();
        assert_eq!(find(None).unwrap(), (1, 3, 2));
        assert_eq!(find(Some(2)).unwrap(), (2, 2, 2));
        assert_eq!(find(Some(9)).unwrap(), (9, 1, 0));
        assert!(refused(Some(4)).contains("the next number is 5"));
        assert!(refused(Some(10)).contains("no image has the number 10"));
        fs::remove_file(folder.path().join("1.png")).unwrap();
        assert!(refused(None).contains("the next number is 2"));
    }
}
