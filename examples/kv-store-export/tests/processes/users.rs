//! Other users, and limits that the system sets. What only root can try is skipped elsewhere.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::server::{Server, program_for_all};

/// A user who has no process but those of a test.
const OTHER: u32 = 54_321;

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can start a process as another user");
    }
    is_root
}

fn errors(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_server_answers_no_other_user() {
    if !is_root() {
        return;
    }
    let server = Server::with_items(&[("lamp", b"on")]);
    // Even where the file system lets everybody connect.
    fs::set_permissions(server.socket(), Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(program_for_all(server.directory.path()));
    command.arg("--socket").arg(server.socket()).uid(OTHER);
    let errors = errors(command.args(["get", "lamp"]));
    assert!(
        errors.contains("it serves its own user only, not user 54321"),
        "{errors}"
    );
    assert_eq!(server.run(&["get", "lamp"]).1, "on");
}

#[test]
fn a_client_tells_no_other_users_server_anything() {
    if !is_root() {
        return;
    }
    let (server, _) = server_of_another(OTHER, &[]);
    let errors = errors(server.command(&["put", "password"]).stdin(Stdio::null()).arg("hunter2"));
    assert!(
        errors.contains("the server is user 54321's, and neither yours nor root's"),
        "{errors}"
    );
}

/// A server that another user runs, and how that user runs a client.
fn server_of_another(user: u32, before: &[&str]) -> (Server, impl Fn(&[&str]) -> Command) {
    let server = Server::start_as(user, before);
    let (program, socket) = (program_for_all(server.directory.path()), server.socket());
    let client = move |before: &[&str]| {
        let words: Vec<_> = before.iter().map(PathBuf::from).chain([program.clone()]).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("--socket").arg(&socket).uid(user);
        command
    };
    (server, client)
}

#[test]
fn a_system_without_a_thread_to_spare_exports_all_the_same() {
    if !is_root() {
        return;
    }
    let (server, client) = server_of_another(OTHER, &[]);
    assert!(client(&[]).args(["put", "lamp", "on"]).status().unwrap().success());
    let file = server.path("own/export");
    // As many threads as the user has already.
    for command in ["export", "import"] {
        let output = client(&["prlimit", "--nproc=1"])
            .arg(command)
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
    }
    let errors = errors(
        client(&["prlimit", "--nproc=1"])
            .args(["--socket", "other", "serve"])
            .current_dir(server.path("own")),
    );
    assert!(errors.contains("the server has no threads"), "{errors}");
}

#[test]
fn a_server_serves_with_as_few_threads_as_it_gets() {
    if !is_root() {
        return;
    }
    // The threads of all of a user's processes count, so each server has a user of its own.
    for threads in 2..5 {
        let limit = format!("--nproc={threads}");
        let before = ["prlimit", &limit];
        let (server, client) = server_of_another(OTHER + threads, &before);
        let file = server.path("own/export");
        assert!(
            client(&[]).args(["put", "lamp", "on"]).status().unwrap().success(),
            "{threads} threads"
        );
        assert!(
            client(&[]).arg("export").arg(&file).status().unwrap().success(),
            "{threads} threads"
        );
    }
}

#[test]
fn without_a_runtime_directory_the_socket_lies_in_a_directory_of_the_users_own() {
    let directory = tempfile::tempdir().unwrap();
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-store"));
        command.env_remove("XDG_RUNTIME_DIR").env("TMPDIR", directory.path());
        errors(command.args(["get", "lamp"]))
    };
    let user = rustix::process::geteuid().as_raw();
    let own = directory.path().join(format!("kv-store-{user}"));
    assert!(run().contains(&format!("{}/kv-store.sock", own.display())), "{}", run());
    fs::set_permissions(&own, Permissions::from_mode(0o770)).unwrap();
    assert!(run().contains("give a socket elsewhere with `--socket`"));
}
