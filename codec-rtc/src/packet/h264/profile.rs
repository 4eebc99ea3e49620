//! `profile-level-id`: profile and level of a stream. RFC 6184, section 8.1; ITU-T H.264, annex A.

use std::fmt;
use std::str::FromStr;

/// Profile, as far as a `profile-level-id` distinguishes it (RFC 6184, table 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of ITU-T H.264, annex A")]
pub enum Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    Extended,
    ConstrainedHigh,
    High,
    High10,
    High422,
    High444Predictive,
    High10Intra,
    High422Intra,
    High444Intra,
    Cavlc444Intra,
}

/// A pattern of `profile_idc` and `profile-iop`: bits outside of the mask are arbitrary.
struct Pattern(u8, u8, u8, Profile);

/// RFC 6184, table 5, and Constrained High (ITU-T H.264, clause A.2.4.2). The first entry of a
/// profile is the one that is written.
const PATTERNS: [Pattern; 17] = [
    Pattern(0x42, 0b0100_1111, 0b0100_0000, Profile::ConstrainedBaseline),
    Pattern(0x4d, 0b1000_1111, 0b1000_0000, Profile::ConstrainedBaseline),
    Pattern(0x58, 0b1100_1111, 0b1100_0000, Profile::ConstrainedBaseline),
    Pattern(0x42, 0b0100_1111, 0, Profile::Baseline),
    Pattern(0x58, 0b1100_1111, 0b1000_0000, Profile::Baseline),
    Pattern(0x4d, 0b1010_1111, 0, Profile::Main),
    Pattern(0x58, 0b1100_1111, 0, Profile::Extended),
    Pattern(0x64, 0xff, 0b0000_1100, Profile::ConstrainedHigh),
    Pattern(0x64, 0xff, 0, Profile::High),
    Pattern(0x6e, 0xff, 0, Profile::High10),
    Pattern(0x7a, 0xff, 0, Profile::High422),
    Pattern(0xf4, 0xff, 0, Profile::High444Predictive),
    Pattern(0x6e, 0xff, 0b0001_0000, Profile::High10Intra),
    Pattern(0x7a, 0xff, 0b0001_0000, Profile::High422Intra),
    Pattern(0xf4, 0xff, 0b0001_0000, Profile::High444Intra),
    Pattern(0x2c, 0xff, 0b0001_0000, Profile::Cavlc444Intra),
    // Sent by some encoders: Main with the flag of Extended.
    Pattern(0x4d, 0b1010_1111, 0b0010_0000, Profile::Main),
];

/// `constraint_set3_flag`, which together with level 11 means level 1b in the first profiles.
const CONSTRAINT_SET3: u8 = 0b0001_0000;

impl Profile {
    /// Returns the profile with these bytes; `None` for a combination that table 5 does not list.
    #[must_use]
    pub fn from_bytes(profile_idc: u8, profile_iop: u8) -> Option<Self> {
        let found = PATTERNS.iter().find(|Pattern(idc, mask, value, _)| {
            *idc == profile_idc && profile_iop & mask == *value
        });
        found.map(|Pattern(.., profile)| *profile)
    }

    /// `profile_idc` and `profile-iop` as written: all flags that follow from the profile are set.
    #[must_use]
    pub fn bytes(self) -> (u8, u8) {
        if self == Self::ConstrainedBaseline {
            return (0x42, 0b1110_0000);
        }
        let found = PATTERNS.iter().find(|Pattern(.., profile)| *profile == self);
        found.map_or((0x42, 0b1110_0000), |Pattern(idc, _, value, _)| (*idc, *value))
    }

    /// Whether a decoder of this profile decodes streams of the profile `stream` (ITU-T H.264, clauses
    /// A.2.1 to A.2.4.2).
    #[must_use]
    pub fn decodes(self, stream: Self) -> bool {
        self == stream
            || match self {
                Self::Baseline | Self::Main | Self::Extended | Self::ConstrainedHigh => {
                    stream == Self::ConstrainedBaseline
                }
                Self::High => {
                    matches!(stream, Self::ConstrainedBaseline | Self::Main | Self::ConstrainedHigh)
                }
                _ => false,
            }
    }

