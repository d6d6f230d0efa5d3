//! Files in a directory of their own.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, makedev, mknodat};

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_file_that_was_not_completed_leaves_the_previous_one_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vm");
    save_file(&path, b"first").unwrap();
    let mut pending = PendingFile::create(&path).unwrap();
    pending.write_all(b"sec").unwrap();
    assert_eq!(load_file(&path, 5).unwrap(), b"first");
    drop(pending);
    assert_eq!(names(dir.path()), ["vm"]);
    save_file(&path, b"second").unwrap();
    assert_eq!(load_file(&path, 6).unwrap(), b"second");
    assert_eq!(names(dir.path()), ["vm"]);
}

#[test]
fn an_error_names_the_file_and_what_was_tried() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing/vm");
    let error = save_file(&missing, b"").unwrap_err().to_string();
    assert!(
        error.starts_with("cannot create") && error.contains("missing/vm"),
        "{error}"
    );
    let path = dir.path().join("long");
    save_file(&path, &[0; 9]).unwrap();
    let error = load_file(&path, 8).unwrap_err().to_string();
    assert!(error.contains("long: longer than the 8 bytes"), "{error}");
}

#[test]
fn a_file_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vm");
    save_file(&path, b"mine").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A file of each kind that is no regular one, and what an error calls it.
fn irregular(dir: &Path) -> Vec<(PathBuf, &'static str)> {
    let [folder, link, dangling, pipe, socket, device] =
        ["folder", "link", "dangling", "pipe", "socket", "device"].map(|name| dir.join(name));
    fs::create_dir(&folder).unwrap();
    fs::write(dir.join("file"), b"file").unwrap();
    symlink(dir.join("file"), &link).unwrap();
    symlink(dir.join("nothing"), &dangling).unwrap();
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    UnixListener::bind(&socket).unwrap();
    let mut all = vec![
        (folder, "directory"),
        (link, "symbolic link"),
        (dangling, "symbolic link"),
        (pipe, "named pipe"),
        (socket, "socket"),
    ];
    // The device that is `/dev/null` elsewhere.
    match mknodat(CWD, &device, rustix::fs::FileType::CharacterDevice, mode, makedev(1, 3)) {
        Ok(()) => all.push((device, "device")),
        Err(errno) => eprintln!("skipped: a device cannot be made here: {errno}"),
    }
    all
}

#[test]
fn only_a_regular_file_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    for (path, kind) in irregular(dir.path()) {
        let before = fs::symlink_metadata(&path).unwrap().ino();
        let error = save_file(&path, b"mine").unwrap_err().to_string();
        assert!(error.starts_with("cannot replace "), "{error}");
        assert!(
            error.ends_with(&format!("it is a {kind}, not a regular file")),
            "{error}"
        );
        assert_eq!(fs::symlink_metadata(&path).unwrap().ino(), before, "{kind}");
    }
    assert_eq!(load_file(&dir.path().join("file"), 5).unwrap(), b"file");
    assert!(names(dir.path()).iter().all(|name| !name.starts_with('.')));
}

#[test]
fn what_took_the_place_meanwhile_is_not_replaced_either() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vm");
    let pending = PendingFile::create(&path).unwrap();
    symlink("elsewhere", &path).unwrap();
    let error = pending.commit().unwrap_err().to_string();
    assert!(error.contains("symbolic link"), "{error}");
    assert_eq!(names(dir.path()), ["vm"]);
}

#[test]
fn only_a_regular_file_is_read_and_no_pipe_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    for (path, kind) in irregular(dir.path()) {
        // A link is followed, and leads to a file.
        match load_file(&path, 5) {
            Ok(bytes) => assert_eq!((&bytes[..], kind), (&b"file"[..], "symbolic link")),
            Err(error) => assert!(error.to_string().starts_with("cannot read "), "{error}"),
        }
    }
}

#[test]
fn a_pipe_and_a_device_are_streams_and_all_else_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let irregular = irregular(dir.path());
    // Whoever reads is there, so opening does not wait.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let mut reader = File::from(open(dir.path().join("pipe"), flags, Mode::empty()).unwrap());
    symlink("pipe", dir.path().join("to_pipe")).unwrap();
    for name in ["pipe", "to_pipe"] {
        let mut stream = open_stream(&dir.path().join(name)).unwrap().unwrap();
        stream.write_all(b"bytes").unwrap();
        let mut read = [0; 6];
        assert_eq!(reader.read(&mut read).unwrap(), 5);
    }
    open_stream(Path::new("/dev/null"))
        .unwrap()
        .unwrap()
        .write_all(b"x")
        .unwrap();
    for (path, kind) in irregular {
        let expected = ["named pipe", "device"].contains(&kind);
        assert_eq!(open_stream(&path).unwrap().is_some(), expected, "{kind}");
    }
    assert!(open_stream(&dir.path().join("file")).unwrap().is_none());
    assert!(open_stream(&dir.path().join("nothing")).unwrap().is_none());
}

#[test]
fn the_longest_name_that_a_file_can_have_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["n".repeat(255), "é".repeat(127)] {
        let path = dir.path().join(name);
        save_file(&path, b"mine").unwrap();
        save_file(&path, b"more").unwrap();
        assert_eq!(load_file(&path, 4).unwrap(), b"more");
    }
    assert_eq!(names(dir.path()).len(), 2);
}

#[test]
fn an_error_has_no_control_sequence_of_a_name_in_it() {
    let error = load_file(Path::new("/nonexistent/\u{1b}[2J\r\n"), 1)
        .unwrap_err()
        .to_string();
    assert!(!error.contains(char::is_control), "{error:?}");
}
