//! Timestamps are preserved.

use codec_container::{
    Error, Format, Output, ReadOptions, Source, Track, WriteOptions, create_packets,
};

use super::support::{
    Destination, SharedBuffer, TestPacket, read_all, read_video, read_with, vp8_stream, write_all,
};

fn uneven() -> Vec<TestPacket> {
    let times = [(7, 2), (9, 1), (10, 5), (40, 3), (43, 11)];
    times
        .iter()
        .enumerate()
        .map(|(index, &(pts, duration))| {
            TestPacket::new(index == 0, pts, 20 + index, 5).lasting(duration)
        })
        .collect()
}

#[test]
fn ivf_keeps_times_time_base_and_payload() {
    for to in [Destination::File, Destination::Pipe] {
        let stream = vp8_stream(Format::Ivf, (1001, 30000));
        let (read, packets) = read_video(&write_all(to, &stream, &uneven()));
        assert_eq!(read.time_base, stream.time_base);
        assert_eq!(read.size, stream.size);
        assert_eq!(read.packet_count, (to == Destination::File).then_some(5));
        for (packet, given) in packets.iter().zip(uneven()) {
            assert_eq!((packet.pts, &packet.data), (given.pts, &given.data));
            assert_eq!((packet.key, packet.shown), (given.key, true));
        }
        assert_eq!(packets.len(), 5);
    }
}

#[test]
fn ivf_keeps_times_of_64_bits_and_below_0() {
    let given = [TestPacket::new(true, -3, 9, 1), TestPacket::new(false, 1 << 40, 9, 1)];
    let (_, packets) =
        read_video(&write_all(Destination::File, &vp8_stream(Format::Ivf, (1, 90000)), &given));
    assert_eq!(packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), [-3, 1 << 40]);
}

#[test]
fn webm_keeps_uneven_times_gaps_and_the_last_duration_on_any_time_base() {
    for to in [Destination::File, Destination::Pipe] {
        for time_base in [(1, 1000), (1, 30), (1001, 30000), (1, 90000), (1, 1_000_000)] {
            let stream = vp8_stream(Format::WebM, time_base);
            let (read, packets) = read_video(&write_all(to, &stream, &uneven()));
            // Converts ticks of the file to ticks of the source.
            let back = |ticks: i64| {
                let (num, den) = (read.time_base.num, read.time_base.den);
                let seconds = ticks as f64 * f64::from(num) / f64::from(den);
                (seconds * f64::from(time_base.1) / f64::from(time_base.0)).round() as i64
            };
            let times: Vec<_> = packets.iter().map(|packet| back(packet.pts)).collect();
            assert_eq!(times, [7, 9, 10, 40, 43], "{to:?} {time_base:?}");
            let last = packets[4].duration.expect("the last duration is stated");
            assert_eq!(back(last as i64), 11, "{to:?} {time_base:?}");
            // The gap after the third packet, which ended before the fourth began.
            assert_eq!(packets[2].duration.map(|ticks| back(ticks as i64)), Some(5));
            for (packet, given) in packets.iter().zip(uneven()) {
                assert_eq!((&packet.data, packet.key), (&given.data, given.key));
            }
            if to == Destination::File {
                assert_eq!(read.duration.map(|ticks| back(ticks as i64)), Some(54));
            }
        }
    }
}

#[test]
fn webm_keeps_a_first_time_below_0() {
    for to in [Destination::File, Destination::Pipe] {
        let given = [TestPacket::new(true, -40, 9, 1), TestPacket::new(false, 0, 9, 1)];
        let (_, packets) = read_video(&write_all(to, &vp8_stream(Format::WebM, (1, 1000)), &given));
        assert_eq!(packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), [-40, 0]);
    }
}

#[test]
fn webm_gives_an_altref_frame_a_block_of_its_own_before_its_successor() {
    let given = [
        TestPacket::new(true, 0, 30, 1),
        TestPacket::new(false, 33, 30, 2).hidden(),
        TestPacket::new(false, 33, 30, 3),
        TestPacket::new(false, 67, 30, 4).lasting(33),
    ];
    for to in [Destination::File, Destination::Pipe] {
        let (_, packets) = read_video(&write_all(to, &vp8_stream(Format::WebM, (1, 1000)), &given));
        let seen: Vec<_> = packets.iter().map(|packet| (packet.pts, packet.shown)).collect();
        assert_eq!(seen, [(0, true), (32, false), (33, true), (67, true)]);
    }
}

#[test]
fn times_that_go_backwards_are_an_error_that_names_the_packet() {
    let given = [
        TestPacket::new(true, 5, 9, 1),
        TestPacket::new(false, 9, 9, 1),
        TestPacket::new(false, 3, 9, 1),
    ];
    // Our writers reject this, so the test writes two valid packets and changes a time by hand.
    let stream = vp8_stream(Format::Ivf, (1, 30));
    let shared = SharedBuffer::default();
    let output = Output::seekable(shared.clone());
    let mut writer = create_packets(
        output,
        Format::Ivf,
        &[Track::Video(stream.clone())],
        &WriteOptions::default(),
    )
    .unwrap();
    writer.write(given[0].packet()).unwrap();
    writer.write(given[1].packet()).unwrap();
    let error = writer.write(given[2].packet()).unwrap_err().to_string();
    assert!(error.contains("packet 2") && error.contains("a timestamp of at least"), "{error}");

    let mut bytes = write_all(Destination::File, &stream, &given[..2]);
    bytes[32 + 12 + 9 + 4] = 4;
    let (_, packets, error) = read_all(&bytes);
    assert_eq!(packets.len(), 1);
    let Some(Error::Corrupt(detail)) = error else { panic!("{error:?}") };
    assert_eq!((detail.index, detail.offset), (Some(1), 32 + 12 + 9));

    let mut options = ReadOptions::default();
    options.allow_backward_times = true;
    let source = Source::seekable(std::io::Cursor::new(bytes));
    let (_, packets, error) = read_with(source, &options);
    assert_eq!(packets.len(), 2);
    assert!(error.is_none());
}
