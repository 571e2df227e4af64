//! The result type of batches: the ids of all texts, and the beginning of each text.

/// Ids of many texts: text `i` has `ids[offsets[i]..offsets[i + 1]]`. `offsets` starts with 0 and has one more entry
/// than there are texts, as Arrow's large lists have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ragged {
    /// The ids of all texts.
    pub ids: Vec<u32>,
    /// The beginning of each text, and the end of the last.
    pub offsets: Vec<i64>,
}

impl Default for Ragged {
    fn default() -> Self {
        Self { ids: Vec::new(), offsets: vec![0] }
    }
}

impl Ragged {
    /// The number of texts.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of text `i`.
    pub fn get(&self, i: usize) -> &[u32] {
        &self.ids[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }
    /// The same ids with ids of the caller before and behind the ids of each text.
    #[must_use]
    pub fn between(mut self, first: &[u32], last: &[u32]) -> Self {
        let before = first.len();
        let more = before + last.len();
        if more == 0 {
            return self;
        }
        self.ids.resize(self.ids.len() + self.len() * more, 0);
        // From the last text on, each moves to a place that is already free.
        for text in (0..self.len()).rev() {
            let (start, end) = (self.offsets[text] as usize, self.offsets[text + 1] as usize);
            let place = start + text * more;
            self.ids.copy_within(start..end, place + before);
            self.ids[place..place + before].copy_from_slice(first);
            self.ids[place + before + end - start..][..last.len()].copy_from_slice(last);
        }
        for (text, offset) in self.offsets.iter_mut().enumerate() {
            *offset += (text * more) as i64;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_between_others() {
        let ragged = Ragged { ids: vec![1, 2, 3, 4, 5], offsets: vec![0, 2, 2, 5] };
        for (first, last) in [(&[][..], &[][..]), (&[8], &[]), (&[], &[9, 7]), (&[8, 6], &[9])] {
            let between = ragged.clone().between(first, last);
            assert_eq!(between.len(), ragged.len());
            for text in 0..ragged.len() {
                let expected = [first, ragged.get(text), last].concat();
                assert_eq!(between.get(text), expected, "{first:?} {last:?}");
            }
        }
    }
}
