//! Builds the window's page into `OUT_DIR`, and tells Tauri to take it from there: what is compiled in
//! is never older than its sources, and nothing built lies in the source tree.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// What the page is made from, below `ui/`. Never what the build writes, or it would not rest.
const SOURCES: [&str; 7] = [
    ".npmrc",
    "index.html",
    "package-lock.json",
    "package.json",
    "src",
    "svelte.config.js",
    "vite.config.ts",
];

fn main() -> ExitCode {
    // Whoever sets it points Tauri elsewhere, at vite's own server with its hot reload for one.
    if env::var_os("TAURI_CONFIG").is_none()
        && let Err(sentence) = take_page()
    {
        eprintln!("The window's page could not be built: {sentence}");
        return ExitCode::FAILURE;
    }
    tauri_build::build();
    ExitCode::SUCCESS
}

fn take_page() -> Result<(), String> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let ui = manifest.with_file_name("ui");
    let page = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("page");
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", ui.join(source).display());
    }
    if !installed(&ui) {
        npm(&ui, &["ci"])?;
    }
    let out_dir = page.to_str().ok_or("the path of the build folder is not UTF-8")?;
    npm(&ui, &["run", "build", "--", "--outDir", out_dir])?;
    let config = serde_json::json!({ "build": { "frontendDist": page } });
    println!("cargo:rustc-env=TAURI_CONFIG={config}");
    Ok(())
}

/// Whether npm's own record of what it installed is as new as the lock file.
fn installed(ui: &Path) -> bool {
    let age = |file: &str| fs::metadata(ui.join(file)).and_then(|metadata| metadata.modified());
    let newer =
        || Ok::<_, io::Error>(age("node_modules/.package-lock.json")? >= age("package-lock.json")?);
    newer().unwrap_or(false)
}

fn npm(ui: &Path, arguments: &[&str]) -> Result<(), String> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output =
        Command::new(program).args(arguments).current_dir(ui).output().map_err(|error| {
            format!("{program} did not start ({error}); install Node 20 or newer")
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "`npm {}` in {} ended with {}\n{}{}",
        arguments.join(" "),
        ui.display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}
