//! Signals end a VMM in order: terminal and sockets are as before.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::vmm::{PROGRAM, Place, Vmm, connect, kvm_is_missing, program};

const ENDING: [Signal; 4] = [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT];

#[test]
fn a_signal_removes_the_sockets_and_ends_the_vmm_that_waits() {
    let place = Place::new();
    for signal in ENDING {
        let (socket, control) = (place.path("move"), place.path("control"));
        let mut vmm = Vmm::start(program().arg("--receive").arg(&socket).arg("--control").arg(&control));
        drop(connect(&socket));
        assert!(control.exists());
        vmm.signal(signal);
        assert_eq!(vmm.ends().signal(), Some(signal.as_raw()), "{signal:?}");
        assert!(!socket.exists() && !control.exists(), "{signal:?}");
    }
}

/// As under `nohup`.
#[test]
fn a_signal_that_was_ignored_from_the_start_is_ignored() {
    let place = Place::new();
    let socket = place.path("move");
    let script = format!("trap '' HUP; exec {PROGRAM} --receive {}", socket.display());
    let mut vmm = Vmm::start(Command::new("sh").args(["-c", &script]));
    drop(connect(&socket));
    vmm.says("brought no machine");
    vmm.signal(Signal::HUP);
    drop(connect(&socket));
    sleep(Duration::from_millis(100));
    assert!(vmm.is_running() && socket.exists());
}

#[test]
fn a_signal_puts_the_terminal_back() {
    if kvm_is_missing() {
        return;
    }
    let place = Place::new();
    for signal in ENDING {
        let mut controller = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let terminal = File::options().read(true).write(true).open(name).unwrap();
        let is_raw = || !tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ICANON);
        let mut child = program()
            .arg("--kernel")
            .arg(place.path("kernel"))
            .args(["--mem", "16"])
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut said = [0; 1];
        controller.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"R");
        assert!(is_raw());
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()), "{signal:?}");
        assert!(!is_raw(), "{signal:?}");
    }
}

/// Stopped and continued, the VMM hears a caller out.
#[test]
fn a_caller_is_heard_out_although_the_vmm_is_stopped_meanwhile() {
    if kvm_is_missing() {
        return;
    }
    let place = Place::new();
    let mut vmm = place.boot("control");
    let mut caller = connect(&place.path("control"));
    caller.write_all(b"{\"pause\":").unwrap();
    // It waits for the rest.
    sleep(Duration::from_millis(100));
    for _ in 0..5 {
        vmm.signal(Signal::STOP);
        sleep(Duration::from_millis(20));
        vmm.signal(Signal::CONT);
        sleep(Duration::from_millis(20));
    }
    caller.write_all(b"true}\n").unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "{\"done\":[\"paused\"],\"failed\":null}\n");
    assert!(place.ask("control", &["--resume"]).status.success());
    vmm.echoes("abc", "...");
}
