//! Train, run and price European byte-level BPE tokenizers.
//!
//! Two flows meet in one vocabulary. Encoding turns `bytes -> pieces -> ids -> arrays`; training turns `corpora ->
//! counts -> merges -> tokenizer`. The modules stand in the order in which data passes through them:
//!
//! * [`unicode`]: the class of every code point, as the schemes see it;
//! * [`arch`]: vector code, and the only home of `unsafe`;
//! * [`split`]: from text to pieces, by a scheme of the table or by any regex;
//! * [`documents`]: from files to documents;
//! * [`count`](mod@count): from documents to unique pieces with their frequency, per language;
//! * [`vocab`]: tokens, merges and special tokens, the plain data that all modules below share;
//! * [`bpe`]: exact merging of pairs, 64 words in lockstep;
//! * [`format`](mod@format): reads and writes vocabularies;
//! * [`train`](mod@train): from counts to merges;
//! * [`encode`]: from pieces to ids;
//! * [`decode`]: from ids to bytes and text;
//! * [`stages`]: any other tokenizer, from text to ids and back, stage by stage;
//! * [`tokenizer`]: any of them, ready to run;
//! * [`memory`]: memory that the system may refuse, and zeroed tables in huge pages;
//! * `stop`: how a call is interrupted;
//! * `threads`: the number of threads, and ordered work on them;
//! * `faults`: calls to the system that fail when a test says so;
//! * [`limits`]: limits for the contents of files;
//! * [`ragged`]: the result type of batches.
//!
//! Nothing here prints, holds a global, or knows Python.

pub mod arch;
pub mod bpe;
pub mod count;
pub mod decode;
pub mod documents;
pub mod encode;
mod error;
mod faults;
pub mod format;
pub mod limits;
pub mod memory;
mod output;
pub mod ragged;
pub mod split;
pub mod stages;
mod stop;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod threads;
pub mod tokenizer;
pub mod train;
pub mod unicode;
pub mod vocab;

pub use error::{Error, Result};
pub use stop::Stop;
