//! `PictureID` and TL0PICIDX of VP8 and VP9 on a section, which continue when its source changes.
//!
//! Receivers find the references of a frame by these numbers. If those of a new source were a little lower
//! than those before, Chromium would take its frames for old ones and show nothing for three seconds.

use codec_webrtc::Codec;

/// Where the numbers are in a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Places {
    /// The place of `PictureID`, and whether it has 15 bits, not 7.
    picture: Option<(usize, bool)>,
    tl0: Option<usize>,
}

/// VP8: RFC 7741, section 4.2. VP9: RFC 9628, section 4.2.
fn places(codec: Codec, payload: &[u8]) -> Option<Places> {
    let has = |at: usize, bit: u8| payload.get(at).map(|byte| byte & bit != 0);
    let mut places = Places::default();
    let (flags, has_picture, has_tl0) = match codec {
        Codec::Vp8 if has(0, 0x80)? => (1, has(1, 0x80)?, has(1, 0x40)?),
        Codec::Vp9 => (0, has(0, 0x80)?, has(0, 0x20)? && !has(0, 0x10)?),
        _ => return Some(places),
    };
    let mut at = flags + 1;
    if has_picture {
        let is_long = has(at, 0x80)?;
        places.picture = Some((at, is_long));
        at += if is_long { 2 } else { 1 };
    }
    if has_tl0 {
        // In VP9, the layer indices precede it.
        places.tl0 = Some(if codec == Codec::Vp9 { at + 1 } else { at });
    }
    Some(places)
}

/// A number of `MASK.count_ones()` bits that continues across sources.
#[derive(Clone, Copy, Debug, Default)]
struct Continued<const MASK: u16> {
    last: Option<u16>,
    offset: u16,
}

impl<const MASK: u16> Continued<MASK> {
    fn next(&mut self, number: u16, is_first: bool) -> u16 {
        if let Some(last) = self.last.filter(|_| is_first) {
            self.offset = last.wrapping_add(1).wrapping_sub(number);
        }
        let new = number.wrapping_add(self.offset) & MASK;
        let ahead = |last: u16| new.wrapping_sub(last) & MASK;
        if self.last.is_none_or(|last| (1..=MASK / 2).contains(&ahead(last))) {
            self.last = Some(new);
        }
        new
    }
}

/// See the [module](self).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FrameIds {
    pictures: Continued<0x7fff>,
    tl0: Continued<0xff>,
    is_changed: bool,
}

impl FrameIds {
    /// Another source begins.
    pub(super) fn restart(&mut self) {
        self.is_changed = true;
    }

    /// Rewrites the numbers in a payload. Damaged payloads stay as they are.
    pub(super) fn rewrite(&mut self, codec: Codec, payload: &mut [u8]) {
        let Some(Places { picture, tl0 }) = places(codec, payload) else { return };
        if picture.is_none() && tl0.is_none() {
            return;
        }
        let is_first = std::mem::take(&mut self.is_changed);
        if let Some((at, is_long)) = picture {
            match payload.get_mut(at..) {
                Some([high, low, ..]) if is_long => {
                    let number = u16::from_be_bytes([*high & 0x7f, *low]);
                    let [new_high, new_low] = self.pictures.next(number, is_first).to_be_bytes();
                    (*high, *low) = (new_high | 0x80, new_low);
                }
                Some([low, ..]) if !is_long => {
                    let [_, new] = self.pictures.next((*low).into(), is_first).to_be_bytes();
                    *low = new & 0x7f;
                }
                _ => {}
            }
        }
        if let Some(index) = tl0.and_then(|at| payload.get_mut(at)) {
            let [_, new] = self.tl0.next((*index).into(), is_first).to_be_bytes();
            *index = new;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vp8(picture: u16, tl0: u8) -> Vec<u8> {
        let [high, low] = picture.to_be_bytes();
        vec![0x90, 0xe0, high | 0x80, low, tl0, 0x20, 1, 2, 3]
    }

    fn vp9(picture: u16, tl0: u8) -> Vec<u8> {
        let [high, low] = picture.to_be_bytes();
        vec![0xac, high | 0x80, low, 0x00, tl0, 1, 2, 3]
    }

    #[test]
    fn numbers_continue_across_sources_and_wrap() {
        for (codec, payload) in [(Codec::Vp8, vp8 as fn(u16, u8) -> _), (Codec::Vp9, vp9)] {
            let mut ids = FrameIds::default();
            let sent = |ids: &mut FrameIds, picture, tl0| {
                let mut data = payload(picture, tl0);
                ids.rewrite(codec, &mut data);
                data
            };
            assert_eq!(sent(&mut ids, 0x7ffe, 254), payload(0x7ffe, 254));
            assert_eq!(sent(&mut ids, 0x7fff, 255), payload(0x7fff, 255));
            assert_eq!(sent(&mut ids, 0x7ffe, 254), payload(0x7ffe, 254), "reordered");
            ids.restart();
            assert_eq!(sent(&mut ids, 900, 250), payload(0, 0));
            assert_eq!(sent(&mut ids, 900, 250), payload(0, 0), "the same frame");
            assert_eq!(sent(&mut ids, 902, 252), payload(2, 2));
            ids.restart();
            assert_eq!(sent(&mut ids, 5, 5), payload(3, 3));
        }
    }

    #[test]
    fn damaged_and_plain_payloads_stay_as_they_are() {
        let mut ids = FrameIds::default();
        ids.rewrite(Codec::Vp8, &mut vp8(100, 100));
        ids.restart();
        for data in [&[][..], &[0x10, 0, 0], &[0x90], &[0x90, 0x80], &[0x90, 0xc0, 0x80]] {
            let mut copy = data.to_vec();
            ids.rewrite(Codec::Vp8, &mut copy);
            assert_eq!(copy, data);
        }
        let mut opus = vp8(1, 1);
        ids.rewrite(Codec::Opus, &mut opus);
        assert_eq!(opus, vp8(1, 1));
        ids.restart();
        let mut short = vec![0x90, 0x80, 0x05, 9];
        ids.rewrite(Codec::Vp8, &mut short);
        assert_eq!(short, [0x90, 0x80, 101, 9], "7 bits");
    }
}
