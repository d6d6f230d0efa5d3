//! What is printed where nobody can read it, and what a terminal would obey.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use super::server::Server;

/// Where nothing can be written: a full device, a pipe that nobody reads, and nothing at all.
const DEAD: [&str; 3] = ["full", "unread", "closed"];

fn dead(kind: &str) -> Stdio {
    match kind {
        "full" => File::options().write(true).open("/dev/full").unwrap().into(),
        // Only for reading: it is as if it were closed.
        "closed" => File::open("/dev/null").unwrap().into(),
        _ => std::io::pipe().unwrap().1.into(),
    }
}

#[test]
fn nothing_that_is_printed_panics() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let file: &str = &server.path("export");
    assert!(server.run(&["export", file]).0);
    let missing: &str = &server.path("missing");
    for arguments in [
        &["export", file][..],
        &["import", file],
        &["list", file],
        &["list", missing],
        &["get", "lamp"],
        &["get", "nothing"],
        &["put", "lamp", "off"],
        &["export", file, "--release", "7"],
        &["serve"],
        &["--help"],
        &["nonsense"],
    ] {
        for out in DEAD {
            for error in DEAD {
                let status = server
                    .command(arguments)
                    .stdout(dead(out))
                    .stderr(dead(error))
                    .status()
                    .unwrap();
                let code = status.code().unwrap();
                assert!(code <= 2, "{arguments:?} to {out} and {error}: {status}");
            }
        }
    }
}

#[test]
fn output_that_is_lost_is_an_error_where_it_is_what_was_asked_for() {
    let server = Server::with_items(&[("lamp", b"on")]);
    let full = server.command(&["get", "lamp"]).stdout(dead("full")).output().unwrap();
    let errors = String::from_utf8(full.stderr).unwrap();
    assert!(!full.status.success());
    assert!(
        errors.starts_with("kv-store: cannot write to standard output: "),
        "{errors}"
    );
}

#[test]
fn a_server_whose_output_is_dead_serves() {
    for kind in DEAD {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let mut server = Command::new(env!("CARGO_BIN_EXE_kv-store"))
            .args(["serve", "--socket"])
            .arg(&socket)
            .stdout(dead(kind))
            .stderr(dead(kind))
            .spawn()
            .unwrap();
        let put = || {
            let mut put = Command::new(env!("CARGO_BIN_EXE_kv-store"));
            put.arg("--socket").arg(&socket).args(["put", "lamp", "on"]);
            put.stderr(Stdio::null()).status().unwrap().success()
        };
        let start = std::time::Instant::now();
        let mut answers = put();
        while !answers && start.elapsed().as_secs() < 10 && server.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(10));
            answers = put();
        }
        let _ = server.kill();
        let _ = server.wait();
        assert!(answers, "{kind}");
    }
}

#[test]
fn a_value_comes_from_standard_input_byte_for_byte_and_is_in_no_list_of_processes() {
    let server = Server::start();
    let put = |key: &str, value: &[u8]| {
        let mut command = server.command(&["put", key, "--sensitive"]);
        let mut putting = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // One that is far too long is not read to its end.
        let _ = putting.stdin.take().unwrap().write_all(value);
        let output = putting.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(put("password", b"hunter2\n"), (true, String::new()));
    assert_eq!(server.run(&["get", "password", "--reveal"]).1, "hunter2\n");
    for (value, why) in [(&[][..], "0 bytes"), (&vec![7; 1 << 20], "4097 bytes")] {
        let (success, errors) = put("other", value);
        assert!(!success && errors.contains(why), "{errors}");
    }
}

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    let server = Server::with_items(&[("lamp", b"\x1b[2J\r\n")]);
    let nasty = "/nonexistent/\u{1b}[2J\r\n";
    for arguments in [
        &["get", nasty][..],
        &["list", nasty],
        &["export", nasty],
        &["import", nasty],
        &["get", "lamp", "--socket", nasty],
    ] {
        let (success, _, errors) = server.run(arguments);
        let errors = errors.strip_suffix('\n').unwrap();
        assert!(
            !success && !errors.contains(char::is_control),
            "{arguments:?}: {errors:?}"
        );
    }
    assert_eq!(
        server.run(&["get", "lamp"]).1,
        "\u{1b}[2J\r\n",
        "to a program it goes as it is"
    );
}
