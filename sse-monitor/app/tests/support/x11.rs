//! What a window manager does, of which a bare display has none, and a mouse.

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::{
        xproto::{
            AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, CLIENT_MESSAGE_EVENT,
            ClientMessageEvent, ConnectionExt as _, EventMask, ImageFormat, MOTION_NOTIFY_EVENT,
            MapState, Window,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

/// The button of a mouse that a turn of its wheel away from the hand is.
const WHEEL_UP: u8 = 4;

/// Asks the window of a process to close, as the button on its frame does.
pub(crate) fn ask_to_close(display: Option<&str>, process: u32) {
    let asked = try_to_close(display, process).expect("the display answers");
    assert!(asked > 0, "process {process} has no window that can be asked to close");
}

/// The same of one that may be closing. Gives how many of its windows were asked.
pub(crate) fn try_to_close(display: Option<&str>, process: u32) -> Result<usize, ReplyError> {
    let (connection, screen) = x11rb::connect(display).expect("the display can be reached");
    let root = connection.setup().roots[screen].root;
    ask_each_of(&connection, root, process)
}

/// Turns the wheel of the mouse up by a notch, at `x` and `y` of the window of a process.
pub(crate) fn wheel_up(display: Option<&str>, process: u32, [x, y]: [i16; 2]) {
    let (connection, screen) = x11rb::connect(display).expect("the display can be reached");
    let root = connection.setup().roots[screen].root;
    let turn = || -> Result<(), ReplyError> {
        let window = window_in_sight(&connection, root, process)?;
        let at = connection.translate_coordinates(window, root, x, y)?.reply()?;
        let input = |kind, button, x, y| {
            let now = x11rb::CURRENT_TIME;
            connection.xtest_fake_input(kind, button, now, root, x, y, 0)?.check()
        };
        input(MOTION_NOTIFY_EVENT, 0, at.dst_x, at.dst_y)?;
        input(BUTTON_PRESS_EVENT, WHEEL_UP, 0, 0)?;
        input(BUTTON_RELEASE_EVENT, WHEEL_UP, 0, 0)
    };
    turn().expect("the display answers");
}

/// The colour that is seen at `x` and `y` of the window of a process, as `#rrggbb`.
pub(crate) fn colour(display: Option<&str>, process: u32, [x, y]: [i16; 2]) -> String {
    let (connection, screen) = x11rb::connect(display).expect("the display can be reached");
    let root = connection.setup().roots[screen].root;
    let look = || -> Result<Vec<u8>, ReplyError> {
        let window = window_in_sight(&connection, root, process)?;
        let image = connection.get_image(ImageFormat::Z_PIXMAP, window, x, y, 1, 1, u32::MAX)?;
        Ok(image.reply()?.data)
    };
    let pixel = look().expect("the display answers");
    let [blue, green, red] = *pixel.first_chunk().expect("a pixel of 24 bits");
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Among them is one that is never seen, which does not listen.
fn ask_each_of(
    connection: &RustConnection,
    root: Window,
    process: u32,
) -> Result<usize, ReplyError> {
    let (protocols, delete) =
        (atom(connection, "WM_PROTOCOLS")?, atom(connection, "WM_DELETE_WINDOW")?);
    let mut asked = 0;
    for window in windows_of(connection, root, process)? {
        if values(connection, window, protocols, AtomEnum::ATOM)?.contains(&delete) {
            let message = ClientMessageEvent {
                response_type: CLIENT_MESSAGE_EVENT,
                format: 32,
                sequence: 0,
                window,
                type_: protocols,
                data: [delete, x11rb::CURRENT_TIME, 0, 0, 0].into(),
            };
            connection.send_event(false, window, EventMask::NO_EVENT, message)?;
            asked += 1;
        }
    }
    connection.sync()?;
    Ok(asked)
}

/// The window of a process that is seen.
fn window_in_sight(
    connection: &RustConnection,
    root: Window,
    process: u32,
) -> Result<Window, ReplyError> {
    for window in windows_of(connection, root, process)? {
        let attributes = connection.get_window_attributes(window)?.reply()?;
        if attributes.map_state == MapState::VIEWABLE {
            return Ok(window);
        }
    }
    panic!("process {process} has no window in sight");
}

/// The windows of a process.
fn windows_of(
    connection: &RustConnection,
    root: Window,
    process: u32,
) -> Result<Vec<Window>, ReplyError> {
    let owner = atom(connection, "_NET_WM_PID")?;
    let mut windows = Vec::new();
    for window in connection.query_tree(root)?.reply()?.children {
        if values(connection, window, owner, AtomEnum::CARDINAL)? == [process] {
            windows.push(window);
        }
    }
    Ok(windows)
}

fn atom(connection: &RustConnection, name: &str) -> Result<u32, ReplyError> {
    Ok(connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
}

fn values(
    connection: &RustConnection,
    window: Window,
    property: u32,
    kind: AtomEnum,
) -> Result<Vec<u32>, ReplyError> {
    let reply = connection.get_property(false, window, property, kind, 0, 32)?.reply()?;
    Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
}
