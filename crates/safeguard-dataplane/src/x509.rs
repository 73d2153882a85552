//! What is read of certificates: the hash that a login binds to, and whom they name.

use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Decode as _, Tag, TagNumber, Tagged as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierOwned;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SHA_1: &str = "1.3.14.3.2.26";

/// A hash, by the signatures that are made of it and by its own name.
struct Hash {
    named: &'static [&'static str],
    of: fn(&[u8]) -> Vec<u8>,
}

/// RFC 5929: what MD5 or SHA-1 has signed is hashed by SHA-256 nevertheless.
const HASHES: &[Hash] = &[
    Hash {
        // RSA and ECDSA with MD5 or SHA-1, the two themselves; then those with SHA-256, and itself.
        named: &[
            "1.2.840.113549.1.1.4",
            "1.2.840.113549.1.1.5",
            "1.2.840.10045.4.1",
            "1.2.840.113549.2.5",
            SHA_1,
            "1.2.840.113549.1.1.11",
            "1.2.840.10045.4.3.2",
            "2.16.840.1.101.3.4.2.1",
        ],
        of: |bytes| Sha256::digest(bytes).to_vec(),
    },
    Hash {
        named: &[
            "1.2.840.113549.1.1.14",
            "1.2.840.10045.4.3.1",
            "2.16.840.1.101.3.4.2.4",
        ],
        of: |bytes| Sha224::digest(bytes).to_vec(),
    },
    Hash {
        named: &[
            "1.2.840.113549.1.1.12",
            "1.2.840.10045.4.3.3",
            "2.16.840.1.101.3.4.2.2",
        ],
        of: |bytes| Sha384::digest(bytes).to_vec(),
    },
    Hash {
        named: &[
            "1.2.840.113549.1.1.13",
            "1.2.840.10045.4.3.4",
            "2.16.840.1.101.3.4.2.3",
        ],
        of: |bytes| Sha512::digest(bytes).to_vec(),
    },
];

/// Hashes a server's certificate, as `tls-server-end-point` of RFC 5929 does; none where its signature names no hash, as
/// those of Ed25519 do not, which PostgreSQL does not bind to either.
pub fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let read = Certificate::from_der(certificate).ok()?;
    let hash = signed_hash(&read.signature_algorithm)?;
    let hash = HASHES.iter().find(|one| one.named.contains(&hash.as_str()))?;
    Some((hash.of)(certificate))
}

fn signed_hash(algorithm: &AlgorithmIdentifierOwned) -> Option<String> {
    if algorithm.oid != RSA_PSS {
        return Some(algorithm.oid.to_string());
    }
    // RFC 4055: the first parameter names the hash; without, it is SHA-1.
    let Some(parameters) = &algorithm.parameters else {
        return Some(SHA_1.to_owned());
    };
    let fields: Vec<Any> = parameters.decode_as().ok()?;
    let first = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber::N0,
    };
    match fields.iter().find(|field| field.tag() == first) {
        None => Some(SHA_1.to_owned()),
        Some(field) => {
            let hash = AlgorithmIdentifierOwned::from_der(field.value()).ok()?;
            Some(hash.oid.to_string())
        }
    }
}

/// The names in a certificate by which somebody may be known: its common names, and of its alternative names those of
/// hosts, mail and URIs. None of a certificate that can not be read.
pub fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let subject = &certificate.tbs_certificate;
    let common = subject.subject.0.iter().flat_map(|one| one.0.iter());
    let common = common.filter(|attribute| attribute.oid == COMMON_NAME);
    let mut names: Vec<String> = common.filter_map(|name| text(&name.value)).collect();
    // A list of alternative names that can not be read has none.
    if let Ok(Some((_, SubjectAltName(alternatives)))) = subject.get::<SubjectAltName>() {
        names.extend(alternatives.iter().filter_map(|name| match name {
            GeneralName::DnsName(name)
            | GeneralName::Rfc822Name(name)
            | GeneralName::UniformResourceIdentifier(name) => Some(name.to_string()),
            _ => None,
        }));
    }
    names
}

/// A text of a kind that is UTF-8 or a part of it.
fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            String::from_utf8(value.value().to_vec()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// Nothing is taken from what is cut off or changed, and nothing is read past its end.
    #[test]
    fn what_is_not_a_certificate_names_nobody() {
        let made = CertificateParams::new(["coder.acme.example".to_owned()]).unwrap();
        let made = made.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let whole = made.der();
        assert!(names(whole).contains(&"coder.acme.example".to_owned()));
        assert_eq!(end_point(whole), Some(Sha256::digest(whole).to_vec()));
        for length in 0..whole.len() {
            let cut = CertificateDer::from(&whole[..length]);
            assert_eq!((names(&cut), end_point(&cut)), (Vec::new(), None), "{length}");
        }
        let longer = CertificateDer::from([whole, &[0][..]].concat());
        assert_eq!((names(&longer), end_point(&longer)), (Vec::new(), None));
    }
}
