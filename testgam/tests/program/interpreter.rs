//! What scripts print, byte for byte, in a world without a disk and a server.

use crate::fake;
use testgam::play::run;
use testgam::{Failure, Outcome, PlayOptions, Script};
use testgam_language::EXTENDED_HEADER;

fn play(text: &str) -> (String, String, Outcome) {
    let script = Script::parse(text.as_bytes()).expect("the script can be read");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let options = PlayOptions::default();
    let outcome = run(&script, &mut fake::world(), &options, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("the names are UTF-8");
    (text(out), text(err), outcome)
}

fn extended(body: &str) -> (String, Outcome) {
    let (out, err, outcome) = play(&format!("{EXTENDED_HEADER}\n{body}"));
    assert_eq!(err, "");
    (out, outcome)
}

fn failure(outcome: Outcome) -> (usize, String) {
    match outcome {
        Outcome::Failed(Failure { line, message, .. }) => (line, message),
        outcome => panic!("{outcome:?} is no failure"),
    }
}

#[test]
fn every_classic_command_prints_what_the_original_prints() {
    let script = "# a comment\n\nconnect test\nmkdir temp\nmondir temp\npending\nevents\nevents\npending\n\
                  mkfile\ttemp/foo\r\nsleep 5\nwait\nexpect 1\nmonfile /x\nmondir temp 7\nappend temp/foo\nexpect 5\n\
                  mkfile temp/a\nmkfile temp/b\nevent\nevents\nchmod temp 755\nchown temp 0\nmove a b\nlink a b\n\
                  cancel 0\nevent\nrmdir temp\nkill\ndisconnect\nconnect\n";
    let expected = "connected to test\nmkdir temp\nmondir temp 0\npending 1\n\
                    1: /somewhere/temp Exists: NULL\n1: /somewhere/temp EndExist: NULL\nno events\npending 0\n\
                    mkfile temp/foo\n1: foo Created: NULL\nmonfile /x 1\nmondir temp 2\nappend temp/foo\n\
                    2: /x Exists: NULL\n2: /x EndExist: NULL\n7: /somewhere/temp Exists: NULL\n\
                    7: /somewhere/temp EndExist: NULL\n1: foo Changed: NULL\n7: foo Changed: NULL\n\
                    mkfile temp/a\nmkfile temp/b\n1: a Created: NULL\n7: a Created: NULL\n1: b Created: NULL\n\
                    7: b Created: NULL\nchmod temp to 755\nchown temp to 0\nmove a b\nlink b to a\n\
                    cancel 0 3\n1: /somewhere/temp Acknowledge: NULL\nrmdir temp\nkillall gam_server\ndisconnected\n\
                    connected\n";
    let (out, err, outcome) = play(script);
    assert_eq!(out, expected);
    assert_eq!((err.as_str(), outcome), ("", Outcome::Held));
}

#[test]
fn a_failed_classic_command_says_so_on_standard_error_and_ends_the_script() {
    let cases = [
        ("mkdir a\nfrobnicate  it\nmkdir b", "mkdir a\n", "Unable to parse line 2: frobnicate  it\n"),
        ("mkdir a b c d", "", "Unable to parse line 1: mkdir a b c d\n"),
        (
            "write a b",
            "",
            "Unable to parse line 1: write a b\n`write` is of the extended language: a script in that begins with \
             `#! testgam extended`\n",
        ),
        (" # indented", "", "Unable to parse line 1: # indented\n"),
        ("rmfile a\nmkdir b", "", "rmfile line 1: there is none\n"),
        ("mondir a", "", "mondir line 1: not connected; `connect` does that\n"),
        ("connect\nconnect", "connected\n", "connect line 2: already connected; `disconnect` ends that\n"),
        ("mkdir", "", "mkdir line 1: mkdir lacks PATH (usage: mkdir PATH)\n"),
        (
            "connect\ncancel 3",
            "connected\n",
            "cancel line 2: no request has the index 3: they count from 0, and 0 were made\n",
        ),
    ];
    for (script, expected_out, expected_err) in cases {
        let (out, err, outcome) = play(script);
        assert_eq!((out.as_str(), err.as_str()), (expected_out, expected_err));
        assert!(matches!(outcome, Outcome::Failed(_)), "{script}");
    }
}

#[test]
fn a_missed_classic_expectation_is_printed_among_the_events() {
    let (out, err, outcome) = play("connect\nmondir temp\nexpect 3\nmkdir b");
    let expected = "connected\nmondir temp 0\n1: /somewhere/temp Exists: NULL\n\
                    1: /somewhere/temp EndExist: NULL\nexpect line 3: got 2 of 3 expected events\n";
    assert_eq!((out.as_str(), err.as_str()), (expected, ""));
    assert_eq!(failure(outcome).0, 3);
}

#[test]
fn extended_events_stand_under_the_step_that_caused_them() {
    let body = "connect\nmondir t data=\"my data\"\nclient bob\nconnect\nmondir \"a b\"\nclient main\nmkfile t/x\n\
                together\nmkfile t/y\nmkfile \"a b/z\"\nend\nquietly\nmkfile t/w\nend\nexpect 5";
    let expected = "connected\nmondir t 0\n  main 1: /somewhere/t Exists \"my data\"\n  main 1: /somewhere/t EndExist \"my data\"\n\
                    client bob\nconnected\nmondir \"a b\" 0\n  bob 1: \"/somewhere/a b\" Exists\n\
                    \x20 bob 1: \"/somewhere/a b\" EndExist\nclient main\nmkfile t/x\n  main 1: x Created \"my data\"\n\
                    together\nmkfile t/y\nmkfile \"a b/z\"\nend\n  main 1: y Created \"my data\"\n  bob 1: z Created\n\
                    quietly\nmkfile t/w\nend\nexpect 5\n";
    assert_eq!(extended(body), (expected.to_owned(), Outcome::Held));
}

#[test]
fn nothing_is_read_while_suspended_or_while_the_server_is_silent() {
    let body = "connect\nmondir t\nsuspend\nmkfile t/a\npending\nresume\npending\nserver stop\nmkfile t/b\nserver continue";
    let expected = "connected\nmondir t 0\n  1: /somewhere/t Exists\n  1: /somewhere/t EndExist\nsuspend\nmkfile t/a\n\
                    pending 1\nresume\n  1: a Created\npending 0\nserver stop\nmkfile t/b\nserver continue\n  1: b Created\n";
    assert_eq!(extended(body), (expected.to_owned(), Outcome::Held));
}

#[test]
fn a_lie_in_the_stream_fails_the_scenario_with_line_and_event() {
    let (out, outcome) = extended("connect\nmondir t\nmkfile t/lie\nmkdir b");
    assert!(out.ends_with("mkfile t/lie\n  1: lie Created\n"), "{out}");
    let message = "`1: lie Created` breaks the stream's promise: Created for what is present";
    assert_eq!(failure(outcome), (4, message.to_owned()));
}

#[test]
fn a_lie_is_found_even_where_nothing_is_printed() {
    let (_, outcome) = extended("connect\nmondir t\nquietly\nmkfile t/lie\nend");
    assert_eq!(failure(outcome).0, 5);
}

#[test]
fn expectations_read_in_order_in_any_order_and_nothing() {
    let listing = "connect\nmondir t\nexpect 2\nexpect none\ntogether\nmkfile t/a\nmkfile t/b\nend\n";
    for (body, message) in [
        ("expect-event 1 a Created\nexpect-event 1 b Created\nexpect none", None),
        ("expect-any 1 b Created\nexpect-any 1 a Created\nexpect none", None),
        ("expect-event 1 b Created", Some("expected 1: b Created; unread are 2, first `1: a Created`")),
        ("expect-any 1 c Created", Some("expected 1: c Created; unread are 2, first `1: a Created`")),
        ("expect none", Some("got 2 events where none was expected, first `1: a Created`")),
        ("expect 3", Some("got 2 of 3 expected events")),
        ("events\nevent", Some("no event within 10s")),
        ("converged", Some("main: request 1 on /somewhere/t: is told to be present, but is not on disk")),
    ] {
        let (_, outcome) = extended(&format!("{listing}{body}"));
        match message {
            None => assert_eq!(outcome, Outcome::Held, "{body}"),
            Some(message) => assert_eq!(failure(outcome).1, message, "{body}"),
        }
    }
}

#[test]
fn what_is_impossible_here_is_skipped_with_its_reason() {
    assert_eq!(extended("server unprivileged").1, Outcome::Skipped("nobody has privileges here".into()));
}

#[test]
fn many_events_of_one_step_are_folded() {
    let (out, _) = extended("connect\nmondir t\nmkfiles t 5000");
    assert!(out.ends_with("mkfiles t 5000\n  1: n0 … n4999 Created x5000\n"), "{out}");
}
