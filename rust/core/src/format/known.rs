//! Published `.tiktoken` vocabularies. They are recognised by the SHA-256 of their file, so that they need no hint.

use sha2::{Digest, Sha256};

use crate::split::Scheme;
use crate::vocab::Special;

/// A published vocabulary.
pub(super) struct Known {
    /// The hash of the published file, which has one line per token, by rank.
    sha256: &'static str,
    /// The name of a scheme, or a regex.
    scheme: &'static str,
    /// The first id of `specials`, which are consecutive.
    first: u32,
    specials: &'static [&'static str],
    /// Special tokens with other ids.
    others: &'static [(&'static str, u32)],
    /// Numbered reserved tokens follow `specials` up to this id.
    reserved_to: u32,
}

const NONE: Known = Known { sha256: "", scheme: "", first: 0, specials: &[], others: &[], reserved_to: 0 };

/// The splitting rule of Qwen 3.5: marks belong to words.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The splitting rule of Kimi: as o200k, but Chinese is separate.
pub(super) const KIMI: &str = r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

static KNOWN: [Known; 10] = [
    // r50k_base, gpt2
    Known {
        sha256: "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
        scheme: "gpt2",
        first: 50256,
        specials: &["<|endoftext|>"],
        ..NONE
    },
    Known {
        sha256: "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        scheme: "cl100k",
        first: 100257,
        specials: &["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"],
        others: &[("<|endofprompt|>", 100276)],
        ..NONE
    },
    Known {
        sha256: "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        scheme: "o200k",
        first: 199999,
        specials: &["<|endoftext|>"],
        others: &[("<|endofprompt|>", 200018)],
        ..NONE
    },
    // Llama 3: 256 special tokens, most of them reserved and numbered.
    Known {
        sha256: "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55",
        scheme: "llama3",
        first: 128000,
        specials: &[
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|reserved_special_token_0|>",
            "<|reserved_special_token_1|>",
            "<|reserved_special_token_2|>",
            "<|reserved_special_token_3|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|reserved_special_token_4|>",
            "<|eot_id|>",
        ],
        reserved_to: 128256,
        ..NONE
    },
    // Qwen 2, 2.5 and 3 share their tokens. The special tokens come from Qwen 3, which has all of them.
    Known {
        sha256: "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
        scheme: "qwen2",
        first: 151643,
        specials: &[
            "<|endoftext|>",
            "<|im_start|>",
            "<|im_end|>",
            "<|object_ref_start|>",
            "<|object_ref_end|>",
            "<|box_start|>",
            "<|box_end|>",
            "<|quad_start|>",
            "<|quad_end|>",
            "<|vision_start|>",
            "<|vision_end|>",
            "<|vision_pad|>",
            "<|image_pad|>",
            "<|video_pad|>",
            "<tool_call>",
            "</tool_call>",
            "<|fim_prefix|>",
            "<|fim_middle|>",
            "<|fim_suffix|>",
            "<|fim_pad|>",
            "<|repo_name|>",
            "<|file_sep|>",
            "<tool_response>",
            "</tool_response>",
            "<think>",
            "</think>",
        ],
        ..NONE
    },
    // p50k_base
    Known {
        sha256: "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
        scheme: "gpt2",
        first: 50256,
        specials: &["<|endoftext|>"],
        ..NONE
    },
    // Several models share the tokens of each of these, and differ in their special tokens, which the file does not name. Whisper, without
    // the empty token of its file:
    Known { sha256: "316413f0a5497a8219e48697be7faac30a90c0756680c24114266233fba152af", scheme: "gpt2", ..NONE },
    // Llama 4
    Known { sha256: "d0bdbaf59b0762c8c807617e2d8ea51420eb1b1de266df2495be755c8e0ed6ed", scheme: "o200k", ..NONE },
    // Qwen 3.5 and 3.6
    Known { sha256: "8dde380a6405e935f5de16a99eb61c824f3f814dd1ed298784c72babb7a03cdd", scheme: QWEN35, ..NONE },
    // Kimi K2
    Known { sha256: "b6c497a7469b33ced9c38afb1ad6e47f03f5e5dc05f15930799210ec050c5103", scheme: KIMI, ..NONE },
];

/// The published vocabulary with exactly these tokens, given as the lines of a `.tiktoken` file by rank.
pub(super) fn find(lines: &[u8]) -> Option<&'static Known> {
    let digest = Sha256::digest(lines);
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    KNOWN.iter().find(|known| known.sha256 == sha256)
}

impl Known {
    pub(super) fn scheme(&self) -> Scheme {
        Scheme::named(self.scheme).unwrap_or_else(|| Scheme::from_pattern(self.scheme))
    }

    pub(super) fn specials(&self) -> Vec<Special> {
        let named = self.specials.iter().map(|&content| content.to_string());
        // The numbers of Llama's reserved tokens continue from the five that stand among the named tokens.
        let numbered = (5..).map(|number| format!("<|reserved_special_token_{number}|>"));
        let count = self.specials.len().max(self.reserved_to.saturating_sub(self.first) as usize);
        let in_a_row = named.chain(numbered).take(count).zip(self.first..);
        let others = self.others.iter().map(|&(content, id)| (content.to_string(), id));
        in_a_row.chain(others).map(|(content, id)| Special { content, id, special: true }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        for known in &KNOWN {
            assert!(known.sha256.len() == 64 && known.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let specials = known.specials();
            assert!(specials.windows(2).all(|pair| pair[0].id < pair[1].id), "{}", known.scheme().pattern());
        }
    }

    #[test]
    fn reserved_tokens_are_numbered_through() {
        let llama3 = KNOWN[3].specials();
        assert_eq!((llama3.len(), llama3[255].id), (256, 128255));
        assert_eq!(llama3[9].content, "<|eot_id|>");
        assert_eq!(llama3[10].content, "<|reserved_special_token_5|>");
        assert_eq!(llama3[255].content, "<|reserved_special_token_250|>");
    }
}
