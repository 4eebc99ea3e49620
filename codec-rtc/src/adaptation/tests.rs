//! The adapter over time, with an encoder model whose quantiser depends on bits per pixel.

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

struct Run {
    adapter: Adapter,
    now: Duration,
    instruction: Option<EncoderSettings>,
    changes: Vec<(u64, EncoderSettings)>,
    /// Encode time per million pixels at the base speed.
    megapixel_ms: f64,
}

impl Run {
    fn new(config: AdaptationConfig) -> Self {
        let adapter = Adapter::new(config).unwrap();
        let (now, instruction, changes) = (Duration::ZERO, None, Vec::new());
        Self { adapter, now, instruction, changes, megapixel_ms: 5.0 }
    }

    /// Runs frames at this bitrate for `seconds`.
    fn run(&mut self, seconds: f64, kbps: u64) {
        let until = self.now + Duration::from_secs_f64(seconds);
        self.adapter.set_bitrate(self.now, Bitrate::kbps(kbps));
        while self.now < until {
            if let Some(next) = self.adapter.poll(self.now) {
                let before = self.instruction.replace(next);
                if before.is_none_or(|before| {
                    (before.rung, before.speed_up) != (next.rung, next.speed_up)
                }) {
                    self.changes.push((u64::try_from(self.now.as_millis()).unwrap(), next));
                }
            }
            let EncoderSettings { bitrate, rung, speed_up, .. } = self.instruction.unwrap();
            let pixels = rung.size.pixels() as f64;
            let bits = bitrate.0 as f64 / (pixels * rung.frame_rate);
            // About 0.1 bits per pixel at qindex 35, 0.02 at 110.
            let qindex = (4.0 / bits.max(0.01) - 5.0).min(127.0) / 1.7;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "limited")]
            let qindex = Some(qindex.max(4.0) as u8);
            let speed = 0.75_f64.powi(speed_up.into());
            let encode_time = Duration::from_secs_f64(pixels / 1e9 * self.megapixel_ms * speed);
            self.adapter.on_frame(self.now, FrameReport { qindex, encode_time });
            self.now += Duration::from_secs_f64(1.0 / rung.frame_rate);
        }
    }

    fn height(&self) -> u32 {
        self.instruction.unwrap().rung.size.height
    }
}

fn hd() -> AdaptationConfig {
    AdaptationConfig::new(Size::new(1280, 720), 30.0)
}

#[test]
fn sufficient_bitrate_keeps_the_source_resolution() {
    let mut run = Run::new(hd());
    run.run(30.0, 3000);
    assert_eq!((run.height(), run.changes.len()), (720, 1));
    let settings = run.instruction.unwrap();
    assert_eq!((settings.limitation, settings.speed_up), (Limitation::None, 0));
    assert_eq!(run.adapter.durations(run.now).none, run.now);
    assert_eq!(run.adapter.size_changes(), 0);
}

#[test]
fn initial_resolution_follows_the_first_estimate() {
    let mut run = Run::new(hd());
    run.run(0.1, 150);
    assert!(run.height() < 540, "{:?}", run.instruction);
    // Probing raises the bitrate: resolution follows faster than later in the stream.
    run.run(5.0, 2500);
    assert_eq!(run.height(), 720, "{:?}", run.changes);
}

#[test]
fn resolution_drops_quickly_and_recovers_slowly_without_oscillation() {
    let mut run = Run::new(hd());
    run.run(20.0, 2500);
    let fall = run.now;
    run.run(20.0, 200);
    assert!(run.height() <= 360, "{:?}", run.instruction);
    let first = run.changes[1].0;
    assert!(ms(first) < fall + ms(700), "{first}");
    let settled = run.changes.len();
    run.run(40.0, 200);
    assert_eq!(run.changes.len(), settled, "must not oscillate: {:?}", run.changes);
    assert_eq!(run.instruction.unwrap().limitation, Limitation::Bandwidth);
    let back = run.now;
    run.run(60.0, 2500);
    assert_eq!(run.height(), 720, "{:?}", run.changes);
    assert!(ms(run.changes[settled].0) >= back + ms(4000), "must not step up immediately");
    let rungs = run.changes.len() - settled;
    run.run(60.0, 2500);
    assert_eq!(run.changes.len() - settled, rungs, "must not change again");
    let durations = run.adapter.durations(run.now);
    assert!(durations.bandwidth > Duration::from_secs(60) && durations.cpu == Duration::ZERO);
}

#[test]
fn oscillating_bitrate_does_not_change_the_resolution() {
    let mut run = Run::new(hd());
    for _ in 0..30 {
        run.run(2.0, 700);
        run.run(2.0, 450);
    }
    assert!(run.changes.len() <= 5, "{:?}", run.changes);
}

#[test]
fn cpu_overuse_raises_speed_before_reducing_resolution() {
    let mut run = Run::new(hd());
    run.run(5.0, 3000);
    // 720p takes 41 ms; 33 ms are available.
    run.megapixel_ms = 45.0;
    run.run(30.0, 3000);
    let steps: Vec<_> = run.changes.iter().map(|(_, settings)| settings.speed_up).collect();
    assert_eq!(steps[..3], [0, 1, 2]);
    assert!(run.adapter.cpu_usage() < 0.85, "{}", run.adapter.cpu_usage());
    run.megapixel_ms = 80.0;
    run.run(20.0, 3000);
    let settings = run.instruction.unwrap();
    assert!(
        settings.rung.size.height < 720 && settings.limitation == Limitation::Cpu,
        "{settings:?}"
    );
    assert!(run.adapter.durations(run.now).cpu > Duration::from_secs(40));
    // The machine becomes fast again.
    run.megapixel_ms = 5.0;
    run.run(120.0, 3000);
    let settings = run.instruction.unwrap();
    assert_eq!((settings.speed_up, settings.rung.size.height), (0, 720), "{:?}", run.changes);
}

#[test]
fn settings_out_of_range_are_rejected() {
    assert!(Adapter::new(AdaptationConfig { frame_rate: f64::NAN, ..hd() }).is_err());
    assert!(Adapter::new(AdaptationConfig { size: Size::new(0, 5), ..hd() }).is_err());
    let quality = QualityThresholds { low_qindex: 100, ..QualityThresholds::default() };
    assert!(Adapter::new(AdaptationConfig { quality, ..hd() }).is_err());
    let cpu = CpuThresholds { low: 0.9, ..CpuThresholds::default() };
    assert!(Adapter::new(AdaptationConfig { cpu, ..hd() }).is_err());
}
