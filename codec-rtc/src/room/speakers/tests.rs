//! Seeded dialogues with known speakers, and the rules of audio selection.

use super::*;
use crate::rng::Rng;

const PACKET_MS: u64 = 20;
const LENGTH_MS: u64 = 180_000;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn voice(dbov: u8) -> AudioLevel {
    AudioLevel { dbov, voice: dbov < 60 }
}

/// The microphone of one participant.
struct Microphone {
    noise_db: f64,
    speech_db: f64,
    /// The client suppresses noise completely, or its packets end during silence (DTX).
    suppresses: bool,
    stops: bool,
}

/// Levels of all participants in dBov per packet, and the holder of the turn with the time at which
/// the turn became unambiguous.
struct Dialogue {
    microphones: Vec<Microphone>,
    levels: Vec<Vec<f64>>,
    turns: Vec<(u64, usize)>,
}

fn between(rng: &mut Rng, least: f64, most: f64) -> f64 {
    least + (most - least) * rng.unit()
}

fn ms_between(rng: &mut Rng, least: u64, most: u64) -> u64 {
    least + rng.below(most - least + 1)
}

impl Dialogue {
    fn new(rng: &mut Rng, people: usize) -> Self {
        let microphones: Vec<_> = (0..people)
            .map(|_| {
                let noise_db = between(rng, -78.0, -48.0);
                Microphone {
                    noise_db,
                    speech_db: between(rng, -36.0, -18.0).max(noise_db + 18.0),
                    suppresses: rng.below(4) == 0,
                    stops: rng.below(3) == 0,
                }
            })
            .collect();
        let slots = usize::try_from(LENGTH_MS / PACKET_MS).unwrap();
        let levels = vec![vec![-127.0; slots]; people];
        let mut dialogue = Self { microphones, levels, turns: Vec::new() };
        dialogue.take_turns(rng);
        for person in 0..people {
            dialogue.add_disturbances(rng, person);
        }
        dialogue
    }

    fn raise(&mut self, person: usize, at_ms: u64, level: f64) {
        let slot = usize::try_from(at_ms / PACKET_MS).unwrap();
        if let Some(place) = self.levels[person].get_mut(slot) {
            *place = place.max(level);
        }
    }

    /// Speech: syllables whose level rises and falls, words with short gaps, phrases with pauses.
    fn speak(&mut self, rng: &mut Rng, person: usize, from: u64, until: u64) {
        let level = self.microphones[person].speech_db;
        let mut at = from;
        while at < until {
            let phrase = (at + ms_between(rng, 900, 3000)).min(until);
            while at < phrase {
                let syllable = ms_between(rng, 100, 260).min(phrase - at).max(PACKET_MS);
                let stress = between(rng, -5.0, 4.0);
                for offset in (0..syllable).step_by(20) {
                    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                    let part = offset as f64 / syllable as f64;
                    let contour = -12.0 * (2.0 * part - 1.0).powi(2);
                    let jitter = between(rng, -2.0, 2.0);
                    self.raise(person, at + offset, level + stress + contour + jitter);
                }
                at += syllable;
                if rng.below(3) == 0 {
                    at += ms_between(rng, 20, 100);
                }
            }
            at += ms_between(rng, 150, 700);
        }
    }

    fn take_turns(&mut self, rng: &mut Rng) {
        let people = self.levels.len();
        let mut holder = rng.index(people);
        let mut at = 1000;
        while at < LENGTH_MS {
            let end = at + ms_between(rng, 2200, 10_000);
            self.speak(rng, holder, at, end);
            let before = self.turns.last().map_or(0, |turn| turn.0);
            self.turns.push((at.max(before), holder));
            let next = (holder + 1 + rng.index(people - 1)) % people;
            if rng.below(4) == 0 {
                // Double talk: the next speaker starts early. The turn changes when the holder ends.
                let overlap = ms_between(rng, 200, 1200);
                self.speak(rng, next, end - overlap, end);
                at = end;
            } else {
                at = end + ms_between(rng, 0, 800);
            }
            if rng.below(5) == 0 {
                // Interruption that fails.
                let from = end - ms_between(rng, 1500, 2000);
                let other = (holder + 1 + rng.index(people - 1)) % people;
                let length = ms_between(rng, 500, 1200);
                self.speak(rng, other, from, from + length);
            }
            holder = next;
        }
    }

