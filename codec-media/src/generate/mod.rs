//! Synthetic clips: deterministic scenes drawn with integer arithmetic, so that every machine
//! produces the same bytes and tests need no downloads.
//!
//! Every frame can be drawn independently. Motion follows time, not the frame number: the same time
//! shows the same content at any frame rate.

mod audio;
mod clapper;
mod font;
mod math;
mod pan;
mod slide;
pub mod sources;
mod talking_head;
mod text;

use codec_core::error::ConfigError;
use codec_core::frame::{Picture, Rational, Size};

pub use audio::{AudioGenerator, AudioSignal};
use math::{hash, sensor_noise};

/// A synthetic scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A person who talks, sways, blinks and gestures in front of a shelf, with sensor noise.
    TalkingHead,
    /// Lines of small text that scroll upwards.
    ScrollingText,
    /// A camera pans, by fractions of a pixel, over a landscape of several octaves of noise.
    TexturePan,
    /// A new scene about every second and a half.
    SceneCuts,
    /// A static slide with headline, text and bars.
    StaticSlide,
    /// Black, with a white flash every three seconds: the video of a clapper. Its audio is
    /// [`AudioSignal::Clicks`].
    Clapper,
}

impl Scene {
    /// All scenes with their names and descriptions.
    pub const ALL: [(&'static str, Self, &'static str); 6] = [
        ("talking-head", Self::TalkingHead, "a person talking, with sensor noise"),
        ("scrolling-text", Self::ScrollingText, "lines of small text that scroll"),
        ("texture-pan", Self::TexturePan, "a camera pans over a landscape"),
        ("scene-cuts", Self::SceneCuts, "a new scene every second and a half"),
        ("static-slide", Self::StaticSlide, "a static slide"),
        ("clapper", Self::Clapper, "a flash and a click every three seconds"),
    ];

    /// Returns the scene of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, ..)| *n == name).map(|&(_, scene, _)| scene)
    }
}

/// Names of all scenes and audio signals.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let scenes = Scene::ALL.iter().map(|(name, ..)| *name);
    scenes.chain(AudioSignal::ALL.iter().map(|(name, ..)| *name)).collect()
}

/// Names of all scenes.
#[must_use]
pub fn scene_names() -> Vec<&'static str> {
    Scene::ALL.iter().map(|(name, ..)| *name).collect()
}

/// A colour: luma and both chroma samples, limited range.
type Yuv = [i32; 3];

/// One moment of a scene.
trait Painter {
    /// The colour at a pixel.
    fn pixel(&self, x: i32, y: i32) -> Yuv;

    /// Amplitude of the sensor noise, in 1/16 of a luma step.
    fn noise(&self) -> i32 {
        0
    }
}

/// Draws the frames of a scene.
///
/// ```
/// use codec_core::frame::{Rational, Size};
/// use codec_media::generate::{Generator, Scene};
///
/// let scene = Scene::from_name("talking-head").expect("a scene");
/// let generator = Generator::new(scene, Size::new(64, 48), Rational::new(30, 1), 7)?;
/// let (mut first, mut again) = (Vec::new(), Vec::new());
/// generator.draw(0, &mut first);
/// generator.draw(0, &mut again);
/// assert_eq!((first.len(), &first), (64 * 48 * 3 / 2, &again)); // the same on every machine
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    scene: Scene,
    size: Size,
    framerate: Rational,
    seed: u64,
}

impl Generator {
    /// Creates a generator of frames of `size`. Different seeds give different content of the same
    /// kind.
    ///
    /// # Errors
    ///
    /// If the size is outside 1x1 to 16383x16383, or the frame rate is 0 or infinite.
    pub fn new(
        scene: Scene,
        size: Size,
        framerate: Rational,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        let allowed = 1..=16383;
        if !allowed.contains(&size.width) || !allowed.contains(&size.height) {
            return Err(ConfigError::new("size", size, "1x1 to 16383x16383"));
        }
        if framerate.num == 0 || framerate.den == 0 {
            return Err(ConfigError::new("fps", framerate, "a positive ratio"));
        }
        Ok(Self { scene, size, framerate, seed })
    }

    /// Size of the frames.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Frames per second.
    #[must_use]
    pub fn frame_rate(&self) -> Rational {
        self.framerate
    }

    /// The audio signal that belongs to the scene, if any.
    #[must_use]
    pub fn audio(&self) -> Option<AudioSignal> {
        (self.scene == Scene::Clapper).then_some(AudioSignal::Clicks)
    }

