//! Who runs the service: the accounts whose addresses `ADMIN_EMAILS` names, and nobody else.

use std::process::Stdio;

use anyhow::{Result, bail};

use crate::run::root;
use crate::settings::Settings;
use crate::setup::Tools;

const DATABASE: &str = "hivesync";

/// Where the database is, for `wrangler d1 execute`.
pub enum Place<'a> {
    Deployed,
    /// In this folder.
    Here(&'a str),
}

/// Makes exactly these accounts operators. Names of which there is no account are printed.
pub fn set(tools: &Tools, place: Place, emails: &[String]) -> Result<()> {
    let mut execute = tools.wrangler();
    execute.args(["d1", "execute", DATABASE, "--json", "--yes", "--command", &statements(emails)]);
    match place {
        Place::Deployed => execute.arg("--remote"),
        Place::Here(state) => execute.args(["--local", "--persist-to"]).arg(root().join(state)),
    };
    let output = execute.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("the operators could not be set:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    }
    for email in missing(&said) {
        eprintln!(
            "ADMIN_EMAILS names {email}, which has no account: whoever registers it would be an operator with the next \
             run. Take it out; name it once the account is known to be theirs"
        );
    }
    Ok(())
}

/// The addresses of `ADMIN_EMAILS`, as accounts have them; `None` where it is not set.
pub fn named(settings: &Settings) -> Result<Option<Vec<String>>> {
    let Some(list) = settings.get("ADMIN_EMAILS") else { return Ok(None) };
    let emails: Vec<String> =
        list.split(',').map(|email| email.trim().to_lowercase()).filter(|email| !email.is_empty()).collect();
    match emails.iter().find(|email| !is_address(email)) {
        Some(wrong) => bail!("ADMIN_EMAILS: '{wrong}' is no email address"),
        None => Ok(Some(emails)),
    }
}

/// Nothing that could end a string, in SQL or in JSON.
fn is_address(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"(),:;<>[\\]".contains(c);
    text.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !host.contains('@'))
        && text.chars().all(plain)
}

fn statements(emails: &[String]) -> String {
    let list = emails.iter().map(|email| format!("\"{}\"", email.replace('\'', "''"))).collect::<Vec<_>>().join(",");
    let named = format!("SELECT value FROM json_each('[{list}]')");
    // Each change is an event first, which the cron delivers and links.
    format!(
        "INSERT INTO events (id, kind, entity_id, data, request_id, created_at) \
         SELECT lower(printf('%08x-%04x-7%s-8%s-%s', ms >> 16, ms & 65535, substr(hex(randomblob(2)), 2), \
                             substr(hex(randomblob(2)), 2), hex(randomblob(6)))), \
                iif(is_admin, 'admin.withdrawn', 'admin.granted'), id, '{{}}', 'operators', strftime('%Y-%m-%dT%H:%M:%fZ') \
         FROM users, (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS ms) \
         WHERE is_admin <> (email IN ({named})); \
         UPDATE users SET is_admin = email IN ({named}) WHERE is_admin <> (email IN ({named})); \
         SELECT value AS missing FROM ({named}) WHERE value NOT IN (SELECT email FROM users)"
    )
}

fn missing(said: &str) -> Vec<&str> {
    let rows = said.split("\"missing\":").skip(1);
    rows.filter_map(|row| row.split('"').nth(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<Option<Vec<String>>> {
        named(&Settings::read(&format!("[vars]\nADMIN_EMAILS = \"{value}\""), false))
    }

    #[test]
    fn addresses_are_compared_as_accounts_have_them() {
        assert_eq!(of(" Ada@Example.com,, bob@example.com ").unwrap().unwrap(), ["ada@example.com", "bob@example.com"]);
        assert_eq!(of("").unwrap(), None);
        for wrong in ["ada", "a@b", "a@b.c; DROP TABLE users", "a@b.c]'); --"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_address_ends_its_string() {
        let statements = statements(&["o'neil@example.com".to_owned()]);
        assert!(statements.contains("json_each('[\"o''neil@example.com\"]')"), "{statements}");
    }

    #[test]
    fn what_changes_is_an_event_before_it_is_changed() {
        let statements = statements(&["ada@example.com".to_owned()]);
        let parts: Vec<&str> = statements.split(';').map(str::trim_start).collect();
        assert!(parts[0].starts_with("INSERT INTO events") && parts[1].starts_with("UPDATE users"), "{statements}");
        let changed = |part: &str| part.split_once("WHERE is_admin <> ").map(|(_, which)| which.to_owned());
        assert!(changed(parts[0]).is_some() && changed(parts[0]) == changed(parts[1]), "{statements}");
    }

    #[test]
    fn those_without_an_account_are_told() {
        let said = r#"[{"results": [], "success": true}, {"results": [{"missing": "a@b.c"}, {"missing":"d@e.f"}]}]"#;
        assert_eq!(missing(said), ["a@b.c", "d@e.f"]);
    }
}
