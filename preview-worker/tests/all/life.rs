//! The worker as a process of its own, and an API that is there, fails, or takes its word back.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::json;

use super::stand_in::{SECRET, StandIn};
use super::studio::{Picture, chromium};

const PROGRAM: &str = env!("CARGO_BIN_EXE_preview-worker");

struct Worker(Child);

impl Worker {
    fn start(api: &StandIn) -> Worker {
        start(Command::new(PROGRAM), api, None)
    }

    fn signal(&self, name: &str) {
        Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().expect("kill");
    }

    /// Waits until it has ended, and tells whether it ended well.
    async fn ended(&mut self) -> bool {
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Processes that this worker started, and theirs.
    fn browsers(&self) -> usize {
        descendants(self.0.id()).len()
    }
}

fn start(mut command: Command, api: &StandIn, user: Option<u32>) -> Worker {
    command.args(["--api", &api.api(), "--name", "node-1"]).stdout(Stdio::null()).current_dir("/");
    command.env("WORKER_CALLBACK_SECRET", SECRET).env("CHROMIUM", chromium());
    if let (Some(user), true) = (user, rustix::process::geteuid().is_root()) {
        command.uid(user).gid(user);
    }
    Worker(command.spawn().expect("a worker"))
}

/// The program where everybody may run it, which need not be so where it was built.
fn copy() -> &'static Path {
    static COPY: LazyLock<PathBuf> = LazyLock::new(|| {
        let copy = std::env::temp_dir().join("preview-worker-under-test");
        let fresh = copy.with_extension(std::process::id().to_string());
        // Another one may be running.
        std::fs::copy(PROGRAM, &fresh).and_then(|_| std::fs::rename(&fresh, &copy)).expect("a copy");
        copy
    });
    &COPY
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn descendants(of: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &of.to_string()]).output().expect("ps").stdout;
    let children: Vec<u32> =
        String::from_utf8_lossy(&listed).lines().filter_map(|line| line.trim().parse().ok()).collect();
    children.iter().copied().chain(children.iter().flat_map(|child| descendants(*child))).collect()
}

