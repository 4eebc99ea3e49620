//! Limits of the H.264 levels. ITU-T H.264, table A-1.

/// Limits of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelLimits {
    /// `level_idc`; 9 is level 1b.
    pub level_idc: u8,
    /// `MaxFS`: maximum frame size in macroblocks.
    pub max_frame_mbs: u32,
    /// `MaxDpbMbs`: maximum size of the decoded picture buffer in macroblocks.
    pub max_dpb_mbs: u32,
    /// `MaxMBPS`: maximum number of macroblocks per second.
    pub max_mbs_per_second: u32,
    /// `MaxBR`: maximum bitrate in kb/s in Baseline and Main profile.
    pub max_bitrate_kbps: u32,
}

const fn level(
    level_idc: u8,
    [max_mbs_per_second, max_frame_mbs, max_dpb_mbs, max_bitrate_kbps]: [u32; 4],
) -> LevelLimits {
    LevelLimits { level_idc, max_frame_mbs, max_dpb_mbs, max_mbs_per_second, max_bitrate_kbps }
}

/// All levels in ascending order.
pub static LEVELS: [LevelLimits; 20] = [
    level(9, [1485, 99, 396, 128]),
    level(10, [1485, 99, 396, 64]),
    level(11, [3000, 396, 900, 192]),
    level(12, [6000, 396, 2376, 384]),
    level(13, [11880, 396, 2376, 768]),
    level(20, [11880, 396, 2376, 2000]),
    level(21, [19800, 792, 4752, 4000]),
    level(22, [20250, 1620, 8100, 4000]),
    level(30, [40500, 1620, 8100, 10000]),
    level(31, [108_000, 3600, 18000, 14000]),
    level(32, [216_000, 5120, 20480, 20000]),
    level(40, [245_760, 8192, 32768, 20000]),
    level(41, [245_760, 8192, 32768, 50000]),
    level(42, [522_240, 8704, 34816, 50000]),
    level(50, [589_824, 22080, 110_400, 135_000]),
    level(51, [983_040, 36864, 184_320, 240_000]),
    level(52, [2_073_600, 36864, 184_320, 240_000]),
    level(60, [4_177_920, 139_264, 696_320, 240_000]),
    level(61, [8_355_840, 139_264, 696_320, 480_000]),
    level(62, [16_711_680, 139_264, 696_320, 800_000]),
];

/// Returns the limits of a level, or of the next higher level if `level_idc` is not in the table.
#[must_use]
pub fn limits(level_idc: u8) -> LevelLimits {
    let highest = LEVELS[LEVELS.len() - 1];
    LEVELS.iter().copied().find(|level| level.level_idc >= level_idc).unwrap_or(highest)
}
