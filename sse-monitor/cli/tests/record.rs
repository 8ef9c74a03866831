//! Recordings made, shown and exchanged by the command, as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

#[path = "../../engine/tests/origin/mod.rs"]
mod origin;

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use origin::Origin;
use serde_json::Value;

#[test]
fn what_is_recorded_is_shown_exported_and_imported() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let file = keep.path().join("a.ssrec");
    let url = format!("{}?token=CANARY", origin.url());
    let record =
        start(keep.path(), &["record", "--once", "-H", "X-Key: CANARY", &url, "-o", "a.ssrec"]);
    let body =
        "id: 1\nevent: tick\ndata: {\"n\":1}\n\n: beat\n\nid: 2\ndata: caf\u{e9} \u{1b}[31m\n\n";
    origin.open(body).end();
    let output = wait(record);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stderr).contains("recorded 2 events in a.ssrec"), "{output:?}");
    let left: Vec<_> = fs::read_dir(keep.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["a.ssrec"]);
    assert!(!text(&fs::read(&file).unwrap()).contains("CANARY"));

    let show = sse(keep.path(), &["show", "a.ssrec"]);
    let lines = lines(&show);
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["type"], &lines[0]["id"]), (&"tick".into(), &"1".into()));
    assert_eq!(lines[1]["data"], "caf\u{e9} \u{1b}[31m");
    let pretty = sse(keep.path(), &["show", "--pretty", "--turns", "--comments", "a.ssrec"]);
    let pretty = text(&pretty.stdout);
    assert!(pretty.contains("— connected (HTTP/1.1 200)") && pretty.contains(": beat"), "{pretty}");
    assert!(!pretty.contains('\u{1b}'), "{pretty}");
    let of_tick = sse(keep.path(), &["show", "--type", "tick", "--columns", ".n", "a.ssrec"]);
    assert_eq!(self::lines(&of_tick)[0]["data"], "1");
    let last = sse(keep.path(), &["show", "--last", "1", "a.ssrec"]);
    assert_eq!(self::lines(&last)[0]["id"], "2");

    let stats = sse(keep.path(), &["show", "--stats", "a.ssrec"]);
    let stats: Value = serde_json::from_slice(&stats.stdout).unwrap();
    assert_eq!((&stats["events"], &stats["comments"]), (&2.into(), &1.into()));
    assert_eq!(stats["latestAttempts"][0]["status"], 200);
    let stats = sse(keep.path(), &["show", "--stats", "--pretty", "a.ssrec"]);
    assert!(text(&stats.stdout).contains("first event after"), "{stats:?}");
    assert!(sse(keep.path(), &["show", "--check", "a.ssrec"]).status.success());

    let raw = sse(keep.path(), &["export", "--as", "raw", "a.ssrec"]);
    assert_eq!(text(&raw.stdout), body);
    let curl = sse(keep.path(), &["export", "--as", "curl", "a.ssrec"]);
    let curl = text(&curl.stdout);
    assert!(curl.contains("-H 'x-key: ***'") && curl.contains("token=***"), "{curl}");
    for form in ["ndjson", "raw", "har"] {
        let exported = format!("a.{form}");
        let export = sse(keep.path(), &["export", "--as", form, "-o", &exported, "a.ssrec"]);
        assert!(export.status.success(), "{export:?}");
        let again = format!("{form}.ssrec");
        let import = sse(keep.path(), &["import", &exported, "-o", &again]);
        assert!(import.status.success(), "{import:?}");
        let show = sse(keep.path(), &["show", &again]);
        let told = |lines: &[Value]| -> Vec<(Value, Value, Value)> {
            let told =
                |line: &Value| (line["type"].clone(), line["id"].clone(), line["data"].clone());
            lines.iter().map(told).collect()
        };
        assert_eq!(told(&self::lines(&show)), told(&lines), "{form}");
    }
    let fixture = sse(keep.path(), &["export", "--as", "fixture", "a.ssrec"]);
    let fixture: Value = serde_json::from_slice(&fixture.stdout).unwrap();
    assert_eq!(fixture["events"][0]["data"], "{\"n\":1}");
}

