//! What a window manager does, of which a bare display has none.

use x11rb::{
    connection::Connection,
    errors::ReplyError,
    protocol::xproto::{
        AtomEnum, CLIENT_MESSAGE_EVENT, ClientMessageEvent, ConnectionExt as _, EventMask, Window,
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

/// Asks the window of a process to close, as the button on its frame does.
pub(crate) fn ask_to_close(display: Option<&str>, process: u32) {
    let (connection, screen) = x11rb::connect(display).expect("the display can be reached");
    let root = connection.setup().roots[screen].root;
    let asked = ask_each_of(&connection, root, process).expect("the display answers");
    assert!(asked > 0, "process {process} has no window that can be asked to close");
}

/// Among them is one that is never seen, which does not listen.
fn ask_each_of(
    connection: &RustConnection,
    root: Window,
    process: u32,
) -> Result<usize, ReplyError> {
    let atom = |name: &str| -> Result<u32, ReplyError> {
        Ok(connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
    };
    let (owner, protocols) = (atom("_NET_WM_PID")?, atom("WM_PROTOCOLS")?);
    let delete = atom("WM_DELETE_WINDOW")?;
    let values = |window, property, kind: AtomEnum| -> Result<Vec<u32>, ReplyError> {
        let reply = connection.get_property(false, window, property, kind, 0, 32)?.reply()?;
        Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
    };
    let mut asked = 0;
    for window in connection.query_tree(root)?.reply()?.children {
        if values(window, owner, AtomEnum::CARDINAL)? == [process]
            && values(window, protocols, AtomEnum::ATOM)?.contains(&delete)
        {
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
