//! Framing, URLs, and messages between the nodes of a cluster of `codec-net`.

use std::time::Duration;

use codec_net::framing::datagram::Fragmenter;
use codec_net::framing::feedback::Feedback;
use codec_net::framing::reassembly::{Event, Reassembler, ReassemblerConfig};
use codec_net::framing::{Hello, Item, Parser, Record};
pub use codec_net::server::cluster::fuzzing::cluster_messages;
use codec_net::url::Url;

/// A stream of our framing, in pieces whose size the first byte selects. Accepted records must be
/// written back unchanged.
pub fn net_framing(data: &[u8]) {
    let Some((&first, bytes)) = data.split_first() else { return };
    for mut parser in [Parser::new(), Parser::of_records()] {
        let (mut begin, mut has_failed) = (0, false);
        for mut piece in bytes.chunks(usize::from(first) + 1) {
            loop {
                match parser.next(&mut piece) {
                    Ok(Some(item)) => {
                        let end = usize::try_from(parser.consumed()).expect("within the data");
                        let mut again = Vec::new();
                        match &item {
                            Item::Hello(hello) => hello.write(&mut again).expect("was read"),
                            Item::Record(record) => record.write(&mut again).expect("was read"),
                        }
                        assert_eq!(again, &bytes[begin..end]);
                        if let Item::Record(record) = &item {
                            let _ = Feedback::parse(&record.payload);
                        }
                        begin = end;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        has_failed = true;
                        break;
                    }
                }
            }
            if has_failed {
                break;
            }
        }
        assert!(!has_failed || parser.finish().is_err(), "an error is an end");
    }
    let _ = Hello::parse(bytes, 0);
}

/// Datagrams of our framing, each preceded by its length in two little-endian bytes; half of them
/// are corrected by the code of the other end. Memory stays within the limits.
pub fn net_datagrams(data: &[u8]) {
    let config = ReassemblerConfig { max_bytes: 1 << 16, ..ReassemblerConfig::default() };
    let mut reassembler = Reassembler::new(config);
    let mut fragmenter = Fragmenter::new(7);
    let (mut rest, mut now) = (data, Duration::ZERO);
    let mut records = 0;
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*head) & 0x3fff).min(tail.len());
        let (bytes, tail) = tail.split_at(len);
        rest = tail;
        now += Duration::from_millis(u64::from(head[1]));
        let _ = reassembler.push(now, bytes);
        let record = Record::end(&String::from_utf8_lossy(bytes));
        for (at, datagram) in fragmenter.record(&record).expect("short").iter().enumerate() {
            let mut datagram = datagram.clone();
            if head[0] & 3 == 3 {
                let place = usize::from(head[0]) * (at + 1) % datagram.len();
                datagram[place] ^= head[1];
            }
            let _ = reassembler.push(now, &datagram);
        }
        if let Ok(hello) = Hello::parse(bytes, 0) {
            let datagram = fragmenter.hello(&hello).expect("was read");
            reassembler.push(now, &datagram).expect("is whole");
        }
        while let Some(event) = reassembler.poll(now) {
            records += u64::from(matches!(event, Event::Record(_)));
        }
        assert_eq!(reassembler.counters().records, records);
    }
}

/// A URL. An accepted URL has the same meaning when it is written and parsed again, except for
/// options.
pub fn net_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(url) = text.parse::<Url>() else { return };
    let again = url.to_string().parse::<Url>().expect("was read");
    assert_eq!(
        (again.scheme(), again.host(), again.port()),
        (url.scheme(), url.host(), again.port())
    );
    let _ = (url.http(), url.switch("listen"), url.is_loopback());
}
