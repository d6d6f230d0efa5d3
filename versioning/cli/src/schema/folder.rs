//! The schemas of a folder, and the search for the schema of a snapshot.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use devstate_versioning::Header;

use super::document::Mirror;
use super::load::{MAX_FILE_LEN, Schema};
use crate::failure::{Failure, printable};
use crate::output::only_regular;

/// Schemas, each with the file that it was read from.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    schemas: Vec<(PathBuf, Schema)>,
}

/// Why no schema matches a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// There is no schema at all.
    NoSchema,
    /// The release is newer than all releases of all schemas. The number is that of the newest one.
    Newer(u16),
    /// No schema has the release. The number is that of the newest release of all schemas.
    UnknownRelease(u16),
    /// A schema has the release, but none of its mirrors has the fingerprint.
    Foreign,
}

impl Folder {
    /// Returns `true` if there is no schema.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }

    /// Creates it from schemas, each with the name of its file.
    #[must_use]
    pub const fn of(schemas: Vec<(PathBuf, Schema)>) -> Self {
        Self { schemas }
    }

    /// Reads schemas: files, and all files `*.json` of folders.
    ///
    /// # Errors
    ///
    /// [`Failure`] if a file cannot be read, or is not a schema.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                files.extend(json_files(path)?);
            } else {
                files.push(path.clone());
            }
        }
        let read = |file: PathBuf| read_schema(&file).map(|schema| (file, schema));
        let schemas = files.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { schemas })
    }

    /// Returns the names of the published releases, each with the mirrors with a row that it has.
    pub(crate) fn published(&self) -> impl Iterator<Item = (&str, &str)> {
        self.schemas.iter().flat_map(|(_, schema)| {
            let rows = schema.rows();
            rows.flat_map(|mirror| {
                let columns = schema.document.releases.iter().zip(&mirror.releases);
                let there = columns.filter(|(release, version)| release.published && version.is_some());
                there.map(|(release, _)| (release.name.as_str(), mirror.name.as_str()))
            })
        })
    }

    /// Returns the schema and the root mirror of snapshots with that header.
    ///
    /// # Errors
    ///
    /// [`NotFound`] if no schema matches.
    pub fn find(&self, header: &Header) -> Result<Found<'_>, NotFound> {
        let mut known = false;
        let mut found: Option<Found<'_>> = None;
        for (file, schema) in &self.schemas {
            known |= schema.position_of(header.release).is_some();
            let Some(release) = schema.position_of(header.release) else {
                continue;
            };
            let roots = schema.roots(header.release, header.fingerprint).unwrap_or_default();
            let Some(root) = roots.first() else { continue };
            // A later schema of the product has the same release, and knows more names.
            let releases = |found: &Found<'_>| found.schema.document.releases.len();
            if found
                .as_ref()
                .is_none_or(|found| releases(found) <= schema.document.releases.len())
            {
                found = Some(Found {
                    file,
                    schema,
                    root,
                    release,
                    schemas: self,
                });
            }
        }
        let numbers = self.schemas.iter().flat_map(|(_, schema)| &schema.document.releases);
        let newest = numbers.map(|release| release.number).max();
        found.ok_or(match newest {
            None => NotFound::NoSchema,
            Some(_) if known => NotFound::Foreign,
            Some(newest) if header.release > newest => NotFound::Newer(newest),
            Some(newest) => NotFound::UnknownRelease(newest),
        })
    }
}

/// The schema and the mirror that a snapshot belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Found<'f> {
    /// The file of the schema.
    pub file: &'f Path,
    /// The schema.
    pub schema: &'f Schema,
    /// The root mirror.
    pub root: &'f Mirror,
    /// The position of the snapshot's release in the schema.
    pub release: usize,
    /// All schemas, including those of snapshots within the snapshot.
    pub schemas: &'f Folder,
}

impl<'f> Found<'f> {
    /// Returns the name of the release in the schema.
    pub(crate) fn release_name(&self) -> &'f str {
        let release = self.schema.document.releases.get(self.release);
        release.map_or("", |release| &release.name)
    }

    /// Returns the version of the root mirror.
    pub(crate) fn root_version(&self) -> u16 {
        self.root.releases.get(self.release).copied().flatten().unwrap_or(0)
    }
}

/// Reads one schema.
///
/// # Errors
///
/// [`Failure`] if the file cannot be read, or is not a schema.
pub fn read_schema(file: &Path) -> Result<Schema, Failure> {
    let name = printable(&file.to_string_lossy());
    let mut json = Vec::new();
    // One byte more shows that it is too long.
    let read = fs::File::open(file).and_then(|source| source.take(MAX_FILE_LEN + 1).read_to_end(&mut json));
    read.map_err(|error| {
        let next = "give the JSON that the product's program prints with schema::Json, or a folder of such files";
        Failure::of(&name, format!("cannot read it: {error}"), next)
    })?;
    Schema::from_json(&json).map_err(|error| {
        let what = format!("no schema: {error}");
        let next = "write it again with schema::Json; a schema of a newer library needs a newer devstate";
        Failure::of(&name, what, next)
    })
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let name = printable(&folder.to_string_lossy());
    let cannot_read = |error| Failure::of(&name, format!("cannot read it: {error}"), "check your rights");
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_read)? {
        let path = entry.map_err(cannot_read)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            only_regular(&path).map_err(|error| {
                let next = "take it out of the folder, or give the schemas by their names";
                Failure::of(
                    &printable(&path.to_string_lossy()),
                    format!("cannot read it: {error}"),
                    next,
                )
            })?;
            files.push(path);
        }
    }
    if files.is_empty() {
        let next = "put the product's schemas there: its program prints one with schema::Json";
        return Err(Failure::of(&name, "no file *.json is there", next));
    }
    files.sort();
    Ok(files)
}
