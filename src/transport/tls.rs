//! TLS for `wss://`: the system's root certificates and, optionally, a CA file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, ErrorCode, Result};

/// A client configuration that trusts the system's roots and the certificates in `ca_file` (PEM).
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        return Err(Error::new(
            ErrorCode::InvalidOptions,
            "no root certificate was found on this system, so no wss:// server can be verified",
        )
        .hint("install the ca-certificates package or pass ca_file="));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorCode::Internal, format!("TLS setup failed: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<()> {
    let invalid = |what: String| {
        Error::new(
            ErrorCode::InvalidOptions,
            format!("ca_file {}: expected PEM certificates, {what}", path.display()),
        )
    };
    let mut added = 0;
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| invalid(format!("but it cannot be read: {error}")))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| invalid(format!("but got: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| invalid(format!("but one is not a CA certificate: {error}")))?;
        added += 1;
    }
    if added == 0 {
        return Err(invalid("but it holds none".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_named() {
        let path = std::env::temp_dir().join(format!("parhelion-ca-{}.pem", std::process::id()));
        std::fs::write(&path, "not a certificate").unwrap();
        let error = client_config(Some(&path)).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(error.code, ErrorCode::InvalidOptions);
        assert!(error.message.contains("ca_file") && error.message.contains("holds none"));
    }

    #[test]
    fn a_missing_ca_file_is_named() {
        let error = client_config(Some(Path::new("/no/such/file.pem"))).unwrap_err();
        assert!(error.message.contains("/no/such/file.pem"), "{}", error.message);
    }
}
