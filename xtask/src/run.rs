//! Running other programs: what is going on while it takes long, what went wrong when it fails.

use std::fs::{self, File};
use std::io::{IsTerminal, Read, Seek, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Lines of a failed program's output that are shown.
const SHOWN: usize = 40;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Tools and toolchains, shared by all clones on this machine.
pub fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let dir = base.or_else(home).context("neither HOME nor XDG_CACHE_HOME is set")?.join("hivesync-api");
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be created", dir.display()))?;
    Ok(dir)
}

/// Runs quietly, saying what it does and how long it has taken; shows the output only of a failure.
pub fn step(what: &str, command: &mut Command) -> Result<()> {
    let mut output = temporary()?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut child = spawn(command)?;
    let started = Instant::now();
    let mut said = Instant::now();
    let terminal = stderr().is_terminal();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let pause = if terminal { Duration::from_secs(1) } else { Duration::from_secs(15) };
        if said.elapsed() >= pause {
            said = Instant::now();
            let line = format!("… {what} ({} s)", started.elapsed().as_secs());
            if terminal {
                eprint!("\r{line}\x1b[K")
            } else {
                eprintln!("{line}")
            }
            stderr().flush()?;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let seconds = started.elapsed().as_secs_f32();
    if !status.success() {
        let mut text = String::new();
        output.rewind()?;
        output.read_to_string(&mut text)?;
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
        bail!("{what} failed after {seconds:.0} s:\n{shown}");
    }
    if seconds > 1.0 {
        eprintln!("{}✓ {what} ({seconds:.1} s)", if terminal { "\r\x1b[K" } else { "" });
    }
    Ok(())
}

/// Runs with this terminal's input and output.
pub fn plainly(what: &str, command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| missing(command))?;
    if !status.success() {
        bail!("{what} failed");
    }
    Ok(())
}

/// The trimmed standard output of a program, or `None` if it is missing or fails.
pub fn ask(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| missing(command))
}

fn missing(command: &Command) -> String {
    format!("'{}' cannot be started; is it installed?", command.get_program().to_string_lossy())
}

fn temporary() -> Result<File> {
    let path = std::env::temp_dir().join(format!("hivesync-{}-{:?}", std::process::id(), Instant::now()));
    let file = File::options().create_new(true).read(true).append(true).open(&path)?;
    // Without a name it is gone when the last handle is.
    let _ = fs::remove_file(&path);
    Ok(file)
}

/// Does `work` unless it was done for the same `inputs`, which `stamp` remembers.
pub fn once(stamp: &Path, inputs: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    if fs::read_to_string(stamp).is_ok_and(|seen| seen == inputs) {
        return Ok(());
    }
    work()?;
    if let Some(dir) = stamp.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(stamp, inputs).with_context(|| format!("{} cannot be written", stamp.display()))
}

pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))?;
    Ok(())
}
