//! Other users, and limits that the system sets. What only root can try is skipped elsewhere.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use devstate_kv_store_export::linux::{ClientError, ExportFailure, Memory};
use devstate_kv_store_export::{Exportable, Item, Release};

use super::server::{Server, program_for_all, refusal};

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
    let user = rustix::process::geteuid().as_raw();
    let own = directory.path().join(format!("kv-store-{user}"));
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-store"));
        command.env_remove("XDG_RUNTIME_DIR").env("TMPDIR", directory.path());
        errors(command.args(["get", "lamp"]))
    };
    assert!(run().contains("no server answers"));
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&own, Permissions::from_mode(0o770)).unwrap();
    assert!(run().contains("is not a directory that only user"));
    fs::remove_dir(&own).unwrap();
    fs::create_dir(directory.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &own).unwrap();
    assert!(run().contains("is not a directory that only user"));
    fs::remove_file(&own).unwrap();
    if is_root() {
        fs::create_dir(&own).unwrap();
        chown(&own, Some(OTHER), None).unwrap();
        assert!(run().contains("is not a directory that only user"));
    }
}

/// A control group of a test's own, removed with it.
struct Group(PathBuf);

impl Group {
    /// Returns `None`, and says so, where none can be made that limits memory.
    fn new(bytes: u64) -> Option<Self> {
        for (root, limit) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ] {
            let group = PathBuf::from(root).join(format!("kv-store-test-{}", std::process::id()));
            if fs::create_dir(&group).is_ok() {
                let group = Self(group);
                if fs::write(group.0.join(limit), bytes.to_string()).is_ok() {
                    return Some(group);
                }
            }
        }
        eprintln!("skipped: no control group can be made here");
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes may take a moment to be gone.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// What the README advises.
#[test]
fn a_server_in_a_control_group_survives_exports_that_nobody_paid_for() {
    const ITEMS: usize = 10_000;
    const LEN: u64 = 48 << 20;
    let Some(group) = Group::new(256 << 20) else { return };
    let server = Server::start_in(&group.0);
    let client = server.client();
    for index in 0..ITEMS {
        client
            .write_item(Item::new(&format!("item{index}"), &[7; 4096]))
            .unwrap();
    }
    let unpaid: Vec<_> = (0..5).map(|_| Memory::new(LEN).unwrap()).collect();
    for memory in unpaid {
        let failure = refusal(client.export(memory, Release::LATEST));
        assert!(matches!(failure, ExportFailure::NotAllocated { .. }), "{failure}");
    }
    let paid: Vec<_> = (0..5)
        .map(|_| client.export_within(LEN.try_into().unwrap(), Release::LATEST))
        .collect::<Result<_, ClientError>>()
        .unwrap();
    for sealed in paid {
        assert_eq!(Exportable::load(&sealed.to_vec().unwrap()).unwrap().len(), ITEMS);
    }
    assert!(server.is_alive());
}
