//! Whether there is a stdout at all.

/// Whether the program was started without one, as by `>&-`.
///
/// By the time a program runs, its runtime has put `/dev/null` in the place of what was closed, opened to
/// read and write. A shell's `>/dev/null` is opened to write only; a daemon's is as the runtime's, but then
/// its stdin is too.
#[cfg(target_os = "linux")]
pub(crate) fn is_closed() -> bool {
    is_put_there(1) && !is_put_there(0)
}

#[cfg(target_os = "linux")]
fn is_put_there(descriptor: u8) -> bool {
    const ACCESS: u32 = 0o3;
    const READ_WRITE: u32 = 0o2;
    let is_null = std::fs::read_link(format!("/proc/self/fd/{descriptor}"))
        .is_ok_and(|target| target == std::path::Path::new("/dev/null"));
    let flags = || {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u32::from_str_radix(flags.trim(), 8).ok()
    };
    is_null && flags().is_some_and(|flags| flags & ACCESS == READ_WRITE)
}

/// Elsewhere it cannot be told.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_closed() -> bool {
    false
}