    /// Short remarks, coughs and keyboards of one participant.
    fn add_disturbances(&mut self, rng: &mut Rng, person: usize) {
        let level = self.microphones[person].speech_db;
        let mut at = ms_between(rng, 2000, 6000);
        while at < LENGTH_MS {
            match rng.below(4) {
                0 | 1 => {
                    let length = ms_between(rng, 200, 500);
                    self.speak(rng, person, at, at + length);
                }
                2 => {
                    let length = ms_between(rng, 200, 400);
                    for offset in (0..length).step_by(20) {
                        let cough = between(rng, 4.0, 12.0);
                        self.raise(person, at + offset, (level + cough).min(-3.0));
                    }
                }
                _ => {
                    let until = at + ms_between(rng, 2000, 7000);
                    while at < until {
                        let click = between(rng, -8.0, 6.0);
                        self.raise(person, at, level + click);
                        if rng.below(3) == 0 {
                            self.raise(person, at + 20, level + click - 8.0);
                        }
                        at += ms_between(rng, 90, 250);
                    }
                }
            }
            at += ms_between(rng, 3000, 9000);
        }
    }

    /// The level of a packet; `None` if it is not sent.
    fn packet(&self, rng: &mut Rng, person: usize, slot: usize) -> Option<AudioLevel> {
        let microphone = &self.microphones[person];
        let noise = microphone.noise_db + between(rng, -1.5, 1.5);
        let event = self.levels[person][slot];
        let is_silent = event < noise;
        if is_silent && microphone.stops && !slot.is_multiple_of(20) {
            return None;
        }
        let level = if is_silent && microphone.suppresses { -127.0 } else { event.max(noise) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=127")]
        let dbov = (-level).round().clamp(0.0, 127.0) as u8;
        Some(voice(dbov))
    }

    /// The participant that must be dominant; `None` within a second after a change.
    fn truth(&self, at_ms: u64) -> Option<usize> {
        let (since, holder) = self.turns.iter().rev().find(|turn| turn.0 <= at_ms)?;
        (at_ms - since > 1000).then_some(*holder)
    }
}

#[derive(Default)]
struct Score {
    right: u64,
    judged: u64,
    changes: Vec<Duration>,
    mark_changes: usize,
}

fn id(person: usize) -> ParticipantId {
    ParticipantId(u64::try_from(person).unwrap())
}

fn run(seed: u64) -> Score {
    let mut rng = Rng::new(seed);
    let people = 3 + rng.index(4);
    let dialogue = Dialogue::new(&mut rng, people);
    let mut speakers = Speakers::new(SpeakersConfig::default());
    let mut score = Score::default();
    for slot in 0..dialogue.levels[0].len() {
        let at_ms = slot as u64 * PACKET_MS;
        for person in 0..people {
            let now = ms(at_ms + person as u64);
            // Two percent are lost.
            let packet = dialogue.packet(&mut rng, person, slot).filter(|_| rng.below(50) > 0);
            if let Some(level) = packet {
                speakers.on_packet(now, id(person), level);
            }
            speakers.handle_timeout(now);
            while let Some(event) = speakers.poll_event() {
                match event {
                    SpeakerEvent::Dominant(_) => score.changes.push(now),
                    SpeakerEvent::Speaking(..) => score.mark_changes += 1,
                }
            }
        }
        if let Some(holder) = dialogue.truth(at_ms) {
            score.judged += 1;
            score.right += u64::from(speakers.dominant() == Some(id(holder)));
        }
    }
    score
}

fn percent(right: u64, judged: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let share = right as f64 / judged as f64;
    100.0 * share
}

#[test]
fn dominant_is_right_95_percent_of_the_time_and_changes_at_most_once_in_2_s() {
    let scores: Vec<Score> = (0..30).map(run).collect();
    let (mut right, mut judged, mut least, mut report) = (0, 0, 100.0_f64, String::new());
    for (seed, score) in scores.iter().enumerate() {
        let own = percent(score.right, score.judged);
        least = least.min(own);
        (right, judged) = (right + score.right, judged + score.judged);
        report += &format!(
            "seed {seed}: {own:.1} %, {} changes, {} changes of marks\n",
            score.changes.len(),
            score.mark_changes
        );
        let gaps = score.changes.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.min().is_none_or(|gap| gap >= ms(2000)), "seed {seed}: {:?}", score.changes);
    }
    let total = percent(right, judged);
    println!("dominant right {total:.2} %, worst dialogue {least:.1} %\n{report}");
    assert!(total >= 95.0 && least >= 92.0, "{total:.2} %, worst {least:.1} %\n{report}");
}

