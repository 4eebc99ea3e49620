//! Header extensions negotiated by a peer, and their conversion from and to the types of str0m.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_audio::level::AudioLevel;
use str0m::media::MediaTime;
use str0m::rtp::{
    Extension, ExtensionMap, ExtensionSerializer, ExtensionValues, VideoOrientation as Turned,
};

use codec_rtc::extension::{
    AbsCaptureTime, ExtensionKind, ExtensionMap as Ids, Extensions, PlayoutDelay, VideoOrientation,
};

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
/// Maximum size of a sent Dependency Descriptor in bytes.
pub(super) const MAX_DEPENDENCY_BYTES: usize = 200;

/// Offered header extensions with their default ids.
pub(super) fn offered() -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(1, Extension::TransportSequenceNumber);
    map.set(2, Extension::AbsoluteSendTime);
    map.set(3, Extension::AbsoluteCaptureTime);
    map.set(4, Extension::RtpMid);
    map.set(5, Extension::AudioLevel);
    map.set(6, Extension::VideoOrientation);
    map.set(7, Extension::PlayoutDelay);
    map.set(8, dependency());
    map.set(10, Extension::RtpStreamId);
    map.set(11, Extension::RepairedRtpStreamId);
    map
}

/// The Dependency Descriptor.
pub(super) fn dependency() -> Extension {
    Extension::with_serializer(ExtensionKind::DependencyDescriptor.uri(), Dependency)
}

/// A Dependency Descriptor as custom extension value of str0m.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Raw(Vec<u8>);

#[derive(Debug)]
struct Dependency;

impl ExtensionSerializer for Dependency {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(Raw(bytes)) = values.user_values.get() else { return 0 };
        let Some(room) = buf.get_mut(..bytes.len()) else { return 0 };
        room.copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Raw(buf.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    /// The one-byte form allows at most 16 bytes (RFC 8285, section 4.2).
    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get().is_some_and(|Raw(bytes)| bytes.len() > 16)
    }
}

/// The negotiated ids of a media section, for sending.
pub(super) fn negotiated(map: &ExtensionMap) -> Ids {
    let kinds = [
        (Extension::TransportSequenceNumber, ExtensionKind::TransportSequence),
        (Extension::AbsoluteSendTime, ExtensionKind::AbsSendTime),
        (Extension::AbsoluteCaptureTime, ExtensionKind::AbsCaptureTime),
        (Extension::RtpMid, ExtensionKind::Mid),
        (Extension::RtpStreamId, ExtensionKind::Rid),
        (Extension::RepairedRtpStreamId, ExtensionKind::RepairedRid),
        (Extension::AudioLevel, ExtensionKind::AudioLevel),
        (Extension::VideoOrientation, ExtensionKind::VideoOrientation),
        (Extension::PlayoutDelay, ExtensionKind::PlayoutDelay),
        (dependency(), ExtensionKind::DependencyDescriptor),
    ];
    kinds.into_iter().filter_map(|(theirs, ours)| Some((map.id_of(theirs)?, ours))).collect()
}

/// Converts received extensions, except MID, RID and send time.
pub(super) fn from_stack(values: &ExtensionValues) -> Extensions {
    let delay = |time: MediaTime| Duration::from_micros(time.as_micros());
    let delays = values.play_delay_min.zip(values.play_delay_max);
    Extensions {
        abs_capture_time: values.abs_capture_time.map(|time| AbsCaptureTime {
            ntp: ntp(time.capture_time),
            clock_offset: time.clock_offset,
        }),
        audio_level: values.audio_level.map(|level| AudioLevel {
            dbov: level.unsigned_abs().min(127),
            voice: values.voice_activity == Some(true),
        }),
        video_orientation: values.video_orientation.map(|turned| VideoOrientation {
            clockwise_quarters: match turned {
                Turned::Deg0 => 0,
                Turned::Deg270 => 1,
                Turned::Deg180 => 2,
                Turned::Deg90 => 3,
            },
            ..VideoOrientation::default()
        }),
        playout_delay: delays.map(|(min, max)| PlayoutDelay { min: delay(min), max: delay(max) }),
        dependency: values.user_values.get().map(|Raw(bytes)| bytes.clone()),
        transport_sequence: values.transport_cc,
        ..Extensions::default()
    }
}

/// Converts a system time to NTP; 0 before 1970.
pub(super) fn ntp(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().wrapping_add(NTP_TO_UNIX) & 0xffff_ffff;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Converts an NTP time before 2036; `None` before 1970.
    fn system_time(ntp: u64) -> Option<SystemTime> {
        let seconds = (ntp >> 32).checked_sub(NTP_TO_UNIX)?;
        let nanos = ((ntp & 0xffff_ffff) * 1_000_000_000).div_ceil(1 << 32);
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds) + Duration::from_nanos(nanos))
    }

    #[test]
    fn ntp_times_round_trip_to_the_nanosecond() {
        for ntp_time in [2_208_988_800 << 32, (4_102_444_800 << 32) | 0x1234_5678] {
            let back = ntp(system_time(ntp_time).unwrap());
            assert!(back.abs_diff(ntp_time) < 8, "{ntp_time:x} {back:x}");
        }
        assert_eq!(system_time(0), None);
    }
}
