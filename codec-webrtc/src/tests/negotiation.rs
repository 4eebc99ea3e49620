//! Offers and answers over a data channel: crossing offers, queued changes and hostile messages.

use super::call::ms;
use super::harness::{Call, Setup, link};
use super::*;
use codec_rtc::link::Loss;

/// The data channel of [`Setup`].
const LABEL: &str = "stats";
const VIDEO: (Kind, Direction) = (Kind::Video, Direction::SendOnly);

/// A call whose ends negotiate.
struct Negotiated {
    call: Call,
    ends: [Negotiation; 2],
    /// Whether an end ignores all messages.
    is_silent: [bool; 2],
    /// Number of events that each end has handled.
    handled: [usize; 2],
    errors: Vec<(usize, NegotiationError)>,
    /// Sections that each end has reported.
    sections: [Vec<Mid>; 2],
}

impl Negotiated {
    /// A connected call; `impolite` is the impolite end.
    fn new(impolite: usize, setup: Setup) -> Self {
        let ends = [0, 1].map(|end| {
            let is_impolite = end == impolite;
            let role = if is_impolite { CollisionRole::Impolite } else { CollisionRole::Polite };
            Negotiation::new(LABEL, role)
        });
        let (call, errors, sections) = (setup.call(), Vec::new(), [Vec::new(), Vec::new()]);
        let mut this =
            Self { call, ends, is_silent: [false; 2], handled: [0; 2], errors, sections };
        this.call.connect();
        this.run_for(500);
        this.sections = [Vec::new(), Vec::new()];
        this
    }

    fn run_for(&mut self, time_ms: u64) {
        for _ in 0..time_ms {
            self.call.run_for(ms(1));
            for at in 0..2 {
                let end = &mut self.call.ends[at];
                let events: Vec<_> =
                    end.events[self.handled[at]..].iter().map(|(_, event)| event.clone()).collect();
                self.handled[at] += events.len();
                for event in events.into_iter().filter(|_| !self.is_silent[at]) {
                    let now = self.call.now;
                    match self.ends[at].handle_event(now, &mut end.peer, event) {
                        Ok(Some(Event::Media(media))) => self.sections[at].push(media.mid),
                        Ok(Some(Event::ChannelMessage { .. })) => panic!("not of the application"),
                        Ok(_) => {}
                        Err(error) => self.errors.push((at, error)),
                    }
                }
            }
        }
    }

    fn add(&mut self, at: usize) -> Result<ChangeId, NegotiationError> {
        let plan = [MediaPlan::new(VIDEO.0, VIDEO.1)];
        self.ends[at].change(self.call.now, &mut self.call.ends[at].peer, &plan, &[])
    }

    /// Sends a message that the negotiation of this end has not made.
    fn say(&mut self, at: usize, binary: bool, message: &[u8]) {
        let channel = self.ends[at].channel.unwrap();
        let sent = self.call.ends[at].peer.send_message(self.call.now, channel, binary, message);
        assert_eq!(sent, Ok(true));
    }

    /// Both ends have the same sections; each one reports the changes of its own.
    fn assert_complete(&mut self, changes: [&[ChangeId]; 2]) {
        assert_eq!(self.errors, []);
        assert!(self.ends.iter().all(|end| !end.is_pending()));
        let [first, second] = &self.sections;
        assert_eq!(first, second);
        for (end, changes) in self.ends.iter().zip(changes) {
            let own: Vec<_> = first.iter().filter_map(|mid| end.change_of(*mid)).collect();
            assert_eq!(own, changes);
        }
        assert_eq!(first.len(), changes.iter().map(|it| it.len()).sum::<usize>());
        assert!(self.call.both_connected(), "{:?}", self.call.last_events());
    }
}

