#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod file;
pub mod generate;

use std::cell::Cell;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use devstate_versioning::wire;
use devstate_versioning::{MirrorOf, ReleaseTable};

pub use error::GoldenError;
pub use file::Case;

use crate::file::Subject;
use crate::generate::Choice;

/// The name of the environment variable that makes [`Golden::check`] write files. If its value is `add`, missing files
/// are written.
pub const VARIABLE: &str = "DEVSTATE_GOLDEN";

/// Makes the bytes of a foreign value, by the name of its layout.
type Foreign<'f> = &'f dyn Fn(&str, &mut dyn Choice) -> Vec<u8>;

/// Checks the frozen files of a release table, which are in one folder.
///
/// ```
/// use devstate_golden::Golden;
/// use devstate_versioning::{Versioned, release_table};
///
/// #[derive(Versioned, Clone, Debug, Default)]
/// #[versioned(version = 1, layouts(0xfbf7_783d_667f_48fb))]
/// pub struct SettingsSer { pub brightness: u8 }
/// release_table! { pub enum Release { V1 = 1 @ 0xfbf7_783d_667f_48fb } SettingsSer => [1], }
///
/// # let folder = tempfile::tempdir()?;
/// let golden = Golden::<Release>::new(folder.path());
/// // There is no file yet.
/// assert!(golden.check::<SettingsSer>().is_err());
/// golden.adding(true).check::<SettingsSer>()?;
/// // From now on there is.
/// assert_eq!(Golden::<Release>::new(folder.path()).check::<SettingsSer>()?, 15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Golden<'f, R> {
    folder: PathBuf,
    is_adding: bool,
    foreign: Option<Foreign<'f>>,
    table: PhantomData<R>,
}

impl<R> fmt::Debug for Golden<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Golden")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl<'f, R: ReleaseTable> Golden<'f, R> {
    /// Uses the files `folder/RELEASE/MIRROR.hex`. Missing files are written if [`VARIABLE`] is `add`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            is_adding: std::env::var_os(VARIABLE).is_some_and(|value| value == "add"),
            foreign: None,
            table: PhantomData,
        }
    }

    /// Sets whether missing files are written. This overrides the environment variable.
    #[must_use]
    pub fn adding(self, is_adding: bool) -> Self {
        Self { is_adding, ..self }
    }

    /// Takes values of foreign types from `foreign`. The function gets the name of a layout, and returns the bytes that
    /// postcard writes for a value. For the same choices it must return the same bytes.
    #[must_use]
    pub fn with_foreign(self, foreign: Foreign<'f>) -> Self {
        Self {
            foreign: Some(foreign),
            ..self
        }
    }

    /// Compares the files of a mirror with the results of today's code, at every published release that has the mirror.
    /// Returns the number of snapshots.
    ///
    /// # Errors
    ///
    /// [`GoldenError`] with the file and the snapshot. Either a file is missing, or its bytes differ from what the code
    /// reads and writes, or a comment is no longer true.
    pub fn check<M>(&self) -> Result<usize, GoldenError>
    where
        M: for<'de> MirrorOf<'de, R> + Default,
    {
        let mut count = 0;
        let published = R::ALL.iter().zip(R::PINNED).filter(|(_, pinned)| pinned.is_some());
        for (&release, _) in published {
            if M::version(release) == 0 {
                continue;
            }
            let file = self.file(release, M::SCHEMA.name);
            let subject = Subject::of::<R, M>(release);
            if !file.exists() {
                if !self.is_adding {
                    let what = format!("missing: run the test once with {VARIABLE}=add, and commit the file");
                    return Err(GoldenError::new(&file, "", what));
                }
                let default = encoded_default::<R, M>(release).map_err(|error| {
                    let what = format!("the default cannot be written at {release:?}: {error}");
                    GoldenError::new(&file, "", what)
                })?;
                let unknown = Cell::new(None);
                let foreign = |name: &str, choice: &mut dyn Choice| {
                    let bytes = self.foreign.map(|foreign| foreign(name, choice));
                    bytes.unwrap_or_else(|| {
                        unknown.set(Some(name.to_owned()));
                        Vec::new()
                    })
                };
                let document = subject.document(&default, &foreign);
                if let Some(name) = unknown.take() {
                    let what = format!("there are no values for `{name}`: provide them with Golden::with_foreign");
                    return Err(GoldenError::new(&file, "", what));
                }
                write_new(&file, &document)?;
            }
            let reencode = |payload: &[u8]| {
                let mut buffer = vec![0xa5; M::MAX_ENCODED_LEN];
                let encoded = wire::reencode(release, payload, &mut M::default(), &mut buffer);
                match encoded {
                    Ok(Ok(encoded)) => Ok(encoded.to_vec()),
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            };
            count += subject.check(&file, &read(&file)?, &reencode)?;
        }
        Ok(count)
    }

    /// Returns the snapshots in the file of a mirror, for further tests.
    ///
    /// # Errors
    ///
    /// [`GoldenError`] if the file is missing or is not a frozen file.
    pub fn cases(&self, release: R, mirror: &str) -> Result<Vec<Case>, GoldenError> {
        let file = self.file(release, mirror);
        file::parse(&file, &read(&file)?)
    }

    fn file(&self, release: R, mirror: &str) -> PathBuf {
        self.folder.join(format!("{release:?}")).join(format!("{mirror}.hex"))
    }
}

fn encoded_default<R, M>(release: R) -> Result<Vec<u8>, devstate_versioning::SaveError>
where
    R: ReleaseTable,
    M: for<'de> MirrorOf<'de, R> + Default,
{
    let mut scratch = M::default();
    let translated = release.downgrade_lossy(&M::default(), &mut scratch, &mut |_| true)?;
    let mut bytes = vec![0; translated.payload_len()];
    Ok(translated.encode(&mut bytes)?.to_vec())
}

fn read(file: &Path) -> Result<String, GoldenError> {
    fs::read_to_string(file).map_err(|error| GoldenError::new(file, "", error.to_string()))
}

/// Never overwrites.
fn write_new(file: &Path, text: &str) -> Result<(), GoldenError> {
    let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        let mut open = OpenOptions::new().write(true).create_new(true).open(file)?;
        open.write_all(text.as_bytes())
    });
    written.map_err(|error| GoldenError::new(file, "", error.to_string()))
}