    /// Draws frame `index` into `out`: I420 without padding, limited range.
    pub fn draw(&self, index: u32, out: &mut Vec<u8>) {
        let time_ms =
            u64::from(index) * 1000 * u64::from(self.framerate.den) / u64::from(self.framerate.num);
        let mut scene = self.scene;
        let mut seed = self.seed;
        let mut time_ms = time_ms;
        if scene == Scene::SceneCuts {
            let shot = time_ms / 1500;
            time_ms += shot * 700;
            seed = u64::from(hash(&[0x5ce, seed, shot]));
            scene = match shot % 4 {
                0 => Scene::TexturePan,
                1 => Scene::TalkingHead,
                2 => Scene::ScrollingText,
                _ => Scene::StaticSlide,
            };
        }
        match scene {
            Scene::TalkingHead => {
                self.fill(index, out, &talking_head::TalkingHead::new(self.size, seed, time_ms));
            }
            Scene::ScrollingText => {
                self.fill(index, out, &text::ScrollingText::new(self.size, seed, time_ms));
            }
            Scene::StaticSlide => self.fill(index, out, &slide::Slide::new(self.size, seed)),
            Scene::Clapper => self.fill(index, out, &clapper::Clapper::new(time_ms)),
            Scene::TexturePan | Scene::SceneCuts => {
                self.fill(index, out, &pan::TexturePan::new(self.size, seed, time_ms));
            }
        }
    }

    /// Draws frame `index` into `buffer` and returns a view of it.
    ///
    /// # Errors
    ///
    /// None in practice: the buffer has the right length.
    pub fn picture<'a>(
        &self,
        index: u32,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Picture<'a>, ConfigError> {
        self.draw(index, buffer);
        Picture::i420_packed(self.size, buffer)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    #[expect(clippy::cast_possible_wrap, reason = "sizes stay below 16384")]
    fn fill(&self, index: u32, out: &mut Vec<u8>, painter: &impl Painter) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let half = self.size.chroma();
        let half_width = half.width as usize;
        let chroma_len = half_width * half.height as usize;
        out.clear();
        out.resize(width * height + 2 * chroma_len, 0);
        let (luma, chroma) = out.split_at_mut(width * height);
        let (u_plane, v_plane) = chroma.split_at_mut(chroma_len);
        let amplitude = painter.noise();
        let frame_seed = hash(&[0xf4a, self.seed, u64::from(index)]);
        let mut sums = vec![[0_i32; 3]; half_width];
        for y in 0..height {
            for x in 0..width {
                let [l, u, v] = painter.pixel(x as i32, y as i32);
                let noise = match amplitude {
                    0 => 0,
                    _ => sensor_noise(frame_seed, x as u32, y as u32, amplitude),
                };
                luma[y * width + x] = (l + noise).clamp(16, 235) as u8;
                let sum = &mut sums[x / 2];
                *sum = [sum[0] + u, sum[1] + v, sum[2] + 1];
            }
            if y % 2 == 1 || y + 1 == height {
                let row = y / 2 * half_width..(y / 2 + 1) * half_width;
                let targets = u_plane[row.clone()].iter_mut().zip(&mut v_plane[row]);
                for (x, ((u_out, v_out), sum)) in targets.zip(&mut sums).enumerate() {
                    let [u, v, count] = std::mem::take(sum);
                    let noise = |salt: u32| match amplitude {
                        0 => 0,
                        _ => sensor_noise(frame_seed ^ salt, x as u32, y as u32, amplitude / 2),
                    };
                    *u_out = ((u + count / 2) / count + noise(0x75)).clamp(16, 240) as u8;
                    *v_out = ((v + count / 2) / count + noise(0x76)).clamp(16, 240) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(scene: Scene, size: Size, index: u32, seed: u64) -> Vec<u8> {
        let mut out = Vec::new();
        Generator::new(scene, size, Rational::new(30, 1), seed).unwrap().draw(index, &mut out);
        out
    }

    #[test]
    fn frames_depend_only_on_scene_size_time_and_seed() {
        for (_, scene, _) in Scene::ALL.into_iter().filter(|scene| scene.1 != Scene::Clapper) {
            let size = Size::new(161, 91);
            let frame = drawn(scene, size, 40, 1);
            assert_eq!(frame.len() as u64, size.i420_bytes());
            assert_eq!(frame, drawn(scene, size, 40, 1), "{scene:?}");
            assert_ne!(frame, drawn(scene, size, 40, 2), "{scene:?}");
            let moves = frame != drawn(scene, size, 41, 1);
            assert_eq!(moves, scene != Scene::StaticSlide, "{scene:?}");
        }
    }

    #[test]
    fn bytes_are_the_same_on_every_machine() {
        let digests = Scene::ALL.map(|(_, scene, _)| {
            let mut digest = 0xcbf2_9ce4_8422_2325_u64;
            for index in [0, 7, 60] {
                for byte in drawn(scene, Size::new(96, 50), index, 3) {
                    digest = (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
                }
            }
            digest
        });
        assert_eq!(digests, GOLDEN);
    }

    const GOLDEN: [u64; 6] = [
        9972270189919061278,
        10387354988036055783,
        12107665801600299697,
        7486092144568942442,
        2480344671044303294,
        6868150461564754597,
    ];

    #[test]
    fn the_smallest_and_odd_sizes_are_drawn() {
        for (_, scene, _) in Scene::ALL {
            for size in [Size::new(1, 1), Size::new(2, 3), Size::new(3, 40), Size::new(640, 2)] {
                assert_eq!(drawn(scene, size, 100, 1).len() as u64, size.i420_bytes());
            }
        }
    }
}
