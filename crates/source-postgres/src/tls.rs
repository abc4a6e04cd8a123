//! TLS for connections to a server, as libpq protects them.

use crate::fault::usage;
use crate::location::{Location, SslMode};
use crate::merge::{Merging, Opening};
use aws_lc_rs::digest;
use datakeep_connector::ConnectorError;
use datakeep_model::escape_for_terminal;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};

/// What makes connections to servers secret, and their servers known, as far as the location asks for it.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// As the location asks for it.
    pub fn new(location: &Location) -> Result<Self, ConnectorError> {
        let crypto = Arc::new(provider::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()
            .map_err(|error| usage(format!("cannot prepare TLS: {error}")))?;
        let roots = location.file("sslrootcert").filter(|path| path.as_os_str() != "system");
        let mode = match (location.ssl_mode(), &roots) {
            // As libpq has it: a root that is named is meant to be used.
            (SslMode::Require, Some(_)) => SslMode::VerifyCa,
            (mode, _) => mode,
        };
        let verifier = Verifier::new(mode, roots.as_deref(), crypto)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let config = match (location.file("sslcert"), location.file("sslkey")) {
            (Some(certificate), Some(key)) => builder
                .with_client_auth_cert(certificates(&certificate)?, private_key(&key)?)
                .map_err(|error| usage(format!("cannot use the certificate of the client: {error}")))?,
            (None, None) => builder.with_no_client_auth(),
            _ => return Err(usage("sslcert and sslkey belong together: give both")),
        };
        Ok(Self(Arc::new(config)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectorError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let shown = || escape_for_terminal(path.as_os_str().as_encoded_bytes());
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(usage(format!("{} holds no certificate", shown()))),
        Err(error) => Err(usage(format!("cannot read the certificates in {}: {error}", shown()))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConnectorError> {
    let shown = || escape_for_terminal(path.as_os_str().as_encoded_bytes());
    // Its words may quote what they could not read.
    PrivateKeyDer::from_pem_file(path).map_err(|_| usage(format!("cannot read the key in {}", shown())))
}

/// Judges a server's certificate.
#[derive(Debug)]
struct Verifier {
    /// Who it must be signed by; `None` where the server is believed.
    roots: Option<Arc<WebPkiServerVerifier>>,
    /// True when it must be of the host's name.
    needs_name: bool,
    crypto: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(mode: SslMode, file: Option<&Path>, crypto: Arc<CryptoProvider>) -> Result<Self, ConnectorError> {
        let roots = match mode {
            SslMode::VerifyCa | SslMode::VerifyFull => {
                let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(file)?), Arc::clone(&crypto));
                let built = builder.build();
                Some(built.map_err(|error| usage(format!("cannot use the root certificates: {error}")))?)
            }
            _ => None,
        };
        Ok(Self { roots, needs_name: mode == SslMode::VerifyFull, crypto })
    }
}

/// The authorities that a file names, or else those of this system.
fn roots(file: Option<&Path>) -> Result<RootCertStore, ConnectorError> {
    let found = match file {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found);
    if store.is_empty() {
        return Err(usage("no root certificate can be used").with_hint("name a file of certificates with sslrootcert"));
    }
    Ok(store)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        match roots.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The chain is judged before the name: this error says that all else is in order.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.needs_name => Ok(ServerCertVerified::assertion()),
            Ok(verified) if self.needs_name => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name).map(|()| verified)
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.crypto.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.crypto.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = TlsStream<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        // A socket has no name, and is never asked for one: TLS is not spoken there.
        let host = if host.is_empty() { "localhost" } else { host };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| io::Error::other("the host has no valid name"))?;
        Ok(Handshake { config: Arc::clone(&self.0), name })
    }
}

/// A handshake about to be done.
pub(crate) struct Handshake {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = TlsStream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TlsStream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connecting = tokio_rustls::TlsConnector::from(self.config).connect(self.name, stream);
        Box::pin(async move { connecting.await.map(|stream| TlsStream(Merging::new(stream, Opening::None))) })
    }
}

/// A connection under TLS.
pub(crate) struct TlsStream<S>(Merging<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> tokio_postgres::tls::TlsStream for TlsStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        let certificates = self.0.inner().get_ref().1.peer_certificates();
        let bound = certificates.and_then(<[_]>::first).and_then(|certificate| endpoint_hash(certificate));
        bound.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The hash that binds a login to the certificate of its server (RFC 5929, section 4.1): by the hash of the certificate's own
/// signature, or SHA-256 where that is weaker. `None` where the signature names no hash.
fn endpoint_hash(certificate: &[u8]) -> Option<Vec<u8>> {
    // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { algorithm OID, ... }, ... } (RFC 5280)
    let (_, rest) = take_der(0x30, take_der(0x30, certificate)?.0)?;
    let (oid, _) = take_der(0x06, take_der(0x30, rest)?.0)?;
    let algorithm = match oid {
        // RSA with MD5, SHA-1, SHA-256, SHA-384, SHA-512: 1.2.840.113549.1.1.{4,5,11,12,13}
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04 | 0x05 | 0x0b] => &digest::SHA256,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c] => &digest::SHA384,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d] => &digest::SHA512,
        // ECDSA with SHA-1: 1.2.840.10045.4.1; with SHA-256, SHA-384, SHA-512: 1.2.840.10045.4.3.{2,3,4}
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02] => {
            &digest::SHA256
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => &digest::SHA384,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// The content of the DER value of this kind at the beginning, and what follows it.
fn take_der(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (len, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}
