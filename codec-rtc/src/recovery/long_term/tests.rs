use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Codes frames as planned, 33 ms apart.
struct Coder {
    it: LongTermReferences,
    number: u64,
    now: Duration,
}

impl Coder {
    fn new(config: LongTermConfig) -> Self {
        Self { it: LongTermReferences::new(config), number: 0, now: Duration::ZERO }
    }

    fn code(&mut self) -> (u64, Option<SlotPlan>, Vec<u64>) {
        self.now += ms(33);
        let plan = self.it.plan(self.now);
        let mut meta = PacketMeta { frame_id: self.number, ..PacketMeta::default() };
        self.number += 1;
        match plan {
            Some(plan) if !plan.references.is_empty() => {
                meta.kind = FrameKind::Inter;
                meta.refs_used = plan.references;
                meta.refs_updated = plan.updates;
            }
            _ => meta.kind = FrameKind::Key,
        }
        let refs = self.it.coded(self.now, &meta);
        (meta.frame_id, plan, refs)
    }
}

fn eager() -> LongTermConfig {
    LongTermConfig { lossless_update_interval: ms(0), ..LongTermConfig::default() }
}

#[test]
fn buffers_are_updated_as_they_are_acknowledged() {
    let mut coder = Coder::new(eager());
    let (key, plan, refs) = coder.code();
    assert_eq!((plan, refs), (None, vec![]));
    // Not acknowledged: no update.
    let (_, plan, refs) = coder.code();
    assert_eq!(plan.unwrap().updates, SlotSet::LAST);
    assert_eq!(refs, [key]);
    coder.it.arrived(0);
    coder.it.arrived(1);
    let (second, plan, refs) = coder.code();
    assert_eq!(plan.unwrap().updates, SlotSet::LAST.with(SlotSet::GOLDEN));
    assert_eq!(refs, [1, 0]);
    // Golden is in transit: altref is kept.
    assert_eq!(coder.code().1.unwrap().updates, SlotSet::LAST);
    coder.it.arrived(second);
    let (_, plan, _) = coder.code();
    assert_eq!(plan.unwrap().updates, SlotSet::LAST.with(SlotSet::ALTREF));
}

#[test]
fn loss_is_recovered_from_the_newest_acknowledged_buffer() {
    let mut coder = Coder::new(eager());
    for _ in 0..5 {
        let (number, ..) = coder.code();
        coder.it.arrived(number);
    }
    let (lost, ..) = coder.code();
    let (later, ..) = coder.code();
    coder.it.missing(coder.now, lost);
    coder.it.arrived(later);
    let (loss_response, plan, refs) = coder.code();
    let plan = plan.unwrap();
    assert_eq!(plan.loss_response, Some(LossResponse::AcknowledgedReference));
    assert_eq!(refs.len(), 1);
    assert!(refs[0] < lost);
    // Further frames reference the recovered one, but not the lost ones.
    let (_, plan, refs) = coder.code();
    assert_eq!(plan.unwrap().loss_response, None);
    assert!(refs.contains(&loss_response) && !refs.contains(&lost) && !refs.contains(&later));
    assert_eq!(coder.it.counters().by_reference, 1);
    assert_eq!(coder.it.counters().by_key_frame, 0);
}

#[test]
fn lost_key_frame_causes_another_key_frame() {
    let mut coder = Coder::new(eager());
    let (key, ..) = coder.code();
    coder.it.missing(coder.now, key);
    let (_, plan, _) = coder.code();
    assert_eq!(plan.unwrap().loss_response, Some(LossResponse::KeyFrame));
    assert_eq!(coder.it.counters().by_key_frame, 1);
    assert_eq!(coder.code().1.unwrap().loss_response, None);
}

#[test]
fn retransmission_is_waited_for() {
    let mut coder = Coder::new(LongTermConfig { retransmission_wait: ms(80), ..eager() });
    for _ in 0..4 {
        let (number, ..) = coder.code();
        coder.it.arrived(number);
    }
    let (lost, ..) = coder.code();
    coder.it.missing(coder.now, lost);
    assert_eq!(coder.code().1.unwrap().loss_response, None);
    coder.it.arrived(lost);
    for _ in 0..5 {
        assert_eq!(coder.code().1.unwrap().loss_response, None);
    }
    let (lost, ..) = coder.code();
    coder.it.missing(coder.now, lost);
    let loss_responses: Vec<_> = (0..4).map(|_| coder.code().1.unwrap().loss_response).collect();
    let loss_response = Some(LossResponse::AcknowledgedReference);
    assert_eq!(loss_responses, [None, None, loss_response, None]);
}

