//! Documents of files, each encoded as a whole, because the ids of a text may depend on all of it.

use super::{Stages, StagesLease};
use crate::documents::TextBlock;
use crate::encode::Specials;
use crate::encode::files::{Blocks, DocumentEncoder, EncodeOptions, Encoded};
use crate::error::Result;
use crate::memory::lossy_text;
use crate::ragged::Ragged;
use crate::stop::Stop;

impl DocumentEncoder for Stages {
    fn vocab_size(&self) -> usize {
        self.data.size()
    }

    fn cut(&self, _: &[u8], _: Specials) -> Option<usize> {
        None
    }

    fn encode_texts(
        &self,
        stop: &Stop,
        texts: &[&str],
        EncodeOptions { specials, threads, .. }: EncodeOptions,
    ) -> Result<Ragged> {
        self.encode_batch(stop, texts, specials, threads)
    }

    fn begin(&self) -> Box<dyn Blocks + '_> {
        Box::new(StagesBlocks { stages: self, lease: self.lease() })
    }
}

/// Stages and a worker of them.
struct StagesBlocks<'s> {
    stages: &'s Stages,
    lease: StagesLease<'s>,
}

impl Blocks for StagesBlocks<'_> {
    fn encode(&mut self, stop: &Stop, block: &TextBlock, options: EncodeOptions) -> Result<Encoded> {
        let Self { stages, lease } = self;
        lease.with(|worker| {
            Encoded::of_block(block, options, |part, out| {
                stages.encode_to(worker, stop, &lossy_text(part.text)?, options.specials, out)
            })
        })
    }
}
