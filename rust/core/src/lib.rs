//! Train, run and price European byte-level BPE tokenizers.
//!
//! Two flows meet in one vocabulary. Encoding turns `bytes -> pieces -> ids -> arrays`; training turns
//! `corpora -> counts -> merges -> tokenizer`. The modules stand in the order in which data passes through them:
//!
//! * [`unicode`]: the class of every code point, as the schemes see it;
//! * [`arch`]: 64 bytes at a time to class masks, the only home of `unsafe`;
//! * [`split`]: text to pieces, by a scheme of the table or by any regex;
//! * [`documents`]: files to documents;
//! * [`count`](mod@count): documents to unique pieces with their frequency, per language;
//! * [`vocab`]: tokens, merges and special tokens, the plain data that everything below shares;
//! * [`bpe`]: merges of pairs, exactly, 64 words in lockstep;
//! * [`format`](mod@format): vocabularies from files and to files;
//! * [`train`](mod@train): counts to merges;
//! * [`encode`]: pieces to ids;
//! * [`decode`]: ids to bytes and text;
//! * [`memory`]: what grows with the input, if the system grants it, and zeroed tables in huge pages;
//! * `stop`: how a call is interrupted;
//! * `threads`: how many, and what if there are fewer;
//! * [`limits`]: the size of what files may hold;
//! * [`ragged`]: the one result type of batches.
//!
//! Nothing here prints, holds a global, or knows Python.

pub mod arch;
pub mod bpe;
pub mod count;
pub mod decode;
pub mod documents;
pub mod encode;
mod error;
pub mod format;
pub mod limits;
pub mod memory;
mod output;
pub mod ragged;
pub mod split;
mod stop;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod threads;
pub mod train;
pub mod unicode;
pub mod vocab;

pub use error::{Error, Result};
pub use stop::Stop;
