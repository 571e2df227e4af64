//! The merges of a tokenizer as pairs of `bytes`.

use eurotok_core::Error;
use eurotok_core::bpe::effective::effective;
use eurotok_core::memory::{Grow, collect};
use eurotok_core::tokenizer::Tokenizer as Engine;
use eurotok_core::vocab::Merges;
use eurotok_core::vocab::pipeline::Model;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arch::bytes_of;
use crate::error::{Raise, raised};

pub(super) type BytesPair<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

pub(super) fn merges_of<'py>(py: Python<'py>, engine: &Engine) -> PyResult<Vec<BytesPair<'py>>> {
    if let Some(stages) = engine.stages() {
        let token = |id| PyBytes::new(py, &stages.token(id).unwrap_or_default());
        let Model::Bpe(model) = &stages.data().model else {
            return Err(raised(Error::unsupported("merges", "the model is no BPE, which alone has merges")));
        };
        return Ok(model.merges.iter().map(|merge| (token(merge.left), token(merge.right))).collect());
    }
    let vocab = engine.byte_level("merges").raise()?;
    let pairs = match &vocab.merges {
        Merges::List { pairs, .. } => collect(pairs.iter().copied()),
        Merges::Ranks => collect(effective(vocab).raise()?.into_iter().map(|merge| (merge.left, merge.right))),
    };
    let token = |id| bytes_of(py, vocab.tokens.get(id));
    let mut merges = Vec::new();
    for (left, right) in pairs.raise()? {
        merges.try_push((token(left)?, token(right)?)).raise()?;
    }
    Ok(merges)
}
