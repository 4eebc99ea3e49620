//! A member of a conference.

use std::sync::Arc;
use std::time::Duration;

use codec_rtc::room::StreamId;
use codec_webrtc::{Kind, Media, Mid};

use super::super::limits::Limits;
use super::super::token_bucket::TokenBucket;
use super::audio_slot::AudioSlot;
use super::origin::Origin;
use super::person::Person;
use super::publishing::{Published, Source};
use super::video_slot::VideoSlot;
use super::view_request::ViewRequest;

/// Maximum number of characters of a name.
pub(super) const MAX_NAME_CHARS: usize = 60;
/// Maximum rate at which a member starts sources, after a burst of four.
const BEGINNINGS_PER_SECOND: u64 = 1;
/// Maximum number of requests of a member for earlier messages, per second.
pub(super) const HISTORIES_PER_SECOND: u64 = 4;
/// Maximum number of files of a member per second, after a burst of ten seconds.
pub(super) const FILES_PER_SECOND: u64 = 1;
/// Maximum number of bytes of files of a member per second, after a burst of a minute.
pub(super) const FILE_BYTES_PER_SECOND: u64 = 4 << 20;
/// Name of a member that has not said its name.
const GUEST: &str = "Guest";

/// The person who joins, and the claims of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Invitation {
    /// The person who joins. The devices of a person have one seat.
    pub(in super::super) person: Person,
    /// Whether it may mute and remove others.
    pub(in super::super) moderates: bool,
    /// The subject of its token.
    pub(in super::super) subject: Option<Arc<str>>,
    /// The person's name, which the member cannot change.
    pub(in super::super) name: Option<Arc<str>>,
}

/// See the [module](self).
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) has_fixed_name: bool,
    pub(super) subject: Option<Arc<str>>,
    pub(super) person: Person,
    /// Number of its person: all its devices have the same.
    pub(super) seat: u64,
    /// Whether it may mute and remove others.
    pub(super) moderates: bool,
    /// What it has switched off.
    pub(super) is_muted: bool,
    pub(super) is_camera_off: bool,
    pub(super) is_sharing: bool,
    /// Sections on which it sends: camera, then screen.
    sent_video: Vec<Media>,
    sent_audio: Option<Mid>,
    pub(super) camera: Option<Published>,
    pub(super) screen: Option<Published>,
    /// Limits how often its sources begin.
    beginnings: TokenBucket,
    pub(super) has_audio: bool,
    /// SSRC of its audio on links to other nodes.
    pub(super) audio_ssrc: Option<u32>,
    /// Node at which it is connected, if it is another node.
    pub(super) origin: Option<Origin>,
    /// Whether its control channel has opened.
    pub(super) is_greeted: bool,
    /// Whether it is the active device of its person, and the number of that person's devices, as last sent to it.
    pub(super) told_device: Option<(bool, usize)>,
    /// Limits of its messages, files, and requests for earlier messages.
    pub(super) messages: TokenBucket,
    pub(super) files: TokenBucket,
    pub(super) file_bytes: TokenBucket,
    pub(super) histories: TokenBucket,
    /// Digest of the last file that it offered.
    pub(super) last_offer: Option<String>,
    /// Sections on which it receives.
    pub(super) video: Vec<VideoSlot>,
    pub(super) audio: Vec<AudioSlot>,
    pub(super) view_request: ViewRequest,
}

impl Member {
    pub(super) fn new(invitation: Invitation, seat: u64, limits: &Limits) -> Self {
        let Invitation { person, moderates, subject, name } = invitation;
        Self {
            name: cleaned(name.as_deref().unwrap_or_default()),
            has_fixed_name: name.is_some(),
            subject,
            person,
            seat,
            moderates,
            is_muted: false,
            is_camera_off: false,
            is_sharing: false,
            sent_video: Vec::new(),
            sent_audio: None,
            camera: None,
            screen: None,
            beginnings: TokenBucket::over(BEGINNINGS_PER_SECOND, 4),
            has_audio: false,
            audio_ssrc: None,
            origin: None,
            is_greeted: false,
            told_device: None,
            messages: TokenBucket::over(limits.room_messages_per_second.into(), 10),
            files: TokenBucket::over(FILES_PER_SECOND, 10),
            file_bytes: TokenBucket::over(FILE_BYTES_PER_SECOND, 60),
            histories: TokenBucket::over(HISTORIES_PER_SECOND, 10),
            last_offer: None,
            video: Vec::new(),
            audio: Vec::new(),
            view_request: ViewRequest::default(),
        }
    }

    /// Adds a media section, in the order of the offer.
    pub(super) fn add_section(&mut self, media: &Media) {
        if media.direction.receives() {
            match media.kind {
                Kind::Video => self.sent_video.push(media.clone()),
                Kind::Audio => _ = self.sent_audio.get_or_insert(media.mid),
            }
        }
        if media.direction.sends() {
            match media.kind {
                Kind::Video => self.video.push(VideoSlot::new(media.clone())),
                Kind::Audio => self.audio.push(AudioSlot::new(media.clone())),
            }
        }
    }

    /// Whether the rate limit allows the member to begin a source now.
    pub(super) fn begin_source(&mut self, now: Duration) -> bool {
        self.beginnings.take(now, 1)
    }

    /// The source of video that is sent on a section.
    pub(super) fn source(&self, mid: Mid) -> Option<(Source, &Media)> {
        let mut sources = [Source::Camera, Source::Screen].into_iter().zip(&self.sent_video);
        sources.find(|(_, media)| media.mid == mid)
    }

    /// Whether audio is sent on a section.
    pub(super) fn is_audio(&self, mid: Mid) -> bool {
        self.sent_audio == Some(mid)
    }

    /// Sets the name, unless the token of the member has one.
    pub(super) fn set_name(&mut self, name: &str) {
        if !self.has_fixed_name {
            self.name = cleaned(name);
        }
    }

    /// The source as the member publishes it; `None` if it does not.
    pub(super) fn published(&self, source: Source) -> Option<&Published> {
        match source {
            Source::Camera => self.camera.as_ref(),
            Source::Screen => self.screen.as_ref(),
        }
    }

    /// The source as the member publishes it, to change it.
    pub(super) fn published_mut(&mut self, source: Source) -> &mut Option<Published> {
        match source {
            Source::Camera => &mut self.camera,
            Source::Screen => &mut self.screen,
        }
    }

    /// Whether it sends a source at present.
    pub(super) fn sends(&self, source: Source) -> bool {
        match source {
            Source::Camera => !self.is_camera_off,
            Source::Screen => self.is_sharing,
        }
    }

    /// The section on which it receives a source.
    pub(super) fn slot_of(&self, stream: StreamId) -> Option<&VideoSlot> {
        self.video.iter().find(|slot| slot.source() == Some(stream))
    }
}

/// A name without control characters, if anything remains.
fn cleaned(name: &str) -> String {
    let kept: String = name.chars().filter(|it| !it.is_control()).take(MAX_NAME_CHARS).collect();
    let kept = kept.trim();
    if kept.is_empty() { GUEST.to_owned() } else { kept.to_owned() }
}
