//! Sockets in directories of their own.

use std::sync::Barrier;
use std::thread;

use rustix::net::{accept, connect};

use super::*;

#[test]
fn only_a_socket_that_nobody_listens_at_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = Listener::stream(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let refusal = Listener::stream(&path).unwrap_err().to_string();
    assert!(refusal.contains("in use"), "{refusal}");
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "it was disturbed"
    );
    drop(listener);
    assert!(!path.exists());

    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "what a kill leaves");
    drop(Listener::stream(&path).unwrap());

    fs::write(&path, "vmlinuz").unwrap();
    assert!(Listener::stream(&path).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"vmlinuz");
}

#[test]
fn both_kinds_of_socket_know_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let packets = Listener::seqpacket(&path).unwrap();
    let refusal = Listener::stream(&path).unwrap_err();
    assert!(
        matches!(&refusal.reason, ListenReason::System(error) if error.kind() == ErrorKind::AddrInUse),
        "{refusal}"
    );
    let caller = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    connect(&caller, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    let here = accept(&packets).unwrap();
    for packet in [&b"first"[..], b"second"] {
        rustix::io::write(&caller, packet).unwrap();
    }
    let mut heard = [0; 64];
    assert_eq!(rustix::io::read(&here, &mut heard).unwrap(), 5, "a packet has an end");
    // As after a kill.
    let left = directory.path().join("left");
    fs::hard_link(&path, &left).unwrap();
    drop(packets);
    drop(Listener::stream(&left).unwrap());
}

#[test]
fn of_many_that_find_the_same_left_over_socket_one_listens() {
    const STARTERS: usize = 4;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    for round in 0..200 {
        drop(UnixListener::bind(&path).unwrap());
        let barrier = Barrier::new(STARTERS);
        let bind = || {
            barrier.wait();
            Listener::stream(&path)
        };
        let listeners: Vec<_> = thread::scope(|scope| {
            let starters: Vec<_> = (0..STARTERS).map(|_| scope.spawn(bind)).collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        let bound = listeners.iter().filter(|listener| listener.is_ok()).count();
        assert_eq!(bound, 1, "round {round}: {listeners:?}");
        assert!(path.exists(), "round {round}");
        drop(listeners);
        assert!(!path.exists(), "round {round}");
    }
}

#[test]
fn the_socket_of_another_listener_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let first = Listener::stream(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _second = Listener::stream(&path).unwrap();
    drop(first);
    assert!(path.exists());
}

#[test]
fn a_directory_that_everyone_may_change_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    for (mode, taken) in [(0o777, false), (0o1777, true), (0o700, true), (0o755, true)] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        let bound = Listener::stream(&path);
        assert_eq!(bound.is_ok(), taken, "{mode:o}: {bound:?}");
        if let Err(error) = bound {
            assert!(
                matches!(&error.reason, ListenReason::PublicDirectory { mode: found, .. } if *found == mode),
                "{error}"
            );
        } else {
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(directory.path(), Some(65534), None).is_err() {
        println!("skipped: only root can give a directory away");
        return;
    }
    let error = Listener::stream(&directory.path().join("socket")).unwrap_err();
    let own = geteuid().as_raw();
    assert!(
        matches!(&error.reason, ListenReason::ForeignDirectory { owner: 65534, own: found, .. } if *found == own),
        "{error}"
    );
}

#[test]
fn a_directory_that_stays_locked_is_not_waited_for_forever() {
    let directory = tempfile::tempdir().unwrap();
    let _locked = lock(directory.path()).unwrap();
    let start = Instant::now();
    let error = Listener::stream(&directory.path().join("socket")).unwrap_err();
    assert!(matches!(error.reason, ListenReason::Locked { .. }), "{error}");
    assert!((PATIENCE..3 * PATIENCE).contains(&start.elapsed()));
}

#[test]
fn an_error_names_the_path() {
    let long = Path::new("/tmp").join("x".repeat(200));
    for path in [Path::new("missing/\x1b[2J"), &long] {
        let error = Listener::stream(path).unwrap_err().to_string();
        assert!(error.starts_with("cannot listen at "), "{error}");
        assert!(!error.contains('\x1b'), "{error:?}");
    }
}

#[test]
fn the_socket_is_removed_after_the_process_has_changed_its_directory() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let listener = Listener::stream(Path::new("socket")).unwrap();
    std::env::set_current_dir("/").unwrap();
    drop(listener);
    assert!(!folder.path().join("socket").exists());
}

#[test]
fn a_named_pipe_in_place_of_the_directory_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let (said, heard) = std::sync::mpsc::channel();
    thread::spawn(move || said.send(Listener::stream(&pipe.join("socket")).is_err()));
    assert_eq!(heard.recv_timeout(Duration::from_secs(5)), Ok(true));
}
