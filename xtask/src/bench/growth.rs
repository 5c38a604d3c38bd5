//! Whether what one person does takes longer when everybody else has a hundred times more.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::contender::{Contender, Storage, migrations};
use super::load::{Connection, request};
use super::report::machine;
use super::rounds::{log_in, quantile, sorted};
use crate::run::{once, root, step};
use crate::setup::Tools;

pub const NAME: &str = "growth";

const SCALES: [usize; 2] = [1, 100];
/// How many times slower anything may be at the larger one.
const ALLOWED: f64 = 2.0;

// What bench/growth.sql calls them.
const CALLER: usize = 1;
const PROJECT: &str = "0198c5f2-0000-7000-8000-00009e3779b1";
const TASK: &str = "0198c5f4-002a-7000-8000-000000000000";
const LABEL: &str = "0198c5f3-0000-7000-8000-000000000000";
const COMMENT: &str = "0198c5f5-0000-7000-8000-000000000000";

/// All that can be read of the caller's work, filtered and sorted each way.
const READS: &[&str] = &[
    "/projects?page_size=50",
    "/projects?search=launch&sort=-updated_at",
    "/projects?favorite=true&sort=name",
    "/projects/templates",
    "/projects/{project}",
    "/projects/{project}/tags",
    "/projects/{project}/team",
    "/projects/{project}/team/invites",
    "/invites",
    "/projects/{project}/tasks?page_size=50",
    "/projects/{project}/tasks?sort=created_at",
    "/projects/{project}/tasks?sort=updated_at",
    "/projects/{project}/tasks?sort=-updated_at",
    "/projects/{project}/tasks?sort=due_date",
    "/projects/{project}/tasks?sort=-due_date",
    "/projects/{project}/tasks?status=open",
    "/projects/{project}/tasks?status=open,blocked",
    "/projects/{project}/tasks?assignee=me",
    "/projects/{project}/tasks?assignee=none",
    "/projects/{project}/tasks?assignee=1&status=done",
    "/projects/{project}/tasks?labels={label}",
    "/projects/{project}/tasks?due_after=2026-03-10&due_before=2026-04-10",
    "/projects/{project}/tasks?search=launch",
    "/projects/{project}/tasks?search=zebra",
    "/projects/{project}/tasks?search=la",
    "/projects/{project}/tasks?search=nothing+like+it",
    "/projects/{project}/tasks/{task}",
    "/projects/{project}/tasks/labels",
    "/projects/{project}/tasks/{task}/activity",
    "/projects/{project}/tasks/{task}/attachments",
    "/projects/{project}/comments?page_size=50",
    "/projects/{project}/comments?sort=-created_at",
    "/projects/{project}/comments?entity_type=task&entity_id={task}",
    "/projects/{project}/comments?entity_type=project",
    "/projects/{project}/comments?parent_id={comment}",
    "/projects/{project}/comments?starred=true",
    "/projects/{project}/comments?author=1",
    "/notifications?page_size=50",
    "/notifications?unread=true",
    "/notifications?type=comment_added",
    "/notifications/settings",
    "/search/projects?q=launch",
    "/search/projects?q=login",
    "/search/projects?q=ea",
    "/search/projects?q=会議",
    "/search/projects?q=nothing+like+it",
    "/search/tasks?q=launch",
    "/search/tasks?q=zebra",
    "/search/tasks?q=la",
    "/search/tasks?q=会議",
    "/search/tasks?q=nothing+like+it",
    "/search/tasks?q=launch&project_id={project}",
    "/search/tasks?q=launch&status=open&assignee=me",
    "/search/comments?q=update",
    "/search/comments?q=zebra",
    "/search/comments?q=up",
    "/search/comments?q=会議",
    "/search/comments?q=新しい計画",
    "/search/comments?q=update&project_id={project}",
    "/search/comments?q=nothing+like+it",
];

/// Routes whose answers do not grow with what people do together.
const APART: [&str; 7] = ["/health", "/auth/", "/user/", "/billing/", "/profile", "/ws", "/files/"];

struct Write {
    method: &'static str,
    path: &'static str,
    /// Of the nth request.
    body: fn(usize) -> String,
}

