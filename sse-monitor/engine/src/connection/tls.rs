//! What is trusted.

use alloc::sync::Arc;
use std::{io, path::Path};

use rustls_platform_verifier::BuilderVerifierExt;
use sse_client::session::{Failure, FailureKind};
use thiserror::Error;
use tokio_rustls::rustls::{
    ClientConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{failure::of_tls, verifier::Verifier};

/// What is trusted, and who one is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// Any certificate will do.
    pub(crate) insecure: bool,
    /// Only what these certificates vouch for, instead of what the system trusts.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    /// The certificate to show, and its key.
    pub(crate) identity: Option<Arc<Identity>>,
}

/// A certificate with its key.
#[derive(Debug)]
pub(crate) struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why a file of certificates cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It cannot be read.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It has none.
    #[error("{file} has no {what} in PEM form (-----BEGIN ...)")]
    Missing {
        /// Which.
        file: String,
        /// What was looked for.
        what: &'static str,
    },
    /// Its key is encrypted.
    #[error(
        "the private key in {file} wants a password: give it without one (openssl pkey -in {file})"
    )]
    Encrypted {
        /// Which.
        file: String,
    },
}

pub(crate) fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    certificates(&read(file)?, file)
}

pub(crate) fn identity(certificate: &Path, key: &Path) -> Result<Identity, CertificateError> {
    let certificates = certificates(&read(certificate)?, certificate)?;
    let pem = read(key)?;
    let found = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        // Its header, or its label, says so.
        if memchr::memmem::find(&pem, b"ENCRYPTED").is_some() {
            CertificateError::Encrypted { file: key.display().to_string() }
        } else {
            missing(key, "private key")
        }
    })?;
    Ok(Identity { certificates, key: found })
}

fn certificates(pem: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().unwrap_or_default();
    if found.is_empty() { Err(missing(file, "certificate")) } else { Ok(found) }
}

fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(file)
        .map_err(|source| CertificateError::Unreadable { file: file.display().to_string(), source })
}

fn missing(file: &Path, what: &'static str) -> CertificateError {
    CertificateError::Missing { file: file.display().to_string(), what }
}

impl Trust {
    /// A configuration that offers HTTP/2 and HTTP/1.1.
    pub(crate) fn config(&self) -> Result<ClientConfig, Failure> {
        self.build().map_err(|error| {
            let message =
                format!("TLS cannot be set up with the certificates given: {}", of_tls(&error));
            Failure::new(FailureKind::Tls, message)
        })
    }

    /// A configuration that offers HTTP/1.1 alone: over it a tunnel is asked for.
    pub(crate) fn config_for_proxy(&self) -> Result<ClientConfig, Failure> {
        let mut config = self.config()?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn build(&self) -> Result<ClientConfig, tokio_rustls::rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = if self.insecure {
            let anyone = Verifier::of_anyone(provider);
            builder.dangerous().with_custom_certificate_verifier(Arc::new(anyone))
        } else if self.authorities.is_empty() {
            builder.with_platform_verifier()?
        } else {
            let given = Verifier::of_given(&self.authorities, provider)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(given))
        };
        let mut config = match &self.identity {
            Some(identity) => builder
                .with_client_auth_cert(identity.certificates.clone(), identity.key.clone_key())?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}
