//! A cipher, a mode, a key or a protocol that is broken.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "weak-cryptography",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-327", "CWE-326", "CWE-329"],
    languages: EVERY,
    run,
};

const RSA_BITS_MIN: u64 = 2048;

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        if let Some(why) = cipher(code, call) {
            reports.add(call, format!("`{}` {why}", short(code, call)));
        } else if let Some(iv) = fixed_iv(code, call) {
            reports.add(
                call,
                format!(
                    "`{}` is the same every time, so equal beginnings can be seen",
                    short(code, iv)
                ),
            );
        } else if let Some(bits) = short_key(code, call) {
            reports.add(call, format!("a key of {bits} bits can be broken"));
        }
        signature(code, call, reports);
    }
    for kind in [Kind::Member, Kind::Name] {
        for id in source.of_kind(kind) {
            if let Some(why) = protocol(code, *id) {
                reports.add(*id, format!("`{}` {why}", short(code, *id)));
            }
        }
    }
    for setting in settings(code) {
        let text = code.text(setting.value).unwrap_or("");
        let old = match setting.name {
            "minVersion" => matches!(text, "TLSv1" | "TLSv1.1" | "SSLv3"),
            "secureProtocol" => matches!(
                text,
                "TLSv1_method"
                    | "TLSv1_1_method"
                    | "SSLv3_method"
                    | "SSLv2_method"
                    | "SSLv23_method"
                    | "TLSv1_server_method"
                    | "TLSv1_client_method"
            ),
            _ => false,
        };
        if old {
            reports.add(
                setting.node,
                format!("`{}` speaks a protocol that is broken", short(code, setting.node)),
            );
        }
    }
}

