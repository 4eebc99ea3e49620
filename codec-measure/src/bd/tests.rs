use super::*;

fn curve(kbps: &[f64], quality: &[f64]) -> Vec<RatePoint> {
    kbps.iter().zip(quality).map(|(&kbps, &quality)| RatePoint { kbps, quality }).collect()
}

/// The example published with the package `bjontegaard` of FAU, whose PCHIP agrees with the sheet of
/// the JVET common test conditions to ten decimals.
fn published() -> [Vec<RatePoint>; 2] {
    [
        curve(&[9487.76, 4593.60, 2486.44, 1358.24], &[40.037, 38.615, 36.845, 34.851]),
        curve(&[9787.80, 4469.00, 2451.52, 1356.24], &[40.121, 38.651, 36.970, 34.987]),
    ]
}

/// The well-known example of Valenzise's Matlab function.
fn valenzise() -> [Vec<RatePoint>; 2] {
    [
        curve(&[686.76, 309.58, 157.11, 85.95], &[40.28, 37.18, 34.24, 31.42]),
        curve(&[893.34, 407.8, 204.93, 112.75], &[40.39, 37.21, 34.17, 31.24]),
    ]
}

#[track_caller]
fn assert_published(
    [anchor, test]: [Vec<RatePoint>; 2],
    interpolation: Interpolation,
    rate: f64,
    metric: f64,
) {
    let found = bd_rate(&anchor, &test, interpolation).unwrap().value;
    assert!((found - rate).abs() < 1e-8, "BD-rate {found}, published {rate}");
    let found = bd_metric(&anchor, &test, interpolation).unwrap().value;
    assert!((found - metric).abs() < 1e-8, "BD-metric {found}, published {metric}");
}

#[test]
fn published_examples_come_out_to_the_published_digits() {
    assert_published(published(), Interpolation::Pchip, -4.417_485_350_589, 0.119_692_784_255);
    assert_published(published(), Interpolation::Akima, -4.425_245_156_997, 0.119_409_270_285);
    assert_published(valenzise(), Interpolation::Pchip, 31.379_878_202_398, -1.183_472_404_622);
    assert_published(valenzise(), Interpolation::Akima, 31.383_988_984_341, -1.183_658_970_073);
}

#[test]
fn ten_percent_more_bits_give_a_bd_rate_of_ten_percent() {
    let rates = [100.0, 200.0, 400.0, 800.0];
    let quality = [30.0, 33.0, 36.5, 40.0];
    let more = rates.map(|rate| rate * 1.1);
    for interpolation in [Interpolation::Pchip, Interpolation::Akima] {
        let found =
            bd_rate(&curve(&rates, &quality), &curve(&more, &quality), interpolation).unwrap();
        assert!((found.value - 10.0).abs() < 1e-9);
        assert_eq!((found.from, found.to, found.overlap), (30.0, 40.0, 1.0));
    }
}

#[test]
fn the_order_of_points_does_not_matter() {
    let [anchor, mut test] = published();
    let before = bd_rate(&anchor, &test, Interpolation::Pchip);
    test.reverse();
    assert_eq!(bd_rate(&anchor, &test, Interpolation::Pchip), before);
}

#[test]
fn the_overlap_is_reported() {
    let low = curve(&[100.0, 200.0], &[30.0, 34.0]);
    let high = curve(&[150.0, 300.0], &[33.0, 38.0]);
    let found = bd_rate(&low, &high, Interpolation::Pchip).unwrap();
    assert_eq!((found.from, found.to, found.overlap), (33.0, 34.0, 0.125));
}

#[test]
fn curves_without_a_shared_range_are_rejected() {
    let low = curve(&[100.0, 200.0], &[30.0, 32.0]);
    let high = curve(&[400.0, 800.0], &[34.0, 36.0]);
    let refused = bd_rate(&low, &high, Interpolation::Pchip);
    let expected = BdError::NoOverlap { anchor_is_lower: true, ends: 32.0, begins: 34.0 };
    assert_eq!(refused, Err(expected));
    assert_eq!(
        expected.named("a", "b"),
        "the curves do not overlap: a ends at 32.000, b begins at 34.000"
    );
    let swapped = bd_rate(&high, &low, Interpolation::Pchip).unwrap_err();
    assert!(swapped.named("b", "a").ends_with("a ends at 32.000, b begins at 34.000"), "{swapped}");
    match bd_metric(&low, &high, Interpolation::Pchip) {
        Err(BdError::NoOverlap { ends, begins, .. }) => {
            assert!((ends - 200.0).abs() < 1e-9 && (begins - 400.0).abs() < 1e-9);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn invalid_curves_are_rejected() {
    let good = curve(&[100.0, 200.0], &[30.0, 32.0]);
    let against = |points: &[RatePoint]| {
        let of_test = bd_rate(&good, points, Interpolation::Akima);
        let of_anchor = bd_rate(points, &good, Interpolation::Akima);
        match (of_test, of_anchor) {
            (Err(BdError::Test(error)), Err(BdError::Anchor(same))) if same == error => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(against(&good[..1]), CurveError::TooFewPoints(1));
    assert_eq!(against(&curve(&[1.0, 2.0], &[30.0, f64::NAN])), CurveError::NotANumber);
    assert_eq!(against(&curve(&[0.0, 2.0], &[30.0, 31.0])), CurveError::NotANumber);
    assert_eq!(against(&curve(&[1.0, 2.0], &[30.0, 29.0])), CurveError::NotMonotone(2.0));
    assert_eq!(against(&curve(&[1.0, 2.0], &[30.0, 30.0])), CurveError::SamePlace(30.0));
}

#[test]
fn identical_points_count_once() {
    let once = curve(&[100.0, 200.0, 400.0], &[30.0, 33.0, 36.0]);
    let twice = curve(&[400.0, 100.0, 200.0, 100.0], &[36.0, 30.0, 33.0, 30.0]);
    let [_, other] = published();
    for interpolation in [Interpolation::Pchip, Interpolation::Akima] {
        let rates = [&once, &twice].map(|points| bd_rate(points, &other, interpolation).unwrap());
        assert_eq!(rates[0], rates[1]);
        let metrics =
            [&once, &twice].map(|points| bd_metric(points, &once, interpolation).unwrap());
        assert_eq!(metrics[0], metrics[1]);
    }
    let same = curve(&[100.0; 4], &[30.0; 4]);
    let refused = bd_rate(&same, &other, Interpolation::Pchip);
    assert_eq!(refused, Err(BdError::Anchor(CurveError::TooFewPoints(1))));
}

#[test]
fn errors_name_the_curve() {
    let good = curve(&[100.0, 200.0], &[30.0, 32.0]);
    let falls = curve(&[10.0, 23.4], &[40.0, 39.0]);
    let error = bd_rate(&falls, &good, Interpolation::Pchip).unwrap_err();
    assert_eq!(
        error.named("x", "y"),
        "curve of x: quality falls as the bitrate rises to 23.4 kb/s"
    );
    let error = bd_rate(&good, &falls, Interpolation::Pchip).unwrap_err();
    assert_eq!(
        error.named("x", "y"),
        "curve of y: quality falls as the bitrate rises to 23.4 kb/s"
    );
}
