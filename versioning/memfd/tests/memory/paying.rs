//! Who pays: a server in a control group that may have less memory than it fills.

use std::fs;
use std::io::stdin;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, thread, time};

use devstate_memfd::{FillError, Filling, Memory};
use devstate_versioning::Sink;
use devstate_versioning::checksum::Crc64Slice16;

use super::duplicate;

const MAY_HAVE: u64 = 32 << 20;
const LEN: usize = 48 << 20;

/// A control group of a test's own, removed with it.
struct Group(PathBuf);

impl Group {
    /// Returns `None`, and says so, where none can be made that limits memory.
    fn new(bytes: u64) -> Option<Self> {
        for (root, limit) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ] {
            let group = PathBuf::from(root).join(format!("devstate-memfd-{}", std::process::id()));
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
            thread::sleep(time::Duration::from_millis(10));
        }
    }
}

/// The server is this test once more, in the group, with the memory as its standard input.
#[test]
fn a_server_fills_more_memory_than_it_may_have_and_none_that_nobody_paid_for() {
    const IN_THE_GROUP: &str = "DEVSTATE_MEMFD_IN_THE_GROUP";
    if env::var_os(IN_THE_GROUP).is_some() {
        println!("result: {}", serve());
        return;
    }
    let Some(group) = Group::new(MAY_HAVE) else { return };
    let serve = |memory: &Memory| {
        let own = "paying::a_server_fills_more_memory_than_it_may_have_and_none_that_nobody_paid_for";
        let mut server = Command::new("sh");
        server.args(["-c", "echo $$ > \"$1\" && shift && exec \"$@\"", "sh"]);
        server
            .arg(group.0.join("cgroup.procs"))
            .arg(env::current_exe().unwrap());
        server.args([own, "--exact", "--nocapture"]).env(IN_THE_GROUP, "");
        let output = server.stdin(Stdio::from(duplicate(memory))).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let result = said.lines().find_map(|line| line.split_once("result: "));
        result.map_or(format!("{}, {said}", output.status), |(_, result)| result.to_owned())
    };
    for _ in 0..3 {
        assert_eq!(serve(&Memory::new(LEN as u64).unwrap()), "refused");
        assert_eq!(serve(&Memory::allocated(LEN as u64).unwrap()), "filled");
    }
}

fn serve() -> &'static str {
    let memory: OwnedFd = duplicate(stdin());
    let mut filling = match Filling::<Crc64Slice16>::prepare(&memory, LEN) {
        Ok(filling) => filling,
        Err(FillError::NotAllocated { .. }) => return "refused",
        Err(error) => panic!("{error}"),
    };
    for _ in 0..LEN / 4096 {
        assert!(filling.put(&[7; 4096]));
    }
    assert_eq!(filling.seal().unwrap().len(), LEN);
    "filled"
}
