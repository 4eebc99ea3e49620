//! Members of a room, as one node of a cluster describes them to the others.

use codec_core::codec::Bitrate;
use codec_rtc::extension::Label;
use codec_rtc::packet::h264::Profile;
use codec_rtc::room::LayerInfo;
use serde_json::{Value, json};

use super::super::media::VideoCodec;
use super::member::MAX_NAME_CHARS;
use super::person::Person;
use super::publishing::Source;

/// Maximum number of encodings of a source.
const MAX_ENCODINGS: usize = 4;
/// Maximum number of layers of an encoding.
const MAX_LAYERS: usize = 16;
/// Rates and frame rates that differ by less than this share, in percent, count as the same.
const RATE_TOLERANCE: f64 = 0.25;

/// A member that is connected to another node, or one of this node for the others.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct SharedMember {
    /// Its number at its node.
    pub(in super::super) member: u64,
    pub(super) person: Person,
    pub(super) name: String,
    pub(super) is_muted: bool,
    pub(super) is_camera_off: bool,
    pub(super) is_sharing: bool,
    /// SSRC of its audio on links, if it sends some.
    pub(in super::super) audio: Option<u32>,
    pub(in super::super) videos: Vec<SharedVideo>,
}

/// A source of video.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct SharedVideo {
    pub(super) source: Source,
    pub(super) codec: VideoCodec,
    pub(in super::super) encodings: Vec<SharedEncoding>,
}

/// An encoding of a source.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct SharedEncoding {
    /// SSRC on links.
    pub(in super::super) ssrc: u32,
    pub(super) rid: Option<Label>,
    pub(super) layers: Vec<LayerInfo>,
}

impl SharedMember {
    /// Whether two descriptions differ at most in measured rates, and not by much.
    pub(in super::super) fn is_close(&self, other: &Self) -> bool {
        // Every field, so that a new one is not forgotten.
        let Self { member, person, name, is_muted, is_camera_off, is_sharing, audio, videos } =
            self;
        (member, person, name) == (&other.member, &other.person, &other.name)
            && (*is_muted, *is_camera_off) == (other.is_muted, other.is_camera_off)
            && (*is_sharing, *audio) == (other.is_sharing, other.audio)
            && all_close(videos, &other.videos, SharedVideo::is_close)
    }

    /// The description as JSON.
    pub(in super::super) fn json(&self) -> Value {
        json!({
            "member": self.member,
            "person": self.person.id(),
            "name": self.name,
            "muted": self.is_muted,
            "cameraOff": self.is_camera_off,
            "sharing": self.is_sharing,
            "audio": self.audio,
            "videos": self.videos.iter().map(SharedVideo::json).collect::<Vec<_>>(),
        })
    }

    /// Reads what [`Self::json`] wrote; `None` if it is not valid.
    pub(in super::super) fn parse(value: &Value) -> Option<Self> {
        let name: String =
            value.get("name")?.as_str()?.chars().filter(|it| !it.is_control()).collect();
        let videos = value.get("videos")?.as_array()?;
        // A camera and a screen.
        let is_valid = videos.len() <= 2 && name.chars().count() <= MAX_NAME_CHARS;
        let videos = is_valid.then(|| videos.iter().map(SharedVideo::parse).collect())?;
        let videos: Option<Vec<SharedVideo>> = videos;
        let flag = |name| value.get(name).and_then(Value::as_bool);
        Some(Self {
            member: value.get("member")?.as_u64()?,
            person: Person::parse(value.get("person")?.as_str()?)?,
            name,
            is_muted: flag("muted")?,
            is_camera_off: flag("cameraOff")?,
            is_sharing: flag("sharing")?,
            audio: match value.get("audio")? {
                Value::Null => None,
                ssrc => Some(u32::try_from(ssrc.as_u64()?).ok()?),
            },
            videos: videos.filter(|it| match it.as_slice() {
                [one, other] => one.source != other.source,
                _ => true,
            })?,
        })
    }

    /// SSRCs of all its media.
    pub(in super::super) fn ssrcs(&self) -> impl Iterator<Item = u32> {
        let encodings = self.videos.iter().flat_map(|video| &video.encodings);
        encodings.map(|encoding| encoding.ssrc).chain(self.audio)
    }
}

impl SharedVideo {
    fn json(&self) -> Value {
        let codec = match self.codec {
            VideoCodec::H264(profile) => {
                let (idc, iop) = profile.bytes();
                json!(["h264", idc, iop])
            }
            other => json!([other.name()]),
        };
        let encodings: Vec<_> = self.encodings.iter().map(SharedEncoding::json).collect();
        json!({ "source": self.source.name(), "codec": codec, "encodings": encodings })
    }

    fn parse(value: &Value) -> Option<Self> {
        let codec = value.get("codec")?.as_array()?;
        let byte = |index: usize| u8::try_from(codec.get(index)?.as_u64()?).ok();
        let codec = match codec.first()?.as_str()? {
            "vp8" => VideoCodec::Vp8,
            "vp9" => VideoCodec::Vp9,
            "h264" => VideoCodec::H264(Profile::from_bytes(byte(1)?, byte(2)?)?),
            _ => return None,
        };
        let encodings = value.get("encodings")?.as_array()?;
        let encodings = (encodings.len() <= MAX_ENCODINGS)
            .then(|| encodings.iter().map(SharedEncoding::parse).collect::<Option<_>>())??;
        let source = Source::parse(value.get("source")?.as_str()?)?;
        Some(Self { source, codec, encodings })
    }
}

