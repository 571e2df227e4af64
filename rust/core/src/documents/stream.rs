//! One file to batches of documents: a thread reads and decompresses ahead, others parse.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use super::fields::Fields;
use super::rows::{Making, Missing, Rows};
use super::{BlockKind, Files, Invalid, TextBlock};
use crate::error::Result;
use crate::memory::Grow;
use crate::stop::Stop;
use crate::threads;

/// Blocks that are read ahead.
const AHEAD: usize = 16;

/// The interval at which a thread that waits for the disk asks whether to stop.
const INTERVAL: Duration = Duration::from_millis(100);

/// The options for reading a file.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The fields of each record.
    pub fields: Fields,
    /// The treatment of bytes that are not UTF-8.
    pub invalid: Invalid,
    /// The treatment of records whose text or id is missing.
    pub missing: Missing,
    /// Whether each line of a plain text is a document, instead of the whole.
    pub by_line: bool,
    /// Bytes of the longest line of JSON, or of the longest text.
    pub limit: usize,
}

/// The documents of a file, in order.
pub struct Stream {
    source: BlockSource,
    reading: Reading,
    /// Lines of plain text before the next block.
    lines: u64,
    position: Arc<AtomicU64>,
}

enum BlockSource {
    Thread(Receiver<Result<TextBlock<'static>>>),
    /// The system had no thread to give.
    Here(Box<Files>),
}

type Cut = fn(&[u8]) -> Option<usize>;

fn cut_lines(text: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', text).map(|place| place + 1)
}

fn cut_nowhere(_: &[u8]) -> Option<usize> {
    None
}

impl Stream {
    /// Begins to read ahead.
    pub fn new(files: Files, reading: Reading) -> Self {
        let files = files.with_limit(reading.limit);
        let position = files.position();
        let cut = cut_of(&reading);
        let (sender, receiver) = sync_channel(AHEAD);
        let kept = Arc::new(std::sync::Mutex::new(Some(files)));
        let taken = Arc::clone(&kept);
        let take = |files: &std::sync::Mutex<Option<Files>>| {
            files.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
        };
        let started = Builder::new().spawn(move || take(&taken).map(|files| read_ahead(files, cut, &sender)));
        let source = match started {
            Ok(_) => BlockSource::Thread(receiver),
            Err(_) => BlockSource::Here(Box::new(take(&kept).expect("no thread took it"))),
        };
        Self { source, reading, lines: 0, position }
    }

    /// Bytes read so far, as they are on disk.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The next documents: of about `size` bytes of the file, in rows that follow each other; none after the last.
    ///
    /// # Errors
    /// The errors of [`Files::next`]; [`Error::InvalidUtf8`](crate::Error::InvalidUtf8),
    /// [`Error::Corpus`](crate::Error::Corpus) for the first fault in the order of the file;
    /// [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn next(&mut self, size: usize, threads: Option<usize>, stop: &Stop) -> Result<Vec<Rows>> {
        let (mut blocks, mut gathered) = (Vec::new(), 0);
        while gathered < size
            && let Some(block) = self.block(stop)?
        {
            gathered += block.end;
            let lines = self.lines;
            if self.reading.by_line && matches!(block.kind, BlockKind::Text { .. }) {
                self.lines += memchr::memchr_iter(b'\n', &block.bytes[..block.end]).count() as u64;
            }
            blocks.try_push((block, lines))?;
        }
        let Reading { fields, invalid, missing, by_line, limit } = &self.reading;
        let making = Making { fields, invalid: *invalid, missing: *missing, by_line: *by_line, limit: *limit };
        let count = threads::wanted(threads).min(blocks.len().max(1));
        let share = blocks.len().div_ceil(count).max(1);
        let mut groups: Vec<Vec<_>> = Vec::with_capacity(count);
        for (place, block) in blocks.into_iter().enumerate() {
            if place % share == 0 {
                groups.push(Vec::with_capacity(share));
            }
            groups.last_mut().expect("one was pushed first").push(block);
        }
        let made = threads::map(groups, |group| -> Result<Vec<Rows>> {
            group
                .into_iter()
                .map(|(block, lines)| stop.check().and_then(|()| Rows::of(&block, lines, &making)))
                .collect()
        });
        let mut rows = Vec::new();
        for some in made {
            rows.extend(some?);
        }
        Ok(rows)
    }

