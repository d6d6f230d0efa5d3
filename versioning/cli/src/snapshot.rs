//! A snapshot in memory, and the search for its schema. The snapshot may be damaged.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use devstate_versioning::checksum::{Checksum, Crc64Slice16};
use devstate_versioning::{Header, LoadError, LoadErrorKind};

use crate::failure::{Failure, printable};
use crate::foreign;
use crate::payload::{Item, Stopped, walk};
use crate::schema::{Folder, Found, NotFound};

/// Bytes behind a snapshot that are counted. A source may have no end.
const COUNTED_BEHIND: u64 = 1 << 20;

/// A snapshot in memory. Its header is readable, and the rest may be damaged.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The name of the file, as the user gave it.
    pub file: PathBuf,
    /// The header.
    pub header: Header,
    /// The bytes, at most the length that the header announces.
    pub bytes: Vec<u8>,
    /// Bytes behind the end.
    behind: u64,
}

impl Snapshot {
    /// Reads a file. `-` is standard input.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it cannot be read, or if it does not start with a header.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let name = printable(&path.to_string_lossy());
        let (mut source, len) = open(path)?;
        let cannot_read = |error| cannot_read(&name, &error);
        let mut bytes = Vec::new();
        source
            .by_ref()
            .take(Header::LEN as u64)
            .read_to_end(&mut bytes)
            .map_err(cannot_read)?;
        let header = Header::peek(&bytes).map_err(|error| not_a_snapshot(&name, &error, &bytes))?;
        let left = u64::from(header.payload_len) + Header::TRAILER_LEN as u64;
        source
            .by_ref()
            .take(left)
            .read_to_end(&mut bytes)
            .map_err(cannot_read)?;
        let behind = match len {
            Some(len) => len.saturating_sub(left + Header::LEN as u64),
            None => io::copy(&mut source.take(COUNTED_BEHIND), &mut io::sink()).map_err(cannot_read)?,
        };
        Ok(Self {
            file: path.to_owned(),
            header,
            bytes,
            behind,
        })
    }

    /// Creates a snapshot from bytes.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the bytes do not start with a header.
    pub fn from_bytes(name: &str, mut bytes: Vec<u8>) -> Result<Self, Failure> {
        let header = Header::peek(&bytes).map_err(|error| not_a_snapshot(&printable(name), &error, &bytes))?;
        let behind = bytes.len().saturating_sub(header.snapshot_len());
        bytes.truncate(header.snapshot_len());
        Ok(Self {
            file: name.into(),
            header,
            bytes,
            behind: behind as u64,
        })
    }

    /// Returns the name of the file, safe to print.
    #[must_use]
    pub fn name(&self) -> String {
        printable(&self.file.to_string_lossy())
    }

    /// Returns the payload, or the part of it that exists.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let end = self.summed_len().min(self.bytes.len());
        self.bytes.get(Header::LEN..end).unwrap_or_default()
    }

    /// Returns the checksum at the end, if it is there.
    #[must_use]
    pub fn checksum(&self) -> Option<u64> {
        let trailer = self.bytes.get(self.summed_len()..)?;
        trailer.first_chunk().map(|trailer| u64::from_le_bytes(*trailer))
    }

    /// Returns the offset of the checksum.
    #[must_use]
    pub fn summed_len(&self) -> usize {
        self.header.snapshot_len() - Header::TRAILER_LEN
    }

    /// Returns the error of the length or the checksum, if there is one.
    #[must_use]
    pub fn damage(&self) -> Option<LoadError> {
        let needed = self.header.snapshot_len();
        let available = self.bytes.len();
        if self.behind > 0 {
            let bytes = usize::try_from(self.behind).unwrap_or(usize::MAX);
            return Some(LoadErrorKind::TrailingBytes { bytes }.at(needed));
        }
        let Some(expected) = self.checksum() else {
            return Some(LoadErrorKind::Truncated { needed, available }.at(0));
        };
        let summed = self.summed_len();
        let found = Crc64Slice16::checksum(self.bytes.get(..summed).unwrap_or_default());
        (expected != found).then(|| LoadErrorKind::Checksum { expected, found }.at(summed))
    }

    /// Returns the schema and the root mirror that the snapshot belongs to.
    ///
    /// # Errors
    ///
    /// [`Failure`] if no schema matches.
    pub fn identify<'f>(&self, schemas: &'f Folder) -> Result<Found<'f>, Failure> {
        schemas.find(&self.header).map_err(|not_found| self.unknown(not_found))
    }

    /// Calls `visit` with each value of the payload. Damaged bytes in a snapshot within it become a value of their own.
    ///
    /// # Errors
    ///
    /// [`Stopped`] with the first field that cannot be read.
    pub fn walk<'f, 'p>(&'p self, found: Found<'f>, visit: &mut dyn FnMut(&Item<'_, 'f, 'p>)) -> Result<(), Stopped> {
        walk(
            found.schema,
            found.root,
            found.release,
            self.payload(),
            Header::LEN,
            found.schemas,
            visit,
        )
    }

    fn unknown(&self, not_found: NotFound) -> Failure {
        let Header {
            release, fingerprint, ..
        } = self.header;
        let name = &self.name();
        if let Some(damage) = self.damage()
            && !matches!(not_found, NotFound::NoSchema)
        {
            return Failure::of(
                name,
                format!("no schema has the release and the fingerprint of its header, and it is damaged: {damage}"),
                "take an undamaged copy; `devstate peek` shows the header",
            );
        }
        match not_found {
            NotFound::NoSchema => Failure::of(
                name,
                "no schema was given",
                "add --schema FOLDER, with the JSON that the product's program prints with schema::Json",
            ),
            NotFound::Newer(newest) => Failure::of(
                name,
                format!("written by release {release}, and the newest release of all schemas is {newest}"),
                "add the schema of a newer build with --schema; `devstate peek` describes the snapshot without one",
            ),
            NotFound::UnknownRelease(newest) => Failure::of(
                name,
                format!("written by release {release}, which no schema has (the newest one has {newest})"),
                "add the schema of a build that still had this release; `devstate peek` describes the snapshot without one",
            ),
            NotFound::Foreign => Failure::of(
                name,
                format!(
                    "no mirror of release {release} has the fingerprint {fingerprint:#018x}: the snapshot is of \
                     another product, or of a build that was never published"
                ),
                "add the schema of that product with --schema; `devstate peek` describes the snapshot without one",
            ),
        }
    }
}

