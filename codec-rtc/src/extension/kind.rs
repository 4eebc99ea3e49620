//! Supported header extensions, their URIs in SDP, and the mapping from ids.

/// A header extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ExtensionKind {
    /// Transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportSequence,
    /// Absolute send time.
    AbsSendTime,
    /// Absolute capture time.
    AbsCaptureTime,
    /// Audio level of the packet (RFC 6464).
    AudioLevel,
    /// Audio levels of the contributing sources (RFC 6465).
    CsrcAudioLevels,
    /// Coordination of video orientation (3GPP TS 26.114, 7.4.5).
    VideoOrientation,
    /// Playout delay limits.
    PlayoutDelay,
    /// Media identification, MID (RFC 9143, section 15.2).
    Mid,
    /// RTP stream id, RID (RFC 8852).
    Rid,
    /// RID of the repaired stream (RFC 8852).
    RepairedRid,
    /// Dependency Descriptor (RTP Payload Format For AV1, annex A).
    DependencyDescriptor,
}

/// Number of kinds.
const KINDS: usize = 11;

impl ExtensionKind {
    /// All kinds.
    pub const ALL: [Self; KINDS] = [
        Self::TransportSequence,
        Self::AbsSendTime,
        Self::AbsCaptureTime,
        Self::AudioLevel,
        Self::CsrcAudioLevels,
        Self::VideoOrientation,
        Self::PlayoutDelay,
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::DependencyDescriptor,
    ];

    /// URI in `a=extmap`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::TransportSequence => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::CsrcAudioLevels => "urn:ietf:params:rtp-hdrext:csrc-audio-level",
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }

    /// Returns the kind with this URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// Mapping between extension ids and kinds, as negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionMap {
    /// Indexed by [`ExtensionKind::index`]; 0 if the kind has no id.
    ids: [u8; KINDS],
}

impl Default for ExtensionMap {
    /// Default ids, used unless others are negotiated.
    fn default() -> Self {
        let mut map = Self::EMPTY;
        for (id, kind) in [
            (1, ExtensionKind::TransportSequence),
            (2, ExtensionKind::AbsSendTime),
            (3, ExtensionKind::AbsCaptureTime),
            (4, ExtensionKind::Mid),
            (5, ExtensionKind::AudioLevel),
            (6, ExtensionKind::VideoOrientation),
            (7, ExtensionKind::PlayoutDelay),
            (8, ExtensionKind::DependencyDescriptor),
            (10, ExtensionKind::Rid),
            (11, ExtensionKind::RepairedRid),
        ] {
            map.insert(id, kind);
        }
        map
    }
}

impl ExtensionMap {
    /// The empty mapping.
    pub const EMPTY: Self = Self { ids: [0; KINDS] };

    /// Maps `id` to `kind`, replacing earlier mappings of either. Returns `false` if `id` is 0,
    /// which is reserved.
    pub fn insert(&mut self, id: u8, kind: ExtensionKind) -> bool {
        if id == 0 {
            return false;
        }
        for other in &mut self.ids {
            if *other == id {
                *other = 0;
            }
        }
        if let Some(place) = self.ids.get_mut(kind.index()) {
            *place = id;
        }
        true
    }

    /// Removes the id of `kind`.
    pub fn remove(&mut self, kind: ExtensionKind) {
        if let Some(place) = self.ids.get_mut(kind.index()) {
            *place = 0;
        }
    }

    /// Returns the id of `kind`, 1..=255.
    #[must_use]
    pub fn id(&self, kind: ExtensionKind) -> Option<u8> {
        self.ids.get(kind.index()).copied().filter(|&id| id != 0)
    }

    /// Returns the kind of `id`.
    #[must_use]
    pub fn kind(&self, id: u8) -> Option<ExtensionKind> {
        ExtensionKind::ALL.into_iter().find(|&kind| self.id(kind) == Some(id))
    }

    /// Iterates over all pairs, ordered by kind.
    pub fn iter(&self) -> impl Iterator<Item = (u8, ExtensionKind)> + '_ {
        ExtensionKind::ALL.into_iter().filter_map(|kind| Some((self.id(kind)?, kind)))
    }
}

impl FromIterator<(u8, ExtensionKind)> for ExtensionMap {
    fn from_iter<T: IntoIterator<Item = (u8, ExtensionKind)>>(pairs: T) -> Self {
        let mut map = Self::EMPTY;
        for (id, kind) in pairs {
            map.insert(id, kind);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_unique_uri() {
        for (index, kind) in ExtensionKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), index);
            assert_eq!(ExtensionKind::from_uri(kind.uri()), Some(kind));
        }
        assert_eq!(ExtensionKind::from_uri("urn:ietf:params:rtp-hdrext:toffset"), None);
    }

    #[test]
    fn ids_and_kinds_map_one_to_one() {
        let mut map = ExtensionMap::default();
        assert_eq!(map.kind(1), Some(ExtensionKind::TransportSequence));
        assert!(map.insert(1, ExtensionKind::Mid));
        assert_eq!(
            (map.id(ExtensionKind::Mid), map.id(ExtensionKind::TransportSequence)),
            (Some(1), None)
        );
        assert_eq!((map.kind(1), map.kind(4)), (Some(ExtensionKind::Mid), None));
        assert!(!map.insert(0, ExtensionKind::Rid));
        assert_eq!(map.kind(0), None);
        map.remove(ExtensionKind::Mid);
        assert_eq!(map.kind(1), None);
        assert_eq!(map.iter().collect::<ExtensionMap>(), map);
    }
}
