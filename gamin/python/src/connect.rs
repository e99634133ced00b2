//! How a connection is opened: the one place that decides it, for all of the module.

/// Opens a connection to the session that the environment names, and starts its server if there is none.
pub(crate) fn open() -> Result<gamin::Connection, gamin::Error> {
    gamin::Connection::open()
}
