//! Colours after scene cuts at low bitrates. Coarse quantisers lose small colour offsets, and grey
//! turns lilac or green until something else refreshes the macroblock.

use codec_core::codec::{Bitrate, DecoderConfig, EncoderConfig, FrameRequest};
use codec_core::frame::{Chroma, Picture, Rational, Size};
use codec_tests::clips::Clip;
use codec_tests::fuzz::vp8_decoder;
use codec_tests::rng::Rng;
use codec_tests::session::Session;
use codec_tests::{data, depth, external};

const SIZE: Size = Size { width: 640, height: 272 };
/// Frames of a scene.
const SCENE: usize = 30;
/// Difference of the mean of a block of 8x8 chroma pixels that is visible.
const VISIBLE: i32 = 4;

/// Scenes that follow each other with cuts: strong colours, then two kinds of grey.
fn film() -> Vec<Vec<u8>> {
    let mut rng = Rng::new(14);
    // Texture of blobs: expensive, so that the quantiser stays coarse.
    let mut texture = vec![0u8; 1024 * 512];
    for _ in 0..9000 {
        let (x, y) = (rng.index(1000), rng.index(490));
        let (width, height) = (4 + rng.index(18), 4 + rng.index(18));
        let level = 40 + rng.byte() % 170;
        for row in y..y + height {
            texture[row * 1024 + x..row * 1024 + x + width].fill(level);
        }
    }
    // Means of U and V, and their variation over the frame.
    let scenes = [([100, 160], 60), ([128, 128], 4), ([124, 131], 6)];
    let mut frames = Vec::new();
    for (number, (means, variation)) in scenes.into_iter().enumerate() {
        for frame in 0..SCENE {
            let mut samples = Vec::new();
            for y in 0..272 {
                for x in 0..640 {
                    let value = texture[(y + 70 * number) * 1024 + x + 3 * frame + 100 * number];
                    samples.push(value + (rng.byte() & 3));
                }
            }
            for mean in means {
                for y in 0..136 {
                    for x in 0..320 {
                        let level = texture[(y / 8 + 50 * number) * 1024 + (x + frame) / 8];
                        let offset = (i32::from(level) - 125) * variation / 170;
                        samples.push(u8::try_from(mean + offset).unwrap());
                    }
                }
            }
            frames.push(samples);
        }
    }
    frames
}

/// Means of the complete blocks of 8x8 pixels of U and V.
fn means(picture: &Picture<'_>) -> Vec<i32> {
    let Chroma::Planar { u, v } = picture.chroma() else { panic!("planar") };
    let size = picture.size().chroma();
    let mut means = Vec::new();
    for plane in [u, v] {
        for y in (0..size.height as usize / 8).map(|y| 8 * y) {
            for x in (0..size.width as usize / 8).map(|x| 8 * x) {
                let sum_of = |y: usize| plane.row(y)[x..x + 8].iter().map(|&p| i32::from(p));
                means.push((y..y + 8).flat_map(sum_of).sum::<i32>() / 64);
            }
        }
    }
    means
}

/// Percentage of blocks with a visible offset, from the fifth frame after each of `cuts` on.
fn visible_pct(size: Size, frames: &[Vec<u8>], cuts: &[usize], speed: u8) -> f64 {
    let config = EncoderConfig::rtc(size, Rational::new(24, 1), Bitrate::kbps(250)).speed(speed);
    let mut session = Session::new(config);
    for samples in frames {
        session.picture(&Picture::i420_packed(size, samples).unwrap(), FrameRequest::default());
    }
    let mut decoder = vp8_decoder(&DecoderConfig::default());
    let (mut visible, mut count) = (0u32, 0u32);
    for (number, (packet, samples)) in session.packets.iter().zip(frames).enumerate() {
        decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
        let frame = decoder.receive().unwrap();
        let last_cut = cuts.iter().rfind(|&&cut| cut <= number);
        if last_cut.is_none_or(|cut| number < cut + 5) {
            continue;
        }
        let source = means(&Picture::i420_packed(size, samples).unwrap());
        for (is, should) in means(&frame.picture()).into_iter().zip(source) {
            visible += u32::from((is - should).abs() > VISIBLE);
            count += 1;
        }
    }
    assert_eq!(session.packets.len(), frames.len());
    100.0 * f64::from(visible) / f64::from(count)
}

#[test]
fn grey_stays_grey_after_a_cut() {
    let frames = film();
    for speed in depth::sample([3, 5, 7, 9, 10], 2, 1) {
        let visible = visible_pct(SIZE, &frames, &[SCENE, 2 * SCENE], speed);
        eprintln!("speed {speed}: {visible:.2} %");
        assert!(visible < 1.0, "speed {speed}: {visible} % of blocks have a wrong colour");
    }
}

/// An animation, a road with a third of its colour, and an office.
#[test]
fn real_scenes_keep_their_colours_after_a_cut() {
    if depth::skips_long() {
        return;
    }
    let what = "colours of real scenes after cuts";
    let Some(dir) = data::dir(what) else { return };
    if !external::have("ffmpeg", what) {
        return;
    }
    let mut frames = Vec::new();
    for (name, share) in
        [("anim_bunny_1280x720", 100), ("motion_drive_640x360", 33), ("talk_office_640x360", 50)]
    {
        let mut clip = Clip::read(&dir.join(format!("clips/{name}.mkv")), SIZE, SCENE);
        let len = clip.frame_len();
        for frame in clip.samples.chunks_exact_mut(len) {
            for chroma in &mut frame[len * 2 / 3..] {
                let faded = 128 + (i32::from(*chroma) - 128) * share / 100;
                *chroma = u8::try_from(faded).unwrap();
            }
            frames.push(frame.to_vec());
        }
    }
    for speed in [5, 7, 9] {
        let visible = visible_pct(SIZE, &frames, &[SCENE, 2 * SCENE], speed);
        eprintln!("speed {speed}: {visible:.2} %");
        assert!(visible < 1.0, "speed {speed}: {visible} % of blocks have a wrong colour");
    }
}
