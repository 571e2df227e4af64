//! From strings in memory to blocks.

use std::borrow::Cow;
use std::path::Path;

use super::{BLOCK, BlockKind, TextBlock};

/// Yields texts in memory, one block at a time. Each text is one document.
pub struct Texts<'t> {
    texts: std::slice::Iter<'t, &'t str>,
    rest: Option<(&'t str, usize)>,
}

impl<'t> Texts<'t> {
    /// Prepares texts.
    pub fn new(texts: &'t [&'t str]) -> Self {
        Self { texts: texts.iter(), rest: None }
    }

    /// The next block; `None` after the last. `cut` is given a text and returns a place where its last part may end.
    pub fn next(&mut self, cut: impl Fn(&[u8]) -> Option<usize>) -> Option<TextBlock<'t>> {
        let (text, start) = match self.rest.take() {
            Some(rest) => rest,
            None => (*self.texts.next()?, 0),
        };
        let bytes = &text.as_bytes()[start..];
        let mut room = BLOCK;
        let end = loop {
            if room >= bytes.len() {
                break bytes.len();
            }
            match cut(&bytes[..room]) {
                Some(end) => break end,
                None => room *= 2,
            }
        };
        if end < bytes.len() {
            self.rest = Some((text, start + end));
        }
        let kind = BlockKind::Text { first: start == 0 };
        Some(TextBlock {
            origin: Cow::Borrowed(Path::new("text")),
            bytes: Cow::Borrowed(bytes),
            end,
            offset: start as u64,
            kind,
        })
    }
}
