//! Lists the identifiers of every expansion for `versioning/tests/hygiene.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::{DeriveInput, Ident, Item};

use crate::expand::expand;

/// A name with this beginning, in any case, belongs to the expansion.
const RESERVED: &str = "__devstate";

const HEAD: &str = "// The identifiers of the expansions. `OVERWRITE=1 cargo test -p devstate-versioning-derive hygiene` writes them anew.\n";

#[test]
fn every_identifier_of_an_expansion_is_listed_for_the_test_of_hygiene() {
    let tests = versioning().join("tests/hygiene");
    let mirrors = fs::read_to_string(tests.join("mirrors.rs")).unwrap();
    let mut found = BTreeSet::new();
    for item in syn::parse_file(&mirrors).unwrap().items {
        let input: DeriveInput = match item {
            Item::Struct(item) => item.into(),
            Item::Enum(item) => item.into(),
            _ => continue,
        };
        identifiers(expand(&input).unwrap(), &mut found);
    }
    for name in ["release_table", "__release_part", "__format_release", "buffer"] {
        identifiers(macro_by_example(name), &mut found);
    }
    let mut own = BTreeSet::new();
    identifiers(mirrors.parse().unwrap(), &mut own);
    let listed: Vec<String> = found
        .into_iter()
        .filter(|name| {
            !own.contains(name)
                && !name.to_lowercase().starts_with(RESERVED)
                // Keywords are no names.
                && syn::parse_str::<Ident>(name).is_ok()
        })
        .collect();
    let expected = format!("{HEAD}hostile! {{\n    {}\n}}\n", listed.join("\n    "));
    let path = tests.join("identifiers.rs");
    if std::env::var_os("OVERWRITE").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), expected, "\n{HEAD}");
}

fn versioning() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rules of a macro by example, which is found in whichever file declares it.
fn macro_by_example(name: &str) -> TokenStream {
    for entry in fs::read_dir(versioning().join("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for item in syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap().items {
            if let Item::Macro(item) = item
                && item.ident.is_some_and(|ident| ident == name)
            {
                return item.mac.tokens;
            }
        }
    }
    panic!("no macro `{name}`")
}

/// Adds the identifiers of `tokens`, but for lifetimes and the variables of macros by example.
fn identifiers(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let mut prefixed = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(ident) if !prefixed => {
                found.insert(ident.to_string());
            }
            TokenTree::Group(group) => identifiers(group.stream(), found),
            _ => {}
        }
        prefixed = matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), '\'' | '$'));
    }
}
