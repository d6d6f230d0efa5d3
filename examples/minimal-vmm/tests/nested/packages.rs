//! Kernels and tools from Debian's packages, unpacked below `target/vmm` and never installed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Architecture;
use crate::install::{Skip, foreign_architecture, package_lists};
use crate::process::{find, output, program, run};
use crate::workspace;

/// Debian's kernel and busybox for an architecture.
#[derive(Debug)]
pub(crate) struct Packages {
    kernel: PathBuf,
    busybox: PathBuf,
}

impl Packages {
    /// Downloads what is not there yet.
    ///
    /// # Errors
    ///
    /// [`Skip`] where this is no Debian.
    pub(crate) fn fetch(architecture: Architecture) -> Result<Self> {
        if find("apt-get").is_none() {
            return Err(
                Skip::beyond_this_machine("the kernels come from Debian's packages, and there is no apt-get").into(),
            );
        }
        let (debian, latest_kernel) = match architecture {
            Architecture::X86_64 => ("amd64", "linux-image-cloud-amd64"),
            Architecture::Aarch64 => ("arm64", "linux-image-arm64"),
        };
        foreign_architecture(debian)?;
        let _turn = package_lists()?;
        Ok(Self {
            kernel: unpacked(&depended_on(latest_kernel, debian)?, debian)?,
            busybox: unpacked("busybox-static", debian)?,
        })
    }

    pub(crate) fn kernel(&self) -> Result<PathBuf> {
        find_file(&self.kernel.join("boot"), &|name| name.starts_with("vmlinuz-"))
    }

    /// A module of the kernel, if it is one and not built in.
    pub(crate) fn module(&self, name: &str) -> Option<PathBuf> {
        find_file(&self.kernel.join("lib/modules"), &|file| file == format!("{name}.ko")).ok()
    }

    pub(crate) fn busybox(&self) -> PathBuf {
        self.busybox.join("bin/busybox")
    }
}

/// The package of this moment behind one that always means the latest.
fn depended_on(package: &str, debian: &str) -> Result<String> {
    let shown = output(program("apt-cache").args(["show", "--no-all-versions", &format!("{package}:{debian}")]))
        .map_err(|error| Skip::within_reach(format!("{error:#}")))?;
    let depends = shown.lines().find_map(|line| line.strip_prefix("Depends: "));
    let first = depends.and_then(|depends| depends.split([' ', ',']).next());
    Ok(first
        .with_context(|| format!("{package} depends on no kernel"))?
        .to_owned())
}

fn unpacked(package: &str, debian: &str) -> Result<PathBuf> {
    let folder = workspace::root().join("target/vmm/packages");
    let unpacked = folder.join(format!("{package}_{debian}"));
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    let download = folder.join(format!("{package}_{debian}.download"));
    let _ = std::fs::remove_dir_all(&download);
    std::fs::create_dir_all(&download)?;
    let name = format!("{package}:{debian}");
    run(program("apt-get")
        .args(["--quiet=2", "download", &name])
        .current_dir(&download))
    .map_err(|error| Skip::within_reach(format!("{error:#}")))?;
    let archive = find_file(&download, &|name| {
        Path::new(name).extension().is_some_and(|it| it == "deb")
    })?;
    let contents = download.join("contents");
    run(program("dpkg-deb").arg("-x").arg(archive).arg(&contents))?;
    std::fs::rename(contents, &unpacked)?;
    std::fs::remove_dir_all(download)?;
    Ok(unpacked)
}

fn find_file(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<PathBuf> {
    let search = |folder: &Path| -> Result<Option<PathBuf>> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name().is_some_and(|name| wanted(&name.to_string_lossy())) {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    };
    search(folder)?.with_context(|| format!("it is not below {}", folder.display()))
}