#[test]
fn crossing_offers_are_all_answered() {
    for impolite in [0, 1] {
        // The second offer is sent before, while and after the first one arrives.
        for later_ms in depth::sample([0, 10, 24, 25, 26, 30, 49, 50, 51, 80], 3, impolite) {
            let mut it = Negotiated::new(impolite, Setup::default());
            let mut changes = [Vec::new(), Vec::new()];
            for _ in 0..2 {
                changes[0].push(it.add(0).unwrap());
                it.run_for(later_ms);
                changes[1].push(it.add(1).unwrap());
            }
            it.run_for(1500);
            it.assert_complete([&changes[0], &changes[1]]);
        }
    }
}

#[test]
fn offers_cross_on_a_lossy_link_during_ice_restarts() {
    for seed in 1..4 {
        let link = link(Loss::Random(0.1), 25);
        let mut it = Negotiated::new(1, Setup { link, seed, ..Setup::default() });
        let mut changes = [Vec::new(), Vec::new()];
        for _ in 0..2 {
            for (at, changes) in changes.iter_mut().enumerate() {
                changes.push(it.add(at).unwrap());
                let (now, peer) = (it.call.now, &mut it.call.ends[at].peer);
                it.ends[at].restart_ice(now, peer).unwrap();
            }
            it.run_for(15);
        }
        // SCTP doubles its timeout after each loss in a row.
        it.run_for(60_000);
        it.assert_complete([&changes[0], &changes[1]]);
    }
}

#[test]
fn changes_wait_for_the_open_offer() {
    let mut it = Negotiated::new(1, Setup::default());
    let changes: Vec<_> = (0..4).map(|_| it.add(0).unwrap()).collect();
    assert!(it.ends[0].is_pending());
    it.run_for(1000);
    it.assert_complete([&changes, &[]]);
    // A direction.
    let mid = it.sections[0][0];
    let (now, peer) = (it.call.now, &mut it.call.ends[0].peer);
    it.ends[0].change(now, peer, &[], &[(mid, Direction::Inactive)]).unwrap();
    it.run_for(200);
    assert_eq!(it.call.ends[1].peer.media(mid).unwrap().direction, Direction::Inactive);
    // The remote endpoint does not answer.
    it.is_silent[1] = true;
    let queued: Vec<_> = (0..66).map(|_| it.add(0)).collect();
    assert!(queued[..65].iter().all(Result::is_ok));
    assert_eq!(queued[65], Err(NegotiationError::TooManyChanges { limit: 64 }));
}

#[test]
fn changes_that_cannot_be_offered_do_not_block_others() {
    let mut it = Negotiated::new(1, Setup::default());
    let now = it.call.now;
    let nothing = it.ends[0].change(now, &mut it.call.ends[0].peer, &[], &[]);
    let Err(NegotiationError::NotOffered { error, .. }) = nothing else { panic!("{nothing:?}") };
    assert!(error.to_string().contains("changes nothing"), "{error}");
    let first = it.add(0).unwrap();
    let unknown = [(Mid::new("none"), Direction::Inactive)];
    let queued = it.ends[0].change(now, &mut it.call.ends[0].peer, &[], &unknown).unwrap();
    let last = it.add(0).unwrap();
    it.run_for(500);
    let errors = std::mem::take(&mut it.errors);
    let [(0, NegotiationError::NotOffered { id, .. })] = errors[..] else { panic!("{errors:?}") };
    assert_eq!(id, queued);
    it.assert_complete([&[first, last], &[]]);
}

