use std::fs;
use std::path::{Path, PathBuf};

use crate::support::*;

/// Every Rust file below a folder.
pub fn files(folder: &str) -> Vec<PathBuf> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => collect(&path, into),
                false if path.extension().is_some_and(|end| end == "rs") => into.push(path),
                false => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort_unstable();
    assert!(found.len() > 5, "{folder}: {found:?}");
    found
}

/// Fails where a line of code outside `allowed` holds one of `words`, with why that is wrong.
fn nowhere_but(allowed: impl Fn(&str) -> bool, words: &[&str], why: &str) {
    for file in files("src") {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap();
        if allowed(name) {
            continue;
        }
        for (i, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap();
            for word in words {
                let alone = code
                    .match_indices(word)
                    .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
                assert!(!alone, "{name}:{} has '{word}': {why}", i + 1);
            }
        }
    }
}

#[test]
fn only_host_knows_cloudflare() {
    let host = |name: &str| name == "src/lib.rs" || name.starts_with("src/host/");
    nowhere_but(host, &["worker::", "js_sys", "web_sys", "wasm_bindgen", "JsValue"], "only host/ knows the platform");
}

#[test]
fn doors_have_no_sql_and_things_no_http() {
    let door = |name: &str| name.ends_with("/api.rs");
    nowhere_but(
        |name| !door(name),
        &["sql!", "Stmt", "SELECT", "INSERT", "UPDATE", "DELETE FROM"],
        "SQL stands beside its row",
    );
    let domain = |name: &str| root().join(name).with_file_name("api.rs").is_file();
    nowhere_but(
        |name| !domain(name) || door(name),
        &["StatusCode", "HeaderMap", "IntoResponse"],
        "HTTP stays in api.rs",
    );
}

#[test]
fn sql_is_never_put_together_from_strings() {
    nowhere_but(|name| name == "src/db/mod.rs", &["Stmt::new", "Stmt("], "write it as sql!(\"…\")");
}

#[test]
fn roles_are_looked_at_by_access_alone() {
    nowhere_but(|name| !name.ends_with("/api.rs"), &["Role", "role"], "a permission is a type");
}

#[test]
fn only_commit_writes() {
    let allowed = |name: &str| ["src/app/mod.rs", "src/event.rs"].contains(&name) || name.starts_with("src/host/");
    nowhere_but(allowed, &["host().batch", "host.batch"], "changes go through commit");
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for file in files("src").into_iter().chain(files("tests")) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines}", file.display());
    }
}

#[test]
fn every_lint_that_keeps_panics_out_is_on() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for lint in ["unwrap_used", "expect_used", "panic", "indexing_slicing", "todo", "unreachable", "unimplemented"] {
        assert!(manifest.contains(&format!("{lint} = \"deny\"")), "{lint}");
    }
    nowhere_but(|name| name == "src/lib.rs", &["allow(clippy::"], "mend it instead");
}
