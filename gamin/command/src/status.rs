//! `gamin status`: what the servers of this user say of themselves.
//!
//! Which servers there may be is left to `gamin-meeting`, what they say to them. Invariants: no server is started; what a server does
//! not say is left out, not made up.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use gamin::{Connection, Error, Fact, Options, Value};
use serde_json::{Map, json};

use crate::arguments::StatusOptions;
use crate::change::escape_bytes;
use crate::error::{CommandError, complain};
use crate::verdict::Verdict;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a server is asked about for the totals, ...
const TOTALS: [&str; 2] = ["server", "session"];
/// ... and for each path.
const PATHS: [&str; 4] = ["server", "session", "subscription", "watch"];

/// A server and what it says of itself.
pub struct Status {
    /// Its session.
    pub id: OsString,
    /// Its process.
    pub pid: Option<i32>,
    /// All that it said.
    pub facts: Vec<Fact>,
}

impl Status {
    /// Forgets what belongs to other processes.
    fn keep_only(&mut self, pid: i32) {
        let pid = pid.to_string();
        let is_of = |fact: &&Fact, noun: &str| fact.noun() == noun;
        let word = |fact: &Fact, key: &str| fact.get(key).map(str::to_owned);
        let sessions =
            self.facts.iter().filter(|fact| is_of(fact, "session") && fact.get("pid") == Some(&pid));
        let sessions: BTreeSet<_> = sessions.filter_map(|fact| word(fact, "id")).collect();
        let theirs = |fact: &Fact| fact.get("session").is_some_and(|session| sessions.contains(session));
        let watches = self.facts.iter().filter(|fact| is_of(fact, "subscription") && theirs(fact));
        let watches: BTreeSet<_> = watches.filter_map(|fact| word(fact, "watch")).collect();
        self.facts.retain(|fact| match fact.noun() {
            "session" => fact.get("id").is_some_and(|id| sessions.contains(id)),
            "subscription" => theirs(fact),
            "watch" => fact.get("id").is_some_and(|id| watches.contains(id)),
            _ => true,
        });
    }

    fn has_session(&self) -> bool {
        self.facts.iter().any(|fact| fact.noun() == "session")
    }
}

