//! Batches: many texts on many threads. The ids are those of encoding one text after the other.
//!
//! Threads take [`jobs`](crate::encode::batch::jobs) until none is left, and the
//! [results](crate::encode::batch::reorder) are put in order meanwhile. So only a few jobs are in memory, for any
//! number of texts.

pub(crate) mod jobs;
mod reorder;

use std::thread;

use super::characters::Prefix;
use super::text::AsText;
use super::{Count, Encoder, Sink, Specials, Worker};
use crate::arch::prefer_huge_pages;
use crate::encode::batch::jobs::{Job, Jobs};
use crate::encode::batch::reorder::{JobOutput, ReorderBuffer};
use crate::error::Result;
use crate::memory::{Grow, collect};
use crate::ragged::Ragged;
use crate::stop::Stop;
use crate::threads::{self, Crew};

impl Encoder {
    /// The ids of each text, on at most `threads` threads (`None`: one a processor).
    ///
    /// # Errors
    /// As [`encode`](Self::encode); [`Error::Surrogate`](crate::Error::Surrogate). If several texts fail, the first
    /// failure is reported.
    pub fn encode_batch<'t, T: AsText<'t>>(
        &self,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Ragged> {
        self.encode_batch_to(Vec::new(), &Stop::never(), texts, specials, threads)
    }

    /// Like [`encode_batch`](Self::encode_batch), but `stop` can end it. The ids go to the memory of `ids`, if it has
    /// any.
    ///
    /// # Errors
    /// As [`encode_batch`](Self::encode_batch), and [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn encode_batch_to<'t, T: AsText<'t>>(
        &self,
        mut ids: Vec<u32>,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Ragged> {
        // Reserves room for one id a byte, because growing would move the ids. Unused room is never touched. If the
        // system refuses, the ids grow.
        if ids.capacity() == 0 {
            let most = texts.iter().map(|&text| text.into().size()).sum();
            if ids.try_reserve_exact(most).is_ok() {
                prefer_huge_pages(ids.spare_capacity_mut());
            }
        }
        let JobOutput { sink: ids, ends, .. } = self.batch(stop, texts, specials, threads, ids)?;
        let offsets = collect(std::iter::once(0).chain(ends).map(|end| end as i64))?;
        Ok(Ragged { ids, offsets })
    }

    /// The number of ids of each text.
    ///
    /// # Errors
    /// As [`encode_batch`](Self::encode_batch).
    pub fn count_batch<'t, T: AsText<'t>>(
        &self,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Vec<i64>> {
        self.count_batch_unless(&Stop::never(), texts, specials, threads)
    }

    /// Like [`count_batch`](Self::count_batch), but `stop` can end it.
    ///
    /// # Errors
    /// As [`encode_batch_to`](Self::encode_batch_to).
    pub fn count_batch_unless<'t, T: AsText<'t>>(
        &self,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Vec<i64>> {
        let ends = self.batch(stop, texts, specials, threads, Count(0))?.ends;
        let mut before = 0;
        collect(ends.into_iter().map(|end| (end - std::mem::replace(&mut before, end)) as i64))
    }

    /// Encodes texts on threads and appends their ids to `sink`.
    fn batch<'t, T: AsText<'t>, S: Sink + Default + Send>(
        &self,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
        sink: S,
    ) -> Result<JobOutput<S>> {
        let threads = threads::wanted(threads);
        let jobs = Jobs::new(self, stop, texts, specials, threads);
        let assembly = ReorderBuffer::new(sink);
        let workers = jobs.workers();
        let work_on = |thread: usize| {
            while let Some((number, job)) = jobs.take(thread) {
                let done = stop.check().and_then(|()| {
                    if workers <= 1 {
                        return assembly.alone(|whole| self.do_job(stop, specials, thread, job, whole));
                    }
                    let mut part = assembly.part();
                    part.continues = job.continues();
                    self.do_job(stop, specials, thread, job, &mut part).and_then(|()| assembly.add(number, part))
                });
                if let Err(error) = done {
                    jobs.end_at(number);
                    return Some((number, error));
                }
            }
            None
        };
        let failed = thread::scope(|scope| {
            let others = Crew::start(scope, 1..workers, &work_on);
            let mine = work_on(0);
            // Waits for all threads. The first failure is reported.
            others.join(|| drop(stop.check())).flatten().chain(mine).min_by_key(|&(number, _)| number)
        });
        failed.map_or_else(|| assembly.whole(), |(_, error)| Err(error))
    }

    /// Encodes a job and appends its ids.
    fn do_job<'t, T: AsText<'t>, S: Sink>(
        &self,
        stop: &Stop,
        specials: Specials,
        thread: usize,
        job: Job<'t, T>,
        part: &mut JobOutput<S>,
    ) -> Result<()> {
        self.lease_from(thread).with(stop, |worker| self.do_job_by(worker, specials, job, part))
    }

    fn do_job_by<'t, T: AsText<'t>, S: Sink>(
        &self,
        worker: &mut Worker,
        specials: Specials,
        job: Job<'t, T>,
        part: &mut JobOutput<S>,
    ) -> Result<()> {
        let out = &mut part.sink;
        match job {
            Job::Texts { first, texts: [text] } => {
                self.encode_text(worker, first, (*text).into(), specials, out).map_err(|error| error.in_text(first))?;
                part.ends.try_push(out.length())
            }
            Job::Texts { first, texts } => {
                let mut row = std::mem::take(&mut worker.texts);
                let done = match &self.characters {
                    None => row
                        .fill(worker.ends.stop(), first, texts, self.isa, Prefix::Never)
                        .and_then(|()| self.encode_row(worker, first, &row, specials, out)),
                    Some(characters) => row
                        .fill(worker.ends.stop(), first, texts, self.isa, characters.prefix)
                        .and_then(|()| self.encode_row_by_characters(characters, worker, first, &row, specials, out)),
                };
                worker.texts = row;
                done?;
                let ends = worker.group.ends();
                part.ends.try_reserve(ends.len())?;
                part.ends.append(ends);
                Ok(())
            }
            Job::Stretch { number, text, range } => {
                let bytes = text.as_str().as_bytes();
                self.encode_beginning(worker, bytes, range, true, out).map_err(|error| error.in_text(number))?;
                part.ends.try_push(out.length())
            }
        }
    }
}
