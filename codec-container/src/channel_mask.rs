//! The channel masks of WAVE files, which FLAC and Matroska use, too.

use codec_audio::{ChannelLayout, Speaker, SpeakerSet};

const SIDES: u32 = 0x600;
const BACKS: u32 = 0x30;

/// Returns the layout of `count` channels with this channel mask; `None` for 0 and above 255 channels.
pub(crate) fn layout_of_mask(count: usize, mask: u32) -> Option<ChannelLayout> {
    let usual = ChannelLayout::of(count)?;
    // A single channel is mono, whichever speaker it has.
    if mask == 0 || count == 1 {
        return Some(usual);
    }
    // Speakers above the number of channels are ignored.
    let used = Speaker::ALL.len().min(count);
    let bits = (0..32).filter(|bit| mask >> bit & 1 == 1).take(used);
    let mask = bits.fold(0_u32, |mask, bit| mask | 1 << bit);
    // Side speakers without back speakers are the usual layout with back speakers.
    let has_only_sides = mask & (SIDES | BACKS) == SIDES;
    let folded = if has_only_sides { mask & !SIDES | BACKS } else { mask };
    let layout_of = |mask| SpeakerSet::from_mask(mask).map(ChannelLayout::from);
    let known = layout_of(folded).filter(|layout| *layout == usual).or_else(|| layout_of(mask));
    let unknown = || {
        if count == 2 { Some(usual) } else { u8::try_from(count).ok().map(ChannelLayout::Discrete) }
    };
    known.filter(|layout| layout.count() == count).or_else(unknown)
}
