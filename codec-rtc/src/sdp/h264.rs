//! Format parameters of H.264. RFC 6184, sections 8.1 and 8.2.

use std::fmt;

use super::{Fmtp, base64};
use crate::packet::h264::{
    InvalidProfileLevelId, MAX_SET_BYTES, PacketizationMode, ParameterSets, ProfileLevelId,
    START_CODE, Units,
};

/// A parameter that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnsupportedParameter {
    /// Packetization mode 2, or a value that is not a packetization mode.
    PacketizationMode(String),
    /// Unknown profile or level.
    ProfileLevelId(InvalidProfileLevelId),
    /// The parameter sets are not valid Base64, or are too large.
    ParameterSets,
}

impl fmt::Display for UnsupportedParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PacketizationMode(mode) if mode == "2" => {
                f.write_str("packetization mode 2 (interleaved) is not supported")
            }
            Self::PacketizationMode(mode) => {
                write!(f, "invalid packetization-mode {mode:?}: expected 0 or 1")
            }
            Self::ProfileLevelId(error) => error.fmt(f),
            Self::ParameterSets => write!(
                f,
                "invalid sprop-parameter-sets: expected at most {MAX_SET_BYTES} bytes in base64"
            ),
        }
    }
}

impl std::error::Error for UnsupportedParameter {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::ProfileLevelId(error) => Some(error),
            Self::PacketizationMode(_) | Self::ParameterSets => None,
        }
    }
}

/// Format parameters of H.264.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatParameters {
    /// Profile, and the highest level.
    pub profile_level_id: ProfileLevelId,
    /// How NAL units are divided among packets.
    pub packetization_mode: PacketizationMode,
    /// Whether each direction may have a level of its own.
    pub level_asymmetry_allowed: bool,
    /// Parameter sets (`sprop-parameter-sets`) in the byte stream format; empty if they are sent
    /// with the stream, as WebRTC requires (RFC 7742, section 6.2).
    pub parameter_sets: Vec<u8>,
}

impl FormatParameters {
    /// Parameters with which WebRTC implementations offer H.264: mode 1, a level for each direction.
    #[must_use]
    pub fn webrtc(profile_level_id: ProfileLevelId) -> Self {
        Self {
            profile_level_id,
            packetization_mode: PacketizationMode::NonInterleaved,
            level_asymmetry_allowed: true,
            parameter_sets: Vec::new(),
        }
    }

    /// Parameters that describe a stream whose first access unit is this one: profile, level and
    /// parameter sets are taken from it.
    #[must_use]
    pub fn of_stream(access_unit: &[u8], packetization_mode: PacketizationMode) -> Self {
        let mut parameters = Self { packetization_mode, ..Self::default() };
        for unit in Units::new(access_unit) {
            if let [0x07 | 0x27 | 0x47 | 0x67, profile, constraints, level, ..] = *unit
                && let Some(id) = ProfileLevelId::from_bytes([profile, constraints, level])
            {
                parameters.profile_level_id = id;
            }
            let is_set = unit.first().is_some_and(|header| matches!(header & 31, 7 | 8));
            let bytes = parameters.parameter_sets.len() + START_CODE.len() + unit.len();
            if is_set && bytes <= MAX_SET_BYTES {
                parameters.parameter_sets.extend(START_CODE);
                parameters.parameter_sets.extend_from_slice(unit);
            }
        }
        parameters
    }

    /// Reads the parameters of a payload type; without a line, the defaults.
    ///
    /// # Errors
    /// Returns [`UnsupportedParameter`] for mode 2, an unknown profile or level, or malformed parameter
    /// sets.
    pub fn parse(fmtp: Option<&Fmtp>) -> Result<Self, UnsupportedParameter> {
        let get = |name| fmtp.and_then(|fmtp| fmtp.get(name));
        let packetization_mode = match get("packetization-mode") {
            None | Some("0") => PacketizationMode::SingleNalUnit,
            Some("1") => PacketizationMode::NonInterleaved,
            Some(other) => {
                let other = other.chars().take(32).collect();
                return Err(UnsupportedParameter::PacketizationMode(other));
            }
        };
        let id = get("profile-level-id").map(str::parse).transpose();
        Ok(Self {
            profile_level_id: id.map_err(UnsupportedParameter::ProfileLevelId)?.unwrap_or_default(),
            packetization_mode,
            level_asymmetry_allowed: get("level-asymmetry-allowed") == Some("1"),
            parameter_sets: parse_sets(get("sprop-parameter-sets").unwrap_or_default())
                .ok_or(UnsupportedParameter::ParameterSets)?,
        })
    }

    /// Writes the parameters of a payload type.
    ///
    /// ```
    /// use codec_rtc::packet::h264::ProfileLevelId;
    /// use codec_rtc::sdp::h264::FormatParameters;
    ///
    /// let fmtp = FormatParameters::webrtc(ProfileLevelId::default()).to_fmtp(102);
    /// assert_eq!(
    ///     fmtp.params,
    ///     "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    /// );
    /// ```
    #[must_use]
    pub fn to_fmtp(&self, payload_type: u8) -> Fmtp {
        let mut params = String::new();
        if self.level_asymmetry_allowed {
            params.push_str("level-asymmetry-allowed=1;");
        }
        let mode = self.packetization_mode.number();
        params.push_str(&format!(
            "packetization-mode={mode};profile-level-id={}",
            self.profile_level_id
        ));
        let sets: Vec<String> = Units::new(&self.parameter_sets).map(base64::encode).collect();
        if !sets.is_empty() {
            params.push_str(";sprop-parameter-sets=");
            params.push_str(&sets.join(","));
        }
        Fmtp { payload_type, params }
    }

