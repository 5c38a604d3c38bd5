//! Where Chromium runs: without a network, without files but the system's and its own, and with its own sandbox on.
//!
//! Namespaces come from util-linux, which is on every Debian. So there is no unsafe code here, and what keeps a
//! page in can be read as one command line.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::Command;

use crate::fault::Fault;

/// Users nobody is: each browser at a time has one to itself.
const NOBODIES: u32 = 62_300;
const NOBODIES_COUNT: u32 = 100;

/// In its mount namespace: the profile and shared memory are in memory, bounded, and gone with the last process. Of the
/// files there are it has the programs and the settings of the system, not the folder the worker was started in, and the
/// folder it lies in itself.
const FURNISH: &str = r#"
set -e
chromium=$0 here=$1
shift
mount -t tmpfs -o size=128m,mode=1777 tmpfs /tmp
mount -t tmpfs -o size=256m,mode=1777 tmpfs /dev/shm
hide() {
  [ ! -L "$1" ] || return 0
  [ ! -f "$1" ] || mount --bind /dev/null "$1"
  [ -d "$1" ] || return 0
  case "$chromium" in
    "$1"/*)
      own=${chromium%/*}
      mkdir /tmp/own
      mount --rbind "$own" /tmp/own
      mount -t tmpfs -o size=1m,mode=755 tmpfs "$1"
      mkdir -p "$own"
      mount --move /tmp/own "$own"
      rmdir /tmp/own ;;
    *) mount -t tmpfs -o size=1m,ro tmpfs "$1" ;;
  esac
}
for each in /* /.[!.]* /var/* /var/cache/*; do
  case "$each" in
    /bin|/dev|/etc|/lib|/lib[0-9x]*|/nix|/proc|/sbin|/sys|/tmp|/usr|/var|/var/cache|/var/cache/fontconfig) ;;
    *) hide "$each" ;;
  esac
done
case "$here" in /etc/*|/usr/local/*|/usr/src/*) hide "$here" ;; esac
cd /
exec "$@"
"#;

/// The pipes arrive as standard input and output; Chromium wants them as 3 and 4.
const PIPES: &str = r#"exec 3<&0 4>&1 </dev/null >/dev/null; exec "$@""#;

#[derive(Clone, Debug)]
pub struct Jail {
    chromium: PathBuf,
    /// Nothing but interception keeps a page in: only where somebody said so.
    pub is_open: bool,
    /// Root becomes somebody without rights first.
    is_root: bool,
}

/// What a browser leaves on disk where it has no mount namespace.
pub struct Home(Option<PathBuf>);

impl Jail {
    /// Closed, unless this machine does not allow that and whoever starts the worker does.
    pub async fn find(chromium: &Path, may_be_open: bool) -> Result<Jail, Fault> {
        let is_root = rustix::process::geteuid().is_root();
        // What leads there may be hidden.
        let chromium = chromium.canonicalize().unwrap_or_else(|_| chromium.to_owned());
        let jail = Jail { chromium, is_open: false, is_root };
        // Chromium's sandbox makes a user namespace of its own, inside.
        match jail.wrap(&["unshare", "--user", "true"]).stdin(Stdio::null()).output().await {
            Ok(tried) if tried.status.success() => Ok(jail),
            Ok(_) if may_be_open => Ok(Jail { is_open: true, ..jail }),
            Ok(tried) => Err(Fault::Browser(format!(
                "user namespaces are not allowed here, so Chromium's sandbox cannot be on ({}). Allow them (sysctl \
                 user.max_user_namespaces, kernel.unprivileged_userns_clone, \
                 kernel.apparmor_restrict_unprivileged_userns), or say --unsafe-no-sandbox",
                String::from_utf8_lossy(&tried.stderr).trim()
            ))),
            Err(error) => Err(Fault::Browser(format!("setpriv of util-linux does not run: {error}"))),
        }
    }

    /// Chromium with its protocol on standard input and output.
    pub fn browser(&self, flags: &[&str]) -> Result<(Command, Home), Fault> {
        let nobody = self.is_root.then(nobody);
        let (home, at) = match self.is_open {
            true => Home::make(nobody)?,
            false => (Home(None), "/tmp/profile".into()),
        };
        let chromium = self.chromium.to_string_lossy();
        let profile = format!("--user-data-dir={at}");
        let mut program = vec!["/bin/sh", "-c", PIPES, "sh", &chromium, "--remote-debugging-pipe", &profile];
        program.extend_from_slice(flags);
        if self.is_open {
            program.push("--no-sandbox");
        }
        program.push("about:blank");
        let mut command = self.wrap_as(nobody, &program);
        command.env("HOME", if self.is_open { &at } else { "/tmp" });
        Ok((command, home))
    }

    fn wrap(&self, program: &[&str]) -> Command {
        self.wrap_as(self.is_root.then(nobody), program)
    }

    /// Whatever happens to the worker or to `unshare`, nothing inside outlives it.
    fn wrap_as(&self, nobody: Option<u32>, program: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--no-new-privs"]);
        if let Some(nobody) = nobody {
            command.arg(format!("--reuid={nobody}")).arg(format!("--regid={nobody}")).arg("--clear-groups");
        }
        command.args(["prlimit", "--nofile=4096", "--core=0"]);
        if !self.is_open {
            command.args(["unshare", "--user", "--map-current-user", "--keep-caps"]);
            command.args(["--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]);
            let here = std::env::current_dir().unwrap_or_default();
            command.args(["sh", "-c", FURNISH]).arg(&self.chromium).arg(here);
            command.args(["setpriv", "--pdeathsig", "KILL", "--inh-caps=-all", "--ambient-caps=-all"]);
            command.arg("--bounding-set=-all");
        }
        command.args(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
        command.process_group(0).kill_on_drop(true);
        command
    }
}

fn nobody() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NOBODIES + NEXT.fetch_add(1, Ordering::Relaxed) % NOBODIES_COUNT
}

impl Home {
    fn make(owner: Option<u32>) -> Result<(Home, String), Fault> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hivesync-preview-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let at = std::env::temp_dir().join(name);
        let made = DirBuilder::new().mode(0o700).create(&at).and_then(|()| chown(&at, owner, owner));
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
