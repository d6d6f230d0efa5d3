//! Moves that do not take place: the guest stays where it is and goes on.

use anyhow::{Result, ensure};

use super::guest::Guest;
use super::journey::Release;
use super::scenario::heading;

/// `fields` are among those that a destination of release 1 would not learn.
pub(crate) fn survives_failed_moves(guest: &mut Guest<'_>, fields: &[&str]) -> Result<()> {
    heading("moves that fail");
    println!("   -- nobody waits there");
    let refusal = guest.ask_in_vain("--migrate /tmp/move")?;
    ensure!(
        refusal.contains("cannot connect to /tmp/move: "),
        "not told that nobody is there"
    );
    guest.counts_on()?;

    println!("   -- not to one that was built at release 1, without being told to");
    guest.awaited_elsewhere(Release::First)?;
    let refusal = guest.ask_in_vain("--migrate /tmp/move")?;
    ensure!(
        refusal.starts_with("minimal-vmm: release 1 would lose ") && fields.iter().all(|field| refusal.contains(field)),
        "the refusal does not name {fields:?}"
    );
    nothing_runs_there(guest)?;
    guest.counts_on()?;

    println!("   -- not to one that dies before it has everything");
    guest.awaited_elsewhere(Release::Newest)?;
    let log = format!("/tmp/there-{}.log", guest.moves());
    let host = guest.host();
    // It says that a machine is coming, and reads no more.
    host.run(&format!("until [ -s {log} ]; do usleep 10000; done; : >{log}"))?;
    host.run("minimal-vmm --control $control --migrate /tmp/move >/tmp/answer 2>&1 & asking=$!")?;
    host.run(&format!(
        "while [ ! -s {log} ]; do usleep 1000; done; kill -STOP $there; usleep 500000; [ ! -s /tmp/answer ]"
    ))?;
    host.run("kill -9 $there; wait $there; rm /tmp/move; ! wait $asking")?;
    let answer = host.run("cat /tmp/answer")?;
    ensure!(
        answer.starts_with("minimal-vmm: ") && !answer.contains("sent at"),
        "not told that the move failed"
    );
    guest.counts_on()?;
    guest.hears("hello from where it was")
}

/// The destination still waits. It is ended.
fn nothing_runs_there(guest: &mut Guest<'_>) -> Result<()> {
    guest.host().run("kill $there; ! wait $there; [ ! -e /tmp/move ]")?;
    let name = guest.moves();
    let there = guest.host().run(&format!("cat /tmp/there-{name}.log"))?;
    ensure!(
        there.contains("a call brought no machine") && !there.contains("received"),
        "a guest was started there"
    );
    Ok(())
}
