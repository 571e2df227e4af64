//! Where pieces end: the buffer between splitting and whoever takes the pieces.

/// Ends of consecutive pieces, counted from where the first begins. Reused from stretch to stretch.
#[derive(Debug, Default)]
pub struct Ends {
    buffer: Vec<u32>,
    length: usize,
}

/// [`Ends::push_all`] writes this many at once.
const AT_ONCE: usize = 8;

impl Ends {
    /// The ends, ascending.
    pub fn as_slice(&self) -> &[u32] {
        &self.buffer[..self.length]
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// The last end; 0 if there is none.
    pub(super) fn last(&self) -> u32 {
        if self.length == 0 { 0 } else { self.buffer[self.length - 1] }
    }

    pub(super) fn push(&mut self, end: u32) {
        self.reserve(1);
        self.buffer[self.length] = end;
        self.length += 1;
    }

    /// Room for `more` ends beyond the present ones.
    fn reserve(&mut self, more: usize) {
        if self.length + more > self.buffer.len() {
            self.buffer.resize(2 * (self.length + more), 0);
        }
    }

    /// Appends `offset` plus the place of each bit. Writes eight places at a time, however many are left, so that the one
    /// branch is taken as often as the number of bits divided by eight says.
    #[inline]
    pub(super) fn push_all(&mut self, mut bits: u64, offset: usize) {
        self.reserve(64 + AT_ONCE);
        let count = bits.count_ones() as usize;
        let mut at = self.length;
        while bits != 0 {
            for slot in &mut self.buffer[at..at + AT_ONCE] {
                *slot = offset as u32 + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
            at += AT_ONCE;
        }
        self.length += count;
    }

    /// Drops the ends beyond `limit`.
    pub(super) fn truncate(&mut self, limit: usize) {
        while self.length > 0 && self.last() as usize > limit {
            self.length -= 1;
        }
    }

    /// Drops the ends after the first that is at least `place`; all of them if `place` is 0, where the first piece begins.
    pub(super) fn keep_to_first_from(&mut self, place: usize) {
        let before = self.as_slice().iter().take_while(|&&end| (end as usize) < place).count();
        self.length = if place == 0 { 0 } else { self.length.min(before + 1) };
    }
}
