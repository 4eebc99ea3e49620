//! Screen content in real time: static content, sudden changes, and drops.

use codec_core::codec::{
    Bitrate, Content, DropPolicy, EncoderConfig, FrameRequest, Scalability, Update,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_tests::rng::Rng;
use codec_tests::session::{Session, bits};

const SIZE: Size = Size { width: 350, height: 230 };
const LUMA: usize = 350 * 230;

fn screen(kbps: u64) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(kbps));
    config.content = Content::Screen;
    (config.report_digest, config.report_psnr) = (true, true);
    config
}

/// Rows of sharp marks on paper, similar to text.
fn slide(seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut samples = vec![235; usize::try_from(SIZE.i420_bytes()).unwrap()];
    samples[LUMA..].fill(128);
    for line in (8..210).step_by(14) {
        for left in (10..330).step_by(7) {
            for dot in 0..40 {
                let (x, y) = (left + dot % 5, line + dot / 5);
                if rng.byte() < 110 {
                    samples[y * 350 + x] = 16;
                }
            }
        }
    }
    samples
}

fn show(session: &mut Session, samples: &[u8], count: usize) {
    let picture = Picture::i420_packed(SIZE, samples).unwrap();
    for _ in 0..count {
        session.picture(&picture, FrameRequest::default());
    }
}

fn psnr(session: &Session, packet: usize) -> [f64; 3] {
    session.packets[packet].meta.psnr().unwrap()
}

#[test]
fn slides_become_sharp_and_then_cost_almost_nothing() {
    let mut session = Session::new(screen(400));
    for seed in 0..4 {
        show(&mut session, &slide(seed), 120);
        let last = session.packets.len() - 1;
        assert!(psnr(&session, last)[0] > 44.0, "slide {seed}: {:?}", psnr(&session, last));
        assert!(bits(&session.packets[last]) < 1000);
    }
    assert_eq!(session.keys(), [0]);
    assert_eq!(session.check_decoding(|_| true), 480);
}

#[test]
fn a_slide_fits_the_rate_buffer() {
    let mut session = Session::new(screen(400));
    for seed in 0..6 {
        show(&mut session, &slide(seed), 90);
    }
    for packet in &session.packets {
        assert!(packet.meta.rate.buffer_bits >= 0, "at {}: {:?}", packet.pts, packet.meta.rate);
    }
}

#[test]
fn a_change_of_only_colour_is_shown() {
    let mut session = Session::new(screen(400));
    let mut samples = slide(1);
    show(&mut session, &samples, 60);
    for (n, sample) in samples[LUMA..].iter_mut().enumerate() {
        if n % 175 < 20 {
            *sample = 60;
        }
    }
    show(&mut session, &samples, 30);
    assert!(psnr(&session, 89)[1] > 45.0, "{:?}", psnr(&session, 89));
    session.check_decoding(|_| true);
}

#[test]
fn changes_in_a_dropped_frame_are_shown_later() {
    for mode in [Scalability::L1T1, Scalability::L1T2, Scalability::L1T3] {
        let mut config = screen(300);
        config.scalability = mode;
        config.rate.drops = DropPolicy::BelowBufferPct(30);
        let mut session = Session::new(config);
        show(&mut session, &slide(1), 40);
        // Too many changes at once: some frames are dropped.
        for seed in 2..12 {
            show(&mut session, &slide(seed), 1);
        }
        show(&mut session, &slide(12), 120);
        let last = session.packets.len() - 1;
        assert!(psnr(&session, last)[0] > 43.0, "{mode:?}: {:?}", psnr(&session, last));
        // The upper layer is off, and its frames are not counted as missing.
        if mode != Scalability::L1T1 {
            session.apply(Update::ActiveTemporalLayers(1));
            show(&mut session, &slide(13), 121);
            let last = session.packets.len() - 1;
            assert!(psnr(&session, last)[0] > 43.0, "{mode:?}: {:?}", psnr(&session, last));
        }
        session.check_decoding(|_| true);
    }
}

#[test]
fn a_camera_that_becomes_a_screen_and_back_stays_decodable() {
    let mut session = Session::new(screen(400));
    for seed in 0..6 {
        let content = [Content::Camera, Content::Screen][usize::from(seed % 2 == 0)];
        session.apply(Update::Content(content));
        show(&mut session, &slide(seed), 15);
    }
    assert_eq!(session.check_decoding(|_| true), 90);
}
