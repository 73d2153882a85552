//! An authority of a test's own, and the certificates that it signs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, SanType,
};
use safeguard_api::config::TlsFiles;

pub struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, in a folder that goes with it.
pub struct Signed {
    pub files: TlsFiles,
    _folder: tempfile::TempDir,
}

impl Authority {
    /// Keeps what it makes in this folder.
    pub fn within(folder: &Path) -> Authority {
        let mut made = CertificateParams::new([]).unwrap();
        // Two authorities have two names, as in life.
        made.distinguished_name = named(&format!("The authority of {}", folder.display()));
        made.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(made, KeyPair::generate().unwrap()).unwrap();
        let authority = Authority {
            folder: folder.to_owned(),
            issuer,
        };
        std::fs::write(authority.file(), authority.issuer.pem()).unwrap();
        authority
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Signs a certificate of a client, whose common name this is.
    pub fn client(&self, name: &str) -> Signed {
        self.client_with(name, |_| ())
    }

    pub fn client_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let mut made = CertificateParams::new([]).unwrap();
        made.distinguished_name = named(name);
        made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut made);
        let key = KeyPair::generate().unwrap();
        let certificate = made.signed_by(&key, &self.issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("client.pem"),
            key: folder.path().join("client.key"),
        };
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        // psql takes no key that others may read.
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
        Signed {
            files,
            _folder: folder,
        }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

pub fn host(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub fn mail(name: &str) -> SanType {
    SanType::Rfc822Name(name.try_into().unwrap())
}

pub fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}
