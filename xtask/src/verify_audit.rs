//! Checks an exported audit log without the service.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use anyhow::{Context, Result, bail};
use audit_chain::{Checkpoint, Export, Verdict};

pub fn run(args: &[String]) -> Result<()> {
    let (mut export, mut checkpoints, mut whole) = (None, Vec::new(), true);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--part" => whole = false,
            "--checkpoint" => checkpoints.push(checkpoint(rest.next().context("--checkpoint needs a file")?)?),
            file if export.is_none() && !file.starts_with("--") => export = Some(file),
            unknown => bail!("'{unknown}' means nothing here"),
        }
    }
    let verdict = verify(export.context("which file? An export of the audit log as NDJSON")?, whole, &checkpoints)?;
    println!("{}", serde_json::to_string_pretty(&verdict)?);
    if verdict.erased > 0 {
        println!("{} events name somebody who is erased: who that was cannot be checked", verdict.erased);
    }
    if verdict.young > 0 {
        println!("{} events of its last minute have no link yet", verdict.young);
    }
    match (verdict.faults.len(), verdict.unlinked) {
        (0, 0) => Ok(()),
        (0, unlinked) => bail!("{unlinked} events have no link"),
        (faults, _) => bail!("{faults} links are not as they were made"),
    }
}

fn checkpoint(file: &str) -> Result<Checkpoint> {
    let text = fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
    serde_json::from_str(&text).with_context(|| format!("{file} is no checkpoint"))
}

fn verify(file: &str, whole: bool, checkpoints: &[Checkpoint]) -> Result<Verdict> {
    let mut export = Export::default();
    let lines = BufReader::new(File::open(file).with_context(|| format!("{file} cannot be read"))?).lines();
    for (at, line) in lines.enumerate() {
        export.line(&line?).map_err(|why| anyhow::anyhow!("line {} of {file}: {why}", at + 1))?;
    }
    Ok(export.end(whole, checkpoints))
}
