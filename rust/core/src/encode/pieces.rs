//! The inner loop: pieces in groups, each looked up, the missing ones encoded.
//!
//! The cache of a worker outgrows the processor's, so a look-up may wait for memory. Therefore pieces go in groups: the places of
//! a group are asked for while the group before it is looked up; where a piece is missing, the same is done with the places of
//! all that are missing among the whole tokens, then these are encoded, and the look-up goes on. Warm, a piece costs its key, a
//! hash, one cache line and a store of fixed width: the only branches are on its length class and on being known.

use super::cache::{self, Cache, ELSEWHERE, LONG, LONG_IDS, LongKey, SHORT, SHORT_IDS, View};
use super::{Encoder, Sink, Worker};

/// The pieces of a group.
const GROUP: usize = 32;

/// A piece of the text, with its key and hash if it is not too long for the cache.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    start: usize,
    length: usize,
    hash: u64,
    key: LongKey,
}

impl Piece {
    #[inline(always)]
    fn new(text: &[u8], start: usize, length: usize) -> Self {
        let (key, hash) = if length <= SHORT {
            let key = cache::short_key(text, start, length);
            ([key[0], key[1], 0, 0], cache::hash_short(key))
        } else if length <= LONG {
            let key = cache::long_key(text, start, length);
            (key, cache::hash_long(key))
        } else {
            ([0; 4], 0)
        };
        Self { start, length, hash, key }
    }

    #[inline(always)]
    fn short_key(&self) -> cache::ShortKey {
        [self.key[0], self.key[1]]
    }

    /// Its bytes.
    fn of<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start..self.start + self.length]
    }

    /// Key and hash in the long table of a short piece that has too many ids for the short one.
    fn lengthened(&self) -> (LongKey, u64) {
        let key = cache::lengthened(self.short_key());
        (key, cache::hash_long(key))
    }
}

impl Cache {
    /// Remembers a piece, unless it has too many ids.
    fn insert(&mut self, piece: &Piece, ids: &[u32]) {
        let count = ids.len() as u32;
        if piece.length > SHORT {
            if ids.len() <= LONG_IDS {
                self.long.insert(&piece.key, piece.hash, ids, count);
            }
        } else if ids.len() <= SHORT_IDS {
            self.short.insert(&piece.short_key(), piece.hash, ids, count);
        } else if ids.len() <= LONG_IDS {
            let (key, hash) = piece.lengthened();
            self.long.insert(&key, hash, ids, count);
            self.short.insert(&piece.short_key(), piece.hash, &[], ELSEWHERE);
        }
    }
}

/// Ids on their way out: those of a group, and room for the fixed width of the last store.
#[derive(Debug)]
struct Buffer {
    ids: [u32; GROUP * LONG_IDS + LONG_IDS + 1],
    filled: usize,
}

impl Buffer {
    /// Appends the ids of a way: all its places are copied, as many count as the last one says.
    #[inline(always)]
    fn push(&mut self, way: &[u32]) {
        self.ids[self.filled..self.filled + way.len()].copy_from_slice(way);
        self.filled += way[way.len() - 1] as usize;
    }

    fn flush(&mut self, out: &mut impl Sink) {
        out.put(&self.ids[..self.filled]);
        self.filled = 0;
    }
}

impl Piece {
    /// What the cache holds of it.
    #[inline(always)]
    fn find<'c>(&self, cache: View<'c>) -> Option<&'c [u32]> {
        if self.length <= SHORT {
            let way = cache::find(cache.short, &self.short_key(), self.hash)?;
            if way[SHORT_IDS] != ELSEWHERE {
                return Some(way);
            }
            let (key, hash) = self.lengthened();
            cache::find(cache.long, &key, hash)
        } else if self.length <= LONG {
            cache::find(cache.long, &self.key, self.hash)
        } else {
            None
        }
    }
}

/// Appends the ids of the pieces from `from` on to `buffer` until one is not in the cache; returns its place.
#[inline(always)]
fn emit(cache: View<'_>, pieces: &[Piece], from: usize, buffer: &mut Buffer) -> usize {
    for (place, piece) in pieces.iter().enumerate().skip(from) {
        match piece.find(cache) {
            Some(way) => buffer.push(way),
            None => return place,
        }
    }
    pieces.len()
}

