//! One-byte and two-byte header extension elements. RFC 8285, sections 4.2 and 4.3.

use crate::rtp::{Extension, Malformed};

/// Profile of the one-byte form: ids 1..=14, elements of 1..=16 bytes.
pub const ONE_BYTE_PROFILE: u16 = 0xbede;
/// Profile of the two-byte form, whose low four bits are application-defined: ids 1..=255, elements
/// of 0..=255 bytes.
pub const TWO_BYTE_PROFILE: u16 = 0x1000;

/// Maximum size of an element in either form, in bytes.
pub(super) const MAX_BYTES: usize = 255;
/// Highest id in the one-byte form.
const ONE_BYTE_ID: u8 = 14;
/// Maximum element size in the one-byte form.
const ONE_BYTE_MAX: usize = 16;
/// Id that ends the elements of the one-byte form.
const STOP: u8 = 15;

/// One-byte or two-byte form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    OneByte,
    TwoByte,
}

impl Form {
    pub(super) fn profile(self) -> u16 {
        match self {
            Self::OneByte => ONE_BYTE_PROFILE,
            Self::TwoByte => TWO_BYTE_PROFILE,
        }
    }

    pub(super) fn head_bytes(self) -> usize {
        match self {
            Self::OneByte => 1,
            Self::TwoByte => 2,
        }
    }

    /// Returns this form, or the two-byte form if the element needs it.
    pub(super) fn that_fits(self, id: u8, len: usize) -> Self {
        if id > ONE_BYTE_ID || len == 0 || len > ONE_BYTE_MAX { Self::TwoByte } else { self }
    }

    /// Appends an element that fits this form.
    pub(super) fn write(self, id: u8, data: &[u8], out: &mut Vec<u8>) {
        let len = u8::try_from(data.len()).unwrap_or(u8::MAX);
        match self {
            Self::OneByte => out.push(id << 4 | len.saturating_sub(1) & 15),
            Self::TwoByte => out.extend([id, len]),
        }
        out.extend(data);
    }
}

/// Iterator over the elements of an extension as id and data. Ends after the first malformed
/// element.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    form: Form,
    rest: &'a [u8],
    whole: usize,
}

/// Iterates over the elements of `extension`; `None` if its profile is not one of RFC 8285.
#[must_use]
pub fn elements<'a>(extension: &Extension<'a>) -> Option<Elements<'a>> {
    let form = match extension.profile {
        ONE_BYTE_PROFILE => Form::OneByte,
        profile if profile & 0xfff0 == TWO_BYTE_PROFILE => Form::TwoByte,
        _ => return None,
    };
    Some(Elements { form, rest: extension.data, whole: extension.data.len() })
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<(u8, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let zeros = self.rest.iter().take_while(|&&byte| byte == 0).count();
        let rest = self.rest.get(zeros..).unwrap_or_default();
        self.rest = &[];
        let (&first, after) = rest.split_first()?;
        let truncated = |needed: usize| {
            let what = "header extension element";
            let needed_bytes = self.whole + needed;
            Some(Err(Malformed::Truncated { what, needed_bytes, had_bytes: self.whole }))
        };
        let (id, len, after) = match self.form {
            Form::OneByte => (first >> 4, usize::from(first & 15) + 1, after),
            Form::TwoByte => match after.split_first() {
                Some((&len, after)) => (first, usize::from(len), after),
                None => return truncated(1),
            },
        };
        if self.form == Form::OneByte && (id == 0 || id == STOP) {
            return None;
        }
        let Some((data, after)) = after.split_at_checked(len) else {
            return truncated(len - after.len());
        };
        self.rest = after;
        Some(Ok((id, data)))
    }
}

/// Zeroes the data of the elements whose ids are in `ids`, up to the first malformed element of
/// `data`.
pub fn clear_elements(profile: u16, data: &mut [u8], ids: &[u8]) {
    let whole: Vec<(u8, usize, usize)> = {
        let start = data.as_ptr().addr();
        let Some(elements) = elements(&Extension { profile, data }) else { return };
        let known = elements.map_while(Result::ok);
        known.map(|(id, data)| (id, data.as_ptr().addr() - start, data.len())).collect()
    };
    for (_, at, len) in whole.into_iter().filter(|(id, ..)| ids.contains(id)) {
        if let Some(data) = data.get_mut(at..at + len) {
            data.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(profile: u16, data: &[u8]) -> Vec<Result<(u8, &[u8]), Malformed>> {
        elements(&Extension { profile, data }).unwrap().collect()
    }

    #[test]
    fn elements_are_zeroed_in_place() {
        let mut data = [0x10, 9, 0x21, 8, 7, 0, 0, 0x30, 6, 0, 0, 0];
        clear_elements(0xbede, &mut data, &[2, 3, 9]);
        assert_eq!(data, [0x10, 9, 0x21, 0, 0, 0, 0, 0x30, 0, 0, 0, 0]);
        let mut wide = [1, 2, 5, 5, 0, 2, 0, 1, 9, 9];
        clear_elements(0x1000, &mut wide, &[1, 9]);
        assert_eq!(wide, [1, 2, 0, 0, 0, 2, 0, 1, 9, 9], "the last element is truncated");
        clear_elements(0x1234, &mut wide, &[2]);
        assert_eq!(wide[5], 2);
    }

    #[test]
    fn one_byte_form_is_parsed() {
        // RFC 8285, section 4.2: ids of four bits, lengths minus one, zeros as padding.
        let data = [0x10, 9, 0x21, 8, 7, 0, 0, 0x30, 6, 0, 0, 0];
        let expected = [(1, &[9][..]), (2, &[8, 7]), (3, &[6])];
        assert_eq!(all(0xbede, &data), expected.map(Ok));
    }

    #[test]
    fn two_byte_form_allows_empty_elements_and_high_ids() {
        let data = [1, 0, 200, 2, 8, 7, 0, 0, 15, 1, 6, 0];
        let expected = [(1, &[][..]), (200, &[8, 7]), (15, &[6])];
        assert_eq!(all(0x1000, &data), expected.map(Ok));
        assert_eq!(all(0x100f, &data).len(), 3);
    }

    #[test]
    fn id_15_ends_the_one_byte_form() {
        assert_eq!(all(0xbede, &[0x10, 9, 0xf0, 1, 0x20, 2]), [Ok((1, &[9][..]))]);
        assert_eq!(all(0xbede, &[0x10, 9, 0x03, 1, 0x20, 2]), [Ok((1, &[9][..]))]);
    }

    #[test]
    fn other_profiles_have_no_elements() {
        assert!(elements(&Extension { profile: 0x1010, data: &[] }).is_none());
        assert!(elements(&Extension { profile: 0, data: &[] }).is_none());
    }

    #[test]
    fn truncated_element_is_reported_last() {
        for (profile, data) in [(0xbede, &[0x12, 1, 2][..]), (0x1000, &[1]), (0x1000, &[1, 2, 3])] {
            let elements = all(profile, data);
            assert_eq!(elements.len(), 1);
            assert!(matches!(
                elements[0],
                Err(Malformed::Truncated { needed_bytes, had_bytes, .. })
                    if needed_bytes == data.len() + 1 && had_bytes == data.len()
            ));
        }
        let data = [0x13, 1, 2];
        assert_eq!(
            all(0xbede, &data[..2])[0].map_err(|error| error.to_string()),
            Err("invalid header extension element: got 2 bytes, expected at least 5".into())
        );
    }
}
