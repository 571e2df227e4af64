//! libFuzzer on the target that `FUZZ_TARGET` names.

#![no_main]

use std::sync::LazyLock;

use eurotok_fuzz::TARGETS;
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let names = TARGETS.map(|(name, _)| name).join(", ");
    let target = TARGETS.into_iter().find(|(name, _)| *name == wanted);
    target.unwrap_or_else(|| panic!("FUZZ_TARGET is {wanted:?}, none of {names}")).1
});

fuzz_target!(|data: &[u8]| TARGET(data));
