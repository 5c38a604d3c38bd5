//! The libraries of the specification, as receivers, in processes of their own.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::*;

struct Library {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Library {
    async fn start(mut command: Command) -> Library {
        let command = command.current_dir(root()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the library's language");
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut library = Library { _child: child, input, output: BufReader::new(output).lines(), url: String::new() };
        library.url = library.next().await["url"].as_str().expect("an address").to_owned();
        library
    }

    async fn next(&mut self) -> Value {
        let line =
            tokio::time::timeout(Duration::from_secs(20), self.output.next_line()).await.expect("a line in time");
        let line = line.unwrap().expect("a line; without the library 'cargo xtask test' installs it");
        serde_json::from_str(&line).unwrap()
    }

    async fn learn(&mut self, secret: &str) {
        self.input.write_all(format!("{secret}\n").as_bytes()).await.unwrap();
        assert_eq!(self.next().await, json!({ "secret": "known" }));
    }
}

async fn verifies(command: Command) {
    let (world, ada, project) = launch().await;
    let mut library = Library::start(command).await;
    let hook = Hook::on(&ada, &project, &library.url, &["*"]).await;
    library.learn(&hook.secret).await;
    let title = "Schreib’s auf, 書いて 🚀 \"</script>\"";
    ada.task(&project, title).await;
    let told = library.next().await;
    let payload = &told["verified"];
    assert_eq!((&payload["type"], payload["data"]["title"].as_str()), (&json!("task.created"), Some(title)), "{told}");

    // While the secret is replaced, both know us.
    let rotated = ada.post(&format!("{}/rotate-secret", hook.path())).json(json!({})).status(201).await;
    ada.post(&format!("{}/test", hook.path())).await;
    assert_eq!(library.next().await["verified"]["type"], "webhook.test");
    library.learn(rotated.data()["secret"].as_str().unwrap()).await;
    ada.post(&format!("{}/test", hook.path())).await;
    assert_eq!(library.next().await["verified"]["type"], "webhook.test");

    // Another's secret does not.
    let other = Hook::on(&ada, &project, &library.url, &["task.deleted"]).await;
    ada.post(&format!("{}/test", other.path())).refused_with(502, "WEBHOOK_DELIVERY_FAILED").await;
    assert!(library.next().await["refused"].is_string());
    hook.tried(&world, 3).await;
    assert!(hook.attempts(&world).await.iter().all(|attempt| attempt["status"] == 204));
}

#[tokio::test]
async fn the_library_for_javascript_verifies_what_comes() {
    let mut command = Command::new(node());
    command.arg(root().join("tests/webhooks/receive.mjs"));
    verifies(command).await;
}

#[tokio::test]
async fn the_library_for_python_verifies_what_comes() {
    let python = std::env::var_os("HIVESYNC_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.arg(root().join("tests/webhooks/receive.py"));
    verifies(command).await;
}