/// Lists the servers.
pub fn run(options: &StatusOptions) -> Result<Verdict, CommandError> {
    let mut out = io::stdout().lock();
    let mut verdict = Verdict::Well;
    let mut found = 0;
    let mut ids = sessions()?;
    ids.retain(|id| options.session.as_ref().is_none_or(|wanted| wanted == id));
    let nouns: &[&str] = if options.verbose { &PATHS } else { &TOTALS };
    for (id, status) in ask_all(ids, nouns) {
        match status {
            Ok(mut status) => {
                if let Some(pid) = options.pid {
                    status.keep_only(pid);
                }
                if options.pid.is_some() && !status.has_session() {
                    continue;
                }
                found += 1;
                let lines = if options.json { objects(&status) } else { text(&status) };
                lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            Err(error) if is_another_s(&error) => {}
            Err(error) => {
                found += 1;
                verdict = Verdict::NotWell;
                complain(&format!("the server of {}: {}", shown(&id), gamin::explain(&error)));
            }
        }
    }
    if found == 0 {
        complain(match (options.pid, &options.session) {
            (Some(_), _) => "no server of this user serves that process",
            (None, Some(_)) => "no server of this user serves that session",
            (None, None) => "no server of this user runs; one is started when a program needs it",
        });
        verdict = Verdict::NotWell;
    }
    Ok(verdict)
}

/// The ids of sessions that may have a server.
pub fn sessions() -> Result<Vec<OsString>, CommandError> {
    gamin_meeting::sessions().map_err(|error| CommandError::System { what: "list sockets", error })
}

/// A session for people.
pub fn shown(id: &OsStr) -> String {
    match id.as_encoded_bytes() {
        b"" => "main session".to_owned(),
        id => format!("session {}", escape_bytes(id)),
    }
}

/// Asks the servers of sessions what they say of themselves, all at once: one that hangs costs no more than its own answer.
pub fn ask_all(ids: Vec<OsString>, nouns: &[&str]) -> Vec<(OsString, Result<Status, Error>)> {
    thread::scope(|scope| {
        let asked: Vec<_> =
            ids.into_iter().map(|id| (id.clone(), scope.spawn(move || ask(&id, nouns)))).collect();
        // One that panicked has said so.
        asked.into_iter().filter_map(|(id, asking)| Some((id, asking.join().ok()?))).collect()
    })
}

/// Asks the server of a session what it says of itself.
fn ask(id: &OsStr, nouns: &[&str]) -> Result<Status, Error> {
    let connection = Options::new().client_id(id).server(None).patience(PATIENCE).open()?;
    let mut facts = Vec::new();
    for noun in nouns {
        facts.extend(tell(&connection, noun)?);
    }
    Ok(Status { id: id.to_owned(), pid: connection.server_pid(), facts })
}

/// The facts of one noun, without those that are there because they are asked for.
fn tell(connection: &Connection, noun: &str) -> Result<Vec<Fact>, Error> {
    let mut facts = connection.facts(noun, PATIENCE)?;
    facts.retain(|fact| fact.get("asks").is_none());
    Ok(facts)
}

/// Whether a name that looked like ours belongs to another user, to who sees other files, or to nobody any more.
pub fn is_another_s(error: &Error) -> bool {
    use gamin::ConnectError::{Foreign, NoAnswer, OtherFiles};
    matches!(error, Error::Connect(Foreign { .. } | NoAnswer { .. } | OtherFiles { .. }))
}

fn objects(status: &Status) -> Vec<String> {
    let object = |fact: &Fact| {
        let mut object = Map::new();
        object.insert("session_id".to_owned(), json!(escape_bytes(status.id.as_encoded_bytes())));
        object.insert("server_pid".to_owned(), json!(status.pid));
        object.insert("fact".to_owned(), json!(fact.noun()));
        for (key, value) in fact.values() {
            let value = match value {
                Value::Word(word) if key == "pid" && word == "0" => serde_json::Value::Null,
                Value::Word(word) => word.parse::<u64>().map_or_else(|_| json!(word), |number| json!(number)),
                Value::Name(name) => json!(escape_bytes(name)),
            };
            object.insert(key.replace('-', "_"), value);
        }
        serde_json::Value::Object(object).to_string()
    };
    status.facts.iter().map(object).collect()
}

/// What confines a server, if it says so: older ones don't.
pub fn sandbox(server: &Fact) -> Option<&'static str> {
    Some(match (server.get("landlock")?, server.get("seccomp")?) {
        ("off", "off") => "not confined, as it was asked for",
        ("no", "no") => "not confined",
        ("no", _) => "confined by seccomp",
        (_, "no") => "confined by Landlock",
        _ => "confined by Landlock and seccomp",
    })
}

fn text(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    let of = |noun: &'static str| status.facts.iter().filter(move |fact| fact.noun() == noun);
    let pid = status.pid.map_or("unknown".to_owned(), |pid| pid.to_string());
    for server in of("server") {
        let get = |key: &str| server.get(key).unwrap_or("?");
        let uptime =
            server.get("uptime").and_then(|seconds| seconds.parse().ok()).map_or("?".to_owned(), span);
        lines.push(format!(
            "{}: gam_server {}, process {pid}, up {uptime}{}",
            shown(&status.id),
            get("version"),
            sandbox(server).map(|sandbox| format!(", {sandbox}")).unwrap_or_default(),
        ));
        lines.push(format!(
            "  {} on {} ({} polled), {} asked of the kernel",
            count(get("subscriptions"), "subscription"),
            count(get("watches"), "path"),
            get("polled"),
            count(get("kernel-watches"), "directory"),
        ));
        lines.push(format!(
            "  so far: {}, {}, {}, {}, {}",
            count(get("notices"), "notice"),
            count(get("events"), "event"),
            count(get("scans"), "scan"),
            count(get("overflows"), "overflow"),
            count(get("refusals"), "refusal"),
        ));
    }
    let watches: BTreeMap<&str, &Fact> =
        of("watch").filter_map(|watch| Some((watch.get("id")?, watch))).collect();
    for session in of("session") {
        // Of a process in another pid namespace the kernel does not tell the number.
        let pid = session.get("pid").filter(|pid| *pid != "0");
        let process = pid.map_or("unknown".to_owned(), |pid| format!("{pid} {}", program(pid)));
        let age = session.get("age").and_then(|seconds| seconds.parse().ok()).map_or("?".to_owned(), span);
        let waiting = match (session.get("unsent"), session.get("waiting")) {
            (Some("0"), Some("0")) | (None, _) | (_, None) => String::new(),
            (Some(bytes), Some(events)) => format!(", does not read: {bytes} bytes and {events} events wait"),
        };
        let subscriptions = session.get("subscriptions").unwrap_or("?");
        lines.push(format!(
            "  process {process}: {}, for {age}{waiting}",
            count(subscriptions, "subscription")
        ));
        let theirs =
            of("subscription").filter(|subscription| subscription.get("session") == session.get("id"));
        for subscription in theirs {
            let watch = subscription.get("watch").and_then(|watch| watches.get(watch));
            let of_watch = |key: &str| watch.and_then(|watch| watch.get(key)).unwrap_or("?");
            let path = escape_bytes(subscription.get_name("path").unwrap_or_default());
            let state = match (of_watch("kind"), of_watch("state")) {
                ("directory", "directory") => count(of_watch("entries"), "entry"),
                (_, state) => state.to_owned(),
            };
            lines.push(format!("    {:<9} {:<6} {path} ({state})", of_watch("kind"), of_watch("method")));
        }
    }
    lines
}