    fn block(&mut self, stop: &Stop) -> Result<Option<TextBlock<'static>>> {
        let receiver = match &mut self.source {
            BlockSource::Thread(receiver) => receiver,
            BlockSource::Here(files) => return files.next_unless(stop, cut_of(&self.reading)),
        };
        loop {
            stop.check()?;
            match receiver.recv_timeout(INTERVAL) {
                Ok(block) => return block.map(Some),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }
}

fn cut_of(reading: &Reading) -> Cut {
    if reading.by_line { cut_lines } else { cut_nowhere }
}

/// Sends blocks until the last, the first fault, or until nobody receives them.
fn read_ahead(mut files: Files, cut: Cut, sender: &SyncSender<Result<TextBlock<'static>>>) {
    while let Some(block) = files.next(cut).transpose() {
        let failed = block.is_err();
        if sender.send(block).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::*;
    use crate::documents::Value;

    fn reading(by_line: bool, missing: Missing) -> Reading {
        let fields = Fields::new("content.body", Some("id"), &["lang".to_string()]);
        Reading { fields, invalid: Invalid::Refuse, missing, by_line, limit: 1 << 20 }
    }

    fn rows(name: &str, bytes: &str, reading: Reading, threads: usize) -> Result<Vec<(String, Option<String>, u64)>> {
        let files = Files::from_reader(Path::new(name), Box::new(Cursor::new(bytes.as_bytes().to_vec())))?;
        let mut stream = Stream::new(files, reading);
        let mut all = Vec::new();
        loop {
            let batch = stream.next(1, Some(threads), &Stop::never())?;
            if batch.is_empty() {
                return Ok(all);
            }
            for rows in &batch {
                let row = |place| (rows.text(place).into(), rows.id(place).map(Into::into), rows.numbers[place]);
                all.extend((0..rows.len()).map(row));
            }
        }
    }

    #[test]
    fn documents_have_ids_and_numbers_at_any_number_of_threads() {
        let line = |n: usize| format!(r#"{{"id": {n}, "content": {{"body": "texte {}"}}}}"#, "é".repeat(n % 2000));
        let lines: Vec<String> = (1..1500).map(line).collect();
        let file = lines.join("\n");
        let expected = rows("a.jsonl", &file, reading(false, Missing::Refuse), 1).unwrap();
        assert_eq!(expected.len(), 1499);
        assert_eq!(expected[6], ("texte ééééééé".into(), Some("7".into()), 7));
        assert_eq!(rows("a.jsonl", &file, reading(false, Missing::Refuse), 3).unwrap(), expected);
    }

    #[test]
    fn records_without_a_text_are_refused_or_counted() {
        let file = "{\"id\": \"a\"}\n{\"id\": null, \"content\": {\"body\": \"x\"}}\n\n\
                    {\"id\": \"b\", \"content\": {\"body\": \"y\"}, \"lang\": \"fr\"}\n";
        let error = rows("a.jsonl", file, reading(false, Missing::Refuse), 1).unwrap_err().to_string();
        assert_eq!(error, "a.jsonl: line 1: the field `content.body` is missing");
        let bytes = file.as_bytes().to_vec();
        let files = Files::from_reader(Path::new("a.jsonl"), Box::new(Cursor::new(bytes))).unwrap();
        let batch = Stream::new(files, reading(false, Missing::Skip)).next(1 << 20, None, &Stop::never()).unwrap();
        let [rows] = &batch[..] else { panic!("one block") };
        assert_eq!((rows.len(), rows.skipped), (1, Skipped { missing: 1, null: 1 }));
        assert_eq!((rows.numbers[0], &rows.columns), (4, &vec![vec![Value::Text("fr".into())]]));
    }

    #[test]
    fn lines_of_plain_text_are_documents() {
        let text = "un\n\ndeux\r\ntrois";
        let found = rows("a.txt", text, reading(true, Missing::Refuse), 1).unwrap();
        assert_eq!(found, [("un".into(), None, 1), ("deux".into(), None, 3), ("trois".into(), None, 4)]);
        assert_eq!(rows("a.txt", text, reading(false, Missing::Refuse), 1).unwrap(), [(text.into(), None, 1)]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_refused_before_it_is_held() {
        struct Endless(u64);
        impl std::io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.0 += buffer.len() as u64;
                assert!(self.0 < 8 << 20, "held beyond the limit");
                buffer.fill(b'a');
                Ok(buffer.len())
            }
        }
        for name in ["a.jsonl", "a.txt"] {
            let files = Files::from_reader(Path::new(name), Box::new(Endless(0))).unwrap();
            let error = Stream::new(files, reading(false, Missing::Refuse)).next(1, None, &Stop::never()).unwrap_err();
            assert!(error.to_string().ends_with("has more than 1048576 bytes"), "{error}");
        }
    }

    use crate::documents::Skipped;
}