    /// Whether level 1b is level 11 with `constraint_set3_flag`, rather than level 9.
    fn has_level_flag(self) -> bool {
        matches!(self, Self::ConstrainedBaseline | Self::Baseline | Self::Main | Self::Extended)
    }
}

/// A level, ordered by its limits (ITU-T H.264, table A-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level {
    /// Twice `level_idc`; level 1b is between 1 and 1.1.
    rank: u8,
}

impl Level {
    /// Level 1b.
    pub const L1B: Self = Self { rank: 21 };
    /// Level 3.1.
    pub const L3_1: Self = Self { rank: 62 };
    /// `level_idc` of all levels except 1b.
    const ALL: [u8; 19] =
        [10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62];

    /// Returns the level with this `level_idc`, ten times its number; `None` if there is none.
    ///
    /// ```
    /// use codec_rtc::packet::h264::Level;
    ///
    /// assert!(Level::new(10).unwrap() < Level::L1B && Level::L1B < Level::new(11).unwrap());
    /// assert_eq!(Level::new(31).unwrap().to_string(), "3.1");
    /// assert_eq!(Level::new(33), None);
    /// ```
    #[must_use]
    pub fn new(level_idc: u8) -> Option<Self> {
        Self::ALL.contains(&level_idc).then(|| Self { rank: 2 * level_idc })
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConstrainedBaseline => "Constrained Baseline",
            Self::Baseline => "Baseline",
            Self::Main => "Main",
            Self::Extended => "Extended",
            Self::ConstrainedHigh => "Constrained High",
            Self::High => "High",
            Self::High10 => "High 10",
            Self::High422 => "High 4:2:2",
            Self::High444Predictive => "High 4:4:4 Predictive",
            Self::High10Intra => "High 10 Intra",
            Self::High422Intra => "High 4:2:2 Intra",
            Self::High444Intra => "High 4:4:4 Intra",
            Self::Cavlc444Intra => "CAVLC 4:4:4 Intra",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rank / 2 {
            _ if *self == Self::L1B => f.write_str("1b"),
            idc if idc % 10 == 0 => write!(f, "{}", idc / 10),
            idc => write!(f, "{}.{}", idc / 10, idc % 10),
        }
    }
}

/// Profile and level of a stream.
///
/// ```
/// use codec_rtc::packet::h264::{Level, Profile, ProfileLevelId};
///
/// let id: ProfileLevelId = "42e01f".parse()?;
/// assert_eq!((id.profile, id.level), (Profile::ConstrainedBaseline, Level::L3_1));
/// assert_eq!("4d801f".parse(), Ok(id)); // the same profile by other bits
/// assert_eq!(id.to_string(), "42e01f");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProfileLevelId {
    /// Profile.
    pub profile: Profile,
    /// Level.
    pub level: Level,
}

impl Default for ProfileLevelId {
    /// Constrained Baseline at level 3.1, which WebRTC implementations assume if the parameter is
    /// missing. RFC 6184 assumes Baseline at level 1, which is too small for any call.
    fn default() -> Self {
        Self { profile: Profile::ConstrainedBaseline, level: Level::L3_1 }
    }
}

impl ProfileLevelId {
    /// Returns the id with these bytes, which are the three bytes after the header of an SPS. `None`
    /// for an unknown profile or level.
    #[must_use]
    pub fn from_bytes([profile_idc, profile_iop, level_idc]: [u8; 3]) -> Option<Self> {
        let profile = Profile::from_bytes(profile_idc, profile_iop)?;
        let has_flag = profile.has_level_flag() && profile_iop & CONSTRAINT_SET3 != 0;
        let level = match level_idc {
            11 if has_flag => Level::L1B,
            9 if !profile.has_level_flag() => Level::L1B,
            idc => Level::new(idc)?,
        };
        Some(Self { profile, level })
    }

