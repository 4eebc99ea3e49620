//! Reassembles records from datagrams, in order, and counts losses.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use codec_rtc::sequence::Unwrapper32;

use super::datagram::{Datagram, PART_BYTES, low_bits};
use super::error::FramingError;
use super::hello::Hello;
use super::record::Record;
use super::stream::{Item, Parser};

/// Limits of a [`Reassembler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblerConfig {
    /// Maximum number of records that are incomplete or wait for others.
    pub max_records: usize,
    /// Maximum number of bytes of all such records.
    pub max_bytes: usize,
    /// How long a later record waits for an incomplete one.
    pub max_wait: Duration,
}

impl Default for ReassemblerConfig {
    fn default() -> Self {
        Self { max_records: 256, max_bytes: 16 << 20, max_wait: Duration::from_millis(100) }
    }
}

/// An output event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A sender has started or restarted.
    Hello(Hello),
    /// The next record.
    Record(Record),
    /// The number of lost records before the next one.
    Lost(u64),
}

/// Counters of received datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Valid datagrams.
    pub datagrams: u64,
    /// Malformed datagrams.
    pub malformed: u64,
    /// Duplicates, and datagrams of records that were already abandoned.
    pub late_or_duplicate: u64,
    /// Datagrams of another sender.
    pub foreign: u64,
    /// Missing datagrams between others.
    pub lost_datagrams: u64,
    /// Completed records.
    pub records: u64,
    /// Abandoned records.
    pub lost_records: u64,
}

/// An incomplete record.
#[derive(Debug)]
struct Partial {
    count: u16,
    /// The received parts, by number.
    parts: BTreeMap<u16, Vec<u8>>,
    bytes: usize,
    /// Arrival time of the newest part.
    touched: Duration,
}

impl Partial {
    fn is_whole(&self) -> bool {
        self.parts.len() == usize::from(self.count)
    }

    fn record(self) -> Option<Record> {
        let bytes = self.parts.into_values().collect::<Vec<_>>().concat();
        let (mut rest, mut parser) = (bytes.as_slice(), Parser::of_records());
        match parser.next(&mut rest) {
            Ok(Some(Item::Record(record))) if rest.is_empty() => Some(record),
            _ => None,
        }
    }
}

/// Reassembles records. After each datagram, call [`Self::poll`] until it returns `None`.
#[derive(Debug)]
pub struct Reassembler {
    config: ReassemblerConfig,
    session: Option<u64>,
    /// Whether the session is live: hellos of other sessions are counted and ignored.
    keeps_session: bool,
    records: BTreeMap<i64, Partial>,
    bytes: usize,
    /// Number of the next record to return.
    next: i64,
    unwrap_record: Unwrapper32,
    unwrap_sequence: Unwrapper32,
    first_sequence: Option<i64>,
    newest_sequence: i64,
    received: u64,
    ready: VecDeque<Event>,
    counters: Counters,
}