    /// Returns the answer to an offer, if `self` is supported here: the same profile and
    /// packetization mode. The level is our own if both sides allow asymmetry, otherwise the lower
    /// one. `None` if the two do not match.
    #[must_use]
    pub fn negotiate(&self, offer: &Self) -> Option<Self> {
        let (ours, theirs) = (self.profile_level_id, offer.profile_level_id);
        if ours.profile != theirs.profile || self.packetization_mode != offer.packetization_mode {
            return None;
        }
        let level_asymmetry_allowed = self.level_asymmetry_allowed && offer.level_asymmetry_allowed;
        let level = if level_asymmetry_allowed { ours.level } else { ours.level.min(theirs.level) };
        let profile_level_id = ProfileLevelId { level, ..ours };
        Some(Self { profile_level_id, level_asymmetry_allowed, ..self.clone() })
    }

    /// The parameter sets, for a receiver.
    #[must_use]
    pub fn known_sets(&self) -> ParameterSets {
        ParameterSets::signalled(&self.parameter_sets)
    }
}

/// Reads parameter sets in base64, separated by commas, into the byte stream format.
fn parse_sets(text: &str) -> Option<Vec<u8>> {
    let mut stream = Vec::new();
    for set in text.split(',').map(str::trim).filter(|set| !set.is_empty()) {
        if set.len() > 2 * MAX_SET_BYTES {
            return None;
        }
        stream.extend(START_CODE);
        stream.extend(base64::decode(set)?);
        if stream.len() > MAX_SET_BYTES {
            return None;
        }
    }
    Some(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fmtp(params: &str) -> Fmtp {
        Fmtp { payload_type: 102, params: params.to_owned() }
    }

    fn parse(params: &str) -> Result<FormatParameters, UnsupportedParameter> {
        FormatParameters::parse(Some(&fmtp(params)))
    }

    #[test]
    fn parameters_are_read_back() {
        let text = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c1f";
        let found = parse(text).unwrap();
        assert_eq!(found, FormatParameters::webrtc("640c1f".parse().unwrap()));
        assert_eq!(found.to_fmtp(102), fmtp(text));
        // As ffmpeg writes them.
        let text =
            "packetization-mode=1; sprop-parameter-sets=Z0LAH9o=,aM44gA==; profile-level-id=42C01F";
        let found = parse(text).unwrap();
        let sets = [0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];
        assert_eq!(found.parameter_sets, sets);
        assert_eq!(FormatParameters::parse(Some(&found.to_fmtp(96))), Ok(found.clone()));
        let mode = PacketizationMode::NonInterleaved;
        assert_eq!(FormatParameters::of_stream(&sets, mode), found);
    }

    #[test]
    fn missing_parameters_have_defaults() {
        let found = FormatParameters::parse(None).unwrap();
        assert_eq!(found, FormatParameters::default());
        assert_eq!(found.packetization_mode, PacketizationMode::SingleNalUnit);
        assert_eq!(parse("max-fs=3600"), Ok(found));
    }

    #[test]
    fn unsupported_parameters_are_rejected_by_name() {
        for (params, part) in [
            ("packetization-mode=2", "interleaved"),
            ("packetization-mode=x", "expected 0 or 1"),
            ("profile-level-id=ffffff", "profile-level-id \"ffffff\""),
            ("sprop-parameter-sets=Z0LA*", "sprop-parameter-sets"),
        ] {
            let text = parse(params).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        }
        let long = format!("sprop-parameter-sets={}", "AAAA".repeat(MAX_SET_BYTES));
        assert_eq!(parse(&long), Err(UnsupportedParameter::ParameterSets));
    }

    #[test]
    fn answers_have_the_same_profile_and_mode() {
        let ours = |asymmetry, id: &str| FormatParameters {
            level_asymmetry_allowed: asymmetry,
            ..FormatParameters::webrtc(id.parse().unwrap())
        };
        let level = |ours: &FormatParameters, offer: &FormatParameters| {
            ours.negotiate(offer).map(|it| it.profile_level_id.to_string())
        };
        let (both, none) = (ours(true, "42e01f"), ours(false, "42e01f"));
        assert_eq!(level(&both, &ours(true, "42c00d")).as_deref(), Some("42e01f"));
        assert_eq!(level(&both, &ours(false, "42c00d")).as_deref(), Some("42e00d"));
        assert_eq!(level(&none, &ours(true, "4d8034")).as_deref(), Some("42e01f"));
        assert_eq!(level(&both, &ours(true, "42001f")), None, "Baseline");
        let single = FormatParameters {
            packetization_mode: PacketizationMode::SingleNalUnit,
            ..both.clone()
        };
        assert_eq!(level(&both, &single), None);
    }
}
