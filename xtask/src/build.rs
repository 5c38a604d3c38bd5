//! The Worker and the files beside it, into `build/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{root, step};
use crate::setup::{self, Tools};

pub fn run(args: &[String]) -> Result<()> {
    let tools = setup::all()?;
    // Under `cargo xtask dev` wrangler calls this without arguments.
    let dev = args.iter().any(|arg| arg == "--dev") || std::env::var_os("HIVESYNC_DEV").is_some();
    worker(&tools, dev)
}

pub fn worker(tools: &Tools, dev: bool) -> Result<()> {
    let (what, flag) = if dev { ("the development Worker", "--dev") } else { ("the release Worker", "--release") };
    step(&format!("building {what}"), tools.worker_build().arg(flag))?;
    enter(tools)?;
    assets()?;
    if !dev {
        strip(tools)?;
        let zipped = Command::new("gzip").args(["-9c", "build/index_bg.wasm"]).current_dir(root()).output()?;
        eprintln!("build/index_bg.wasm: {} KiB gzipped", zipped.stdout.len() / 1024);
    }
    Ok(())
}

/// Puts our own entry in front of worker-build's, as one file.
fn enter(tools: &Tools) -> Result<()> {
    let build = root().join("build");
    fs::rename(build.join("index.js"), build.join("worker.js"))?;
    write(&build.join("entry.js"), &read(&root().join("src/host/entry.js"))?)?;
    let mut esbuild = tools.npm("esbuild/bin/esbuild");
    esbuild.args(["build/entry.js", "--bundle", "--format=esm", "--target=es2024", "--outfile=build/index.js"]);
    esbuild.args(["--external:./index_bg.wasm", "--external:cloudflare:*"]);
    step("bundling the entry", &mut esbuild)?;
    for name in ["entry.js", "worker.js"] {
        fs::remove_file(build.join(name))?;
    }
    Ok(())
}

/// Without the names of functions, a tenth of it: nothing here unwinds, and a trap names its place all the same.
fn strip(tools: &Tools) -> Result<()> {
    let mut wasm_opt = tools.npm("binaryen/bin/wasm-opt");
    wasm_opt.args(["--all-features", "--strip-debug", "--strip-producers", "build/index_bg.wasm"]);
    step("stripping its names", wasm_opt.args(["-o", "build/index_bg.wasm"]))
}

/// What browsers get: the pages of `assets/`, the contract, and the readers of it from npm.
fn assets() -> Result<()> {
    let to = root().join("build/assets");
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(root().join("assets")).context("assets/ is missing")? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            write(&to.join(name), &read(&path)?)?;
        }
    }
    write(&to.join("openapi.json"), &read(&root().join("openapi.json"))?)?;
    let modules = root().join("node_modules");
    for (from, name) in [
        ("swagger-ui-dist/swagger-ui.css", "swagger-ui.css"),
        ("swagger-ui-dist/swagger-ui-bundle.js", "swagger-ui.js"),
    ] {
        write(&to.join(name), &read(&modules.join(from))?)?;
    }
    let redoc = String::from_utf8(read(&modules.join("redoc/bundles/redoc.standalone.js"))?)?;
    // Its one picture from elsewhere, which our pages may not load.
    let local = redoc.replace("https://cdn.redoc.ly/redoc/logo-mini.svg", "data:,");
    write(&to.join("redoc.js"), local.as_bytes())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Leaves what is already so alone: a running `wrangler dev` reloads on each write.
fn write(to: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(to, bytes).with_context(|| format!("{} cannot be written", to.display()))
}
