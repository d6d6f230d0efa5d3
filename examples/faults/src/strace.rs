//! strace: runs a command with a fault, and reports its system calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::calls::Fault;

/// Returns `command` under strace, which writes to `log`. The process is the command's own, and strace a child of it.
pub(crate) fn wrap(command: &Command, log: &Path, fault: Option<&Fault>) -> Command {
    let mut wrapped = Command::new("strace");
    wrapped.args(["-D", "-f", "-q", "-s", "0", "-o"]).arg(log);
    if let Some(fault) = fault {
        wrapped.arg("-e").arg(fault.injection());
    }
    wrapped.arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        wrapped.current_dir(directory);
    }
    wrapped.stdin(Stdio::null());
    wrapped
}

/// What strace reported of one run.
#[derive(Debug)]
pub(crate) struct Trace(String);

impl Trace {
    /// Waits until strace has written all of it, which is a little later than the end of the process.
    pub(crate) fn read(log: &Path) -> Result<Self> {
        for _ in 0..1_000 {
            let text = std::fs::read(log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let first = text.split_whitespace().next().unwrap_or_default();
            let ended = |line: &str| line.starts_with(first) && line.contains("+++ ");
            if !first.is_empty() && text.lines().any(ended) {
                return Ok(Self(text));
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        anyhow::bail!("strace did not report an end in {}", log.display())
    }

    /// Returns whether the fault took place.
    pub(crate) fn hit(&self, fault: &Fault) -> bool {
        match fault.error {
            Some(_) => self.0.contains("(INJECTED)"),
            None => self.0.contains("+++ killed by SIGKILL"),
        }
    }

    /// Returns the calls that can be let fail, by name: the how-many-th of a thread. strace counts in each thread apart, so a
    /// number that some thread reaches before its own code begins is left out.
    pub(crate) fn sites(&self) -> BTreeMap<String, Vec<usize>> {
        let mut threads: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for line in self.0.lines() {
            let Some((thread, rest)) = line.split_once(' ') else {
                continue;
            };
            let Some((call, arguments)) = rest.trim_start().split_once('(') else {
                continue;
            };
            if call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                threads.entry(thread).or_default().push((call, arguments));
            }
        }
        let (mut own, mut startup) = (BTreeMap::<&str, BTreeSet<usize>>::new(), BTreeSet::new());
        for calls in threads.values() {
            // The last thing that Rust's runtime does before `main`, and before a thread's closure.
            let begun = calls
                .iter()
                .position(|(call, with)| *call == "sigaltstack" && with.starts_with("{ss_sp=0x"));
            let mut counts = BTreeMap::<&str, usize>::new();
            for (index, (call, _)) in calls.iter().enumerate() {
                let count = counts.entry(call).or_default();
                *count += 1;
                if begun.is_some_and(|begun| index <= begun) {
                    startup.insert((*call, *count));
                } else {
                    own.entry(call).or_default().insert(*count);
                }
            }
        }
        let sites = own.into_iter().map(|(call, ordinals)| {
            let ordinals = ordinals
                .into_iter()
                .filter(|ordinal| !startup.contains(&(call, *ordinal)));
            (call.to_owned(), ordinals.collect::<Vec<_>>())
        });
        sites.filter(|(_, ordinals)| !ordinals.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_in_each_thread_from_where_its_own_code_begins() {
        let log = "\
1 mmap(NULL, 1) = 0
1 sigaltstack(NULL, {ss_sp=NULL}) = 0
1 sigaltstack({ss_sp=0x1}, NULL) = 0
1 mmap(NULL, 2) = 0
1 clone3({}) = 2
2 mmap(NULL, 3 <unfinished ...>
1 fsync(3) = 0
2 <... mmap resumed>) = 0
2 sigaltstack({ss_sp=0x2}, NULL) = 0
2 mmap(NULL, 4) = 0
2 mmap(NULL, 5) = 0
2 +++ exited with 0 +++
1 --- SIGCHLD {} ---
1 +++ exited with 0 +++
";
        let sites = Trace(log.to_owned()).sites();
        let expected = [("clone3", vec![1]), ("fsync", vec![1]), ("mmap", vec![2, 3])];
        assert_eq!(
            sites,
            expected.map(|(call, ordinals)| (call.to_owned(), ordinals)).into()
        );
    }
}
