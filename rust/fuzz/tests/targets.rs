//! Runs every target on its seeds, and on inputs made of them at random. This part of fuzzing needs only a compiler.
//!
//! `EUROTOK_FUZZ_SECONDS` is how long each target is tried (1), `EUROTOK_FUZZ_SEED` where the random numbers begin (0). An input
//! that breaks a target is left in `target/fuzz/found`; kept in the target's folder of seeds, it becomes a test.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use eurotok_fuzz::mutate::{Random, mutated};
use eurotok_fuzz::{TARGETS, Target, seeds};

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{name} is {value:?}, no number")))
}

/// Runs a target; if it breaks, leaves the input behind.
fn attempt((name, run): Target, data: &[u8]) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(data))) else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz/found");
    let path = folder
        .join(format!("{name}-{:016x}", data.iter().fold(0, |hash: u64, &byte| hash.rotate_left(9) ^ u64::from(byte))));
    match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, data)) {
        Ok(()) => eprintln!("{name} breaks on {}", path.display()),
        Err(error) => eprintln!("{name} breaks on {data:?}, which cannot be written: {error}"),
    }
    resume_unwind(panic);
}

#[test]
fn targets_hold_on_their_seeds_and_mutations_of_them() {
    let time = Duration::from_secs(setting("EUROTOK_FUZZ_SECONDS", 1));
    for target in TARGETS {
        let mut random = Random::new(setting("EUROTOK_FUZZ_SEED", 0));
        let seeds: Vec<Vec<u8>> = seeds::read(target.0).into_iter().map(|(_, seed)| seed).collect();
        seeds.iter().for_each(|seed| attempt(target, seed));
        let (start, mut inputs) = (Instant::now(), 0u64);
        while start.elapsed() < time {
            attempt(target, &mutated(&seeds, &mut random));
            inputs += 1;
        }
        println!("{}: {} seeds, {inputs} inputs", target.0, seeds.len());
    }
}

#[test]
fn seeds_are_as_they_are_made() {
    for (target, _) in TARGETS {
        let kept = seeds::read(target);
        for (name, seed) in seeds::make(target) {
            let found = kept.iter().find(|(kept, _)| kept == name).map(|(_, seed)| seed);
            assert!(found == Some(&seed), "{target}/{name}: make it anew by cargo run -p eurotok-fuzz --example seeds");
        }
    }
}

#[test]
fn changes_depend_on_the_seed_of_the_numbers_alone() {
    let seeds = vec![b"one, two".to_vec(), b"three".to_vec()];
    let inputs = |seed| {
        let mut random = Random::new(seed);
        (0..100).map(|_| mutated(&seeds, &mut random)).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
}