#[test]
fn a_recording_of_so_many_events_has_no_more() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let record = start(keep.path(), &["record", "--count", "3", &origin.url(), "-o", "a.ssrec"]);
    // All in one read, and the connection stays.
    let body = |n: u32| format!("id: {n}\ndata: {n}\n\n");
    let exchange = origin.open(&(1..=9).map(body).collect::<String>());
    let output = wait(record);
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stderr).contains("recorded 3 events in a.ssrec"), "{output:?}");
    exchange.closed();
    let show = sse(keep.path(), &["show", "a.ssrec"]);
    assert_eq!(lines(&show).len(), 3);
    assert!(text(&show.stderr).contains(": 3 events in 1 attempt"), "{show:?}");
    let raw = sse(keep.path(), &["export", "--as", "raw", "a.ssrec"]);
    assert_eq!(text(&raw.stdout), (1..=3).map(body).collect::<String>());
}

#[test]
fn a_recording_under_way_is_imported_as_far_as_it_came() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let mut record = start(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]);
    let _exchange = origin.open("data: one\n\n");
    let came = keep.path().join("a.ssrec.recording/000001.sse");
    while !fs::read(&came).is_ok_and(|bytes| text(&bytes).contains("data: one")) {
        std::thread::yield_now();
    }
    for arguments in [&["import", "-o", "b.ssrec"][..], &["show"], &["export", "--as", "raw"]] {
        let output = sse(keep.path(), &[arguments, &["a.ssrec.recording"]].concat());
        assert!(output.status.success(), "{output:?}");
        let words = text(&output.stderr);
        assert!(words.contains("is being recorded; this is what came until now"), "{words}");
        assert!(!words.contains("stopped") && !words.contains("needed no more"), "{words}");
    }
    assert_eq!(lines(&sse(keep.path(), &["show", "b.ssrec"])).len(), 1);
    record.kill().unwrap();
    record.wait().unwrap();
    let early = sse(keep.path(), &["show", "a.ssrec"]);
    let said = text(&early.stderr);
    assert!(said.contains("a.ssrec is not there yet; a.ssrec.recording is, a recording"), "{said}");
    assert!(said.contains("name a.ssrec.recording to see what is in it"), "{said}");
    let left = sse(keep.path(), &["import", "-o", "c.ssrec", "a.ssrec.recording"]);
    let words = text(&left.stderr);
    assert!(words.contains("was not closed") && words.contains("needed no more"), "{words}");
    assert!(words.contains("imported 1 event into c.ssrec"), "{words}");
}

#[cfg(unix)]
#[test]
fn sigterm_ends_a_recording_in_its_file() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let record = start(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]);
    let exchange = origin.open("data: one\n\n");
    // What came is in the folder before it is in the file.
    let came = keep.path().join("a.ssrec.recording/000001.sse");
    while !fs::read(&came).is_ok_and(|bytes| text(&bytes).contains("data: one")) {
        std::thread::yield_now();
    }
    let kill = Command::new("kill").arg(record.id().to_string()).status().unwrap();
    assert!(kill.success());
    let output = wait(record);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(lines(&sse(keep.path(), &["show", "a.ssrec"]))[0]["data"], "one");
    exchange.closed();
}

