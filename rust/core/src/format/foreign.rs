//! Recognises files that are no tokenizer of a known format, for the error.

/// A description of the data and of the software that reads them; `None` if they are not recognised.
pub(super) fn reason(data: &[u8]) -> Option<String> {
    let begins = |magic: &[u8]| data.starts_with(magic);
    let reason = match () {
        () if begins(b"eurotok counts ") => "counts of pieces, as eurotok.Counts.load reads them, not a tokenizer",
        () if begins(b"eurotok checkpoint ") => "the checkpoint of a training run, not a tokenizer",
        () if begins(b"GGUF") => "the vocabulary of a GGUF file is more than tokens and merges",
        () if begins(b"\x1f\x8b") => "compressed by gzip: decompress it first",
        () if begins(b"\x28\xb5\x2f\xfd") => "compressed by zstd: decompress it first",
        () if begins(b"PK\x03\x04") => "a zip archive, as PyTorch writes models, not a tokenizer",
        () if begins(b"PAR1") => "a parquet file, not a tokenizer",
        () if begins(b"\x93NUMPY") => "a numpy array, not a tokenizer",
        () if begins(b"#version:") => "the merges.txt of a tokenizer; save it as tokenizer.json with its vocab.json",
        () if begins(b"version https://git-lfs") => {
            "a pointer of Git LFS in place of the file: fetch it with `git lfs pull`"
        }
        () if begins(b"<!") || begins(b"<html") => "a web page in place of the file",
        () if begins(b"\xff\xfe") || begins(b"\xfe\xff") => "text in UTF-16; files of tokenizers are UTF-8",
        () if is_sentencepiece(data) => "SentencePiece models are not byte-level BPE",
        () => return None,
    };
    Some(reason.to_string())
}

/// Whether the data are a Protocol Buffers message that begins with pieces: fields 1 that hold a field 1, a text, and
/// at most a score and a type.
pub(super) fn is_sentencepiece(data: &[u8]) -> bool {
    let mut rest = data;
    for _ in 0..3 {
        let Some((piece, after)) = field(rest, 0x0a) else { return false };
        let Some((text, score)) = field(piece, 0x0a) else { return false };
        let is_rest = score.is_empty() || matches!(score[0], 0x15 | 0x18);
        if text.is_empty() || std::str::from_utf8(text).is_err() || !is_rest {
            return false;
        }
        rest = after;
    }
    true
}

/// The contents of the first field, if it has this tag, and the rest of the message.
fn field(message: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = message.strip_prefix(&[tag])?;
    let (mut length, mut bytes) = (0, 0);
    loop {
        let byte = *rest.get(bytes)?;
        length |= usize::from(byte & 0x7f) << (7 * bytes);
        bytes += 1;
        if byte < 0x80 {
            return rest[bytes..].split_at_checked(length);
        }
        if bytes > 4 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentencepiece_models_are_known_by_their_pieces() {
        let piece = |text: &[u8]| {
            let inner = [&[0x0a, text.len() as u8][..], text, &[0x15, 0, 0, 0x80, 0xbf]].concat();
            [&[0x0a, inner.len() as u8][..], &inner].concat()
        };
        let model = [piece(b"<unk>"), piece(b"a"), piece("▁été".as_bytes())].concat();
        assert!(is_sentencepiece(&model));
        for cut in 0..model.len() {
            assert!(!is_sentencepiece(&model[..cut]), "{cut}");
        }
        assert!(!is_sentencepiece(&[piece(b"a"), piece(b"\xff"), piece(b"b")].concat()));
        assert!(!is_sentencepiece(b"\n\nnot a model, but lines of text\n"));
        assert!(!is_sentencepiece(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]));
    }
}
