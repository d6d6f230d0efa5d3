//! What a person types.

use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use devstate_kv_store_export::Release;
use rustix::fs::{CWD, FileType, Mode};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::server::Server;

#[test]
fn what_a_person_types_works_and_says_what_it_did() {
    let server = Server::start();
    let file: &str = &server.path("export");
    let fails_with = |arguments: &[&str], why: &str| {
        let (success, _, errors) = server.run(arguments);
        assert!(!success && errors.contains(why), "{arguments:?} said: {errors}");
        assert!(!Path::new(file).exists(), "a failed export left a file");
    };
    fails_with(&["export", file], "the store is empty");
    fails_with(&["get", "lamp"], "there is no item `lamp`");
    assert!(server.run(&["put", "lamp", "on"]).0);
    assert!(server.run(&["put", "password", "hunter2", "--sensitive"]).0);
    fails_with(&["put", "lamp", "off"], "already exists");
    fails_with(&["get", "password"], "--reveal");
    fails_with(&["export", file, "--size", "16"], "try `--size");
    fails_with(&["export", file, "--release", "1"], "item 1 is sensitive");
    fails_with(&["export", file, "--release", "7"], "there is no release 7");
    assert_eq!(server.run(&["get", "lamp"]).1, "on");
    assert_eq!(server.run(&["get", "password", "--reveal"]).1, "hunter2");
    let (success, output, _) = server.run(&["export", file]);
    assert!(success && output.starts_with("exported "), "{output}");
    let (_, listed, summary) = server.run(&["list", file]);
    assert_eq!(listed, "lamp = on\npassword = (sensitive, 7 bytes)\n");
    assert!(summary.contains("2 items, release 2"), "{summary}");
    assert_eq!(server.run(&["list", file, "--keys"]).1, "lamp\npassword\n");

    let other = Server::with_items(&[("lamp", b"other")]);
    assert_eq!(
        other.run(&["import", file]).1,
        "imported 1 items, 1 were there already\n"
    );
    assert_eq!(other.run(&["get", "lamp"]).1, "other");
    let restored = Server::start_with(&["--from", file]);
    assert_eq!(restored.run(&["get", "password", "--reveal"]).1, "hunter2");
    let written = |server: &Server| server.client().get("lamp").unwrap().unwrap().written;
    assert_eq!(written(&restored), written(&server), "the time of writing is kept");

    let mut bytes = std::fs::read(file).unwrap();
    bytes[30] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let (success, _, errors) = server.run(&["list", file]);
    assert!(
        !success && errors.contains("is no export: checksum mismatch"),
        "{errors}"
    );
    let (success, _, errors) = restored.run(&["--socket", "/nonexistent/socket", "get", "lamp"]);
    assert!(!success && errors.contains("no server answers"), "{errors}");
}

#[test]
fn a_second_server_does_not_take_the_place_of_the_first() {
    let server = Server::start();
    let (success, _, errors) = server.run(&["serve"]);
    assert!(!success && errors.contains("cannot listen"), "{errors}");
    assert!(server.is_alive());
}

#[test]
fn the_help_names_every_command_and_says_what_it_does() {
    let server = Server::start();
    let (success, help, _) = server.run(&["--help"]);
    assert!(success);
    for command in ["serve", "put", "get", "export", "import", "list"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in: {help}");
        let (success, own, _) = server.run(&[command, "--help"]);
        assert!(success && own.contains("Usage: kv-store"), "{command}: {own}");
    }
}

#[test]
fn the_file_is_the_memory_byte_for_byte() {
    let server = Server::with_items(&[("lamp", b"on"), ("long", &[7; 4096])]);
    let file: &str = &server.path("export");
    assert!(server.run(&["export", file]).0);
    let sealed = server.client().export_within(1 << 20, Release::LATEST).unwrap();
    assert_eq!(std::fs::read(file).unwrap(), *sealed.to_vec().unwrap());
}

