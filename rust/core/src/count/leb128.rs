//! Numbers in files, as LEB128.

use std::io::{self, BufRead, Write};

pub(crate) fn write_number(out: &mut impl Write, mut number: u64) -> io::Result<()> {
    while number >= 0x80 {
        out.write_all(&[number as u8 | 0x80])?;
        number >>= 7;
    }
    out.write_all(&[number as u8])
}

pub(crate) fn read_number(input: &mut impl BufRead) -> io::Result<u64> {
    let too_large = || io::Error::new(io::ErrorKind::InvalidData, "a number of 2^64 or more");
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return if shift < 63 || byte[0] < 2 { Ok(number) } else { Err(too_large()) };
        }
    }
    Err(too_large())
}
