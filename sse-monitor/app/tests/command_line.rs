//! What `sse-monitor` answers before there is a window.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sse-monitor"))
        .args(arguments)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .expect("the program starts")
}

#[test]
fn help_needs_no_display() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(help.contains("Usage: sse-monitor [URL]"), "{help}");
    assert!(help.contains("sse record -o feed.ssrec -- curl"), "{help}");
}

#[test]
fn an_unknown_flag_is_a_usage_error() {
    assert_eq!(run(&["--nonsense"]).status.code(), Some(2));
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_display_it_says_so_and_what_to_do() {
    let output = run(&["http://127.0.0.1:1/events"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no display") && said.contains("sse tail"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
