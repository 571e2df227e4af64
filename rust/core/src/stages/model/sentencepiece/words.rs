//! The places where a normalized text can be cut without a change to its pieces.

use std::ops::Range;

use memchr::memmem;

/// Places where no piece reaches across.
#[derive(Debug)]
pub(super) struct WordCuts {
    cuts: CutPlaces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CutPlaces {
    Nowhere,
    /// Cuts before each run of spaces.
    Before,
    /// Cuts behind each run of spaces.
    Behind,
}

const SPACE: &str = "▁";

impl WordCuts {
    /// The cuts that these pieces allow.
    pub(super) fn new<'t>(mut pieces: impl Iterator<Item = &'t str>) -> Self {
        let (mut before, mut behind) = (true, true);
        // Cuts before spaces need pieces with spaces only at the beginning, cuts behind spaces only at the end.
        pieces.by_ref().filter(|piece| piece.contains(SPACE)).for_each(|piece| {
            before &= !piece.trim_start_matches(SPACE).contains(SPACE);
            behind &= !piece.trim_end_matches(SPACE).contains(SPACE);
        });
        let cuts = match (before, behind) {
            (true, _) => CutPlaces::Before,
            (false, true) => CutPlaces::Behind,
            (false, false) => CutPlaces::Nowhere,
        };
        Self { cuts }
    }

    /// No cuts.
    pub(super) fn whole() -> Self {
        Self { cuts: CutPlaces::Nowhere }
    }

    /// The words of a text.
    pub(super) fn of<'w>(&'w self, text: &'w str) -> impl Iterator<Item = Range<usize>> + 'w {
        let mut spaces = memmem::find_iter(text.as_bytes(), SPACE).peekable();
        let (mut start, mut done) = (0, text.is_empty());
        std::iter::from_fn(move || {
            if done {
                return None;
            }
            loop {
                let Some(space) = spaces.next().filter(|_| self.cuts != CutPlaces::Nowhere) else {
                    done = true;
                    return (start < text.len()).then_some(start..text.len());
                };
                let (mut begin, mut end) = (space, space + SPACE.len());
                while spaces.peek() == Some(&end) {
                    spaces.next();
                    end += SPACE.len();
                }
                begin = if self.cuts == CutPlaces::Before { begin } else { end };
                if start < begin && begin < text.len() {
                    return Some(std::mem::replace(&mut start, begin)..begin);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<'t>(pieces: &[&str], text: &'t str) -> Vec<&'t str> {
        let words = WordCuts::new(pieces.iter().copied());
        words.of(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn texts_are_cut_where_no_piece_reaches_across() {
        let text = "▁▁a▁b▁▁c▁";
        assert_eq!(words(&["▁a", "▁▁", "b"], text), ["▁▁a", "▁b", "▁▁c", "▁"]);
        assert_eq!(words(&["a▁", "▁▁"], text), ["▁▁", "a▁", "b▁▁", "c▁"]);
        assert_eq!(words(&["a▁", "▁a"], text), [text]);
        assert_eq!(words(&["a▁a"], text), [text]);
        assert_eq!(words(&["a"], ""), [""; 0]);
    }
}