#[test]
fn arrival_is_not_sufficient_if_the_receiver_acknowledges_decoding() {
    let mut coder = Coder::new(eager());
    for _ in 0..3 {
        coder.code();
    }
    coder.it.decoded(coder.now, 1);
    coder.it.arrived(2);
    let (renewing, plan, _) = coder.code();
    assert_eq!(plan.unwrap().updates, SlotSet::LAST.with(SlotSet::GOLDEN));
    coder.it.arrived(renewing);
    assert_eq!(coder.code().1.unwrap().updates, SlotSet::LAST);
    // The receiver reports a failure: what arrived since is uncertain.
    coder.it.receiver_lost(coder.now);
    let (_, plan, refs) = coder.code();
    assert_eq!(plan.unwrap().loss_response, Some(LossResponse::AcknowledgedReference));
    assert_eq!(refs, [0]);
}

#[test]
fn frames_without_timely_feedback_count_as_lost() {
    let mut coder = Coder::new(eager());
    coder.it.set_round_trip(Some(ms(50)));
    let send = |coder: &mut Coder| {
        let (number, plan, refs) = coder.code();
        coder.it.sent(coder.now, number);
        (number, plan.and_then(|plan| plan.loss_response), refs)
    };
    for _ in 0..30 {
        let (number, loss_response, _) = send(&mut coder);
        assert_eq!(loss_response, None);
        if let Some(number) = number.checked_sub(2) {
            coder.it.decoded(coder.now, number);
        }
    }
    // From now on there is no feedback: frame 28 was sent 118 ms ago when 32 is coded.
    let sent: Vec<_> = (0..3).map(|_| send(&mut coder)).collect();
    assert_eq!([sent[0].1, sent[1].1], [None, None]);
    assert_eq!((sent[2].1, &sent[2].2[..]), (Some(LossResponse::AcknowledgedReference), &[27][..]));
    // The frames had arrived all along.
    (28..=31).for_each(|number| coder.it.arrived(number));
    coder.it.decoded(coder.now, 32);
    assert_eq!(coder.code().1.unwrap().loss_response, None);
    // Unsent frames are not waited for, nor anything without a round-trip time.
    (0..8).for_each(|_| assert_eq!(coder.code().1.unwrap().loss_response, None));
    coder.it.set_round_trip(None);
    (0..8).for_each(|_| assert_eq!(send(&mut coder).1, None));
}

#[test]
fn memory_is_bounded_in_long_calls() {
    let mut coder = Coder::new(LongTermConfig::default());
    for frame in 0..5000 {
        let (number, plan, _) = coder.code();
        if frame % 97 == 96 {
            coder.it.missing(coder.now, number);
        } else {
            coder.it.arrived(number);
        }
        assert!(
            plan.is_none_or(|plan| plan.loss_response != Some(LossResponse::KeyFrame)),
            "{frame}"
        );
        assert!(coder.it.frames.len() <= MAX_FRAMES);
    }
    assert_eq!(coder.it.counters().by_reference, 51);
}

#[test]
fn a_lost_key_frame_is_known_by_feedback_alone() {
    let mut coder = Coder::new(LongTermConfig { retransmission_wait: ms(40), ..eager() });
    let (key, ..) = coder.code();
    coder.it.receiver_lost(coder.now);
    assert!(!coder.it.is_key_frame_lost());
    let mut coder = Coder::new(LongTermConfig { retransmission_wait: ms(40), ..eager() });
    assert_eq!(coder.code().0, key);
    coder.it.missing(coder.now, key);
    // It may be repaired.
    coder.code();
    assert!(!coder.it.is_key_frame_lost());
    let (_, plan, _) = coder.code();
    assert_eq!(plan.unwrap().loss_response, Some(LossResponse::KeyFrame));
    assert!(!coder.it.is_key_frame_lost(), "the frame just coded is a key frame");
    // A frame that is decoded after all.
    let key = 2;
    coder.it.missing(coder.now, key);
    coder.now += ms(50);
    coder.it.plan(coder.now);
    assert!(coder.it.is_key_frame_lost());
    coder.it.decoded(coder.now, key);
    assert!(!coder.it.is_key_frame_lost());
}
