//! Output files that appear whole or not at all, and temporary ones.
//!
//! On Linux a file in the making has no name, so nothing of it is left when the process ends in any way. When it is
//! complete and on the disk it gets a name beside its destination, and is moved there at once. A process that is killed
//! between these two calls leaves a complete file with a name that ends in `.part`. No call of the system puts a file
//! without a name in the place of another. Where there are no files without names (other systems, some file systems of
//! networks), the file has the name in `.part` from the beginning.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::faults::{Call, meet};

/// A file in the making. [`finish`](Self::finish) puts it in its place, and a drop without that leaves nothing. A destination that is no
/// ordinary file (`/dev/null`, a pipe) is written in place.
#[derive(Debug)]
pub(crate) struct OutputFile {
    file: File,
    target: PathBuf,
    place: FilePlace,
}

/// Where a file in the making stands.
#[derive(Debug)]
enum FilePlace {
    /// Where it is to stay.
    Target,
    /// Nowhere, until it gets a name.
    Nameless,
    /// Beside its destination.
    Beside(PathBuf),
}

impl OutputFile {
    /// Begins a file for the destination `path`; links are followed.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if fs::metadata(&target).is_ok_and(|old| !old.is_file()) {
            let file = OpenOptions::new().write(true).open(&target)?;
            return Ok(Self { file, target, place: FilePlace::Target });
        }
        if let Some(file) = nameless(&target) {
            return Ok(Self { file, target, place: FilePlace::Nameless });
        }
        let (file, part) = beside(&target, create)?;
        Ok(Self { file, target, place: FilePlace::Beside(part) })
    }

    /// Waits until all data is on the disk. Reports a full disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if let FilePlace::Target = self.place {
            return Ok(());
        }
        meet(Call::Sync)?;
        self.file.sync_all()
    }

    /// Renames the file to its destination, once it is on the disk. It replaces a file there, and takes over its
    /// permissions.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let FilePlace::Target = self.place {
            return Ok(());
        }
        self.sync()?;
        if let Ok(old) = fs::metadata(&self.target) {
            self.file.set_permissions(old.permissions())?;
        }
        if let FilePlace::Nameless = self.place {
            self.give_name()?;
        }
        if let FilePlace::Beside(part) = &self.place {
            meet(Call::Rename)?;
            fs::rename(part, &self.target)?;
        }
        self.place = FilePlace::Target;
        Ok(())
    }

    /// Gives a file without a name one beside its destination; or a copy of it, where the system cannot.
    fn give_name(&mut self) -> io::Result<()> {
        if let Ok(((), part)) = beside(&self.target, |part| link(&self.file, part)) {
            self.place = FilePlace::Beside(part);
            return Ok(());
        }
        let (copy, part) = beside(&self.target, create)?;
        self.place = FilePlace::Beside(part);
        let mut file = std::mem::replace(&mut self.file, copy);
        file.rewind()?;
        io::copy(&mut file, self)?;
        self.file.set_permissions(file.metadata()?.permissions())?;
        self.sync()
    }
}

impl Write for OutputFile {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        write(&mut self.file, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for OutputFile {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.file.seek(place)
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let FilePlace::Beside(part) = &self.place {
            // Nothing is left to do if even this fails.
            let _ = fs::remove_file(part);
        }
    }
}

/// A temporary file without a name, for data that memory has no room for. Nothing of it is left when the process ends
/// in any way.
#[derive(Debug)]
pub(crate) struct Scratch(File);

impl Scratch {
    pub(crate) fn create() -> io::Result<Self> {
        meet(Call::Open)?;
        tempfile::tempfile().map(Self)
    }

    /// The file, to read it.
    pub(crate) fn into_file(self) -> File {
        self.0
    }
}

impl Write for Scratch {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        write(&mut self.0, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn write(file: &mut File, data: &[u8]) -> io::Result<usize> {
    if let Err(full) = meet(Call::Write) {
        // Behaves like a disk that has room for a part of the data.
        file.write_all(&data[..data.len() / 2])?;
        return Err(full);
    }
    file.write(data)
}

/// Makes a file under a name beside its destination that nobody uses.
fn beside<T>(target: &Path, mut make: impl FnMut(&Path) -> io::Result<T>) -> io::Result<(T, PathBuf)> {
    for attempt in 0.. {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}.{attempt}.part", std::process::id()));
        let part = target.with_file_name(name);
        match make(&part) {
            Ok(made) => return Ok((made, part)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    unreachable!("some number is free")
}

fn create(path: &Path) -> io::Result<File> {
    meet(Call::Open)?;
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A file without a name on the disk of its destination, if the system supports this.
#[cfg(target_os = "linux")]
fn nameless(target: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags, open};

    meet(Call::Open).ok()?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Permissions like any new file: the mask of the process takes some away.
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    open(folder, flags, Mode::from_raw_mode(0o666)).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path) -> Option<File> {
    None
}

/// Gives a file without a name its first one.
#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};

    meet(Call::Link)?;
    let number = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, number, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_there_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let files = || folder.path().read_dir().unwrap().count();
        let path = folder.path().join("out");
        let mut output = OutputFile::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert!(!path.exists());
        let other = OutputFile::create(&path).unwrap();
        let named = [&output, &other].iter().filter(|output| matches!(output.place, FilePlace::Beside(_))).count();
        assert_eq!(files(), named);
        output.finish().unwrap();
        drop(other);
        assert_eq!((fs::read(&path).unwrap(), files()), (b"new".to_vec(), 1));
        assert_eq!(OutputFile::create(&folder.path().join("none/out")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(OutputFile::create(folder.path()).unwrap_err().raw_os_error().is_some());
    }

    #[test]
    fn two_at_a_time_are_both_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut outputs = [OutputFile::create(&path).unwrap(), OutputFile::create(&path).unwrap()];
        outputs[0].write_all(b"one").unwrap();
        outputs[1].write_all(b"two").unwrap();
        let [one, two] = outputs;
        two.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        one.finish().unwrap();
        assert_eq!((fs::read(&path).unwrap(), folder.path().read_dir().unwrap().count()), (b"one".to_vec(), 1));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_killed_leaves_nothing_where_files_need_no_names() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = OutputFile::create(&folder.path().join("out")).unwrap();
        output.write_all(b"new").unwrap();
        output.sync().unwrap();
        if matches!(output.place, FilePlace::Nameless) {
            // A killed process does not run destructors.
            std::mem::forget(output);
            assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        }
    }

    #[test]
    #[cfg(unix)]
    fn links_permissions_and_devices_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| folder.path().join(name));
        fs::write(&real, "old").unwrap();
        let fresh = fs::metadata(&real).unwrap().permissions();
        fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        let mut output = OutputFile::create(&link).unwrap();
        output.write_all(b"new").unwrap();
        output.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        let path = folder.path().join("fresh");
        OutputFile::create(&path).unwrap().finish().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions(), fresh);
        let mut output = OutputFile::create(Path::new("/dev/null")).unwrap();
        output.write_all(b"gone").unwrap();
        output.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