impl Encoder {
    /// Encodes consecutive pieces: the first begins at `base`, each ends at `base` plus its entry of `ends`.
    pub(super) fn encode_pieces(
        &self,
        worker: &mut Worker,
        text: &[u8],
        base: usize,
        ends: &[u32],
        out: &mut impl Sink,
    ) {
        let mut groups = [[Piece::default(); GROUP]; 2];
        let mut buffer = Buffer { ids: [0; GROUP * LONG_IDS + LONG_IDS + 1], filled: 0 };
        let mut start = base;
        let mut ask = |group: &mut [Piece; GROUP], ends: &[u32], cache: View<'_>| {
            for (piece, &end) in group.iter_mut().zip(ends) {
                let end = base + end as usize;
                *piece = Piece::new(text, start, end - start);
                if piece.length <= SHORT {
                    cache::fetch(cache.short, piece.hash);
                } else if piece.length <= LONG {
                    cache::fetch(cache.long, piece.hash);
                }
                start = end;
            }
        };
        let mut chunks = ends.chunks(GROUP);
        let mut ahead = chunks.next();
        if let Some(ends) = ahead {
            ask(&mut groups[0], ends, worker.cache.view());
        }
        let [mut now, mut next] = groups.each_mut();
        while let Some(ends) = ahead {
            ahead = chunks.next();
            if let Some(ends) = ahead {
                ask(next, ends, worker.cache.view());
            }
            let pieces = &now[..ends.len()];
            let mut learnt = false;
            let mut known = 0;
            loop {
                known = emit(worker.cache.view(), pieces, known, &mut buffer);
                let Some(piece) = pieces.get(known) else { break };
                if !learnt {
                    self.learn(worker, text, &pieces[known..]);
                    learnt = true;
                    continue;
                }
                // Too long for the cache, or displaced already by another of the group.
                buffer.flush(out);
                self.encode_piece(worker, piece.of(text));
                out.put(&worker.symbols);
                known += 1;
            }
            buffer.flush(out);
            std::mem::swap(&mut now, &mut next);
        }
    }

    /// Encodes those of `pieces` that the cache misses and can hold, and puts them there.
    #[inline(never)]
    fn learn(&self, worker: &mut Worker, text: &[u8], pieces: &[Piece]) {
        let view = worker.cache.view();
        let mut missing = 0u32;
        for (place, piece) in pieces.iter().enumerate() {
            if piece.length <= LONG && piece.find(view).is_none() {
                missing |= 1 << place;
                self.whole.fetch(piece.hash);
            }
        }
        let mut words = [0u8; GROUP];
        let mut count = 0;
        while missing != 0 {
            let place = missing.trailing_zeros();
            missing &= missing - 1;
            let piece = &pieces[place as usize];
            let whole = if piece.length <= SHORT {
                self.whole.short(piece.short_key(), piece.hash)
            } else {
                self.whole.long(&self.vocab.tokens, piece.of(text))
            };
            match whole {
                Some(id) => worker.cache.insert(piece, &[id]),
                None => {
                    words[count] = place as u8;
                    count += 1;
                }
            }
        }
        let words = words[..count].iter().map(|&place| &pieces[usize::from(place)]);
        let Worker { cache, merger, .. } = worker;
        let mut ids = [0; LONG + 1];
        merger.merge_all(&self.pairs, words.clone().map(|piece| piece.of(text)), |number, symbols| {
            for (id, &symbol) in ids.iter_mut().zip(symbols) {
                *id = self.ids[symbol as usize];
            }
            let piece = words.clone().nth(number).expect("the number of a word");
            cache.insert(piece, &ids[..symbols.len()]);
        });
    }

    /// Replaces `worker.symbols` by the ids of one piece, without the cache.
    fn encode_piece(&self, worker: &mut Worker, piece: &[u8]) {
        let Worker { merger, symbols, .. } = worker;
        symbols.clear();
        if piece.len() > SHORT
            && let Some(id) = self.whole.long(&self.vocab.tokens, piece)
        {
            symbols.push(id);
            return;
        }
        merger.merge(&self.pairs, piece, symbols);
        for symbol in symbols.iter_mut() {
            *symbol = self.ids[*symbol as usize];
        }
    }
}
