//! Checksums of documents: which one changed on the disk.

use flate2::Crc;

use crate::error::{Error, Result};
use crate::memory::collect_all;

/// The CRC-32 of each document's ids as little-endian numbers of 32 bits. The width of the ids in a file makes no
/// difference. `offsets` says where documents begin, and where the last ends.
///
/// # Errors
/// [`Error::Argument`] if the offsets do not describe the ids; [`Error::Memory`].
pub fn checksums(ids: &[u32], offsets: &[i64]) -> Result<Vec<u32>> {
    collect_all(offsets.windows(2).map(|ends| {
        let range = usize::try_from(ends[0]).ok().zip(usize::try_from(ends[1]).ok());
        let own = range.and_then(|(start, end)| ids.get(start..end));
        let own = own.ok_or_else(|| Error::argument("offsets", "they do not describe the ids"))?;
        let mut sum = Crc::new();
        if cfg!(target_endian = "little") {
            sum.update(bytemuck::cast_slice(own));
        } else {
            own.iter().for_each(|id| sum.update(&id.to_le_bytes()));
        }
        Ok(sum.sum())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_of_the_bytes_of_a_document() {
        let sums = checksums(&[1, 2, 1, 2, 3], &[0, 2, 2, 4, 5]).unwrap();
        assert_eq!((sums[0], sums[1]), (sums[2], 0));
        assert_ne!(sums[0], sums[3]);
        assert!(checksums(&[1], &[0, 2]).is_err() && checksums(&[1], &[1, 0]).is_err());
    }
}
