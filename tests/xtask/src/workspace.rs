//! The workspace as cargo sees it.

use anyhow::Result;
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};
use std::path::Path;

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// What `cargo metadata` says, without other people's crates.
pub(crate) fn metadata() -> Result<Metadata> {
    Ok(MetadataCommand::new().current_dir(root()).no_deps().exec()?)
}

/// The crates that are published, procedural macros included.
pub(crate) fn published(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let published = |package: &&&Package| package.publish.as_ref().is_none_or(|registries| !registries.is_empty());
    metadata
        .workspace_packages()
        .into_iter()
        .filter(move |package| published(&package))
}

/// The published crates that are linked into firmware.
pub(crate) fn libraries(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    let is_library = |package: &&Package| {
        let mut kinds = package.targets.iter().flat_map(|target| &target.kind);
        kinds.any(|kind| *kind == TargetKind::Lib) && package.categories.iter().any(|category| category == "no-std")
    };
    published(metadata).filter(is_library)
}
