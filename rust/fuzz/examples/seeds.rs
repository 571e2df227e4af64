//! Makes the seeds anew, in `seeds/`.

use std::fs;

use eurotok_fuzz::{TARGETS, seeds};

fn main() -> std::io::Result<()> {
    for (target, _) in TARGETS {
        for (name, seed) in seeds::make(target) {
            let folder = seeds::folder(target);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(name), seed)?;
        }
    }
    Ok(())
}