impl Reassembler {
    /// The state before the first datagram.
    #[must_use]
    pub fn new(config: ReassemblerConfig) -> Self {
        Self {
            config,
            session: None,
            keeps_session: false,
            records: BTreeMap::new(),
            bytes: 0,
            next: 0,
            unwrap_record: Unwrapper32::default(),
            unwrap_sequence: Unwrapper32::default(),
            first_sequence: None,
            newest_sequence: 0,
            received: 0,
            ready: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The counters so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Sets whether the current session is live, so that a hello of another session must not
    /// replace it. Initially, and if this is never called, every new hello starts its session.
    pub fn keep_session(&mut self, is_live: bool) {
        self.keeps_session = is_live;
    }

    /// Handles a datagram. Returns whether it belongs to the session, which a hello may have
    /// started.
    ///
    /// # Errors
    ///
    /// Why it was dropped. It is counted, and later datagrams may be valid.
    pub fn push(&mut self, now: Duration, bytes: &[u8]) -> Result<bool, FramingError> {
        let datagram = Datagram::parse(bytes).inspect_err(|_| self.counters.malformed += 1)?;
        self.counters.datagrams += 1;
        if datagram.is_hello {
            return self.hello(&datagram);
        }
        if self.session.map(low_bits) != Some(datagram.session) {
            self.counters.foreign += 1;
            return Ok(false);
        }
        self.count(datagram.sequence);
        let number = self.unwrap_record.peek(datagram.record);
        let window = i64::try_from(self.config.max_records).unwrap_or(i64::MAX);
        // A jump beyond the window: earlier records will not be completed any more.
        if number >= self.next.saturating_add(window) {
            self.abandon_before(number);
        }
        if number < self.next {
            self.counters.late_or_duplicate += 1;
            return Ok(true);
        }
        self.unwrap_record.unwrap(datagram.record);
        self.keep(now, number, &datagram);
        self.release();
        while self.bytes > self.config.max_bytes {
            let Some((&oldest, _)) = self.records.first_key_value() else { break };
            self.abandon_before(oldest.saturating_add(1));
            self.release();
        }
        Ok(true)
    }

    fn hello(&mut self, datagram: &Datagram<'_>) -> Result<bool, FramingError> {
        let hello = Hello::parse(datagram.part, 0);
        let hello = hello.inspect_err(|_| self.counters.malformed += 1)?;
        if self.session == Some(hello.session) {
            self.count(datagram.sequence);
            return Ok(true);
        }
        if self.session.is_some() && self.keeps_session {
            self.counters.foreign += 1;
            return Ok(false);
        }
        let (config, counters, keeps_session) = (self.config, self.counters, self.keeps_session);
        let ready = std::mem::take(&mut self.ready);
        *self = Self { counters, ready, keeps_session, ..Self::new(config) };
        self.session = Some(hello.session);
        self.next = self.unwrap_record.unwrap(datagram.record);
        self.count(datagram.sequence);
        self.ready.push_back(Event::Hello(hello));
        Ok(true)
    }

    /// Counts a datagram, and the missing ones between the first and the newest.
    fn count(&mut self, sequence: u32) {
        let number = self.unwrap_sequence.unwrap(sequence);
        let first = *self.first_sequence.get_or_insert(number);
        let before = self.missing(first);
        self.received += 1;
        self.newest_sequence = self.newest_sequence.max(number);
        let missing = self.missing(first);
        let lost = self.counters.lost_datagrams.saturating_add(missing);
        self.counters.lost_datagrams = lost.saturating_sub(before);
    }

    fn missing(&self, first: i64) -> u64 {
        if self.received == 0 {
            return 0;
        }
        let span = self.newest_sequence.saturating_sub(first).saturating_add(1);
        u64::try_from(span).unwrap_or(0).saturating_sub(self.received)
    }

    fn keep(&mut self, now: Duration, number: i64, datagram: &Datagram<'_>) {
        let partial = self.records.entry(number).or_insert_with(|| Partial {
            count: datagram.count,
            parts: BTreeMap::new(),
            bytes: 0,
            touched: now,
        });
        if partial.count != datagram.count || partial.parts.contains_key(&datagram.index) {
            self.counters.late_or_duplicate += 1;
            return;
        }
        partial.parts.insert(datagram.index, datagram.part.to_vec());
        partial.touched = now;
        // Each entry costs memory too.
        let cost = datagram.part.len() + PART_BYTES / 8;
        partial.bytes += cost;
        self.bytes += cost;
    }

    /// Releases complete records that are next.
    fn release(&mut self) {
        while let Some(first) = self.records.first_entry() {
            if *first.key() != self.next || !first.get().is_whole() {
                return;
            }
            let partial = first.remove();
            self.bytes = self.bytes.saturating_sub(partial.bytes);
            self.next = self.next.saturating_add(1);
            match partial.record() {
                Some(record) => {
                    self.counters.records += 1;
                    self.ready.push_back(Event::Record(record));
                }
                None => self.lose(1),
            }
        }
    }

    /// Abandons all incomplete records before record `number`.
    fn abandon_before(&mut self, number: i64) {
        while self.next < number {
            self.release();
            if self.next >= number {
                return;
            }
            let kept = self.records.first_key_value().map(|(&first, _)| first);
            let until = match kept {
                // The first is incomplete.
                Some(first) if first == self.next => {
                    let partial = self.records.remove(&first);
                    self.bytes = self.bytes.saturating_sub(partial.map_or(0, |part| part.bytes));
                    first.saturating_add(1)
                }
                Some(first) => first.min(number),
                None => number,
            };
            self.lose(u64::try_from(until.saturating_sub(self.next)).unwrap_or(0));
            self.next = until;
        }
    }

    fn lose(&mut self, records: u64) {
        self.counters.lost_records = self.counters.lost_records.saturating_add(records);
        match self.ready.back_mut() {
            Some(Event::Lost(count)) => *count = count.saturating_add(records),
            _ => self.ready.push_back(Event::Lost(records)),
        }
    }

    /// Returns the next event that is due by `now`.
    pub fn poll(&mut self, now: Duration) -> Option<Event> {
        if let Some((number, _)) = self.waiting().filter(|&(_, due)| due <= now) {
            self.abandon_before(number);
            self.release();
        }
        self.ready.pop_front()
    }

    /// When [`Self::poll`] has an event: immediately, or when a complete record has waited long
    /// enough for earlier ones.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        self.waiting().map(|(_, due)| due)
    }

    /// The first complete record that waits for others, and its deadline.
    fn waiting(&self) -> Option<(i64, Duration)> {
        let (&number, whole) = self.records.iter().find(|(_, partial)| partial.is_whole())?;
        Some((number, whole.touched.saturating_add(self.config.max_wait)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::datagram::Fragmenter;
    use super::super::record::{Flags, Kind};
    use super::*;
    use codec_rtc::rng::Rng;

    fn record(pts: i64, len: usize) -> Record {
        let mut rng = Rng::new(pts.unsigned_abs());
        let payload = (0..len).map(|_| rng.byte()).collect();
        let (kind, flags) = (Kind::Video, Flags::default());
        Record { kind, flags, stream: 0, pts, captured: 7, payload }
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn drain(reassembler: &mut Reassembler, now: Duration) -> Vec<Event> {
        std::iter::from_fn(|| reassembler.poll(now)).collect()
    }

    #[test]
    fn records_are_reassembled_in_order_for_any_datagram_order() {
        let mut fragmenter = Fragmenter::new(5);
        let mut out = Reassembler::new(ReassemblerConfig::default());
        out.push(ms(0), &fragmenter.hello(&Hello::of_test(5)).unwrap()).unwrap();
        let records: Vec<_> = [0, 1, 1143, 1144, 1145, 50_000, 3]
            .into_iter()
            .enumerate()
            .map(|(at, len)| record(i64::try_from(at).unwrap(), len))
            .collect();
        let mut datagrams: Vec<_> =
            records.iter().flat_map(|record| fragmenter.record(record).unwrap()).collect();
        assert!(datagrams.iter().all(|datagram| datagram.len() <= 1200));
        let mut rng = Rng::new(3);
        for at in (1..datagrams.len()).rev() {
            datagrams.swap(at, rng.index(at + 1));
        }
        for datagram in &datagrams {
            out.push(ms(1), datagram).unwrap();
            out.push(ms(1), datagram).unwrap();
        }
        let mut events = drain(&mut out, ms(1));
        assert_eq!(events.remove(0), Event::Hello(Hello::of_test(5)));
        assert_eq!(events, records.into_iter().map(Event::Record).collect::<Vec<_>>());
        let counters = out.counters();
        assert_eq!((counters.lost_datagrams, counters.lost_records, counters.records), (0, 0, 7));
        assert_eq!(counters.late_or_duplicate, datagrams.len() as u64);
    }

    #[test]
    fn lost_records_are_waited_for_and_counted() {
        let mut fragmenter = Fragmenter::new(5);
        let mut out = Reassembler::new(ReassemblerConfig::default());
        out.push(ms(0), &fragmenter.hello(&Hello::of_test(5)).unwrap()).unwrap();
        let first = fragmenter.record(&record(0, 5000)).unwrap();
        let second = fragmenter.record(&record(1, 10)).unwrap();
        for datagram in first.iter().skip(1).chain(&second) {
            out.push(ms(10), datagram).unwrap();
        }
        assert_eq!(drain(&mut out, ms(109)).len(), 1);
        assert_eq!(out.poll_timeout(), Some(ms(110)));
        let events = drain(&mut out, ms(110));
        assert_eq!(events, [Event::Lost(1), Event::Record(record(1, 10))]);
        assert_eq!((out.counters().lost_datagrams, out.counters().lost_records), (1, 1));
        // Too late.
        out.push(ms(120), &first[0]).unwrap();
        assert_eq!((out.counters().late_or_duplicate, out.counters().lost_datagrams), (1, 0));
    }

    #[test]
    fn a_new_session_resets_the_state_and_others_are_ignored() {
        let mut out = Reassembler::new(ReassemblerConfig::default());
        let mut early = Fragmenter::new(4);
        out.push(ms(0), &early.record(&record(0, 5)).unwrap()[0]).unwrap();
        assert_eq!((out.counters().foreign, out.poll(ms(0))), (1, None));
        out.push(ms(0), &early.hello(&Hello::of_test(4)).unwrap()).unwrap();
        out.push(ms(0), &early.record(&record(1, 5)).unwrap()[0]).unwrap();
        assert_eq!(drain(&mut out, ms(0)).len(), 2);
        let mut late = Fragmenter::new(9);
        out.push(ms(0), &late.hello(&Hello::of_test(9)).unwrap()).unwrap();
        out.push(ms(0), &late.record(&record(2, 5)).unwrap()[0]).unwrap();
        let events = drain(&mut out, ms(0));
        assert_eq!(events, [Event::Hello(Hello::of_test(9)), Event::Record(record(2, 5))]);
    }

    #[test]
    fn a_live_session_is_not_replaced() {
        let mut out = Reassembler::new(ReassemblerConfig::default());
        out.keep_session(true);
        let (mut live, mut other) = (Fragmenter::new(4), Fragmenter::new(9));
        assert!(out.push(ms(0), &live.hello(&Hello::of_test(4)).unwrap()).unwrap());
        assert!(!out.push(ms(0), &other.hello(&Hello::of_test(9)).unwrap()).unwrap());
        assert!(!out.push(ms(0), &other.record(&record(7, 5)).unwrap()[0]).unwrap());
        assert!(out.push(ms(0), &live.record(&record(1, 5)).unwrap()[0]).unwrap());
        assert_eq!(out.counters().foreign, 2);
        out.keep_session(false);
        assert!(out.push(ms(0), &other.hello(&Hello::of_test(9)).unwrap()).unwrap());
        let events = drain(&mut out, ms(0));
        let expected = [
            Event::Hello(Hello::of_test(4)),
            Event::Record(record(1, 5)),
            Event::Hello(Hello::of_test(9)),
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn memory_is_bounded_under_any_flood() {
        let config = ReassemblerConfig { max_bytes: 100_000, ..ReassemblerConfig::default() };
        let mut fragmenter = Fragmenter::new(5);
        let mut out = Reassembler::new(config);
        out.push(ms(0), &fragmenter.hello(&Hello::of_test(5)).unwrap()).unwrap();
        // The last part of each is missing.
        for pts in 0..300 {
            for datagram in fragmenter.record(&record(pts, 9000)).unwrap().iter().skip(1) {
                out.push(ms(0), datagram).unwrap();
                assert!(out.bytes <= config.max_bytes, "{}", out.bytes);
                assert!(out.records.len() <= config.max_records && out.ready.len() < 400);
            }
        }
        assert!(out.counters().lost_records > 200);
        // A jump of the record numbers.
        for _ in 0..100_000 {
            fragmenter.record(&Record::end("")).unwrap();
        }
        out.push(ms(0), &fragmenter.record(&record(7, 5)).unwrap()[0]).unwrap();
        assert_eq!(drain(&mut out, ms(0)).last(), Some(&Event::Record(record(7, 5))));
    }

    #[test]
    fn damage_is_detected() {
        let mut fragmenter = Fragmenter::new(5);
        let good = fragmenter.hello(&Hello::of_test(5)).unwrap();
        let mut out = Reassembler::new(ReassemblerConfig::default());
        for byte in 0..good.len() {
            let mut bad = good.clone();
            bad[byte] ^= 4;
            assert!(out.push(ms(0), &bad).is_err(), "byte {byte}");
        }
        for len in 0..good.len() {
            assert!(out.push(ms(0), &good[..len]).is_err(), "{len} bytes");
        }
        assert!(out.push(ms(0), &[0; 1201]).is_err());
        assert_eq!(out.counters().malformed, 2 * good.len() as u64 + 1);
        assert_eq!(out.poll(ms(0)), None);
    }
}
