//! Where Chromium runs: without a network, without a file of anybody's, and with its own sandbox on.
//!
//! Namespaces come from util-linux, which is on every Debian. So there is no unsafe code here, and what keeps a
//! page in can be read as one command line.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::Command;

use crate::fault::Fault;

/// Users nobody is: each browser at a time has one to itself.
const NOBODIES: u32 = 62_300;
const NOBODIES_COUNT: u32 = 100;

/// In its mount namespace: the profile and shared memory are in memory, bounded, and gone with the last process.
const FURNISH: &str = r#"
set -e
mount -t tmpfs -o size=128m,mode=1777 tmpfs /tmp
mount -t tmpfs -o size=256m,mode=1777 tmpfs /dev/shm
for private in /home /root /run; do
  case "$0" in "$private"/*) ;; *) [ ! -d "$private" ] || mount -t tmpfs -o size=1m,ro tmpfs "$private" ;; esac
done
cd /
exec "$@"
"#;

/// The pipes arrive as standard input and output; Chromium wants them as 3 and 4.
const PIPES: &str = r#"exec 3<&0 4>&1 </dev/null >/dev/null; exec "$@""#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Namespaces made by root, in which Chromium is somebody without rights.
    Root,
    /// Namespaces of a user's own.
    User,
    /// Nothing but interception, and no sandbox: only where somebody said so.
    Unsafe,
}

#[derive(Clone, Debug)]
pub struct Jail {
    pub kind: Kind,
    chromium: PathBuf,
    is_root: bool,
}

/// What a browser leaves on disk where it has no mount namespace.
pub struct Home(Option<PathBuf>);

impl Jail {
    /// The best that this machine allows.
    pub async fn find(chromium: &Path, unsafe_allowed: bool) -> Result<Jail, Fault> {
        let is_root = rustix::process::geteuid().is_root();
        let best = if is_root { Kind::Root } else { Kind::User };
        let jail = Jail { kind: best, chromium: chromium.to_owned(), is_root };
        // Chromium's sandbox makes a user namespace of its own, inside.
        let tried = jail.wrap(&["unshare", "--user", "true"]).stdin(Stdio::null()).output().await;
        match tried {
            Ok(output) if output.status.success() => Ok(jail),
            _ if unsafe_allowed => Ok(Jail { kind: Kind::Unsafe, ..jail }),
            Ok(output) => Err(Fault::Browser(format!(
                "this machine lets nobody make namespaces, so Chromium's sandbox cannot be on: {}. \
                 Run as root or allow user namespaces (sysctl kernel.unprivileged_userns_clone, \
                 kernel.apparmor_restrict_unprivileged_userns), or say --unsafe-no-sandbox",
                String::from_utf8_lossy(&output.stderr).trim()
            ))),
            Err(error) => Err(Fault::Browser(format!("setpriv of util-linux does not run: {error}"))),
        }
    }

    /// Chromium with its protocol on standard input and output.
    pub fn browser(&self, flags: &[&str]) -> Result<(Command, Home), Fault> {
        let (home, at) = match self.kind {
            Kind::Root | Kind::User => (Home(None), "/tmp/profile".into()),
            Kind::Unsafe => Home::make(self.is_root.then_some(NOBODIES))?,
        };
        let chromium = self.chromium.to_string_lossy();
        let profile = format!("--user-data-dir={at}");
        let mut program = vec!["/bin/sh", "-c", PIPES, "sh", &chromium, "--remote-debugging-pipe", &profile];
        program.extend_from_slice(flags);
        if self.kind == Kind::Unsafe {
            program.push("--no-sandbox");
        }
        program.push("about:blank");
        let mut command = self.wrap(&program);
        command.env("HOME", if self.kind == Kind::Unsafe { &at } else { "/tmp" });
        Ok((command, home))
    }

    /// Whatever happens to the worker or to `unshare`, nothing inside outlives it.
    fn wrap(&self, program: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "prlimit", "--nofile=4096", "--core=0"]);
        let rights = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"];
        if self.kind != Kind::Unsafe {
            command.arg("unshare");
            if self.kind == Kind::User {
                command.args(["--user", "--map-current-user", "--keep-caps"]);
            }
            command.args(["--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]);
            command.args(["sh", "-c", FURNISH]).arg(&self.chromium);
            command.args(["setpriv", "--pdeathsig", "KILL"]).args(rights);
        } else if self.is_root {
            command.args(["setpriv", "--pdeathsig", "KILL"]).args(rights);
        }
        if self.is_root {
            let nobody = self.nobody();
            command.arg(format!("--reuid={nobody}")).arg(format!("--regid={nobody}")).arg("--clear-groups");
        }
        command.args(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
        command.process_group(0).kill_on_drop(true);
        command
    }

    fn nobody(&self) -> u32 {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        match self.kind {
            Kind::Unsafe => NOBODIES,
            _ => NOBODIES + NEXT.fetch_add(1, Ordering::Relaxed) % NOBODIES_COUNT,
        }
    }
}

impl Home {
    fn make(owner: Option<u32>) -> Result<(Home, String), Fault> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hivesync-preview-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let at = std::env::temp_dir().join(name);
        let made = std::fs::create_dir(&at).and_then(|()| chown(&at, owner, owner));
        made.map_err(|error| Fault::Browser(format!("{} cannot be made: {error}", at.display())))?;
        let text = at.to_string_lossy().into_owned();
        Ok((Home(Some(at)), text))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(at) = &self.0 {
            // Processes that are being killed may still write.
            for _ in 0..20 {
                if std::fs::remove_dir_all(at).is_ok() || !at.exists() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(25));
            }
        }
    }
}