/// Opens a file, or standard input for `-`. Returns the length of a regular file.
///
/// # Errors
///
/// [`Failure`] if it cannot be opened.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let name = printable(&path.to_string_lossy());
    let file = File::open(path).map_err(|error| cannot_read(&name, &error))?;
    let metadata = file.metadata().map_err(|error| cannot_read(&name, &error))?;
    if metadata.is_dir() {
        return Err(Failure::of(
            &name,
            "a folder",
            "give the files in it; `devstate verify` takes folders",
        ));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

pub(crate) fn cannot_read(name: &str, error: &io::Error) -> Failure {
    Failure::of(
        name,
        format!("cannot read it: {error}"),
        "check the name and your rights",
    )
}

/// Says what a file is whose first bytes are no header.
pub(crate) fn not_a_snapshot(name: &str, error: &LoadError, start: &[u8]) -> Failure {
    if let LoadErrorKind::Format { found, known } = error.kind {
        return Failure::of(
            name,
            format!("a snapshot of format {found}, and this devstate knows format {known}"),
            "install a newer devstate",
        );
    }
    if let Some(foreign) = foreign::name_of(start) {
        return Failure::of(
            name,
            format!("not a snapshot of devstate: {foreign}"),
            "give a file that starts with DEVSTAT",
        );
    }
    Failure::of(
        name,
        format!("{}", error.kind),
        "give a file that starts with DEVSTAT; if the product stores more around its snapshots, cut that off first",
    )
}

/// Where commands look for schemas.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// The product's schemas: files, or folders with files *.json. Without it, the folder `schemas` if there is one
    #[arg(long, short, value_name = "PATH")]
    schema: Vec<PathBuf>,
}

impl SchemaArgs {
    /// Reads the schemas.
    pub(crate) fn read(&self) -> Result<Folder, Failure> {
        let default = PathBuf::from("schemas");
        if !self.schema.is_empty() {
            Folder::read(&self.schema)
        } else if default.is_dir() {
            Folder::read(&[default])
        } else {
            Ok(Folder::default())
        }
    }
}
