//! Arrays in files, written from front to back.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytemuck::NoUninit;

use crate::error::{Error, Result};
use crate::output::OutputFile;

/// Bytes of the header of an `.npy` file: enough for any length, and a multiple of 64, as the format requires.
const HEADER: usize = 128;

/// A one-dimensional array that is being written to a file.
pub(super) struct Array {
    path: PathBuf,
    output: OutputFile,
    /// NumPy's name of the type, for the header of an `.npy` file; `None` for a file without a header.
    header: Option<&'static str>,
    length: u64,
}

impl Array {
    pub(super) fn create(path: &Path, header: Option<&'static str>) -> Result<Self> {
        let output = OutputFile::create(path).map_err(|error| Error::io(path, error))?;
        let mut array = Self { path: path.to_path_buf(), output, header, length: 0 };
        array.write_header()?;
        Ok(array)
    }

    /// Appends little-endian items.
    pub(super) fn push<T: NoUninit>(&mut self, items: &[T]) -> Result<()> {
        self.length += items.len() as u64;
        self.output.write_all(bytemuck::cast_slice(items)).map_err(|error| Error::io(&self.path, error))
    }

    /// Writes the length to the header and syncs the file to the disk.
    pub(super) fn complete(&mut self) -> Result<()> {
        if self.header.is_some() {
            self.output.seek(SeekFrom::Start(0)).map_err(|error| Error::io(&self.path, error))?;
            self.write_header()?;
        }
        self.output.sync().map_err(|error| Error::io(&self.path, error))
    }

    /// Renames the file to its final name.
    pub(super) fn finish(self) -> Result<()> {
        self.output.finish().map_err(|error| Error::io(self.path, error))
    }

    fn write_header(&mut self) -> Result<()> {
        let Some(kind) = self.header else { return Ok(()) };
        let mut header = b"\x93NUMPY\x01\x00".to_vec();
        header.extend_from_slice(&((HEADER - header.len() - 2) as u16).to_le_bytes());
        let description = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({},), }}", self.length);
        header.extend_from_slice(description.as_bytes());
        header.resize(HEADER - 1, b' ');
        header.push(b'\n');
        self.output.write_all(&header).map_err(|error| Error::io(&self.path, error))
    }
}
