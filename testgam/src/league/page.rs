//! The page of the league: the table as HTML in one file, in which each cell can be opened.
//!
//! What it says is left to `table` and `standing`. Invariant: it needs nothing but itself, and nothing that a watcher printed is taken for HTML.

use std::fmt::Write;

use super::ordeals;
use super::standing::{Charge, Ending, Standing};
use super::table::{Absent, Machine, cost_cells, cost_heads};

/// How it looks.
const STYLE: &str = "body{font:15px/1.4 sans-serif;margin:2em;max-width:90em}table{border-collapse:collapse;margin:1em 0}\
    td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left;vertical-align:top}pre{background:#f4f4f4;padding:.6em;overflow:auto}\
    .held{color:#176a2c}.broken{color:#a11}.open{color:#666}summary{cursor:pointer}";

/// Writes everything.
pub fn html(standings: &[Standing], absent: &[Absent], machine: &Machine) -> String {
    let Machine { kernel, file_system, processors } = machine;
    let place = escaped(&format!("Linux {kernel}, {file_system}, {processors} processors."));
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>The league of file watchers</title><style>{STYLE}</style>\n\
         <h1>The league of file watchers</h1>\n<p>{place}</p>\n"
    );
    text += &promises(standings);
    text += &costs(standings);
    if !absent.is_empty() {
        text += "<h2>Not here</h2><table><tr><th>watcher<th>what is missing<th>how it is installed</tr>\n";
        for Absent { name, why, install } in absent {
            let _ =
                writeln!(text, "<tr><td>{}<td>{}<td>{}</tr>", escaped(name), escaped(why), escaped(install));
        }
        text += "</table>\n";
    }
    text + "</html>\n"
}

fn promises(standings: &[Standing]) -> String {
    let mut text = "<h2>What is told</h2><table><tr><th>watcher<th>version<th>histories".to_owned();
    ordeals::NAMES.iter().for_each(|name| text += &format!("<th>{name}"));
    text += "</tr>\n";
    for standing in standings {
        let command = standing.command.join(" ");
        let watcher =
            opened("", &standing.name, &[&standing.about, &command, &format!("seed {}", standing.seed)]);
        let _ = write!(text, "<tr><td>{watcher}<td>{}<td>", escaped(&standing.version));
        if standing.played == 0 {
            text += "<span class=open>not played</span>";
        } else if standing.claims.is_empty() {
            let _ = write!(text, "<span class=held>all of {} held</span>", standing.played);
        }
        for (claim, Charge { count, message, scenario, .. }) in &standing.claims {
            let head = format!("{claim} in {count} of {}", standing.played);
            text += &opened("broken", &head, &[message, scenario]);
        }
        for name in ordeals::NAMES {
            text += "<td>";
            text += &standing.ordeals.get(*name).map_or_else(String::new, |ending| match ending {
                Ending::Held => "<span class=held>held</span>".to_owned(),
                Ending::Skipped(why) => opened("open", "not played", &[why]),
                Ending::Broken { claim, message, proof } => {
                    let head = format!("{claim} ({} of {})", proof.shown, proof.played);
                    opened("broken", &head, &[message])
                }
            });
        }
        text += "</tr>\n";
    }
    text + "</table>\n"
}

fn costs(standings: &[Standing]) -> String {
    let heads: String = cost_heads().iter().map(|head| format!("<th>{head}")).collect();
    let mut text = format!("<h2>What it costs</h2><table><tr>{heads}</tr>\n");
    for standing in standings {
        let cells: String =
            cost_cells(standing).iter().map(|cell| format!("<td>{}", escaped(cell))).collect();
        let _ = writeln!(text, "<tr>{cells}</tr>");
    }
    text + "</table>\n"
}

/// A cell that shows more when it is opened.
fn opened(class: &str, head: &str, more: &[&str]) -> String {
    let more: String = more.iter().map(|text| format!("<pre>{}</pre>", escaped(text))).collect();
    format!("<details><summary class=\"{class}\">{}</summary>{more}</details>", escaped(head))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_watcher_prints_is_text() {
        let absent = [Absent { name: "<b>".into(), why: "a & b".into(), install: "\"x\"".into() }];
        let page = html(&[], &absent, &Machine::default());
        assert!(page.contains("<tr><td>&lt;b&gt;<td>a &amp; b<td>&quot;x&quot;</tr>"), "{page}");
    }
}
