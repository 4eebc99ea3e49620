//! The checksums of FLAC frames. RFC 9639, sections 9.1.8 and 9.3.

static CRC8: [u8; 256] = crc8_table();
static CRC16: [u16; 256] = crc16_table();

const fn crc8_table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut value = 0_u8;
    loop {
        let (mut crc, mut bit) = (value, 0);
        while bit < 8 {
            crc = crc << 1 ^ if crc & 0x80 != 0 { 0x07 } else { 0 };
            bit += 1;
        }
        table[value as usize] = crc;
        if value == 255 {
            return table;
        }
        value += 1;
    }
}

const fn crc16_table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut value = 0_u16;
    while value < 256 {
        let (mut crc, mut bit) = (value << 8, 0);
        while bit < 8 {
            crc = crc << 1 ^ if crc & 0x8000 != 0 { 0x8005 } else { 0 };
            bit += 1;
        }
        table[value as usize] = crc;
        value += 1;
    }
    table
}

pub(super) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, &byte| CRC8[usize::from(crc ^ byte)])
}

/// Continues the CRC-16 `crc` with `byte`. The initial value is 0.
pub(super) fn crc16(crc: u16, byte: u8) -> u16 {
    let [high, _] = crc.to_be_bytes();
    crc << 8 ^ CRC16[usize::from(high ^ byte)]
}