/// Sends 20 ms of audio of each participant; a level of `None` sends nothing.
fn send(speakers: &mut Speakers, at_ms: u64, levels: &[Option<u8>]) -> Vec<Option<AudioRoute>> {
    let now = ms(at_ms);
    speakers.handle_timeout(now);
    let send = |(person, level): (usize, &Option<u8>)| {
        level.map(|dbov| speakers.on_packet(now, id(person), voice(dbov)))
    };
    levels.iter().enumerate().map(send).collect()
}

/// A level of speech: loud for 180 ms, then lower for 40 ms.
fn speech(at_ms: u64, dbov: u8) -> Option<u8> {
    Some(if at_ms % 220 < 180 { dbov } else { dbov + 25 })
}

#[test]
fn marks_follow_speech_within_400_ms() {
    let mut speakers = Speakers::new(SpeakersConfig::default());
    let (mut on, mut off) = (None, None);
    for at in (0..3000).step_by(20) {
        let level = if (1000..2000).contains(&at) { speech(at, 30) } else { Some(70) };
        send(&mut speakers, at, &[level]);
        match (speakers.is_speaking(id(0)), on) {
            (true, None) => on = Some(at),
            (false, Some(_)) if off.is_none() => off = Some(at),
            _ => {}
        }
    }
    assert!(on.is_some_and(|at| (1100..=1400).contains(&at)), "{on:?}");
    assert!(off.is_some_and(|at| (2200..=2500).contains(&at)), "{off:?}");
}

#[test]
fn a_cough_and_a_keyboard_do_not_make_a_participant_dominant() {
    let mut speakers = Speakers::new(SpeakersConfig::default());
    for at in (0..20_000).step_by(20) {
        let talker = if at < 4000 { speech(at, 30) } else { Some(75) };
        let cough = if at % 5000 < 400 { 8 } else { 65 };
        let click = if at % 140 < 20 { 25 } else { 75 };
        send(&mut speakers, at, &[talker, Some(cough), Some(click)]);
        if at > 2000 {
            assert_eq!(speakers.dominant(), Some(id(0)), "{at} ms");
            assert!(!speakers.is_speaking(id(2)), "{at} ms");
        }
    }
}

#[test]
fn steady_noise_becomes_the_noise_floor() {
    let mut speakers = Speakers::new(SpeakersConfig::default());
    for at in (0..8000).step_by(20) {
        // A fan starts at 3 s, louder than the speech of the other participant.
        let fan = if at < 3000 { 75 } else { 35 + u8::try_from(at / 20 % 3).unwrap() };
        send(&mut speakers, at, &[speech(at, 42), Some(fan)]);
        assert!(at < 5000 || !speakers.is_speaking(id(1)), "{at} ms");
        assert!(at < 2000 || speakers.dominant() == Some(id(0)), "{at} ms");
    }
}

