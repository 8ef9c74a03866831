//! Whether a server's certificate will do.

use alloc::sync::Arc;

use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{self, CryptoProvider},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

/// Trusts what some certificates vouch for, or anyone. Signatures are checked in either case.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None`: any certificate will do, as was asked for.
    given: Option<Given>,
    provider: Arc<CryptoProvider>,
}

/// Trusts what the certificates given vouch for; and, as curl does, a server that shows one of them itself: most that
/// sign themselves call themselves an authority, which is no server's by the letter.
#[derive(Debug)]
struct Given {
    certificates: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
}

impl Verifier {
    pub(super) const fn of_anyone(provider: Arc<CryptoProvider>) -> Self {
        Self { given: None, provider }
    }

    pub(super) fn of_given(
        certificates: &[CertificateDer<'static>],
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let given = Some(Given::new(certificates, Arc::clone(&provider))?);
        Ok(Self { given, provider })
    }
}

impl Given {
    fn new(
        certificates: &[CertificateDer<'static>],
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.clone())?;
        }
        let chains = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build();
        let chains = chains.map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { certificates: certificates.to_vec(), chains })
    }

    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.chains.verify_server_cert(certificate, chain, name, ocsp, now);
        match verified {
            Err(error) if is_on_its_own(&error) && self.certificates.contains(certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }
}

/// Whether all that is wrong is that nobody else vouches for it. What is looked at before, its times among it, was
/// in order then.
fn is_on_its_own(error: &Error) -> bool {
    let Error::InvalidCertificate(error) = error else { return false };
    if let CertificateError::Other(other) = error {
        return other.0.to_string() == "CaUsedAsEndEntity";
    }
    *error == CertificateError::UnknownIssuer
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.given {
            None => Ok(ServerCertVerified::assertion()),
            Some(given) => given.verify(certificate, chain, name, ocsp, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
