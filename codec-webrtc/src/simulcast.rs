//! Sending of simulcast layers: offers, and the layers that an answer accepts. RFC 8853, RFC 8851.

use codec_rtc::extension::Label;
use str0m::media::{Rid, Simulcast, SimulcastLayer};

use super::red::sections;
use super::{Kind, MediaPlan, Mid, SdpError};

/// Maximum number of layers of a media section.
pub(super) const MAX_LAYERS: usize = 3;
/// Maximum length of a RID, a limit of str0m.
const MAX_RID_BYTES: usize = 8;
/// Attribute that lists the layers.
const SIMULCAST: &str = "a=simulcast:";

/// A sent stream: a media section, or one of its simulcast layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SentStream {
    /// Media section.
    pub mid: Mid,
    /// Simulcast layer (RFC 8852); `None` if the section has none.
    pub rid: Option<Label>,
}

impl From<Mid> for SentStream {
    fn from(mid: Mid) -> Self {
        Self { mid, rid: None }
    }
}

impl SentStream {
    /// The layer for str0m.
    pub(super) fn stack_rid(self) -> Option<Rid> {
        self.rid.map(|rid| Rid::from(rid.as_str()))
    }
}

/// Converts a RID of str0m.
pub(super) fn label(rid: Option<Rid>) -> Option<Label> {
    rid.and_then(|rid| Label::from_bytes(rid.as_bytes()))
}

/// Checks the layers of the planned media sections.
///
/// # Errors
/// [`SdpError::Rejected`] for layers of a section that is not sent video, for more than [`MAX_LAYERS`], and for RIDs that are
/// equal, too long or not alphanumeric.
pub(super) fn check(media: &[MediaPlan]) -> Result<(), SdpError> {
    let wrong = |why: String| Err(SdpError::Rejected(format!("invalid simulcast layers: {why}")));
    for plan in media.iter().filter(|plan| !plan.layers.is_empty()) {
        let layers = &plan.layers;
        if plan.kind != Kind::Video || !plan.direction.sends() {
            return wrong("expected a media section that sends video".to_owned());
        }
        if layers.len() > MAX_LAYERS {
            return wrong(format!("got {}, expected at most {MAX_LAYERS}", layers.len()));
        }
        for (at, rid) in layers.iter().enumerate() {
            let bytes = rid.as_bytes();
            let is_valid =
                bytes.len() <= MAX_RID_BYTES && bytes.iter().all(u8::is_ascii_alphanumeric);
            if !is_valid || layers[..at].contains(rid) {
                let expected = format!("1 to {MAX_RID_BYTES} letters and digits, each RID once");
                return wrong(format!("got RID {rid}, expected {expected}"));
            }
        }
    }
    Ok(())
}

/// The layers of an offered media section for str0m; `None` without layers.
pub(super) fn to_stack(layers: &[Label]) -> Option<Simulcast> {
    let mut simulcast = Simulcast::new();
    for rid in layers {
        simulcast.add_send_layer(SimulcastLayer::new(rid.as_str()));
    }
    (!layers.is_empty()).then_some(simulcast)
}

/// Removes the SSRCs of sections with layers from an offer, as in the offers of browsers: receivers find the layers by their
/// RIDs, and some take sections with both for streams without layers.
pub(super) fn without_ssrcs(offer: &str) -> String {
    let mut out = String::with_capacity(offer.len());
    for section in sections(offer) {
        let has_layers = section.iter().any(|line| line.starts_with(SIMULCAST));
        let is_ssrc = |line: &str| line.starts_with("a=ssrc:") || line.starts_with("a=ssrc-group:");
        for line in section.into_iter().filter(|line| !has_layers || !is_ssrc(line)) {
            out.push_str(line);
            out.push_str("\r\n");
        }
    }
    out
}

