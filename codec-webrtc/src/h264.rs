//! Profiles and levels of H.264 in offers and answers (RFC 6184, section 8.2.2; RFC 7742, section
//! 6.2): packetization mode 1, a payload type for each profile.

use std::fmt;

use codec_rtc::packet::h264::{Level, Profile, ProfileLevelId};
use codec_rtc::sdp::Fmtp;
use codec_rtc::sdp::h264::FormatParameters;
use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Pt};

/// The profiles in order of preference, with the payload types offered for them and their RTX. The
/// first ones are supported by most decoders.
const OFFERED: [(Profile, u8, u8); 5] = [
    (Profile::ConstrainedBaseline, 102, 103),
    (Profile::Baseline, 104, 105),
    (Profile::Main, 106, 107),
    (Profile::ConstrainedHigh, 108, 109),
    (Profile::High, 112, 113),
];

/// Highest `level_idc` that is received: 5.2, 4096x2304 at 60 frames per second.
const LEVEL_IDC: u8 = 52;

/// A set of profiles of H.264.
///
/// ```
/// use codec_rtc::packet::h264::Profile;
/// use codec_webrtc::H264Profiles;
///
/// let profiles = H264Profiles::only(Profile::Main).with(Profile::ConstrainedBaseline);
/// assert!(profiles.contains(Profile::Main) && !profiles.contains(Profile::High));
/// assert_eq!(profiles.to_string(), "Constrained Baseline, Main");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct H264Profiles {
    /// A bit for each entry of [`OFFERED`].
    bits: u8,
}

impl H264Profiles {
    /// No H.264.
    pub const NONE: Self = Self { bits: 0 };
    /// Constrained Baseline, Baseline, Main, Constrained High and High.
    pub const ALL: Self = Self { bits: (1 << OFFERED.len()) - 1 };

    /// One profile; none if it is not among [`Self::ALL`].
    #[must_use]
    pub fn only(profile: Profile) -> Self {
        let at = OFFERED.iter().position(|(known, ..)| *known == profile);
        Self { bits: at.map_or(0, |at| 1 << at) }
    }

    /// Adds a profile, if it is among [`Self::ALL`].
    #[must_use]
    pub fn with(self, profile: Profile) -> Self {
        Self { bits: self.bits | Self::only(profile).bits }
    }

    /// Whether the set contains a profile.
    #[must_use]
    pub fn contains(self, profile: Profile) -> bool {
        self.bits & Self::only(profile).bits != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The profiles in order of preference.
    pub fn iter(self) -> impl Iterator<Item = Profile> {
        OFFERED.into_iter().map(|(profile, ..)| profile).filter(move |&it| self.contains(it))
    }
}

impl fmt::Display for H264Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|profile| profile.to_string()).collect();
        f.write_str(&names.join(", "))
    }
}

impl fmt::Debug for H264Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "H264Profiles({self})")
    }
}

/// Parameters for a profile, as offered.
fn supported(profile: Profile) -> FormatParameters {
    let level = Level::new(LEVEL_IDC).unwrap_or(Level::L3_1);
    FormatParameters::webrtc(ProfileLevelId { profile, level })
}

/// The parameters of an offer: one entry for each profile.
pub(super) fn offered(profiles: H264Profiles) -> Vec<FormatParameters> {
    profiles.iter().map(supported).collect()
}

/// The parameters of the answer to an offer: the profiles that both sides support. If a side
/// requires the same level in both directions, the level is the lower one of the two sides. Without H.264 in the offer,
/// the parameters are the same as in offers, for later media sections.
pub(super) fn answered(profiles: H264Profiles, offer: &str) -> Vec<FormatParameters> {
    let theirs: Vec<FormatParameters> =
        super::red::sections(offer).iter().flat_map(|section| parameters(section)).collect();
    if theirs.is_empty() {
        return offered(profiles);
    }
    let common = profiles
        .iter()
        .filter_map(|profile| theirs.iter().find_map(|their| supported(profile).negotiate(their)));
    common.collect()
}

