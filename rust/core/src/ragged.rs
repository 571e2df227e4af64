//! The one result type of batches: all ids in a row, and where each text's ids begin.

/// Ids of many texts: text `i` has `ids[offsets[i]..offsets[i + 1]]`. `offsets` starts with 0 and has one more entry
/// than there are texts, as Arrow's large lists have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ragged {
    /// The ids of all texts.
    pub ids: Vec<u32>,
    /// Where each text begins, and the end of the last.
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
}
