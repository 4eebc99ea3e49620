//! Sequence numbers and timestamps of forwarded audio, and which viewers get it.

use super::*;
use crate::rtp::Header;

const OUTPUT: OutputConfig =
    OutputConfig { ssrc: 9, payload_type: 111, first_sequence: 65_533, clock_hz: 48_000 };

fn person(number: u64) -> ParticipantId {
    ParticipantId(number)
}

fn packet(ssrc: u32, number: u16) -> Vec<u8> {
    let timestamp = u32::from(number) * 960;
    let mut data = Vec::new();
    let header = Header { sequence: number, timestamp, ssrc, ..Header::default() };
    rtp::write(&header, &mut data);
    data.extend([1, 2, 3]);
    data
}

fn drain(audio: &mut AudioForwarder) -> Vec<(u64, Header)> {
    let mut sent = Vec::new();
    while let Some(packet) = audio.poll_transmit() {
        sent.push((packet.viewer.0, rtp::parse(&packet.data).unwrap().header));
    }
    sent
}

fn room(people: u64) -> AudioForwarder {
    let mut audio = AudioForwarder::new(SpeakersConfig::default());
    for publisher in 0..people {
        audio.add_publisher(person(publisher), Format::Opus);
    }
    for viewer in 0..people {
        for publisher in (0..people).filter(|it| *it != viewer) {
            assert!(audio.subscribe(person(viewer), person(publisher), OUTPUT));
        }
    }
    audio
}

#[test]
fn ten_people_cost_at_most_four_streams_each() {
    let mut audio = room(10);
    let mut sent = 0;
    for number in 0..500_u16 {
        let now = Duration::from_millis(20 * u64::from(number));
        for publisher in 0..10 {
            let dbov = u8::try_from(20 + 2 * publisher).unwrap();
            let level = AudioLevel { dbov, voice: true };
            let data = packet(u32::try_from(publisher).unwrap(), number);
            audio.handle_packet(now, person(publisher), Some(level), &data).unwrap();
        }
        sent = drain(&mut audio).len();
        assert!(sent <= 4 * 9, "{sent} packets");
    }
    assert!(sent >= 3 * 9, "{sent} packets");
}

#[test]
fn silence_leaves_no_gap_and_speech_after_it_has_the_marker() {
    let mut audio = room(2);
    let mut headers = Vec::new();
    for number in 0..40_u16 {
        let now = Duration::from_millis(20 * u64::from(number));
        let dbov = if (10..30).contains(&number) { 127 } else { 20 };
        let level = AudioLevel { dbov, voice: dbov < 100 };
        audio.handle_packet(now, person(0), Some(level), &packet(4, number)).unwrap();
        headers.extend(drain(&mut audio).into_iter().map(|it| it.1));
    }
    // Ten of speech, three of silence, ten of speech.
    assert_eq!(headers.len(), 23);
    let first = headers[0].sequence;
    for (index, header) in headers.iter().enumerate() {
        let step = u16::try_from(index).unwrap();
        assert_eq!(header.sequence, first.wrapping_add(step));
        assert_eq!(header.marker, index == 13);
    }
    assert_eq!(headers[13].timestamp.wrapping_sub(headers[12].timestamp), 18 * 960);
}

#[test]
fn numbers_continue_if_a_publisher_reloads() {
    let mut audio = room(2);
    let mut headers = Vec::new();
    for (ssrc, number, at) in [(4, 100, 0), (4, 101, 20), (5, 7000, 3020), (5, 7001, 3040)] {
        let now = Duration::from_millis(at);
        audio.handle_packet(now, person(0), None, &packet(ssrc, number)).unwrap();
        headers.extend(drain(&mut audio).into_iter().map(|it| it.1));
    }
    let sequences: Vec<u16> = headers.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, [65_533, 65_534, 65_535, 0]);
    assert_eq!(headers[2].timestamp.wrapping_sub(headers[1].timestamp), 3 * 48_000);
}

#[test]
fn a_removed_participant_gets_nothing_and_output_is_bounded() {
    let mut audio = room(3);
    audio.handle_packet(Duration::ZERO, person(0), None, &packet(4, 1)).unwrap();
    audio.remove(person(1));
    assert_eq!(drain(&mut audio).iter().map(|it| it.0).collect::<Vec<_>>(), [2]);
    assert!(audio.handle_packet(Duration::ZERO, person(0), None, &[0x80; 3]).is_err());
    assert!(audio.handle_packet(Duration::ZERO, person(9), None, &[]).is_ok());
    for number in 0..40_000_u32 {
        let number = u16::try_from(number % 65_536).unwrap();
        audio.handle_packet(Duration::ZERO, person(0), None, &packet(4, number)).unwrap();
    }
    assert_eq!(audio.output.len(), MAX_OUTPUT);
    assert!(audio.overflowed() > 0);
}
