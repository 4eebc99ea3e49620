//! Profile of VP9 in offers and answers (RFC 9628, section 6.1): profile 0, which is also the default
//! if a payload type has no `profile-id`.

use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Pt};

/// Payload types offered for VP9 and its RTX.
const OFFERED: (u8, u8) = (114, 115);

/// Adds the payload type to the configuration of the stack.
pub(super) fn add_to(stack: &mut CodecConfig) {
    let [payload_type, rtx] = [OFFERED.0, OFFERED.1].map(Pt::new_with_value);
    let format = FormatParams { profile_id: Some(0), ..FormatParams::default() };
    stack.add_config(payload_type, Some(rtx), Codec::Vp9, Frequency::NINETY_KHZ, None, format);
}

/// Whether an encoding of `a=rtpmap` is VP9.
pub(super) fn is_vp9(encoding: &str) -> bool {
    encoding.trim().eq_ignore_ascii_case("VP9/90000")
}

/// Whether a payload type is of profile 0.
pub(super) fn has_profile_0(section: &[&str], payload_type: &str) -> bool {
    let parameters = section.iter().find_map(|line| {
        let (of, parameters) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
        (of == payload_type).then_some(parameters)
    });
    let mut fields = parameters.unwrap_or_default().split(';').map(str::trim);
    fields
        .find_map(|field| {
            let (name, value) = field.split_once('=')?;
            name.trim().eq_ignore_ascii_case("profile-id").then_some(value.trim() == "0")
        })
        .unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_0_is_stated_or_assumed() {
        let section = [
            "m=video 9 UDP/TLS/RTP/SAVPF 98 100 101",
            "a=rtpmap:98 VP9/90000",
            "a=fmtp:98 profile-id=0",
            "a=rtpmap:100 VP9/90000",
            "a=fmtp:100 max-fr=60; profile-id=2",
            "a=rtpmap:101 VP9/90000",
            "a=fmtp:101 max-fs=12288;max-fr=60",
        ];
        let has = |payload_type| has_profile_0(&section, payload_type);
        assert!(has("98") && !has("100") && has("101") && has("102"));
        assert!(is_vp9("vp9/90000") && !is_vp9("VP8/90000"));
    }
}
