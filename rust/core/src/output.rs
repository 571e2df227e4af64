//! Output files, which appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// An output file that is being written. It stands in the folder of its destination under another name.
/// [`finish`](Self::finish) renames it; a drop without that removes it. A destination that is no ordinary file
/// (`/dev/null`, a pipe) is written in place.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    target: PathBuf,
    part: Option<PathBuf>,
}

impl Output {
    /// Begins a file for the destination `path`; links are followed.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if fs::metadata(&target).is_ok_and(|old| !old.is_file()) {
            let file = OpenOptions::new().write(true).open(&target)?;
            return Ok(Self { file, target, part: None });
        }
        for attempt in 0.. {
            let mut name = std::ffi::OsString::from(".");
            name.push(target.file_name().unwrap_or_default());
            name.push(format!(".{}.{attempt}.part", std::process::id()));
            let part = target.with_file_name(name);
            match OpenOptions::new().write(true).create_new(true).open(&part) {
                Ok(file) => return Ok(Self { file, target, part: Some(part) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("some number is free")
    }

    /// Waits until all data is on the disk. Reports a full disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if self.part.is_some() { self.file.sync_all() } else { Ok(()) }
    }

    /// Renames the file to its destination, once it is on the disk. It replaces a file there, and takes over its
    /// permissions.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.sync()?;
        let Some(part) = &self.part else { return Ok(()) };
        if let Ok(old) = fs::metadata(&self.target) {
            self.file.set_permissions(old.permissions())?;
        }
        fs::rename(part, &self.target)?;
        self.part = None;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Output {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // There is no remedy if even this fails.
            let _ = fs::remove_file(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_there_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let files = || folder.path().read_dir().unwrap().count();
        let path = folder.path().join("out");
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert!(!path.exists());
        let other = Output::create(&path).unwrap();
        assert_eq!(files(), 2);
        output.finish().unwrap();
        drop(other);
        assert_eq!((fs::read(&path).unwrap(), files()), (b"new".to_vec(), 1));
        assert_eq!(Output::create(&folder.path().join("none/out")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(Output::create(folder.path()).unwrap_err().raw_os_error().is_some());
    }

    #[test]
    #[cfg(unix)]
    fn links_permissions_and_devices_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| folder.path().join(name));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        let mut output = Output::create(&link).unwrap();
        output.write_all(b"new").unwrap();
        output.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        let mut output = Output::create(Path::new("/dev/null")).unwrap();
        output.write_all(b"gone").unwrap();
        output.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