/// The layers of a media section that an answer accepts, in the order of the offer; empty if it accepts one stream without layers.
/// Layers that it accepts as paused (`~`) are not sent, because nothing could resume them.
///
/// # Errors
/// [`SdpError::Rejected`] if it accepts a layer that was not offered, or only paused ones.
pub(super) fn accepted(answer: &str, mid: Mid, offered: &[Label]) -> Result<Vec<Label>, SdpError> {
    let mid = mid.to_string();
    let sections = sections(answer);
    let section = sections.iter().find(|section| {
        let mut mids = section.iter().filter_map(|line| line.strip_prefix("a=mid:"));
        mids.any(|value| value.trim() == mid)
    });
    let line = section.into_iter().flatten().find_map(|line| line.strip_prefix(SIMULCAST));
    let Some(line) = line else { return Ok(Vec::new()) };
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let received = words.windows(2).find_map(|pair| (pair[0] == "recv").then_some(pair[1]));
    let mut taken = Vec::new();
    // Alternatives of a layer are separated by commas; the first one is used.
    let layers = received.unwrap_or_default().split(';').filter(|layer| !layer.is_empty());
    for layer in layers.filter_map(|layer| layer.split(',').next()) {
        let rid = Label::new(layer.trim_start_matches('~'));
        let Some(rid) = rid.filter(|rid| offered.contains(rid)) else {
            let why = format!("got simulcast layer {layer}, which was not offered");
            return Err(SdpError::Rejected(why));
        };
        if !layer.starts_with('~') {
            taken.push(rid);
        }
    }
    if taken.is_empty() {
        return Err(SdpError::Rejected("got no simulcast layer that may be sent".to_owned()));
    }
    Ok(offered.iter().copied().filter(|rid| taken.contains(rid)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Direction;
    use super::*;

    fn rids(names: &[&str]) -> Vec<Label> {
        names.iter().map(|name| Label::new(name).unwrap()).collect()
    }

    fn plan(layers: &[&str]) -> MediaPlan {
        let direction = Direction::SendOnly;
        MediaPlan { kind: Kind::Video, direction, stream: None, layers: rids(layers) }
    }

    #[test]
    fn layers_are_accepted_in_the_order_of_the_offer() {
        let offered = rids(&["q", "h", "f"]);
        let of = |line: &str| {
            let answer =
                format!("v=0\r\nm=audio 9 x 1\r\na=mid:0\r\nm=video 9 x 2\r\na=mid:1\r\n{line}");
            accepted(&answer, Mid::new("1"), &offered).map_err(|error| error.to_string())
        };
        assert_eq!(of("a=simulcast:recv f;q,h\r\n").unwrap(), rids(&["q", "f"]));
        assert_eq!(of("a=simulcast:send x recv h;~f\r\n").unwrap(), rids(&["h"]));
        assert_eq!(of("a=rid:q recv\r\n").unwrap(), []);
        assert!(of("a=simulcast:recv q;z\r\n").unwrap_err().contains("layer z, which was not"));
        assert!(of("a=simulcast:recv ~q\r\n").unwrap_err().contains("no simulcast layer"));
        assert!(of("a=simulcast:recv\r\n").unwrap_err().contains("no simulcast layer"));
        let other = accepted("m=video 9 x 2\r\na=mid:2\r\n", Mid::new("1"), &offered);
        assert_eq!(other.unwrap(), []);
    }

    #[test]
    fn invalid_layers_are_rejected_before_the_offer() {
        assert!(check(&[plan(&[]), plan(&["q", "h", "f"])]).is_ok());
        let four = ["a", "b", "c", "d"];
        for wrong in [&["q", "q"][..], &["a-b"], &["longer678"], &four] {
            let error = check(&[plan(wrong)]).unwrap_err().to_string();
            assert!(error.contains("invalid simulcast layers"), "{error}");
        }
        let received = MediaPlan { direction: Direction::ReceiveOnly, ..plan(&["q"]) };
        let audio = MediaPlan { kind: Kind::Audio, ..plan(&["q"]) };
        assert!(check(&[received]).is_err() && check(&[audio]).is_err());
    }

    #[test]
    fn ssrcs_are_removed_from_sections_with_layers_only() {
        let audio = "m=audio 9 x 1\r\na=ssrc:1 cname:a\r\n";
        let video = "m=video 9 x 2\r\na=simulcast:send q;h\r\n";
        let ssrcs = "a=ssrc:2 cname:a\r\na=ssrc-group:FID 2 3\r\n";
        let offer = format!("v=0\r\n{audio}{video}{ssrcs}");
        assert_eq!(without_ssrcs(&offer), format!("v=0\r\n{audio}{video}"));
    }
}
