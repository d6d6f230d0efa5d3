//! A product with a history, and the command as its user runs it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use devstate_versioning::schema::Json;
use devstate_versioning::{ReleaseTable, Versioned, buffer, release_table};

/// What the command did.
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub errors: String,
}

/// Runs `devstate` in a folder.
pub fn devstate(args: &[&str], input: &[u8], folder: &Path) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_devstate"))
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Ran {
        status: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        errors: String::from_utf8(stderr).unwrap(),
    }
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 2, layouts(0x842b_552b_00c5_5f4c, open))]
pub struct BulbSer {
    pub level: u8,
    #[versioned(start = 2, unit = "h")]
    pub hours: u32,
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x92e9_2a3a_5bae_79f9))]
pub enum ModeSer {
    #[default]
    Off,
    Timer {
        #[versioned(unit = "s")]
        seconds: u64,
        repeat: bool,
    },
}

#[derive(Versioned, Clone, Debug, Default, PartialEq)]
#[versioned(version = 1, layouts(0x8018_14c3_dcc7_8001))]
pub struct LampSer {
    pub label: heapless::String<40>,
    pub bulbs: heapless::Vec<BulbSer, 4>,
    pub mode: ModeSer,
    pub offset: Option<i64>,
    pub rx: heapless::Vec<u8, 16>,
    pub pair: (bool, [u16; 2]),
}

release_table! {
    pub enum Release { V1 = 1 @ 0x972c_9429_393b_5946, V3 = 3 @ open }
    BulbSer => [1, 2],
    ModeSer => [1, 1],
    LampSer => [1, 1],
}

pub fn lamp() -> LampSer {
    LampSer {
        label: "hall".try_into().unwrap(),
        bulbs: [BulbSer { level: 7, hours: 300 }, BulbSer { level: 255, hours: 0 }]
            .into_iter()
            .collect(),
        mode: ModeSer::Timer {
            seconds: u64::MAX,
            repeat: true,
        },
        offset: Some(-5),
        rx: b"hello".iter().copied().collect(),
        pair: (true, [1, 0xffff]),
    }
}

pub fn snapshot(lamp: &LampSer) -> Vec<u8> {
    let mut memory = buffer!(LampSer);
    Release::save(lamp, &mut memory).unwrap().to_vec()
}

pub fn snapshot_at_v1(lamp: &LampSer) -> Vec<u8> {
    let mut memory = buffer!(LampSer);
    let mut scratch = LampSer::default();
    let older = Release::V1.downgrade_lossy(lamp, &mut scratch, &mut |_| true).unwrap();
    older.save(&mut memory).unwrap().to_vec()
}

pub fn schema() -> String {
    Json::<Release>::new().to_string()
}

/// A folder with `lamp.snapshot` and `schemas/lamp.json`.
pub fn folder(snapshot: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lamp.snapshot"), snapshot).unwrap();
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    std::fs::write(folder.path().join("schemas/lamp.json"), schema()).unwrap();
    folder
}
