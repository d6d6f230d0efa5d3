//! Other users of the same machine.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::vmm::{PROGRAM, Place, Vmm, connect};

const OTHER: u32 = 65534;

/// A program that another user may run, or `None` where nobody may become another user.
fn other_users_program(place: &Place) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become another user");
        return None;
    }
    let program = place.path("program");
    fs::copy(PROGRAM, &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(program.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(program);
    command.uid(OTHER).gid(OTHER);
    Some(command)
}

#[test]
fn no_request_is_sent_to_another_user() {
    let place = Place::new();
    let Some(mut theirs) = other_users_program(&place) else {
        return;
    };
    let directory = place.path("theirs");
    fs::create_dir(&directory).unwrap();
    chown(&directory, Some(OTHER), Some(OTHER)).unwrap();
    let socket = directory.join("control");
    let _vmm = Vmm::start(theirs.arg("--receive").arg(&socket));
    drop(connect(&socket));
    let asked = place.ask("theirs/control", &["--type", "my password"]);
    assert!(!asked.status.success());
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(
        said.contains("no request is sent to") && said.contains("user 65534 is at the other end"),
        "{said}"
    );
}

#[test]
fn another_user_is_not_served() {
    let place = Place::new();
    let Some(mut theirs) = other_users_program(&place) else {
        return;
    };
    let socket = place.path("move");
    let mut vmm = Vmm::start(Command::new(PROGRAM).arg("--receive").arg(&socket));
    drop(connect(&socket));
    // Whatever the file's mode says.
    fs::set_permissions(&socket, Permissions::from_mode(0o777)).unwrap();
    let asked = theirs.arg("--control").arg(&socket).arg("--quit").output().unwrap();
    assert!(!asked.status.success());
    vmm.says("user 65534 is at the other end of the socket");
    // The greeting has the nonce of an exchange: only this user hears it.
    connect(&socket).read_exact(&mut [0; 9]).unwrap();
    assert!(vmm.is_running());
}

#[test]
fn a_socket_lies_where_nobody_else_can_replace_it() {
    let place = Place::new();
    let Some(_) = other_users_program(&place) else {
        return;
    };
    let directory = place.path("theirs");
    fs::create_dir(&directory).unwrap();
    chown(&directory, Some(OTHER), Some(OTHER)).unwrap();
    let socket = directory.join("move");
    let output = Command::new(PROGRAM).arg("--receive").arg(&socket).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("belongs to user 65534, not to user 0"), "{said}");
}