/// This machine may be busy with other things.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !holds() {
        assert!(Instant::now() < deadline, "within 90 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const LOOPING: &str = "<script>for (;;);</script>";

#[tokio::test]
async fn a_job_is_claimed_rendered_and_handed_in_and_the_next_one_is_too() {
    let api = StandIn::start().await;
    let mut worker = Worker::start(&api);
    // All screens look alike, so the same bytes are signed again and again.
    api.request("good", "<body style='margin:0;background:#f00'><div style='height:300px'></div>");
    api.request("hostile", LOOPING);
    api.request_of("forged", "hello", &"0".repeat(64));
    api.request("next", "<title>Next</title>hello");
    eventually("four jobs are over", || api.callbacks().len() == 4).await;
    let [good, hostile, forged, next] = &api.callbacks()[..] else { panic!() };
    assert_eq!(
        (&good["status"], &good["job_id"], &good["attempt_token"]),
        (&json!("SUCCESS"), &json!("good"), &json!("token-of-good"))
    );
    assert_eq!((&good["job_type"], &good["error"]), (&json!("preview"), &json!(null)));
    assert_eq!(good["layout_json_key"], "previews/layout.json");
    assert_eq!(good["asset_keys"], json!(["previews/phone.png", "previews/phone-2.png", "previews/phone-3.png"]));
    let picture = Picture::read(&api.upload("phone.png"));
    assert_eq!((picture.size(), picture.at(50, 50)), ((100, 100), [255, 0, 0]));
    assert_eq!((&hostile["status"], &hostile["error"]["code"]), (&json!("FAIL"), &json!("timeout")));
    assert_eq!((&forged["status"], &forged["error"]["code"]), (&json!("FAIL"), &json!("files_unavailable")));
    assert_eq!((&next["status"], &next["job_id"]), (&json!("SUCCESS"), &json!("next")));
    assert_eq!(api.beats()[0]["type"], "cpu");
    assert!(api.beats()[0]["metrics"]["memory_bytes"].as_u64() > Some(0));
    eventually("no browser is left", || worker.browsers() == 0).await;
    // Nothing runs, so there is nothing to wait for.
    let told = Instant::now();
    worker.signal("TERM");
    assert!(worker.ended().await);
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again() {
    let api = StandIn::start().await;
    api.fail("/heartbeat", 1);
    api.fail("/claim", 1);
    api.fail("/artifacts", 1);
    api.fail("/callback", 2);
    let _worker = Worker::start(&api);
    api.request("job", "hello");
    eventually("the job is over", || api.callbacks().len() == 1).await;
    assert_eq!(api.callbacks()[0]["status"], "SUCCESS");
}

#[tokio::test]
async fn what_runs_is_finished_when_the_worker_is_told_to_end() {
    let api = StandIn::start().await;
    api.request("job", "<script>for (const until = Date.now() + 1500; Date.now() < until;);</script>hello");
    api.request("left", "hello");
    let mut worker = Worker::start(&api);
    eventually("a browser runs", || worker.browsers() > 5).await;
    worker.signal("TERM");
    assert!(worker.ended().await);
    let callbacks = api.callbacks();
    assert_eq!(
        (callbacks.len(), &callbacks[0]["job_id"], &callbacks[0]["status"]),
        (1, &json!("job"), &json!("SUCCESS"))
    );
    assert_eq!(api.claims(), 1);
}

#[tokio::test]
async fn nothing_outlives_a_worker_that_is_killed() {
    let api = StandIn::start().await;
    api.request("job", LOOPING);
    let mut worker = Worker::start(&api);
    eventually("a browser runs", || worker.browsers() > 5).await;
    let started = descendants(worker.0.id());
    worker.signal("KILL");
    worker.ended().await;
    let lives = |id: &u32| std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    eventually("all it started is gone", || !started.iter().any(lives)).await;
    assert_eq!(api.callbacks().len(), 0);
}

#[tokio::test]
async fn a_draining_worker_claims_nothing_and_a_canceled_job_ends_without_a_word() {
    let api = StandIn::start().await;
    api.request("slow", LOOPING);
    let worker = Worker::start(&api);
    eventually("a browser runs", || worker.browsers() > 5).await;
    api.cancel("slow");
    api.drain(true);
    eventually("the worker says what runs", || api.beats().len() > 1).await;
    assert_eq!(api.beats()[1]["running"], json!(["slow"]));
    eventually("the browser is gone", || worker.browsers() == 0).await;
    let claims = api.claims();
    api.request("later", "hello");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((api.claims(), api.callbacks().len()), (claims, 0));
}

#[tokio::test]
async fn a_user_without_rights_renders_too() {
    let api = StandIn::start().await;
    api.request("job", "hello");
    let _worker = start(Command::new(copy()), &api, Some(65534));
    eventually("the job is over", || api.callbacks().len() == 1).await;
    assert_eq!(api.callbacks()[0]["status"], "SUCCESS");
}

/// A namespace in which nobody may make another one.
const DENIED: &str =
    "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --ambient-caps=-all --inh-caps=-all \"$0\" \"$@\"";

#[tokio::test]
async fn without_a_sandbox_there_is_no_worker_unless_somebody_says_so() {
    let api = StandIn::start().await;
    let denied = |arguments: &[&str]| {
        let program = copy();
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-current-user", "--keep-caps", "sh", "-c", DENIED]).arg(program).args(arguments);
        start(command, &api, Some(65534))
    };
    assert!(!denied(&[]).ended().await);
    let left = || {
        std::fs::read_dir(std::env::temp_dir())
            .expect("files")
            .flatten()
            .any(|file| file.file_name().to_string_lossy().starts_with("hivesync-preview-"))
    };
    let mut worker = denied(&["--unsafe-no-sandbox"]);
    api.request("hostile", LOOPING);
    api.request("good", "hello");
    eventually("both jobs are over", || api.callbacks().len() == 2).await;
    assert_eq!(api.callbacks()[1]["status"], "SUCCESS");
    eventually("no browser is left", || worker.browsers() == 0 && !left()).await;
    worker.signal("TERM");
    assert!(worker.ended().await);
}
