//! A directory of the user's own.

use std::fs::{DirBuilder, metadata, symlink_metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, error, fmt, io};

use rustix::process::geteuid;

use crate::shown::shown;

/// Returns a directory in which only this user and root can create or replace a socket.
///
/// This is `$XDG_RUNTIME_DIR`, which must exist. If that variable is not set to an absolute path, it is `NAME-UID`
/// below the directory for temporary files. This directory is created with the mode 0700 if it does not exist. `name`
/// is the name of the program, without `/`.
///
/// `$XDG_RUNTIME_DIR` also has the sockets of other programs. So the name of the socket should contain `name` too.
///
/// # Errors
///
/// Returns [`DirectoryError`] if the path is not a directory of this user, if it is a symbolic link, or if others can
/// write to it. It is also an error if others could replace it in the directory for temporary files, or if `name` is
/// not the name of a file.
pub fn private_directory(name: &str) -> Result<PathBuf, DirectoryError> {
    let given = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    choose(given, &env::temp_dir(), name)
}

fn choose(given: Option<PathBuf>, temporary: &Path, name: &str) -> Result<PathBuf, DirectoryError> {
    if name.is_empty() || name.contains(['/', '\0']) {
        return Err(DirectoryError::Name { name: name.to_owned() });
    }
    let own = geteuid().as_raw();
    let directory = match given.filter(|given| given.is_absolute()) {
        Some(given) => given,
        None => {
            if is_replaceable(temporary, own) {
                return Err(DirectoryError::Replaceable {
                    parent: temporary.to_owned(),
                });
            }
            let directory = temporary.join(format!("{name}-{own}"));
            // One that is there already is checked as well.
            let _ = DirBuilder::new().mode(0o700).create(&directory);
            directory
        }
    };
    match symlink_metadata(&directory) {
        Ok(found) if found.is_dir() && found.uid() == own && found.mode() & 0o022 == 0 => Ok(directory),
        Ok(_) => Err(DirectoryError::NotPrivate { directory, own }),
        Err(source) => Err(DirectoryError::Missing { directory, source }),
    }
}

/// Returns `true` if another user than `own` and root may replace what lies in a directory.
fn is_replaceable(directory: &Path, own: u32) -> bool {
    const STICKY: u32 = 0o1000;
    metadata(directory)
        .is_ok_and(|found| ![own, 0].contains(&found.uid()) || found.mode() & 0o022 != 0 && found.mode() & STICKY == 0)
}

/// Why there is no [`private_directory`].
#[derive(Debug)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The name of the program is empty, or it has `/` or a zero byte.
    Name {
        /// The name.
        name: String,
    },
    /// The path is not a directory that only this user can write to.
    NotPrivate {
        /// The path of the directory.
        directory: PathBuf,
        /// The user ID of this process.
        own: u32,
    },
    /// Other users could replace the directory.
    Replaceable {
        /// The path of its parent directory.
        parent: PathBuf,
    },
    /// The directory does not exist and cannot be created.
    Missing {
        /// The path of the directory.
        directory: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(f, "{name:?} is not the name of a file"),
            Self::NotPrivate { directory, own } => {
                let directory = shown(directory);
                write!(f, "{directory} is not a directory that only user {own} can write to")
            }
            Self::Replaceable { parent } => write!(f, "other users can replace what lies in {}", shown(parent)),
            Self::Missing { directory, source } => write!(f, "there is no directory {}: {source}", shown(directory)),
        }
    }
}

impl error::Error for DirectoryError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Name { .. } | Self::NotPrivate { .. } | Self::Replaceable { .. } => None,
            Self::Missing { source, .. } => source.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn a_given_directory_is_used_and_one_is_made_where_none_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let (given, temporary) = (folder.path().join("given"), folder.path());
        let made = temporary.join(format!("vm-{}", geteuid().as_raw()));
        let missing = choose(Some(given.clone()), temporary, "vm").unwrap_err();
        assert!(matches!(missing, DirectoryError::Missing { .. }), "{missing}");
        fs::create_dir(&given).unwrap();
        fs::set_permissions(&given, Permissions::from_mode(0o700)).unwrap();
        assert_eq!(choose(Some(given.clone()), temporary, "vm").unwrap(), given);
        assert!(!made.exists());
        for given in [None, Some("relative".into()), Some("".into())] {
            assert_eq!(choose(given, temporary, "vm").unwrap(), made);
        }
        assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
        let missing = choose(None, &temporary.join("\x1b[2J"), "vm").unwrap_err();
        assert!(matches!(missing, DirectoryError::Missing { .. }), "{missing}");
        assert!(!missing.to_string().contains('\x1b'), "{missing}");
    }

    #[test]
    fn a_name_leads_to_no_other_directory() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "../vm", "/etc", "a/b", "vm/", "a\0b"] {
            for given in [None, Some(folder.path().to_owned())] {
                let refused = choose(given, folder.path(), name).unwrap_err();
                assert!(matches!(refused, DirectoryError::Name { .. }), "{name}: {refused}");
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_others_can_replace_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporary");
        fs::create_dir(&path).unwrap();
        let is_refused = || matches!(choose(None, &path, "vm"), Err(DirectoryError::Replaceable { .. }));
        for (mode, taken) in [(0o777, false), (0o770, false), (0o1777, true), (0o755, true)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_refused(), !taken, "{mode:o}");
        }
        if chown(&path, Some(54_321), None).is_ok() {
            assert!(is_refused(), "it belongs to another user");
        } else {
            println!("skipped: only root can give a directory away");
        }
    }

    #[test]
    fn a_directory_that_others_can_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vm");
        let check = || choose(Some(path.clone()), folder.path(), "vm");
        let is_refused = || matches!(check(), Err(DirectoryError::NotPrivate { .. }));
        fs::create_dir(&path).unwrap();
        for (mode, taken) in [
            (0o700, true),
            (0o755, true),
            (0o770, false),
            (0o702, false),
            (0o1777, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_refused(), !taken, "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        if chown(&path, Some(54_321), None).is_ok() {
            assert!(is_refused(), "it belongs to another user");
        } else {
            println!("skipped: only root can give a directory away");
        }
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        symlink("elsewhere", &path).unwrap();
        assert!(is_refused(), "it is a symbolic link");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(is_refused(), "it is a file");
    }
}