#[test]
fn invalid_messages_are_named_and_change_nothing() {
    let answerer: fn(&mut PeerConfig) = |config| config.limits.sdp_bytes = 32 << 10;
    let mut it = Negotiated::new(1, Setup { answerer, ..Setup::default() });
    let noise = vec![b'x'; 60_000];
    let long = format!("offer\n{}", "a".repeat(Peer::MAX_MESSAGE_BYTES - 6));
    let messages: [(bool, &[u8], &str); 10] = [
        (false, b"\n", "got \"\\n\", expected a line offer, answer or refused"),
        (false, b"offer", "got \"offer\""),
        (false, b"Offer\nv=0", "got \"Offer\\nv=0\""),
        (true, b"offer\nv=0", "invalid negotiation message"),
        (false, b"\xff\xfe\n", "invalid negotiation message"),
        (false, &noise, "xxx\", expected"),
        (false, b"answer\nv=0", "unexpected answer: no offer"),
        (false, b"refused\n", "unexpected refusal: no offer"),
        (false, b"offer\nv=0\r\n", "remote endpoint: invalid SDP: no SHA-256"),
        (false, long.as_bytes(), "got 65530 bytes"),
    ];
    for (binary, message, expected) in messages {
        it.say(0, binary, message);
        it.run_for(500);
        // A rejected offer is refused, although there is none to roll back at the other end.
        let is_refused = |(at, error): &(usize, NegotiationError)| {
            *at == 0 && *error == NegotiationError::UnexpectedReply("refusal")
        };
        it.errors.retain(|error| !is_refused(error));
        let [(1, error)] = &it.errors[..] else { panic!("{expected}: {:?}", it.errors) };
        let text = error.to_string();
        assert!(text.contains(expected) && text.len() < 400, "{text}");
        it.errors.clear();
    }
    let changes = [it.add(0).unwrap()];
    it.run_for(500);
    it.assert_complete([&changes, &[]]);
}

#[test]
fn invalid_replies_end_an_offer() {
    let mut it = Negotiated::new(1, Setup::default());
    it.is_silent[0] = true;
    let garbage = "v=0\r\n".repeat(1000);
    for message in [format!("answer\n{garbage}"), format!("refused\n{garbage}")] {
        let own = it.add(1).unwrap();
        it.add(1).unwrap();
        // Offers while another one is open are ignored, also malformed ones.
        it.say(0, false, b"offer\nv=0\r\n");
        it.run_for(500);
        assert_eq!(it.errors, []);
        it.say(0, false, message.as_bytes());
        it.run_for(500);
        let errors = std::mem::take(&mut it.errors);
        match &errors[..] {
            [(1, NegotiationError::AnswerRejected { id, .. })] => assert_eq!(*id, own),
            [(1, NegotiationError::Refused { id, reason })] => {
                assert_eq!((*id, reason.len()), (own, 200));
            }
            _ => panic!("{errors:?}"),
        }
        // The next change was offered instead.
        it.say(0, false, b"refused\nno");
        it.run_for(500);
        assert!(matches!(it.errors[..], [(1, NegotiationError::Refused { .. })]));
        assert!(!it.ends[1].is_pending());
        it.errors.clear();
    }
    it.is_silent[0] = false;
    let changes = [it.add(0).unwrap()];
    it.run_for(500);
    it.assert_complete([&changes, &[]]);
}

#[test]
fn a_flood_of_offers_needs_bounded_memory() {
    let mut it = Negotiated::new(1, Setup::default());
    it.add(1).unwrap();
    for _ in 0..2000 {
        let channel = it.ends[1].channel.unwrap();
        let event = Event::ChannelMessage {
            channel,
            binary: false,
            data: b"offer\nv=0\r\na=x\r\n".to_vec(),
        };
        let handled = it.ends[1].handle_event(it.call.now, &mut it.call.ends[1].peer, event);
        assert_eq!(handled, Ok(None));
    }
    assert!(it.ends[1].waiting.is_empty() && it.ends[1].added.is_empty());
    // The polite end answers each offer, until the channel is full.
    let mut it = Negotiated::new(0, Setup::default());
    it.add(1).unwrap();
    let mut is_full = false;
    for _ in 0..30_000 {
        let channel = it.ends[1].channel.unwrap();
        let data = b"offer\nv=0\r\n".to_vec();
        let event = Event::ChannelMessage { channel, binary: false, data };
        let handled = it.ends[1].handle_event(it.call.now, &mut it.call.ends[1].peer, event);
        is_full |= matches!(handled, Err(NegotiationError::NotSent { error: None, .. }));
        assert!(it.ends[1].waiting.len() <= 1);
        if is_full {
            break;
        }
    }
    assert!(is_full);
}
