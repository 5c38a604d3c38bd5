//! Everything a fresh clone lacks, each part only where it is missing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{ask, cache, once, root, step};
use crate::settings;
use crate::toolchain::{self, Toolchain};

const WASM_BINDGEN: &str = "0.2.129";
const WORKER_BUILD: &str = "0.8.7";
/// What wrangler asks for.
const NODE: (u32, u32) = (22, 12);
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

pub struct Tools {
    pub node: PathBuf,
    pub toolchain: Toolchain,
    bin: PathBuf,
}

pub fn all() -> Result<Tools> {
    let node = node_modules()?;
    let tools = Tools { node, toolchain: toolchain::find()?, bin: cargo_tools()? };
    settings::complete()?;
    Ok(tools)
}

/// The npm packages of the lock file, and a Node new enough for them.
pub fn node_modules() -> Result<PathBuf> {
    let lock = root().join("package-lock.json");
    let inputs = fs::read_to_string(&lock).with_context(|| format!("{} is missing", lock.display()))?;
    once(&root().join("node_modules/.xtask"), &inputs, || {
        if ask("npm", &["--version"]).is_none() {
            bail!("npm is missing; install Node.js with npm (any version from 18 on), then run this again");
        }
        let mut npm = Command::new("npm");
        // Not `npm ci`: it wants every platform's workerd in the lock, and mirrors may lack some.
        npm.args(["install", "--no-save", "--include=dev", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(root());
        step("installing npm packages", &mut npm)
    })?;
    let bundled = root().join("node_modules").join(format!("node-linux-{}", arch())).join("bin/node");
    if bundled.is_file() {
        return Ok(bundled);
    }
    match ask("node", &["--version"]) {
        Some(version) if new_enough(&version) => Ok("node".into()),
        found => bail!(
            "Node {}.{} or newer is needed, and {} was found; install a newer one",
            NODE.0,
            NODE.1,
            found.as_deref().unwrap_or("none")
        ),
    }
}

/// The Chromium that walks through the pages: CHROMIUM, or one on PATH, or Debian's.
pub fn browser() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("CHROMIUM").filter(|path| !path.is_empty()) {
        if ask(&given, &["--version"]).is_none() {
            bail!("CHROMIUM is '{}', which does not run", given.to_string_lossy());
        }
        return Ok(given.into());
    }
    let runs = |path: &PathBuf| ask(path, &["--version"]).is_some();
    let found = || BROWSERS.iter().filter_map(|name| on_path(name)).find(runs);
    if let Some(path) = found() {
        return Ok(path);
    }
    toolchain::install(&["chromium"], "or set CHROMIUM to the path of one", |_| false)?;
    found().context("Debian's chromium does not run")
}

/// A program of these Python packages, in a virtual environment of its own.
pub fn python(name: &str, packages: &[String], program: &str) -> Result<PathBuf> {
    let home = cache()?.join(name);
    let stamp = home.join("packages");
    once(&stamp, &packages.join("\n"), || {
        let _ = fs::remove_dir_all(&home);
        let mut venv = Command::new("python3");
        step("creating a Python environment", venv.args(["-m", "venv"]).arg(&home))
            .context("python3 with venv is needed")?;
        let mut pip = Command::new(home.join("bin/pip"));
        step(&format!("installing {name}"), pip.args(["install", "--quiet"]).args(packages))
    })?;
    Ok(home.join("bin").join(program))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" }
}

fn new_enough(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= NODE
}

fn cargo_tools() -> Result<PathBuf> {
    let shared = cache()?.join("tools-target");
    for (krate, version, binary) in
        [("wasm-bindgen-cli", WASM_BINDGEN, "wasm-bindgen"), ("worker-build", WORKER_BUILD, "worker-build")]
    {
        let home = cache()?.join(format!("{krate}-{version}"));
        if home.join("bin").join(binary).is_file() {
            continue;
        }
        let mut install = Command::new("cargo");
        install
            .args(["install", "--locked", "--bin", binary, "--version", version, "--root"])
            .arg(&home)
            .arg(krate)
            // What both need is compiled once; full optimisation costs minutes and wins back tenths.
            .env("CARGO_TARGET_DIR", &shared)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        step(&format!("installing {krate} {version}"), &mut install)?;
    }
    let _ = fs::remove_dir_all(&shared);
    cache()
}

impl Tools {
    /// A program of `node_modules`, run by the right Node.
    pub fn npm(&self, script: &str) -> Command {
        let mut command = Command::new(&self.node);
        command.arg(root().join("node_modules").join(script)).current_dir(root());
        self.node_first(&mut command);
        command
    }

    pub fn wrangler(&self) -> Command {
        quiet(self.npm("wrangler/bin/wrangler.js"))
    }

    /// A wrangler that ends, with the runtime it started, when its standard input does.
    pub fn leashed_wrangler(&self) -> Command {
        let mut command = Command::new(&self.node);
        command.current_dir(root()).args(["--no-warnings", "--require"]).arg(root().join("xtask/leash.cjs"));
        command.arg(root().join("node_modules/wrangler/wrangler-dist/cli.js"));
        self.node_first(&mut command);
        quiet(command)
    }

    pub fn worker_build(&self) -> Command {
        let esbuild = format!("node_modules/@esbuild/linux-{}/bin/esbuild", arch());
        let native = root().join(esbuild);
        let esbuild = if native.is_file() { native } else { root().join("node_modules/esbuild/bin/esbuild") };
        let mut command = Command::new(self.bin.join(format!("worker-build-{WORKER_BUILD}/bin/worker-build")));
        command
            .current_dir(root())
            .env("WASM_BINDGEN_BIN", self.bin.join(format!("wasm-bindgen-cli-{WASM_BINDGEN}/bin/wasm-bindgen")))
            .env("WASM_OPT_BIN", root().join("node_modules/binaryen/bin/wasm-opt"))
            .env("ESBUILD_BIN", esbuild);
        self.node_first(&mut command);
        self.toolchain.apply(&mut command);
        command
    }

    fn node_first(&self, command: &mut Command) {
        if let Some(dir) = self.node.parent().filter(|dir| dir.is_absolute()) {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", dir.display()));
        }
    }
}

fn quiet(mut wrangler: Command) -> Command {
    let settings = [
        ("WRANGLER_SEND_METRICS", "false"),
        ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
        ("NO_UPDATE_NOTIFIER", "1"),
        ("CI", "1"),
    ];
    wrangler.envs(settings);
    wrangler
}
