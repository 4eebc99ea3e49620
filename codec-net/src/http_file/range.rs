//! Parses the headers of responses to range requests: the range, the length and the version of the
//! file.

use std::ops::Range;

use ureq::http::{HeaderMap, header};

/// Limit of the bytes of a validator that are kept.
const MAX_VALIDATOR: usize = 512;

/// What identifies a version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    length: u64,
    etag: Option<Vec<u8>>,
    modified: Option<Vec<u8>>,
}

impl Version {
    pub(super) fn of(headers: &HeaderMap, length: u64) -> Self {
        let field = |name| {
            let value = headers.get(name).map(|value: &header::HeaderValue| value.as_bytes());
            value.map(|value| value.iter().copied().take(MAX_VALIDATOR).collect())
        };
        Self { length, etag: field(header::ETAG), modified: field(header::LAST_MODIFIED) }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What differs in another version; `None` if nothing does.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        // Servers behind one name may not agree on all fields, but each sends its own ones always.
        let differs =
            |a: &Option<Vec<u8>>, b: &Option<Vec<u8>>| a.is_some() && b.is_some() && a != b;
        match () {
            () if self.length != other.length => Some("its length"),
            () if differs(&self.etag, &other.etag) => Some("its ETag"),
            () if differs(&self.modified, &other.modified) => Some("its time of modification"),
            () => None,
        }
    }
}

/// Parses `Content-Range`: the range, and the length of the file.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(Range<u64>, u64)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.trim();
    let (range, length) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    let (first, end, length) = (number(first)?, number(last)?.checked_add(1)?, number(length)?);
    (first < end && end <= length && i64::try_from(length).is_ok()).then_some((first..end, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn ranges_are_parsed_and_checked() {
        let parse = |text: &str| content_range(&headers(header::CONTENT_RANGE, text));
        assert_eq!(parse("bytes 0-9/10"), Some((0..10, 10)));
        assert_eq!(parse("bytes 5-5/6"), Some((5..6, 6)));
        for wrong in [
            "bytes 0-10/10",
            "bytes 9-8/10",
            "bytes 0-9/*",
            "bytes */10",
            "bytes +0-9/10",
            "items 0-9/10",
            "bytes 0-18446744073709551615/18446744073709551615",
            "bytes 0-9/99999999999999999999",
            "",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn versions_differ_by_the_fields_that_both_have() {
        let of = |etag: &str, length| Version::of(&headers(header::ETAG, etag), length);
        let none = |length| Version::of(&HeaderMap::new(), length);
        assert_eq!(of("\"a\"", 5).difference(&of("\"a\"", 5)), None);
        assert_eq!(of("\"a\"", 5).difference(&of("\"b\"", 5)), Some("its ETag"));
        assert_eq!(of("\"a\"", 5).difference(&none(5)), None);
        assert_eq!(none(5).difference(&none(6)), Some("its length"));
    }
}