#[test]
fn what_is_exported_is_masked_where_that_is_asked_for() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let record = start(keep.path(), &["record", "--once", &origin.url(), "-o", "a.ssrec"]);
    let body =
        "id: CANARY-1\ndata: {\"user\":\"CANARY\",\"n\":1}\n\n: CANARY\n\ndata: CANARY two\n\n";
    origin.open(body).end();
    assert!(wait(record).status.success());
    for form in ["ndjson", "raw", "har", "curl", "fixture"] {
        let plain = sse(keep.path(), &["export", "--as", form, "a.ssrec"]);
        assert!(plain.status.success(), "{plain:?}");
        let shown = text(&plain.stdout);
        assert_eq!(shown.contains("CANARY"), form != "curl", "{form}: {shown}");
        let mut asked = vec!["export", "--as", form, "--redact", "--text", "CANARY"];
        asked.extend(["--json", ".user", "--regex", "t[v-x]o", "a.ssrec"]);
        let masked = sse(keep.path(), &asked);
        assert!(masked.status.success(), "{masked:?}");
        let shown = text(&masked.stdout);
        assert!(!shown.contains("CANARY") && !shown.contains("two"), "{form}: {shown}");
        let said = text(&masked.stderr);
        for line in ["a text of 6 characters: 4 times", "JSON at .user: 1 time\n"] {
            assert!(said.contains(line), "{form}: {said}");
        }
        assert!(!said.contains("CANARY"), "{said}");
        assert_eq!(shown.contains("masked: 4 × a text of 6 characters"), form == "har", "{shown}");
    }
    // Nothing is left of the copy that was masked.
    let out = ["export", "--as", "raw", "--redact", "--text", "CANARY", "-o", "a.txt", "a.ssrec"];
    assert!(sse(keep.path(), &out).status.success());
    let mut left: Vec<_> =
        fs::read_dir(keep.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.ssrec", "a.txt"]);
    for (wrong, words) in [
        (&["--text", "CANARY"][..], "give --redact too"),
        (&["--redact"], "give --text, --regex or --json"),
        (&["--redact", "--regex", "("], "is not a regular expression"),
    ] {
        let refused =
            sse(keep.path(), &[&["export", "--as", "raw", "a.ssrec"][..], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(text(&refused.stderr).contains(words), "{refused:?}");
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn a_recording_whose_program_is_killed_has_all_that_had_come() {
    for round in 1..=10_u64 {
        let keep = tempfile::tempdir().unwrap();
        let origin = Origin::start();
        let mut record = start(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]);
        let mut exchange = origin.open("");
        let mut sent = 0;
        let journal = keep.path().join("a.ssrec.recording").join("000001.sse");
        let written = |least| {
            while fs::metadata(&journal).map_or(0, |file| file.len()) < least {
                std::thread::yield_now();
            }
        };
        while sent < round * 300 {
            let events: String =
                (0..100).map(|n| format!("id: {}\ndata: x\n\n", sent + n)).collect();
            exchange.send(&events);
            sent += 100;
            if sent == 100 {
                // Less than a page, which a kill leaves whole or not at all.
                written(2_500);
            }
        }
        // Some of it is there; how much is the race that the kill is about.
        written(4_000);
        record.kill().unwrap();
        record.wait().unwrap();
        let show = sse(keep.path(), &["show", "a.ssrec.recording"]);
        assert!(show.status.success(), "{show:?}");
        // The kill may have come within a write.
        let told = text(&show.stderr);
        assert!(["was not closed", "is cut off"].iter().any(|it| told.contains(it)), "{show:?}");
        let lines = lines(&show);
        assert!(!lines.is_empty() && lines.len() as u64 <= sent);
        for (n, line) in lines.iter().enumerate() {
            assert_eq!(line["id"], n.to_string());
        }
        let again = sse(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]);
        assert_eq!(again.status.code(), Some(1), "what was not finished is not written over");
        assert!(text(&again.stderr).contains("sse show"), "{again:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_no_more_ends_the_recording_in_words() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    // What a full disk answers, for this process alone: no file past 64 KiB.
    let script = r#"trap "" XFSZ; ulimit -f 64; exec "$0" "$@""#;
    let record = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_sse"), "record", &origin.url(), "-o", "a.ssrec"])
        .current_dir(keep.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut exchange = origin.open("");
    exchange
        .flood("data: 0123456789012345678901234567890123456789\n\n".repeat(20).as_bytes(), 1 << 20);
    let output = wait(record);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let words = text(&output.stderr);
    assert!(words.contains("recording stopped: "), "{words}");
    let name = if keep.path().join("a.ssrec").exists() { "a.ssrec" } else { "a.ssrec.recording" };
    let show = sse(keep.path(), &["show", name]);
    assert!(show.status.success(), "{show:?}");
    assert!(lines(&show).len() > 500, "{}", lines(&show).len());
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_with_no_room_for_the_file_is_not_advised_to_take_it_again() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    // In a namespace of its own, which ends with the child, and the mount with it.
    let within = |then: &str, arguments: &[&str]| {
        let script = format!("mount -t tmpfs -o size=2m none . && cd \"$PWD\" && {then}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]).args(arguments);
        command.current_dir(keep.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    if !within("true", &[]).status().is_ok_and(|status| status.success()) {
        return println!("skipped: no file system may be mounted here");
    }
    let record = [env!("CARGO_BIN_EXE_sse"), "record", "--once", &origin.url(), "-o", "a.ssrec"];
    let record = within("exec \"$0\" \"$@\"", &record).spawn().unwrap();
    let mut exchange = origin.open("");
    let many = format!("data: {:-<200}\n\n", "").repeat(20_000);
    exchange.flood(many.as_bytes(), many.len());
    let output = wait(record);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("recording stopped: the disk is full"), "{said}");
    assert!(said.contains("make room, or choose a file on another disk"), "{said}");
    assert!(said.contains("sse import a.ssrec.recording -o FILE"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_recorded_that_alone_is_said() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    // As a disk that is full already: no file may have a byte.
    let script = r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#;
    let record = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_sse"), "record", &origin.url(), "-o", "a.ssrec"])
        .current_dir(keep.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = wait(record);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said.starts_with("sse: nothing is recorded in a.ssrec.recording: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn what_is_no_recording_is_told() {
    let keep = tempfile::tempdir().unwrap();
    fs::write(keep.path().join("body"), "data: a\n\n").unwrap();
    let show = sse(keep.path(), &["show", "body"]);
    assert_eq!(show.status.code(), Some(1));
    assert!(text(&show.stderr).contains("sse import"), "{show:?}");
    let import = sse(keep.path(), &["import", "body", "-o", "body"]);
    assert_eq!(import.status.code(), Some(1));
    assert!(text(&import.stderr).contains("it is not written over"), "{import:?}");
    let record = sse(keep.path(), &["record", "http://127.0.0.1:1/", "-o", "body"]);
    assert_eq!(record.status.code(), Some(1));
    let regex = sse(keep.path(), &["show", "--regex", "(", "body"]);
    assert_eq!(regex.status.code(), Some(2));
    assert!(text(&regex.stderr).contains("not a regular expression"), "{regex:?}");
}

#[test]
fn a_stream_that_never_opened_leaves_nothing() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let record = start(keep.path(), &["record", &origin.url(), "-o", "a.ssrec"]);
    origin.answer("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let output = wait(record);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 0);
}

#[test]
fn tail_prints_what_passes_and_what_stands_in_its_columns() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let tail = start(
        keep.path(),
        &[
            "tail",
            "--count",
            "2",
            "--where",
            ".n > 1",
            "--columns",
            ".n",
            "--columns",
            ".t",
            &origin.url(),
        ],
    );
    let _exchange = origin.open(
        "data: {\"n\":1}\n\ndata: {\"n\":2,\"t\":\"a\"}\n\ndata: no\n\ndata: {\"n\":3,\"t\":[1]}\n\n",
    );
    let lines = lines(&wait(tail));
    let data: Vec<_> = lines.iter().map(|line| line["data"].as_str().unwrap()).collect();
    assert_eq!(data, ["2\ta", "3\t[1]"]);
    assert_eq!(lines[0]["n"], 1, "what is not printed is not counted");
}

#[test]
fn tail_goes_on_where_the_last_run_stopped() {
    let keep = tempfile::tempdir().unwrap();
    let origin = Origin::start();
    let url = origin.url();
    let arguments = ["tail", "--count", "1", "--state", "state.json", &url];
    let tail = start(keep.path(), &arguments);
    let exchange = origin.open("id: 7\ndata: a\n\nid: 8\ndata: b\n\n");
    assert_eq!(exchange.header("last-event-id"), None);
    assert_eq!(lines(&wait(tail)).len(), 1);
    let tail = start(keep.path(), &arguments);
    let exchange = origin.open("id: 8\ndata: b\n\n");
    assert_eq!(exchange.header("last-event-id"), Some("7"));
    assert!(wait(tail).status.success());
    let state: Value =
        serde_json::from_slice(&fs::read(keep.path().join("state.json")).unwrap()).unwrap();
    assert_eq!(state["streams"][0]["lastEventId"], "8");
    fs::write(keep.path().join("state.json"), "something else").unwrap();
    assert_eq!(sse(keep.path(), &arguments).status.code(), Some(2));
}

#[test]
fn completions_and_the_manual_are_printed() {
    let keep = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = sse(keep.path(), &["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("record"), "{shell}");
    }
    assert!(text(&sse(keep.path(), &["man"]).stdout).contains(".TH sse"));
    assert!(sse(keep.path(), &["man", "--dir", "share/man1"]).status.success());
    let commands = [
        "tail",
        "publish",
        "bench",
        "serve",
        "record",
        "show",
        "diff",
        "export",
        "import",
        "redact",
        "sessions",
        "completions",
        "man",
    ];
    for command in commands {
        let page =
            text(&fs::read(keep.path().join(format!("share/man1/sse-{command}.1"))).unwrap());
        assert!(page.contains(&format!(".TH sse-{command} 1")), "{page}");
        assert!(page.contains(&format!("sse\\-{command} ")), "{page}");
        for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
            let script = text(&sse(keep.path(), &["completions", shell]).stdout);
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(sse(keep.path(), &["man", "nonsense"]).status.code(), Some(2));
}
fn start(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sse"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

fn sse(folder: &Path, arguments: &[&str]) -> Output {
    wait(start(folder, arguments))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    let mut text = String::new();
    output.stdout.as_slice().read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
