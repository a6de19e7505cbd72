//! One file of an export, Parquet or CSV, plain or gzipped: told by its first bytes, not its name.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::assemble::Assembler;
use super::error::ExportError;
use super::{csv_file, parquet_file};

/// Bytes of compressed data read at a time.
const BUFFER: usize = 256 * 1024;

/// Reads every line of the file into the assembler. `name` is what messages call it.
pub(super) fn read(path: &Path, name: &str, lines: &mut Assembler) -> Result<(), ExportError> {
    let io = |source| ExportError::Io {
        file: name.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(io)?;
    let mut start = [0; 4];
    let length = fill(&mut file, &mut start).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    match &start[..length] {
        [] => Err(ExportError::Empty {
            file: name.to_owned(),
        }),
        b"PAR1" => parquet_file::read(file, name, lines),
        b"PK\x03\x04" => Err(ExportError::Zip {
            file: name.to_owned(),
        }),
        [0x1f, 0x8b, ..] => {
            let unpacked = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
            csv_file::read(unpacked, name, lines)
        }
        _ => csv_file::read(BufReader::with_capacity(BUFFER, file), name, lines),
    }
}

/// As many bytes as there are, up to the buffer's.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}
