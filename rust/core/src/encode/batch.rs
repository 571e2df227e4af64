//! Many texts on many threads: the ids are those of one after the other.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Count, Encoder, Sink, Specials, Worker};
use crate::error::Result;
use crate::ragged::Ragged;

/// A thread gets about this many bytes at a time; below twice as many, starting one does not pay.
const JOB: usize = 256 << 10;

/// What one thread encodes at a time: whole texts in a row, or a stretch of a large one.
enum Job {
    Texts(Range<usize>),
    Stretch { text: usize, range: Range<usize> },
}

/// What became of a job: its sink and the number of ids of each of its texts.
type Part<S> = (S, Vec<usize>);

impl Encoder {
    /// The ids of each text, on at most `threads` threads (`None`: as many as there are processors).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_batch(&self, texts: &[&str], specials: Specials, threads: Option<usize>) -> Result<Ragged> {
        let jobs = self.jobs(texts, specials);
        let threads = workers(threads, jobs.len());
        if threads == 1 {
            let mut ragged = Ragged::default();
            ragged.offsets.reserve(texts.len());
            let mut lease = self.lease();
            for text in texts {
                self.encode_into(lease.worker(), text, specials, &mut ragged.ids)?;
                ragged.offsets.push(ragged.ids.len() as i64);
            }
            return Ok(ragged);
        }
        let parts = self.run(texts, specials, &jobs, threads, Vec::new)?;
        let total = parts.iter().map(|(ids, _)| ids.len()).sum();
        let mut ids = vec![0; total];
        thread::scope(|scope| {
            let mut rest = ids.as_mut_slice();
            let mut spans = Vec::with_capacity(parts.len());
            for (part, _) in &parts {
                let (span, tail) = rest.split_at_mut(part.len());
                spans.push((part, span));
                rest = tail;
            }
            let share = spans.len().div_ceil(threads);
            while !spans.is_empty() {
                let mine = spans.split_off(spans.len().saturating_sub(share));
                scope.spawn(|| mine.into_iter().for_each(|(part, span)| span.copy_from_slice(part)));
            }
        });
        let offsets = std::iter::once(0).chain(lengths(&jobs, &parts).scan(0, |end, length| {
            *end += length as i64;
            Some(*end)
        }));
        Ok(Ragged { offsets: offsets.collect(), ids })
    }

    /// The number of ids of each text.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count_batch(&self, texts: &[&str], specials: Specials, threads: Option<usize>) -> Result<Vec<i64>> {
        let jobs = self.jobs(texts, specials);
        let threads = workers(threads, jobs.len());
        let parts = self.run(texts, specials, &jobs, threads, || Count(0))?;
        Ok(lengths(&jobs, &parts).map(|length| length as i64).collect())
    }

    /// Cuts the texts into jobs of about [`JOB`] bytes. A text is divided at proven boundaries only, and not at all where
    /// added tokens or a normalizer could reach across.
    fn jobs(&self, texts: &[&str], specials: Specials) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut first = 0;
        let mut bytes = 0;
        for (text, content) in texts.iter().enumerate() {
            let whole = content.len() < 2 * JOB
                || !self.is_normal(content)
                || self.added.find(content, specials).next().is_some();
            if whole {
                bytes += content.len();
                if bytes >= JOB {
                    jobs.push(Job::Texts(first..text + 1));
                    (first, bytes) = (text + 1, 0);
                }
                continue;
            }
            if first < text {
                jobs.push(Job::Texts(first..text));
            }
            (first, bytes) = (text + 1, 0);
            let mut start = 0;
            while start < content.len() {
                let end = self.splitter.next_boundary(content.as_bytes(), start + JOB).unwrap_or(content.len());
                jobs.push(Job::Stretch { text, range: start..end });
                start = end;
            }
        }
        if first < texts.len() {
            jobs.push(Job::Texts(first..texts.len()));
        }
        jobs
    }

    /// Does the jobs, in order of beginning; each yields its sink and, for whole texts, the length of each.
    fn run<S: Sink + Length + Send>(
        &self,
        texts: &[&str],
        specials: Specials,
        jobs: &[Job],
        threads: usize,
        sink: impl Fn() -> S + Sync,
    ) -> Result<Vec<Part<S>>> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Part<S>)>> {
            let mut lease = self.lease();
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(number) else { return Ok(done) };
                done.push((number, self.do_job(lease.worker(), texts, specials, job, sink())?));
            }
        };
        if threads == 1 {
            return Ok(work()?.into_iter().map(|(_, part)| part).collect());
        }
        let results = thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            handles
                .into_iter()
                .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Vec<_>>()
        });
        let mut parts = Vec::with_capacity(jobs.len());
        for result in results {
            parts.extend(result?);
        }
        parts.sort_unstable_by_key(|(number, _)| *number);
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }

    fn do_job<S: Sink + Length>(
        &self,
        worker: &mut Worker,
        texts: &[&str],
        specials: Specials,
        job: &Job,
        mut sink: S,
    ) -> Result<Part<S>> {
        let mut lengths = Vec::new();
        match job {
            Job::Texts(range) => {
                for text in &texts[range.clone()] {
                    let before = sink.length();
                    self.encode_into(worker, text, specials, &mut sink)?;
                    lengths.push(sink.length() - before);
                }
            }
            Job::Stretch { text, range } => {
                self.encode_range(worker, texts[*text].as_bytes(), range.clone(), &mut sink)?;
                lengths.push(sink.length());
            }
        }
        Ok((sink, lengths))
    }
}

/// The number of threads to use: what was asked for (at least one), but no more than there are jobs or could help.
pub(super) fn workers(asked: Option<usize>, jobs: usize) -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or(processors).clamp(1, 4 * processors).min(jobs.max(1))
}

/// The number of ids of each text, from the jobs' parts.
fn lengths<S>(jobs: &[Job], parts: &[Part<S>]) -> impl Iterator<Item = usize> {
    let mut of_texts: Vec<usize> = Vec::new();
    let mut open = None;
    for (job, (_, lengths)) in jobs.iter().zip(parts) {
        match job {
            Job::Stretch { text, .. } if open == Some(*text) => {
                *of_texts.last_mut().expect("a stretch before this one opened the text") += lengths[0];
            }
            Job::Stretch { text, .. } => {
                open = Some(*text);
                of_texts.push(lengths[0]);
            }
            Job::Texts(_) => of_texts.extend(lengths),
        }
    }
    of_texts.into_iter()
}

/// How many ids went into a sink.
trait Length {
    fn length(&self) -> usize;
}

impl Length for Vec<u32> {
    fn length(&self) -> usize {
        self.len()
    }
}

impl Length for Count {
    fn length(&self) -> usize {
        self.0
    }
}