#[test]
fn a_stream_is_written_to_and_nothing_but_a_regular_file_is_replaced() {
    let server = Server::with_items(&[("lamp", b"on"), ("long", &[7; 4096])]);
    let file: &str = &server.path("export");
    assert!(server.run(&["export", file]).0);
    let expected = std::fs::read(file).unwrap();

    let pipe: &str = &server.path("pipe");
    rustix::fs::mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let named = pipe.to_owned();
    let reader = thread::spawn(move || std::fs::read(named).unwrap());
    assert!(server.run(&["export", pipe]).0);
    assert_eq!(reader.join().unwrap(), expected);
    // As `/dev/stdout` is, which a test that fails must not replace.
    let output: &str = &server.path("stdout");
    std::os::unix::fs::symlink("/proc/self/fd/1", output).unwrap();
    let output = server.command(&["export", output]).output().unwrap();
    assert!(output.status.success() && output.stdout == expected, "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("exported"));
    // The kernel itself sends no file to a device.
    for (name, minor) in [("null", 3), ("full", 7)] {
        let path: &str = &server.path(name);
        let device = rustix::fs::makedev(1, minor);
        let made = rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, device);
        if let Err(error) = made.map_err(Into::into).and_then(|()| File::open(path)) {
            eprintln!("skipped: no device can be made here: {error}");
            continue;
        }
        let (success, _, errors) = server.run(&["export", path]);
        assert_eq!(success, name == "null", "{errors}");
        assert!(
            success && errors.starts_with("exported ") || errors.contains("cannot write "),
            "{errors}"
        );
        assert!(std::fs::metadata(path).unwrap().file_type().is_char_device(), "{name}");
    }
    let (success, _, errors) = server.run(&["export", &server.path("socket")]);
    assert!(!success && errors.contains("it is a socket"), "{errors}");
    assert!(server.is_alive());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let server = Server::with_a_large_export();
    let file: &str = &server.path("export");
    assert!(server.run(&["export", file]).0);
    // Nobody reads either of them, as behind `2>&1 | head` once that has gone.
    let closed = || rustix::pipe::pipe().unwrap().1;
    for arguments in [&["list", file][..], &["get", "key1"], &["list", file, "--keys"]] {
        let status = server
            .command(arguments)
            .stdout(closed())
            .stderr(closed())
            .status()
            .unwrap();
        assert!(status.success(), "{arguments:?}: {status}");
    }
}

#[test]
fn a_value_is_printed_as_it_is() {
    let value: Vec<u8> = (0..=255).collect();
    let server = Server::with_items(&[("binary", &value)]);
    assert_eq!(server.command(&["get", "binary"]).output().unwrap().stdout, value);
}

#[test]
fn on_a_terminal_what_takes_long_shows_that_it_goes_on() {
    // On a machine that is busy a command may start late, and then it waits for the rest only.
    let long = [1_500, 4_000, 10_000].map(Duration::from_millis);
    let server = Server::with_items(&[("lamp", b"on"), ("long", &[7; 4096])]);
    let file: &str = &server.path("export");
    let paused = |long, run: &dyn Fn() -> String| {
        let pause = server.pause(long);
        let shown = run();
        pause.join().unwrap();
        shown
    };
    for (command, expected) in [("export", "the server fills the memory"), ("import", "/2 items")] {
        let shown = long
            .into_iter()
            .any(|long| paused(long, &|| on_a_terminal(&server, &[command, file])).contains(expected));
        assert!(shown, "{command}");
    }
    // Not where nobody looks.
    for command in ["export", "import"] {
        assert_eq!(paused(long[0], &|| server.run(&[command, file]).2), "", "{command}");
    }
}

#[test]
fn on_a_terminal_what_is_soon_done_shows_nothing() {
    let server = Server::with_items(&[("lamp", b"on"), ("long", &[7; 4096])]);
    let file: &str = &server.path("export");
    // On a machine that is busy one of them may take long.
    for command in ["export", "import"] {
        let quiet = (0..20).any(|_| on_a_terminal(&server, &[command, file]).is_empty());
        assert!(quiet, "{command}");
    }
}

/// What `kv-store` writes to a terminal as its error output.
fn on_a_terminal(server: &Server, arguments: &[&str]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let other_end = File::options().read(true).write(true).open(name).unwrap();
    let output = server
        .command(arguments)
        .env("TERM", "xterm")
        .stderr(other_end)
        .output()
        .unwrap();
    assert!(output.status.success());
    rustix::io::ioctl_fionbio(&terminal, true).unwrap();
    let mut shown = [0; 16 << 10];
    // Nothing was written, and nobody is left who could.
    let len = rustix::io::read(&terminal, &mut shown).unwrap_or(0);
    String::from_utf8_lossy(&shown[..len]).into_owned()
}
