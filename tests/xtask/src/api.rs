//! How many names a user of `devstate-versioning` meets first, counted from rustdoc's JSON.

use crate::process::{cargo, run};
use crate::workspace::root;
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The maximum number of public items at the root.
const MAX_ROOT_ITEMS: usize = 40;

pub(crate) fn check() -> Result<()> {
    let target = root().join("target/api");
    let mut command = cargo("rustdoc --quiet -p devstate-versioning -- -Z unstable-options --output-format json");
    // The JSON is an unstable output of a stable compiler.
    run(command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", &target))?;
    let json = std::fs::read_to_string(target.join("doc/devstate_versioning.json"))?;
    let count = root_items(&serde_json::from_str(&json)?).context("rustdoc's JSON has another form")?;
    println!("{count} public items at the root of devstate-versioning, {MAX_ROOT_ITEMS} at most");
    ensure!(
        count <= MAX_ROOT_ITEMS,
        "{count} public items at the root of devstate-versioning"
    );
    Ok(())
}

/// The items of the root module. Hidden ones are not in the JSON.
fn root_items(json: &Value) -> Option<usize> {
    let root = json.get("root")?.to_string();
    let module = json.get("index")?.get(&root)?.get("inner")?.get("module")?;
    Some(module.get("items")?.as_array()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_items_of_the_root_module_are_counted() {
        let index = json!({ "7": { "inner": { "module": { "items": [1, 2, 3] } } } });
        assert_eq!(root_items(&json!({ "root": 7, "index": index })), Some(3));
        assert_eq!(root_items(&json!({ "root": 7, "index": {} })), None);
    }
}
