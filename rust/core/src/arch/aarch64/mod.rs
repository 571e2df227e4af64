//! The vector instructions of arm64.

pub(super) mod neon;

pub(super) fn has_neon() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}
