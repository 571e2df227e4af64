//! Many texts on many threads. The ids are the same as for one text after the other.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Stages;
use crate::encode::{AsText, Specials, utf8};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect};
use crate::ragged::Ragged;
use crate::stop::Stop;
use crate::threads;

/// Bytes of text that a thread takes at a time, about.
const JOB: usize = 64 << 10;

/// Bytes added to the size of each text, so that a job of empty texts ends, too.
const EACH: usize = 16;

/// The ids of some texts, and how many come before the end of each.
#[derive(Debug, Default)]
struct EncodedTexts {
    ids: Vec<u32>,
    ends: Vec<usize>,
}

impl Stages {
    /// The ids of each text, on at most `threads` threads (`None`: one for each processor). `stop` can end it.
    ///
    /// # Errors
    /// As [`encode`](Self::encode); [`Error::Surrogate`]. If several texts fail, the error of the first.
    pub fn encode_batch<'t, T: AsText<'t>>(
        &self,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Ragged> {
        let parts = self.batch(stop, texts, specials, threads, true)?;
        let mut ragged = Ragged { ids: Vec::new(), offsets: Vec::new() };
        ragged.ids.try_reserve_exact(parts.iter().map(|part| part.ids.len()).sum())?;
        ragged.offsets.try_reserve_exact(texts.len() + 1)?;
        ragged.offsets.push(0);
        for part in parts {
            let before = ragged.ids.len();
            ragged.offsets.extend(part.ends.iter().map(|end| (before + end) as i64));
            ragged.ids.extend_from_slice(&part.ids);
        }
        Ok(ragged)
    }

    /// The number of ids of each text.
    ///
    /// # Errors
    /// As [`encode_batch`](Self::encode_batch).
    pub fn count_batch<'t, T: AsText<'t>>(
        &self,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Vec<i64>> {
        let parts = self.batch(stop, texts, specials, threads, false)?;
        collect(parts.iter().flat_map(|part| {
            let starts = std::iter::once(&0).chain(&part.ends);
            part.ends.iter().zip(starts).map(|(end, start)| (end - start) as i64)
        }))
    }

    /// Encodes texts, in their order. Ids that are not kept are only counted.
    fn batch<'t, T: AsText<'t>>(
        &self,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
        keeps_ids: bool,
    ) -> Result<Vec<EncodedTexts>> {
        let jobs = jobs(texts)?;
        let next = AtomicUsize::new(0);
        let failed = AtomicUsize::new(usize::MAX);
        let done = Mutex::new(Vec::new());
        let work = || {
            let mut lease = self.lease();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                // Jobs before a failed job are still done, so that the error that is reported does not depend on the
                // order of the threads.
                let Some(job) = jobs.get(number).filter(|_| number < failed.load(Ordering::Relaxed)) else { return };
                let part = lease.with(|worker| {
                    let mut part = EncodedTexts::default();
                    let mut count = 0;
                    for place in job.clone() {
                        stop.check()?;
                        let text = utf8(stop, texts[place].into(), place, self.isa)?;
                        let encoded = self.encode_to(worker, stop, &text, specials, &mut part.ids);
                        encoded.map_err(|error| error.in_text(place))?;
                        if !keeps_ids {
                            count += part.ids.len();
                            part.ids.clear();
                        }
                        part.ends.try_push(if keeps_ids { part.ids.len() } else { count })?;
                    }
                    Ok(part)
                });
                if part.is_err() {
                    failed.fetch_min(number, Ordering::Relaxed);
                }
                done.lock().expect("no worker panics").push((number, part));
            }
        };
        thread::scope(|scope| {
            let count = threads::wanted(threads).min(jobs.len());
            let others: Vec<_> = (1..count).map_while(|_| threads::start(scope, work)).collect();
            work();
            others.into_iter().for_each(threads::join);
        });
        let mut done = done.into_inner().expect("no worker panics");
        done.sort_unstable_by_key(|&(number, _)| number);
        done.into_iter().map(|(_, part): (_, Result<EncodedTexts, Error>)| part).collect()
    }
}

/// Texts that follow one another, about as much as a job each.
fn jobs<'t, T: AsText<'t>>(texts: &'t [T]) -> Result<Vec<Range<usize>>> {
    let mut jobs = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (place, &text) in texts.iter().enumerate() {
        size += text.into().size() + EACH;
        if size >= JOB || place + 1 == texts.len() {
            jobs.try_push(start..place + 1)?;
            (start, size) = (place + 1, 0);
        }
    }
    Ok(jobs)
}