/// What a process runs, as far as that can be seen from here.
fn program(pid: &str) -> String {
    fs::read(format!("/proc/{pid}/comm"))
        .map_or_else(|_| "?".to_owned(), |name| escape_bytes(name.trim_ascii_end()))
}

/// A number of things, in words.
fn count(number: &str, thing: &str) -> String {
    match (number, thing.strip_suffix('y')) {
        ("1", _) => format!("1 {thing}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {thing}s"),
    }
}

/// A span of time, in words.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_readable() {
        let facts = [
            r#"server version=1.0 uptime=130 sessions=1 subscriptions=2 watches=1 polled=0 kernel-watches=3 landlock=7 seccomp=yes notices=9 overflows=0 armings=3 refusals=1 scans=2 events=4"#,
            r#"session id=1 pid=0 age=3 subscriptions=2 unsent=0 waiting=0"#,
            r#"session id=2 pid=1 age=3 subscriptions=0 unsent=9 waiting=4"#,
            r#"subscription id=1 session=1 number=1 watch=1 path="/a\n""#,
            r#"watch id=1 kind=directory method=kernel state=directory entries=1 subscriptions=2 looking=no path="/a\n""#,
        ];
        let facts = facts.iter().filter_map(|line| Fact::parse(line)).collect();
        let status = Status { id: OsString::new(), pid: Some(7), facts };
        let expected = [
            "main session: gam_server 1.0, process 7, up 2 min, confined by Landlock and seccomp",
            "  2 subscriptions on 1 path (0 polled), 3 directories asked of the kernel",
            "  so far: 9 notices, 4 events, 2 scans, 0 overflows, 1 refusal",
            "  process unknown: 2 subscriptions, for 3 s",
            "    directory kernel /a\\n (1 entry)",
        ];
        let lines = text(&status);
        assert_eq!(lines[..5], expected);
        assert!(lines[5].starts_with("  process 1 ") && lines[5].ends_with("9 bytes and 4 events wait"));
        let objects = objects(&status);
        assert_eq!(objects.len(), 5);
        let of_session =
            |at: usize| serde_json::from_str::<serde_json::Value>(&objects[at]).expect("it is JSON");
        assert_eq!((&of_session(1)["pid"], &of_session(2)["pid"]), (&json!(null), &json!(1)));
        let last: serde_json::Value = serde_json::from_str(&objects[4]).expect("it is JSON");
        assert_eq!(
            (&last["fact"], &last["entries"], &last["path"]),
            (&json!("watch"), &json!(1), &json!("/a\\n"))
        );
    }

    #[test]
    fn of_one_process_nothing_else_is_told() {
        let facts = [
            "server version=1",
            "session id=1 pid=5",
            "session id=2 pid=6",
            "subscription id=1 session=1 watch=1",
            "subscription id=2 session=2 watch=2",
            "watch id=1",
            "watch id=2",
        ];
        let facts = facts.iter().filter_map(|line| Fact::parse(line)).collect();
        let mut status = Status { id: OsString::new(), pid: None, facts };
        status.keep_only(6);
        let left: Vec<String> = status.facts.iter().map(ToString::to_string).collect();
        let expected =
            ["server version=1", "session id=2 pid=6", "subscription id=2 session=2 watch=2", "watch id=2"];
        assert_eq!(left, expected);
        status.keep_only(7);
        assert!(!status.has_session());
    }
}
