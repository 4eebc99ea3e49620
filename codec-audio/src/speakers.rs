//! Speaker positions, and sets of them: the channel mask of WAVE files.

use std::fmt;

/// Speaker position of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Speaker {
    FrontLeft,
    FrontRight,
    FrontCentre,
    LowFrequency,
    BackLeft,
    BackRight,
    FrontLeftOfCentre,
    FrontRightOfCentre,
    BackCentre,
    SideLeft,
    SideRight,
    TopCentre,
    TopFrontLeft,
    TopFrontCentre,
    TopFrontRight,
    TopBackLeft,
    TopBackCentre,
    TopBackRight,
}

impl Speaker {
    /// All speakers, in the order of WAVE files, which is the order of the bits of a mask.
    pub const ALL: [Self; 18] = [
        Self::FrontLeft,
        Self::FrontRight,
        Self::FrontCentre,
        Self::LowFrequency,
        Self::BackLeft,
        Self::BackRight,
        Self::FrontLeftOfCentre,
        Self::FrontRightOfCentre,
        Self::BackCentre,
        Self::SideLeft,
        Self::SideRight,
        Self::TopCentre,
        Self::TopFrontLeft,
        Self::TopFrontCentre,
        Self::TopFrontRight,
        Self::TopBackLeft,
        Self::TopBackCentre,
        Self::TopBackRight,
    ];

    /// Returns the usual abbreviation, for example `FL`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FrontLeft => "FL",
            Self::FrontRight => "FR",
            Self::FrontCentre => "FC",
            Self::LowFrequency => "LFE",
            Self::BackLeft => "BL",
            Self::BackRight => "BR",
            Self::FrontLeftOfCentre => "FLC",
            Self::FrontRightOfCentre => "FRC",
            Self::BackCentre => "BC",
            Self::SideLeft => "SL",
            Self::SideRight => "SR",
            Self::TopCentre => "TC",
            Self::TopFrontLeft => "TFL",
            Self::TopFrontCentre => "TFC",
            Self::TopFrontRight => "TFR",
            Self::TopBackLeft => "TBL",
            Self::TopBackCentre => "TBC",
            Self::TopBackRight => "TBR",
        }
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of speakers: the channel mask of WAVE files. The channels have the order of [`Speaker::ALL`].
///
/// ```
/// use codec_audio::{ChannelLayout, Speaker, SpeakerSet};
///
/// let set = SpeakerSet::from_mask(0xF).unwrap();
/// assert_eq!((set.count(), set.position(Speaker::LowFrequency)), (4, Some(3)));
/// assert_eq!(ChannelLayout::from(set).to_string(), "3.1");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SpeakerSet(u32);

/// Common names of sets that are no layout of their own.
const NAMES: [(u32, &str); 13] = [
    (0xB, "2.1"),
    (0x103, "3.0(back)"),
    (0xF, "3.1"),
    (0x107, "4.0"),
    (0x10F, "4.1"),
    (0x707, "6.0"),
    (0x6C3, "6.0(front)"),
    (0x137, "hexagonal"),
    (0x13F, "6.1(back)"),
    (0x637, "7.0"),
    (0x6C7, "7.0(front)"),
    (0xFF, "7.1(wide)"),
    (0x737, "octagonal"),
];

impl SpeakerSet {
    /// No speakers.
    pub const NONE: Self = Self(0);

    /// Returns the set of a channel mask; `None` if it has bits above the 18 speakers of WAVE files.
    #[must_use]
    pub const fn from_mask(mask: u32) -> Option<Self> {
        if mask >> Speaker::ALL.len() == 0 { Some(Self(mask)) } else { None }
    }

    pub(crate) const fn of(speakers: &[Speaker]) -> Self {
        let (mut mask, mut at) = (0, 0);
        while at < speakers.len() {
            mask |= 1 << speakers[at] as u32;
            at += 1;
        }
        Self(mask)
    }

    /// Returns the channel mask.
    #[must_use]
    pub const fn mask(self) -> u32 {
        self.0
    }

    /// Returns the number of speakers, 0..=18.
    #[must_use]
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns whether there are no speakers.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether `speaker` is in the set.
    #[must_use]
    pub const fn contains(self, speaker: Speaker) -> bool {
        self.0 >> speaker as u32 & 1 == 1
    }

    /// Returns the channel of `speaker`; `None` if it is not in the set.
    #[must_use]
    pub const fn position(self, speaker: Speaker) -> Option<usize> {
        let before = self.0 & ((1 << speaker as u32) - 1);
        if self.contains(speaker) { Some(before.count_ones() as usize) } else { None }
    }

    /// Returns the speakers in channel order.
    pub fn iter(self) -> impl Iterator<Item = Speaker> {
        Speaker::ALL.into_iter().filter(move |&speaker| self.contains(speaker))
    }
}

impl fmt::Display for SpeakerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = NAMES.iter().find(|(mask, _)| *mask == self.0) {
            return f.write_str(name);
        }
        let names: Vec<_> = self.iter().map(Speaker::name).collect();
        f.write_str(&names.join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_have_the_order_of_the_bits() {
        for (bit, speaker) in Speaker::ALL.into_iter().enumerate() {
            let set = SpeakerSet::of(&[speaker]);
            assert_eq!((set.mask(), set.position(speaker)), (1 << bit, Some(0)));
        }
        let set = SpeakerSet::of(&[Speaker::SideRight, Speaker::BackLeft, Speaker::FrontLeft]);
        let order: Vec<_> = set.iter().collect();
        assert_eq!(order, [Speaker::FrontLeft, Speaker::BackLeft, Speaker::SideRight]);
        assert_eq!(set.position(Speaker::SideRight), Some(2));
        assert_eq!(set.position(Speaker::SideLeft), None);
        assert_eq!(set.to_string(), "FL+BL+SR");
        assert_eq!(SpeakerSet::from_mask(1 << 18), None);
    }
}
