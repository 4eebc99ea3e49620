use super::super::packetizer::{Packetizer, PacketizerConfig};
use super::*;
use crate::rng::Rng;

const SETS: [u8; 17] = [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];

/// Access unit `number`: an IDR picture with its parameter sets first, then two slices, of which
/// the first one takes several packets.
fn access_unit(number: u8) -> Vec<u8> {
    let mut data = Vec::new();
    let header = if number == 0 { 0x65 } else { 0x41 };
    if number == 0 {
        data.extend(SETS);
    }
    // Macroblock 0, slice type 5, PPS 0; then macroblock 2.
    for (first, len) in [(0b1001_1010, 300), (0b0110_0110, 60)] {
        data.extend([0, 0, 0, 1, header, first, 0x80 | number]);
        data.resize(data.len() + len, 0x55);
    }
    data
}

fn stream(count: u8) -> Vec<Vec<Vec<u8>>> {
    let config = PacketizerConfig { mtu: 120, first_sequence: 65_530, ..Default::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    (0..count)
        .map(|number| {
            let mut packets = Vec::new();
            let timestamp = u32::from(number).wrapping_mul(3000).wrapping_sub(9000);
            packetizer.packetize(&access_unit(number), timestamp, &mut packets).unwrap();
            packets
        })
        .collect()
}

fn depacketizer() -> Depacketizer {
    Depacketizer::new(DepacketizerConfig { reordering: 8, ..DepacketizerConfig::default() })
}

fn polled(it: &mut Depacketizer) -> Vec<AccessUnit> {
    std::iter::from_fn(|| it.poll_access_unit()).collect()
}

fn finished(it: &mut Depacketizer) -> Vec<AccessUnit> {
    std::iter::from_fn(|| it.finish()).collect()
}

#[test]
fn access_units_are_emitted_once_complete_in_any_packet_order() {
    let mut it = depacketizer();
    assert!(it.needs_key_frame());
    for (number, packets) in (0_u8..).zip(stream(6)) {
        let (first, rest) = packets.split_first().unwrap();
        for packet in rest.iter().rev() {
            assert_eq!(it.push(packet), Ok(Pushed::Buffered));
            assert_eq!(it.push(packet), Ok(Pushed::Duplicate));
            assert!(it.poll_access_unit().is_none());
        }
        it.push(first).unwrap();
        let found = it.poll_access_unit().unwrap();
        assert_eq!(found.data, access_unit(number));
        assert_eq!(found.units().count(), if number == 0 { 4 } else { 2 });
        assert_eq!((found.is_complete, found.is_key), (true, number == 0));
        assert_eq!((found.missing_packets, found.damaged_units), (0, 0));
        assert_eq!(found.packets as usize, packets.len());
        assert_eq!(it.push(first), Ok(Pushed::Late));
        assert!(!it.needs_key_frame());
    }
    assert_eq!((it.buffered_bytes(), finished(&mut it)), (0, vec![]));
}

#[test]
fn missing_parts_discard_their_unit_and_keep_the_others() {
    let packets = stream(2);
    // The first slice is in packets 0 to 2 of the second access unit.
    for lost in 0..3 {
        let mut it = depacketizer();
        packets[0].iter().for_each(|packet| _ = it.push(packet).unwrap());
        for (_, packet) in packets[1].iter().enumerate().filter(|&(index, _)| index != lost) {
            it.push(packet).unwrap();
        }
        assert_eq!(polled(&mut it).len(), 1);
        let found = finished(&mut it);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].missing_packets, found[0].damaged_units), (1, 1), "{lost}");
        assert!(!found[0].is_complete && it.needs_key_frame());
        let last = access_unit(1).len() - 67;
        assert_eq!(found[0].data, access_unit(1)[last..], "{lost}");
    }
}

#[test]
fn lost_access_units_are_reported_with_the_next_one() {
    let packets = stream(5);
    let mut it = depacketizer();
    for number in [0, 2, 3, 4] {
        packets[number].iter().for_each(|packet| _ = it.push(packet).unwrap());
    }
    let found = polled(&mut it);
    let datas: Vec<&Vec<u8>> = found.iter().map(|it| &it.data).collect();
    assert_eq!(datas[..2], [&access_unit(0), &access_unit(2)]);
    assert!(found[1].is_complete, "its first slice contains the first macroblock");
    assert_eq!(found[1].missing_packets, packets[1].len() as u64);
    assert!(it.needs_key_frame());
}

