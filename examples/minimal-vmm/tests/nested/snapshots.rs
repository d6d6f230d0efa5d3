//! Snapshots that somebody could stumble over: half of one, and one that is not right.

use anyhow::{Result, ensure};

use super::guest::{Guest, SAVED};
use super::scenario::heading;

/// Wherever a VMM is killed in the middle of a save, the previous snapshot is still whole.
pub(crate) fn survives_a_kill_in_a_save(guest: &mut Guest<'_>) -> Result<()> {
    heading("killed in the middle of a save");
    guest.run("snapshot=previous; echo noted", "noted")?;
    guest.ask(&format!("--save {SAVED}"))?;
    println!("   -- as soon as it has begun");
    is_killed_in_a_save(guest, "")?;
    println!("   -- with a part of the memory written");
    is_killed_in_a_save(guest, " -size +10000k")?;

    println!("   -- with all of the memory written, when the state cannot be replaced");
    guest.run("snapshot=new; echo noted", "noted")?;
    let state = format!("{SAVED}/machine.snapshot");
    guest.host().run(&format!("mount --bind {state} {state}"))?;
    let refusal = guest.ask_in_vain(&format!("--save {SAVED}"))?;
    ensure!(
        refusal.contains(&format!("cannot rename to {state}")),
        "not told that the state cannot be replaced"
    );
    guest.counts_on()?;
    guest.kill()?;
    guest.host().run(&format!("umount {state}; ls -A1s {SAVED}"))?;
    is_back(guest)?;

    println!("   -- and the next save leaves nothing of all this");
    guest.ask(&format!("--save {SAVED}"))?;
    let files = guest.host().run(&format!("ls -A1 {SAVED}"))?;
    ensure!(files.lines().count() == 2, "there is more than a state and a memory");
    Ok(())
}

/// It is killed as soon as there is a temporary file for which `find` gives this.
fn is_killed_in_a_save(guest: &mut Guest<'_>, temporary: &str) -> Result<()> {
    guest.run("snapshot=new; echo noted", "noted")?;
    let host = guest.host();
    host.run("rm -f /tmp/answer; touch /tmp/begin")?;
    let moment = format!("find {SAVED} -name '*.tmp' -newer /tmp/begin{temporary} | grep -q .");
    host.run(&format!(
        "minimal-vmm --control $control --save {SAVED} >/tmp/answer 2>&1 & asking=$!; until {moment} || [ -s /tmp/answer ]; do usleep 1000; done; kill -9 $vmm; wait $vmm; wait $asking; true"
    ))?;
    let answer = host.run(&format!("cat /tmp/answer; ls -A1s {SAVED}"))?;
    ensure!(
        answer.starts_with("minimal-vmm: the VMM hung up"),
        "the kill did not come in the middle of the save"
    );
    is_back(guest)
}

fn is_back(guest: &mut Guest<'_>) -> Result<()> {
    guest.goes_back(SAVED)?;
    let previous = "it goes on from the previous snapshot";
    guest.run("echo it goes on from the $snapshot snapshot", previous)?;
    guest.hears("hello from before")
}

/// Damages copies of the last snapshot. Each is refused with its reason, and nothing starts. `foreign` is an architecture's
/// code and name.
pub(crate) fn refuses_what_is_wrong(guest: &mut Guest<'_>, foreign: (u8, &str)) -> Result<()> {
    const STATE: &str = "machine.snapshot";
    const MEMORY: &str = "memory-*";
    heading("snapshots that are not right");
    let (foreign_code, foreign_name) = foreign;
    let host = guest.host();
    for (file, how, why) in [
        (
            STATE,
            String::new(),
            "written by release 2, but the newest release of this build is 1",
        ),
        (STATE, patched(STATE, 0, b'X'), "not a snapshot: starts with "),
        (
            STATE,
            patched(STATE, 7, foreign_code),
            &format!("snapshot of {foreign_name}, "),
        ),
        (
            STATE,
            patched(STATE, 7, 77),
            "snapshot of an unknown architecture (code 77), ",
        ),
        (STATE, patched(STATE, 8, 9), "unknown format 9, this build knows 1"),
        (STATE, patched(STATE, 99, 0xa5), "checksum mismatch: "),
        (STATE, spoilt(STATE, "head -c 1000 $it >/tmp/it"), "truncated: "),
        (
            STATE,
            spoilt(STATE, "cp $it /tmp/it; printf extra >>/tmp/it"),
            "5 bytes too many",
        ),
        (STATE, format!("rm /tmp/bad/{STATE}"), "No such file or directory"),
        (MEMORY, patched(MEMORY, 0, b'X'), "this is no "),
        (MEMORY, patched(MEMORY, 8, 0xa5), "machine state"),
        (MEMORY, patched(MEMORY, 16, 0xa5), "134217893 bytes"),
        (
            MEMORY,
            spoilt(MEMORY, "head -c 1000000 $it >/tmp/it"),
            "the memory image is truncated",
        ),
        (
            MEMORY,
            patched(MEMORY, 1_000_000, 0xa5),
            "the memory image is damaged: checksum ",
        ),
        (MEMORY, format!("rm /tmp/bad/{MEMORY}"), "No such file or directory"),
    ] {
        println!("   -- {file}: {}", why.trim_end_matches([' ', ',', ':']));
        let (spoil, options) = match how.as_str() {
            "" => (how, "--as-of-release 1 "),
            _ => (format!("; {how}"), ""),
        };
        host.run(&format!("rm -rf /tmp/bad; cp -rl {SAVED} /tmp/bad{spoil}"))?;
        let answer = host.refused(&format!("minimal-vmm {options}--restore /tmp/bad </dev/null 2>&1"))?;
        let which = format!(
            "minimal-vmm: cannot restore from /tmp/bad/{}",
            file.trim_end_matches('*')
        );
        let told = answer.starts_with(&which) && answer.contains(why) && answer.lines().count() == 1;
        ensure!(told, "not told about {file} that `{why}`");
    }
    host.run("rm -rf /tmp/bad").map(drop)?;
    guest.counts_on()
}

/// Replaces a file of the copy, `$it`, with `/tmp/it`: before, it is a second name of the original.
fn spoilt(file: &str, how: &str) -> String {
    format!("it=$(echo /tmp/bad/{file}); {how}; mv /tmp/it $it")
}

fn patched(file: &str, at: u64, byte: u8) -> String {
    let patch = format!("printf '\\x{byte:02x}' | dd of=/tmp/it bs=1 seek={at} conv=notrunc 2>/dev/null");
    spoilt(file, &format!("cp $it /tmp/it; {patch}"))
}