const WRITES: &[Write] = &[
    Write {
        method: "POST",
        path: "/projects/{project}/tasks",
        body: |n| format!(r#"{{"title":"Launch number {n}","assignee_id":1,"label_ids":["{LABEL}"]}}"#),
    },
    Write {
        method: "PATCH",
        path: "/projects/{project}/tasks/{task}",
        body: |n| format!(r#"{{"title":"Zebra {n}","description":"Seen {n} times."}}"#),
    },
    Write {
        method: "POST",
        path: "/projects/{project}/comments",
        body: |n| format!(r#"{{"entity_type":"task","entity_id":"{TASK}","body":"Update number {n}, and no zebra."}}"#),
    },
];

/// Milliseconds of each request, at both scales.
struct Times {
    name: String,
    /// What a list says there is.
    total: Option<u64>,
    of: [Vec<f64>; 2],
}

/// A Worker on a database of one size.
struct Side {
    connection: Connection,
    token: String,
}

pub fn run(ours: &Contender, tools: &Tools, quick: bool) -> Result<()> {
    ensure_all_are_read()?;
    let files = [database(tools, SCALES[0])?, database(tools, SCALES[1])?];
    eprintln!("… {NAME}");
    let running = [ours.start(tools, Storage::Of(&files[0]))?, ours.start(tools, Storage::Of(&files[1]))?];
    let side =
        |port| Ok::<_, anyhow::Error>(Side { connection: Connection::open(port)?, token: log_in(port, CALLER)? });
    let mut sides = [side(running[0].port)?, side(running[1].port)?];
    let (turns, requests) = if quick { (6, 3) } else { (40, 5) };
    let mut all = Vec::new();
    for path in READS {
        all.push(measure(&mut sides, "GET", path, |_| String::new(), turns, requests)?);
    }
    for Write { method, path, body } in WRITES {
        all.push(measure(&mut sides, method, path, *body, turns, requests)?);
    }
    print(&all);
    Ok(())
}

/// Made once, as long as what it is made by stays the same.
fn database(tools: &Tools, scale: usize) -> Result<PathBuf> {
    let folder = root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("growth-{scale}.sqlite"));
    let migrations = migrations()?;
    let mut inputs = String::new();
    for source in ["grow.mjs", "growth.sql", "growth_round.sql"]
        .map(|name| root().join("bench").join(name))
        .iter()
        .chain(&migrations)
    {
        inputs.push_str(&fs::read_to_string(source)?);
    }
    once(&file.with_extension("made"), &inputs, || {
        let mut grow = Command::new(&tools.node);
        grow.arg("--disable-warning=ExperimentalWarning").arg(root().join("bench/grow.mjs"));
        grow.arg(scale.to_string()).arg(&file).args(&migrations);
        step(&format!("growing a database {scale} times"), &mut grow)
    })?;
    Ok(file)
}

/// In turns, first one side, then the other, then the other way round.
fn measure(
    sides: &mut [Side; 2],
    method: &str,
    path: &str,
    body: fn(usize) -> String,
    turns: usize,
    requests: usize,
) -> Result<Times> {
    let filled = [("{project}", PROJECT), ("{task}", TASK), ("{label}", LABEL), ("{comment}", COMMENT)]
        .iter()
        .fold(format!("/api/v1{path}"), |path, (name, id)| path.replace(name, id));
    let target = escaped(&filled);
    let mut of = [Vec::new(), Vec::new()];
    let mut totals = [None; 2];
    for turn in 0..=turns {
        for which in [turn % 2, 1 - turn % 2] {
            let Side { connection, token } = &mut sides[which];
            for number in 0..requests {
                let request = request(method, &target, token, &body(turn * requests + number));
                let sent = Instant::now();
                let answer = connection.call(&request)?;
                let milliseconds = sent.elapsed().as_secs_f64() * 1000.0;
                ensure!(answer.status < 300, "{method} {path} was answered {}: {}", answer.status, answer.body);
                totals[which] = answer.number("total");
                // The first turn warms it up.
                if turn > 0 {
                    of[which].push(milliseconds);
                }
            }
        }
    }
    ensure!(
        totals[0] == totals[1],
        "{path} lists {:?} and {:?}: the caller's work has grown, too",
        totals[0],
        totals[1]
    );
    Ok(Times { name: format!("{method} {path}"), total: totals[0], of: of.map(|times| sorted(times.into_iter())) })
}

fn escaped(path: &str) -> String {
    let escape = |byte: u8| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(escape).collect()
}

/// Whether READS has every route there is to read.
fn ensure_all_are_read() -> Result<()> {
    let map = fs::read_to_string(root().join("src/routes.rs"))?;
    let routes = map.lines().filter_map(|line| line.trim().strip_prefix("get ")?.split('"').nth(1));
    let together = |route: &&str| !APART.iter().any(|apart| route.starts_with(apart));
    for route in routes.filter(together) {
        let measured = READS.iter().any(|read| is_of(read, route));
        ensure!(measured, "the growth of GET {route} is not measured");
    }
    Ok(())
}

fn is_of(read: &str, route: &str) -> bool {
    let path = read.split('?').next().unwrap_or_default();
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    let alike = |(part, name): (&&str, &&str)| part == name || part.starts_with('{') && name.starts_with('{');
    path.len() == route.len() && path.iter().zip(&route).all(alike)
}

impl Times {
    fn medians(&self) -> [f64; 2] {
        self.of.each_ref().map(|times| quantile(times, 0.5))
    }

    fn factor(&self) -> f64 {
        let [small, large] = self.medians();
        large / small
    }
}

fn print(all: &[Times]) {
    let [small, large] = SCALES;
    println!("\n{}\n", machine());
    println!("| request | listed | {small} × ms | {large} × ms | factor |");
    println!("|---|---:|---:|---:|---:|");
    for times in all {
        let total = times.total.map(|total| total.to_string()).unwrap_or_default();
        let [few, many] = times.medians();
        println!("| {} | {total} | {few:.2} | {many:.2} | {:.2} |", times.name, times.factor());
    }
    println!();
    let slower: Vec<&Times> = all.iter().filter(|times| times.factor() >= ALLOWED).collect();
    for times in &slower {
        println!(
            "- {NAME}: {} takes {:.2} times as long, {ALLOWED:.0} allowed: **missed**",
            times.name,
            times.factor()
        );
    }
    if slower.is_empty() {
        let most = all.iter().map(Times::factor).fold(0.0, f64::max);
        println!("- {NAME}: none of {} requests takes more than {most:.2} times as long: reached", all.len());
    }
}