/// Adds the payload types to the configuration of the stack.
pub(super) fn add_to(stack: &mut CodecConfig, all: &[FormatParameters]) {
    for parameters in all {
        let id = parameters.profile_level_id;
        let types = OFFERED.iter().find(|(profile, ..)| *profile == id.profile);
        let Some((_, payload_type, rtx)) = types else { continue };
        let [idc, iop, level] = id.to_bytes();
        let format = FormatParams {
            level_asymmetry_allowed: parameters.level_asymmetry_allowed.then_some(true),
            packetization_mode: Some(parameters.packetization_mode.number()),
            profile_level_id: Some(u32::from_be_bytes([0, idc, iop, level])),
            ..FormatParams::default()
        };
        let [payload_type, rtx] = [*payload_type, *rtx].map(Pt::new_with_value);
        let clock = Frequency::NINETY_KHZ;
        stack.add_config(payload_type, Some(rtx), Codec::H264, clock, None, format);
    }
}

/// Profile and level of a negotiated payload type.
pub(super) fn profile_of(format: &FormatParams) -> Option<ProfileLevelId> {
    let [_, bytes @ ..] = format.profile_level_id?.to_be_bytes();
    ProfileLevelId::from_bytes(bytes)
}

/// Parameters of the H.264 payload types of a media section; those that cannot be read are omitted.
pub(super) fn parameters(section: &[&str]) -> Vec<FormatParameters> {
    let types = section.iter().filter_map(|line| {
        let (payload_type, encoding) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        is_h264(encoding).then_some(payload_type)
    });
    types.filter_map(|payload_type| parameters_of(section, payload_type)).collect()
}

/// Parameters of a payload type of H.264; `None` if they cannot be read, or state no profile, which is
/// required in WebRTC (RFC 7742, section 6.2).
pub(super) fn parameters_of(section: &[&str], payload_type: &str) -> Option<FormatParameters> {
    let line = section.iter().find_map(|line| {
        let (of, params) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
        (of == payload_type).then_some(params)
    });
    let fmtp = Fmtp { payload_type: payload_type.parse().ok()?, params: line?.to_owned() };
    fmtp.get("profile-level-id")?;
    FormatParameters::parse(Some(&fmtp)).ok()
}

/// Whether an encoding of `a=rtpmap` is H.264.
pub(super) fn is_h264(encoding: &str) -> bool {
    encoding.trim().eq_ignore_ascii_case("H264/90000")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = "m=video 9 UDP/TLS/RTP/SAVPF 102 103 104 105 106\r\n\
        a=rtpmap:102 H264/90000\r\n\
        a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n\
        a=rtpmap:103 H264/90000\r\n\
        a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f\r\n\
        a=rtpmap:104 H264/90000\r\n\
        a=fmtp:104 packetization-mode=1;profile-level-id=4d801e\r\n\
        a=rtpmap:105 H264/90000\r\n\
        a=fmtp:105 packetization-mode=2;profile-level-id=640c1f\r\n\
        a=rtpmap:106 H264/90000\r\n";

    fn ids(all: &[FormatParameters]) -> Vec<String> {
        all.iter().map(|it| it.profile_level_id.to_string()).collect()
    }

    #[test]
    fn answers_have_the_common_profiles_in_our_order() {
        let found = answered(H264Profiles::ALL, SECTION);
        // 4d801e is Constrained Baseline by its pattern, and does not allow another level.
        assert_eq!(ids(&found), ["42e01e", "420034"]);
        assert_eq!([0, 1].map(|at| found[at].level_asymmetry_allowed), [false, true]);
        assert!(answered(H264Profiles::only(Profile::Main), SECTION).is_empty(), "mode 0");
        assert!(answered(H264Profiles::NONE, SECTION).is_empty());
    }

    #[test]
    fn offers_have_a_payload_type_for_each_profile() {
        let mut stack = CodecConfig::empty();
        add_to(&mut stack, &offered(H264Profiles::ALL));
        let types: Vec<u8> = stack.params().iter().map(|it| *it.pt()).collect();
        assert_eq!(types, [102, 104, 106, 108, 112]);
        let found = stack.params().iter().map(|it| profile_of(&it.spec().format).unwrap());
        let found: Vec<String> = found.map(|id| id.to_string()).collect();
        assert_eq!(found, ["42e034", "420034", "4d0034", "640c34", "640034"]);
    }

    #[test]
    fn other_profiles_are_not_in_any_set() {
        assert!(H264Profiles::only(Profile::High422).is_empty());
        assert_eq!(H264Profiles::ALL.with(Profile::Extended), H264Profiles::ALL);
        assert_eq!(H264Profiles::ALL.iter().count(), OFFERED.len());
    }
}