    /// The three bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 3] {
        let (idc, iop) = self.profile.bytes();
        match self.level {
            Level::L1B if self.profile.has_level_flag() => [idc, iop | CONSTRAINT_SET3, 11],
            Level::L1B => [idc, iop, 9],
            level => [idc, iop, level.rank / 2],
        }
    }
}

impl fmt::Display for ProfileLevelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is not a known `profile-level-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProfileLevelId(String);

impl fmt::Display for InvalidProfileLevelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid profile-level-id {:?}: expected six hexadecimal digits of a profile and level \
             of H.264",
            self.0
        )
    }
}

impl std::error::Error for InvalidProfileLevelId {}

impl FromStr for ProfileLevelId {
    type Err = InvalidProfileLevelId;

    fn from_str(text: &str) -> Result<Self, InvalidProfileLevelId> {
        let wrong = || InvalidProfileLevelId(text.chars().take(32).collect());
        let is_hex = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u32::from_str_radix(text, 16).ok().filter(|_| is_hex).ok_or_else(wrong)?;
        let [_, idc, iop, level] = value.to_be_bytes();
        Self::from_bytes([idc, iop, level]).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_matched_by_pattern() {
        let of = |text: &str| text.parse::<ProfileLevelId>().map(|id| id.profile).ok();
        for (texts, profile) in [
            (
                &["42e01f", "42C01F", "42401f", "42f00b", "4d801f", "4de01f", "58c01f"][..],
                Profile::ConstrainedBaseline,
            ),
            (&["42001f", "42a01f", "58801f", "58a01f"], Profile::Baseline),
            (&["4d001f", "4d401f", "4d100b", "4d201f"], Profile::Main),
            (&["58001f", "58201f"], Profile::Extended),
            (&["640c1f"], Profile::ConstrainedHigh),
            (&["64001f"], Profile::High),
            (&["6e001f"], Profile::High10),
            (&["7a001f"], Profile::High422),
            (&["f4001f"], Profile::High444Predictive),
            (&["6e101f"], Profile::High10Intra),
            (&["7a101f"], Profile::High422Intra),
            (&["f4101f"], Profile::High444Intra),
            (&["2c101f"], Profile::Cavlc444Intra),
        ] {
            for text in texts {
                assert_eq!(of(text), Some(profile), "{text}");
            }
        }
    }

    #[test]
    fn decoders_of_larger_profiles_decode_smaller_ones() {
        use Profile::{Baseline, ConstrainedBaseline, ConstrainedHigh, High, Main};
        let all = [ConstrainedBaseline, Baseline, Main, ConstrainedHigh, High];
        let decoded = |by: Profile| all.map(|stream| by.decodes(stream));
        assert_eq!(decoded(ConstrainedBaseline), [true, false, false, false, false]);
        assert_eq!(decoded(Baseline), [true, true, false, false, false]);
        assert_eq!(decoded(Main), [true, false, true, false, false]);
        assert_eq!(decoded(ConstrainedHigh), [true, false, false, true, false]);
        assert_eq!(decoded(High), [true, false, true, true, true]);
    }

    #[test]
    fn ids_are_written_as_they_are_read() {
        for text in [
            "42e01f", "42f00b", "42001e", "42100b", "4d0028", "4d100b", "640c29", "64003e",
            "640009",
        ] {
            assert_eq!(text.parse::<ProfileLevelId>().unwrap().to_string(), text);
        }
        assert_eq!(ProfileLevelId::default().to_string(), "42e01f");
        let id: ProfileLevelId = "42f00b".parse().unwrap();
        assert_eq!(id.level.to_string(), "1b");
        // Without the flag, 11 is level 1.1.
        assert_eq!("42e00b".parse::<ProfileLevelId>().unwrap().level.to_string(), "1.1");
    }

    #[test]
    fn invalid_ids_are_rejected() {
        for text in [
            "", "42e01", "42e01ff", "42e0zz", "+2e01f", "42e000", "42e021", "42e11f", "00001f",
            "640f1f", "42e009",
        ] {
            assert!(text.parse::<ProfileLevelId>().is_err(), "{text}");
        }
    }
}
