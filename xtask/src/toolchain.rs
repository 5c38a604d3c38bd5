//! The wasm32 target: from rustup where it reaches its server, else built from Debian's sources.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{ask, cache, step};

pub const TARGET: &str = "wasm32-unknown-unknown";
const LINKED: &str = "hivesync-wasm";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "rust-web-src", "cargo-web", "rust-web-clippy", "lld-22"];

/// What a build for wasm must have in its environment.
pub struct Toolchain(Vec<(&'static str, String)>);

impl Toolchain {
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.0.iter().map(|(name, value)| (name, value)))
    }
}

pub fn find() -> Result<Toolchain> {
    if has_target("rustc") || added_by_rustup() {
        return Ok(Toolchain(Vec::new()));
    }
    let sysroot = from_debian()?;
    // Clippy finds the libraries by SYSROOT, the compiler by its own path.
    let mut env = vec![
        ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-22".to_owned()),
        ("SYSROOT", sysroot.display().to_string()),
    ];
    if ask("rustup", &["--version"]).is_some() {
        let linked = ask("rustup", &["run", LINKED, "rustc", "--print", "sysroot"]);
        if linked.as_deref() != sysroot.to_str() {
            step("linking the toolchain", Command::new("rustup").args(["toolchain", "link", LINKED]).arg(&sysroot))?;
        }
        env.push(("RUSTUP_TOOLCHAIN", LINKED.to_owned()));
    } else {
        let path = std::env::var("PATH").unwrap_or_default();
        env.push(("PATH", format!("{}:{path}", sysroot.join("bin").display())));
    }
    Ok(Toolchain(env))
}

fn has_target(rustc: &str) -> bool {
    let libraries = ask(rustc, &["--print", "target-libdir", "--target", TARGET]);
    libraries.is_some_and(|dir| Path::new(&dir).is_dir())
}

/// Asked once per compiler: on a network of package mirrors only, the answer stays no.
fn added_by_rustup() -> bool {
    let Some(version) = ask("rustc", &["--version"]) else { return false };
    let Ok(refused) = cache().map(|dir| dir.join("rustup-refused")) else { return false };
    if fs::read_to_string(&refused).is_ok_and(|seen| seen == version) {
        return false;
    }
    let mut add = Command::new("timeout");
    add.args(["60", "rustup", "target", "add", TARGET]);
    if step("rustup target add", &mut add).is_ok() && has_target("rustc") {
        return true;
    }
    let _ = fs::write(refused, version);
    false
}

fn from_debian() -> Result<PathBuf> {
    let otherwise = format!("or give rustup a network that reaches its server and run 'rustup target add {TARGET}'");
    install(&DEBIAN_PACKAGES, &otherwise, |package| match package {
        "lld-22" => ask("wasm-ld-22", &["--version"]).is_some(),
        "rust-web-src" => Path::new("/usr/lib/rustlib/src/rust/library").is_dir(),
        "rust-web-clippy" => Path::new("/usr/bin/clippy-driver").is_file(),
        "cargo-web" => Path::new("/usr/bin/cargo").is_file(),
        _ => Path::new(DEBIAN_RUSTC).is_file(),
    })?;
    let version = ask(DEBIAN_RUSTC, &["--version"]).context("Debian's rustc does not run")?;
    let number = version.split(' ').nth(1).unwrap_or("unknown");
    let host = host()?;
    let sysroot = cache()?.join(format!("toolchain-{number}"));
    let stamp = sysroot.join("complete");
    crate::run::once(&stamp, &version, || {
        let _ = fs::remove_dir_all(&sysroot);
        let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
        fs::create_dir_all(&libraries)?;
        fs::create_dir_all(sysroot.join("bin"))?;
        symlink(format!("/usr/lib/rustlib/{host}"), sysroot.join("lib/rustlib").join(&host))?;
        build_std(&libraries)?;
        wrap(&sysroot)?;
        symlink("/usr/bin/cargo", sysroot.join("bin/cargo"))?;
        symlink("/usr/bin/cargo-clippy", sysroot.join("bin/cargo-clippy"))?;
        Ok(())
    })?;
    Ok(sysroot)
}

fn host() -> Result<String> {
    let verbose = ask(DEBIAN_RUSTC, &["-vV"]).context("Debian's rustc does not run")?;
    let line = verbose.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc names no host")?.to_owned())
}

/// The system's compiler, looking for its libraries here.
fn wrap(sysroot: &Path) -> Result<()> {
    let path = sysroot.join("bin/rustc");
    fs::write(&path, format!("#!/bin/sh\nexec {DEBIAN_RUSTC} --sysroot {} \"$@\"\n", sysroot.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The standard library for wasm, with the bitcode that link-time optimisation needs.
fn build_std(libraries: &Path) -> Result<()> {
    let krate = cache()?.join("std");
    fs::create_dir_all(krate.join("src"))?;
    fs::write(krate.join("Cargo.toml"), "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n")?;
    fs::write(krate.join("src/lib.rs"), "#![no_std]\n")?;
    let mut build = Command::new("/usr/bin/cargo");
    build
        .args(["build", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET])
        .current_dir(&krate)
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", krate.join("target"))
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO");
    step("building the standard library for wasm", &mut build)?;
    let built = krate.join("target").join(TARGET).join("release/deps");
    for entry in fs::read_dir(&built)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libempty") {
            crate::run::copy(&path, &libraries.join(name))?;
        }
    }
    let _ = fs::remove_dir_all(&krate);
    Ok(())
}

/// Installs the Debian packages that are not there yet; `otherwise` is for those who cannot.
pub fn install(packages: &[&str], otherwise: &str, there: impl Fn(&str) -> bool) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !there(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if ask("apt-get", &["--version"]).is_none() || ask("id", &["-u"]).as_deref() != Some("0") {
        bail!("these Debian packages are needed: {list}. Install them (as root: apt-get install {list}), {otherwise}.");
    }
    step("apt-get update", Command::new("apt-get").arg("update"))?;
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", "--no-install-recommends"]).args(&missing);
    step(&format!("apt-get install {list}"), &mut apt)
}
