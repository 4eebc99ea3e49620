//! Simulates studies whose true values are known, and counts how often confidence intervals contain
//! the true values, and how often equal encoders are reported as different. The random numbers are
//! seeded, so the counts are the same on every machine.

use super::tests::{point, study_of};
use super::*;
use crate::stats::Random;

/// Two-sided, so that 200 studies at 5 % may be wrong ten times.
const STUDIES: usize = 200;

/// A value of the standard normal distribution (sum of twelve uniform ones; its fourth moment is 0.1
/// below, which moves the coverage of t by less than 0.1 %).
fn normal(random: &mut Random) -> f64 {
    let unit = |random: &mut Random| {
        f64::from(u32::try_from(random.next_u64() >> 32).unwrap()) / f64::from(u32::MAX)
    };
    (0..12).map(|_| unit(random)).sum::<f64>() - 6.0
}

/// Parameters of a simulated study.
#[derive(Clone, Copy)]
struct Truth {
    clips: usize,
    repeats: usize,
    /// Mean BD-rate of the population of clips, in percent, and its deviation between clips.
    rate: (f64, f64),
    /// Mean logarithm of the CPU ratio, its deviation between clips, and the deviation of each encoding.
    cpu: (f64, f64, f64),
}

/// A study of an anchor and an arm on randomly drawn clips.
fn simulate(truth: Truth, random: &mut Random) -> Results {
    let names: Vec<String> = (0..truth.clips).map(|clip| format!("c{clip}")).collect();
    let mut results = study_of(&names, &["a", "b"]);
    for clip in &names {
        let more = 1.0 + (truth.rate.0 + truth.rate.1 * normal(random)) / 100.0;
        let slower = truth.cpu.0 + truth.cpu.1 * normal(random);
        for (index, rate) in [200.0, 400.0, 800.0, 1600.0].into_iter().enumerate() {
            let quality = 30.0 + 3.0 * f64::from(u32::try_from(index).unwrap());
            // The machine slows down temporarily, for both; each encoding has independent noise and
            // occasional delays.
            let drift: Vec<f64> = (0..truth.repeats).map(|_| 0.1 * normal(random)).collect();
            let mut times = |mean: f64| -> Vec<f64> {
                let one = |drift: &f64| {
                    let outlier = if random.below(20) == 0 { 4.0 } else { 1.0 };
                    (mean + drift + truth.cpu.2 * outlier * normal(random)).exp()
                };
                drift.iter().map(one).collect()
            };
            let (anchor, arm) = (times(0.0), times(slower));
            for (name, kbps, cpu_s) in [("a", rate, anchor), ("b", rate * more, arm)] {
                let mut point = point(name, clip, rate, kbps, quality, cpu_s[0]);
                point.speed.cpu_s = cpu_s;
                results.points.push(point);
            }
        }
    }
    results.compare(Interpolation::Pchip);
    results
}

/// Percentage of the intervals of BD-rate and of CPU ratio that contain the truth.
fn coverage(truth: Truth, studies: u32) -> [f64; 2] {
    let mut random = Random::new(11 + truth.clips as u64);
    let mut held = [0, 0];
    for _ in 0..studies {
        let found = simulate(truth, &mut random);
        let figures = [
            (found.comparisons[0].bd_rate.unwrap(), truth.rate.0),
            (found.frontier[1].cpu_ratio, truth.cpu.0.exp()),
        ];
        for (held, (figure, truth)) in held.iter_mut().zip(figures) {
            let (low, high) = figure.ends();
            *held += u32::from((low..=high).contains(&truth));
        }
    }
    held.map(|held| 100.0 * f64::from(held) / f64::from(studies))
}

#[test]
fn intervals_over_clips_contain_the_true_value_in_95_of_100_studies() {
    for clips in [2, 3, 5, 10] {
        let truth = Truth { clips, repeats: 3, rate: (12.0, 9.0), cpu: (0.3, 0.1, 0.03) };
        let found = coverage(truth, 3000);
        println!("{clips} clips: {found:?}");
        assert!(found.iter().all(|share| (93.0..=97.0).contains(share)), "{clips}: {found:?}");
    }
}

#[test]
fn intervals_over_the_repeats_of_one_clip_contain_its_true_value() {
    for repeats in [3, 5, 9] {
        let truth = Truth { clips: 1, repeats, rate: (12.0, 0.0), cpu: (0.3, 0.0, 0.03) };
        let [_, cpu] = coverage(truth, 3000);
        println!("{repeats} repeats: {cpu}");
        assert!((93.0..=97.0).contains(&cpu), "{repeats}: {cpu}");
        let study = simulate(truth, &mut Random::new(1));
        let ratio = study.frontier[1].cpu_ratio.interval.unwrap();
        assert_eq!((ratio.over, ratio.count as usize), (Sample::Repeats, repeats));
        // One clip gives no information about others.
        let rate = study.comparisons[0].bd_rate.unwrap();
        assert_eq!((rate.interval, rate.differs), (None, None));
    }
}

/// Whether anything in the study is reported as different.
fn is_called(study: &Results) -> bool {
    let rates = study.comparisons.iter().filter_map(|one| one.bd_rate?.differs);
    let times = study.frontier.iter().filter_map(|one| one.cpu_ratio.differs);
    rates.chain(times).any(|differs| differs)
}

#[test]
fn equal_encoders_are_reported_as_different_in_at_most_5_of_100_studies() {
    for (clips, rate_noise) in
        [(1, 0.0), (2, 0.0), (2, 1.0), (3, 1.0), (5, 1.0), (10, 1.0), (5, 0.0)]
    {
        // Most encoders write the same stream again, so only their times differ; some do not.
        let truth = Truth { clips, repeats: 3, rate: (0.0, rate_noise), cpu: (0.0, 0.0, 0.03) };
        let mut random = Random::new(5);
        let wrong = (0..STUDIES).filter(|_| is_called(&simulate(truth, &mut random))).count();
        println!("{clips} clips, noise {rate_noise}: {wrong} of {STUDIES}");
        assert!(wrong * 20 <= STUDIES, "{clips} clips, noise {rate_noise}: {wrong} of {STUDIES}");
    }
}

#[test]
fn different_encoders_are_reported_as_different() {
    let truth = Truth { clips: 5, repeats: 3, rate: (12.0, 3.0), cpu: (0.2, 0.02, 0.03) };
    let mut random = Random::new(3);
    let found = (0..STUDIES).filter(|_| {
        let study = simulate(truth, &mut random);
        let rate = study.comparisons[0].bd_rate.unwrap().differs;
        (rate, study.frontier[1].cpu_ratio.differs) == (Some(true), Some(true))
    });
    let found = found.count();
    println!("{found}");
    assert!(found * 10 > STUDIES * 9, "{found}");
}
