//! The buffer of piece ends, between the splitter and its caller.

use crate::arch::{Block, U32x16};
use crate::error::Result;
use crate::memory::Grow;
use crate::stop::Stop;

/// The ends of consecutive pieces, counted from the start of the first. The memory is used again for each stretch.
#[derive(Debug, Default)]
pub struct Ends {
    buffer: Vec<u32>,
    length: usize,
    /// Whether the pieces may hold letters without case.
    has_caseless: bool,
    /// Memory for the class masks of the stretch. (Clearing it for each stretch took an eighth of a call on a short
    /// text.)
    pub(super) blocks: Vec<Block>,
    stop: Stop,
    /// Number of stretches since `stop` was asked.
    unasked: u32,
}

impl Ends {
    /// The ends, ascending.
    pub fn as_slice(&self) -> &[u32] {
        &self.buffer[..self.length]
    }

    /// Whether the pieces may hold letters without case, such as those of Chinese and Thai. European languages hardly
    /// have any.
    pub fn has_caseless(&self) -> bool {
        self.has_caseless
    }

    /// From now on splitting ends with [`Error::Interrupted`](crate::Error::Interrupted) when `stop` says so.
    pub(crate) fn watch(&mut self, stop: &Stop) {
        self.stop.clone_from(stop);
    }

    /// Checks whether to go on with the next stretch. Most stretches are two kilobytes, so `stop` is asked once in
    /// sixteen.
    #[inline(always)]
    pub(crate) fn check(&mut self) -> Result<()> {
        self.unasked = (self.unasked + 1) % 16;
        if self.unasked == 0 { self.stop.check() } else { Ok(()) }
    }

    /// The wish to stop that the splitting asks for.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Removes all ends.
    pub(super) fn clear(&mut self, has_caseless: bool) {
        (self.length, self.has_caseless) = (0, has_caseless);
    }

    /// Room for ends of other pieces, one more than `count`; [`take`](Self::take) says which are there.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn room(&mut self, count: usize) -> Result<&mut [u32]> {
        self.length = 0;
        self.reserve(count + 1)?;
        Ok(&mut self.buffer)
    }

    /// Takes the first `count` ends that were put into the [`room`](Self::room).
    pub(crate) fn take(&mut self, count: usize, has_caseless: bool) {
        (self.length, self.has_caseless) = (count, has_caseless);
    }

    /// The last end; 0 if there is none.
    pub(super) fn last(&self) -> u32 {
        if self.length == 0 { 0 } else { self.buffer[self.length - 1] }
    }

    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(super) fn push(&mut self, end: u32) -> Result<()> {
        self.reserve(1)?;
        self.buffer[self.length] = end;
        self.length += 1;
        Ok(())
    }

    /// Makes room for `more` ends.
    #[inline(always)]
    fn reserve(&mut self, more: usize) -> Result<()> {
        if self.length + more > self.buffer.len() {
            self.buffer.try_resize(2 * (self.length + more), 0)
        } else {
            Ok(())
        }
    }

    /// Appends `offset` plus the position of each set bit.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    #[inline(always)]
    pub(super) fn push_all<R: U32x16>(&mut self, bits: u64, offset: usize) -> Result<()> {
        self.reserve(64)?;
        let places: &mut [u32; 64] = (&mut self.buffer[self.length..][..64]).try_into().expect("64 places");
        self.length += R::set_bits(bits, offset as u32, places);
        Ok(())
    }

    /// Drops the ends beyond `limit`.
    pub(super) fn truncate(&mut self, limit: usize) {
        while self.length > 0 && self.last() as usize > limit {
            self.length -= 1;
        }
    }

    /// Removes the ends behind the first one that is at least `place`. If `place` is 0, where the first piece begins,
    /// all ends are removed.
    pub(super) fn keep_to_first_from(&mut self, place: usize) {
        let before = self.as_slice().iter().take_while(|&&end| (end as usize) < place).count();
        self.length = if place == 0 { 0 } else { self.length.min(before + 1) };
    }
}