fn cipher(code: Code<'_>, call: NodeId) -> Option<&'static str> {
    let path = code.path(call);
    const BROKEN: &str = "is a cipher that is broken";
    const ECB: &str = "shows which blocks are equal: in this mode equal text stays equal";
    let base = path
        .strip_prefix("Cryptodome.")
        .or(path.strip_prefix("Crypto."))
        .unwrap_or(path);
    match base {
        "Cipher.DES.new"
        | "Cipher.DES3.new"
        | "Cipher.ARC4.new"
        | "Cipher.ARC2.new"
        | "Cipher.Blowfish.new"
        | "Cipher.XOR.new"
        | "des.NewCipher"
        | "des.NewTripleDESCipher"
        | "rc4.NewCipher"
        | "blowfish.NewCipher" => return Some(BROKEN),
        _ => {}
    }
    if base.starts_with("cryptography.hazmat")
        && matches!(
            code.called(call),
            "TripleDES" | "ARC4" | "Blowfish" | "IDEA" | "CAST5" | "SEED"
        )
    {
        return Some(BROKEN);
    }
    if base.ends_with("modes.ECB") && base.starts_with("cryptography") {
        return Some(ECB);
    }
    if code.called(call) == "new"
        && code.args(call).iter().any(|arg| {
            let path = code.path_of(*arg);
            path.ends_with("MODE_ECB") && (path.starts_with("Crypto") || path == "AES.MODE_ECB")
        })
    {
        return Some(ECB);
    }
    if base.starts_with("CryptoJS.") || base.starts_with("crypto-js") {
        if base.contains(".DES.")
            || base.contains(".TripleDES.")
            || base.contains(".RC4.")
            || base.contains(".Rabbit.")
        {
            return Some(BROKEN);
        }
        if code
            .option(call, "mode")
            .is_some_and(|mode| code.last_name(mode) == "ECB")
        {
            return Some(ECB);
        }
    }
    match base {
        "crypto.createCipher" | "crypto.createDecipher" => {
            return Some("makes the key from the password by MD5, and no vector at all");
        }
        "crypto.createCipheriv" => {
            let name = code
                .arg(call, 0)
                .and_then(|name| code.text(name))?
                .to_ascii_lowercase();
            if name.contains("ecb") {
                return Some(ECB);
            }
            if name.starts_with("des")
                || name.starts_with("rc4")
                || name.starts_with("rc2")
                || name.starts_with("bf")
                || name == "blowfish"
            {
                return Some(BROKEN);
            }
        }
        _ => {}
    }
    None
}

/// A vector that is a literal: all encryptions under one key begin alike.
fn fixed_iv(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let path = code.path(call);
    let base = path
        .strip_prefix("Cryptodome.")
        .or(path.strip_prefix("Crypto."))
        .unwrap_or(path);
    let iv = match base {
        "Cipher.AES.new" => code
            .option(call, "iv")
            .or_else(|| code.option(call, "IV"))
            .or_else(|| code.option(call, "nonce"))
            .or_else(|| code.arg(call, 2)),
        "crypto.createCipheriv" => code.arg(call, 2),
        "cipher.NewCBCEncrypter" | "cipher.NewCFBEncrypter" | "cipher.NewCTR" | "cipher.NewOFB" => {
            code.arg(call, 1)
        }
        _ if base.starts_with("cryptography")
            && matches!(code.called(call), "CBC" | "CTR" | "GCM" | "CFB" | "OFB") =>
        {
            code.arg(call, 0)
        }
        _ => match code.called(call) {
            // `gcm.Seal(nil, nonce, …)`, `AESGCM(key).encrypt(nonce, …)`
            "Seal" => code.arg(call, 1),
            "encrypt"
                if code.receiver(call).is_some_and(|of| {
                    code.is_call(code.set_to(of).unwrap_or(of))
                        && code.called(code.set_to(of).unwrap_or(of)) == "AESGCM"
                }) =>
            {
                code.arg(call, 0)
            }
            // `self._aead.encrypt(NONCE, text, None)`
            "encrypt"
                if code.args(call).len() >= 3
                    && code.imports("cryptography.hazmat.primitives.ciphers.aead") =>
            {
                code.arg(call, 0)
            }
            _ => None,
        },
    }?;
    is_same_each_time(code, iv).then_some(iv)
}

fn is_same_each_time(code: Code<'_>, id: NodeId) -> bool {
    let id = code.literal(code.bare(id));
    let made = code.set_to(id).unwrap_or(id);
    match code.kind(made) {
        Kind::Str => !code.name(made).is_empty(),
        Kind::Binary => {
            matches!(code.name(made), "*" | "+")
                && code
                    .tree
                    .children(made)
                    .all(|side| matches!(code.kind(side), Kind::Str | Kind::Num))
        }
        Kind::Call | Kind::New => {
            let path = code.path(made);
            if path == "Buffer.alloc"
                || path == "Uint8Array"
                || path == "bytes" && code.arg(made, 0).is_some_and(|size| code.number(size).is_some())
            {
                return !filled_later(code, id, made);
            }
            if path == "make" {
                return code.args(made).len() == 2 && !filled_later(code, id, made);
            }
            if path == "Buffer.from"
                || code.called(made) == "encode"
                || code.tree.source(made).starts_with("[]byte(")
                || path == "bytes.fromhex"
            {
                let of = if code.called(made) == "encode" {
                    code.receiver(made)
                } else {
                    code.arg(made, 0)
                };
                return of.is_some_and(|of| code.kind(code.literal(of)) == Kind::Str);
            }
            false
        }
        Kind::Composite => {
            code.tree
                .children(made)
                .all(|item| matches!(code.kind(item), Kind::Num | Kind::Type))
                && code.tree.children(made).count() > 1
        }
        _ => false,
    }
}

/// `rand.Read(iv)`, `io.ReadFull(rand.Reader, iv)`, `crypto.getRandomValues(iv)`, `copy(iv, …)`.
fn filled_later(code: Code<'_>, name: NodeId, made: NodeId) -> bool {
    if code.kind(name) != Kind::Name {
        return false;
    }
    let function = code.function(name).unwrap_or(NodeId::ROOT);
    let wanted = code.name(name);
    code.tree.subtree(function).any(|id| {
        (code.is_call(id)
            && code.tree.span(id).start > code.tree.span(made).end
            && (has_word(
                code.called(id),
                &["read", "full", "fill", "values", "copy", "rand", "random", "put"],
            ) || code.tree.source(id).contains("rand"))
            && code
                .tree
                .children_in(id, Role::Arg)
                .any(|arg| code.mentions(arg, |name| name == wanted)))
            || code.kind(id) == Kind::Assign
                && code.child(id, Role::Target).is_some_and(|target| {
                    code.kind(target) == Kind::Index && code.first_name(target) == wanted
                })
    })
}

fn short_key(code: Code<'_>, call: NodeId) -> Option<u64> {
    let path = code.path(call);
    let base = path
        .strip_prefix("Cryptodome.")
        .or(path.strip_prefix("Crypto."))
        .unwrap_or(path);
    let bits = match base {
        "PublicKey.RSA.generate" | "PublicKey.DSA.generate" | "paramiko.RSAKey.generate" => {
            code.arg(call, 0).or_else(|| code.option(call, "bits"))
        }
        "rsa.GenerateKey" => code.arg(call, 1),
        "crypto.generateKeyPair" | "crypto.generateKeyPairSync" => code.option(call, "modulusLength"),
        "rsa.newkeys" => code.arg(call, 0),
        _ if code.called(call) == "generate_private_key" => {
            code.option(call, "key_size").or_else(|| code.arg(call, 1))
        }
        _ => None,
    }?;
    code.number(bits).filter(|bits| {
        (256..RSA_BITS_MIN).contains(bits)
            && code
                .args(call)
                .iter()
                .all(|arg| !code.text(*arg).is_some_and(|text| text.starts_with("ec")))
    })
}

/// Signatures over MD5 and SHA-1.
fn signature(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let path = code.path(call);
    let name = match path {
        "crypto.createSign" | "crypto.createVerify" => code.arg(call, 0).and_then(|name| code.text(name)),
        _ => None,
    };
    if let Some(name) = name {
        let lower = name.to_ascii_lowercase();
        if lower.contains("md5") || lower.ends_with("sha1") {
            reports.add(
                call,
                format!("two texts with the same `{name}` can be made, and so with the same signature"),
            );
        }
        return;
    }
    if matches!(path, "rsa.SignPKCS1v15" | "rsa.SignPSS")
        && code
            .args(call)
            .iter()
            .any(|arg| matches!(code.last_name(*arg), "MD5" | "SHA1"))
    {
        reports.add(
            call,
            format!(
                "two texts with the same hash can be made, and so with the same signature: `{}`",
                short(code, call)
            ),
        );
    }
    if code.called(call) == "sign" && code.tree.language() == Language::Python {
        let old = code.args(call).iter().any(|arg| {
            code.is_call(*arg) && matches!(code.path(*arg).rsplit('.').next(), Some("SHA1" | "MD5"))
        });
        if old {
            reports.add(
                call,
                format!(
                    "two texts with the same hash can be made, and so with the same signature: `{}`",
                    short(code, call)
                ),
            );
        }
    }
    // A keyed MD5 is not broken yet, and new code has no reason for it.
    let keyed = matches!(path, "hmac.new" | "hmac.New" | "crypto.createHmac")
        && code.tree.children_in(call, Role::Arg).any(|arg| {
            let of = if code.kind(arg) == Kind::Keyword {
                code.child(arg, Role::Value).unwrap_or(arg)
            } else {
                arg
            };
            matches!(code.path_of(of).as_str(), "hashlib.md5" | "md5.New") || code.text(of) == Some("md5")
        });
    if keyed {
        reports.note(call, format!("`{}` is built on MD5", short(code, call)));
    }
}

/// `ssl.PROTOCOL_TLSv1`, `tls.VersionTLS10` as the least that is spoken.
fn protocol(code: Code<'_>, id: NodeId) -> Option<&'static str> {
    const OLD: &str = "is a protocol that is broken";
    match code.path_of(id).as_str() {
        "ssl.PROTOCOL_SSLv2" | "ssl.PROTOCOL_SSLv3" | "ssl.PROTOCOL_TLSv1" | "ssl.PROTOCOL_TLSv1_1" => {
            // Tables of what there is, and what asks for the version, choose none.
            let chosen = code.tree.parent(id).is_some_and(|parent| {
                code.is_call(parent) && matches!(code.called(parent), "SSLContext" | "wrap_socket")
                    || code.kind(parent) == Kind::Keyword && matches!(code.name(parent), "ssl_version")
            });
            chosen.then_some(OLD)
        }
        "ssl.TLSVersion.TLSv1"
        | "ssl.TLSVersion.TLSv1_1"
        | "ssl.TLSVersion.SSLv3"
        | "tls.VersionTLS10"
        | "tls.VersionTLS11"
        | "tls.VersionSSL30" => {
            let parent = code.tree.parent(id)?;
            let name = match code.kind(parent) {
                Kind::Assign => code
                    .child(parent, Role::Target)
                    .map_or("", |target| code.last_name(target)),
                Kind::Pair => code.key(parent).unwrap_or(""),
                _ => "",
            };
            matches!(name, "minimum_version" | "MinVersion").then_some(OLD)
        }
        _ => None,
    }
}