impl SharedEncoding {
    fn json(&self) -> Value {
        let layers = self
            .layers
            .iter()
            .map(|it| json!([it.spatial, it.temporal, it.height, it.frame_rate, it.rate.0]));
        let rid = self.rid.map(|rid| rid.to_string());
        json!({ "ssrc": self.ssrc, "rid": rid, "layers": layers.collect::<Vec<_>>() })
    }

    fn parse(value: &Value) -> Option<Self> {
        let layers = value.get("layers")?.as_array()?;
        let layers = (layers.len() <= MAX_LAYERS)
            .then(|| layers.iter().map(layer).collect::<Option<_>>())??;
        Some(Self {
            ssrc: u32::try_from(value.get("ssrc")?.as_u64()?).ok()?,
            rid: match value.get("rid")? {
                Value::Null => None,
                rid => Some(Label::new(rid.as_str()?)?),
            },
            layers,
        })
    }
}

fn layer(value: &Value) -> Option<LayerInfo> {
    let small = |index: usize| u8::try_from(value.get(index)?.as_u64()?).ok().filter(|it| *it < 8);
    let frame_rate = value.get(3)?.as_f64().filter(|it| (0.0..=1000.0).contains(it))?;
    Some(LayerInfo {
        spatial: small(0)?,
        temporal: small(1)?,
        height: u32::try_from(value.get(2)?.as_u64()?).ok()?,
        frame_rate,
        // Sums of rates must not overflow.
        rate: Bitrate(value.get(4)?.as_u64()?.min(u32::MAX.into())),
    })
}

impl SharedVideo {
    fn is_close(&self, other: &Self) -> bool {
        let Self { source, codec, encodings } = self;
        (source, codec) == (&other.source, &other.codec)
            && all_close(encodings, &other.encodings, SharedEncoding::is_close)
    }
}

impl SharedEncoding {
    fn is_close(&self, other: &Self) -> bool {
        let Self { ssrc, rid, layers } = self;
        (ssrc, rid) == (&other.ssrc, &other.rid) && all_close(layers, &other.layers, is_layer_close)
    }
}

/// Whether two lists have as many members, and these are close in pairs.
fn all_close<T>(ones: &[T], others: &[T], is_close: impl Fn(&T, &T) -> bool) -> bool {
    ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| is_close(one, other))
}

fn is_layer_close(one: &LayerInfo, other: &LayerInfo) -> bool {
    let place = |it: &LayerInfo| (it.spatial, it.temporal, it.height);
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^52")]
    let rate = |it: &LayerInfo| it.rate.0 as f64;
    let near = |one: f64, other: f64| (one - other).abs() <= RATE_TOLERANCE * one.max(other);
    place(one) == place(other)
        && near(one.frame_rate, other.frame_rate)
        && near(rate(one), rate(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> SharedMember {
        let layer = LayerInfo {
            spatial: 0,
            temporal: 2,
            height: 360,
            frame_rate: 30.0,
            rate: Bitrate(500_000),
        };
        let encoding =
            |ssrc, rid| SharedEncoding { ssrc, rid: Label::new(rid), layers: vec![layer] };
        let video = |source, codec| SharedVideo {
            source,
            codec,
            encodings: vec![encoding(8, "l"), encoding(9, "h")],
        };
        SharedMember {
            member: 7,
            person: Person::of("team", "test", "ann"),
            name: "Ann".to_owned(),
            is_muted: true,
            is_camera_off: false,
            is_sharing: true,
            audio: Some(5),
            videos: vec![
                video(Source::Camera, VideoCodec::Vp8),
                video(Source::Screen, VideoCodec::H264(Profile::ConstrainedHigh)),
            ],
        }
    }

    #[test]
    fn descriptions_survive_a_round_trip() {
        let text = member().json().to_string();
        let read = SharedMember::parse(&serde_json::from_str(&text).unwrap());
        assert_eq!(read, Some(member()));
        assert!(member().ssrcs().eq([8, 9, 8, 9, 5]));
    }

    #[test]
    fn damaged_descriptions_are_rejected() {
        type Damage = fn(&mut Value);
        let damages: [Damage; 9] = [
            |it| it["person"] = json!("short"),
            |it| it["member"] = json!(-1),
            |it| it["name"] = json!("x".repeat(61)),
            |it| it["audio"] = json!(1_u64 << 32),
            |it| it["videos"][1]["source"] = json!("camera"),
            |it| it["videos"][0]["codec"] = json!(["av1"]),
            |it| it["videos"][0]["encodings"] = json!(vec![1; 5]),
            |it| it["videos"][0]["encodings"][0]["layers"] = json!(vec![1; 17]),
            |it| it["videos"][0]["encodings"][0]["layers"][0][3] = json!(1e300),
        ];
        for (index, damage) in damages.iter().enumerate() {
            let mut value = member().json();
            damage(&mut value);
            assert_eq!(SharedMember::parse(&value), None, "{index}");
        }
    }

    #[test]
    fn small_changes_of_rates_are_not_reported() {
        let mut other = member();
        other.videos[0].encodings[0].layers[0].rate = Bitrate(550_000);
        assert!(member().is_close(&other));
        other.videos[0].encodings[0].layers[0].rate = Bitrate(1_000_000);
        assert!(!member().is_close(&other));
        other = member();
        other.is_muted = false;
        assert!(!member().is_close(&other));
        other = member();
        other.videos[0].encodings[0].layers.clear();
        assert!(!member().is_close(&other));
    }
}