#[test]
fn the_three_loudest_and_the_dominant_speaker_are_forwarded() {
    let mut speakers = Speakers::new(SpeakersConfig::default());
    for at in (0..6000).step_by(20) {
        // The quiet one speaks alone and becomes dominant; then four others interrupt, louder.
        let others =
            if at < 3000 { [Some(70); 4] } else { [20, 22, 24, 40].map(|it| speech(at, it)) };
        let levels = [speech(at, 45), others[0], others[1], others[2], others[3]];
        let routes = send(&mut speakers, at, &levels);
        assert_eq!(routes[0], Some(AudioRoute::Forward), "{at} ms");
        if at > 4500 {
            assert_eq!(speakers.dominant(), Some(id(0)));
            assert_eq!(routes[1..4], [Some(AudioRoute::Forward); 3], "{at} ms");
            assert_eq!(routes[4], Some(AudioRoute::NotSelected), "{at} ms");
        }
    }
    assert_eq!(speakers.selected().len(), 4);
}

#[test]
fn the_selection_does_not_flicker_between_equal_voices() {
    let mut speakers = Speakers::new(SpeakersConfig::default());
    let mut rng = Rng::new(5);
    let (mut before, mut changes) = (Vec::new(), 0);
    for at in (0..30_000_u64).step_by(20) {
        let mut level = || speech(at, 28).map(|it| it + u8::try_from(rng.below(7)).unwrap());
        let levels = [level(), level(), level(), level(), level()];
        send(&mut speakers, at, &levels);
        let mut selected = speakers.selected();
        selected.sort_unstable();
        changes += usize::from(selected != before);
        before = selected;
    }
    assert!(changes < 8, "{changes} changes in 30 s");
}

#[test]
fn silence_is_forwarded_for_three_packets() {
    let mut speakers = Speakers::new(SpeakersConfig::default());
    let route =
        |speakers: &mut Speakers, at: u64, dbov: u8| speakers.on_packet(ms(at), id(0), voice(dbov));
    for at in 0..20 {
        route(&mut speakers, 20 * at, 20);
    }
    let silence: Vec<_> = (20..26).map(|at| route(&mut speakers, 20 * at, 127)).collect();
    let (forward, stop) = (AudioRoute::Forward, AudioRoute::Silence);
    assert_eq!(silence, [forward, forward, forward, stop, stop, stop]);
    assert_eq!(route(&mut speakers, 20 * 26, 20), forward);
    assert_eq!(route(&mut speakers, 20 * 27, 127), forward);
}

#[test]
fn a_dominant_speaker_that_leaves_is_replaced_by_the_last_one() {
    let mut speakers = Speakers::new(SpeakersConfig::default());
    for at in (0..9000).step_by(20) {
        let who = usize::try_from(at / 3000).unwrap();
        let levels: Vec<_> =
            (0..3).map(|it| if it == who { speech(at, 30) } else { Some(70) }).collect();
        send(&mut speakers, at, &levels);
    }
    assert_eq!(speakers.dominant(), Some(id(2)));
    assert_eq!(speakers.by_last_speech(), [id(2), id(1), id(0)]);
    speakers.remove(id(2));
    assert_eq!(speakers.dominant(), Some(id(1)));
    speakers.remove(id(1));
    speakers.remove(id(0));
    assert_eq!((speakers.dominant(), speakers.poll_timeout()), (None, None));
}

#[test]
fn participants_and_gaps_in_time_are_bounded() {
    let mut speakers =
        Speakers::new(SpeakersConfig { max_participants: 2, ..SpeakersConfig::default() });
    for person in 0..100 {
        let route = speakers.on_packet(ms(0), id(person), voice(20));
        assert_eq!(route, AudioRoute::Forward);
    }
    assert_eq!(speakers.participants.len(), 2);
    speakers.on_packet(Duration::MAX, id(0), voice(20));
    speakers.on_packet(Duration::MAX, id(0), voice(20));
    speakers.handle_timeout(Duration::MAX);
    // No places: only the dominant speaker is forwarded.
    let mut speakers = Speakers::new(SpeakersConfig { loudest: 0, ..SpeakersConfig::default() });
    assert_eq!(speakers.on_packet(ms(0), id(0), voice(20)), AudioRoute::NotSelected);
}
