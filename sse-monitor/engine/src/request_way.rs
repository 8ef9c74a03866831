//! The parts of a request that say which way it goes and whom it trusts, and what of ours it leaves out.

use alloc::sync::Arc;
use std::path::Path;

use http::HeaderName;

use crate::{
    connection::{self, CertificateError},
    request::{HeaderFault, RequestError, WatchRequest},
};

impl WatchRequest {
    /// Goes through this proxy instead of what the environment names (`HTTPS_PROXY` and the like, as
    /// curl reads them): `http://proxy:3128`, `https://`, `socks5://`, or `socks5h://`, which looks the
    /// host's name up itself. User and password may stand before its host.
    ///
    /// # Errors
    /// [`RequestError::Proxy`] if it is none that can be gone through.
    pub fn proxy(mut self, proxy: &str) -> Result<Self, RequestError> {
        connection::check_proxy(proxy).map_err(|reason| RequestError::Proxy { reason })?;
        self.proxy.url = Some(proxy.into());
        Ok(self)
    }

    /// Tells the proxy `user:password`.
    pub fn proxy_user(mut self, user: &str) -> Self {
        self.proxy.user = Some(user.into());
        self
    }

    /// Goes to these hosts without a proxy, instead of those that `NO_PROXY` names: names with all
    /// beneath them, addresses, networks, with commas between; `*` is all.
    pub fn no_proxy(mut self, hosts: &str) -> Self {
        self.proxy.no_proxy = Some(hosts.into());
        self
    }

    /// Trusts any certificate of an `https://` proxy.
    pub const fn proxy_insecure(mut self, wanted: bool) -> Self {
        self.proxy.insecure = wanted;
        self
    }

    /// Trusts what the certificates in this file (PEM) vouch for, of an `https://` proxy.
    ///
    /// # Errors
    /// [`CertificateError`] if there are none in it.
    pub fn proxy_authorities(mut self, file: &Path) -> Result<Self, CertificateError> {
        self.proxy.authorities = connection::authorities(file)?;
        Ok(self)
    }

    /// Trusts any certificate: for servers of one's own that have none.
    pub const fn insecure(mut self, wanted: bool) -> Self {
        self.trust.insecure = wanted;
        self
    }

    /// Trusts what the certificates in this file (PEM) vouch for, instead of what the system trusts.
    ///
    /// # Errors
    /// [`CertificateError`] if there are none in it.
    pub fn authorities(mut self, file: &Path) -> Result<Self, CertificateError> {
        self.trust.authorities = connection::authorities(file)?;
        Ok(self)
    }

    /// Shows the certificate in this file (PEM), with the key in that one; they may be the same.
    ///
    /// # Errors
    /// [`CertificateError`] if either is missing.
    pub fn identity(mut self, certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        self.trust.identity = Some(Arc::new(connection::identity(certificate, key)?));
        Ok(self)
    }

    /// Does not send this header, which would be sent unasked, such as `Accept`.
    ///
    /// # Errors
    /// [`RequestError::Header`] if it is no header's name.
    pub fn without_header(mut self, name: &str) -> Result<Self, RequestError> {
        let refused =
            |_| RequestError::Header { name: name.trim().into(), fault: HeaderFault::Name };
        self.without.push(HeaderName::try_from(name.trim()).map_err(refused)?);
        Ok(self)
    }
}