#[test]
fn the_end_of_an_access_unit_may_be_missing() {
    let packets = stream(4);
    let mut it = depacketizer();
    for (number, packets) in packets.iter().enumerate() {
        let kept = packets.len() - usize::from(number == 1);
        packets[..kept].iter().for_each(|packet| _ = it.push(packet).unwrap());
    }
    let mut found = polled(&mut it);
    found.extend(finished(&mut it));
    let complete: Vec<bool> = found.iter().map(|it| it.is_complete).collect();
    assert_eq!(complete, [true, false, true, true]);
    assert_eq!(found[1].data, access_unit(1)[..307]);
}

#[test]
fn idr_pictures_without_parameter_sets_are_no_key_pictures() {
    let data = &access_unit(0)[SETS.len()..];
    let packets = |data: &[u8]| {
        let mut packets = Vec::new();
        let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
        packetizer.packetize(data, 0, &mut packets).unwrap();
        packets
    };
    let mut it = depacketizer();
    it.push(&packets(data)[0]).unwrap();
    assert!(it.poll_access_unit().is_none(), "its parameter sets may be reordered");
    let found = it.finish().unwrap();
    assert!(!found.is_key && !found.is_complete && it.needs_key_frame());
    // From signalling they are known, and inserted.
    let parameter_sets = ParameterSets::signalled(&SETS);
    let config = DepacketizerConfig { parameter_sets, ..DepacketizerConfig::default() };
    let mut it = Depacketizer::new(config);
    it.push(&packets(data)[0]).unwrap();
    let found = it.poll_access_unit().unwrap();
    assert!(found.is_key && found.is_complete);
    assert_eq!(found.data, access_unit(0));
}

#[test]
fn packets_before_a_gap_do_not_count_as_behind_it() {
    let mut unit = SETS.to_vec();
    unit.extend([0, 0, 0, 1, 0x65, 0b1001_1010]);
    unit.resize(5000, 0x55);
    let mut packets = Vec::new();
    let mut packetizer =
        Packetizer::new(PacketizerConfig { mtu: 120, ..Default::default() }).unwrap();
    packetizer.packetize(&unit, 0, &mut packets).unwrap();
    packets.swap(40, 42);
    let mut it = depacketizer();
    let mut found = Vec::new();
    for packet in &packets {
        it.push(packet).unwrap();
        found.extend(polled(&mut it));
    }
    assert!(found.len() == 1 && found[0].is_complete);
}

#[test]
fn foreign_payloads_change_nothing() {
    let mut it = depacketizer();
    let mut packet = stream(1)[0][0].clone();
    packet[12] = 0x79;
    assert!(it.push(&packet).unwrap_err().to_string().contains("STAP-B"));
    assert_eq!((it.next_sequence(), it.buffered_bytes()), (None, 0));
}

#[test]
fn mutated_streams_stay_within_their_bounds() {
    let packets: Vec<Vec<u8>> = stream(60).concat();
    let mut rng = Rng::new(9);
    let config = DepacketizerConfig { max_packets: 64, max_bytes: 4096, ..Default::default() };
    for _ in 0..200 {
        let mut it = Depacketizer::new(config.clone());
        let (mut received, mut emitted) = (0, 0);
        for packet in &packets {
            let mut packet = packet.clone();
            if rng.below(4) == 0 {
                let at = rng.index(packet.len());
                packet[at] ^= 1 << rng.below(8);
            }
            if rng.below(8) == 0 {
                packet.truncate(rng.index(packet.len()));
            }
            received += it.push(&packet).map_or(0, |_| packet.len());
            assert!(it.buffered_bytes() <= 4096);
            emitted += polled(&mut it).iter().map(|it| it.data.len()).sum::<usize>();
        }
        emitted += finished(&mut it).iter().map(|it| it.data.len()).sum::<usize>();
        // A unit of one byte in an STAP-A takes three bytes, and five in a byte stream.
        assert!(emitted <= 2 * received && it.buffered_bytes() == 0);
    }
}
