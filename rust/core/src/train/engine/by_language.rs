//! The occurrences of pairs, by column of text. Most pairs occur in a single column.

use crate::error::Result;
use crate::memory::Grow;
use crate::train::objective::too_large;

/// Amounts by column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Amounts {
    One {
        column: u32,
        amount: u64,
    },
    /// A range of [`AmountTable`], with room up to the next power of two.
    Many {
        length: u32,
        start: usize,
    },
}

impl Amounts {
    /// Nothing.
    pub(crate) const NONE: Self = Self::Many { length: 0, start: 0 };
}

/// The amounts of pairs that occur in several columns.
#[derive(Debug, Default)]
pub(crate) struct AmountTable {
    amounts: Vec<(u32, u64)>,
}

impl AmountTable {
    /// Removes all amounts.
    pub(crate) fn clear(&mut self) {
        self.amounts.clear();
    }

    /// Calls `sink` with every column and the amount there.
    #[inline(always)]
    pub(crate) fn for_each(&self, row: Amounts, mut sink: impl FnMut(u32, u64)) {
        match row {
            Amounts::One { column, amount } => sink(column, amount),
            Amounts::Many { length, start } => {
                for &(column, amount) in &self.amounts[start..start + length as usize] {
                    sink(column, amount);
                }
            }
        }
    }

    /// The sum of the amounts times the factors of their columns. It does not overflow, unless a pair reappears more
    /// often than it can occur.
    #[inline(always)]
    pub(crate) fn weigh(&self, row: Amounts, factors: &[u64]) -> u64 {
        let mut sum = 0;
        self.for_each(row, |column, amount| {
            sum = u64::saturating_add(sum, amount.saturating_mul(factors[column as usize]));
        });
        sum
    }

    /// The column with the largest part of the weight; the first of equal ones.
    pub(crate) fn winner(&self, row: Amounts, factors: &[u64]) -> u32 {
        let mut best = (0, 0);
        self.for_each(row, |column, amount| {
            let weight = amount.saturating_mul(factors[column as usize]);
            if weight > best.0 || (weight == best.0 && column < best.1) {
                best = (weight, column);
            }
        });
        best.1
    }

    /// Copies amounts from another table.
    pub(crate) fn copy(&mut self, row: Amounts, others: &Self) -> Result<Amounts> {
        let Amounts::Many { length, start: old } = row else { return Ok(row) };
        let start = self.amounts.len();
        self.amounts.try_extend_from_slice(&others.amounts[old..old + length as usize])?;
        self.amounts.try_resize(start + length.next_power_of_two() as usize, (0, 0))?;
        Ok(Amounts::Many { length, start })
    }

    /// Adds to the amount in a column.
    pub(crate) fn add(&mut self, row: &mut Amounts, column: u32, more: u64) -> Result<()> {
        if let Some(amount) = self.amount(row, column) {
            *amount = amount.checked_add(more).ok_or_else(too_large)?;
            return Ok(());
        }
        let (length, start) = match *row {
            Amounts::Many { length: 0, .. } => {
                *row = Amounts::One { column, amount: more };
                return Ok(());
            }
            Amounts::One { column, amount } => {
                self.amounts.try_push((column, amount))?;
                (1, self.amounts.len() - 1)
            }
            Amounts::Many { length, start } if length.is_power_of_two() => {
                self.amounts.try_reserve(length as usize)?;
                self.amounts.extend_from_within(start..start + length as usize);
                (length, self.amounts.len() - length as usize)
            }
            Amounts::Many { length, start } => (length, start),
        };
        let end = start + length as usize;
        self.amounts.try_resize(self.amounts.len().max(start + (length + 1).next_power_of_two() as usize), (0, 0))?;
        self.amounts[end] = (column, more);
        *row = Amounts::Many { length: length + 1, start };
        Ok(())
    }

    /// Subtracts from the amount in a column, which must be at least that large.
    pub(crate) fn subtract(&mut self, row: &mut Amounts, column: u32, less: u64) {
        if let Some(amount) = self.amount(row, column) {
            *amount -= less;
        }
    }

    fn amount<'r>(&'r mut self, row: &'r mut Amounts, wanted: u32) -> Option<&'r mut u64> {
        match row {
            Amounts::One { column, amount } => (*column == wanted).then_some(amount),
            Amounts::Many { length, start } => {
                let amounts = &mut self.amounts[*start..*start + *length as usize];
                amounts.iter_mut().find(|(column, _)| *column == wanted).map(|(_, amount)| amount)
            }
        }
    }
}
